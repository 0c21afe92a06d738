#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Lists of clients: denied ones get nothing, allowed ones pass; they expire, outlive the daemon and a
# full disk, and the kernel takes the denied ones over where it can.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

rules_setup() {
	peer_start $PORT
	guard_config adaptive
	guard_start
}

# serves() - does the client get an answer? It waits up to two seconds.
serves() {
	in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do get --timeout 2 >"$LAB_TMP/try" 2>&1
}

# unheard() - does it hear nothing at all? An answer takes a millisecond.
unheard() {
	in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do get --timeout 0.4 >"$LAB_TMP/try" 2>&1
	grep -q '"end":"timeout"' "$LAB_TMP/try"
}

# heard() - for waiting: an answer, soon?
heard() {
	in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do get --timeout 0.2
}

not() {
	! "$@"
}

# rule() - the value of key $2 of the rule about prefix $1.
rule() {
	ctl --json rules | grep "\"prefix\": *\"$1\"" | json "$2" | head -n 1
}

has_rules() {
	[ "$(ctl --json rules | wc -l)" = "$1" ]
}

prefix() {
	if [ "$FAMILY" = 4 ]; then echo 198.51.100.0/24; else echo fd00:c::/64; fi
}

deny_and_undeny() {
	local p denied

	p=$(prefix)
	check "a client is served" serves
	denied=$(stat_of denied)
	ctl deny "$p"
	verdict $? "it is denied"
	check "it is not served any more, nor refused: it hears nothing" unheard
	check "nor does the next one" unheard
	check "the rule counts its packets" number "$(rule "$p" packets)" '>=' 2
	check "so does the service" number "$(stat_of denied)" '>=' $((denied + 2))
	check "and the drops say why" number "$(ctl --json drops | grep '"denied"' | json count)" '>=' 2
	check "it is listed" number "$(ctl rules | grep -c "deny *$p")" = 1
	ctl undeny "$p"
	verdict $? "the denial is taken back"
	check "it is served again" serves
	check "twice cannot be" not ctl undeny "$p" 2>/dev/null
}

deny_for_a_while() {
	ctl deny "$(prefix)" for 2s service lab
	check "denied for a while" unheard
	check "the time is shown" number "$(rule "$(prefix)" left_ms)" '<' 2000
	check "it ends by itself" try_for 5 heard
	check "and is forgotten" try_for 3 has_rules 0
}

