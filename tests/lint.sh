#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: lint.sh          scripts and man pages, in a second; this is part of `make check`
#        lint.sh --all    C as well, in minutes; this is `make lint`, which passes $LINT_CPPFLAGS
#
# A tool that is not installed is named and left out. If none is there, the test is skipped.
set -u

cd "${abs_top_srcdir:-$(dirname -- "$0")/..}" || exit 1
tools=0
failed=0

# have() - is the tool $1 there?
have() {
	if command -v "$1" >/dev/null; then
		tools=$((tools + 1))
		return 0
	fi
	echo "$1 is not installed"
	return 1
}

# verdict() - $1: exit status of the tool called $2
verdict() {
	if [ "$1" = 0 ]; then
		echo "$2: clean"
	else
		echo "$2: see above"
		failed=1
	fi
}

our_files() {
	find src tests etc man systemd doc debian m4 completions quickstart .ci -type f "$@" | sort
}

lint_scripts() {
	have shellcheck || return 0
	scripts=$(our_files -exec awk 'FNR == 1 && /^#!.*sh$/ { print FILENAME }' {} +)
	# shellcheck disable=SC2086 # one word a file
	shellcheck -x --severity=warning $scripts
	verdict $? shellcheck
}

lint_manuals() {
	have mandoc || return 0
	# Pages of ours that are not installed yet cannot be found; that is no fault of theirs.
	complaints=$(our_files -name '*.[1-8]' -exec mandoc -T lint {} + |
		grep -v 'referenced manual not found')
	[ -z "$complaints" ] || printf '%s\n' "$complaints"
	[ -z "$complaints" ]
	verdict $? mandoc
}

lint_c() {
	flags=-D_GNU_SOURCE
	for flag in ${LINT_CPPFLAGS-} -Isrc -Itests -Itests/wire -I.; do
		case $flag in
		-I* | -D*) flags="$flags $flag" ;;
		esac
	done
	if have cppcheck; then
		# shellcheck disable=SC2086 # several words
		cppcheck --quiet --std=c11 --enable=warning,performance,portability \
			--inline-suppr --suppress=missingIncludeSystem --error-exitcode=1 \
			$flags src tests
		verdict $? cppcheck
	fi
	if have clang-tidy; then
		# shellcheck disable=SC2046,SC2086 # several words
		clang-tidy --quiet --warnings-as-errors='*' $(our_files -name '*.c' \
			! -name cookie_bpf.c) -- -std=gnu11 $flags
		verdict $? clang-tidy
	fi
}

lint_scripts
lint_manuals
[ "${1-}" != --all ] || lint_c

if [ $tools = 0 ]; then
	echo 'neither shellcheck nor mandoc is installed'
	exit 77
fi
exit $failed
