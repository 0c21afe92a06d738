#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon ends in every way there is, under traffic, and nobody notices.
#
# LAB_KILLS and LAB_CONNECTIONS say how often and how many; `make check-kills` wants 100 and 1,000.
. "$(dirname "$0")/lib.sh"

readonly KILLS=${LAB_KILLS:-20} CONNECTIONS=${LAB_CONNECTIONS:-100}
readonly STALL_MAX_MS=${LAB_STALL_MS:-1000}
readonly PASSED=7001 RELAYED=7002 ENDS=7103

# daemon_pid() - of the process below the supervisor that serves now.
daemon_pid() {
	tr -d ' ' 2>/dev/null <"/proc/${LAB_PID[guard]}/task/${LAB_PID[guard]}/children"
}

rules_now() {
	{ in_guard iptables-save && in_guard nft list ruleset; } 2>/dev/null | grep -c 'NFQUEUE\|queue.* to '
}

# open_files() - of supervisor and daemon.
open_files() {
	echo $(($(ls "/proc/${LAB_PID[guard]}/fd" | wc -l) + $(ls "/proc/$(daemon_pid)/fd" | wc -l)))
}

# hold() - connections to port $2 that speak for up to $3 seconds, as $1.
hold() {
	start "$1" in_client python3 "$LAB_SOURCE/lab/hold.py" hold $SERVER4 "$2" "$CONNECTIONS" "$3"
	wait_for 60 "connections to port $2" grep -q ready "$LAB_TMP/$1.log"
}

# held() - end $1: none was lost, and none stood still for long.
held() {
	kill -TERM "${LAB_PID[$1]}"
	finish "$1"
	verdict $? "$2: no connection was lost"
	lab_say "# $1: $(tail -n 1 "$LAB_TMP/$1.log")"
	check "$2: the longest stall was not over ${3:-$STALL_MAX_MS} ms" \
		number "$(tail -n 1 "$LAB_TMP/$1.log" | json worst_ms)" '<=' "${3:-$STALL_MAX_MS}"
}

# load() - a new connection every 20 ms, each with a request.
load() {
	start load in_client "$TOOLS/peer" load --to "$SERVER4:80" --rate $((50 / LAB_SLOW)) --timeout 10 \
		--seconds $((KILLS * (1 + LAB_SLOW) / 2 + 5))
}

replaced() {
	[ -n "$(daemon_pid)" ] && [ "$(daemon_pid)" != "$1" ] && guard_answers
}

killed() {
	local pid

	wait_for 10 "a daemon to kill" guard_answers
	pid=$(daemon_pid)
	kill -KILL "$pid"
	# not when it is up again, but whenever it is
	sleep "0.$((RANDOM % 60 + 20))"
}

all_held() {
	held passed "passed, $1" "${2:-}"
	held relayed "relayed, $1" "${2:-}"
	held ends "terminated, $1" "${2:-}"
}

hold_all() {
	mode_of_lab adaptive
	hold passed $PASSED "$1"
	mode_of_lab always
	hold relayed $RELAYED "$1"
	hold ends $ENDS "$1"
}

kills() {
	local i files rules spliced

	hold_all 600
	rules=$(rules_now)
	files=$(open_files)
	spliced=$(stat_of spliced)
	load
	for ((i = 0; i < KILLS; i++)); do
		killed
	done
	wait_for 10 "the last daemon" guard_answers
	all_held "$KILLS kills"
	finish load
	verdict $? "new connections: all were served"
	lab_say "# load: $(tail -n 1 "$LAB_TMP/load.log")"
	check "rules are as before" number "$(rules_now)" = "$rules"
	check "open files are as before" number "$(open_files)" '<=' $((files + 2))
	check "counters have gone on" number "$(stat_of spliced)" '>' "$spliced"
	check "it never started clean" not_clean
}

not_clean() {
	! grep -q "is of no use" "$LAB_TMP/guard.log"
}

