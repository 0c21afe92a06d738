#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What becomes of packets while the guard is dead, stands still or is overrun: with on-failure = open and
# closed, with somebody who holds its queues and without. Nobody ever sees one that is half translated.
. "$(dirname "$0")/lib.sh"

# A service of each engine for each policy; the laboratory's own, on port 80, takes the floods.
readonly RELAYED_OPEN=7101 RELAYED_CLOSED=7102 ENDS_OPEN=7103 ENDS_CLOSED=7104
readonly PORTS=(7101 7102 7103 7104)
readonly EACH=20 # connections
readonly IDLE_KIB=30720

service() {
	cat <<-END
		service "$1" {
			listen = { "$SERVER4:$2" }
			mode = always
			engine = $3
			on-failure = $4
		}
	END
}

configure() {
	guard_config always "" "$1
$(service relayed-open $RELAYED_OPEN relay open)
$(service relayed-closed $RELAYED_CLOSED relay closed)
$(service ends-open $ENDS_OPEN terminate open)
$(service ends-closed $ENDS_CLOSED terminate closed)"
}

daemon_pid() {
	tr -d ' ' 2>/dev/null <"/proc/${LAB_PID[guard]}/task/${LAB_PID[guard]}/children"
}

# capture() - everything on both sides, but for the floods, into $1.client and $1.server.
capture() {
	local side dev

	for side in client server; do
		dev=g0
		[ $side = client ] || dev=g1
		start "dump_$side" in_guard tcpdump -i $dev -n -s 96 -B 16384 -U \
			-w "$LAB_TMP/$1.$side" tcp portrange 7101-7104
	done
	for side in client server; do
		wait_for 5 "tcpdump" grep -q listening "$LAB_TMP/dump_$side.log"
	done
}

captured() {
	stop dump_client INT
	stop dump_server INT
}

# all_translated() - was every packet in $1, to and from the ports behind it, translated that had to be?
all_translated() {
	local status=0

	LAB_LINE=$(python3 "$LAB_SOURCE/lab/untranslated.py" "$LAB_TMP/$1.client" \
		"$LAB_TMP/$1.server" $SERVER4 "${@:2}") || status=$?
	lab_say "# $LAB_LINE"
	return $status
}

hold_all() {
	local port

	for port in "${PORTS[@]}"; do
		start "held$port" in_client python3 "$LAB_SOURCE/lab/hold.py" hold $SERVER4 "$port" \
			$EACH 60
	done
	for port in "${PORTS[@]}"; do
		wait_for 20 "connections to port $port" grep -q ready "$LAB_TMP/held$port.log"
	done
}

# held() - end those of port $1: what they have seen is in $LAB_LINE. Return: was none lost?
held() {
	local status=0

	kill -TERM "${LAB_PID[held$1]}"
	finish "held$1" || status=$?
	LAB_LINE=$(tail -n 1 "$LAB_TMP/held$1.log")
	lab_say "# port $1: $LAB_LINE"
	return $status
}

# of_datapath() - a counter of all workers.
of_datapath() {
	ctl --json status | tr '}' '\n' | json "$1" | awk '{ n += $1 } END { print n + 0 }'
}

flood_both() {
	in_client "$TOOLS/flood" --dst $SERVER4 --port 80 --rate 40000 --count 20000 >/dev/null
	in_client "$TOOLS/flood" --dst $SERVER4 --port $ENDS_OPEN --rate 40000 --count 20000 \
		>/dev/null
}

idle_memory() {
	guard_config adaptive
	guard_start
	sleep 0.3
	if own_memory; then
		check "an idle daemon takes no more than $IDLE_KIB KiB" number "$(rss_kib)" '<=' $IDLE_KIB
		check "and says so itself" number "$(ctl --json status | json resident_bytes)" '<=' \
			$((IDLE_KIB * 1024))
	fi
	lab_say "# $(ctl status | grep '^memory')"
	guard_stop
}

# with_holder() - packets wait in queues that the supervisor holds: both policies are the same.
with_holder() {
	local i port before after

	configure "workers = 1"
	guard_start --supervise
	capture first
	hold_all
	for ((i = 0; i < 3; i++)); do
		kill -KILL "$(daemon_pid)"
		sleep "0.$((RANDOM % 5 + 3))"
		wait_for 5 "another daemon" guard_answers
	done
	sleep 0.5
	before=$(of_datapath kernel_dropped)
	kill -STOP "$(daemon_pid)"
	sleep 0.3
	flood_both
	sleep 0.2
	kill -CONT "$(daemon_pid)"
	wait_for 10 "the daemon that stood still" guard_answers
	after=$(of_datapath kernel_dropped)
	check "queues have overflown, and it is counted" number "$after" '>' "$before"
	lab_say "# $after packets found no room"
	check "status tells of it" grep -qi "dropped" <(ctl status)
	kill -STOP "$(daemon_pid)" # and is killed while it overflows
	flood_both
	kill -KILL "$(daemon_pid)"
	sleep 0.3
	wait_for 10 "the daemon after that" guard_answers
	sleep 1
	for port in "${PORTS[@]}"; do
		held "$port"
		verdict $? "port $port: none lost to kills, a standstill and overruns"
	done
	captured
	check "kills, a standstill, overruns: every packet was translated" all_translated first
	guard_stop
}

