#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is told of attacks: remembered on disk over restarts and kills, given to the on-attack command,
# to events and to the journal; and what happens when any of that fails: an event, nothing else.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000
HOOK=

# hook_write() - a command that keeps what it was told; $1 is its last line.
hook_write() {
	mkdir -p "$LAB_TMP/told"
	cat >"$HOOK" <<-END
		#!/bin/sh
		cd "$LAB_TMP/told" || exit 1
		cat >"\$TCPGUARD_ATTACK.\$TCPGUARD_EVENT.json"
		env >"\$TCPGUARD_ATTACK.\$TCPGUARD_EVENT.env"
		echo "\$TCPGUARD_ATTACK \$TCPGUARD_EVENT \$*" >>order
		${1:-}
	END
	chmod 755 "$HOOK"
}

# wrapper_write() - the daemon behind a small disk of its own and a journal of ours; ip netns exec has
# given it a mount namespace that goes with it.
wrapper_write() {
	cat >"$LAB_TMP/journal.py" <<-END
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("/run/systemd/journal/socket")
		s.settimeout(0.2)
		parent = os.getppid()
		with open(sys.argv[1], "ab", 0) as log:
		    while os.getppid() == parent:
		        try:
		            log.write(s.recv(65536) + b"\n")
		        except socket.timeout:
		            pass
	END
	cat >"$LAB_TMP/guarded" <<-END
		#!/bin/sh
		mount -t tmpfs -o size=64k none "$LAB_TMP/small" || exit 1
		mount -t tmpfs none /run && mkdir -p /run/systemd/journal || exit 1
		python3 "$LAB_TMP/journal.py" "$LAB_TMP/journal.log" &
		while ! [ -S /run/systemd/journal/socket ]; do sleep 0.05; done
		shift # -f would keep it from the journal
		exec "$TCPGUARDD" "\$@"
	END
	chmod 755 "$LAB_TMP/guarded"
	mkdir -p "$LAB_TMP/small"
	: >"$LAB_TMP/journal.log"
}

flood() {
	start flood in_client "$TOOLS/flood" --dst $SERVER4 --port $PORT --flags SEW --rate 5000 \
		--seconds "$1"
}

# flood_over() - one attack from its beginning to its end.
flood_over() {
	flood 0.7
	finish flood
	try_for 10 in_state calm
}

events_of() {
	ctl --json events 10000 | grep -c "\"event\":\"$1\""
}

attack_rows() {
	ctl --json attacks | wc -l
}

# attack_has() - the row of attack $1 has $2.
attack_has() {
	ctl --json attacks "$1" | grep -qF -- "$2"
}

told() {
	[ -s "$LAB_TMP/told/$1" ]
}

remembered() {
	flood 2
	check "an attack is shown while it lasts" try_for 5 attack_has 1 '"over":false'
	check "its end is 'now'" sh -c "'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' attacks | grep -q ' now '"
	check "the command is told of its beginning" try_for 5 told 1.begin.json
	finish flood
	check "it ends" try_for 10 attack_has 1 '"over":true'
	check "the command is told of its end" try_for 5 told 1.end.json
	check "in this order, with its arguments" \
		[ "$(grep -v class "$LAB_TMP/told/order" | tr '\n' ,)" = "1 begin one two,1 end one two," ]
	check "facts are in the environment" grep -q '^TCPGUARD_SERVICE=lab$' "$LAB_TMP/told/1.begin.env"
	check "and nothing else is" [ "$(grep -cv '^TCPGUARD_\|^PATH=\|^PWD=\|^_=\|^SHLVL=\|^OLDPWD=' \
		"$LAB_TMP/told/1.begin.env")" = 0 ]
	check "facts are on standard input" grep -q '"event":"end","number":1,"service":"lab"' \
		"$LAB_TMP/told/1.end.json"
	check "events name the attack" sh -c "'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' --json events |
		grep '\"event\":\"attack_began\"' | grep -q '\"attack\":1,'"
	check "it is shown in full" sh -c "'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' attacks 1 |
		grep -q '^attack 1 on lab: '"
	check "it is on the disk" grep -q '"number":1,.*"over":true' "$LAB_TMP/state/attacks.json"
	check "no complaints" [ "$(events_of on_attack_failed)$(events_of history_lost)" = 00 ]
}

survives() {
	guard_stop TERM
	guard_start
	check "a restart forgets no attack" attack_has 1 '"over":true'
	flood 20
	check "numbers go on" try_for 5 attack_has 2 '"over":false'
	guard_stop KILL
	stop flood
	guard_start
	check "an attack during which the daemon was killed is known" attack_has 2 '"interrupted":true'
	flood_over
	check "numbers go on again" try_for 5 attack_has 3 '"over":true'
	check "all are there" [ "$(attack_rows)" = 3 ]
}

