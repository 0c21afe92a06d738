#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the completions for bash offer, against the program that was built; zsh's are only parsed.
set -u

source=$(cd "${abs_top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=${abs_top_builddir:-$PWD}
ctl=$build/tcpguardctl
failed=0

# offered() - what is offered for the words "$@", of which the last is being typed.
offered() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	"_$program"
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}

# expect() - $1: what should be offered; the rest: the line
expect() {
	local wanted=$1 got

	shift
	got=$(offered "$@")
	if [ "$got" = "$wanted" ]; then
		echo "ok: ${*##*/}"
	else
		echo "FAIL: ${*##*/}: offered '$got', not '$wanted'"
		failed=1
	fi
}

# shellcheck source=/dev/null
. "$source/completions/tcpguardctl" && . "$source/completions/tcpguardd" || exit 1

program=tcpguardctl
all=$("$ctl" --help | awk '/^$/ { block++; next } block == 1 { print $1 }' | sort | tr '\n' ' ')
expect "$all" "$ctl" ''
expect "$all" "$ctl" --json --socket /nowhere ''
expect 'check reload show ' "$ctl" config ''
expect 'reload ' "$ctl" config r
expect 'always ' "$ctl" mode web al
expect 'for ' "$ctl" deny 192.0.2.1 f
expect '--service ' "$ctl" conns --se
expect 'TIME_WAIT ' "$ctl" netstat --state TI
expect '--socket ' "$ctl" --so
expect 'half-open ' "$ctl" conns --engine ha
expect 'repair-rules ' "$ctl" --socket /nowhere set rep
for key in $(awk -v RS='[{ ]NAME[(]' '/LIVE/ { split($0, word, "\""); print word[2] }' "$source/src/conf/schema.c"); do
	for file in tcpguardctl _tcpguardctl; do
		if ! grep -qw -- "$key" "$source/completions/$file"; then
			echo "FAIL: $file does not know $key"
			failed=1
		fi
	done
done
expect ' ' "$ctl" --socket /nowhere stats ''

program=tcpguardd
expect '--replay ' tcpguardd --r
expect '--service --supervise ' tcpguardd --s
expect "$source/etc/tcpguard.conf " tcpguardd -c "$source/etc/tcpguard.c"

if command -v zsh >/dev/null; then
	for file in _tcpguardctl _tcpguardd; do
		if zsh -n "$source/completions/$file"; then
			echo "ok: zsh reads $file"
		else
			echo "FAIL: zsh does not read $file"
			failed=1
		fi
	done
fi
exit $failed
