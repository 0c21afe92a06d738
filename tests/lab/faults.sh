#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong around the daemon while it runs: rules taken away, interfaces that go, a full disk, ...
# Connections of both engines and passed ones speak all the while, and new ones are made. Each fault ends
# with a row for the table in doc/operations.md.
. "$(dirname "$0")/lib.sh"

readonly CONNECTIONS=${LAB_CONNECTIONS:-30}
readonly CLOCK_LIB=$TOOLS/clock.so
readonly PASSED=7001 RELAYED=7002 ENDS=7103 BULK=7104

# hold() - connections to port $2 that speak all the time, as $1.
hold() {
	start "$1" in_client python3 "$LAB_SOURCE/lab/hold.py" hold $SERVER4 "$2" "$CONNECTIONS" 600
	wait_for 30 "connections to port $2" grep -q ready "$LAB_TMP/$1.log"
}

hold_all() {
	mode_of_lab adaptive
	hold passed $PASSED
	mode_of_lab always
	hold relayed $RELAYED
	hold ends $ENDS
}

# figures() - what has happened to the connections of $1 since the last time, in $LOST and $WORST.
figures() {
	local lines

	lines=$(wc -l <"$LAB_TMP/$1.log")
	kill -USR1 "${LAB_PID[$1]}"
	try_for 20 more_lines "$1" "$lines" || lab_die "$1 does not tell how it is"
	LOST=$(tail -n 1 "$LAB_TMP/$1.log" | json lost)
	WORST=$(tail -n 1 "$LAB_TMP/$1.log" | json worst_ms)
}

more_lines() {
	[ "$(wc -l <"$LAB_TMP/$1.log")" -gt "$2" ]
}

begin() {
	local kind

	for kind in passed relayed ends; do
		figures $kind
	done
	EVENTS=$(ctl --json events 10000 | wc -l)
}

# over() - the fault $1 is: none lost, none stood still for longer than $2 ms; $3 is what it is about.
over() {
	local kind row="$1"

	sleep 0.6 # each has spoken by then
	for kind in passed relayed ends; do
		figures $kind
		check "$1: no connection was lost ($kind)" number "$LOST" = 0
		check "$1: none stood still for more than $2 ms ($kind)" number "$WORST" '<=' "$2"
		row="$row | $kind $LOST lost, $WORST ms"
	done
	lab_say "# $row"
	ctl --json events 10000 | tail -n +$((EVENTS + 1)) | grep "${3:-no such thing}" |
		json detail | sed "s/^/#   said: /"
}

not() {
	! "$@"
}

events_of() {
	ctl --json events 10000 | grep -c "\"event\":\"$1\""
}

# ---- firewall rules ----------------------------------------------------------------------------

tables() {
	in_guard "iptables$LEGACY" -w "$@"
}

repaired() {
	[ "$(ctl --json status | json rules_repaired)" = "$1" ]
}

# rules_fault() - do something to the rules; they are back within $2 s.
rules_fault() {
	local name=$1 within=$2 before n

	shift 2
	n=$(ctl --json status | json rules_repaired)
	before=$(tables -t raw -S | sort)
	begin
	"$@"
	check "$name: put back within $within s" try_for "$within" repaired $((n + 1))
	[ "$(tables -t raw -S | sort)" = "$before" ]
	verdict $? "$name: the rules are as they were"
	over "$name" $((within * 1000)) rules_changed
}

flush_all() {
	tables -t raw -F
	tables -t raw -X
}

# missing() - what status says is wrong with the rules.
missing() {
	ctl --json status | json rules_missing
}

says() {
	missing | grep -q "$1"
}

# in_front() - somebody's rule that takes packets past the guard; the jump moves before it, and stays behind
# one that drops.
in_front() {
	begin
	tables -t raw -I PREROUTING -j ACCEPT
	tables -t raw -I PREROUTING -s 203.0.113.7 -j DROP
	check "ACCEPT in front: dealt with within $1 s" try_for "$1" jump_is 2
	over "ACCEPT in front" $(($1 * 1000)) rules_changed
	tables -t raw -D PREROUTING -j ACCEPT
	tables -t raw -D PREROUTING -s 203.0.113.7 -j DROP
}

# anew() - a daemon that has put back nothing yet.
anew() {
	ctl upgrade >/dev/null
	sleep 0.5
	wait_for 10 "the upgraded daemon" repaired 0
}

