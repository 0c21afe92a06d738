#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each segment of the split handshake is lost once; the connection must come about all the same, with a
# client that speaks first and with a server that does.
#
# The one loss that nobody can repair: the client's ACK, when the server speaks first. The guard has
# sent its SYN-ACK without memory, and the client has nothing to repeat. The kernel's own SYN cookies
# share that.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 BANNER=7001 NEVER_AGAIN=1000000
LAB_PLACEMENTS=gateway

handshake_setup() {
	peer_start $PORT
	peer_start $BANNER --banner SSH-2.0-laboratory
	guard_config always
	guard_start
	for FAMILY in 4 6; do # so that the options are known and nothing else is sent
		check "the first client" peer_do --to "$(server_address $FAMILY):$PORT" --do get
		check "the first client" peer_do --to "$(server_address $FAMILY):$BANNER" --banner --do get
	done
}

# lose_one() - in namespace $1, before anybody else sees it, the first TCP packet that matches $2...
lose_one() {
	LOSE_NS=$1
	shift
	in_ns "$LOSE_NS" $TABLES -w -t raw -I PREROUTING 1 -p tcp "$@" -m statistic --mode nth \
		--every $NEVER_AGAIN --packet 0 -j DROP
}

lose_none() {
	local lost

	lost=$(in_ns "$LOSE_NS" $TABLES -w -t raw -vnxL PREROUTING 1 | awk '{ print $1 }')
	in_ns "$LOSE_NS" $TABLES -w -t raw -D PREROUTING 1
	[ "$lost" = 1 ]
}

# survives() - $1 is lost in namespace $2, by the rule that follows; the client says --banner or not.
survives() {
	local what=$1 ns=$2 port=$PORT banner=

	shift 2
	if [ "$1" = --banner ]; then
		port=$BANNER banner=--banner
		shift
	fi
	lose_one "$ns" "$@"
	check "lost: $what" peer_do --to "$SERVER:$port" $banner --do get --bytes 20000 --timeout 6
	lose_none
	verdict $? "exactly one was lost: $what"
}

handshake() {
	local syn_ack="--tcp-flags SYN,ACK SYN,ACK" ack="--tcp-flags ALL ACK"

	if [ $FAMILY = 4 ]; then TABLES=iptables; else TABLES=ip6tables; fi
	survives "the client's SYN" "$NS_GUARD" --syn
	survives "the guard's SYN-ACK" "$NS_CLIENT" $syn_ack
	survives "the client's ACK" "$NS_GUARD" --dport $PORT $ack
	in_client sysctl -qw net.ipv4.tcp_timestamps=0
	survives "the ACK of a client without timestamps" "$NS_GUARD" --dport $PORT $ack
	in_client sysctl -qw net.ipv4.tcp_timestamps=1
	survives "the guard's SYN" "$NS_SERVER" --syn
	survives "the server's SYN-ACK" "$NS_GUARD" --sport $PORT $syn_ack
	survives "the server's SYN-ACK, the server speaks first" "$NS_GUARD" --banner --sport $BANNER $syn_ack
	survives "the guard's ACK" "$NS_SERVER" $ack
	survives "the guard's ACK, the server speaks first" "$NS_SERVER" --banner $ack
	survives "the guard's opening of the window" "$NS_CLIENT" $ack
	survives "the guard's opening of the window, the server speaks first" "$NS_CLIENT" --banner $ack
}

lab_init
lab_need_programs iptables ip6tables
lab_each handshake
lab_end
