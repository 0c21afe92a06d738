#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every test that doc/rfc.md names is there, and is run.
set -u

cd "${abs_top_srcdir:-$(dirname -- "$0")/../..}" || exit 1
failed=0
count=0

# suite_of() - the file of a suite as doc/rfc.md spells it
suite_of() {
	case $1 in
	tcp/*) echo "tests/core/tcp/test_${1#*/}.c" ;;
	*) echo "tests/${1%%/*}/test_${1#*/}.c" ;;
	esac
}

for name in $(grep -o -E '\<(tcp|core|wire)/[a-z0-9_]+:[a-z0-9_]+' doc/rfc.md | sort -u); do
	file=$(suite_of "${name%%:*}")
	test=${name#*:}
	count=$((count + 1))
	if ! grep -q "^START_TEST($test)" "$file" ||
		! grep -q "tcase_add_[a-z_]*test([a-z]*, ${test}[,)]" "$file"; then
		echo "doc/rfc.md names $name, which is not in $file"
		failed=1
	fi
done
echo "$count tests"
[ $count -gt 100 ] && [ $failed = 0 ]
