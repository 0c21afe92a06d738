#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark: plain forwarding, kernel SYNPROXY, HAProxy, and the guard, one after the other in
# every round, so that what the machine does meanwhile hits all of them alike. Medians and ratios.
#
# Everything runs in network namespaces on this machine: trust the ratios, not the figures.

usage() {
	cat <<-END
		usage: bench.sh [options]                       (needs root, and a machine that is idle)

		  --build DIR     where tcpguardd and the tools were built (default: here)
		  --rounds N      (default 3)
		  --only WHAT     one or more of: throughput connections latency syn memory dump
		                  goodput, joined by commas (default: all)
		  --seconds S     of each measurement (default 2)
		  --json FILE     results as JSON (default: bench.json in the build directory)
	END
}

ALL=throughput,connections,latency,syn,memory,dump,goodput
ROUNDS=3 ONLY=$ALL SECONDS_EACH=2 JSON=''
# shellcheck disable=SC2034 # read by args.sh
ARGS="--build BUILD_DIR text
--rounds ROUNDS number
--only ONLY list:$ALL
--seconds SECONDS_EACH number
--json JSON text"
. "$(dirname "$0")/../lab/args.sh"
args_parse "$@"

. "$(dirname "$0")/../lab/lib.sh"
. "$(dirname "$0")/report.sh"

readonly IPERF_PORT=7010 PEER_PORT=7000 IDLE_PORT=7020 FLOOD_RATE=30000 REQUEST_RATE=500
readonly IDLE_FROM="21 22 23 24 25" IDLE_EACH=19900 # a process may have 20,000 files
readonly SUBJECTS="forward synproxy haproxy calm relay terminate"
JSON=${JSON:-$BUILD_DIR/bench.json}

wanted() {
	[[ ",$ONLY," == *",$1,"* ]]
}

# note() - one value: metric, subject, value. Values that are missing are left out.
note() {
	[ -n "$3" ] || return 0
	printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$LAB_TMP/values"
}

progress() {
	printf '%s\n' "$*" >&2
}

# --- subjects -----------------------------------------------------------------------------------
# Each is begun and ended in the guard's namespace; ADDRESS is where its clients connect to.

forward_begin() { ADDRESS=$SERVER4; }
forward_end() { :; }

# The options that SYNPROXY promises are copied from the server by hand, as its users must.
synproxy_begin() {
	local chain=${1:-FORWARD}

	ADDRESS=$SERVER4
	in_guard sysctl -qw net.ipv4.tcp_syncookies=1 net.ipv4.tcp_timestamps=1 \
		net.netfilter.nf_conntrack_tcp_loose=0
	in_guard iptables -w -t raw -A PREROUTING -d $SERVER4 -p tcp --syn -j CT --notrack
	in_guard iptables -w -A $chain -d $SERVER4 -p tcp -m conntrack --ctstate INVALID,UNTRACKED \
		-j SYNPROXY --sack-perm --timestamp --wscale 10 --mss 1460
	in_guard iptables -w -A $chain -p tcp -m conntrack --ctstate INVALID -j DROP
}

synproxy_end() {
	in_guard iptables -w -t raw -F
	in_guard iptables -w -F
}

haproxy_begin() {
	local port

	ADDRESS=$GUARD4
	{
		cat <<-END
			global
			    maxconn 4000
			defaults
			    mode tcp
			    option splice-auto
			    option splice-request
			    option splice-response
			    timeout connect 5s
			    timeout client 60s
			    timeout server 60s
		END
		for port in 80 $PEER_PORT $IPERF_PORT; do
			printf 'listen p%s\n    bind %s:%s\n    server s %s:%s\n' $port $GUARD4 $port \
				$SERVER4 $port
		done
	} >"$LAB_TMP/haproxy.cfg"
	start haproxy in_guard haproxy -db -f "$LAB_TMP/haproxy.cfg"
	wait_for 5 haproxy haproxy_listens
}

