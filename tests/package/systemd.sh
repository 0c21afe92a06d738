#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: systemd.sh BUILD_DIR      this is `make check-systemd`
#
# Installs Debian's package in a Debian of its own, boots that with systemd as PID 1, and lives through what
# an operator does and what goes wrong. TCPGUARD_DEB=FILE takes a package that is built already.
#
#	client 198.51.100.2 -- 198.51.100.1 container, 192.0.2.10 on its lo
set -u
[ "${IN_NAMESPACE:-}" = yes ] || [ "$(id -u)" != 0 ] ||
	IN_NAMESPACE=yes exec unshare --mount --propagation slave "$0" "$@"

# shellcheck source=tests/package/root.sh
. "$(dirname "$0")/root.sh"
# shellcheck source=tests/package/container.sh
. "$(dirname "$0")/container.sh"

build=$(cd "${1:?usage: systemd.sh BUILD_DIR}" && pwd) || exit 99
need_root systemd-nspawn nsenter ip
client_ns=tgc$$
ping=

leave() {
	local status=$?

	stop_container
	wait 2>/dev/null
	ip netns del "$client_ns" 2>/dev/null
	(exit $status)
	close_root
}

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the machines --------------------------------------------------------------------------------

make_network() {
	ip netns add "$inside_ns" && ip netns add "$client_ns" || skip 'no network namespaces here'
	ip link add eth0 netns "$inside_ns" type veth peer name eth0 netns "$client_ns" || exit 99
	ip -n "$inside_ns" link set lo up
	ip -n "$inside_ns" addr add 192.0.2.10/32 dev lo
	ip -n "$inside_ns" addr add 198.51.100.1/24 dev eth0
	ip -n "$inside_ns" link set eth0 up
	ip -n "$inside_ns" route add default via 198.51.100.2
	ip -n "$client_ns" link set lo up
	ip -n "$client_ns" addr add 198.51.100.2/24 dev eth0
	ip -n "$client_ns" link set eth0 up
	ip -n "$client_ns" route add default via 198.51.100.1
}

# ---- questions -----------------------------------------------------------------------------------

outside() { ip netns exec "$client_ns" "$@"; }
process() { inside grep -q "^$1:[[:space:]]*$2" "/proc/$(main_pid)/status"; }
journal_has() { inside journalctl -u tcpguard --no-pager -o cat | grep -qE "$1"; }
guards() { inside tcpguardctl --json services | grep -q "\"service\":\"$1\""; }
rules() { inside iptables -t raw -S | grep -q TCPGUARD_PRE; }
gets() { outside "$build/tests/tools/peer" client --to 192.0.2.10:8080 --do get --timeout 5; }
in_group() { [ "$(inside stat -c %G:%a "$1")" = "$2" ]; }

# connect_for_long() - a connection for $1 s (3), of which a second has passed.
connect_for_long() {
	outside "$build/tests/tools/peer" client --to 192.0.2.10:8080 --do ping --seconds "${1:-3}" \
		>"$tmp/ping" 2>&1 &
	ping=$!
	sleep 1
}

# expect_connection() - it ended well. Its longest stall is told. $1: what
expect_connection() {
	local status=0

	wait "$ping" || status=$?
	expect "$1" [ $status = 0 ]
	say "# longest round trip: $(sed -n 's/.*"rtt_max_us":\([0-9]*\).*/\1/p' "$tmp/ping") us"
}

