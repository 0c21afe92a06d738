# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # variables that the scripts use which read this file
#
# The laboratory: network namespaces, real kernels as peers, the daemon between them.
#
#   gateway:  client 198.51.100.2 -- .1 guard 192.0.2.1 -- 192.0.2.10 server
#             client fd00:c::2 -- ::1 guard fd00:5::1 -- fd00:5::10 server
#   host:     client 198.51.100.2 -- .1 server, guard, 192.0.2.10 and fd00:5::10 on its lo
#
# Addresses are the same in both placements, so that a scenario need not know where it runs. Forged
# sources are routed to the client's namespace, which does not forward and so drops the answers.
#
# Everything made here carries the process number in its name and goes away in every exit path.
# A script that cannot run here exits with 77 and says why. On a machine that is slow, as an emulated one
# is, LAB_SLOW=N makes it wait N times as long for what must happen.

set -u

# Results other than passed, in automake's words.
readonly LAB_SKIP=77 LAB_HARD_ERROR=99

BUILD_DIR=${BUILD_DIR:-$PWD}
BUILD_DIR=$(cd "$BUILD_DIR" && pwd) || exit $LAB_HARD_ERROR
LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=$BUILD_DIR/tests/tools
TCPGUARDD=${TCPGUARDD:-$BUILD_DIR/tcpguardd}
TCPGUARDCTL=${TCPGUARDCTL:-$BUILD_DIR/tcpguardctl}

readonly CLIENT4=198.51.100.2 CLIENT6=fd00:c::2 SERVER4=192.0.2.10 SERVER6=fd00:5::10
readonly GUARD4=198.51.100.1 GUARD6=fd00:c::1
readonly LAB_SLOW=${LAB_SLOW:-1}

declare -A LAB_PID=()
LAB_NS=()
LAB_TMP=
LAB_FAILED=0
LAB_CHECKS=0
LAB_LABEL=

lab_say() {
	printf '%s\n' "$*"
}

# rss_kib() - resident memory of the daemon
rss_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/${LAB_PID[guard]}/status"
}

# own_memory() - is what the daemon takes its own? Checks of it are left out of a sanitized build, and it says so.
own_memory() {
	[ -n "${SANITIZER_REPORTS:-}" ] || return 0
	lab_say "# not checked here: how much memory it takes, which is the sanitizers' for the most part"
	return 1
}

# lab_skip() - this cannot be tested here, because $*.
lab_skip() {
	lab_say "SKIP: $*"
	exit $LAB_SKIP
}

lab_die() {
	lab_say "error: $*" >&2
	exit $LAB_HARD_ERROR
}

# --- what must be there -------------------------------------------------------------------------

lab_need_programs() {
	local p

	for p in "$@"; do
		command -v "$p" >/dev/null || [ -x "/usr/sbin/$p" ] || lab_skip "there is no $p here"
	done
}

lab_need_root() {
	[ "$(id -u)" = 0 ] || lab_skip "network namespaces need root"
}

lab_need_daemon() {
	[ -x "$TCPGUARDD" ] || lab_die "$TCPGUARDD is not built"
	[ -x "$TCPGUARDCTL" ] || lab_die "$TCPGUARDCTL is not built"
}

# lab_init() - check what every scenario needs, make the directory for logs, promise to clean up.
lab_init() {
	PATH=$PATH:/usr/sbin:/sbin
	lab_need_root
	lab_need_programs ip sysctl
	[ -x "$TOOLS/peer" ] || lab_die "$TOOLS/peer is not built"
	LAB_TMP=$(mktemp -d "${TMPDIR:-/tmp}/tcpguard-lab.XXXXXX") || exit $LAB_HARD_ERROR
	chmod 755 "$LAB_TMP"
	trap lab_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	ip netns add "tg$$probe" 2>"$LAB_TMP/netns" ||
		lab_skip "cannot make a network namespace: $(cat "$LAB_TMP/netns")"
	ip netns del "tg$$probe"
}

