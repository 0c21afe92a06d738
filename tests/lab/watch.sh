#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Watching: the live screen and the metrics of a real daemon, calm and under a flood.
. "$(dirname "$0")/lib.sh"

readonly METRICS=9464 OTHER=9465 TAKEN=9466
PYTHON=/usr/bin/python3
HERE=$(cd "$(dirname "$0")" && pwd)

# watch_config() - the configuration that serves metrics at $1.
watch_config() {
	guard_config adaptive "attack { hold = 2s }" "metrics = $1"
}

# metrics() - what is served on port $1, into metrics.txt. Return: curl's exit status.
metrics() {
	in_guard curl -sf --max-time 5 -o "$LAB_TMP/metrics.txt" "http://127.0.0.1:$1/metrics"
}

# metric() - the value of one sample.
metric() {
	awk -v name="$1" '$1 == name { print $2 }' "$LAB_TMP/metrics.txt"
}

# valid() - does an independent parser take it?
valid() {
	$PYTHON - "$LAB_TMP/metrics.txt" <<-'END'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families
		with open(sys.argv[1], encoding="utf-8") as f:
		    list(text_string_to_metric_families(f.read()))
	END
}

# screen() - top at $1 columns and $2 lines for $3 seconds; the rest must be shown.
screen() {
	local size=$1x$2

	"$PYTHON" "$HERE/watch_top.py" "$TCPGUARDCTL" "$LAB_TMP/control.sock" "$1" "$2" "$3" \
		"$LAB_TMP/screen-$size.txt" "${@:4}" || {
		sed 's/^/# |/' "$LAB_TMP/screen-$size.txt"
		return 1
	}
}

calm() {
	check "metrics are served" metrics $METRICS
	check "they are valid" valid
	check "calm" number "$(metric 'tcpguard_state{service="lab",state="calm"}')" = 1
	check "no address is in them" eval '! grep -q "192\.0\.2\|198\.51\|fd00" "$LAB_TMP/metrics.txt"'
	check "a client" peer_load --to "$SERVER4:80" --count 20 --concurrency 2
	sleep 1.1
	metrics $METRICS
	number "$(metric 'tcpguard_completed_total{service="lab"}')" = "$(stat_of completed)"
	verdict $? "completed handshakes are those of stats"
	check "calm on the screen" screen 80 24 2 'lab +calm' 'tcpguardd .*, up' 'HALF-OPEN'
}

under_flood() {
	local drops

	start load in_client "$TOOLS/peer" load --to "$SERVER4:80" --rate 100 --seconds 9
	start flood in_client "$TOOLS/flood" --dst $SERVER4 --port 80 --rate 5000 --seconds 9
	sleep 1
	screen 80 24 3 'lab +attack' '1 under attack' '[45]\.[0-9]k' 'attack began' \
		'attack +spoofed SYN flood, since .* peak' 'because .*handshakes' 'heaviest +[0-9n]'
	verdict $? "an attack on a screen of 80x24"
	screen 132 43 3 'lab +attack' 'lab: adaptive, relay, attack' 'cookies/s +[45]\.[0-9]k'
	verdict $? "an attack on a screen of 132x43"
	metrics $METRICS
	check "metrics under attack are valid" valid
	check "attack" number "$(metric 'tcpguard_state{service="lab",state="attack"}')" = 1
	check "a spoofed flood" number \
		"$(metric 'tcpguard_attack_class{service="lab",class="spoofed_flood"}')" = 1
	check "an event for it" \
		number "$(metric 'tcpguard_events_total{event="attack_began"}')" '>=' 1
	check "not calm" number "$(metric 'tcpguard_state{service="lab",state="calm"}')" = 0
	drops=$(metric 'tcpguard_drops_total{reason="answered"}')
	check "drops have their reason" number "$drops" '>' 1000
	check "workers use CPU time" \
		number "$(metric 'tcpguard_worker_cpu_seconds_total{worker="0"}')" '>' 0
	finish load
	number "$(json success_pct <"$LAB_TMP/load.log")" '>=' 99.9
	verdict $? "clients are served: $(json success_pct <"$LAB_TMP/load.log") %"
	finish flood
}

# slow_scrapers() - hold many connections open: clients of the service notice nothing.
slow_scrapers() {
	start slow in_guard "$PYTHON" -c "
import socket, time
held = []
for i in range(200):
    held.append(socket.create_connection(('127.0.0.1', $METRICS)))
    held[-1].send(b'GET /metrics HTTP/1.1\r\nA: ')
time.sleep(4)"
	sleep 0.5
	check "served beside slow scrapers" metrics $METRICS
	peer_load --to "$SERVER4:80" --rate 200 --seconds 2
	number "$(echo "$LAB_LINE" | json success_pct)" '>=' 99.9
	verdict $? "clients of the service do not notice"
	finish slow
}

reload() {
	watch_config "\"127.0.0.1:$OTHER\""
	check "reload to another port" ctl config reload
	check "it is served there" metrics $OTHER
	check "and no longer here" eval '! metrics $METRICS'
	watch_config "\"0.0.0.0:$OTHER\""
	check "reload to an address that includes the old one" ctl config reload
	in_guard curl -sf --max-time 5 -o /dev/null "http://$GUARD4:$OTHER/metrics"
	verdict $? "it is served on the other addresses"
	start holder in_guard "$PYTHON" -c "
import socket, time
s = socket.create_server(('127.0.0.1', $TAKEN))
time.sleep(60)"
	sleep 0.5
	watch_config "$TAKEN"
	check "a port that is taken is refused" \
		eval 'ctl config reload 2>&1 | grep -q "cannot serve metrics on 127.0.0.1:$TAKEN"'
	check "what was served still is" metrics $OTHER
	watch_config off
	check "reload to off" ctl config reload
	check "nothing is served" eval '! metrics $OTHER'
}

taken_at_start() {
	guard_stop
	watch_config $TAKEN
	guard_start
	check "a port that is taken at the start is no reason to fail" guard_answers
	grep -q "cannot serve metrics on 127.0.0.1:$TAKEN.*tried again" "$LAB_TMP/guard.log"
	verdict $? "but named"
	stop holder
	check "it is had later" try_for 12 metrics $TAKEN
}

lab_init
lab_need_programs nginx curl
$PYTHON -c 'import pyte, prometheus_client' 2>/dev/null ||
	lab_skip "python3-pyte or python3-prometheus-client is not installed"
lab_topology host
nginx_start
watch_config $METRICS
guard_start
calm
under_flood
slow_scrapers
reload
taken_at_start
lab_clear
lab_end
