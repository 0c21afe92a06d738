#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A cable that loses, doubles, delays and reorders, between the clients and the relay engine: slower,
# but every byte arrives.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 BANNER=7001
LAB_WIRE="--delay 3ms --jitter 1ms --loss 3 --duplicate 2 --reorder 3"
LAB_PLACEMENTS=gateway

lossy_setup() {
	nginx_start
	peer_start $PORT
	peer_start $BANNER --banner 220-laboratory
	guard_config always "" "msl = 500ms timeouts { reset = 500ms }"
	guard_start
}

lossy() {
	check "1 MB both ways" peer_do --to "$SERVER:$PORT" --do both --bytes 1000000
	check "400 requests" peer_load --to "$SERVER:80" --count 400 --concurrency 40 --seconds 30 \
		--timeout 20
	start half in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do half-client --bytes 20000 \
		--repeat 15
	start reset in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do rst-server --bytes 5000 \
		--repeat 15
	in_client "$TOOLS/peer" client --to "$SERVER:$BANNER" --banner --do get --bytes 10000 \
		--repeat 20 --timeout 5 >"$LAB_TMP/banner"
	# What handshake.sh says: such a client waits in vain if its ACK was lost, one in 33 here.
	check "20 times a server that speaks first" number "$(grep -c '"ok":true' "$LAB_TMP/banner")" '>=' 16
	finish half
	verdict $? "15 half closes"
	grep -v '"end":"reset"' "$LAB_TMP/reset.log" | sed 's/^/# /'
	stop reset
	# Of a reset only its sender may know, if it was lost; the other side is told when it next speaks.
	check "no flow is left after a while" try_for 20 no_flows ESTABLISHED
}

lab_init
lab_need_programs nginx
lab_each lossy
lab_end
