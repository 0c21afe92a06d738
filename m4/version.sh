#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The version, or with --epoch the time of the release in seconds since 1970. Both stand in debian/changelog
# and nowhere else. Run in the top directory of the source.
set -eu
cd "$(dirname -- "$0")/.."
case ${1-} in
--epoch) date -d "$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)" +%s ;;
*) sed -n '1s/^[^(]*(\([^)]*\)).*/\1/p' debian/changelog ;;
esac
