#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Calm, flood, attack noticed, clients served all the while, calm again; and every mode at run time.
. "$(dirname "$0")/lib.sh"

readonly HOLD=2 PORT=7000

attack_setup() {
	# An ordinary server without cookies of its own, to which every client is a stranger: without
	# the guard it would be deaf.
	in_server sysctl -qw net.ipv4.tcp_syncookies=0 net.core.somaxconn=128 \
		net.ipv4.tcp_max_syn_backlog=128 net.ipv4.tcp_no_metrics_save=1
	NGINX_BACKLOG=128
	nginx_start
	peer_start $PORT
	guard_config adaptive "attack { hold = ${HOLD}s }"
	start old in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 6 \
		--interval 5ms
	sleep 0.2
	guard_start
	ATTACKS=0
}

last_event() {
	ctl --json events | grep "\"event\": *\"$1\"" | tail -n 1
}

# noticed_within() - milliseconds from the first forged packet to the event; must be less than $1.
noticed_within() {
	local event_ms first_us

	event_ms=$(last_event attack_began | json time_ms)
	first_us=$(json first_realtime_us <"$LAB_TMP/flood.log")
	[ -n "$event_ms" ] && [ -n "$first_us" ] || return 1
	lab_say "# noticed $((event_ms - first_us / 1000)) ms after the first forged packet"
	[ $((event_ms - first_us / 1000)) -le "$1" ]
}

flood_args() {
	echo --dst "$(echo "$SERVER" | tr -d '[]')" --port 80
	if [ "$FAMILY" = 4 ]; then echo --flags SEW; else echo --options linux; fi
}

under_flood() {
	local passed

	ATTACKS=$((ATTACKS + 1))
	start load in_client "$TOOLS/peer" load --to "$SERVER:80" --rate 200 --seconds 4
	start ping in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 4 \
		--interval 5ms
	sleep 0.5
	# shellcheck disable=SC2046 # several words
	start flood in_client "$TOOLS/flood" $(flood_args) --rate 20000 --seconds 2.5
	sleep 1.5
	check "the service is in attack" in_state attack
	passed=$(stat_of passed)
	check "a flood fills no half-opens" number "$(stat_of half_open)" '<' 64
	finish flood
	check "the flood was noticed within 200 ms" noticed_within 200
	check "a new client is served" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	check "through the relay" number "$(stat_of passed)" = "$passed"
	finish load
	number "$(json success_pct <"$LAB_TMP/load.log")" '>=' 99.9
	verdict $? "clients are served all the while: $(json success_pct <"$LAB_TMP/load.log") %"
	finish ping
	verdict $? "a connection from before the attack lives through it"
	finish old
	verdict $? "a connection older than the guard lives through it"
}

calm_again() {
	local passed

	check "it leaves after the hold time" try_for $((HOLD + 4)) in_state calm
	check "the attack is counted" number "$(stat_of attacks)" = $ATTACKS
	passed=$(stat_of passed)
	check "a client in calm" peer_do --to "$SERVER:$PORT" --do get
	check "is passed again" number "$(stat_of passed)" = $((passed + 1))
}

# grows() - counter $1 grows by a connection in mode $2, and $3 does not.
grows() {
	local a b

	mode_of_lab "$2"
	a=$(stat_of "$1")
	b=$(stat_of "$3")
	check "mode $2 serves" peer_do --to "$SERVER:$PORT" --do both
	check "mode $2: $1 grows" number "$(stat_of "$1")" '>' "$a"
	check "mode $2: $3 does not" number "$(stat_of "$3")" = "$b"
}

modes() {
	start ping in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 2 \
		--interval 5ms
	sleep 0.2
	grows spliced always passed
	start ping2 in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 2 \
		--interval 5ms
	sleep 0.2
	grows passed monitor spliced
	mode_of_lab off
	check "mode off serves" peer_do --to "$SERVER:$PORT" --do both
	grows passed adaptive spliced
	finish ping
	verdict $? "a passed connection lives through all modes"
	finish ping2
	verdict $? "a relayed connection lives through all modes"
}

attack() {
	check "served in calm" peer_load --to "$SERVER:80" --count 50 --concurrency 4
	under_flood
	calm_again
	modes
}

lab_init
lab_need_programs nginx
lab_each attack
lab_end
