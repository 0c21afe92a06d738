#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tcpguardctl doctor beside a real daemon: it finds nothing where nothing is wrong, and what is made wrong.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

config() {
	mkdir -p "$LAB_TMP/state"
	cat >"$LAB_TMP/tcpguard.conf" <<-END
		control-socket = "$LAB_TMP/control.sock"
		state-dir = "$LAB_TMP/state"
		log-target = stderr
		firewall = iptables
		repair-rules = no
		service "lab" { listen = { "$SERVER4:$PORT", "[$SERVER6]:$PORT" } }
	END
}

# doctor() - what it says, into $LAB_TMP/doctor. Return: its exit status.
doctor() {
	in_guard "$TCPGUARDCTL" --json doctor --config "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/doctor"
}

# says() - is there a finding of check $1 and level $2 with the words $3?
says() {
	grep "\"check\":\"$1\",\"level\":\"$2\"" "$LAB_TMP/doctor" | grep -q -- "$3"
}

not() {
	! "$@"
}

every_row_is_json() {
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    row = json.loads(line)
    assert set(row) == {"check", "level", "text", "command"}, row
    assert row["level"] in ("ok", "note") or row["command"] or row["check"] == "config", row' \
		"$LAB_TMP/doctor"
}

healthy() {
	in_guard sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	check "nothing is wrong" doctor
	cat "$LAB_TMP/doctor" >"$LAB_TMP/healthy"
	check "no warning, no fault" not grep -qE '"level":"(warning|fault)"' "$LAB_TMP/doctor"
	check "the daemon was asked" says daemon ok 'tcpguardd runs'
	check "rules were found" says rules ok 'every listen has its firewall rules'
	check "queues were found" says queues ok 'queues are served'
	check "servers were tried" says backend ok "$SERVER4:$PORT answers"
	check "rows are JSON objects" every_row_is_json
}

wrong() {
	in_guard iptables -t raw -I PREROUTING -p tcp -j ACCEPT
	in_guard ip6tables -t raw -F TCPGUARD_PRE
	stop "peer$PORT"
	check "what was made wrong is found" not doctor
	check "a rule in front of the guard's" says rules warning '1 rule stands before'
	check "rules that are gone" says rules fault "the first is $SERVER6"
	check "the daemon says so itself" try_for 5 missed
	check "a server that is gone" says backend warning "nothing listens on $SERVER4:$PORT"
	check "rows are JSON objects" every_row_is_json
	ctl config reload
	doctor
	check "the command it names mends the rules" not says rules fault ''
	in_guard sh -c "$(json command <<<"$(grep 'stands before' "$LAB_TMP/doctor")")"
	check "and so does the one that it names for the rule in front" mended
}

missed() {
	doctor
	says rules warning 'does not find its rules'
}

mended() {
	doctor
	not says rules warning 'stands before'
}

dead() {
	stop guard KILL
	check "a daemon that was killed" not doctor
	check "is missed" says daemon fault 'does not run'
	check "and what it left is found" says rules warning 'that is gone'
	echo 'service "lab" { listen = { "192.0.2.10:99999" } }' >"$LAB_TMP/tcpguard.conf"
	check "a wrong configuration" not doctor
	check "is told with its line" says config fault 'tcpguard.conf:1: '
	in_guard "$TCPGUARDCTL" doctor --config "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/text"
	check "people get a summary" grep -qE '^[0-9]+ fine, .* fault' "$LAB_TMP/text"
	check "and commands" grep -q '^ *\$ systemctl start tcpguard' "$LAB_TMP/text"
}

lab_init
lab_need_programs iptables ip6tables python3
for placement in gateway host; do
	LAB_LABEL=$placement
	lab_topology $placement
	peer_start $PORT
	config
	guard_start
	healthy
	wrong
	dead
	lab_clear
done
lab_end
