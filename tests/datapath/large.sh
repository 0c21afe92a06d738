#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packets of 64 KB on their way through the guard's TUN device: forwarded, or delivered and sent here;
# whole as far as the next device takes them, cut and with good checksums behind it. Where the kernel
# does not let them through, it is said why, and they take the other way.
. "$(dirname "$0")/../lab/lib.sh"

readonly LARGE=$BUILD_DIR/tests/datapath/large QUEUE=100 DEVICE=tcpguard100 BYTES=60000 COUNT=50

# snmp() - the kernel's counter $2 of TCP in namespace $1.
snmp() {
	in_ns "$1" awk -v key="$2" '$1 == "Tcp:" && !n { n = split($0, name); next }
		$1 == "Tcp:" { split($0, v); for (i = 2; i <= n; i++) if (name[i] == key) print v[i] }' \
		/proc/net/snmp
}

# said() - the value of $1 in what the sender printed.
said() {
	sed -n "s/^$1 //p" "$LAB_TMP/large.txt"
}

sends() {
	"$@" >"$LAB_TMP/large.txt" 2>&1 && [ "$(said sent)" -ge $COUNT ] && [ "$(said errors)" = 0 ] &&
		return
	sed 's/^/# /' "$LAB_TMP/large.txt"
	return 1
}

# delivered() - $3 packets of $BYTES from $1 to $2 into namespace $4 were taken in by its TCP.
delivered() {
	local segments bad

	segments=$(snmp "$4" InSegs)
	bad=$(snmp "$4" InCsumErrors)
	check "they are sent" sends in_guard "$LARGE" $QUEUE "$1" "$2" $BYTES $COUNT
	check "whole" [ "$(said large)/$(said cut)" = "$COUNT/0" ]
	check "and nothing is said against it" [ -z "$(said why)" ]
	segments=$(($(snmp "$4" InSegs) - segments))
	check "TCP has taken them in ($segments)" [ $segments -ge "$3" ]
	check "without a bad checksum" [ $(($(snmp "$4" InCsumErrors) - bad)) = 0 ]
}

# fallback() - sent as well, cut here, for a reason that contains $1; further arguments run before it.
fallback() {
	local reason=$1 segments bad

	shift
	segments=$(snmp "$NS_SERVER" InSegs)
	bad=$(snmp "$NS_SERVER" InCsumErrors)
	check "they are sent" sends "$@" in_guard_here "$LARGE" $QUEUE $CLIENT $SERVER $BYTES $COUNT
	check "none of them whole" [ "$(said large)/$(said cut)" = "0/$COUNT" ]
	check "it is said why: $(said why)" grep -q "$reason" "$LAB_TMP/large.txt"
	segments=$(($(snmp "$NS_SERVER" InSegs) - segments))
	check "TCP has taken in $segments segments" [ $segments -ge $((COUNT * (BYTES / 1448))) ]
	check "without a bad checksum" [ $(($(snmp "$NS_SERVER" InCsumErrors) - bad)) = 0 ]
}

in_guard_here() {
	in_guard "$@"
}

# hidden() - run the rest where /dev/net/tun is what $1 is, or is not at all.
hidden() {
	local what=$1

	shift 2
	ip netns exec "$NS_GUARD" unshare -m sh -c 'if [ -n "$0" ]; then mount --bind "$0" /dev/net/tun
		else mount -t tmpfs none /dev/net; fi && exec "$@"' "$what" "$@"
}

no_device() {
	! in_guard ip link show $DEVICE >/dev/null 2>&1
}

has_device() {
	in_guard ip link show "$1" >/dev/null 2>&1
}

addresses() {
	CLIENT=$CLIENT4 SERVER=$SERVER4
	if [ "$1" = 6 ]; then CLIENT=$CLIENT6 SERVER=$SERVER6; fi
}

# offload() - $2: on or off, for what device $1 of the guard does with large packets.
offload() {
	in_guard ethtool -K "$1" tso "$2" gso "$2" sg "$2" tx "$2" >/dev/null 2>&1
}

