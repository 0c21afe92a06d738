#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every connection through the relay engine: all ways to talk and to part, without and with delay.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/talk.sh"

relay_setup() {
	talk_start
	nginx_start
	guard_config always "" "msl = 500ms timeouts { reset = 500ms }"
	guard_start
}

relay() {
	local before

	before=$(stat_of spliced)
	talk_all
	check "nginx answers" in_client curl -sf -m 5 -o /dev/null "http://$SERVER/"
	check "each connection was spliced" number $(($(stat_of spliced) - before)) = 13
	check "none was passed" number "$(stat_of passed)" = 0
	check "200 short connections" peer_load --to "$SERVER:80" --count 200 \
		--concurrency 20
	check "the server sees the client's address" server_sees_client
	check "no flow is left 2 MSL later" try_for 5 no_flows
}

server_sees_client() {
	start hold in_client "$TOOLS/peer" client --to "$SERVER:$TALK_PORT" --do ping --seconds 1.5
	try_for 3 client_is_known
	local status=$?

	finish hold || status=1
	return $status
}

client_is_known() {
	in_server ss -Htn state established "sport = :$TALK_PORT" | grep -Fq "$CLIENT:"
}

lab_init
lab_need_programs nginx curl
lab_each relay
LAB_WIRE="--delay 10ms --jitter 2ms" LAB_PLACEMENTS=gateway
lab_each relay
lab_end
