# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Medians, ratios, a table with a verdict on each promise, and the same as JSON; for bench.sh.

# median() - of all values of metric $1 and subject $2; nothing if there is none.
median() {
	awk -F'\t' -v m="$1" -v s="$2" '$1 == m && $2 == s { print $3 }' "$LAB_TMP/values" | sort -g |
		awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# ratio() - of two medians of metric $1, subjects $2 and $3.
ratio() {
	awk -v a="$(median $1 $2)" -v b="$(median $1 $3)" 'BEGIN { if (a != "" && b > 0) printf "%.2f", a / b }'
}

have() {
	grep -q "^$1	" "$LAB_TMP/values"
}

cell() {
	local v

	v=$(median "$1" "$2")
	if [ -z "$v" ]; then echo -; else awk -v v="$v" -v f="${3:-%.0f}" -v d="${4:-1}" 'BEGIN { printf f, v / d }'; fi
}

# table_of() - a row of all subjects: title, metric, format, divisor.
table_of() {
	local subject

	have "$2" || return 0
	printf '  %-38s' "$1"
	for subject in $SUBJECTS; do
		printf '%11s' "$(cell "$2" $subject "${3:-}" "${4:-}")"
	done
	printf '\n'
}

syn_row() {
	local subject

	printf '  %-38s' "$1"
	for subject in synproxy_host listener guard_host; do
		printf '%13s' "$(cell "$2" $subject)"
	done
	printf '\n'
}

# promise() - what, the measured value, comparison, the promised value. One of a part of the benchmark that was
# wanted and gave no value is missed, too: PART.
promise() {
	local verdict=missed

	wanted "$PART" || return 0
	number "$2" "$3" "$4" >/dev/null && verdict=reached
	[ -n "$2" ] || verdict='not measured'
	[ "$verdict" = reached ] || MISSED=$((MISSED + 1))
	printf '  %-62s %10s  %2s %-8s %s\n' "$1" "${2:--}" "$3" "$4" "$verdict"
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "${2:-null}" "$3" "$4" "$verdict" >>"$LAB_TMP/promises"
}

promises() {
	local PART

	MISSED=0
	: >"$LAB_TMP/promises"
	PART=throughput
	promise "calm, one stream, of plain forwarding" "$(ratio one_stream_up calm forward)" '>=' 0.85
	promise "relay, one stream, of plain forwarding" "$(ratio one_stream_up relay forward)" '>=' 0.50
	promise "relay, one stream, of HAProxy" "$(ratio one_stream_up relay haproxy)" '>=' 1.2
	PART=connections
	promise "calm, new connections, of plain forwarding" "$(ratio connections calm forward)" '>=' 0.90
	promise "relay, new connections, of plain forwarding" "$(ratio connections relay forward)" '>=' 0.70
	promise "relay, new connections, of HAProxy" "$(ratio connections relay haproxy)" '>=' 1.1
	PART=throughput
	promise "terminate, one stream up, of HAProxy" "$(ratio one_stream_up terminate haproxy)" '>=' 1.0
	promise "terminate, one stream down, of HAProxy" "$(ratio one_stream_down terminate haproxy)" '>=' 1.0
	promise "terminate, 100 streams, of HAProxy" "$(ratio hundred_streams_up terminate haproxy)" '>=' 1.0
	PART=connections
	promise "terminate, new connections, of HAProxy" "$(ratio connections terminate haproxy)" '>=' 0.5
	PART=goodput
	promise "terminate, goodput at 1 % loss, of the kernel's CUBIC" "$(ratio goodput guard kernel)" '>=' 0.85
	PART=syn
	promise "SYNs answered per CPU-second, of SYNPROXY" \
		"$(ratio max_per_cpu_second guard_host synproxy_host)" '>=' 0.40
	PART=latency
	promise "relay, time to first byte p50, of SYNPROXY" \
		"$(ratio quiet_first_byte_p50 relay synproxy)" '<=' 1.3
	promise "relay, slowest first byte in ms (no timer waited for)" \
		"$(awk -v v="$(median quiet_first_byte_max relay)" 'BEGIN { if (v != "") printf "%.1f", v / 1000 }')" '<' 190
	PART=syn
	promise "kB of memory for unverified SYNs (growth while flooded)" \
		"$(median resident_growth guard_host)" '<=' 256
	promise "half-opens kept of unverified SYNs" "$(median half_open_after guard_host)" '<=' 0
	PART=memory
	promise "bytes per half-open" "$(median half_open_bytes guard)" '<=' 64
	promise "bytes per relayed flow" "$(median flow_bytes guard)" '<=' 128
	promise "bytes per idle terminated connection" "$(median idle_bytes guard)" '<=' 512
	promise "idle terminated connections, that many" "$(median idle_connections guard)" '>=' 99600
	promise "the whole daemon with them, MB resident" "$(median idle_resident guard)" '<' 100
	promise "flows in one arena" "$(median million_flows_max guard)" '>=' 1000000
	PART=dump
	promise "flows dumped by netstat" "$(median dump_flows guard)" '>=' 100000
	promise "slowest packet while netstat dumps them, ms" \
		"$(awk -v v="$(median ping_worst_dump guard)" 'BEGIN { if (v != "") printf "%.1f", v / 1000 }')" '<=' 20
}

tables() {
	if have one_stream_up || have connections || have quiet_connect_p50; then
		printf '\n  %-38s%11s%11s%11s%11s%11s%11s\n' "medians of $ROUNDS rounds" forwarding SYNPROXY HAProxy \
			calm relay terminate
	fi
	table_of "one stream up, Gbit/s" one_stream_up %.2f
	table_of "one stream down, Gbit/s" one_stream_down %.2f
	table_of "ten streams up, Gbit/s" ten_streams_up %.2f
	table_of "hundred streams up, Gbit/s" hundred_streams_up %.2f
	table_of "long packets cut in user space" cut_here
	table_of "new HTTP connections/s, 1 KB each" connections
	table_of "  errors" connection_errors
	table_of "connect p50, us" quiet_connect_p50
	table_of "connect p99, us" quiet_connect_p99
	table_of "first byte p50, us" quiet_first_byte_p50
	table_of "first byte p99, us" quiet_first_byte_p99
	table_of "first byte, slowest, us" quiet_first_byte_max
	table_of "under $FLOOD_RATE SYN/s: success, %" flood_success %.2f
	table_of "  connect p50, us" flood_connect_p50
	table_of "  connect p99, us" flood_connect_p99
	table_of "  first byte p50, us" flood_first_byte_p50
	table_of "  first byte p99, us" flood_first_byte_p99
	if have max_answered; then
		printf '\n  %-38s%13s%13s%13s\n' "" SYNPROXY "syncookies=2" guard
		syn_row "SYNs answered/s, flood without limit" max_answered
		syn_row "  offered/s" max_offered
		syn_row "  per CPU-second of the machine" max_per_cpu_second
		syn_row "SYNs answered/s of 100,000 offered" paced_answered
		syn_row "  per CPU-second of the machine" paced_per_cpu_second
	fi
	if have half_open_bytes; then
		printf '\n  bytes per half-open %s, per flow %s; arena of 1,000,000 flows %s MiB\n' \
			"$(median half_open_bytes guard)" "$(median flow_bytes guard)" \
			"$(cell million_flows_bytes guard %.1f 1048576)"
	fi
	if have goodput; then
		printf '\n  goodput at 1 %% loss, 100 Mbit/s, 25 ms each way: %s kbit/s, of the kernel %s\n' \
			"$(median goodput guard)" "$(median goodput kernel)"
	fi
	if have dump_flows; then
		printf '\n  netstat of %s flows: %s ms; slowest packet %s ms, without a dump %s ms\n' \
			"$(median dump_flows guard)" "$(median dump_ms guard)" \
			"$(cell ping_worst_dump guard %.1f 1000)" "$(cell ping_worst_quiet guard %.1f 1000)"
	fi
}

# write_json() - {"machine":..., "medians":{metric:{subject:value}}, "values":[...], "promises":[...]}
write_json() {
	{
		printf '{"kernel":"%s","cpus":%s,"rounds":%s,"date":"%s",\n"values":[\n' "$(uname -r)" \
			"$(nproc)" "$ROUNDS" "$(date -u +%FT%TZ)"
		awk -F'\t' '{ printf "%s{\"metric\":\"%s\",\"subject\":\"%s\",\"value\":%s}", sep, $1, $2, $3; sep = ",\n" }' \
			"$LAB_TMP/values"
		printf '\n],\n"promises":[\n'
		awk -F'\t' '{ printf "%s{\"what\":\"%s\",\"value\":%s,\"comparison\":\"%s\",\"promised\":%s,\"reached\":%s}",
			sep, $1, $2, $3, $4, $5 == "reached" ? "true" : "false"; sep = ",\n" }' "$LAB_TMP/promises"
		printf '\n]}\n'
	} >"$JSON"
}

report() {
	printf '\n%s, kernel %s, %s CPUs: %s, congestion control %s\n' "$(date -u +%F)" "$(uname -r)" \
		"$(nproc)" "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" \
		"$(cat /proc/sys/net/ipv4/tcp_congestion_control)"
	tables
	printf '\n  %-62s %10s     %-8s\n' "promised (ratios of medians)" measured promised
	promises
	write_json
	if [ "$MISSED" = 0 ]; then
		printf '\nevery promise that was measured is kept; values are in %s\n' "$JSON"
	else
		printf '\n%s missed; values are in %s\n' "$MISSED" "$JSON"
	fi
}