lab_cleanup() {
	local status=$? name

	trap - EXIT
	trap '' INT TERM HUP
	for name in "${!LAB_PID[@]}"; do
		stop "$name" TERM 2
	done
	lab_teardown
	if [ -n "${LAB_KEEP:-}" ]; then
		lab_say "logs are kept in $LAB_TMP"
	elif [ -n "$LAB_TMP" ]; then
		rm -rf "$LAB_TMP"
	fi
	exit "$status"
}

# --- namespaces ---------------------------------------------------------------------------------

lab_teardown() {
	local ns

	for ns in "${LAB_NS[@]}"; do
		ip netns del "$ns" 2>/dev/null
	done
	LAB_NS=()
}

# lab_namespace() - a namespace called $1 inside this process, its name in $2.
lab_namespace() {
	local name=tg$$$1

	ip netns add "$name" || lab_die "cannot make the namespace $name"
	LAB_NS+=("$name")
	printf -v "$2" '%s' "$name"
	ip -n "$name" link set lo up
	in_ns "$name" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv4.icmp_ratelimit=0 \
		net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}

# lab_link() - a veth pair: interface $2 in namespace $1, $4 in $3.
lab_link() {
	ip link add "$2" netns "$1" type veth peer name "$4" netns "$3" || lab_die "cannot make a veth pair"
	ip -n "$1" link set "$2" up
	ip -n "$3" link set "$4" up
}

# lab_address() - namespace, interface, addresses.
lab_address() {
	local ns=$1 dev=$2 a

	shift 2
	for a in "$@"; do
		ip -n "$ns" addr add "$a" dev "$dev" || lab_die "cannot add $a to $dev"
	done
}

# lab_router() - where every address that is not known goes: namespace, IPv4, IPv6.
lab_router() {
	ip -n "$1" route add default via "$2"
	ip -n "$1" -6 route add default via "$3"
}

# lab_cable() - client and first hop, with LAB_WIRE's delay or loss between them if that is set.
lab_cable() {
	local far=$1 far_dev=$2 ns_wire

	if [ -z "${LAB_WIRE:-}" ]; then
		lab_link "$NS_CLIENT" c0 "$far" "$far_dev"
		return
	fi
	lab_namespace w ns_wire
	lab_link "$NS_CLIENT" c0 "$ns_wire" w0
	lab_link "$ns_wire" w1 "$far" "$far_dev"
	start wire in_ns "$ns_wire" "$TOOLS/wire" $LAB_WIRE w0 w1
}

lab_gateway() {
	lab_namespace c NS_CLIENT
	lab_namespace g NS_GUARD
	lab_namespace s NS_SERVER
	lab_cable "$NS_GUARD" g0
	lab_link "$NS_GUARD" g1 "$NS_SERVER" s0
	lab_address "$NS_CLIENT" c0 $CLIENT4/24 $CLIENT6/64
	lab_address "$NS_GUARD" g0 $GUARD4/24 $GUARD6/64
	lab_address "$NS_GUARD" g1 192.0.2.1/24 fd00:5::1/64
	lab_address "$NS_SERVER" s0 $SERVER4/24 $SERVER6/64
	in_guard sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	lab_router "$NS_GUARD" $CLIENT4 $CLIENT6
	lab_router "$NS_SERVER" 192.0.2.1 fd00:5::1
}

lab_host() {
	lab_namespace c NS_CLIENT
	lab_namespace s NS_SERVER
	NS_GUARD=$NS_SERVER
	lab_cable "$NS_SERVER" s0
	lab_address "$NS_CLIENT" c0 $CLIENT4/24 $CLIENT6/64
	lab_address "$NS_SERVER" s0 $GUARD4/24 $GUARD6/64
	lab_address "$NS_SERVER" lo $SERVER4/32 $SERVER6/128
	lab_router "$NS_SERVER" $CLIENT4 $CLIENT6
}

