#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The cookie is to be computed inside the kernel one day, by the same header. So a small BPF program
# that includes it must compile, must call nothing, and, where this may be tried, must please the
# verifier.
set -eu

source=${abs_top_srcdir:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
clang=${CLANG:-clang}

if ! command -v "$clang" >/dev/null; then
	echo 'clang is not installed'
	exit 77
fi
if ! echo 'int x;' | "$clang" -target bpf -x c -c -o /dev/null - 2>/dev/null; then
	echo 'clang has no bpf target'
	exit 77
fi

work=$(mktemp -d)
netns=cookie-bpf-$$
cleanup() {
	ip netns del "$netns" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# linux/bpf.h needs asm/types.h, which multi-arch systems keep in a folder of its own.
machine=$("$clang" -print-target-triple | sed 's/-pc-/-/; s/-unknown-/-/')
"$clang" -target bpf -O2 -Wall -Wextra -Werror -idirafter "/usr/include/$machine" \
	-I "$source/src" -c -o "$work/cookie.o" "$source/tests/core/cookie_bpf.c"
echo 'compiles'

if command -v llvm-nm >/dev/null; then
	undefined=$(llvm-nm -u "$work/cookie.o")
	if [ -n "$undefined" ]; then
		echo "calls functions that a BPF program does not have: $undefined"
		exit 1
	fi
	echo 'calls nothing'
fi

if [ "$(id -u)" != 0 ] || ! command -v tc >/dev/null || ! ip netns add "$netns" 2>/dev/null; then
	echo 'not shown to the verifier: no root, no tc or no namespaces'
	exit 0
fi
if ! ip netns exec "$netns" tc qdisc add dev lo clsact 2>/dev/null; then
	echo 'not shown to the verifier: this kernel has no clsact'
	exit 0
fi
ip netns exec "$netns" tc filter add dev lo ingress bpf direct-action \
	object-file "$work/cookie.o" section classifier
echo 'the verifier of this kernel accepts it'
