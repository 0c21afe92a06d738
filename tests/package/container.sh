# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The root of root.sh, booted with systemd as PID 1 in a container, in the network namespace $inside_ns.
# Who reads this file has read root.sh, mounts in a namespace of its own, and calls stop_container() in
# every exit path.
inside_ns=tgs$$
cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)$(sed -n 's/^0:://p' /proc/self/cgroup)/tgs$$
nspawn=
init=

stop_container() {
	if [ -n "$init" ]; then
		kill -s RTMIN+4 "$init" 2>/dev/null
		wait_until 10 not kill -0 "$nspawn" 2>/dev/null
	fi
	[ -z "$nspawn" ] || kill -KILL "$nspawn" 2>/dev/null
	wait "$nspawn" 2>/dev/null
	ip netns del "$inside_ns" 2>/dev/null
	[ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
}

# is_init() - is process $1 systemd, in namespaces of its own? Before that, its namespaces are ours.
is_init() {
	[ "$(cat "/proc/$1/comm" 2>/dev/null)" = systemd ] &&
		[ "$(readlink "/proc/$1/ns/pid")" != "$(readlink /proc/self/ns/pid)" ] &&
		[ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink "/proc/$nspawn/ns/mnt")" ] &&
		[ "$(awk '/^NSpid:/ { print $NF }' "/proc/$1/status")" = 1 ]
}

# find_init() - PID 1 of the container, a child or a grandchild of nspawn, into $init.
find_init() {
	local pid child

	for child in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
		for pid in $child $(cat "/proc/$child/task/$child/children" 2>/dev/null); do
			if is_init "$pid"; then
				init=$pid
				return 0
			fi
		done
	done
	return 1
}

# own_cgroup() - a control group of its own for this process; two systemds must not share one.
own_cgroup() {
	[ -w "${cgroup%/*}/cgroup.procs" ] || return 0
	mkdir "$cgroup" || broken "cannot make $cgroup"
	echo "$BASHPID" >"$cgroup/cgroup.procs"
}

boot() {
	umount "$tmp/root/proc"
	(
		own_cgroup
		SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn -D "$tmp/root" --machine="tgs$$" \
			--register=no --keep-unit --network-namespace-path="/run/netns/$inside_ns" --boot \
			--console=pipe --capability=all --system-call-filter=bpf --resolv-conf=off \
			--bind-ro="${build:?}:/opt/build"
	) </dev/null >"$tmp/console" 2>&1 &
	nspawn=$!
	if ! wait_until 15 find_init; then
		tail -n 5 "$tmp/console"
		skip 'systemd does not come up in a container here; its last words are above'
	fi
}

# inside() - a command in the container.
inside() {
	nsenter -t "$init" -m -u -i -n -p -C -- /usr/bin/env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}

property() { inside systemctl show -p "$1" --value tcpguard.service; }
main_pid() { property MainPID; }
is() { [ "$(property "$1")" = "$2" ]; }
is_active() { is ActiveState active && is SubState running; }
# hit() - send signal $1 to the daemon; were it not there, number 0 would mean this script's own group.
hit() {
	local pid

	pid=$(main_pid)
	[ "${pid:-0}" -gt 1 ] && inside kill -s "$1" "$pid"
}

restarted_to() { [ "$(property NRestarts)" -ge "$1" ] && is_active; }
