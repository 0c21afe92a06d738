#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A reload that takes a listen away: what the guard translates for it goes on, new connections pass
# it by, and its rules go when the last translated connection is over.
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000

rules_for_port() {
	in_guard iptables -w -t raw -S | grep -c "7000:7099"
}

no_rules_for_port() {
	[ "$(rules_for_port)" = 0 ]
}

lab_init
lab_need_programs iptables
lab_topology gateway
peer_start $PORT
guard_config always "" "firewall = iptables
		msl = 100ms"
guard_start
start relayed in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds 4
sleep 0.5
sed -i 's/,7000-7099//g' "$LAB_TMP/tcpguard.conf"
check "reload without the ports" ctl config reload
check "their rules are still there" [ "$(rules_for_port)" -gt 0 ]
check "a new connection passes" peer_do --to "$SERVER4:$PORT" --do both --bytes 100000
check "it was not spliced" [ "$(ctl --json conns | grep -c '"engine":"relay"')" -le 1 ]
finish relayed
verdict $? "the spliced connection has not noticed"
check "then the rules go" try_for 13 no_rules_for_port
check "those of other ports stay" [ "$(in_guard iptables -w -t raw -S | grep -c NFQUEUE)" -gt 0 ]
lab_clear
lab_end