jump_is() {
	tables -t raw -S PREROUTING | grep '^-A' | sed -n "$1p" | grep -q TCPGUARD_PRE
}

# not_wanted() - the administrator says to leave the rules alone.
not_wanted() {
	ctl set repair-rules no >/dev/null
	tables -t raw -D PREROUTING -j TCPGUARD_PRE
	check "repair-rules = no: status says what is missing" try_for 7 says PREROUTING
	check "and the rule stays away" not jump_is 1
	ctl set repair-rules yes >/dev/null
	check "repair-rules = yes: put back" try_for 7 jump_is 1
	check "status is content" try_for 7 says '^$'
}

# fight() - another program that takes the rules away whenever it sees them.
fight() {
	local n

	n=$(ctl --json status | json rules_repaired)
	start enemy in_guard sh -c 'while :; do iptables -w -t raw -F; sleep 0.2; done'
	check "another program takes them away for ever: it is given in to" try_for 20 gave_in
	sleep 1
	stop enemy
	n=$(($(ctl --json status | json rules_repaired) - n))
	check "they were put back a few times, $n" number $n '<=' 5
	check "and status says that they are gone" says gone
}

gave_in() {
	ctl events 1000 | grep -q 'again and again'
}

rules_of() {
	LEGACY=$1
	rules_fault "iptables$LEGACY -F" "$2" tables -t raw -F
	rules_fault "iptables$LEGACY -F, -X" "$2" flush_all
	rules_fault "jump deleted" "$2" tables -t raw -D PREROUTING -j TCPGUARD_PRE
	rules_fault "chain emptied" "$2" tables -t raw -F TCPGUARD_PRE
	in_front "$2"
	anew
	rules_fault "nft flush ruleset" "$2" nft_flush
}

# ---- queues and the device for long packets ----------------------------------------------------

queue_there() {
	in_guard cat /proc/net/netfilter/nfnetlink_queue | grep -q "^ *$1 "
}

# unbind() - what takes a queue away: its own socket, taken from the daemon.
unbind() {
	in_guard python3 "$LAB_SOURCE/lab/unbind.py" "${LAB_PID[guard]}" "$1" >"$LAB_TMP/unbind.log" ||
		lab_die "cannot unbind: $(cat "$LAB_TMP/unbind.log")"
}

queue_taken() {
	local number

	check "somebody else cannot unbind a queue" not in_guard python3 "$LAB_SOURCE/lab/unbind.py" 0 100 \
		>/dev/null 2>&1
	begin
	for number in 100 101 104; do
		unbind $number
		queue_there $number && lab_say "# it is there still"
		check "queue $number unbound: bound again within 3 s" try_for 3 queue_there $number
	done
	over "queues unbound" 3000 queue_lost
}

# bulk() - the terminate engine has long packets to send, until bulk_over().
bulk() {
	rm -f "$LAB_TMP/enough"
	start bulk sh -c "while ! [ -e '$LAB_TMP/enough' ]; do ip netns exec $NS_CLIENT '$TOOLS/peer' client \
		--to $SERVER4:$BULK --do get --bytes 5000000 >'$LAB_TMP/bulk.line' || exit; sleep 0.1; done"
}

bulk_over() {
	touch "$LAB_TMP/enough"
	finish bulk
}

large() {
	ctl --json status | tr '}' '\n' | json large | awk '{ n += $1 } END { print n }'
}

more_large() {
	[ "$(large)" -gt "$1" ]
}

said() {
	ctl --json events 10000 | tail -n +$((EVENTS + 1)) | grep "\"event\":\"$1\"" | grep -q "$2"
}

# device_fault() - $1 is what is said of it then; the rest does it to the TUN device. A packet that comes
# while the kernel deletes the device finds it down.
device_fault() {
	local n

	begin
	bulk
	n=$(large)
	wait_for 5 "long packets" more_large "$n"
	"${@:2}"
	check "TUN device $1: noticed within 3 s" try_for 3 said device_lost "$1; made anew"
	n=$(large)
	check "TUN device $1: long packets leave whole again" try_for 5 more_large "$n"
	bulk_over
	verdict $? "TUN device $1: all transfers went on"
	over "TUN device $1" 500 device_lost
}

device_gone() {
	if ! in_guard ip link show tcpguard100 >/dev/null 2>&1; then
		lab_say "# no TUN device here"
		return
	fi
	device_fault "is down" in_guard ip link set tcpguard100 down
	device_fault "\(was deleted\|is down\)" in_guard ip link del tcpguard100
}