# lab_topology() - gateway or host; also the client's routes, and neighbours known beforehand.
lab_topology() {
	PLACEMENT=$1
	case $1 in
	gateway) lab_gateway ;;
	host) lab_host ;;
	*) lab_die "no such placement: $1" ;;
	esac
	ip -n "$NS_CLIENT" route add 192.0.2.0/24 via $GUARD4
	ip -n "$NS_CLIENT" -6 route add fd00:5::/64 via $GUARD6
	ip -n "$NS_CLIENT" route add blackhole default
	wait_for 5 "IPv4 through the laboratory" reaches $SERVER4:9
	wait_for 5 "IPv6 through the laboratory" reaches "[$SERVER6]:9"
}

# reaches() - does the server's kernel refuse a connection to a port where nobody listens?
reaches() {
	in_client "$TOOLS/peer" client --to "$1" --do get --timeout 1 | grep -q '"end":"refused"'
}

# in_ns() - run a command in a namespace; as the last command of a subshell it keeps the PID.
in_ns() {
	local ns=$1

	shift
	ip netns exec "$ns" "$@"
}

in_client() {
	in_ns "$NS_CLIENT" "$@"
}

in_guard() {
	in_ns "$NS_GUARD" "$@"
}

in_server() {
	in_ns "$NS_SERVER" "$@"
}

# server_address() - of family $1 (4 or 6) as it is written before a port.
server_address() {
	if [ "$1" = 4 ]; then echo $SERVER4; else echo "[$SERVER6]"; fi
}

client_address() {
	if [ "$1" = 4 ]; then echo $CLIENT4; else echo "[$CLIENT6]"; fi
}

# --- processes ----------------------------------------------------------------------------------

# start() - run a command in the background; its output goes to $LAB_TMP/NAME.log.
start() {
	local name=$1

	shift
	if [ "$1" = in_ns ]; then
		set -- ip netns exec "${@:2}"
	elif [ "$1" = in_client ]; then
		set -- ip netns exec "$NS_CLIENT" "${@:2}"
	elif [ "$1" = in_guard ]; then
		set -- ip netns exec "$NS_GUARD" "${@:2}"
	elif [ "$1" = in_server ]; then
		set -- ip netns exec "$NS_SERVER" "${@:2}"
	fi
	: >"$LAB_TMP/$name.log" # here, so that nobody finds what an earlier one wrote
	"$@" >>"$LAB_TMP/$name.log" 2>&1 </dev/null &
	LAB_PID[$name]=$!
}

running() {
	[ -n "${LAB_PID[$1]:-}" ] && kill -0 "${LAB_PID[$1]}" 2>/dev/null
}

# finish() - wait for what was started as $1. Return: its exit status.
finish() {
	local pid=${LAB_PID[$1]:-} status=0

	[ -n "$pid" ] || return 0
	wait "$pid" || status=$?
	unset "LAB_PID[$1]"
	return $status
}

# stop() - end what was started as $1 with signal $2 (TERM), by force after $3 (5) seconds.
# Return: its exit status.
stop() {
	local name=$1 signal=${2:-TERM} patience=${3:-5} pid end

	pid=${LAB_PID[$name]:-}
	[ -n "$pid" ] || return 0
	kill -s "$signal" "$pid" 2>/dev/null
	end=$((SECONDS + patience * LAB_SLOW))
	while kill -0 "$pid" 2>/dev/null && [ $SECONDS -le $end ]; do
		sleep 0.02
	done
	kill -0 "$pid" 2>/dev/null && lab_say "# $name did not end on SIG$signal" && kill -KILL "$pid"
	finish "$name" 2>/dev/null
}

# wait_for() - repeat a command until it succeeds; die after $1 seconds, telling $2.
wait_for() {
	local seconds=$1 what=$2

	shift 2
	try_for "$seconds" "$@" || lab_die "waited $seconds s in vain for $what"
}

