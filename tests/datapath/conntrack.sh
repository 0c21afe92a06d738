#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A stateful firewall on the guard's machine that drops what it takes for invalid. It sees both sides
# of a spliced connection, with different sequence numbers; but it picks the connection up in the
# middle, since what the guard sends itself is not tracked, and is tolerant with such ones.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000

stateful_rules() {
	local tool chain=FORWARD

	[ $PLACEMENT = gateway ] || chain=INPUT
	for tool in iptables ip6tables; do
		in_guard $tool-restore -w 5 --noflush <<-END || lab_skip "no connection tracking here"
			*filter
			-A $chain -i lo -j ACCEPT
			-A $chain -m conntrack --ctstate INVALID -j DROP
			-A $chain -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
			-A $chain -p tcp -m conntrack --ctstate NEW --dport $PORT -j ACCEPT
			-A $chain -p tcp -j DROP
			-A OUTPUT -m conntrack --ctstate INVALID -j DROP
			COMMIT
		END
	done
}

# dropped_packets() - by these rules, both families.
dropped_packets() {
	{ in_guard iptables -vxnL; in_guard ip6tables -vxnL; } |
		awk '$3 == "DROP" { n += $1 } END { print n + 0 }'
}

conntrack_setup() {
	peer_start $PORT
	guard_config always
	guard_start
	stateful_rules
}

conntrack() {
	local mode what

	for mode in always adaptive; do
		mode_of_lab $mode
		for what in both get put half-server rst-client; do
			check "$mode: $what" peer_do --timeout 5 --do $what --bytes 1000000 \
				--to "$SERVER:$PORT"
		done
	done
	check "nothing was taken for invalid" [ "$(dropped_packets)" = 0 ]
}

lab_init
lab_need_programs iptables-restore ip6tables-restore
lab_each conntrack
lab_end
