#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The core is pure: no I/O, no clock, no randomness, no allocation, no mutable globals. So the
# libraries it is made of may need nothing from outside but the functions below, and may hold no
# data that can be written.
#
# usage: check_symbols.sh [DIRECTORY]   where the archives are; .libs unless told
set -eu

directory=${1:-.libs}
nm=${NM:-nm}

# From libc, all of them functions of their arguments alone.
allowed='memcpy memmove memset memcmp memchr
	strlen strnlen strncpy strcmp strncmp strchr strrchr strcspn strspn strcasecmp strncasecmp
	snprintf vsnprintf inet_ntop inet_pton'
# The same again from clang and from _FORTIFY_SOURCE, stack protector, position-independent code.
allowed="$allowed bcmp
	__memcpy_chk __memmove_chk __memset_chk __snprintf_chk __vsnprintf_chk
	__stack_chk_fail _GLOBAL_OFFSET_TABLE_"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for library in libcore libbase libwire; do
	archive=$directory/$library.a
	if [ ! -f "$archive" ]; then
		echo "check_symbols: $archive is not there; run make first"
		exit 1
	fi
	# "archive:object:symbol type value size", undefined ones without the last two
	# shellcheck disable=SC2086 # libtool says "nm -B"
	$nm -A -P "$archive" >>"$work/all"
done

if grep -q -e ' __asan_' -e ' __gcov_' -e ' __ubsan_' "$work/all"; then
	echo 'built with sanitizers or coverage, which bring symbols and data of their own'
	exit 77
fi

printf '%s\n' "$allowed" | tr -s '[:space:]' '\n' | sed '/^$/d' | sort -u >"$work/allowed"
awk '$3 ~ /^[TtDdBbRrVvWwCGgSsi]$/ && NF > 3 { print $2 }' "$work/all" | sort -u >"$work/defined"
awk '$3 == "U" { print $2 }' "$work/all" | sort -u |
	comm -23 - "$work/defined" | comm -23 - "$work/allowed" >"$work/foreign"
failed=0
while read -r symbol; do
	echo "needs $symbol from outside:"
	awk -v symbol="$symbol" '$2 == symbol && $3 == "U" { print "   ", $1 }' "$work/all"
	failed=1
done <"$work/foreign"

# Asked of objdump, since nm cannot tell .data from .data.rel.ro, the constants that hold pointers.
: >"$work/mutable"
for library in libcore libbase libwire; do
	objdump -t "$directory/$library.a" 2>/dev/null |
		awk -v library="$library" '
		/:     file format / { object = $1 }
		# value, flags, section TAB size name
		split($0, half, "\t") == 2 {
			n = split(half[1], word, " ")
			split(half[2], tail, " ")
			section = word[n]
			if (section !~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)/ ||
			    section ~ /^\.data\.rel\.ro/ || tail[1] ~ /^0+$/)
				next
			print library "(" object "): " tail[2] " in " section
		}' >>"$work/mutable"
done
if [ -s "$work/mutable" ]; then
	echo 'data that can be written:'
	sed 's/^/    /' "$work/mutable"
	failed=1
fi

if [ $failed != 0 ]; then
	echo 'the core must stay pure: pass in what it needs as an argument'
	exit 1
fi
echo "pure: $(wc -l <"$work/defined") symbols defined, none of them mutable data"