allow_in_attack() {
	local passed

	mode_of_lab always
	ctl deny "$(prefix)"
	ctl allow "${CLIENT//[\[\]]/}" service lab
	passed=$(stat_of passed)
	check "an allowed client of a denied network is served" serves
	check "and passes untranslated" number "$(stat_of passed)" = $((passed + 1))
	check "its rule counts, too" number "$(rule "${CLIENT//[\[\]]/}" packets)" '>=' 3
	ctl unallow "${CLIENT//[\[\]]/}" service lab
	ctl undeny "$(prefix)"
	mode_of_lab adaptive
}

errors() {
	local bad

	check "to deny everybody is done, with a warning" sh -c \
		"'$TCPGUARDCTL' --socket '$LAB_TMP/control.sock' deny 0.0.0.0/0 | grep -q 'warning: .*everybody'"
	ctl undeny 0.0.0.0/0
	for bad in "deny" "deny x" "deny 10.0.0.1/8" "deny 10.0.0.0/8 for" "deny 10.0.0.0/8 for 1" \
		"deny 10.0.0.0/8 service nobody" "deny 10.0.0.0/8 4 1h" "undeny 10.0.0.0/8" \
		"undeny 10.0.0.0/8 for 1h" "unallow 10.0.0.0/8"; do
		# shellcheck disable=SC2086 # several words
		check "an error: $bad" not ctl $bad 2>/dev/null
	done
	check "and nothing is in force" has_rules 0
}

# restart() - end the daemon with signal $1, wait $2 seconds, start it again.
restart() {
	guard_stop "$1"
	sleep "$2"
	guard_start
}

keep_over_restarts() {
	ctl deny "$(prefix)"
	ctl deny 203.0.113.0/24 for 1h
	ctl deny 203.0.114.0/24 for 3s
	restart TERM 0
	check "kept over a restart" unheard
	check "with its time" number "$(rule 203.0.113.0/24 left_ms)" '>' 3500000
	restart KILL 3
	check "kept over a crash" unheard
	check "time went on while nobody ran" try_for 2 has_rules 2
	ctl undeny "$(prefix)"
	ctl undeny 203.0.113.0/24
	echo '{"version":1,"rules":[' >"$LAB_TMP/state/rules.json"
	restart TERM 0
	check "a damaged file is said" grep -q 'rules.json is damaged' "$LAB_TMP/guard.log"
	check "and kept aside" test -s "$LAB_TMP/state/rules.json.damaged"
	check "clients are served all the same" serves
}

full_disk() {
	dd if=/dev/zero of="$LAB_TMP/state/fill" bs=1k count=1000 2>/dev/null
	ctl deny "$(prefix)" | grep -q 'warning: it is in force, but will not outlive'
	verdict $? "a full disk is said to who asks"
	check "and in the log" grep -q 'will not outlive tcpguardd: .*No space left' "$LAB_TMP/guard.log"
	check "the rule is in force" unheard
	rm "$LAB_TMP/state/fill"
	check "it is written when there is room" try_for 15 grep -q "$(prefix)" "$LAB_TMP/state/rules.json"
	ctl undeny "$(prefix)"
}

# Somebody else has the directory: what is in it is his.
shared_directory() {
	ctl deny 203.0.113.0/24
	guard_stop
	start other flock -F "$LAB_TMP/state/.lock" sleep 100
	guard_start
	ctl deny "$(prefix)" | grep -q 'warning: .*another tcpguardd uses'
	verdict $? "another daemon's directory is said to who asks"
	check "the rule is in force" unheard
	check "the file is left alone" not grep -q "$(prefix)" "$LAB_TMP/state/rules.json"
	stop other
	check "it is written when it is free" try_for 15 grep -q "$(prefix)" "$LAB_TMP/state/rules.json"
	ctl undeny "$(prefix)"
	ctl undeny 203.0.113.0/24
}

from_the_file() {
	guard_config adaptive "deny = \"$(prefix)\""
	ctl config reload >/dev/null
	check "the file denies" unheard
	check "and cannot be overruled by undeny" not ctl undeny "$(prefix)" service lab 2>/dev/null
	ctl allow "$(prefix)" service lab
	check "but by allow" serves
	check "which hides it" [ "$(ctl --json rules | grep -c '"active": *false')" = 1 ]
	ctl unallow "$(prefix)" service lab
	guard_config adaptive
	ctl config reload >/dev/null
	check "a reload without it ends it" serves
}

has_table() {
	in_guard nft list table inet tcpguard_deny >/dev/null 2>&1
}

drops_in_kernel() {
	in_guard nft list table inet tcpguard_deny | grep -q ' drop$'
}

# kernel_has() - the prefix $1, undivided.
kernel_has() {
	in_guard nft list table inet tcpguard_deny 2>/dev/null | grep -qF " $1 "
}

in_kernel() {
	[ "$(rule "$1" packets_kernel)" -ge 1 ] 2>/dev/null
}

kernel() {
	local denied

	guard_config adaptive "" "kernel-set = yes"
	ctl config reload >/dev/null
	ctl deny 203.0.113.0/24 for 3650d # more seconds than nft can read
	ctl deny "$(prefix)"
	check "the kernel has its table" try_for 3 has_table
	wait_for 3 "the prefix in the kernel" kernel_has "$(prefix)"
	denied=$(stat_of denied)
	check "the client is not served" unheard
	check "the kernel has dropped its packets" in_kernel "$(prefix)"
	check "and the daemon has met none" number "$(stat_of denied)" = "$denied"
	ctl allow "${CLIENT//[\[\]]/}"
	wait_for 3 "a hole in the prefix" not kernel_has "$(prefix)"
	check "an allowed client of it passes the kernel, too" serves
	check "the count goes on" in_kernel "$(prefix)"
	ctl unallow "${CLIENT//[\[\]]/}"
	ctl deny "$(prefix)" for 2s
	check "it ends in the kernel, too" try_for 6 heard
	ctl undeny 203.0.113.0/24
	ctl deny "$(prefix)"
	wait_for 3 "the prefix in the kernel" kernel_has "$(prefix)"
	guard_config adaptive
	ctl config reload >/dev/null
	check "without the option the kernel drops nothing" try_for 3 not drops_in_kernel
	check "but its chain stays: packets in the queues would go with it" has_table
	check "the daemon drops it again" unheard
	guard_config adaptive "" "kernel-set = yes"
	ctl config reload >/dev/null
	check "with it the kernel does, again" try_for 3 drops_in_kernel
	guard_stop
	check "no table is left at the end" not has_table
	check "and clients are served" serves
	guard_start
	check "the table is there from the start" has_table
	guard_stop KILL
	check "a crash leaves it" has_table
	guard_config adaptive
	guard_start
	check "the next start takes it away" not has_table
	check "the rule is kept by the daemon alone" unheard
	ctl undeny "$(prefix)"
	check "until it is taken away" serves
}

rules() {
	deny_and_undeny
	deny_for_a_while
	allow_in_attack
	errors
	from_the_file
	if [ -z "$KEPT" ]; then # files know neither placement nor family, and each of these waits
		keep_over_restarts
		full_disk
		shared_directory
		KEPT=1
	fi
	if [ -n "$HAVE_NFT" ]; then
		kernel
	else
		lab_say "# no nftables sets here: the kernel is not asked"
	fi
}

# shellcheck disable=SC2317 # called by the trap
cleanup() {
	local status=$?

	umount -l "$LAB_TMP/state" 2>/dev/null
	(exit $status)
	lab_cleanup
}

lab_init
lab_need_programs mount dd
mkdir "$LAB_TMP/state"
# A small disk for what the daemon keeps; mounted now, for later its namespace would not see it.
mount -t tmpfs -o size=64k none "$LAB_TMP/state" || lab_skip "cannot mount a small disk"
trap cleanup EXIT
KEPT=
HAVE_NFT=
command -v nft >/dev/null && HAVE_NFT=1
lab_each rules
lab_end
