#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# nftables' queue statement under the daemon: its rules come, follow and go, and packets take their way.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000 WHOLE=7100

nft_config() { # $1: mode, $2: more for the whole file
	guard_config "$1" "" "${2:-}
service \"ends\" {
	listen = { \"$SERVER4:$WHOLE\", \"[$SERVER6]:$WHOLE\" }
	engine = terminate
}"
}

nft_setup() {
	peer_start $PORT
	peer_start $WHOLE
	nginx_start
	nft_config always "workers = 2"
	guard_start
}

table() {
	in_guard nft list table inet tcpguard 2>/dev/null
}

# seen() - packets that queue $1 has had.
seen() {
	in_guard awk -v n="$1" '$1 == n { print $8 }' /proc/net/netfilter/nfnetlink_queue
}

seen_by_headers() {
	echo $(($(seen 100) + $(seen 101)))
}

seen_whole() {
	echo $(($(seen 104) + $(seen 105)))
}

not() {
	! "$@"
}

uses() {
	[ "$(ctl --json status | json firewall)" = "$1" ]
}

# has() - so many rules with the words $2.
has() {
	number "$(table | grep -cE -- "$2")" = "$1"
}

rules_as_meant() {
	local n=4 # to and from the service, both families

	[ "$PLACEMENT" = host ] || n=6 # and from the gateway's own clients
	check "the daemon has chosen nftables" uses nftables
	check "nothing of iptables is there" not in_guard iptables -w -t raw -S TCPGUARD_PRE 2>/dev/null
	check "two chains at their hooks" has 2 'type filter hook (prerouting|output) priority (raw|-300); policy accept;'
	check "both families lead to two queues, and past a dead daemon" has $n \
		"ip6? (s|d)addr ($SERVER4|$SERVER6) tcp (s|d)port .*queue flags bypass to 100-101"
	check "terminated services to queues of their own" has $n \
		"tcp (s|d)port $WHOLE queue flags bypass to 104-105|tcp (s|d)port { $WHOLE } queue flags bypass to 104-105"
	check "so do errors of both families" has 4 'icmp(v6)? type .*queue flags bypass to 100$'
	if [ "$PLACEMENT" = gateway ]; then
		check "what is forged on a gateway is dropped" has 4 'fib saddr \. iif oif (missing|0) counter name'
	fi
}

