#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every connection through the terminate engine: all ways to talk and to part, much data, many
# connections, servers that refuse, a flood; without and with a bad cable.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/talk.sh"

readonly CLOSED=7050 BIG=${TERMINATE_BYTES:-100000000}

terminate_setup() {
	talk_start
	nginx_start
	guard_config adaptive "engine = terminate" "msl = 500ms timeouts { reset = 500ms }"
	guard_start
}

# refused() - the client of a closed port is told so, at once.
refused() {
	in_client "$TOOLS/peer" client --to "$SERVER:$CLOSED" --do get --timeout 5 >"$LAB_TMP/closed"
	[[ " refused reset " == *" $(json end <"$LAB_TMP/closed") "* ]] &&
		number "$(json total_us <"$LAB_TMP/closed")" '<' ${LAB_WIRE:+2}300000
}

# two_ends() - are both ends of a connection to be seen?
two_ends() {
	local rows

	rows=$(ctl --json ends --state ESTABLISHED | grep ":$TALK_PORT\"")
	[ "$(echo "$rows" | grep -c '"toward":"client"')" = 1 ] &&
		[ "$(echo "$rows" | grep -c '"toward":"server"')" = 1 ] &&
		number "$(echo "$rows" | head -n 1 | json srtt_us)" '>' 0 &&
		ctl netstat | grep ESTABLISHED | grep -Fq ":$TALK_PORT " &&
		in_server ss -Htn state established "sport = :$TALK_PORT" | grep -Fq "$CLIENT:"
}

visible() {
	local status

	start hold in_client "$TOOLS/peer" client --to "$SERVER:$TALK_PORT" --do ping \
		--seconds $((1 + LAB_SLOW))
	try_for 3 two_ends
	status=$?
	finish hold || status=1
	return $status
}

short_connections() {
	local rate

	rate=$(in_client wrk -t1 -c20 -d2s -H 'Connection: close' "http://$SERVER/" |
		tee "$LAB_TMP/wrk" | sed -n 's/^Requests\/sec: *//p')
	lab_say "# $rate connections a second"
	number "$rate" '>' 100 && ! grep -q 'Socket errors' "$LAB_TMP/wrk"
}

terminate() {
	local before

	before=$(stat_of terminated)
	talk_all
	check "nginx answers" in_client curl -sf -m 5 -o /dev/null "http://$SERVER/"
	# what was tried again over a bad cable counts again
	check "each connection was terminated" number $(($(stat_of terminated) - before)) ${LAB_WIRE:+>}= 13
	check "none was passed or spliced" number $(($(stat_of passed) + $(stat_of spliced))) = 0
	check "both ends are shown" visible
	check "a closed port refuses" refused
	if [ "$PLACEMENT" = gateway ]; then check "a smaller link of the guard" small_link; fi
	check "200 short connections" peer_load --to "$SERVER:80" --count 200 --concurrency 20
	check "no flow is left 2 MSL later" try_for 5 no_flows
}

much() {
	check "$BIG bytes down" peer_do --to "$SERVER:$TALK_PORT" --do get --bytes "$BIG" --timeout 60
	lab_say "# $(echo "$LAB_LINE" | json total_us) us"
	check "$BIG bytes up" peer_do --to "$SERVER:$TALK_PORT" --do put --bytes "$BIG" --timeout 60
	lab_say "# $(echo "$LAB_LINE" | json total_us) us"
	check "short connections, each closed by the server" short_connections
	start flood in_client "$TOOLS/flood" --dst "$(echo "$SERVER" | tr -d '[]')" --port 80 \
		--rate $((20000 / LAB_SLOW)) --seconds 4
	sleep 0.5
	check "200 short connections under flood" peer_load --to "$SERVER:80" --count 200 \
		--concurrency 20 --timeout $((5 * LAB_SLOW))
	stop flood
	check "no memory is held" try_for 5 no_flows
}

# A link of the guard that carries less than both ends believe. Of long packets the kernel says so by
# ICMP, of a single segment it tells only who sends it. What comes in by that link is small here.
small_link() {
	local link what bytes status=0

	for link in g0:get g1:put; do
		what=${link#*:}
		in_guard ip link set ${link%:*} mtu 1300
		for bytes in 1400 1000000; do
			peer_do --to "$SERVER:$TALK_PORT" --do "$what" --bytes $bytes --timeout 5 || status=1
		done
		in_guard ip link set ${link%:*} mtu 1500
	done
	return $status
}

device_is_there() {
	in_guard ip -br link | grep -q '^tcpguard'
}

# later() - who comes to need the device after the start: first a relayed connection that has to end at
# the guard, since its server lacks the timestamps that its client was promised; then a reload.
later() {
	if [ "$FAMILY" = 4 ]; then
		check "no device without the engine" eval '! device_is_there'
		peer_do --to "$SERVER:$TALK_PORT" --do get --bytes 1000
		in_server sysctl -qw net.ipv4.tcp_timestamps=0
		check "1 MB from a server without timestamps" peer_do --to "$SERVER:$TALK_PORT" --do get \
			--bytes 1000000
		in_server sysctl -qw net.ipv4.tcp_timestamps=1
		check "a device, since long packets were cut" try_for 5 device_is_there
		guard_stop
		guard_start
	else
		check "no device after another start" eval '! device_is_there'
		guard_config adaptive "engine = terminate" "msl = 500ms timeouts { reset = 500ms }"
		check "the engine by a reload" ctl config reload
		check "a device for long packets" try_for 5 device_is_there
		check "1 MB down" peer_do --to "$SERVER:$TALK_PORT" --do get --bytes 1000000
		check "none was cut here" number "$(ctl --json status | json cut | head -n 1)" = 0
	fi
}

later_setup() {
	talk_start
	guard_config always "" "msl = 500ms timeouts { reset = 500ms }"
	guard_start
}

much_setup() {
	terminate_setup
}

lab_init
lab_need_programs nginx curl wrk
lab_each terminate
lab_each much
LAB_PLACEMENTS=gateway lab_each later
LAB_WIRE="--delay 5ms --jitter 2ms --loss 2 --duplicate 1 --reorder 2" LAB_PLACEMENTS=gateway
lab_each terminate
lab_end
