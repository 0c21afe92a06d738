#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A virtual address comes to a host, goes and comes back: the rules follow it.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

# address() - "add" or "del" the server's address of family $2.
address() {
	if [ "$2" = 4 ]; then
		ip -n "$NS_SERVER" addr "$1" $SERVER4/32 dev lo
	else
		ip -n "$NS_SERVER" addr "$1" $SERVER6/128 dev lo
	fi
}

# placed() - do the rules take the server of family $1 for local ("host") or not ("gateway")?
placed() {
	local tool=iptables family=ip rules

	[ "$1" = 4 ] || tool=ip6tables family=ip6
	rules=$({
		in_guard $tool -w -t raw -S TCPGUARD_OUT
		in_guard nft list chain inet tcpguard out
	} 2>/dev/null | grep -c -- " -s .*NFQUEUE\|$family saddr .*queue")
	if [ "$2" = host ]; then [ "$rules" != 0 ]; else [ "$rules" = 0 ]; fi
}

changes() {
	grep -c 'the firewall rules follow' "$LAB_TMP/guard.log"
}

comes_and_goes() {
	local f=$1 tick

	check "$2 is a guess at first" placed "$f" gateway
	address add "$f"
	check "it came: the rules follow" try_for 2 placed "$f" host
	check "a client is served by cookie" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	check "by the guard" number "$(stat_of spliced)" '>' 0
	start ping in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 2
	sleep 0.3
	tick=$(changes)
	ip -n "$NS_SERVER" addr add 203.0.113.77/32 dev lo
	ip -n "$NS_SERVER" addr add fd00:77::1/128 dev lo
	sleep 0.2
	check "other addresses mean nothing" number "$(changes)" = "$tick"
	ip -n "$NS_SERVER" addr del 203.0.113.77/32 dev lo
	ip -n "$NS_SERVER" addr del fd00:77::1/128 dev lo
	address del "$((10 - f))" 2>/dev/null || address add "$((10 - f))"
	check "the other family's address moves" try_for 2 number_of_changes $((tick + 1))
	finish ping
	verdict $? "a connection lives through that"
	address del "$f"
	check "it went: the rules follow" try_for 2 placed "$f" gateway
	address add "$f"
	check "it came back: the rules follow" try_for 2 placed "$f" host
	check "a client is served again" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
}

number_of_changes() {
	[ "$(changes)" = "$1" ]
}

fixed() {
	guard_config always "" "placement = host"
	check "placement = host by a reload" ctl config reload
	address del 4
	sleep 0.2
	check "stays host without the address" placed 4 host
	address add 4
	guard_config always
	check "placement = auto by a reload" ctl config reload
	check "a client is served" peer_do --to "$SERVER4:$PORT" --do both
}

lab_init
lab_need_programs iptables ip6tables
lab_topology host
peer_start $PORT
address del 4
address del 6
guard_config always
guard_start
for FAMILY in 4 6; do
	LAB_LABEL="IPv$FAMILY"
	SERVER=$(server_address $FAMILY)
	placed $FAMILY host && address del $FAMILY && sleep 0.2
	comes_and_goes $FAMILY "the gateway"
done
LAB_LABEL=
fixed
lab_clear
lab_end
