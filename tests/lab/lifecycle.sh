#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Start, reload, crash, end; configurations and circumstances in which it must not start.
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

# ruleset() - every rule of the guard's namespace; the empty base chains that iptables leaves behind
# are harmless, and deleting one would drop every queued packet.
ruleset() {
	{
		in_guard iptables-save
		in_guard ip6tables-save
	} 2>/dev/null | grep -e '^-A' -e '^:[^ ]* -'
	in_guard nft list ruleset 2>/dev/null | grep -i -e tcpguard -e queue
}

own_rules() {
	ruleset | grep -ci 'queue'
}

each_family() {
	local f

	for f in 4 6; do
		peer_do --to "$(server_address $f):$PORT" --do both --bytes 100000 || return 1
	done
}

rules_come_and_go() {
	local before rules

	in_guard iptables -w -t raw -A PREROUTING -p udp --dport 9 -j ACCEPT # somebody else's
	before=$(ruleset)
	guard_config always
	guard_start
	rules=$(own_rules)
	check "rules are installed" number "$rules" '>' 0
	check "both families are served" each_family
	guard_stop
	verdict $? "status 0 after SIGTERM"
	[ "$(ruleset)" = "$before" ] || diff <(echo "$before") <(ruleset)
	verdict $? "no rule is left, and none of others is gone"
	check "connections pass without the guard" each_family
	guard_start
	stop guard KILL
	check "with on-failure = open connections pass after a crash" each_family
	guard_start
	in_guard "$TCPGUARDD" --clear 2>"$LAB_TMP/clear.txt"
	check "--clear: not while a daemon serves" number $? = 1
	check "and it says so" grep -q "is served" "$LAB_TMP/clear.txt"
	check "rules are not doubled after a crash" number "$(own_rules)" = "$rules"
	check "both families are served after a crash" each_family
	stop guard KILL
	in_guard "$TCPGUARDD" --clear
	verdict $? "--clear after another crash"
	[ "$(ruleset)" = "$before" ]
	verdict $? "no rule is left, and none of others is gone"
	guard_start
	guard_stop INT
	verdict $? "status 0 after SIGINT"
	[ "$(ruleset)" = "$before" ]
	verdict $? "no rule is left after all"
}

# shown() - is $1 in the configuration in force?
shown() {
	ctl config show | grep -q "$1"
}

# warns_of() - is a reload fine that leaves the option $1 for the next start, and does it say so?
warns_of() {
	ctl config reload >"$LAB_TMP/reload.txt" 2>&1 && grep -q "\"$1\" waits" "$LAB_TMP/reload.txt"
}

reload_quietly() {
	ctl config reload >/dev/null
}

reload() {
	guard_config adaptive
	guard_start
	start passed in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 4
	sleep 0.2
	mode_of_lab always
	check "config show tells what was changed at run time" shown 'mode = always'
	start relayed in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 4
	sleep 0.2
	guard_config always "attack { start = 100 }"
	check "reload by tcpguardctl" reload_quietly
	guard_config always "attack { start = 100 }" "queue = 300"
	check "what needs a restart is said" warns_of queue
	guard_config always "attack { start = 120 }" "msl = 5s"
	kill -HUP "${LAB_PID[guard]}"
	check "reload by SIGHUP" try_for 3 shown 'start = 120'
	sed -i 's/mode = always/mode = sometimes/' "$LAB_TMP/tcpguard.conf"
	ctl config reload >"$LAB_TMP/reload.txt" 2>&1
	check "a broken file is refused" number $? = 1
	check "with its line" grep -Eq 'tcpguard\.conf:[0-9]+: ' "$LAB_TMP/reload.txt"
	check "and the old one stays in force" number "$(stat_of attack_start)" '>' 0
	guard_config adaptive
	check "reload once more" reload_quietly
	finish passed
	verdict $? "a passed connection lives through reloads"
	finish relayed
	verdict $? "a relayed connection lives through reloads"
	check "the daemon is alive" running guard
	guard_stop
}

bad_configuration() {
	cat >"$LAB_TMP/bad.conf" <<-END
		workers = many
		service "a" {
			listen = { "192.0.2.10:99999" }
			mode = sometimes
		}
		colour = blue
		service "b" { }
	END
	"$TCPGUARDD" -t -c "$LAB_TMP/bad.conf" >"$LAB_TMP/bad.txt" 2>&1
	check "a bad configuration: exit 1" number $? = 1
	for line in 1 3 4 6 7; do
		check "the error of line $line is told" grep -q "bad.conf:$line: " "$LAB_TMP/bad.txt"
	done
	"$TCPGUARDD" -t -c "$LAB_TMP/nowhere.conf" >"$LAB_TMP/bad.txt" 2>&1
	check "a missing file: exit 1" number $? = 1
	"$TCPGUARDD" --help >"$LAB_TMP/good.txt" 2>&1
	check "help: exit 0" number $? = 0
	"$TCPGUARDD" --no-such-option >"$LAB_TMP/bad.txt" 2>&1
	check "a wrong option: exit 2" number $? = 2
	"$TCPGUARDCTL" --socket "$LAB_TMP/nowhere.sock" status >"$LAB_TMP/bad.txt" 2>&1
	check "tcpguardctl without a daemon: exit 3" number $? = 3
	guard_config adaptive
	"$TCPGUARDD" -t -c "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/good.txt" 2>&1
	verdict $? "a good configuration: exit 0"
}

