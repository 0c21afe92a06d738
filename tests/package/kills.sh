#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: kills.sh BUILD_DIR      this is `make check-kills`, with KILLS=100 and CONNECTIONS=1000 in the environment
#
# Debian's package on a gateway with systemd as PID 1. Connections of each kind (passed, relayed, terminated)
# speak about twice a second while the daemon is killed at random moments. None may be lost, none may
# stand still for more than STALL_MS (1000), and nothing may be left behind. With EAGER=yes it is killed
# while it starts, too, which adds up: then STALL_MS says little.
# TCPGUARD_DEB=FILE takes a package that is built already.
#
#	client 198.51.100.2 -- 198.51.100.1 container 192.0.2.1 -- 192.0.2.10 server
set -u
[ "${IN_NAMESPACE:-}" = yes ] || [ "$(id -u)" != 0 ] ||
	IN_NAMESPACE=yes exec unshare --mount --propagation slave "$0" "$@"

# shellcheck source=tests/package/root.sh
. "$(dirname "$0")/root.sh"
# shellcheck source=tests/package/container.sh
. "$(dirname "$0")/container.sh"

build=$(cd "${1:?usage: kills.sh BUILD_DIR}" && pwd) || exit 99
readonly KILLS=${KILLS:-100} CONNECTIONS=${CONNECTIONS:-1000} STALL_MS=${STALL_MS:-1000}
readonly KINDS=(passed relayed terminated) HOLD=$source_dir/tests/lab/hold.py
declare -A port=([passed]=7001 [relayed]=7002 [terminated]=7003) holder=()
need_root systemd-nspawn nsenter ip python3
client_ns=tgc$$ server_ns=tgv$$
server=

leave() {
	local status=$? pid

	for pid in $server "${holder[@]}"; do
		kill "$pid" 2>/dev/null
	done
	stop_container
	wait 2>/dev/null
	ip netns del "$client_ns" 2>/dev/null
	ip netns del "$server_ns" 2>/dev/null
	(exit $status)
	close_root
}

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# link() - $2 with address $3 in the container, to $1 with address $4, whose gateway it is.
link() {
	ip link add "$2" netns "$inside_ns" type veth peer name eth0 netns "$1" || exit 99
	ip -n "$inside_ns" addr add "$3/24" dev "$2"
	ip -n "$inside_ns" link set "$2" up
	ip -n "$1" addr add "$4/24" dev eth0
	ip -n "$1" link set eth0 up
	ip -n "$1" route add default via "$3"
}

make_network() {
	local ns

	for ns in "$inside_ns" "$client_ns" "$server_ns"; do
		ip netns add "$ns" || skip 'no network namespaces here'
		ip -n "$ns" link set lo up
	done
	link "$client_ns" eth0 198.51.100.1 198.51.100.2
	link "$server_ns" eth1 192.0.2.1 192.0.2.10
	ip netns exec "$inside_ns" sysctl -qw net.ipv4.ip_forward=1
}

configure() {
	inside sh -c 'cat >/etc/tcpguard/tcpguard.conf' <<-END
		workers = 2
		service "passed" { listen = "192.0.2.10:${port[passed]}" mode = off }
		service "relayed" { listen = "192.0.2.10:${port[relayed]}" mode = always }
		service "terminated" {
			listen = "192.0.2.10:${port[terminated]}" mode = always engine = terminate
		}
	END
	inside sh -c '[ ! -e /dev/net/tun ] || chmod 666 /dev/net/tun' # as udev leaves it
	inside systemctl restart tcpguard
}