# ---- interfaces --------------------------------------------------------------------------------

# routes_back() - the kernel has forgotten those of the interface that was down.
routes_back() {
	ip -n "$NS_GUARD" route replace default via $CLIENT4
	ip -n "$NS_GUARD" -6 route replace default via $CLIENT6 2>/dev/null
}

# link_fault() - interface $1 of the guard is down for a second; $2 says where it leads.
link_fault() {
	begin
	ip -n "$NS_GUARD" link set "$1" down
	sleep 1
	ip -n "$NS_GUARD" link set "$1" up
	routes_back
	# TCP of the ends waits longer and longer between two tries
	over "interface to the $2 down for 1 s" 4000
}

address_fault() {
	begin
	ip -n "$NS_GUARD" addr del 192.0.2.1/24 dev g1
	ip -n "$NS_GUARD" addr del $GUARD4/24 dev g0
	sleep 1
	ip -n "$NS_GUARD" addr add 192.0.2.1/24 dev g1
	ip -n "$NS_GUARD" addr add $GUARD4/24 dev g0
	routes_back
	over "addresses removed for 1 s" 4000
}

interfaces() {
	link_fault g0 clients
	link_fault g1 server
	address_fault
	check "interfaces: new connections are made" peer_load --to "$SERVER4:80" --count 50 --concurrency 10
	check "interfaces: none of the guard's rules has suffered" says '^$'
}

# ---- the state directory -----------------------------------------------------------------------

full_disk() {
	local rules

	ctl deny 203.0.113.1 >/dev/null
	rules=$(cat "$LAB_TMP/state/rules.json")
	begin
	dd if=/dev/zero of="$LAB_TMP/state/fill" bs=1k count=1000 2>/dev/null
	ctl deny 203.0.113.2 >"$LAB_TMP/deny.txt" 2>&1
	check "full disk: who asked is told, with the file" grep -q "state/rules.json: No space left.*make room" \
		"$LAB_TMP/deny.txt"
	[ "$(cat "$LAB_TMP/state/rules.json")" = "$rules" ]
	verdict $? "full disk: the old file is as it was"
	sleep 1
	check "full disk: it is logged once" number "$(grep -c 'lists of clients will not outlive' \
		"$LAB_TMP/guard.log")" = 1
	rm "$LAB_TMP/state/fill"
	check "full disk: written when there is room" try_for 15 grep -q 203.0.113.2 "$LAB_TMP/state/rules.json"
	over "disk full" 500
	ctl undeny 203.0.113.1 >/dev/null
	ctl undeny 203.0.113.2 >/dev/null
}

# ---- the clock ---------------------------------------------------------------------------------

# set_clock() - the wall clock as the daemon sees it is $1 seconds ahead. Nobody else's is touched.
set_clock() {
	printf '%s\n' "$1" >"$LAB_TMP/clock.new"
	mv "$LAB_TMP/clock.new" "$LAB_TMP/clock"
}

left_ms() {
	ctl --json rules | grep "$1" | json left_ms
}

clock_set() {
	local attacks

	[ -n "$HAVE_CLOCK" ] || return
	ctl deny 203.0.113.9 for 1h >/dev/null
	attacks=$(stat_of attacks)
	for ahead in 31536000 -31536000; do
		begin
		set_clock $ahead
		sleep 1.5
		check "clock set by $ahead s: a denial lasts as long as it was to" \
			number "$(left_ms 203.0.113.9)" '>' 3500000
		check "and not longer" number "$(left_ms 203.0.113.9)" '<=' 3600000
		over "clock set by $ahead s" 500
	done
	set_clock 0
	sleep 1.5
	check "clock set: no false alarm" number "$(stat_of attacks)" = "$attacks"
	ctl undeny 203.0.113.9 >/dev/null
}

# ---- the control socket ------------------------------------------------------------------------