haproxy_listens() {
	[ "$(in_guard ss -Hltn | grep -c "$GUARD4:")" -ge 3 ]
}

haproxy_end() { stop haproxy; }

calm_begin() { guard_begin adaptive; }
relay_begin() { guard_begin always; }
terminate_begin() { guard_begin always "engine = terminate"; }
calm_end() { guard_stop; }
relay_end() { guard_stop; }

# Long packets that are cut in user space would be another engine.
terminate_end() {
	note cut_here terminate "$(ctl --json status | json cut | head -n 1)"
	guard_stop
}

# guard_begin() - mode, lines for the service. One connection passes first, so that the server's options
# are known.
guard_begin() {
	ADDRESS=$SERVER4
	guard_config adaptive "attack { start = 4096  end = 2048  hold = 1s }
		${2:-}"
	guard_start
	peer_do --to "$SERVER4:$PEER_PORT" --do get
	peer_load --to "$SERVER4:80" --count 1
	in_client iperf3 -c $SERVER4 -p $IPERF_PORT -n 1000 >/dev/null 2>&1
	mode_of_lab "$1"
}

# --- throughput and connections -----------------------------------------------------------------

# iperf() - Gbit/s received, with these further arguments of iperf3.
iperf() {
	in_client timeout 30 iperf3 -c "$ADDRESS" -p $IPERF_PORT -t "$SECONDS_EACH" -f m "$@" 2>/dev/null |
		awk '/receiver/ { v = $0; if (/SUM/) sum = $0 }
		END { n = split(sum ? sum : v, f); for (i = 2; i <= n; i++)
			if (f[i] == "Mbits/sec") printf "%.3f", f[i - 1] / 1000 }'
}

throughput() {
	note one_stream_up "$1" "$(iperf)"
	note one_stream_down "$1" "$(iperf -R)"
	note ten_streams_up "$1" "$(iperf -P 10)"
	note hundred_streams_up "$1" "$(iperf -P 100)"
}

connections() {
	in_client wrk -t1 -c50 -d"${SECONDS_EACH}s" --timeout 5s -H 'Connection: close' \
		"http://$ADDRESS/" >"$LAB_TMP/wrk" 2>&1
	note connections "$1" "$(awk '/Requests\/sec/ { print $2 }' "$LAB_TMP/wrk")"
	note connection_errors "$1" "$(awk '/Socket errors/ { gsub(",", ""); print $4 + $6 + $8 + $10; n = 1 }
		END { if (!n) print 0 }' "$LAB_TMP/wrk")"
}

# --- latency ------------------------------------------------------------------------------------

# requests() - what a client waits for; metrics begin with $2.
requests() {
	peer_load --to "$ADDRESS:80" --rate $REQUEST_RATE --seconds "$SECONDS_EACH" --timeout 5 >/dev/null
	note "$2success" "$1" "$(echo "$LAB_LINE" | json success_pct)"
	for what in connect first_byte; do
		for p in p50 p99; do
			note "$2${what}_$p" "$1" "$(echo "$LAB_LINE" | json ${what}_${p}_us)"
		done
		note "$2${what}_max" "$1" "$(echo "$LAB_LINE" | json ${what}_max_us)"
	done
}

latency() {
	requests "$1" quiet_
	start flood in_client "$TOOLS/flood" --dst "$ADDRESS" --port 80 --rate $FLOOD_RATE --seconds 60
	sleep 0.5
	requests "$1" flood_
	stop flood
}

# --- SYNs answered ------------------------------------------------------------------------------
# In the host placement, where the first machine that a SYN meets answers it.

busy_jiffies() {
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}

packets_at_client() {
	in_client cat /sys/class/net/c0/statistics/rx_packets
}