listens() { [ -n "$(ip netns exec "$server_ns" ss -Hltn "sport = :${port[terminated]}")" ]; }
is_ready() { grep -q ready "$tmp/$1"; }
answers() { inside tcpguardctl status >/dev/null 2>&1; }
counter() { inside tcpguardctl --json stats "$1" | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p" | head -n 1; }

hold_all() {
	local kind

	for kind in "${KINDS[@]}"; do
		ip netns exec "$client_ns" python3 "$HOLD" hold 192.0.2.10 "${port[$kind]}" \
			"$CONNECTIONS" 900 >"$tmp/$kind" 2>&1 &
		holder[$kind]=$!
	done
	for kind in "${KINDS[@]}"; do
		expect "$CONNECTIONS $kind connections are open" wait_until 60 is_ready "$kind"
	done
}

# held() - end the connections of a kind; what they have seen is judged.
held() {
	local status=0 line

	kill -TERM "${holder[$1]}"
	wait "${holder[$1]}" || status=$?
	unset "holder[$1]"
	line=$(tail -n 1 "$tmp/$1")
	say "# $1: $line"
	expect "$1: none was lost" [ $status = 0 ]
	expect "$1: the longest stall was not over $STALL_MS ms" \
		[ "$(sed -n 's/.*"worst_ms": \([0-9]*\).*/\1/p' <<<"$line")" -le "$STALL_MS" ]
}

# belongings() - whatever a kill could leave behind, counted.
belongings() {
	printf 'processes %s, rules %s, queues %s, TUN devices %s, network namespaces %s, kept %s\n' \
		"$(inside pgrep -xc tcpguardd)" \
		"$(inside sh -c 'iptables-save; ip6tables-save; nft list ruleset 2>/dev/null' | grep -ci queue)" \
		"$(ip netns exec "$inside_ns" cat /proc/net/netfilter/nfnetlink_queue | wc -l)" \
		"$(ip -n "$inside_ns" -o link show type tun 2>/dev/null | wc -l)" \
		"$(ip netns list | grep -c "^tg[scv]$$")" "$(property NFileDescriptorStore)"
}

open_files() { inside sh -c "ls /proc/$(main_pid)/fd | wc -l"; }

# serves_again() - is it another one than that which was killed, and ready?
serves_again() {
	[ "$(property MainPID)" != "$last" ] && is SubState running
}

# kill_one() - at a random moment, whatever it is doing then.
kill_one() {
	[ "${EAGER:-}" = yes ] || wait_until 10 serves_again || broken 'it does not start again'
	sleep "0.$((RANDOM % 60 + 10))"
	last=$(main_pid)
	[ "${last:-0}" -gt 1 ] && inside kill -s KILL "$last" && killed=$((killed + 1))
}

# lost_on_the_way() - what had to be sent again, and why: for the record.
lost_on_the_way() {
	say "# sent again: client $(ip netns exec "$client_ns" nstat -asz TcpRetransSegs | awk 'END { print $2 }'), \
server $(ip netns exec "$server_ns" nstat -asz TcpRetransSegs | awk 'END { print $2 }')"
	inside tcpguardctl status | grep -iE '^(requeued|passed_on|overruns|kernel_dropped|user_dropped|verdict_errors|inject_)' |
		sed 's/^/# /'
}

the_package "$build"
open_root
cp "$tmp/tcpguard.deb" "$tmp/root/root/tcpguard.deb"
expect 'the package installs' in_root dpkg -i /root/tcpguard.deb
make_network
boot
wait_until 20 inside systemctl is-active --quiet multi-user.target 2>/dev/null || broken 'systemd does not come up'
ip netns exec "$server_ns" python3 "$HOLD" serve 192.0.2.10 "${port[@]}" >"$tmp/server" 2>&1 &
server=$!
wait_until 5 listens || broken 'the server does not listen'
expect 'it takes the configuration' configure
hold_all
before=$(belongings)
files=$(open_files)
spliced=$(counter relayed spliced)
killed=0
last=
began=$SECONDS
while [ $killed -lt "$KILLS" ]; do
	kill_one
done
say "# $killed kills in $((SECONDS - began)) s"
wait_until 10 serves_again
expect 'after the last one it serves' wait_until 10 answers
lost_on_the_way
sleep 1
for kind in "${KINDS[@]}"; do
	held "$kind"
done
expect 'counters have gone on' [ "$(counter relayed spliced)" -ge "$spliced" ]
expect 'it never started clean' not sh -c "nsenter -t $init -m -p -C -- journalctl -u tcpguard | grep -q 'will be reset'"
say "# before: $before"
say "# after:  $(belongings)"
expect 'nothing was left behind' [ "$(belongings)" = "$before" ]
expect 'nor open files' [ "$(open_files)" -le $((files + 2)) ]
expect 'it stops' inside systemctl stop tcpguard
say "# stopped: $(belongings)"
expect 'and nothing is left' [ "$(belongings)" = \
	"processes 0, rules 0, queues 0, TUN devices 0, network namespaces 3, kept 0" ]
[ $failed = 0 ] || inside journalctl -u tcpguard --no-pager -o short-monotonic | tail -n 40
finish