reached() {
	peer_do --to "$SERVER4:$1" --do both --bytes 1000 --timeout "${2:-3}"
}

not() {
	! "$@"
}

# failed_starts() - have so many daemons below the supervisor not started?
failed_starts() {
	[ "$(grep -c 'supervisor: it ended with status' "$LAB_TMP/guard.log")" -ge "$1" ]
}

# not_started() - $1: why. Each policy is what it says.
not_started() {
	local port

	check "$1, open: a new connection gets through" try_for 5 reached 80
	for port in $RELAYED_OPEN $ENDS_OPEN; do
		check "$1, open, port $port: so does one" reaches_server "$port"
	done
	for port in $RELAYED_CLOSED $ENDS_CLOSED; do
		check "$1, closed, port $port: a new connection does not" not reaches_server "$port"
	done
}

# reaches_server() - does somebody accept on port $1?
reaches_server() {
	in_client timeout 1 bash -c "exec 3<>/dev/tcp/$SERVER4/$1" 2>/dev/null
}

taken_three_times() {
	[ "$(grep -c 'is taken by another process' "$LAB_TMP/guard.log")" -ge 3 ]
}

mended() {
	cp "$LAB_TMP/good.conf" "$LAB_TMP/tcpguard.conf"
	check "$1, mended: it starts by itself" try_for 10 guard_answers
}

none_was_lost() {
	local port

	for port in "${PORTS[@]}"; do
		held "$port"
		verdict $? "port $port: none was lost by $1"
	done
}

# another_daemon() - which has the queues from 200 on.
another_daemon() {
	sed -e 's/control\.sock/other.sock/' -e '/state-dir/d' "$LAB_TMP/good.conf" >"$LAB_TMP/other.conf"
	printf 'queue = 200\nfirewall = none\nstate-dir = "%s/other"\n' "$LAB_TMP" >>"$LAB_TMP/other.conf"
	start other in_guard "$TCPGUARDD" -f -c "$LAB_TMP/other.conf"
	wait_for 5 "another daemon" test -S "$LAB_TMP/other.sock"
}

# cannot_start() - a restart with an error in the file, then one with queues that another process has: those
# that the daemon had are let go. Connections wait until it is mended.
cannot_start() {
	configure "workers = 1"
	cp "$LAB_TMP/tcpguard.conf" "$LAB_TMP/good.conf"
	guard_start --supervise
	hold_all
	echo 'colour = blue' >>"$LAB_TMP/tcpguard.conf"
	kill -USR2 "${LAB_PID[guard]}"
	wait_for 5 "a start that fails" failed_starts 1
	not_started "an error in the file"
	mended "an error in the file"
	check "it goes on with the connections" grep -q "going on with" "$LAB_TMP/guard.log"
	none_was_lost "an error in the file"

	hold_all
	another_daemon
	echo 'queue = 200' >>"$LAB_TMP/tcpguard.conf"
	kill -USR2 "${LAB_PID[guard]}"
	# three of these are no three crashes
	wait_for 15 "starts that fail" taken_three_times
	stop other
	mended "queues of another process"
	check "that was no crash" not grep -q "is of no use" "$LAB_TMP/guard.log"
	none_was_lost "starts that failed"
	guard_stop
}

# without_holder() - queues are gone; what goes where is decided by the rules alone.
without_holder() {
	local port

	configure "workers = 1"
	guard_start
	capture second
	hold_all
	sleep 0.5
	guard_stop KILL
	check "open: a new connection gets through" reached 80
	for port in $RELAYED_CLOSED $ENDS_CLOSED; do
		check "closed, port $port: a new connection does not" not reached "$port" 1
	done
	for port in "${PORTS[@]}"; do
		kill -KILL "${LAB_PID[held$port]}"
	done
	captured
	check "closed: every packet was translated until nothing passed any more" \
		all_translated second $RELAYED_CLOSED $ENDS_CLOSED
	check "open: packets of connections that cannot go on pass as they are" \
		not all_translated second $RELAYED_OPEN $ENDS_OPEN
}

lab_init
lab_need_programs tcpdump iptables-save python3
lab_topology gateway
peer_start 80
start echo in_server python3 "$LAB_SOURCE/lab/hold.py" serve $SERVER4 "${PORTS[@]}"
wait_for 5 "the echo" listening $ENDS_CLOSED
idle_memory
with_holder
cannot_start
without_holder
LAB_LABEL=
lab_end