# try_for() - like wait_for, but return 1.
try_for() {
	local end=$((SECONDS + $1 * LAB_SLOW))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

# --- servers ------------------------------------------------------------------------------------

listening() {
	[ -n "$(in_server ss -Hltn "sport = :$1")" ]
}

# peer_start() - the peer tool as server on port $1, other arguments as they are.
peer_start() {
	local port=$1

	shift
	start "peer$port" in_server "$TOOLS/peer" server --listen "$SERVER4:$port" \
		--listen "[$SERVER6]:$port" "$@"
	wait_for 5 "the peer on port $port" listening "$port"
}

# nginx_start() - nginx on port 80 of both addresses, in the foreground, serving $LAB_TMP/www.
nginx_start() {
	mkdir -p "$LAB_TMP/www" "$LAB_TMP/nginx"
	[ -e "$LAB_TMP/www/index.html" ] || echo "served by nginx" >"$LAB_TMP/www/index.html"
	cat >"$LAB_TMP/nginx.conf" <<-END
		daemon off;
		worker_processes ${NGINX_WORKERS:-1};
		pid $LAB_TMP/nginx/pid;
		error_log $LAB_TMP/nginx/error.log;
		events { worker_connections 8192; }
		http {
			access_log ${NGINX_ACCESS_LOG:-off};
			client_body_temp_path $LAB_TMP/nginx/body;
			proxy_temp_path $LAB_TMP/nginx/proxy;
			fastcgi_temp_path $LAB_TMP/nginx/fastcgi;
			uwsgi_temp_path $LAB_TMP/nginx/uwsgi;
			scgi_temp_path $LAB_TMP/nginx/scgi;
			sendfile on;
			types { text/html html; }
			server {
				listen $SERVER4:80 backlog=${NGINX_BACKLOG:-511};
				listen [$SERVER6]:80 backlog=${NGINX_BACKLOG:-511};
				root $LAB_TMP/www;
			}
		}
	END
	chmod -R a+rwX "$LAB_TMP/www" "$LAB_TMP/nginx"
	start nginx in_server nginx -c "$LAB_TMP/nginx.conf" -e "$LAB_TMP/nginx/error.log"
	wait_for 5 "nginx" listening 80
}

# --- the guard ----------------------------------------------------------------------------------

# guard_config() - write the configuration: mode, lines for the service, lines for the whole file.
# Guards ports 80 and 7000-7099 of the server.
guard_config() {
	cat >"$LAB_TMP/tcpguard.conf" <<-END
		control-socket = "$LAB_TMP/control.sock"
		state-dir = "$LAB_TMP/state"
		log-target = stderr
		service "lab" {
			listen = { "$SERVER4:80,7000-7099", "[$SERVER6]:80,7000-7099" }
			mode = $1
			${2:-}
		}
		${3:-}
	END
	mkdir -p "$LAB_TMP/state"
}

# guard_start() - the daemon with that configuration, until it answers.
guard_start() {
	lab_need_daemon
	rm -f "$LAB_TMP/control.sock"
	start guard in_guard "$TCPGUARDD" -f -c "$LAB_TMP/tcpguard.conf" "$@"
	try_for 10 guard_answers_or_ended && guard_answers && return
	lab_say "# the daemon says:"
	sed 's/^/# /' "$LAB_TMP/guard.log"
	lab_die "the daemon does not answer"
}

guard_answers_or_ended() {
	! running guard || guard_answers
}

guard_answers() {
	ctl status >/dev/null 2>&1
}

guard_stop() {
	stop guard "${1:-TERM}" "${2:-5}"
}

ctl() {
	"$TCPGUARDCTL" --socket "$LAB_TMP/control.sock" "$@"
}

# json() - the value of key $1 in the JSON lines on standard input, one a line.
json() {
	sed -n "s/.*\"$1\": *\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"
}

# stat_of() - one counter of the laboratory's service.
stat_of() {
	ctl --json stats lab | json "$1" | head -n 1
}

mode_of_lab() {
	ctl mode lab "$1" >/dev/null
}

in_state() {
	[ "$(stat_of state)" = "$1" ]
}

# no_flows() - does the daemon hold no connection or half-open, but those that were reset (they are
# remembered for stragglers) and those in the states that are given?
no_flows() {
	local state over='"client_state":"CLOSE"'

	for state in "$@"; do
		over="$over\|\"client_state\":\"$state\""
	done
	[ "$(ctl --json conns | grep -vc "$over")" = 0 ]
}

# --- verdicts -----------------------------------------------------------------------------------

# check() - $1 says what must be so, the rest is the command that tells.
check() {
	local what=$1

	shift
	if "$@"; then
		verdict 0 "$what"
	else
		verdict 1 "$what"
	fi
}

# verdict() - $1 is 0 if $2 is so.
verdict() {
	LAB_CHECKS=$((LAB_CHECKS + 1))
	if [ "$1" = 0 ]; then
		lab_say "ok $LAB_CHECKS - ${LAB_LABEL:+$LAB_LABEL: }$2"
	else
		LAB_FAILED=$((LAB_FAILED + 1))
		lab_say "not ok $LAB_CHECKS - ${LAB_LABEL:+$LAB_LABEL: }$2"
	fi
}

# number() - compare numbers, fractions too: number 1.5 '<' 2. Says what it compared if it is not so.
number() {
	local op=$2

	[ "$op" != = ] || op='=='
	awk -v a="${1:-nan}" -v b="${3:-nan}" 'BEGIN {
		if (a == "nan" || b == "nan") exit 1
		a += 0; b += 0
		exit !('"a $op b"') }' && return
	lab_say "# it is not so that ${1:-nothing} $2 ${3:-nothing}"
	return 1
}

