#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tools take the rules that are made for them, and taking them twice changes nothing. Where the
# kernel has no nft queue statement, "accept" stands in for it: the rest is still checked.
. "$(dirname "$0")/../lab/lib.sh"

RULES=$BUILD_DIR/tests/datapath/rules

iptables_takes() {
	local tool=$1

	"$RULES" "${tool%-legacy}" >"$LAB_TMP/rules"
	check "$tool takes them" in_guard "$tool-restore" --noflush -w 5 "$LAB_TMP/rules"
	in_guard "$tool" -t raw -S >"$LAB_TMP/once"
	check "every rule is there" [ "$(grep -c '^-A' "$LAB_TMP/once")" = "$(grep -c '^-A' "$LAB_TMP/rules")" ]
	grep -v -- '-j TCPGUARD' "$LAB_TMP/rules" >"$LAB_TMP/again" # the jumps are there already
	check "$tool takes them again" in_guard "$tool-restore" --noflush -w 5 "$LAB_TMP/again"
	in_guard "$tool" -t raw -S >"$LAB_TMP/twice"
	check "and nothing has changed" cmp "$LAB_TMP/once" "$LAB_TMP/twice"
	in_guard "$tool" -t raw -F
	in_guard "$tool" -t raw -X
}

nft_takes() {
	"$RULES" nft >"$LAB_TMP/rules"
	if ! printf 'table inet t {\n chain c {\n queue num 1\n }\n}\n' | in_guard nft -f - 2>/dev/null; then
		lab_say "# no queue statement in this kernel"
		sed -i 's/ queue num .*/ accept/' "$LAB_TMP/rules"
	fi
	check "nft takes them" in_guard nft -f "$LAB_TMP/rules"
	in_guard nft list table inet tcpguard >"$LAB_TMP/once"
	check "there are two base chains" [ "$(grep -c 'type filter hook' "$LAB_TMP/once")" = 2 ]
	check "nft takes them again" in_guard nft -f "$LAB_TMP/rules"
	in_guard nft list table inet tcpguard >"$LAB_TMP/twice"
	check "and nothing has changed" cmp "$LAB_TMP/once" "$LAB_TMP/twice"
}

lab_init
[ -x "$RULES" ] || lab_die "$RULES is not built"
lab_namespace g NS_GUARD
for tool in iptables ip6tables iptables-legacy ip6tables-legacy; do
	command -v $tool-restore >/dev/null || continue
	iptables_takes $tool
done
if command -v nft >/dev/null; then
	nft_takes
else
	lab_say "# there is no nft here"
fi
lab_end
