#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a daemon cannot use, it says so in one sentence: arenas that are none, directories of others.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000
readonly CAPS=+net_admin,+net_raw

# spoilt() - the second daemon, which finds an arena that is $1. Says what it said.
spoilt() {
	in_guard python3 "$LAB_SOURCE/lab/refused.py" "$1" "$TCPGUARDD" -f \
		-c "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/out.txt" 2>"$LAB_TMP/all.txt"
	verdict $? "an arena that is $1: it starts, and ends well"
	sed '1,/refused.py: again/d' "$LAB_TMP/all.txt" >"$LAB_TMP/said.txt"
}

refuses() {
	spoilt "$1"
	grep -q "what an earlier process left is of no use: the arena $2" "$LAB_TMP/said.txt"
	verdict $? "an arena that is $1: refused, since it $2"
}

arenas() {
	guard_config always "" "workers = 1 max-flows = 256 max-half-open = 256
		terminate { connections = 256 memory = 16Mi }"
	spoilt as-it-was
	check "an arena that is as it was: taken" grep -q "going on with" "$LAB_TMP/said.txt"
	refuses random "is none of tcpguard's"
	refuses truncated "is too short for one"
	refuses empty "is none of tcpguard's"
	refuses version "is of another version of tcpguardd"
}

daemon_pid() {
	tr -d ' ' 2>/dev/null <"/proc/${LAB_PID[guard]}/task/${LAB_PID[guard]}/children"
}

another() {
	[ -n "$(daemon_pid)" ] && [ "$(daemon_pid)" != "$1" ] && guard_answers
}

# crash() - as a fault of its own, which is not as if somebody kills it.
crash() {
	local pid

	pid=$(daemon_pid)
	kill -ABRT "$pid" # SIGSEGV a sanitizer would catch
	check "after crash $1 another one serves" try_for 10 another "$pid"
}

crashes() {
	guard_start --supervise
	start relayed in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 20 \
		--timeout 5
	sleep 0.3
	crash 1
	crash 2
	check "a connection lives through two of them" running relayed
	crash 3
	check "after the third one it starts clean" grep -q "has seen three crashes in a row" \
		"$LAB_TMP/guard.log"
	finish relayed
	check "the connection is reset, not left to hang" grep -q '"end":"reset"' \
		"$LAB_TMP/relayed.log"
	check "a new one gets through" peer_do --to "$SERVER4:$PORT" --do both --bytes 10000
	guard_stop
}

# as_nobody() - a daemon without root's rights over files, until it has said something.
as_nobody() {
	start nobody in_guard setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=$CAPS --ambient-caps=$CAPS --bounding-set=-all,$CAPS \
		"$TCPGUARDD" -f -c "$LAB_TMP/tcpguard.conf"
}

# told() - it says one sentence with $1 in it, and it names the directory $2.
told() {
	try_for 5 grep -q "$1" "$LAB_TMP/nobody.log"
	verdict $? "$3: it is said"
	check "$3: once" number "$(grep -c "$1" "$LAB_TMP/nobody.log")" = 1
	check "$3: with the name" grep -q "$2" "$LAB_TMP/nobody.log"
	lab_say "# $(grep "$1" "$LAB_TMP/nobody.log")"
}

directories() {
	chmod a+rX "$LAB_TMP"
	guard_config always
	chmod a+r "$LAB_TMP/tcpguard.conf"
	as_nobody
	finish nobody
	check "a socket's directory of somebody else: it does not start" number $? = 1
	told "control.sock" "$LAB_TMP" "a socket's directory of somebody else"
	check "one sentence" number "$(grep -c 'error:' "$LAB_TMP/nobody.log")" = 1
	sed -i "s|control-socket = .*|control-socket = \"$LAB_TMP/nowhere/control.sock\"|" \
		"$LAB_TMP/tcpguard.conf"
	as_nobody
	finish nobody
	check "a socket's directory that is not there: it does not start" number $? = 1
	told "nowhere" "$LAB_TMP/nowhere" "a socket's directory that is not there"
	mkdir -m 777 "$LAB_TMP/mine"
	sed -i "s|control-socket = .*|control-socket = \"$LAB_TMP/mine/control.sock\"|" \
		"$LAB_TMP/tcpguard.conf"
	as_nobody
	try_for 5 grep -q "guarding" "$LAB_TMP/nobody.log"
	verdict $? "a state directory of somebody else: it guards nevertheless"
	told "everybody may write to" "$LAB_TMP/mine" "a socket's directory of everybody"
	told "cannot be written: cannot use" "$LAB_TMP/state" "a state directory of somebody else"
	stop nobody
}

lab_init
lab_need_programs iptables-save python3 setpriv
lab_need_daemon
lab_topology gateway
ulimit -c 0
peer_start $PORT
arenas
crashes
directories
lab_end
