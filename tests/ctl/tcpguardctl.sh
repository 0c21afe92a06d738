#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tcpguardctl against a daemon with made-up figures: exit codes, output, and everything that can be
# wrong with the daemon or with standard output.
set -u

built=${abs_top_builddir:-.}
ctl=$built/tcpguardctl
fake=$built/tests/ctl/fake_daemon
tmp=$(mktemp -d) || exit 1
sock=$tmp/control.sock
pids=
failed=0

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# fake_start SOCKET ARGUMENTS...
fake_start() {
	"$fake" "$@" &
	pids="$pids $!"
	tries=0
	until [ -S "$1" ]; do
		tries=$((tries + 1))
		if [ $tries -gt 100 ]; then
			echo "fake_daemon does not start"
			exit 1
		fi
		sleep 0.05
	done
}

fail() {
	echo "FAILED: $*"
	failed=1
}

# expect CODE ARGUMENTS... - what was printed is in $tmp/out and $tmp/err
expect() {
	wanted=$1
	shift
	"$ctl" "$@" >"$tmp/out" 2>"$tmp/err"
	code=$?
	[ $code = "$wanted" ] || fail "exit status $code, not $wanted: tcpguardctl $*: $(cat "$tmp/err")"
	if [ "$wanted" = 0 ] && [ -s "$tmp/err" ]; then
		fail "tcpguardctl $* complains: $(cat "$tmp/err")"
	fi
	if [ "$wanted" != 0 ] && [ ! -s "$tmp/err" ]; then
		fail "tcpguardctl $* says nothing"
	fi
}

# has FILE TEXT
has() {
	grep -qF -- "$2" "$tmp/$1" || fail "no \"$2\" in: $(head -5 "$tmp/$1")"
}

lines() {
	[ "$(wc -l <"$tmp/out")" = "$1" ] || fail "$(wc -l <"$tmp/out") lines, not $1"
}

options() {
	expect 0 --help
	has out 'usage: tcpguardctl'
	expect 0 --version
	has out 'tcpguardctl '
	expect 2
	expect 2 --frobnicate
	expect 2 frobnicate
	expect 2 --socket
	expect 2 mode web
	expect 2 status now
	[ "$(cat "$tmp/err")" = 'usage: tcpguardctl status' ] || fail "said: $(cat "$tmp/err")"
}

without_daemon() {
	expect 3 --socket "$tmp/none" status
	has err 'systemctl status tcpguard'
	has err '--socket'
	: >"$tmp/file"
	expect 3 -s "$tmp/file" status
	expect 3 -s "$(printf '%0200d' 0)" status
}

rows() {
	expect 0 -s "$sock" status
	has out 'under attack: web'
	has out ' 14           packets dropped, too long to be copied whole'
	expect 0 -s "$sock" --json status
	lines 1
	expect 0 -s "$sock" stats web
	has out 'web: adaptive, relay, attack for '
	has out '  cookies_sent '
	expect 0 -s "$sock" stats --json
	lines 2
	expect 0 -s "$sock" services
	lines 3
	has out '192.0.2.10:80 192.0.2.10:443 [2001:db8::10]:443'
	expect 0 -s "$sock" services 192.0.2.10:443
	lines 2
	expect 1 -s "$sock" services 192.0.2.10:81
	has err 'no service guards 192.0.2.10:81: '
	expect 0 -s "$sock" backends
	lines 101
	expect 0 -s "$sock" rules
	lines 4
	has out 'allow   10.0.0.0/24'
	expect 0 -s "$sock" drops
	expect 0 -s "$sock" version
	expect 0 -s "$sock" help
	expect 0 -s "$sock" config show
	has out 'service "web" {'
	expect 0 -s "$sock" config check
	has out 'no errors'
	expect 0 -s "$sock" conns --engine relay
	lines 5001
	expect 0 -s "$sock" --json conns
	lines 10000
	expect 0 -s "$sock" conns --src 10.9.9.9
	lines 1
}

netstat_view() {
	expect 0 -s "$sock" netstat
	lines 10007
	[ "$("$ctl" -s "$sock" netstat | grep -c SYN_RECV)" = 2500 ] || fail "SYN_RECV"
	expect 0 -s "$sock" netstat --state LISTEN
	cat >"$tmp/wanted" <<-EOF
		Active Internet connections (servers and established)
		Proto Recv-Q Send-Q Local Address           Foreign Address         State$(printf '%6s' '')
		tcp        0      0 192.0.2.10:80           0.0.0.0:*               LISTEN$(printf '%5s' '')
		tcp        0      0 192.0.2.10:443          0.0.0.0:*               LISTEN$(printf '%5s' '')
		tcp6       0      0 2001:db8::10:443        :::*                    LISTEN$(printf '%5s' '')
		tcp        0      0 203.0.113.0/24:25-26    0.0.0.0:*               LISTEN$(printf '%5s' '')
		tcp6       0      0 2001:db8:1::/64:25      :::*                    LISTEN$(printf '%5s' '')
	EOF
	diff "$tmp/wanted" "$tmp/out" || fail "netstat's columns"
	expect 0 -s "$sock" netstat --state CLOSING
	lines 2
}