# answered() - flood at rate $2 (0: as fast as it goes), metrics begin with $3.
answered() {
	local cpu rx t

	cpu=$(busy_jiffies)
	rx=$(packets_at_client)
	t=$(date +%s%N)
	in_client "$TOOLS/flood" --dst $SERVER4 --port 80 --rate "$2" --seconds "$SECONDS_EACH" \
		>"$LAB_TMP/flood.json"
	sleep 0.05
	rx=$(($(packets_at_client) - rx))
	cpu=$(($(busy_jiffies) - cpu))
	t=$(($(date +%s%N) - t))
	note "$3answered" "$1" $((rx * 1000000000 / t))
	note "$3offered" "$1" "$(json rate <"$LAB_TMP/flood.json")"
	note "$3per_cpu_second" "$1" "$(awk -v n=$rx -v c=$cpu -v hz="$(getconf CLK_TCK)" \
		'BEGIN { if (c) printf "%.0f", n * hz / c }')"
}

listener_begin() { in_server sysctl -qw net.ipv4.tcp_syncookies=2; }
listener_end() { in_server sysctl -qw net.ipv4.tcp_syncookies=1; }
synproxy_host_begin() { synproxy_begin INPUT; }
synproxy_host_end() { synproxy_end; }
guard_host_begin() {
	guard_begin always
	COOKIES_BEFORE=$(rss_kib)
}

guard_host_end() {
	note resident_growth guard_host $(($(rss_kib) - COOKIES_BEFORE))
	note half_open_after guard_host "$(stat_of half_open)"
	guard_stop
}

syn_round() {
	local subject

	for subject in synproxy_host listener guard_host; do
		progress "  SYNs: $subject"
		${subject}_begin
		answered $subject 0 max_
		answered $subject 100000 paced_
		${subject}_end
	done
}

# --- memory, and dumps --------------------------------------------------------------------------

memory() {
	guard_config always "" "max-flows = 1000000 workers = 1"
	guard_start
	ctl --json status >"$LAB_TMP/status"
	note half_open_bytes guard "$(json half_open_entry_bytes <"$LAB_TMP/status")"
	note flow_bytes guard "$(json flow_entry_bytes <"$LAB_TMP/status")"
	note million_flows_bytes guard "$(json arena_bytes <"$LAB_TMP/status")"
	note million_flows_max guard "$(json flows_max <"$LAB_TMP/status")"
	guard_stop
}

idle_ready() {
	[ "$(grep -c ready "$LAB_TMP/idle.log")" = "$1" ]
}