others() {
	local pid rules i

	hold_all 600
	rules=$(rules_now)
	pid=$(daemon_pid)
	for i in 1 2 3; do
		ctl upgrade >"$LAB_TMP/upgrade.txt"
		verdict $? "upgrade $i: $(cat "$LAB_TMP/upgrade.txt")"
		sleep 0.5
		wait_for 10 "the upgraded daemon" guard_answers
	done
	check "it is the same process" number "$(daemon_pid)" = "$pid"
	all_held "three upgrades"
	hold_all 600
	pid=$(daemon_pid)
	kill -USR2 "${LAB_PID[guard]}"
	check "restart: another process serves" try_for 10 replaced "$pid"
	check "restart: rules are as before" number "$(rules_now)" = "$rules"
	all_held "a restart"
}

not_attacked() {
	[ "$(stat_of attacks)" = 0 ]
}

# stopped() - what has waited for five seconds, or was repeated meanwhile, is served.
stopped() {
	hold_all 600
	kill -STOP "$(daemon_pid)"
	sleep 5
	kill -CONT "$(daemon_pid)"
	sleep 1
	check "after five seconds without CPU it answers" try_for 10 guard_answers
	check "and is not under attack" not_attacked
	all_held "stopped for 5 s" 12000
}

# hanging() - a worker that makes no progress; the watchdog, here of 2 s, ends the daemon.
hanging() {
	local pid worker

	hold_all 600
	pid=$(daemon_pid)
	worker=worker-$(ctl conns | awk 'NR == 2 { print $1 }' | cut -d: -f1) # one that has some
	start frozen "$TOOLS/freeze" "$pid" "$worker" 20
	check "a worker hangs: another process serves" try_for 15 replaced "$pid"
	all_held "a worker hung" 12000
	check "it was the watchdog" grep -q "not been heard of" "$LAB_TMP/guard.log"
	check "the log says which one" grep -q "worker ${worker#worker-} does not answer" "$LAB_TMP/guard.log"
	stop frozen
}

# refused_upgrades() - a successor that does not like the configuration, or is none.
refused_upgrades() {
	local pid

	pid=$(daemon_pid)
	cp "$LAB_TMP/tcpguard.conf" "$LAB_TMP/good.conf"
	echo 'colour = blue' >>"$LAB_TMP/tcpguard.conf"
	ctl upgrade >"$LAB_TMP/upgrade.txt" 2>&1
	check "an upgrade with a bad configuration: refused" number $? = 1
	check "it says why" grep -q "colour" "$LAB_TMP/upgrade.txt"
	mv "$LAB_TMP/good.conf" "$LAB_TMP/tcpguard.conf"
	check "the same process serves" number "$(daemon_pid)" = "$pid"
	check "and answers" guard_answers
}

# explain() - what the daemon has said, if something is wrong
explain() {
	[ $LAB_FAILED = 0 ] || tail -n 150 "$LAB_TMP/guard.log" | sed 's/^/# /'
}

# slow_stop() - nothing is heard of a daemon that ends, and that takes as long as it takes.
slow_stop() {
	local pid

	pid=$(daemon_pid)
	kill -STOP "$pid"
	kill -TERM "${LAB_PID[guard]}"
	sleep 4
	kill -CONT "$pid"
	finish guard
	verdict $? "a stop takes longer than the watchdog waits: it ends with status 0"
}

lab_init
lab_need_programs nginx iptables-save python3
[ -x "$TOOLS/freeze" ] || lab_die "$TOOLS/freeze is not built"
lab_topology gateway
ulimit -c 0
nginx_start
start echo in_server python3 "$LAB_SOURCE/lab/hold.py" serve $SERVER4 $PASSED $RELAYED $ENDS
wait_for 5 "the echo" listening $ENDS
guard_config always "" "workers = 2
service \"ends\" {
	listen = { \"$SERVER4:7103\" }
	mode = always
	engine = terminate
}"
guard_start --supervise
kills
if [ -z "${LAB_ONLY_KILLS:-}" ]; then
	others
	refused_upgrades
	stopped
	explain
	guard_stop
	export WATCHDOG_USEC=$((1000000 * (1 + LAB_SLOW)))
	guard_start --supervise
	hanging
	slow_stop
else
	guard_stop
	verdict $? "it ends with status 0 on SIGTERM"
fi
check "no rule is left" number "$(rules_now)" = 0
check "no queue is left" number "$(in_guard cat /proc/net/netfilter/nfnetlink_queue | wc -l)" = 0
explain
lab_end
