#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Malformed packets of every kind: counted, dropped or passed by policy, no state, no crash.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000
PYTHON=/usr/bin/python3

malformed_setup() {
	peer_start $PORT
	guard_config always "" "fragments = drop"
	guard_start
}

# seen_by_server() - packets toward port $1 that came out of the guard.
seen_by_server() {
	tcpdump -nnr "$LAB_TMP/server.pcap" "dst port $1" 2>/dev/null | wc -l
}

drops() {
	ctl --json stats | json count | awk '{ sum += $1 } END { print sum + 0 }'
}

shower() {
	local kind port count policy before

	before=$(stat_of dropped)
	in_client $PYTHON "$(dirname "$0")/malformed.py" c0 "$(echo "$SERVER" | tr -d '[]')" \
		>"$LAB_TMP/kinds.txt" 2>"$LAB_TMP/scapy.txt"
	verdict $? "all were sent ($1)"
	check "the daemon is alive ($1)" ctl status
	check "no flow was made ($1)" number "$(flows_of_lab)" = 0
	check "drops were counted ($1)" number "$(stat_of dropped)" '>' "$((before + 10))"
	check "an ordinary client is served ($1)" peer_do --to "$SERVER:$PORT" --do both
}

malformed() {
	local kind port count policy

	mode_of_lab always
	check "a client before" peer_do --to "$SERVER:$PORT" --do get
	wait_for 5 "the end of that" no_flow_but_time_wait
	if [ "$PLACEMENT" = gateway ]; then
		start tcpdump in_server tcpdump -nni s0 -Uw "$LAB_TMP/server.pcap" "dst portrange 7010-7099"
		wait_for 5 tcpdump grep -q listening "$LAB_TMP/tcpdump.log"
	fi
	shower "mode always"
	if [ "$PLACEMENT" = gateway ]; then
		sleep 0.2
		stop tcpdump INT
		while read -r kind port count policy; do
			[ "$policy" = drop ] || continue
			check "the server saw none of $count $kind" number "$(seen_by_server "$port")" = 0
		done <"$LAB_TMP/kinds.txt"
	fi
	ctl --json stats | grep '"reason"' | grep -v '"count": *0[,}]' | sed 's/^/# /'
	mode_of_lab adaptive
	in_client $PYTHON "$(dirname "$0")/malformed.py" c0 "$(echo "$SERVER" | tr -d '[]')" >/dev/null 2>&1
	check "the daemon is alive (mode adaptive)" ctl status
	check "an ordinary client is served (mode adaptive)" peer_do --to "$SERVER:$PORT" --do both
}

no_flow_but_time_wait() {
	[ "$(ctl --json conns | grep -vc '"TIME_WAIT"')" = 0 ]
}

lab_init
lab_need_programs tcpdump
$PYTHON -c 'import scapy.all' 2>/dev/null || lab_skip "there is no scapy for $PYTHON"
lab_each malformed
lab_end
