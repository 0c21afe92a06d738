#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without an attack the guard only watches: nothing is changed, everything is counted.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/talk.sh"

calm_setup() {
	talk_start
	nginx_start
	guard_config adaptive
	guard_start
}

calm() {
	local before after

	before=$(stat_of passed)
	talk_all
	check "nginx answers" in_client curl -sf -m 5 -o /dev/null "http://$SERVER/"
	after=$(stat_of passed)
	check "each connection is counted as passed" number $((after - before)) = 13
	check "none was spliced" number "$(stat_of spliced)" = 0
	check "the service is calm" in_state calm
	check "no SYN-ACK came from the guard" number "$(stat_of synack_sent)" = 0
	check "200 short connections" peer_load --to "$SERVER:80" --count 200 \
		--concurrency 20
	check "no half-open is left behind" try_for 3 number "$(stat_of half_open)" = 0
	watch_untouched
}

# What a client sends arrives as it was sent: the server's SYN-ACK carries the same numbers on both
# sides of the guard. Seen at the client, since the server's kernel made it.
watch_untouched() {
	start dump in_client tcpdump --immediate-mode -nni c0 -c 6 -w "$LAB_TMP/client.pcap" "tcp port $TALK_PORT"
	start dump2 in_server tcpdump --immediate-mode -nni s0 -c 6 -w "$LAB_TMP/server.pcap" "tcp port $TALK_PORT"
	wait_for 5 tcpdump grep -q listening "$LAB_TMP/dump.log"
	wait_for 5 tcpdump grep -q listening "$LAB_TMP/dump2.log"
	peer_do --to "$SERVER:$TALK_PORT" --do get --bytes 10
	finish dump
	finish dump2
	tcpdump -Snnr "$LAB_TMP/client.pcap" -t 2>/dev/null | head -n 3 >"$LAB_TMP/client.txt"
	tcpdump -Snnr "$LAB_TMP/server.pcap" -t 2>/dev/null | head -n 3 >"$LAB_TMP/server.txt"
	check "the handshake is the same on both sides" cmp "$LAB_TMP/client.txt" "$LAB_TMP/server.txt"
}

lab_init
lab_need_programs nginx curl tcpdump
lab_each calm
lab_end