# peer_do() - one operation of the peer client; its line is shown when it fails.
peer_do() {
	local line status=0

	line=$(in_client "$TOOLS/peer" client "$@" 2>&1) || status=$?
	LAB_LINE=$line
	[ $status = 0 ] ||
		echo "$line" | grep -v '"ok":true' | head -n 3 | sed "s|^|# peer client $*: |"
	return $status
}

# peer_load() - many requests of the peer client, likewise.
peer_load() {
	local status=0

	LAB_LINE=$(in_client "$TOOLS/peer" load "$@" 2>&1) || status=$?
	[ $status = 0 ] || lab_say "# peer load $*: $LAB_LINE"
	return $status
}

# lab_each() - run the function $1 in both placements, in each for IPv4 and IPv6. The function
# $1_setup starts servers and guard; it is called once for each placement.
lab_each() {
	local scenario=$1 placement

	for placement in ${LAB_PLACEMENTS:-gateway host}; do
		lab_topology "$placement"
		LAB_LABEL=$placement
		"${scenario}_setup"
		for FAMILY in 4 6; do
			LAB_LABEL="$placement, IPv$FAMILY"
			SERVER=$(server_address $FAMILY)
			CLIENT=$(client_address $FAMILY)
			"$scenario"
		done
		LAB_LABEL=$placement
		lab_clear
	done
	LAB_LABEL=
}

# lab_clear() - end everything that runs and take the topology down. The daemon must live until now.
lab_clear() {
	local name

	if [ -n "${LAB_PID[guard]:-}" ]; then
		check "the daemon is still alive" running guard
		guard_stop
		verdict $? "it ends with status 0 on SIGTERM"
		if grep -q 'ERROR: AddressSanitizer\|runtime error:' "$LAB_TMP/guard.log"; then
			verdict 1 "no sanitizer complains"
			sed 's/^/# /' "$LAB_TMP/guard.log"
		fi
	fi
	for name in "${!LAB_PID[@]}"; do
		stop "$name"
	done
	lab_teardown
}

# lab_end() - the last command of a script.
lab_end() {
	lab_say "$LAB_CHECKS checks, $LAB_FAILED failed"
	[ $LAB_FAILED = 0 ]
	exit
}
