#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `make check-million`: the daemon is killed with a million flows in its arenas. How long does the next one
# take, from exec() until the first packet of a relayed connection has passed?
#
# FLOWS (1000000), RUNS (5), FIRST_MS (300): what is wanted.
. "$(dirname "$0")/lib.sh"

readonly FLOWS=${FLOWS:-1000000} RUNS=${RUNS:-5} FIRST_MS=${FIRST_MS:-300}
readonly ASKED=7002

flows() {
	ctl --json status | json flows | head -n 1
}

# first() - ms from the last start until the first echo after it.
first() {
	local began

	began=$(tail -n 1 "$LAB_TMP/guard.out" | json exec)
	awk -v began="$began" '$1 + 0 > began { printf "%.0f\n", ($1 - began) * 1000; exit }' \
		"$LAB_TMP/asked.log"
}

restarted() {
	[ "$(grep -c '"exec"' "$LAB_TMP/guard.out")" -gt "$1" ]
}

run() {
	local ms

	kill -"${2:-USR1}" "${LAB_PID[guard]}"
	wait_for 60 "the next daemon" restarted "$1"
	sleep 0.3
	ms=$(first)
	figures+=("${ms:-99999}")
	check "run $1: $(tail -n 1 "$LAB_TMP/guard.out" | awk '{ gsub(/[^0-9. ]/, "");
		printf "ready after %.0f ms", ($2 - $1) * 1000 }'), first packet after $ms ms, of $(flows) flows" \
		number "${ms:-99999}" '<=' "$FIRST_MS"
	sleep 0.5
}

lab_init
lab_need_programs iptables-save python3
lab_need_daemon
lab_topology gateway
start echo in_server python3 "$LAB_SOURCE/lab/hold.py" serve $SERVER4 $ASKED
wait_for 5 "the echo" listening $ASKED
guard_config always "" "max-flows = $((FLOWS + FLOWS / 5))"
export FILL="$TOOLS/fill_arena $LAB_TMP/tcpguard.conf lab $FLOWS"
start guard in_guard bash -c "exec python3 '$LAB_SOURCE/lab/million.py' manage '$TCPGUARDD' -f \
	-c '$LAB_TMP/tcpguard.conf' >'$LAB_TMP/guard.out'"
wait_for 10 "the daemon" guard_answers
start asked in_client python3 "$LAB_SOURCE/lab/million.py" ask $SERVER4 $ASKED 300
wait_for 5 "a connection" grep -q ready "$LAB_TMP/asked.log"
figures=()
run 1 USR2
check "$FLOWS flows are there" number "$(flows)" '>=' "$FLOWS"
for ((n = 2; n <= RUNS; n++)); do
	run $n
done
check "the connection lives" running asked
lab_say "# first packet after: $(printf '%s\n' "${figures[@]}" | sort -n |
	awk '{ a[NR] = $1 } END { print "median " a[int((NR + 1) / 2)] " ms, longest " a[NR] " ms" }')"
lab_say "# $(grep 'going on' "$LAB_TMP/guard.log" | tail -n 1)"
guard_stop
verdict $? "it ends with status 0 on SIGTERM"
lab_end
