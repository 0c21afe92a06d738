#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `tcpguardctl netstat` and `conns` while packets flow: complete, filtered, and nobody waits for them.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 MANY=20000 LEAST=10000

dump_setup() {
	nginx_start
	peer_start $PORT
	in_client sysctl -qw net.ipv4.ip_local_port_range="2000 64999"
	guard_config always "" "max-flows = 200000"
	guard_start
}

# How long the slowest of many pings took while netstat was dumped five times.
dump_under_traffic() {
	start ping in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds $((2 * LAB_SLOW)).5 \
		--interval 500us
	try_for 3 victim_is_known # its check is below
	for _ in 1 2 3 4 5; do
		ctl netstat >"$LAB_TMP/netstat.txt"
	done
	finish ping
	verdict $? "a conversation goes on meanwhile"
	# Twenty milliseconds are the promise; a busy test machine may add as much of its own.
	number "$(json rtt_max_us <"$LAB_TMP/ping.log")" '<' $((20000 * (1 + LAB_SLOW)))
	verdict $? "no packet waited for long: $(json rtt_max_us <"$LAB_TMP/ping.log") us at worst"
}

dump() {
	check "$MANY requests" peer_load --to "$SERVER4:80" --count $MANY \
		--concurrency 100 --seconds 40
	check "IPv6 requests" peer_load --to "[$SERVER6]:80" --count 200
	dump_under_traffic
	head -n 4 "$LAB_TMP/netstat.txt" | sed 's/^/# /'
	# Ports are chosen by the client's kernel, some of them twice: fewer flows than requests.
	check "there are many flows" number "$(stat_of flows)" '>=' $LEAST
	check "netstat has a line for each" number "$(grep -c '_WAIT\|ESTAB' "$LAB_TMP/netstat.txt")" '>=' \
		"$(stat_of flows)"
	check "the columns of netstat" grep -Eq \
		'^Proto +Recv-Q +Send-Q +Local Address +Foreign Address +State' "$LAB_TMP/netstat.txt"
	check "a living connection is in it" grep -Eq \
		"^tcp +[0-9]+ +[0-9]+ +$SERVER4:$PORT +$CLIENT4:[0-9]+ +ESTABLISHED" "$LAB_TMP/netstat.txt"
	check "IPv6 is in it" grep -q '^tcp6 ' "$LAB_TMP/netstat.txt"
	check "filter by state" number "$(ctl netstat --state ESTABLISHED | grep -c TIME_WAIT)" = 0
	check "filter by source" number "$(ctl --json conns --src $CLIENT4/32 | grep -c tcp6)" = 0
	check "conns as JSON" number "$(ctl --json conns | grep -c '"client_state"')" '>=' $LEAST
	kill_one
}

kill_one() {
	local id

	start victim in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 10
	try_for 3 victim_is_known
	id=$(ctl --json conns --state ESTABLISHED | json id | head -n 1)
	check "kill takes it" ctl kill "$id"
	finish victim
	[ "$(json end <"$LAB_TMP/victim.log")" = reset ]
	verdict $? "the client sees a reset"
	check "the server sees one too" try_for 3 server_lost_it
}

victim_is_known() {
	[ -n "$(ctl --json conns --state ESTABLISHED | json id)" ]
}

server_lost_it() {
	tail -n 1 "$LAB_TMP/peer$PORT.log" | grep -q '"end":"reset"'
}

lab_init
lab_need_programs nginx
lab_topology gateway
dump_setup
dump
lab_clear
lab_end