# one_sentence() - what a daemon that cannot start says, and how it ends.
one_sentence() {
	local status

	timeout 10 "${@:2}" >"$LAB_TMP/said.txt" 2>&1
	status=$?
	sed 's/^/# /' "$LAB_TMP/said.txt"
	check "$1: exit 1" number $status = 1
	check "$1: one sentence" number "$(wc -l <"$LAB_TMP/said.txt")" = 1
}

hopeless_circumstances() {
	local bare="setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all"

	guard_config adaptive
	chmod -R a+rX "$LAB_TMP"
	one_sentence "no privileges" ip netns exec "$NS_GUARD" $bare "$TCPGUARDD" -f \
		-c "$LAB_TMP/tcpguard.conf"
	check "no rule is left" number "$(own_rules)" = 0
	kernels_that_lack_something
	guard_start
	sed "s/control\.sock/second.sock/" "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/second.conf"
	one_sentence "queue number taken" ip netns exec "$NS_GUARD" "$TCPGUARDD" -f \
		-c "$LAB_TMP/second.conf"
	check "the first one is not harmed" each_family
	check "its rules are still there" number "$(own_rules)" '>' 0
	{ echo "queue = 200" && cat "$LAB_TMP/tcpguard.conf"; } >"$LAB_TMP/second.conf"
	one_sentence "control socket taken" ip netns exec "$NS_GUARD" "$TCPGUARDD" -f \
		-c "$LAB_TMP/second.conf"
	check "the first one still answers" guard_answers
	sed -i "s/control\.sock/second.sock/" "$LAB_TMP/second.conf"
	one_sentence "firewall rules of another one" ip netns exec "$NS_GUARD" "$TCPGUARDD" -f \
		-c "$LAB_TMP/second.conf"
	check "its rules are there for all that" number "$(own_rules)" '>' 0
	check "and it guards as before" each_family
	guard_stop
}

# kernels_that_lack_something() - as far as the daemon can see.
kernels_that_lack_something() {
	if [ ! -e "$TOOLS/lacks.so" ] || grep -q __asan_init "$TCPGUARDD"; then
		lab_say "# this kernel lacks nothing"
		return
	fi
	one_sentence "no NFQUEUE in the kernel" ip netns exec "$NS_GUARD" env LD_PRELOAD="$TOOLS/lacks.so" \
		TCPGUARD_TEST_LACKS=nfqueue "$TCPGUARDD" -f -c "$LAB_TMP/tcpguard.conf"
	check "that is what it says" grep -q 'kernel has no NFQUEUE' "$LAB_TMP/said.txt"
	check "no rule is left" number "$(own_rules)" = 0
	sed -i "s/, \"\[.*\"//" "$LAB_TMP/tcpguard.conf"
	rm -f "$LAB_TMP/control.sock"
	start guard in_guard env LD_PRELOAD="$TOOLS/lacks.so" TCPGUARD_TEST_LACKS=ipv6 \
		"$TCPGUARDD" -f -c "$LAB_TMP/tcpguard.conf"
	wait_for 10 "a daemon without IPv6" guard_answers
	mode_of_lab always
	check "no IPv6 in the kernel: IPv4 is served" peer_do --to "$SERVER4:$PORT" --do both --bytes 100000
	check "by the guard" number "$(stat_of cookies_valid)" = 1
	guard_stop
	guard_config adaptive
}

# Source validation must not take what the guard sends in the clients' name for forged.
reverse_path_filters() {
	local level

	guard_config always
	for level in 1 2; do
		in_guard sysctl -qw net.ipv4.conf.all.rp_filter=$level
		guard_start
		check "both families with rp_filter = $level" each_family
		guard_stop
	done
	in_guard sysctl -qw net.ipv4.conf.all.rp_filter=0
}

# of_workers() - a counter of the datapath, all workers together.
of_workers() {
	ctl --json status | tr '}' '\n' | json "$1" | awk '{ n += $1 } END { print n }'
}

several_workers() {
	local busy

	in_client ip addr add 198.51.100.77/24 dev c0
	guard_config always "" "workers = 3"
	guard_start
	check "both families, three workers" each_family
	check "500 connections over three workers" peer_load --to "$SERVER4:80" \
		--count 500 --concurrency 50
	check "from another address" peer_load --to "$SERVER4:80" \
		--from 198.51.100.77 --count 500 --concurrency 50
	check "IPv6" peer_load --to "[$SERVER6]:80" --count 500 --concurrency 50
	check "all were spliced" number "$(stat_of spliced)" = 1502
	busy=$(ctl --json status | tr '}' '\n' | json packets | grep -vc '^0$')
	check "more than one worker had work" number "$busy" '>' 1
	check "what was rewritten is counted" number "$(of_workers replaced)" '>' 1502
	check "what was sent is counted" number "$(of_workers injected)" '>' 1502
	check "nothing was too long" number "$(of_workers oversize)" = 0
	guard_stop
}

lab_init
lab_need_programs nginx iptables-save setpriv
for placement in gateway host; do
	lab_topology $placement
	LAB_LABEL=$placement
	peer_start $PORT
	nginx_start
	rules_come_and_go
	reload
	[ $placement = host ] || { bad_configuration && hopeless_circumstances; }
	several_workers
	reverse_path_filters
	lab_clear
done
LAB_LABEL=
lab_end
