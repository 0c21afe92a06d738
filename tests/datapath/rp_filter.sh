#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Injected packets carry addresses of others. They arrive whatever the reverse path filter says: on
# a gateway because they leave by the right interface, on a host because what goes through lo was
# routed on its way out. And the server's answers do not inherit their mark, whatever sysctls say.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000

filter() {
	local dev

	for dev in $(in_guard ls /proc/sys/net/ipv4/conf); do
		in_guard sysctl -qw "net.ipv4.conf.$dev.rp_filter=$1" || return 1
	done
}

# refused() - a port where nobody listens, although the guard has answered the SYN.
refused() {
	in_client "$TOOLS/peer" client --to "$1" --do get --timeout 3 >"$LAB_TMP/refused.txt" 2>&1
	grep -Eq '"end":"(refused|reset)"' "$LAB_TMP/refused.txt" && return
	sed 's/^/# /' "$LAB_TMP/refused.txt"
	return 1
}

lab_init
for placement in gateway host; do
	lab_topology $placement
	peer_start $PORT
	guard_config always
	guard_start
	for strict in 0 1 2; do
		LAB_LABEL="$placement, rp_filter=$strict"
		filter $strict || lab_skip "there is no rp_filter here"
		for family in 4 6; do
			check "a connection by cookie, IPv$family" peer_do --timeout 5 --do both \
				--bytes 50000 --to "$(server_address $family):$PORT"
		done
	done
	LAB_LABEL="$placement, answers inherit marks"
	in_guard sysctl -qw net.ipv4.tcp_fwmark_accept=1 net.ipv4.fwmark_reflect=1 \
		net.ipv6.fwmark_reflect=1
	for family in 4 6; do
		check "a connection by cookie, IPv$family" peer_do --timeout 5 --do both \
			--bytes 50000 --to "$(server_address $family):$PORT"
		check "a closed port, IPv$family" refused "$(server_address $family):7099"
	done
	LAB_LABEL=$placement
	check "the guard carried them all" [ "$(stat_of spliced)" = 8 ]
	lab_clear
done
LAB_LABEL=
lab_end