# idle_memory() - what the daemon takes, and grows by, for a hundred thousand terminated connections that
# say nothing.
idle_memory() {
	local idle before i from=()

	idle=$(dirname "$0")/idle.py
	guard_begin adaptive "engine = terminate"
	in_client sysctl -qw net.ipv4.ip_local_port_range="1100 64999"
	for i in $IDLE_FROM; do
		lab_address "$NS_CLIENT" c0 198.51.100.$i/24
		from+=("198.51.100.$i")
	done
	start idle_server in_server python3 "$idle" serve $SERVER4 $IDLE_PORT 8
	wait_for 5 "the idle server" listening $IDLE_PORT
	start idle_few in_client python3 "$idle" connect $SERVER4 $IDLE_PORT 100
	wait_for 5 "a few connections" grep -q ready "$LAB_TMP/idle_few.log"
	before=$(rss_kib)
	start idle in_client python3 "$idle" connect $SERVER4 $IDLE_PORT $IDLE_EACH "${from[@]}"
	wait_for 120 "idle connections" idle_ready ${#from[@]}
	note idle_resident guard "$(awk -v kb="$(rss_kib)" 'BEGIN { printf "%.1f", kb * 1024 / 1e6 }')"
	note idle_bytes guard $((($(rss_kib) - before) * 1024 / (IDLE_EACH * ${#from[@]})))
	note idle_connections guard "$(stat_of terminated_now)"
	stop idle
	stop idle_few
	stop idle_server
	guard_stop TERM 20
	for i in $IDLE_FROM; do
		ip -n "$NS_CLIENT" address del 198.51.100.$i/24 dev c0
	done
}

# ping_worst() - the slowest of many round trips through the relay in $1 seconds.
ping_start() {
	start ping in_client "$TOOLS/peer" client --to "$SERVER4:$PEER_PORT" --do ping --seconds "$1" \
		--interval 200us --timeout 60
}

dump() {
	local i begin

	guard_begin always
	guard_stop
	guard_config always "" "max-flows = 500000 msl = 120s"
	guard_start
	in_client sysctl -qw net.ipv4.ip_local_port_range="1100 64999"
	for i in 21 22 23 24 25; do
		lab_address "$NS_CLIENT" c0 198.51.100.$i/24
		peer_load --to $SERVER4:80 --from 198.51.100.$i --count 40000 --concurrency 100 --seconds 60
	done
	note dump_flows guard "$(stat_of flows)"
	ping_start 3
	finish ping
	note ping_worst_quiet guard "$(json rtt_max_us <"$LAB_TMP/ping.log")"
	ping_start 6
	sleep 0.5
	begin=$(date +%s%N)
	for i in 1 2 3; do
		ctl netstat >"$LAB_TMP/netstat"
	done
	note dump_ms guard $((($(date +%s%N) - begin) / 3000000))
	note dump_lines guard "$(wc -l <"$LAB_TMP/netstat")"
	finish ping
	note ping_worst_dump guard "$(json rtt_max_us <"$LAB_TMP/ping.log")"
	guard_stop
}

# --- goodput ------------------------------------------------------------------------------------

# goodput() - of the guard's own TCP and of the kernel's CUBIC, in kbit/s, at the same time over wires that lose
# the same packets: 1 %, at 100 Mbit/s, 25 ms each way.
goodput() {
	progress "  the guard's own TCP, beside the kernel's"
	"$BUILD_DIR/tests/core/tcp/kernel/race" --flows 12 --seconds 30 --loss 10000 >"$LAB_TMP/race"
	note goodput guard "$(sed -n 's/^medians.*: \([0-9]*\) kbit.s, the kernel.*/\1/p' "$LAB_TMP/race")"
	note goodput kernel "$(sed -n 's/^medians.*the kernel \([0-9]*\):.*/\1/p' "$LAB_TMP/race")"
}

# --- all of it ----------------------------------------------------------------------------------

gateway_round() {
	local subject what

	for subject in $SUBJECTS; do
		progress "  $subject"
		${subject}_begin
		for what in throughput connections latency; do
			wanted $what && $what $subject
		done
		${subject}_end
	done
}

servers_start() {
	NGINX_WORKERS=2
	# a connection is: connect, 1 KB, close
	mkdir -p "$LAB_TMP/www"
	printf '%1024s' '' >"$LAB_TMP/www/index.html"
	nginx_start
	peer_start $PEER_PORT
	start iperf in_server iperf3 -s -p $IPERF_PORT
	wait_for 5 iperf3 listening $IPERF_PORT
}

main() {
	local round

	lab_init
	lab_need_daemon
	lab_need_programs nginx iperf3 wrk haproxy iptables ss
	: >"$LAB_TMP/values"
	if wanted throughput || wanted connections || wanted latency || wanted memory || wanted dump; then
		lab_topology gateway
		servers_start
		if wanted throughput || wanted connections || wanted latency; then
			for round in $(seq "$ROUNDS"); do
				progress "round $round of $ROUNDS"
				gateway_round
			done
		fi
		if wanted memory; then
			memory
			idle_memory
		fi
		if wanted dump; then dump; fi
		for name in "${!LAB_PID[@]}"; do stop "$name"; done
		lab_teardown
	fi
	if wanted goodput; then goodput; fi
	if wanted syn; then
		lab_topology host
		servers_start
		for round in $(seq "$ROUNDS"); do
			progress "SYN round $round of $ROUNDS"
			syn_round
		done
	fi
	report
}

main
