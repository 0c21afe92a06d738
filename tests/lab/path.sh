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

# marks() - how many packets of file $1 match what $2 says; the filter knows no names for IPv6.
marks() {
	local ecn='ip[1] & 3' flags='tcp[13]' from="src port $PORT"

	if [ "$FAMILY" = 6 ]; then
		ecn='(ip6[0:2] >> 4) & 3' flags='ip6[53]'
	fi
	case $2 in
	capable) from="$from and $ecn != 0" ;;
	echoed) from="$from and $flags & 0x42 = 0x40" ;;
	reduced) from="dst port $PORT and $flags & 0x82 = 0x80" ;;
	esac
	tcpdump -nnr "$LAB_TMP/$1.pcap" "$from" 2>/dev/null | wc -l
}

# Every tenth packet toward the server is marked on the way (no SYN: with one that is marked the
# server declines ECN); the server must tell the client, and
# the client must answer that.
ecn_conversation() {
	# The guard learns from one that passes that the server does ECN.
	mode_of_lab adaptive
	check "a client with ECN passes" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	mode_of_lab "$1"
	start dump in_client tcpdump --immediate-mode -nni c0 -s 100 -Uw "$LAB_TMP/ecn.pcap" "tcp port $PORT"
	wait_for 5 tcpdump grep -q listening "$LAB_TMP/dump.log"
	check "2 MB both ways, some marked ($1)" peer_do --to "$SERVER:$PORT" --do both --bytes 2000000
	sleep 0.2
	stop dump INT
	check "the server's packets are ECN capable ($1)" number "$(marks ecn capable)" '>' 10
	check "congestion is echoed to the client ($1)" number "$(marks ecn echoed)" '>' 0
	check "the client's answer to that is seen ($1)" number "$(marks ecn reduced)" '>' 0
}

ecn() {
	local tool

	# Not every congestion control marks its packets. A listener keeps the one it began with.
	for ns in "$NS_CLIENT" "$NS_SERVER"; do
		in_ns "$ns" sysctl -qw net.ipv4.tcp_ecn=1 net.ipv4.tcp_congestion_control=reno
	done
	stop peer$PORT
	peer_start $PORT
	for FAMILY in 4 6; do
		LAB_LABEL="IPv$FAMILY"
		SERVER=$(server_address $FAMILY)
		if [ $FAMILY = 4 ]; then tool=iptables; else tool=ip6tables; fi
		in_ns "$NS_ROUTER" $tool -w -t mangle -A FORWARD -p tcp ! --syn --dport $PORT \
			-m statistic --mode nth --every 10 --packet 0 -j TOS --set-tos 3/3
		ecn_conversation adaptive
		ecn_conversation always
	done
	LAB_LABEL=
}

lab_init
lab_need_programs iptables ip6tables tcpdump
path_topology
peer_start $PORT
guard_config always
guard_start
path_mtu
ecn
lab_clear
lab_end
