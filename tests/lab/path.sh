#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the path says must reach the ends through the relay: "fragmentation needed", and ECN.
#
#   client -- .1 router .2 -- .1 guard -- server
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 NARROW=1400

path_topology() {
	lab_namespace c NS_CLIENT
	lab_namespace r NS_ROUTER
	lab_namespace g NS_GUARD
	lab_namespace s NS_SERVER
	lab_link "$NS_CLIENT" c0 "$NS_ROUTER" r0
	lab_link "$NS_ROUTER" r1 "$NS_GUARD" g0
	lab_link "$NS_GUARD" g1 "$NS_SERVER" s0
	lab_address "$NS_CLIENT" c0 $CLIENT4/24 $CLIENT6/64
	lab_address "$NS_ROUTER" r0 $GUARD4/24 $GUARD6/64
	lab_address "$NS_ROUTER" r1 203.0.113.2/24 fd00:b::2/64
	lab_address "$NS_GUARD" g0 203.0.113.1/24 fd00:b::1/64
	lab_address "$NS_GUARD" g1 192.0.2.1/24 fd00:5::1/64
	lab_address "$NS_SERVER" s0 $SERVER4/24 $SERVER6/64
	for ns in "$NS_ROUTER" "$NS_GUARD"; do
		in_ns "$ns" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	done
	lab_router "$NS_CLIENT" $GUARD4 $GUARD6
	lab_router "$NS_ROUTER" 203.0.113.1 fd00:b::1
	lab_router "$NS_GUARD" 203.0.113.2 fd00:b::2
	lab_router "$NS_SERVER" 192.0.2.1 fd00:5::1
	wait_for 5 "IPv4 through the laboratory" reaches $SERVER4:9
	wait_for 5 "IPv6 through the laboratory" reaches "[$SERVER6]:9"
}

# forget_path() - what the ends have learned about the path.
forget_path() {
	for ns in "$NS_CLIENT" "$NS_SERVER"; do
		ip -n "$ns" route flush cache
		ip -n "$ns" -6 route flush cache
		in_ns "$ns" ip tcp_metrics flush all >/dev/null 2>&1
	done
}

# narrow() - namespace $1 forwards to the client (or, with "server", to the server) in small packets.
narrow() {
	local via4=$3 via6=$4

	ip -n "$1" route replace "$2" ${via4:+via $via4} ${5:+dev $5} mtu lock $NARROW
	ip -n "$1" -6 route replace "$6" ${via6:+via $via6} ${5:+dev $5} mtu lock $NARROW
}

transfers_fit() {
	local f

	for f in 4 6; do
		LAB_LABEL="IPv$f"
		forget_path
		check "2 MB both ways: $1" peer_do --to "$(server_address $f):$PORT" --do both \
			--bytes 2000000 --timeout 8
		number "$(echo "$LAB_LINE" | json max_gap_us)" '<' 900000
		verdict $? "without a black hole: $1"
	done
	LAB_LABEL=
}

path_mtu() {
	transfers_fit "a wide path"
	narrow "$NS_ROUTER" $CLIENT4/32 "" "" r0 $CLIENT6/128
	transfers_fit "narrow behind a router on the client's side"
	check "an ICMP error was translated" number "$(stat_of icmp_translated)" '>' 0
	ip -n "$NS_ROUTER" route del $CLIENT4/32
	ip -n "$NS_ROUTER" -6 route del $CLIENT6/128
	narrow "$NS_GUARD" $CLIENT4/32 203.0.113.2 fd00:b::2 "" $CLIENT6/128
	transfers_fit "narrow at the guard itself, toward the client"
	ip -n "$NS_GUARD" route del $CLIENT4/32
	ip -n "$NS_GUARD" -6 route del $CLIENT6/128
	narrow "$NS_GUARD" $SERVER4/32 "" "" g1 $SERVER6/128
	transfers_fit "narrow at the guard itself, toward the server"
	ip -n "$NS_GUARD" route del $SERVER4/32
	ip -n "$NS_GUARD" -6 route del $SERVER6/128
}

# ecn_at() - is ECN in use on the connection to or from $PORT, and has the other end's been seen?
ecn_at() {
	in_ns "$1" ss -Hti "( sport = :$PORT or dport = :$PORT )" | grep -qw ecnseen
}

ecn() {
	local f

	for ns in "$NS_CLIENT" "$NS_SERVER"; do
		in_ns "$ns" sysctl -qw net.ipv4.tcp_ecn=1
	done
	for f in 4 6; do
		LAB_LABEL="IPv$f"
		# The guard learns from one that passes that the server does ECN.
		mode_of_lab adaptive
		check "a client with ECN passes" peer_do --to "$(server_address $f):$PORT" --do both --bytes 100000
		mode_of_lab always
		start ping in_client "$TOOLS/peer" client --to "$(server_address $f):$PORT" --do ping \
			--seconds 2
		check "ECN in use, seen at the client" try_for 1 ecn_at "$NS_CLIENT"
		check "ECN in use, seen at the server" try_for 1 ecn_at "$NS_SERVER"
		finish ping
	done
	LAB_LABEL=
}

lab_init
lab_need_programs ss
path_topology
peer_start $PORT
guard_config always
guard_start
path_mtu
ecn
lab_clear
lab_end
