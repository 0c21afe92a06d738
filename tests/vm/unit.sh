#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The installed package under the systemd of this machine, in the network namespace that the machine has:
# the unit's confinement on this kernel, what happens to the daemon, and limits of memory.
#
#	client 198.51.100.2 -- 198.51.100.1 this machine, 192.0.2.10 on its lo
. "$(dirname "$0")/../lab/lib.sh"

readonly PORT=7000 SMALL_MIB=64
UNIT=/lib/systemd/system/tcpguard.service

# this_machine() - the topology of lab_host(), with the machine itself as the server.
# shellcheck disable=SC2034 # variables for lib.sh
this_machine() {
	PLACEMENT=host
	lab_namespace c NS_CLIENT
	NS_SERVER=tg$$m
	NS_GUARD=$NS_SERVER
	ip netns attach "$NS_SERVER" 1 || lab_die "cannot name the machine's own namespace"
	LAB_NS+=("$NS_SERVER")
	sysctl -qw net.ipv6.conf.default.accept_dad=0
	lab_cable "$NS_SERVER" s0
	lab_address "$NS_CLIENT" c0 $CLIENT4/24 $CLIENT6/64
	lab_address "$NS_SERVER" s0 $GUARD4/24 $GUARD6/64
	lab_address "$NS_SERVER" lo $SERVER4/32 $SERVER6/128
	lab_router "$NS_SERVER" $CLIENT4 $CLIENT6
	ip -n "$NS_CLIENT" route add 192.0.2.0/24 via $GUARD4
	ip -n "$NS_CLIENT" -6 route add fd00:5::/64 via $GUARD6
	wait_for 5 "IPv4" reaches $SERVER4:9
	wait_for 5 "IPv6" reaches "[$SERVER6]:9"
}

# ended_calls() - of whom but test_sandbox, which means to, has seccomp ended one?
ended_calls() {
	dmesg | grep 'type=1326' | grep -v 'comm="test_sandbox"'
}

not() {
	! "$@"
}

# quiet() - a command of many words, which are told if it fails
quiet() {
	"$@" >"$LAB_TMP/words" 2>&1 && return
	sed 's/^/# /' "$LAB_TMP/words"
	return 1
}

ctl() {
	tcpguardctl "$@"
}

property() {
	systemctl show -p "$1" --value tcpguard.service
}

is() {
	[ "$(property "$1")" = "$2" ]
}

is_active() {
	is ActiveState active && is SubState running
}

restarted_to() {
	[ "$(property NRestarts)" -ge "$1" ] && is_active
}

hit() {
	local pid

	pid=$(property MainPID)
	[ "${pid:-0}" -gt 1 ] && kill -s "$1" "$pid"
}

process() {
	grep -q "^$1:[[:space:]]*$2" "/proc/$(property MainPID)/status"
}

journal_has() {
	journalctl -u tcpguard --no-pager -o cat | grep -qE "$1"
}

rules() {
	nft list table inet tcpguard >/dev/null 2>&1
}

each_family() {
	local f

	for f in 4 6; do
		peer_do --to "$(server_address $f):$PORT" --do both --bytes "${1:-100000}" --timeout 20 || return 1
	done
}

# configure() - $1: lines of the service, $2: of the file
configure() {
	cat >/etc/tcpguard/tcpguard.conf <<-END
		service "lab" {
			listen = { "$SERVER4:80,$PORT", "[$SERVER6]:80,$PORT" }
			$1
		}
		${2:-}
	END
}

# with_limit() - what the control group may have; nothing: no limit
with_limit() {
	local dir=/run/systemd/system/tcpguard.service.d

	mkdir -p $dir
	printf '[Service]\n%s\n' "${1:+MemoryMax=$1}" >$dir/limit.conf
	systemctl daemon-reload
}

confined() {
	check "it is active" is_active
	check "it uses nftables" number "$(ctl --json status | grep -c '"firewall":"nftables"')" = 1
	check "it runs as its own user" process Uid "$(id -u tcpguard)"
	check "it has few capabilities left" process CapPrm 0000000000003001
	check "there are no new privileges" process NoNewPrivs 1
	check "there are system call filters" process Seccomp 2
	check "every stage of the sandbox was entered" not journal_has 'stage .* of the sandbox'
	check "systemd warns of nothing in the unit" not journal_has 'Unknown key|Failed to (set up|apply)|ignoring'
	check "systemd-analyze security: 2.5 or better" quiet systemd-analyze security --offline=true --threshold=25 $UNIT
	check "and so for the unit as it runs" quiet systemd-analyze security --threshold=25 tcpguard.service
	# Not only promised: what the unit forbids cannot be done.
	in_unit() {
		nsenter -t "$(property MainPID)" -m -- "$@" 2>/dev/null
	}
	check "the system is read-only for it" not in_unit touch /etc/tcpguard/x
	check "homes are not to be seen" not in_unit ls /root/.profile
	check "kernel settings are read-only" not in_unit sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	check "control groups are read-only" not in_unit mkdir /sys/fs/cgroup/x
	check "its device is there" in_unit test -c /dev/net/tun
	check "disks are not" not in_unit test -e /dev/vda
	check "the kernel has ended no system call" not ended_calls
}

