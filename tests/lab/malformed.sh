#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Malformed packets of every kind: counted, dropped or passed by policy, no state, no crash.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000
PYTHON=/usr/bin/python3

malformed_setup() {
	peer_start $PORT
	guard_config always "" "fragments = drop timeouts { syn-received = 1s }"
	guard_start
}

# send_all() - what was sent stands in kinds.txt afterwards.
send_all() {
	local mac dev=g0

	[ "$PLACEMENT" = gateway ] || dev=s0
	mac=$(in_guard cat /sys/class/net/$dev/address)
	in_client $PYTHON "$(dirname "$0")/malformed.py" c0 "$mac" "$(echo "$SERVER" | tr -d '[]')" \
		>"$LAB_TMP/kinds.txt" 2>"$LAB_TMP/scapy.txt" && return
	sed 's/^/# /' "$LAB_TMP/scapy.txt"
	return 1
}

# seen_by_server() - packets toward port $1 that came out of the guard.
seen_by_server() {
	tcpdump -nnr "$LAB_TMP/server.pcap" "dst port $1" 2>/dev/null | wc -l
}

# syns_at_server() - SYNs without ACK; tcpdump cannot look into the TCP header of IPv6 by name.
syns_at_server() {
	tcpdump -nnr "$LAB_TMP/server.pcap" 2>/dev/null | grep 'Flags \[S' | grep -vc 'Flags \[S[A-Z]*\.'
}

shower() {
	local before

	before=$(stat_of dropped)
	send_all
	verdict $? "all were sent ($1)"
	check "the daemon is alive ($1)" guard_answers
	check "drops were counted ($1)" number "$(stat_of dropped)" '>' "$((before + 10))"
	check "an ordinary client is served ($1)" peer_do --to "$SERVER:$PORT" --do both
}

malformed() {
	local kind port count policy

	mode_of_lab always
	check "a client before" peer_do --to "$SERVER:$PORT" --do get
	wait_for 5 "the end of that" no_flows TIME_WAIT
	if [ "$PLACEMENT" = gateway ]; then
		start tcpdump in_server tcpdump --immediate-mode -nni s0 -Uw "$LAB_TMP/server.pcap" "dst portrange 7010-7099"
		wait_for 5 tcpdump grep -q listening "$LAB_TMP/tcpdump.log"
	fi
	shower "mode always"
	check "no flow was made" no_flows TIME_WAIT
	if [ "$PLACEMENT" = gateway ]; then
		sleep 0.2
		stop tcpdump INT
		while read -r kind port count policy; do
			[ "$policy" = drop ] || continue
			check "the server saw none of $count $kind" number "$(seen_by_server "$port")" = 0
		done <"$LAB_TMP/kinds.txt"
		check "and not a single SYN" number "$(syns_at_server)" = 0
	fi
	ctl --json drops | grep '"reason"' | grep -v '"count": *0[,}]' | sed 's/^/# /'
	mode_of_lab adaptive
	shower "mode adaptive"
}

lab_init
lab_need_programs tcpdump
$PYTHON -c 'import scapy.all' 2>/dev/null || lab_skip "there is no scapy for $PYTHON"
lab_each malformed
lab_end
