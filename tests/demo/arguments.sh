#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A command line that makes no sense: told at once, before anything is installed or built. Nothing of
# quickstart runs here that does more than read its arguments.
set -u

top=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
[ -x "$top/quickstart" ] || {
	echo "there is no quickstart in $top"
	exit 77
}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
: >"$tmp/capture"
failed=0

# expect() - $1: exit status; $2: part of what is said; the rest: the command, which must end at once
expect() {
	wanted=$1 part=$2
	shift 2
	QUICKSTART_NO_APT=1 timeout 5 "$@" >"$tmp/said" 2>&1 </dev/null
	status=$?
	if [ $status = "$wanted" ] && { [ -z "$part" ] || grep -qF -- "$part" "$tmp/said"; }; then
		return
	fi
	echo "FAILED: status $status, not $wanted with \"$part\": $*"
	sed 's/^/    /' "$tmp/said"
	failed=1
}

quickstart=$top/quickstart
demo=$top/tests/demo/demo.sh
bench=$top/tests/bench/bench.sh

expect 2 "no file $tmp/missing" "$quickstart" demo --capture "$tmp/missing"
expect 2 "no option '--bogus'" "$quickstart" demo --bogus
expect 2 "no option '--bogus'" "$quickstart" bench --bogus
expect 0 'usage: demo.sh' "$quickstart" demo --rate 5 --help
expect 0 'usage: bench.sh' "$quickstart" bench --help
expect 2 'usage: sudo ./quickstart' "$quickstart"
expect 2 'usage: sudo ./quickstart' "$quickstart" frobnicate

expect 2 "no file $tmp" "$demo" --check --capture "$tmp"
expect 2 '--capture needs a value' "$demo" --check --capture
expect 2 "above 0, not '0'" "$demo" --check --seconds 0
expect 2 "above 0, not '3s'" "$demo" --check --seconds 3s
expect 2 "no option 'word'" "$demo" --check word
expect 2 "no option '--rat'" "$demo" --check --rat 5
expect 0 '' "$demo" --check --capture "$tmp/capture" --rate 010 --requests 9 --seconds 1 --ipv6
expect 2 '--rounds needs a value' "$bench" --check --rounds
expect 2 "'speed' is none of" "$bench" --check --only syn,speed
expect 0 '' "$bench" --check --only syn,memory --rounds 1 --json /dev/null

[ $failed = 0 ] && echo 'all as expected'
exit $failed