# learned() - what was learned is kept, and nothing that is damaged is believed.
learned() {
	for _ in 1 2 3 4 5; do
		peer_do --to "$SERVER4:$PORT" --do get
	done
	guard_stop TERM
	check "what was learned is kept" grep -q '"service":"lab"' "$LAB_TMP/state/baselines.json"
	guard_start
	check "and believed" [ "$(events_of state_damaged)" = 0 ]
	guard_stop TERM
	sed -i 's/"learned":/"learned":1/' "$LAB_TMP/state/baselines.json"
	guard_start
	check "a damaged file is named" [ "$(events_of state_damaged)" = 1 ]
	guard_stop TERM
	guard_start
	check "and set aside" [ "$(events_of state_damaged)" = 0 ]
}

# reconfigure() - another command, its time limit in $2.
reconfigure() {
	sed -i "s|^on-attack = .*|on-attack = \"$1\"|;s|^on-attack-timeout = .*|on-attack-timeout = $2|" \
		"$LAB_TMP/tcpguard.conf"
	ctl config reload >/dev/null
}

bad_commands() {
	local before

	reconfigure /not/there 1s
	flood_over
	check "a missing command is an event" try_for 5 sh -c \
		"'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' events | grep -q '/not/there cannot be run'"
	hook_write 'echo $$ >pid; sleep 60 & echo $! >child; wait'
	reconfigure "$HOOK" 300ms
	flood_over
	check "one that hangs is an event" try_for 5 sh -c \
		"'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' events | grep -q 'did not end within 300 ms and was killed'"
	check "and is gone" try_for 5 gone "$(cat "$LAB_TMP/told/pid")"
	check "with its child" try_for 5 gone "$(cat "$LAB_TMP/told/child")"
	hook_write 'echo no route to host >&2; exit 3'
	before=$(attack_rows)
	flood_over
	check "one that fails is an event" try_for 5 sh -c \
		"'$TCPGUARDCTL' -s '$LAB_TMP/control.sock' events | grep -q 'status 3: no route to host'"
	check "attacks are counted all the while" [ "$(attack_rows)" = $((before + 1)) ]
	check "the daemon serves" peer_do --to "$SERVER4:$PORT" --do get
}

gone() {
	! [ -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}

journal_has() {
	tr '\0' '\n' <"$LAB_TMP/journal.log" | grep -q "$1"
}

full_disk() {
	local disk

	wrapper_write
	sed -i "s|^state-dir = .*|state-dir = \"$LAB_TMP/small\"|" "$LAB_TMP/tcpguard.conf"
	sed -i "s|^log-target = .*|log-target = journal|" "$LAB_TMP/tcpguard.conf"
	sed -i "s|^on-attack = .*|on-attack = off|" "$LAB_TMP/tcpguard.conf"
	guard_stop TERM
	TCPGUARDD=$LAB_TMP/guarded guard_start
	disk=/proc/${LAB_PID[guard]}/root$LAB_TMP/small
	flood_over
	check "fields of the journal: the event" journal_has '^TCPGUARD_EVENT=attack_began$'
	check "the service" journal_has '^TCPGUARD_SERVICE=lab$'
	check "the attack" journal_has '^TCPGUARD_ATTACK=1$'
	dd if=/dev/zero of="$disk/filler" bs=4k 2>/dev/null
	# what is left of the last page of the log must be used up, too
	while printf '\n' >>"$disk/attacks.json"; do :; done 2>/dev/null
	flood_over
	flood_over
	check "a full disk is an event" try_for 5 [ "$(events_of history_lost)" = 1 ]
	check "and in the journal" journal_has '^TCPGUARD_EVENT=history_lost$'
	check "protection goes on" peer_do --to "$SERVER4:$PORT" --do get
	check "attacks are still shown" [ "$(attack_rows)" = 3 ]
	rm "$disk/filler"
	check "when there is room again, that is one" try_for 15 back_again
	check "and what was missing is written" grep -q '"number":3,.*"over":true' "$disk/attacks.json"
}

back_again() {
	[ "$(events_of history_back)" = 1 ]
}

lab_init
lab_need_programs python3 mount
HOOK=$LAB_TMP/on-attack
hook_write
lab_topology gateway
peer_start $PORT
guard_config adaptive "attack { hold = 500ms }" "on-attack = \"$HOOK one two\"
on-attack-timeout = 5s"
sed -i 's/^[\t ]*\(on-attack\|state-dir\|log-target\)/\1/' "$LAB_TMP/tcpguard.conf"
guard_start
remembered
survives
learned
bad_commands
full_disk
lab_clear
lab_end
