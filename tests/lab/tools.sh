#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon calls nft and iptables for some of its work. One that hangs must not take the daemon with it,
# those who may only look must not be able to keep it busy, and no answer is no "no".
. "$(dirname "$0")/lib.sh"

readonly PORT=7000

# Tools in the place of nft and iptables, for the daemon's eyes only, that do as these unless told to hang, or
# to die when they are asked whether a chain is there.
tool_make() {
	local nft ipt

	nft=$(command -v nft)
	ipt=$(readlink -f "$(command -v iptables)")
	cp "$nft" "$LAB_TMP/nft.real"
	cp "$ipt" "$LAB_TMP/iptables.real"
	cat >"$LAB_TMP/iptables" <<-EOF
		#!/bin/bash
		[ -e $LAB_TMP/silent ] && case "\$*" in *' -S TCPGUARD'*) kill -KILL \$\$ ;; esac
		exec -a "\${0##*/}" $LAB_TMP/iptables.real "\$@"
	EOF
	cat >"$LAB_TMP/nft" <<-EOF
		#!/bin/sh
		echo "\$*" >>$LAB_TMP/nft.calls
		[ -e $LAB_TMP/hang ] && exec sleep 1000.$$
		exec $LAB_TMP/nft.real "\$@"
	EOF
	cat >"$LAB_TMP/daemon" <<-EOF
		#!/bin/sh
		mount --bind $LAB_TMP/nft $(readlink -f "$nft") && mount --bind $LAB_TMP/iptables $ipt &&
			exec $TCPGUARDD "\$@"
	EOF
	chmod 755 "$LAB_TMP/nft" "$LAB_TMP/iptables" "$LAB_TMP/daemon"
	TCPGUARDD=$LAB_TMP/daemon
}

calls() {
	grep -c "$1" "$LAB_TMP/nft.calls"
}

drops_in_kernel() {
	in_guard nft list table inet tcpguard_deny 2>/dev/null | grep -q ' drop$'
}

look_often() {
	local before i

	ctl deny 203.0.113.0/24
	check "the kernel has it" try_for 3 drops_in_kernel
	before=$(calls '^list')
	for ((i = 0; i < 50; i++)); do
		ctl rules >/dev/null
	done
	check "fifty looks at the rules take few readings" \
		number $(($(calls '^list') - before)) '<=' 5
}

hang() {
	local before

	touch "$LAB_TMP/hang"
	before=$(date +%s%N)
	ctl deny 203.0.114.0/24
	sleep 2 # it hangs now
	check "clients are served while nft hangs" peer_do --to "$SERVER:$PORT" --do get
	ctl status >/dev/null
	check "the daemon answers again within 7 s" \
		number $((($(date +%s%N) - before) / 1000000)) '<' 7000
	check "and says what happened" grep -q 'nft did not end in time and was killed' \
		"$LAB_TMP/guard.log"
	check "nothing of it is left" not pgrep -xf "sleep 1000.$$"
	rm "$LAB_TMP/hang"
	ctl deny 203.0.115.0/24
	check "the next change reaches the kernel" try_for 10 drops_in_kernel
	touch "$LAB_TMP/hang"
	before=$(date +%s%N)
	guard_stop TERM 10
	check "it ends in time all the same" number $((($(date +%s%N) - before) / 1000000)) '<' 8000
	rm "$LAB_TMP/hang"
}

rules_left() {
	in_guard iptables-save -t raw | grep -c TCPGUARD
}

no_answer() {
	guard_config adaptive "" "firewall = iptables"
	guard_start
	touch "$LAB_TMP/silent"
	guard_stop
	check "rules that may be there still are not said to be gone" \
		grep -q 'cannot remove the firewall rules' "$LAB_TMP/guard.log"
	rm "$LAB_TMP/silent"
	check "they are" number "$(rules_left)" '>' 0
	guard_start
	guard_stop
	check "the next daemon takes them away" number "$(rules_left)" = 0
}

not() {
	! "$@"
}

lab_init
lab_need_programs iptables mount nft pgrep
tool_make
lab_topology gateway
SERVER=$SERVER4
peer_start $PORT
guard_config adaptive "" "kernel-set = yes"
guard_start
look_often
hang
no_answer
lab_end