gateway() {
	local family filter

	for family in 4 6; do
		addresses $family
		for filter in 0 1 2; do
			in_guard sysctl -qw net.ipv4.conf.all.rp_filter=$filter
			LAB_LABEL="gateway, IPv$family, rp_filter=$filter"
			delivered $CLIENT $SERVER $COUNT "$NS_SERVER"
			delivered $SERVER $CLIENT $COUNT "$NS_CLIENT"
		done
		LAB_LABEL="gateway, IPv$family, cut by the kernel"
		check "offloading can be switched off" offload g1 off
		delivered $CLIENT $SERVER $((COUNT * (BYTES / 1448))) "$NS_SERVER"
		offload g1 on
	done
}

# A policy of DROP in FORWARD is what many hosts have.
blocked() {
	local family

	for family in 4 6; do
		addresses $family
		LAB_LABEL="IPv$family, dropped in FORWARD"
		in_guard iptables -P FORWARD DROP
		in_guard ip6tables -P FORWARD DROP
		fallback "IPv$family packets that come in by $DEVICE do not get through"
		LAB_LABEL="IPv$family, let through in FORWARD"
		in_guard iptables -A FORWARD -i tcpguard+ -j ACCEPT
		in_guard ip6tables -A FORWARD -i tcpguard+ -j ACCEPT
		delivered $CLIENT $SERVER $COUNT "$NS_SERVER"
		in_guard iptables -F FORWARD
		in_guard ip6tables -F FORWARD
		in_guard iptables -P FORWARD ACCEPT
		in_guard ip6tables -P FORWARD ACCEPT
		LAB_LABEL="IPv$family, no /dev/net/tun"
		fallback "/dev/net/tun cannot be opened: No such file" hidden ""
		LAB_LABEL="IPv$family, /dev/net/tun is something else"
		fallback "$DEVICE cannot be made" hidden /dev/null
	done
}

# What is left when a sender is killed, and two daemons.
comes_and_goes() {
	local i

	addresses 4
	LAB_LABEL="gateway"
	for i in 1 2 3; do
		start large in_guard "$LARGE" $QUEUE $CLIENT $SERVER $BYTES 1 30
		wait_for 5 "the device" has_device $DEVICE
		stop large KILL
		check "nothing is left of what was killed ($i)" try_for 2 no_device
	done
	start large in_guard "$LARGE" $QUEUE $CLIENT $SERVER $BYTES 1 30
	start other in_guard "$LARGE" 200 $CLIENT $SERVER $BYTES 1 3
	wait_for 5 "the device" has_device $DEVICE
	check "another daemon has another device" try_for 2 has_device tcpguard200
	finish other
	check "it sends whole packets, too" grep -q '^cut 0$' "$LAB_TMP/other.log"
	check "it has taken its device along" [ "$(in_guard ip -o link | grep -c tcpguard)" = 1 ]
	stop large
}

# The server's host is no router, and nothing but the device may forward on it.
host() {
	local family filter

	in_guard sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
	for family in 4 6; do
		addresses $family
		for filter in 0 1 2; do
			in_guard sysctl -qw net.ipv4.conf.all.rp_filter=$filter
			LAB_LABEL="host, IPv$family, rp_filter=$filter"
			if [ $family = 6 ] && ! in_guard test -e /proc/sys/net/ipv6/conf/lo/force_forwarding; then
				lab_say "# this kernel does not forward IPv6 for one device alone"
				fallback "forwarding is off"
				continue
			fi
			delivered $CLIENT $SERVER $COUNT "$NS_SERVER"
			delivered $SERVER $CLIENT $COUNT "$NS_CLIENT"
		done
	done
	check "the host is no router yet" [ "$(in_guard sysctl -n net.ipv4.ip_forward)" = 0 ]
}

lab_init
lab_need_programs ethtool iptables ip6tables unshare
[ -x "$LARGE" ] || lab_die "$LARGE is not built"
[ -c /dev/net/tun ] || lab_skip "there is no /dev/net/tun"
lab_topology gateway
gateway
blocked
comes_and_goes
lab_clear
lab_topology host
host
LAB_LABEL=
lab_end