# A packet in a queue is lost when its base chain goes, so no chain may go at a reload.
chains_stay() {
	local before

	before=$(in_guard nft -a list chain inet tcpguard pre | grep -o 'chain pre { # handle [0-9]*')
	start load in_client "$TOOLS/peer" load --to "$SERVER4:80" --rate 20 --timeout 20 --seconds 4
	sleep 0.5
	nft_config adaptive "workers = 2"
	check "a reload" ctl config reload
	nft_config always "workers = 2 anti-spoof = no"
	check "and another, without anti-spoof" ctl config reload
	[ "$(in_guard nft -a list chain inet tcpguard pre | grep -o 'chain pre { # handle [0-9]*')" = "$before" ]
	verdict $? "the chain is the same all the while"
	check "and the rule of anti-spoof is gone" has 0 'fib saddr'
	finish load
	verdict $? "every connection meanwhile was served"
	verdict $((1 - (${#before} > 0))) "which has a handle"
	nft_config always "workers = 2"
	ctl config reload >/dev/null
}

closed_and_open() {
	local f

	stop guard KILL
	table >"$LAB_TMP/left"
	check "rules outlive a crash" grep -q 'queue flags bypass' "$LAB_TMP/left"
	for f in 4 6; do
		check "IPv$f passes while nobody has the queue" peer_do --to "$(server_address $f):$PORT" --do both
	done
	nft_config always "workers = 2 on-failure = closed"
	guard_start
	check "on-failure = closed is a queue without bypass" has 0 bypass
	check "there are as many rules as before" number "$(table | grep -c queue)" = "$(grep -c queue "$LAB_TMP/left")"
	stop guard KILL
	in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do get --timeout 2 >"$LAB_TMP/closed"
	verdict $((1 - ($? != 0))) "then nothing passes while nobody has the queue"
	nft_config always "workers = 2"
	guard_start
	check "after the next start it does" peer_do --to "$SERVER4:$PORT" --do both
}

# The administrator's own table is not the guard's business.
others_stay() {
	local before

	in_guard nft 'table inet mine { chain pre { type filter hook prerouting priority -400; tcp dport 9 accept; }; }'
	before=$(in_guard nft list table inet mine)
	guard_stop
	verdict $? "it ends with status 0"
	check "its table is gone" not table
	[ "$(in_guard nft list table inet mine)" = "$before" ]
	verdict $? "others' are as they were"
	check "clients pass without it" peer_do --to "$SERVER4:$PORT" --do both
	in_guard nft delete table inet mine
}

# from one back end to the other, as an upgrade may do
from_iptables() {
	nft_config always "firewall = iptables"
	guard_start
	check "firewall = iptables is heeded" uses iptables
	stop guard KILL
	nft_config always "firewall = nftables"
	guard_start
	check "firewall = nftables is heeded" uses nftables
	check "what the other left is gone" not in_guard iptables -w -t raw -S TCPGUARD_PRE 2>/dev/null
	check "in both families" not in_guard ip6tables -w -t raw -S TCPGUARD_PRE 2>/dev/null
	nft_config always "firewall = nftables
		control-socket = \"$LAB_TMP/second.sock\" queue = 200"
	sed -i '/control.sock/d' "$LAB_TMP/tcpguard.conf"
	in_guard timeout 20 "$TCPGUARDD" -f -c "$LAB_TMP/tcpguard.conf" >"$LAB_TMP/second" 2>&1
	check "another daemon does not take the rules" number $? = 1
	check "and says whose they are" grep -qi 'another\|queue' "$LAB_TMP/second"
	check "the first still serves" peer_do --to "$SERVER4:$PORT" --do both
}

deleted() {
	local n

	n=$(table | grep -c 'queue flags bypass')
	in_guard nft delete table inet tcpguard
	nft_config always "firewall = nftables"
	check "rules that somebody deleted are back with a reload" ctl config reload
	check "all of them" has "$n" 'queue flags bypass'
	check "clients are guarded" peer_do --to "$SERVER4:$PORT" --do both
}

doctor_agrees() {
	in_guard "$TCPGUARDCTL" --socket "$LAB_TMP/control.sock" --json doctor --config "$LAB_TMP/tcpguard.conf" \
		>"$LAB_TMP/doctor"
	check "the doctor finds the rules" grep -q '"check":"rules","level":"ok"' "$LAB_TMP/doctor"
	check "and that nftables can queue" grep -q 'nftables has its queue statement' "$LAB_TMP/doctor"
	check "and no fault" not grep -E '"level":"fault"' "$LAB_TMP/doctor"
}

denied_table() {
	in_guard nft list table inet tcpguard_deny >/dev/null 2>&1
}

kernel_set() {
	local table

	nft_config always "firewall = nftables kernel-set = yes"
	ctl config reload >/dev/null
	ctl deny 198.51.100.0/24
	ctl deny fd00:c::/64
	check "the set of the denied is there" try_for 3 denied_table
	sleep 1.2
	for f in 4 6; do
		in_client "$TOOLS/peer" client --to "$(server_address $f):$PORT" --do get --timeout 2 >"$LAB_TMP/denied"
		verdict $((1 - ($? != 0))) "a denied client hears nothing (IPv$f)"
	done
	sleep 1.2
	check "it was the kernel: its counts are shown" \
		number "$(ctl --json rules | json packets_kernel | awk '$1 > 0' | wc -l)" = 2
	ctl undeny 198.51.100.0/24
	ctl undeny fd00:c::/64
	for f in 4 6; do
		check "it is served again (IPv$f)" try_for 5 peer_do --to "$(server_address $f):$PORT" --do get
	done
	table=$(in_guard nft list tables | grep -c tcpguard)
	check "beside the queues' table" number "$table" = 2
}

nft() {
	local headers whole spliced

	headers=$(seen_by_headers) whole=$(seen_whole) spliced=$(stat_of spliced)
	[ "$FAMILY" = 6 ] || rules_as_meant
	check "a client is served by cookie" peer_do --to "$SERVER:$PORT" --do both --bytes 100000
	check "by the guard" number "$(stat_of spliced)" = $((spliced + 1))
	check "through the queues of headers" number "$(seen_by_headers)" '>' $((headers + 10))
	check "a client is served by the terminate engine" peer_do --to "$SERVER:$WHOLE" --do both --bytes 100000
	check "through the queues of whole packets" number "$(seen_whole)" '>' $((whole + 5))
	if [ "$FAMILY" = 6 ]; then
		chains_stay
		closed_and_open
		others_stay
		from_iptables
		deleted
		doctor_agrees
		kernel_set
	fi
}

lab_init
lab_need_programs nginx nft iptables ip6tables
lab_each nft
lab_end
