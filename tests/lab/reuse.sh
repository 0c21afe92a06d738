#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same client port again and again, whoever closed first: no connection may wait for a timer.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 SOURCE=40000

reuse_setup() {
	peer_start $PORT
	nginx_start
	# The client's own kernel is not to stand in the way of reuse.
	in_client sysctl -qw net.ipv4.tcp_tw_reuse=1
	in_client sysctl -qw net.ipv4.tcp_tw_reuse_delay=1 2>/dev/null || PAUSE=1.1
	guard_config adaptive
	guard_start
	for FAMILY in 4 6; do # learn the server's options
		check "a client in calm" peer_do --to "$(server_address $FAMILY):$PORT" --do get
	done
}

# again() - operation $1 many times from one port.
again() {
	local slowest

	check "$2, one port again and again" peer_do --to "$SERVER:$PORT" --from "$CLIENT:$SOURCE" \
		--do "$1" --bytes 5000 --repeat "$3" --pause "$4" --timeout 5
	slowest=$(echo "$LAB_LINE" | json total_us | sort -n | tail -n 1)
	number "$slowest" '<' 190000
	verdict $? "$2: none waits for a timer"
}

all_closers() {
	again get "server closes first ($1)" 20 5ms
	again put "client closes first ($1)" 4 "${PAUSE:-10ms}"
	again rst-client "client resets ($1)" 20 5ms
	again rst-server "server resets ($1)" 20 5ms
}

few_ports() {
	in_client sysctl -qw net.ipv4.ip_local_port_range="41000 41199"
	peer_load --to "$SERVER:80" --count 3000 --concurrency 16
	verdict $? "3000 requests over 200 ports all succeed ($1)"
	number "$(echo "$LAB_LINE" | json connect_p99_us)" '<' 190000
	verdict $? "and connect without waiting ($1)"
	in_client sysctl -qw net.ipv4.ip_local_port_range="32768 60999"
}

reuse() {
	mode_of_lab always
	all_closers relay
	few_ports relay
	mode_of_lab adaptive
	all_closers calm
	few_ports calm
	mode_of_lab always
	again get "server closes first (passed before, relayed now)" 5 5ms
	in_client sysctl -qw net.ipv4.tcp_timestamps=0
	again get "server closes first (relay, no timestamps)" 20 5ms
	again rst-client "client resets (relay, no timestamps)" 20 5ms
	in_client sysctl -qw net.ipv4.tcp_timestamps=1
}

lab_init
lab_need_programs nginx
lab_each reuse
lab_end
