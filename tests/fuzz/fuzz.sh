#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: fuzz.sh [--build DIR] [--time SECONDS] [--build-only | --merge] [TARGET...]
#
# Lets libFuzzer look for inputs that break something, with ASan and UBSan: every TARGET of tests/fuzz, or
# all of them, for SECONDS of CPU time each (60), one after the other. This is `make fuzz`.
#
# DIR (fuzz) keeps what was found: DIR/corpus/TARGET, from which the next run goes on, DIR/finds with inputs
# that broke something, and DIR/account, a line for each slice: target, CPU seconds, executions, features.
#
# --merge writes the smallest set of inputs that reaches everything into tests/fuzz/corpus/TARGET; what has a
# name of its own there, instead of a hash, stays as it is.
# FUZZ_PREFIX: a command before each slice, such as `nice`. FUZZ_SLICE: its longest duration, in seconds.
set -u -o pipefail

cd "${abs_top_srcdir:-$(dirname -- "$0")/../..}" || exit 1
dir=fuzz seconds=60 what=run
while [ $# -gt 0 ]; do
	case $1 in
	--build) dir=$2 && shift ;;
	--time) seconds=$2 && shift ;;
	--build-only) what=build ;;
	--merge) what=merge ;;
	-*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
	*) break ;;
	esac
	shift
done
cc=${FUZZ_CC:-clang}
all="packet options tcp guard arena conf ctl replay"
targets=${*:-$all}
sanitize=-fsanitize=address,undefined
pkgs="libevent_core libevent_extra libevent_pthreads libconfuse libpcap"

# source_of() - of the target $1
source_of() {
	case $1 in
	conf | ctl | replay) echo "tests/$1/fuzz_$1.c" ;;
	*) echo "tests/fuzz/fuzz_$1.c" ;;
	esac
}

# others_of() - what else the target $1 is made of
others_of() {
	case $1 in
	ctl) echo tests/ctl/fake.c ;;
	tcp) echo tests/fuzz/tcp_watch.c ;;
	guard) echo tests/fuzz/guard_play.c ;;
	arena) echo tests/fuzz/guard_play.c tests/core/arena_check.c ;;
	esac
}

# length_of() - the longest input that is tried on $1
length_of() {
	case $1 in
	options) echo 41 ;;
	packet) echo 1600 ;;
	tcp | guard | arena) echo 400 ;;
	ctl) echo 1024 ;;
	*) echo 4096 ;;
	esac
}

fail() {
	echo "fuzz: $*" >&2
	exit 1
}

# build_library() - everything that is fuzzed, but the objects whose source has not changed
build_library() {
	mkdir -p "$dir/obj" || exit 1
	[ -e "$dir/obj/config.h" ] || echo '/* nothing was asked */' >"$dir/obj/config.h"
	flags="-std=gnu11 -g -O2 -D_GNU_SOURCE -I. -Isrc -I$dir/obj $sanitize -fno-omit-frame-pointer
		-fno-sanitize-recover=undefined $(pkg-config --cflags $pkgs)" || fail "pkg-config $pkgs"
	newest=$(find src -name '*.[ch]' -newer "$dir/obj/lib.a" \
		2>/dev/null | head -n 1)
	[ -n "$newest" ] || [ ! -e "$dir/obj/lib.a" ] || return 0
	# shellcheck disable=SC2086 # several words
	find src/base src/wire src/core src/conf src/ctl src/replay -name '*.c' -print0 |
		xargs -0 -P 2 -I{} sh -c 'o=$1/obj/$(echo "$2" | tr / _).o; shift 2
			exec "$@" -o "$o"' sh "$dir" {} $cc $flags -fsanitize=fuzzer-no-link \
			-fsanitize-coverage-ignorelist=tests/fuzz/coverage.ignore -c {} ||
		fail "it cannot be compiled"
	rm -f "$dir/obj/lib.a"
	ar rcs "$dir/obj/lib.a" "$dir"/obj/*.o
}

build() {
	build_library
	for t in $targets; do
		bin=$dir/fuzz_$t
		newest=$(find "$dir/obj/lib.a" tests -name '*.[ach]' -newer "$bin" 2>/dev/null | head -n 1)
		[ -n "$newest" ] || [ ! -e "$bin" ] || continue
		# shellcheck disable=SC2046,SC2086 # several words
		$cc $flags -fsanitize=fuzzer $(source_of "$t") $(others_of "$t") "$dir/obj/lib.a" \
			$(pkg-config --libs $pkgs) -lm -o "$bin" || fail "$t cannot be linked"
	done
}

# slice() - run the target $1 for $2 seconds; adds a line to the account. Return: that of the fuzzer
slice() {
	t=$1 log=$dir/log.$1 dict=
	mkdir -p "$dir/corpus/$t" "$dir/finds"
	[ ! -e "tests/fuzz/$t.dict" ] || dict=-dict=tests/fuzz/$t.dict
	TIMEFORMAT='%U %S'
	# shellcheck disable=SC2086 # several words
	used=$({ time ${FUZZ_PREFIX-} "$dir/fuzz_$t" -max_len="$(length_of "$t")" $dict \
		-max_total_time="$2" -len_control=20 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -use_value_profile="${FUZZ_VALUES:-0}" \
		-artifact_prefix="$dir/finds/$t-" "$dir/corpus/$t" "tests/fuzz/corpus/$t" \
		>"$log" 2>&1; } 2>&1)
	status=$?
	awk -v t="$t" -v used="$used" -v status="$status" '
		/number_of_executed_units/ { n = $2 }
		/ft: / { for (i = 1; i < NF; i++) if ($i == "ft:") ft = $(i + 1) }
		END { split(used, u, " "); printf "%s %.2f %d %d %d\n", t, u[1] + u[2], n, ft, status }
		' "$log" >>"$dir/account"
	return $status
}

run() {
	for t in $targets; do
		before=$(cpu "$t")
		while left=$(awk -v a="$before" -v b="$(cpu "$t")" -v s="$seconds" \
			'BEGIN { printf "%d", s - b + a + 0.5 }') && [ "$left" -gt 0 ]; do
			max=${FUZZ_SLICE:-55}
			if ! slice "$t" $((left < max ? left : max)); then
				tail -n 40 "$dir/log.$t"
				fail "$t: the input is in $dir/finds, everything else in $dir/log.$t"
			fi
		done
		awk -v t="$t" '$1 == t { cpu += $2; n += $3; ft = $4 }
			END { printf "%s: %.1f CPU minutes, %d executions, %d features\n",
				t, cpu / 60, n, ft }' "$dir/account"
	done
}

# cpu() - seconds that the target $1 has had
cpu() {
	awk -v t="$1" '$1 == t { n += $2 } END { printf "%.2f", n }' "$dir/account"
}

# merge() - what is named stays, what libFuzzer has named is chosen anew
merge() {
	for t in $targets; do
		to=tests/fuzz/corpus/$t
		mkdir -p "$dir/corpus/$t" "$dir/old/$t"
		find "$to" -type f | grep -E '/[0-9a-f]{40}$' | xargs -r mv -t "$dir/old/$t"
		"$dir/fuzz_$t" -merge=1 -max_len="$(length_of "$t")" "$to" "$dir/old/$t" \
			"$dir/corpus/$t" 2>&1 | tail -n 1
		echo "$t: $(find "$to" -type f | wc -l) files, $(du -sb "$to" | cut -f 1) bytes"
	done
}

mkdir -p "$dir" && touch "$dir/account" || exit 1
build
[ $what = build ] || $what
