#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own bad weather (netem) on the clients' link, both ways: what arrives is what was sent.
. "$(dirname "$0")/../lab/lib.sh"

readonly RELAYED=7000 ENDS=7100 BYTES=${NETEM_BYTES:-2000000}

netem_setup() {
	mkdir -p "$LAB_TMP/www"
	head -c $BYTES /dev/urandom >"$LAB_TMP/www/file"
	HASH=$(sha256sum <"$LAB_TMP/www/file")
	nginx_start
	sed 's/:80 /:7100 /' "$LAB_TMP/nginx.conf" >"$LAB_TMP/nginx2.conf"
	sed -i "s|$LAB_TMP/nginx/pid|$LAB_TMP/nginx/pid2|" "$LAB_TMP/nginx2.conf"
	start nginx2 in_server nginx -c "$LAB_TMP/nginx2.conf" -e "$LAB_TMP/nginx/error2.log"
	wait_for 5 "the second nginx" listening $ENDS
	peer_start $RELAYED
	peer_start 7101
	guard_config always "" "msl = 500ms timeouts { reset = 500ms }
service \"ends\" {
	listen = { \"$SERVER4:7100-7101\", \"[$SERVER6]:7100-7101\" }
	engine = terminate
	mode = always
}"
	guard_start
	far=$NS_GUARD far_dev=g0
	[ "$PLACEMENT" = gateway ] || far_dev=s0
	# Losses are to hit packets as they are on a wire, not the large ones of a virtual one.
	in_client ethtool -K c0 tso off gso off >/dev/null
	in_ns "$far" ethtool -K $far_dev tso off gso off >/dev/null
}

weather() {
	tc -n "$NS_CLIENT" qdisc replace dev c0 root netem limit 10000 "$@" &&
		tc -n "$far" qdisc replace dev $far_dev root netem limit 10000 "$@"
}

fair() {
	tc -n "$NS_CLIENT" qdisc del dev c0 root
	tc -n "$far" qdisc del dev $far_dev root
}

# same_file() - as the server has it, from port $1.
same_file() {
	[ "$(in_client curl -sf -m 90 "http://$SERVER:$1/file" | sha256sum)" = "$HASH" ]
}

# under() - $1: what it is called; the rest: netem's words
under() {
	local what=$1

	shift
	weather "$@"
	verdict $? "$what: netem takes it"
	check "$what, relay: the file is the same at both ends" same_file 80
	check "$what, relay: so is what goes up" peer_do --to "$SERVER:$RELAYED" --do put --bytes $BYTES --timeout 90
	check "$what, terminate: the file is the same at both ends" same_file $ENDS
	check "$what, terminate: so is what goes up" peer_do --to "$SERVER:7101" --do put --bytes $BYTES --timeout 90
}

netem() {
	local relayed terminated

	relayed=$(stat_of spliced) terminated=$(ctl --json stats ends | json terminated | head -n 1)
	under "delay" delay 20ms 5ms distribution normal
	if [ "$PLACEMENT" = gateway ]; then
		under "loss" delay 2ms loss random 2%
		under "duplicates" delay 2ms duplicate 5%
		under "another order" delay 5ms reorder 25% 50%
		under "wrong bits" delay 2ms corrupt 1%
	fi
	under "all at once" delay 5ms 2ms loss 1% duplicate 1% reorder 5% corrupt 0.5%
	fair
	check "the relay engine had them" number "$(stat_of spliced)" '>' "$((relayed + 3))"
	check "the terminate engine had its own" number \
		"$(ctl --json stats ends | json terminated | head -n 1)" '>' "$((terminated + 3))"
	check "no flow is left after a while" try_for 30 no_flows
}

lab_init
lab_need_programs nginx curl sha256sum tc ethtool
tc qdisc add dev lo root netem delay 0ms 2>/dev/null || lab_skip "this kernel has no netem"
tc qdisc del dev lo root
lab_each netem
lab_end
