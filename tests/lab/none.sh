#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# firewall = none: the rules that tcpguardd(8) gives to administrators who make their own, as they stand there.
. "$(dirname "$0")/lib.sh"

# manual_rules() - the commands for the placement $1; the laboratory's server has the address of the manual's.
manual_rules() {
	awk -v place="$1" '/^\.Cm firewall = none/ { on = 1 } /^\.Sh ATTACKS/ { exit } !on { next }
		/^For one worker/ { wanted = 1 }
		/^On a router/ { wanted = place == "gateway" }
		/^On the server itself/ { wanted = place == "host" }
		wanted && /^iptables|^    -/ { sub(/\\e$/, "\\"); print }' "$LAB_SOURCE/../man/tcpguardd.8"
}

load() {
	peer_load --to "$SERVER4:80" --count 200 --concurrency 20 && in_client curl -sf -m 5 \
		-o "$LAB_TMP/got" "http://$SERVER4/file" && cmp -s "$LAB_TMP/got" "$LAB_TMP/www/file"
}

rules() {
	in_guard iptables-save | grep '^-A'
}

# A packet of the guard's own that is queued is one with the mark.
tell_marked() {
	in_guard iptables -w -t raw -A "$1" -m mark --mark 0x7c9d/0x7c9d
}

# marked() - packets that came by all rules and carry the mark.
marked() {
	in_guard iptables-save -c -t raw | sed -n 's/^\[\([0-9]*\):.*0x7c9d$/\1/p' | grep -vc '^0$'
}

# The server's packets are too long for the way to the client, and the guard's kernel tells it so.
narrow_path() {
	ip -n "$NS_GUARD" route replace $CLIENT4/32 dev g0 mtu lock 1400
	check "a narrow path" load
	check "the server was told of it" number "$(stat_of icmp_translated)" '>' 0
	ip -n "$NS_GUARD" route del $CLIENT4/32
}

none() {
	local before

	manual_rules $PLACEMENT >"$LAB_TMP/rules.sh"
	check "no rule came from the daemon" number "$(rules | wc -l)" = 0
	check "clients pass the guard by" load
	check "it has seen nothing" number "$(stat_of packets_in)" = 0
	in_guard sh -e "$LAB_TMP/rules.sh"
	verdict $? "the rules of the manual can be made"
	tell_marked PREROUTING
	tell_marked OUTPUT
	check "clients are served" load
	check "by the guard" number "$(stat_of spliced)" '>=' 200
	check "which is shown no packet of its own" number "$(marked)" = 0
	[ "$PLACEMENT" = host ] || narrow_path
	before=$(rules)
	guard_stop
	verdict $? "it ends with status 0"
	[ "$(rules)" = "$before" ]
	verdict $? "the rules are as they were"
	check "they let clients pass" load
}

lab_init
lab_need_programs nginx curl iptables iptables-save
for placement in gateway host; do
	lab_topology $placement
	LAB_LABEL=$placement
	mkdir -p "$LAB_TMP/www"
	head -c 3000000 /dev/urandom >"$LAB_TMP/www/file"
	nginx_start
	guard_config always "" "firewall = none workers = 1"
	guard_start
	none
	lab_clear
done
LAB_LABEL=
lab_end
