#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Three addresses and a server with little room: a scanner is no attack, a flood is one, and RSTs that do not
# get to the server hide nothing of it.
. "$(dirname "$0")/lib.sh"

readonly HOLD=1 RATE=150
PYTHON=/usr/bin/python3
LAB_PLACEMENTS=gateway

few_setup() {
	in_server sysctl -qw net.ipv4.tcp_syncookies=0 net.ipv4.tcp_synack_retries=2
	NGINX_BACKLOG=16
	nginx_start
	guard_config adaptive "attack { hold = ${HOLD}s }"
	guard_start
}

# from_three() - the arguments of the flood, for $1 seconds; $2: "reset", or nothing.
from_three() {
	echo "$(dirname "$0")/few.py" c0 "$(in_guard cat /sys/class/net/g0/address)" \
		"$(echo "$SERVER" | tr -d '[]')" 80 "$1" $RATE "${2-}"
}

scanner() {
	# shellcheck disable=SC2046 # several words
	in_client $PYTHON $(from_three 4 reset) >"$LAB_TMP/scapy.txt" 2>&1 && return
	sed 's/^/# /' "$LAB_TMP/scapy.txt"
	return 1
}

served() {
	in_client curl -sf -m 5 -o /dev/null "http://$SERVER/"
}

# far() - is the server ($1: -I) farther away than the TTL of the RSTs reaches, or not (-D)?
far() {
	if [ "$FAMILY" = 4 ]; then
		in_server iptables -w "$1" INPUT -m ttl --ttl-lt 10 -j DROP
	else
		in_server ip6tables -w "$1" INPUT -p tcp -m hl --hl-lt 10 -j DROP
	fi
}

flood() {
	local attacks

	attacks=$(stat_of attacks)
	# shellcheck disable=SC2046 # several words
	start flood in_client $PYTHON $(from_three 30 "$@")
	check "noticed within six seconds" try_for 6 in_state attack
	lab_say "# $(ctl --json events | grep attack_began | tail -n 1 | json detail)"
	check "clients are served" served
	sleep $((HOLD + 1)) # it goes on, and remains the same attack
	check "it lasts as long as the flood" in_state attack
	stop flood
	check "and it is over" try_for $((HOLD + 8)) in_state calm
	check "one attack" number "$(stat_of attacks)" = $((attacks + 1))
}

few() {
	local attacks

	check "served in calm" served
	attacks=$(stat_of attacks)
	check "a scanner" scanner
	check "is no attack" number "$(stat_of attacks)" = "$attacks"
	flood
	far -I
	flood reset
	far -D
}

lab_init
lab_need_programs nginx curl iptables ip6tables
$PYTHON -c 'import scapy.all' 2>/dev/null || lab_skip "there is no scapy for $PYTHON"
lab_each few
lab_end
