#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: dist.sh BUILD_DIR      this is `make check-dist`
#
# Makes the archive, and once more from what is in it: elsewhere, later, under another umask and time zone.
# Both must be the same, byte for byte.
set -eu

build=$(cd "${1:?usage: dist.sh BUILD_DIR}" && pwd)
source=$(cd "$(dirname "$0")/../.." && pwd)
name=tcpguard-$("$source/m4/version.sh")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

quietly() {
	"$@" >"$tmp/log" 2>&1 || {
		tail -n 20 "$tmp/log"
		exit 1
	}
}

quietly make -C "$build" --no-print-directory dist
tar -C "$tmp" -xf "$build/$name.tar.xz"
umask 077
export TZ=Pacific/Chatham LC_ALL=C
mkdir "$tmp/build"
cd "$tmp/build"
quietly "../$name/configure" --quiet
quietly make --no-print-directory dist
if cmp "$build/$name.tar.xz" "$tmp/build/$name.tar.xz"; then
	echo "ok: $name.tar.xz is $(sha256sum <"$build/$name.tar.xz" | cut -c 1-16)... both times"
else
	exit 1
fi