# crowd() - a thousand clients, or $2, of a kind that crowd.py knows, while there is a flood.
crowd() {
	local how=$1 before slowest=0 i t asked=0

	begin
	before=$(rss_kib)
	start crowd python3 "$LAB_SOURCE/lab/crowd.py" "$LAB_TMP/control.sock" "$how" "${2:-1000}" 2
	start flood in_client "$TOOLS/flood" --dst $SERVER4 --port 80 --rate 20000 --seconds 2
	start ping in_client "$TOOLS/peer" client --to "$SERVER4:$BULK" --do ping --seconds 1.8 --interval 5ms
	for ((i = 0; i < 6; i++)); do
		t=$(date +%s%N)
		ctl version >/dev/null && asked=$((asked + 1))
		t=$((($(date +%s%N) - t) / 1000000))
		[ $t -le $slowest ] || slowest=$t
		sleep 0.2
	done
	own_memory &&
		check "1,000 clients, $how: memory is bounded" number $(($(rss_kib) - before)) '<' 40000
	finish crowd
	finish flood
	finish ping
	check "1,000 clients, $how: the administrator was answered each time" number $asked = 6
	check "1,000 clients, $how: within 1 s" number $slowest '<' 1000
	check "1,000 clients, $how: packets do not wait for them" \
		number "$(tail -n 1 "$LAB_TMP/ping.log" | json rtt_p50_us)" '<' 20000
	lab_say "# $(cat "$LAB_TMP/crowd.log"); answers to the administrator: slowest $slowest ms;" \
		"memory: $(($(rss_kib) - before)) KiB more;" \
		"$(grep -o '"rtt.*[0-9]' "$LAB_TMP/ping.log" | tr -d '"')"
	over "1,000 clients, $how" 1000
}

# nft_flush() - what many a firewall's own script begins with.
nft_flush() {
	in_guard nft flush ruleset
}

# guarded() - the daemon with the nice value of its unit, and a wall clock that can be set; sanitizers do not
# like what is loaded before them.
guarded() {
	HAVE_CLOCK=1
	if [ ! -e "$CLOCK_LIB" ] || grep -q __asan_init "$TCPGUARDD"; then
		lab_say "# the clock cannot be set"
		HAVE_CLOCK=
	fi
	cat >"$LAB_TMP/guarded" <<-END
		#!/bin/sh
		${HAVE_CLOCK:+export LD_PRELOAD=$CLOCK_LIB TCPGUARD_TEST_CLOCK=$LAB_TMP/clock}
		exec nice -n -10 "$TCPGUARDD" "\$@"
	END
	chmod 755 "$LAB_TMP/guarded"
	TCPGUARDD=$LAB_TMP/guarded
}

# legacy() - a system whose iptables is iptables-legacy, which tells nobody of changes.
legacy() {
	cat >"$LAB_TMP/legacy" <<-END
		#!/bin/sh
		mount --bind /usr/sbin/xtables-legacy-multi "\$(readlink -f /usr/sbin/iptables)" || exit 1
		exec "$TCPGUARDD" "\$@"
	END
	chmod 755 "$LAB_TMP/legacy"
	TCPGUARDD=$LAB_TMP/legacy guard_start
	hold_all
	LEGACY=-legacy
	rules_fault "iptables-legacy -F" 4 tables -t raw -F
	for kind in passed relayed ends; do
		stop $kind
		verdict $? "iptables-legacy: at the end every connection lives ($kind)"
	done
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	local status=$?

	umount -l "$LAB_TMP/state" 2>/dev/null
	(exit $status)
	lab_cleanup
}

lab_init
lab_need_programs nginx iptables-save python3 mount
mkdir "$LAB_TMP/state"
# A small disk for what the daemon keeps; mounted now, for later its namespace would not see it.
mount -t tmpfs -o size=64k none "$LAB_TMP/state" || lab_skip "cannot mount a small disk"
trap cleanup EXIT
guarded
lab_topology gateway
nginx_start
peer_start $BULK
start echo in_server python3 "$LAB_SOURCE/lab/hold.py" serve $SERVER4 $PASSED $RELAYED $ENDS
wait_for 5 "the echo" listening $ENDS
guard_config always "" "workers = 2
service \"ends\" {
	listen = { \"$SERVER4:7103-7104\" }
	mode = always
	engine = terminate
}"
guard_start
hold_all
rules_of "" 3
not_wanted
queue_taken
device_gone
interfaces
full_disk
clock_set
[ -z "${LAB_COMPARE:-}" ] || crowd none 0 # what the flood alone does
for how in idle deaf hasty endless; do
	crowd $how
done
for kind in passed relayed ends; do
	stop $kind
	verdict $? "at the end every connection lives ($kind)"
done
fight
guard_stop
verdict $? "it ends with status 0"
[ ! -x /usr/sbin/xtables-legacy-multi ] || legacy
guard_stop
lab_end
