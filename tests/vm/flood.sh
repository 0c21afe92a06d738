#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A small flood, since the machine is slow: it is noticed, clients are served meanwhile, it is over.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000 HOLD=2

flood_setup() {
	# An ordinary server without cookies, to which every client is a stranger.
	in_server sysctl -qw net.ipv4.tcp_syncookies=0 net.core.somaxconn=128 \
		net.ipv4.tcp_max_syn_backlog=128 net.ipv4.tcp_no_metrics_save=1
	peer_start $PORT
	nginx_start
	guard_config adaptive "attack { start = 200 hold = ${HOLD}s }"
	guard_start
}

flood() {
	check "it is calm" in_state calm
	start ping in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 8 --interval 20ms
	start flood in_client "$TOOLS/flood" --dst "$(echo "$SERVER" | tr -d '[]')" --port $PORT --rate 2000 \
		--seconds 8
	check "a flood is noticed" try_for 3 in_state attack
	check "a new client is served" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	check "so are others" peer_load --to "$SERVER:80" --count 20 --concurrency 4 --timeout 10
	check "by cookie" number "$(stat_of spliced)" '>=' 21
	check "the flood fills no half-opens" number "$(stat_of half_open)" '<' 300
	finish flood
	finish ping
	verdict $? "an old connection goes on"
	check "it is calm again" try_for $((HOLD * 3 + 5)) in_state calm
}

lab_init
lab_need_programs nginx
lab_each flood
lab_end
