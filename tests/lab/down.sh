#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A server that refuses, is silent, or comes back: clients get an honest answer, and soon.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000 CLOSED=7050 SILENT=7051 SILENT_S=3

down_setup() {
	peer_start $PORT
	guard_config adaptive "" "timeouts { syn-sent = ${SILENT_S}s }"
	guard_start
}

# try_client() - connect to port $1; fails, of course. $LAB_LINE says how.
try_client() {
	LAB_LINE=$(in_client "$TOOLS/peer" client --to "$SERVER:$1" --do get --bytes 10 --timeout 12)
}

ended() {
	try_client "$1"
	[[ " $2 " == *" $(echo "$LAB_LINE" | json end) "* ]]
	verdict $? "$3"
	number "$(echo "$LAB_LINE" | json total_us)" '<' "$4"
	verdict $? "$3: within $4 us"
}

# deaf(), dumb() - drop what the server would receive on, or send from, port $2; $1 is -I or -D.
deaf() {
	in_server "$(tables)" -w "$1" INPUT -p tcp --dport "$2" -j DROP
}

dumb() {
	in_server "$(tables)" -w "$1" OUTPUT -p tcp --sport "$2" -j DROP
}

tables() {
	if [ "$FAMILY" = 4 ]; then echo iptables; else echo ip6tables; fi
}

closed_port() {
	ended $CLOSED "$1" "closed port, first client ($2)" 300000
	ended $CLOSED "$3" "closed port, second client ($2)" 300000
	peer_start $CLOSED
	check "port opened: served again within 10 s ($2)" try_for 10 in_client "$TOOLS/peer" client \
		--to "$SERVER:$CLOSED" --do get --timeout 2
	stop peer$CLOSED
}

silent_server() {
	deaf -I $SILENT
	ended $SILENT "reset refused" "firewalled server" $(((SILENT_S + 1) * 1000000))
	number "$(echo "$LAB_LINE" | json total_us)" '>' $(((SILENT_S - 1) * 1000000))
	verdict $? "firewalled server: not given up before its time"
	ended $SILENT refused "firewalled server, the next client" 300000
	sleep 1.2 # this one asks the server
	ended $SILENT refused "firewalled server, a second later" 300000
	deaf -D $SILENT
	peer_start $SILENT
	check "firewall opened: served again within 10 s" try_for 10 in_client "$TOOLS/peer" client \
		--to "$SERVER:$SILENT" --do get --timeout 2
	stop peer$SILENT
}

# The server's kernel forgets the connection without a word, as after a power failure.
amnesia() {
	start ping in_client "$TOOLS/peer" client --to "$SERVER:$PORT" --do ping --seconds 8 \
		--interval 100ms
	sleep 0.5
	deaf -I $PORT
	dumb -I $PORT
	stop peer$PORT KILL 2>/dev/null
	in_server ss -K "sport = :$PORT" >/dev/null 2>&1
	sleep 0.3
	deaf -D $PORT
	dumb -D $PORT
	peer_start $PORT
	finish ping
	[ "$(json end <"$LAB_TMP/ping.log")" = reset ]
	verdict $? "server restarted: its reset reaches the old client"
	check "server restarted: new clients are served" try_for 10 in_client "$TOOLS/peer" client \
		--to "$SERVER:$PORT" --do both --timeout 2
}

down() {
	mode_of_lab adaptive
	closed_port "refused reset" calm refused
	mode_of_lab always
	check "relay works" peer_do --to "$SERVER:$PORT" --do get
	closed_port "refused reset" relay refused
	silent_server
	amnesia
}

lab_init
lab_need_programs iptables ip6tables ss
lab_each down
lab_end
