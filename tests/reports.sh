#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The last test of a sanitized build: no process that an earlier one has started left a report, whoever
# started it and whatever became of its standard error. $SANITIZER_REPORTS: where they are
reports=${SANITIZER_REPORTS:?is not set: this is no sanitized build}
status=0
for report in "$reports"/*; do
	[ -e "$report" ] || continue
	status=1
	echo "---- ${report##*/}"
	cat "$report"
	rm -f "$report"
done
[ $status != 0 ] || echo "no sanitizer complained"
exit $status
