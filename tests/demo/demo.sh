#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demonstration: nginx, its clients and a SYN flood, first without the guard, then with it.
#
#   client namespace            guard namespace          server namespace
#   clients, flood sender  ---  router, tcpguardd   ---  nginx, tcp_syncookies=0, backlog 128
#
# Exit status 0 only if with the guard at least 99.9 % of the clients' requests succeeded under flood
# and the attack was noticed within 200 ms of its first packet.

usage() {
	cat <<-END
		usage: demo.sh [options]
		Watch nginx live through a SYN flood, in network namespaces of its own. Needs root.

		  --build DIR      where tcpguardd and the tools were built (default: here)
		  --capture FILE   replay this recorded attack (pcap, pcapng) instead of making one up
		  --rate N         forged SYNs a second (default 30000)
		  --requests N     client requests a second (default 200)
		  --seconds S      how long the guarded flood lasts (default 12)
		  --ipv6           all of it over IPv6
	END
}

RATE=30000 REQUESTS=200 FLOOD_S=12 CAPTURE='' FAMILY=4
# shellcheck disable=SC2034 # read by args.sh
ARGS='--build BUILD_DIR text
--capture CAPTURE file
--rate RATE number
--requests REQUESTS number
--seconds FLOOD_S number
--ipv6 FAMILY flag:6'
. "$(dirname "$0")/../lab/args.sh"
args_parse "$@"

. "$(dirname "$0")/../lab/lib.sh"

# A request that takes longer than PATIENCE has failed; the guard goes back to calm HOLD seconds
# after the flood (60 by default, short here so that it can be watched).
readonly BACKLOG=128 PATIENCE=3 CALM_S=3 BARE_FLOOD_S=8 HOLD=5

bold() {
	if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}

# --- what runs ----------------------------------------------------------------------------------

server_start() {
	in_server sysctl -qw net.ipv4.tcp_syncookies=0 net.core.somaxconn=$BACKLOG \
		net.ipv4.tcp_max_syn_backlog=$BACKLOG
	# The kernel keeps a quarter of the backlog for addresses it has met before. All these clients
	# share one address; they are to be as unknown to the server as most visitors are.
	in_server sysctl -qw net.ipv4.tcp_no_metrics_save=1
	NGINX_BACKLOG=$BACKLOG
	nginx_start
}

# clients() - requests for $2 seconds, each second's figures going to $1.log.
clients() {
	start "$1" in_client "$TOOLS/peer" load --to "$SERVER:80" --rate "$REQUESTS" \
		--seconds "$2" --timeout $PATIENCE --interval 1
}

# attack() - for $2 seconds, its report going to $1.log.
attack() {
	if [ -n "$CAPTURE" ]; then
		start "$1" in_client "$TOOLS/replay" --dst $TARGET --port 80 --lead 0.2 --loop "$2" "$CAPTURE"
	else
		start "$1" in_client "$TOOLS/flood" --dst $TARGET --port 80 --rate "$RATE" --seconds "$2"
	fi
}

curl_once() {
	local said

	said=$(in_client curl -s -m $PATIENCE -w ' (%{time_total} s)' "http://$SERVER/" | tr -d '\n')
	case $said in
	*nginx*) echo "        curl: $said" ;;
	*) echo "        curl: no answer within $PATIENCE s" ;;
	esac
}

# --- what is shown ------------------------------------------------------------------------------

server_half_open() {
	in_server ss -Hnt state syn-recv | wc -l
}

show_header() {
	printf '%4s  %-10s %9s %10s %10s   %-16s %s\n' time state half-open SYN/s cookies/s \
		'clients: ok' 'failed  connect p50'
}

# show_line() - $1 the second, $2 the log of the clients.
show_line() {
	local row state=- half syn=0 cookies=0 stats

	row=$(grep '"t":' "$LAB_TMP/$2.log" | tail -n 1)
	if running guard; then
		stats=$(ctl --json stats lab | head -n 1)
		state=$(echo "$stats" | json state)
		half=$(echo "$stats" | json half_open)
		syn=$(echo "$stats" | json syn_received)
		cookies=$(echo "$stats" | json cookies_sent)
	else
		half=$(server_half_open)
	fi
	printf '%3ss  %-10s %9s %10s %10s   %-16s %-7s %s\n' "$1" "$state" "$half" \
		"$(per_second "$syn" "$LAST_SYN")" "$(per_second "$cookies" "$LAST_COOKIES")" \
		"$(echo "$row" | json ok)/s" "$(echo "$row" | json failed)" \
		"$(echo "$row" | json connect_p50_us | to_ms)"
	LAST_SYN=$syn LAST_COOKIES=$cookies
}

per_second() {
	if running guard; then echo $(($1 - $2)); else echo -; fi
}

to_ms() {
	awk '$1 > 0 { printf "%.1f ms", $1 / 1000 } $1 == 0 { printf "-" }'
}

# live() - a line a second as long as the clients called $1 run.
live() {
	local begin=$SECONDS next

	LAST_SYN=0 LAST_COOKIES=0
	if running guard; then
		LAST_SYN=$(stat_of syn_received)
		LAST_COOKIES=$(stat_of cookies_sent)
	fi
	next=$(($(date +%s%3N) + 1050))
	while running "$1"; do
		while [ "$(date +%s%3N)" -lt "$next" ] && running "$1"; do sleep 0.02; done
		running "$1" || break
		show_line $((SECONDS - begin)) "$1"
		next=$((next + 1000))
	done
	finish "$1"
}

# --- the two acts -------------------------------------------------------------------------------

