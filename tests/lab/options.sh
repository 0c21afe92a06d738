#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Clients and servers with few, odd or changing TCP options: what the cookie promised and what the
# server really has must be made to agree.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

options_setup() {
	peer_start $PORT
	guard_config always "" "msl = 500ms"
	guard_start
}

# both_ways() - 3 MB in each direction within the time a wrong window scale would not allow.
both_ways() {
	check "3 MB both ways: $1" peer_do --to "$SERVER:$PORT" --do both --bytes 3000000 \
		--timeout 8 "${@:2}"
	number "$(echo "$LAB_LINE" | json max_gap_us)" '<' $((190000 * LAB_SLOW))
	verdict $? "without standing still: $1"
}

client_sysctl() {
	in_client sysctl -qw "$@"
}

server_sysctl() {
	in_server sysctl -qw "$@"
}

odd_clients() {
	both_ways "an ordinary client"
	client_sysctl net.ipv4.tcp_timestamps=0
	both_ways "client without timestamps"
	client_sysctl net.ipv4.tcp_sack=0
	both_ways "client without timestamps and SACK"
	client_sysctl net.ipv4.tcp_window_scaling=0
	both_ways "client without any of them"
	client_sysctl net.ipv4.tcp_timestamps=1
	both_ways "client with timestamps only"
	client_sysctl net.ipv4.tcp_sack=1 net.ipv4.tcp_window_scaling=1
	both_ways "client with MSS 536" --mss 536
	both_ways "client with a small window" --rcvbuf 4096
	client_sysctl net.ipv4.tcp_rmem="4096 131072 1073741824"
	both_ways "client with window scale 14"
	client_sysctl net.ipv4.tcp_rmem="4096 131072 33554432"
	both_ways "client with window scale 0" --window-clamp 60000
}

# restart_peer() - the server's clamp decides its window scale.
restart_peer() {
	stop peer$PORT
	peer_start $PORT "$@"
}

# Each of these differs from what the guard has learned from the connection before.
changing_servers() {
	server_sysctl net.ipv4.tcp_timestamps=0
	both_ways "server has just lost timestamps"
	both_ways "server without timestamps"
	server_sysctl net.ipv4.tcp_timestamps=1
	both_ways "server has timestamps again"
	server_sysctl net.ipv4.tcp_sack=0
	both_ways "server has just lost SACK"
	both_ways "server without SACK"
	server_sysctl net.ipv4.tcp_sack=1
	both_ways "server has SACK again"
	server_sysctl net.ipv4.tcp_window_scaling=0
	both_ways "server has just lost window scaling"
	both_ways "server without window scaling"
	server_sysctl net.ipv4.tcp_window_scaling=1
	both_ways "server has window scaling again"
	server_sysctl net.ipv4.tcp_rmem="4096 131072 1073741824"
	both_ways "server's window scale is 14 now"
	both_ways "server with window scale 14"
	server_sysctl net.ipv4.tcp_rmem="4096 131072 33554432"
	restart_peer --window-clamp 60000
	both_ways "server's window scale is 0 now"
	both_ways "server with window scale 0"
	restart_peer
	both_ways "server's window scale is an ordinary one again"
	server_sysctl net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0 net.ipv4.tcp_window_scaling=0
	both_ways "server has just lost all options"
	server_sysctl net.ipv4.tcp_timestamps=1 net.ipv4.tcp_sack=1 net.ipv4.tcp_window_scaling=1
	both_ways "server has all options again"
}

# Fast Open and Multipath TCP: where the guard answers itself, it takes the options away, and both
# ends fall back to what they can do without.
new_tcps() {
	client_sysctl net.ipv4.tcp_fastopen=1
	server_sysctl net.ipv4.tcp_fastopen=2
	restart_peer --fastopen
	mode_of_lab adaptive
	both_ways "Fast Open passes: the client gets its cookie" --fastopen
	both_ways "Fast Open passes: the client uses it" --fastopen
	mode_of_lab always
	both_ways "data in a SYN that the guard answers" --fastopen
	restart_peer --mptcp
	mode_of_lab adaptive
	both_ways "Multipath TCP passes" --mptcp
	mode_of_lab always
	both_ways "Multipath TCP that the guard answers" --mptcp
	restart_peer
}

options() {
	odd_clients
	changing_servers
	new_tcps
}

# set_mtu() - of all interfaces.
set_mtu() {
	local ns dev

	for ns in "${LAB_NS[@]}"; do
		for dev in c0 g0 g1 s0; do
			ip -n "$ns" link set "$dev" mtu "$1" 2>/dev/null
		done
	done
}

jumbo_setup() {
	set_mtu 9000
	options_setup
	for FAMILY in 4 6; do # learn the server's options
		check "the first client" peer_do --to "$(server_address $FAMILY):$PORT" --do get
	done
}

jumbo() {
	both_ways "MSS 8960 at both ends"
	check "the client was promised a large MSS" number "$(echo "$LAB_LINE" | json mss)" '>' 8000
	both_ways "MSS 8960 at the server, 536 at the client" --mss 536
	restart_peer --mss 1400
	both_ways "server has just shrunk to MSS 1400"
	both_ways "server with MSS 1400"
	restart_peer
}

lab_init
lab_each options
lab_each jumbo
lab_end