changes() {
	expect 0 -s "$sock" mode web always
	lines 0
	expect 1 -s "$sock" mode nobody off
	has err 'there is no service "nobody"'
	expect 1 -s "$sock" mode web sometimes
	expect 0 -s "$sock" set msl '10 s'
	expect 1 -s "$sock" set 'a "b\' c
	has err 'no option "a "b\"'
	expect 0 -s "$sock" kill 1:3
	expect 1 -s "$sock" kill 0:99999
	expect 1 -s "$sock" kill x
	expect 0 -s "$sock" deny 203.0.113.0/24 for 1h service web
	lines 0
	expect 0 -s "$sock" undeny 203.0.113.0/24
	expect 0 -s "$sock" allow 2001:db8::/32
	expect 0 -s "$sock" unallow 2001:db8::/32 service web
	expect 2 -s "$sock" deny
	expect 2 -s "$sock" deny 203.0.113.0/24 1h
	expect 0 -s "$sock" log debug
	expect 0 -s "$sock" config reload
	expect 2 -s "$sock" config eat
	expect 2 -s "$sock" stats "$(printf 'w\303\251b')"
	expect 2 -s "$sock" stats "$(printf '%01100d' 0)"
}

events_view() {
	expect 0 -s "$sock" events
	lines 2
	has out 'web: attack began: 70 half-open, ?[31m64 allowed'
	timeout -s INT 1 "$ctl" -s "$sock" events --follow >"$tmp/out" 2>"$tmp/err"
	lines 2
}

attacks_view() {
	expect 0 -s "$sock" attacks
	lines 4
	has out 'spoofed SYN flood'
	has out ' now '
	has out ' unknown '
	has out '37,000 SYN/s, none completed'
	expect 0 -s "$sock" attacks web --last 1
	lines 2
	expect 0 -s "$sock" --json attacks
	lines 3
	expect 0 -s "$sock" attacks 1 --json
	lines 1
	expect 0 -s "$sock" attacks 3
	has out 'attack 3 on web: spoofed SYN flood, for 1m30s now'
	has out 'fingerprint  99.1 % are SYN|ECE|CWR'
	has out '198.51.100.0/24'
	has out '12.0 %'
	expect 0 -s "$sock" attacks 2
	has out 'tcpguardd ended while it lasted'
	expect 1 -s "$sock" attacks 4
	has err 'attack 4 is not remembered'
	expect 1 -s "$sock" attacks nobody
	expect 2 -s "$sock" attacks 1 2
	expect 2 -s "$sock" attacks --frobnicate
}

bad_output() {
	{
		"$ctl" -s "$sock" conns
		echo $? >"$tmp/code"
	} 2>"$tmp/err" | head -n 1 >/dev/null
	[ "$(cat "$tmp/code")" = 0 ] || fail "a pipe that closes is no failure"
	[ ! -s "$tmp/err" ] || fail "about a closed pipe it says: $(cat "$tmp/err")"
	"$ctl" -s "$sock" conns >&- 2>"$tmp/err"
	code=$?
	[ $code = 1 ] || fail "exit status $code with a closed standard output"
	has err 'cannot write to standard output'
	"$ctl" -s "$sock" version >/dev/full 2>"$tmp/err"
	code=$?
	[ $code = 1 ] || fail "exit status $code with a full disk"
	"$ctl" -s "$sock" conns >/dev/full 2>"$tmp/err"
	code=$?
	[ $code = 1 ] || fail "exit status $code with a full disk and much to say"
}

# A name is shown, not obeyed, and no escape sequences go where no terminal is.
no_escapes() {
	for command in status stats services events attacks 'attacks 1'; do
		# shellcheck disable=SC2086 # it has arguments
		"$ctl" -s "$sock" $command | grep -q "$(printf '\033')" &&
			fail "$command writes escape sequences"
	done
}

bad_daemons() {
	fake_start "$tmp/broken.sock" 1 1 broken
	expect 3 -s "$tmp/broken.sock" status
	has err 'hung up'
	[ "$(id -u)" = 0 ] || return 0
	chmod 755 "$tmp"
	cp "$ctl" "$tmp/ctl" 2>/dev/null
	setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/ctl" -s "$sock" status \
		>"$tmp/out" 2>"$tmp/err"
	code=$?
	[ $code = 3 ] || fail "exit status $code without permission"
	has err 'sudo'
}

options
without_daemon
fake_start "$sock" 2 5000
rows
netstat_view
changes
attacks_view
events_view
bad_output
no_escapes
bad_daemons
[ $failed = 0 ] && echo "tcpguardctl: all as expected"
exit $failed