# every_worker() - do the threads that read packets have this line in their status?
every_worker() {
	local pid

	pid=$(main_pid)
	inside sh -c "for t in /proc/$pid/task/*; do
			grep -q ^worker- \$t/comm || continue
			grep -qE '$1' \$t/status || exit 1
			seen=yes
		done; [ \"\$seen\" = yes ]"
}

configure() {
	inside sh -c 'cat >/etc/tcpguard/tcpguard.conf'
}

# ---- the story -----------------------------------------------------------------------------------

the_package "$build"
open_root
cp "$tmp/tcpguard.deb" "$tmp/root/root/tcpguard.deb"
expect 'the package installs' in_root dpkg -i /root/tcpguard.deb
make_network
boot

say '# after the boot'
expect 'systemd is up' wait_until 20 inside systemctl is-active --quiet multi-user.target
expect 'the unit was started, and says so itself (Type=notify)' wait_until 10 is_active
expect 'it guards nothing' journal_has 'nothing is guarded yet'
expect 'there is no rule for it' not rules
expect 'it answers' inside tcpguardctl status
expect 'it runs as its own user' process Uid "$(inside id -u tcpguard)"
expect 'it has few capabilities left' process CapPrm 0000000000003001
expect 'there are no new privileges' process NoNewPrivs 1
expect 'there are system call filters' process Seccomp 2
expect 'workers have one capability left' every_worker '^CapPrm:[[:space:]]*0000000000001000'
expect 'every stage of the sandbox was entered' not journal_has 'stage .* of the sandbox'
expect 'its state is its own' in_group /var/lib/tcpguard tcpguard:750
expect 'systemd-analyze security: 2.5 or better' inside systemd-analyze security --offline=true \
	--threshold=25 /lib/systemd/system/tcpguard.service
inside systemd-analyze security --offline=true /lib/systemd/system/tcpguard.service | tail -n 1

say '# a service'
configure <<-'END'
	metrics = 9464
	control-group = adm
	on-attack = "/etc/tcpguard/on-attack"
	service "web" { listen = { "192.0.2.10:8080" } mode = always }
END
inside sh -c 'cat >/etc/tcpguard/on-attack && chmod 755 /etc/tcpguard/on-attack' <<-'END'
	#!/bin/sh
	echo "$TCPGUARD_EVENT $TCPGUARD_SERVICE $(id -un) $(ip -o -4 addr show dev lo | wc -l)" \
		>>/var/lib/tcpguard/told
END
inside systemd-run --quiet --unit=peer /opt/build/tests/tools/peer server --listen 192.0.2.10:8080
expect 'a reload takes the service' inside systemctl reload tcpguard
expect 'it is guarded' wait_until 3 guards web
expect 'there are rules now' wait_until 3 rules
expect 'a client gets through' gets
expect 'by cookie' inside sh -c \
	"tcpguardctl --json stats web | grep -q '\"cookies_valid\":[1-9]'"
expect 'a restart gives the socket to its group' inside systemctl restart tcpguard
expect 'the group has it' in_group /run/tcpguard/control.sock adm:660
expect 'a client gets through' gets
expect 'metrics are served' inside bash -c \
	'exec 3<>/dev/tcp/127.0.0.1/9464; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3
	 grep -q tcpguard_ <&3'
expect 'the kernel'\''s view of the queues is seen' inside sh -c \
	'tcpguardctl status | grep -q "user-dropped\|USER-DROPPED"'

expect 'the doctor finds no fault' not inside sh -c \
	'tcpguardctl doctor | grep -A1 "^fault"'
expect 'and the unit'\''s privileges fine' inside sh -c \
	'tcpguardctl doctor | grep -q "^ok .*has the capabilities it needs"'

say '# a reload with an error'
pid=$(main_pid)
echo 'service "web" { listen = { "192.0.2.10:8080" } mode = alwayz }' | configure
expect 'systemctl reload fails' not inside systemctl reload tcpguard
expect 'the journal names file and line' journal_has 'tcpguard.conf:1: .*alwayz'
expect 'the daemon still runs' [ "$(main_pid)" = "$pid" ]
hit HUP
expect 'SIGHUP alone changes nothing either' wait_until 3 journal_has 'the old one stays in force'
expect 'the unit is active' is_active
expect 'the old configuration is in force' guards web
expect 'a client gets through' gets
: | configure
expect 'an empty file is an error, too' not inside systemctl reload tcpguard
expect 'web is still guarded' guards web

say '# a restart with an error'
configure <<-'END'
	service "web" { listen = { "192.0.2.10:8080" } mode = always }
END
expect 'a service that translates' inside systemctl reload tcpguard
connect_for_long 8
echo 'service "web" { listen = { "192.0.2.10:8080" } mode = alwayz }' | configure
expect 'systemctl restart fails' not inside systemctl restart tcpguard
expect 'on-failure = open: a client gets through' wait_until 3 gets
expect 'the journal says why' journal_has 'nobody holds the packet queues'
configure <<-'END'
	service "web" { listen = { "192.0.2.10:8080" } mode = always }
END
expect 'once it is mended it starts by itself' wait_until 10 is_active
expect_connection 'and the connection has lived through it'
expect 'a client gets through' gets

say '# an attack, and what it calls'
configure <<-'END'
	control-group = adm
	on-attack = "/etc/tcpguard/on-attack"
	service "web" { listen = { "192.0.2.10:8080" } attack { start = 64 hold = 1s } }
END
expect 'a reload' inside systemctl reload tcpguard
outside "$build/tests/tools/flood" --dst 192.0.2.10 --port 8080 --rate 3000 --seconds 3 >/dev/null
expect 'on-attack was called, as an ordinary user with the network' wait_until 5 inside \
	grep -q '^begin web tcpguard [1-9]' /var/lib/tcpguard/told
expect 'the journal has the fields' inside sh -c \
	'journalctl -q --no-pager TCPGUARD_SERVICE=web | grep -q .'
expect 'a client gets through' gets

say '# crashes'
restarts=$(property NRestarts)
pid=$(main_pid)
began=$(date +%s%N)
hit KILL
expect 'after SIGKILL it is started again' wait_until 5 restarted_to $((restarts + 1))
say "# that took at most $((($(date +%s%N) - began) / 1000000)) ms"
expect 'it is another process' [ "$(main_pid)" != "$pid" ]
expect 'a client gets through' gets
if [ "$(property FileDescriptorStoreMax)" -gt 0 ]; then
	expect 'systemd keeps its descriptors' [ "$(property NFileDescriptorStore)" -gt 0 ]
	connect_for_long
	hit KILL
	expect_connection 'a connection lives through another SIGKILL'
	expect 'it is started again' wait_until 5 restarted_to $((restarts + 2))
	connect_for_long
	inside systemctl restart tcpguard
	expect_connection 'and through systemctl restart'
	connect_for_long 6
	expect 'an upgrade of the package' inside dpkg -i --force-confold /root/tcpguard.deb
	expect_connection 'and through that'
	pid=$(main_pid)
	connect_for_long
	expect 'an upgrade in place' inside tcpguardctl upgrade
	expect_connection 'a connection lives through it, too'
	expect 'it is the same process' [ "$(main_pid)" = "$pid" ]
	expect 'with few capabilities left' process CapPrm 0000000000003001
	expect 'and its socket is the group'\''s' in_group /run/tcpguard/control.sock adm:660
else
	say '# no descriptors are kept in this version'
fi

say '# a daemon that hangs'
inside sh -c 'mkdir -p /run/systemd/system/tcpguard.service.d &&
	printf "[Service]\nWatchdogSec=4s\n" >/run/systemd/system/tcpguard.service.d/test.conf'
inside systemctl daemon-reload
inside systemctl restart tcpguard
wait_until 5 is_active
sleep 6
expect 'it feeds the watchdog' is NRestarts 0
pid=$(main_pid)
hit STOP
expect 'the watchdog ends it, and it is started again' wait_until 15 restarted_to 1
expect 'the journal says so' journal_has 'atchdog timeout'
expect 'a client gets through' gets
inside /opt/build/tests/tools/freeze "$(main_pid)" worker-0 20 >/dev/null 2>&1 &
frozen=$!
expect 'so it does if one worker hangs and all others go on' wait_until 15 restarted_to 2
expect 'the journal has the reason' journal_has 'worker 0 does not answer'
expect 'a client gets through' gets
kill "$frozen" 2>/dev/null

say '# the terminate engine'
# As udev leaves it on a machine; the container has it for root only.
inside sh -c '[ ! -e /dev/net/tun ] || chmod 666 /dev/net/tun'
configure <<-'END'
	control-group = adm
	service "web" { listen = { "192.0.2.10:8080" } mode = always engine = terminate }
END
expect 'a restart with it' inside systemctl restart tcpguard
if inside test -e /dev/net/tun; then
	expect 'its device is there' inside ip link show tcpguard100
fi
expect 'a client gets through' gets
expect 'and gets much' outside "$build/tests/tools/peer" client --to 192.0.2.10:8080 --do get \
	--bytes 20000000 --timeout 20
expect 'by that engine' inside sh -c \
	"tcpguardctl --json stats web | grep -q '\"terminated\":[1-9]'"

say '# iptables-legacy, which has a lock in /run'
if inside iptables-legacy -t raw -S >/dev/null 2>&1; then
	inside systemctl stop tcpguard
	inside update-alternatives --quiet --set iptables /usr/sbin/iptables-legacy
	inside update-alternatives --quiet --set ip6tables /usr/sbin/ip6tables-legacy
	expect 'it starts' inside systemctl start tcpguard
	expect 'there are rules' rules
	expect 'a client gets through' gets
else
	say '# this kernel has no legacy tables'
fi

say '# the end'
expect 'it stops' inside systemctl stop tcpguard
expect 'it did so properly' is Result success
expect 'no rules are left' not rules
expect 'its directory in /run is gone' not inside test -e /run/tcpguard
inside systemctl start tcpguard
expect 'rules are there' rules
echo 'colour = blue' | configure
expect 'now it cannot start' not inside systemctl restart tcpguard
expect 'its rules are there' rules
expect 'a purge stops it' inside dpkg -P tcpguard
expect 'no process is left' not inside pgrep -x tcpguardd
expect 'no rules are left' not rules
expect 'no unit is left' not inside systemctl cat tcpguard.service
if [ $failed != 0 ]; then
	say '# the end of the journal'
	inside journalctl -u tcpguard --no-pager -o short-monotonic | tail -n 40
fi
finish
