#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every committed corpus, corpus/NAME, through its fuzz target fuzz_NAME with the plain driver.
# A target that was not built fails; so does an empty corpus.
set -u

here=$(dirname "$0")
built=${abs_top_builddir:-.}/tests/fuzz
failed=0

for corpus in "$here"/corpus/*; do
	name=${corpus##*/}
	printf '%s: ' "$name"
	# shellcheck disable=SC2086 # no word, or several
	${UNDER-} "$built/fuzz_$name" "$corpus" || failed=1
done
exit $failed