# run_act() - calm, then flood for $2 seconds; names of the logs begin with $1.
run_act() {
	bold "$3"
	show_header
	clients "$1-calm" $CALM_S
	live "$1-calm"
	curl_once
	echo "      -- the flood begins --"
	clients "$1-flood" "$2"
	sleep 0.3
	attack "$1-attack" "$2"
	live "$1-flood"
	curl_once
	finish "$1-attack"
	echo "      -- the flood has ended --"
}

without_guard() {
	server_start
	run_act bare $BARE_FLOOD_S "1. Without the guard: nginx alone, backlog $BACKLOG, no SYN cookies"
	stop nginx # its half-opens would stay for a minute
}

with_guard() {
	server_start
	guard_config adaptive "attack { hold = ${HOLD}s }"
	guard_start
	run_act guarded "$FLOOD_S" "2. With tcpguardd on the router (mode adaptive, hold $HOLD s)"
	clients after $((HOLD + 6))
	live after
	ctl --json stats lab | head -n 1 >"$LAB_TMP/stats"
	ctl --json events >"$LAB_TMP/events"
}

# --- the table ----------------------------------------------------------------------------------

# event_ms() - wall clock in ms of the first ($2 head) or last (tail) event called $1.
event_ms() {
	grep "\"event\": *\"$1\"" "$LAB_TMP/events" | "$2" -n 1 | json time_ms
}

# attack_us() - wall clock in us of the first SYN of the guarded attack, and of its last packet.
attack_us() {
	awk -v first="$(json first_us <"$LAB_TMP/guarded-attack.log")" \
		-v syn="$(json first_syn_us <"$LAB_TMP/guarded-attack.log")" \
		-v last="$(json last_us <"$LAB_TMP/guarded-attack.log")" \
		-v wall="$(json first_realtime_us <"$LAB_TMP/guarded-attack.log")" 'BEGIN {
		printf "%.0f %.0f\n", wall + (syn ? syn - first : 0), wall + last - first }'
}

# measure() - NOTICED_MS after the first SYN, LEFT_MS after the last packet; empty if it did not.
measure() {
	local first last began ended

	read -r first last < <(attack_us)
	began=$(event_ms attack_began head)
	ended=$(event_ms attack_ended tail)
	NOTICED_MS='' LEFT_MS=''
	[ -z "$began" ] || NOTICED_MS=$((began - first / 1000))
	[ -z "$ended" ] || LEFT_MS=$((ended - last / 1000))
	[ -z "$NOTICED_MS" ] || [ "$NOTICED_MS" -ge 0 ] || NOTICED_MS=0 # the clock of events counts in ms
	SUCCESS=$(json success_pct <"$LAB_TMP/guarded-flood.log")
}

row() {
	printf '  %-48s %18s %18s\n' "$1" "$2" "$3"
}

# both() - the value of key $3 in the summaries of both acts' $2, in the unit $4.
both() {
	row "$1" "$(summary bare-$2 $3 ${4:-})" "$(summary guarded-$2 $3 ${4:-})"
}

# summary() - key $2 of the last line of $1.log, in the unit $3.
summary() {
	local value

	value=$(tail -n 1 "$LAB_TMP/$1.log" | json "$2")
	case ${3:-} in
	ms) awk -v v="$value" 'BEGIN { printf "%.1f ms", v / 1000 }' ;;
	%) awk -v v="$value" 'BEGIN { printf "%.2f %%", v }' ;;
	*) echo "$value" ;;
	esac
}

of_guard() {
	row "$1" "" "$(json "$2" <"$LAB_TMP/stats")"
}

table() {
	bold "Result"
	row "" "without the guard" "with the guard"
	both "clients before the flood: succeeded" calm success_pct %
	both "                          connect p50" calm connect_p50_us ms
	both "                          connect p99" calm connect_p99_us ms
	both "clients under flood:      requests" flood requests
	both "                          succeeded" flood success_pct %
	both "                          connect p50" flood connect_p50_us ms
	both "                          connect p99" flood connect_p99_us ms
	row "clients after the flood:  succeeded" "" "$(summary after success_pct %)"
	both "forged packets sent" attack sent
	both "               a second" attack rate
	of_guard "SYNs that reached the guard" syn_received
	of_guard "SYN cookies sent" cookies_sent
	of_guard "cookies that came back valid" cookies_valid
	of_guard "half-open connections at most, cookies included" half_open_peak
	of_guard "forged half-opens taken off the server" half_open_relieved
	row "attack noticed after its first SYN" "" "${NOTICED_MS:-never}${NOTICED_MS:+ ms}"
	row "calm again after its last packet (hold $HOLD s)" "" "${LEFT_MS:-not yet}${LEFT_MS:+ ms}"
}

judge() {
	local status=0

	number "$SUCCESS" '>=' 99.9 || status=1
	[ -n "$NOTICED_MS" ] && number "$NOTICED_MS" '<=' 200 || status=1
	if [ $status = 0 ]; then
		bold "The server lived through it: $SUCCESS % of requests, noticed after $NOTICED_MS ms."
	else
		bold "Not good enough: 99.9 % of requests and 200 ms were to be reached."
		sed 's/^/  daemon: /' "$LAB_TMP/guard.log" | tail -n 20
	fi
	return $status
}

main() {
	lab_init
	lab_need_daemon
	lab_need_programs nginx curl ss
	SERVER=$(server_address $FAMILY)
	TARGET=$(echo "$SERVER" | tr -d '[]')
	if [ -n "$CAPTURE" ]; then
		[ -r "$CAPTURE" ] || lab_die "cannot read $CAPTURE"
		[ -x "$TOOLS/replay" ] || lab_die "the replay tool is not built: libpcap is missing"
		echo "the recorded attack: $("$TOOLS/replay" --show --dst $TARGET --port 80 "$CAPTURE")" || exit 1
	fi
	lab_topology gateway
	without_guard
	with_guard
	measure
	table
	guard_stop
	judge
}

main