# hold() - a connection for some seconds, of which some have passed
hold() {
	start ping in_client "$TOOLS/peer" client --to "$SERVER4:$PORT" --do ping --seconds "$1" --interval 20ms
	sleep 2
}

held() {
	finish ping
	verdict $? "a connection lives through $1"
}

lives() {
	local engine=$1 restarts pid

	configure "mode = always engine = $engine"
	check "$engine: a restart with it" systemctl restart tcpguard
	check "$engine: both families are served" each_family 1000000
	check "$engine: by the guard" number \
		"$(ctl --json stats lab | json "$([ "$engine" = relay ] && echo spliced || echo terminated)")" '>=' 2
	restarts=$(property NRestarts)
	pid=$(property MainPID)
	hold 15
	hit KILL
	check "$engine: after SIGKILL it is started again" try_for 5 restarted_to $((restarts + 1))
	check "$engine: it is another process" not [ "$(property MainPID)" = "$pid" ]
	held "SIGKILL ($engine)"
	check "$engine: both families are served" each_family
	hold 15
	check "$engine: systemctl restart" systemctl restart tcpguard
	held "systemctl restart ($engine)"
	hold 15
	pid=$(property MainPID)
	check "$engine: an upgrade in place" tcpguardctl upgrade
	held "an upgrade ($engine)"
	check "$engine: it is the same process" is MainPID "$pid"
	check "$engine: rules are there, once" number "$(nft list table inet tcpguard | grep -c "ip daddr $SERVER4 ")" = 1
	check "$engine: a reload" systemctl reload tcpguard
	check "$engine: both families are served" each_family
}

# group() - a figure of the unit's control group
group() {
	cat "/sys/fs/cgroup$(property ControlGroup)/$1"
}

kills() {
	group memory.events | awk '$1 == "oom_kill" { print $2 }'
}

small_pool() {
	configure "attack { start = 200 hold = 2s }" "workers = 1 max-flows = 4096 max-half-open = 2048
		terminate { connections = 1024 memory = 16Mi }"
	with_limit ${SMALL_MIB}M
	check "a small pool starts under $SMALL_MIB MiB" systemctl restart tcpguard
	check "the kernel has the limit" number "$(group memory.max)" = $((SMALL_MIB << 20))
	start flood in_client "$TOOLS/flood" --dst $SERVER4 --port $PORT --rate 2000 --seconds 10
	check "a flood is noticed" try_for 3 in_state attack
	check "both families are served" each_family
	check "others too" peer_load --to "$SERVER4:80" --count 100 --concurrency 20 --timeout 10
	finish flood
	configure "mode = always engine = terminate" "workers = 1 max-flows = 4096 max-half-open = 2048
		terminate { connections = 1024 memory = 16Mi }"
	check "and with the terminate engine" systemctl restart tcpguard
	check "much data passes" each_family 20000000
	check "many connections too" peer_load --to "$SERVER4:80" --count 200 --concurrency 100 --timeout 20
	lab_say "# memory.current $(group memory.current), peak $(group memory.peak 2>/dev/null)"
	check "the kernel has killed nobody" number "$(kills)" = 0
	check "the same process serves" is NRestarts 0
}

large_pool() {
	configure "mode = always"
	check "default tables without a terminated service: it starts" systemctl restart tcpguard
	check "both families are served" each_family
	configure "mode = always engine = terminate"
	check "a reload that brings one is refused" not tcpguardctl config reload
	check "the old configuration is in force" number "$(ctl config show | grep -c 'engine = terminate')" = 0
	systemctl stop tcpguard # else the rules would wait for the successor
	check "default tables under $SMALL_MIB MiB: it does not start" not systemctl start tcpguard
	systemctl stop tcpguard
	check "it says what, why and what to do" journal_has \
		"the tables can grow to [0-9]+ MiB, but the control group of tcpguardd may have only $SMALL_MIB .*MemoryMax.*lower max-flows"
	check "it was not the kernel who ended it" not journal_has 'oom-kill|killed by the OOM'
	check "no rules are left" not rules
	check "clients are served without it" each_family
	with_limit
	check "without the limit it starts" systemctl restart tcpguard
	check "both families are served" each_family
}

lab_init
lab_need_programs nginx systemctl nsenter dpkg nft
[ "$(cat /proc/1/comm)" = systemd ] || lab_skip "systemd is not PID 1 here"
[ -f /opt/tcpguard.deb ] || lab_skip "there is no package to install here"
check "the package installs" quiet dpkg -i /opt/tcpguard.deb
this_machine
peer_start $PORT
nginx_start
configure "mode = always"
check "it starts" systemctl restart tcpguard
check "there are rules" rules
confined
lives relay
lives terminate
small_pool
large_pool
check "it stops" systemctl stop tcpguard
check "properly" is Result success
check "no rules are left" not rules
check "clients are served without it" each_family
check "a purge" quiet dpkg -P tcpguard
check "no unit is left" not systemctl cat tcpguard.service
[ $LAB_FAILED = 0 ] || journalctl -u tcpguard --no-pager -o short-monotonic | tail -n 60 | sed 's/^/# /'
lab_end
