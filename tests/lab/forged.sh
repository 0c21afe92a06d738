#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# On a gateway, strangers speak in a server's name: what comes in by the clients' interface is not from
# the server, whatever its source says.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 SHAKEN=7010 REFUSED=7011 LIES=8
PYTHON=/usr/bin/python3

# silence() - the server itself says nothing on the ports that the lies are about.
silence() {
	local tool

	for tool in iptables ip6tables; do
		in_server $tool -w -I INPUT -p tcp -m multiport --dports $SHAKEN,$REFUSED -j DROP
	done
}

lie() {
	in_client $PYTHON "$(dirname "$0")/forged.py" c0 "$(in_guard cat /sys/class/net/g0/address)" \
		"$(echo "$SERVER" | tr -d '[]')" $SHAKEN $REFUSED >"$LAB_TMP/scapy.txt" 2>&1 && return
	sed 's/^/# /' "$LAB_TMP/scapy.txt"
	return 1
}

# gained() - by how much counter $1 is higher than it was told to be in $2.
gained() {
	echo $(($(stat_of "$1") - $2))
}

# forged_of_status() - what is read is good for a second.
forged_of_status() {
	sleep 1.1
	ctl --json status | json forged
}

# known() - is anything known of a server at port $1?
known() {
	ctl --json backends | grep -q ":$1\""
}

# believed() - lie, and look how much of it is believed: all of it or nothing, as $1 says.
believed() {
	local seen passed refused dropped

	seen=$(stat_of synack_seen)
	passed=$(stat_of passed)
	refused=$(stat_of server_refused)
	dropped=$(forged_of_status)
	check "all were sent" lie
	check "SYN-ACKs believed" number "$(gained synack_seen "$seen")" = "$1"
	check "handshakes completed" number "$(gained passed "$passed")" = "$1"
	check "refusals believed" number "$(gained server_refused "$refused")" = "$1"
	check "the firewall has dropped the rest" number "$(($(forged_of_status) - dropped))" \
		= $((2 * (LIES - $1)))
}

lies() {
	believed $1
	if [ "$1" = 0 ]; then
		! known $SHAKEN
		verdict $? "nothing was learned"
		! known $REFUSED
		verdict $? "nobody is said to be down"
	fi
	check "a client is served" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	mode_of_lab always
	check "by cookie, too" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	mode_of_lab adaptive
}

each_family() {
	for FAMILY in 4 6; do
		LAB_LABEL="$1, IPv$FAMILY"
		SERVER=$(server_address $FAMILY)
		lies "$2"
	done
	LAB_LABEL=
}

# The answers of the server take another way than its route says: only without the check.
asymmetric() {
	lab_link "$NS_GUARD" g2 "$NS_SERVER" s2
	lab_address "$NS_GUARD" g2 203.0.113.1/24
	lab_address "$NS_SERVER" s2 203.0.113.2/24
	ip -n "$NS_SERVER" route replace default via 203.0.113.1
	check "answers by another way pass without the check" peer_do --to "$SERVER4:$PORT" --do both
	guard_config adaptive
	ctl config reload >/dev/null
	peer_do --to "$SERVER4:$PORT" --do get --timeout 1 >/dev/null
	check "and not with it" number $? = 1
	ip -n "$NS_SERVER" route replace default via 192.0.2.1
	check "as before" peer_do --to "$SERVER4:$PORT" --do both
}

lab_init
lab_need_programs iptables ip6tables
$PYTHON -c 'import scapy.all' 2>/dev/null || lab_skip "there is no scapy for $PYTHON"
lab_topology gateway
silence
peer_start $PORT
guard_config adaptive
guard_start
each_family "a gateway" 0
guard_config adaptive "" "anti-spoof = no"
check "the check is switched off by a reload" ctl config reload
each_family "anti-spoof = no" $LIES
asymmetric
lab_clear
lab_end
