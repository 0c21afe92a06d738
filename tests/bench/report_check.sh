#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the benchmark should have measured and has not is told as missed, in the table and as JSON.
set -u

source=${abs_top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=/dev/null
. "$source/tests/lab/lib.sh"
# shellcheck source=/dev/null
. "$source/tests/bench/report.sh"

lab_need_programs python3

wanted() {
	[[ ",memory,dump," == *",$1,"* ]]
}

LAB_TMP=$(mktemp -d) || exit 1
trap 'rm -rf "$LAB_TMP"' EXIT
export ROUNDS=1 SUBJECTS="relay" FLOOD_RATE=1 JSON=$LAB_TMP/json
printf 'half_open_bytes\tguard\t64\nflow_bytes\tguard\t129\n' >"$LAB_TMP/values"
report >"$LAB_TMP/table"
check "what is as promised" grep -Eq 'bytes per half-open +64 .* reached$' "$LAB_TMP/table"
check "what is not" grep -Eq 'bytes per relayed flow +129 .* missed$' "$LAB_TMP/table"
check "what was not measured" grep -Eq 'flows dumped by netstat +- .* not measured$' "$LAB_TMP/table"
check "what nobody has asked for" number "$(grep -c stream "$LAB_TMP/table")" = 0
check "all of it is counted" grep -q '^7 missed;' "$LAB_TMP/table"
check "as JSON, too" python3 - "$JSON" <<-END
	import json, sys
	rows = {p["what"]: p for p in json.load(open(sys.argv[1]))["promises"]}
	row = rows["flows dumped by netstat"]
	sys.exit(not (len(rows) == 8 and row["value"] is None and row["reached"] is False))
END
lab_end
