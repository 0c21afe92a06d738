#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every option of the schema is in the manual and in the example; those that can be set at run time, and those
# that wait for a restart, are listed as such.
set -u

top=${abs_top_srcdir:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
n=0 failed=0

# options() - "BLOCK NAME KIND" of each; the kind is live, fixed or neither.
options() {
	awk -v RS='[{ \t]NAME[(]' 'split($0, word, "\"") > 2 && sub(/^, CONF_/, "", word[3]) {
		sub(/[)].*/, "", word[3])
		print tolower(word[3]), word[2], /[^A-Z]LIVE/ ? "live" : /[^A-Z]FIXED/ ? "fixed" : "neither"
	}' "$top/src/conf/schema.c"
	sed -n 's/^[[:space:]]*TIMEOUT("\([^"]*\)".*/timeouts \1 neither/p' "$top/src/conf/schema.c"
}

# listed() - is the word $3 in the item of the page $1 that begins with $2?
listed() {
	sed -n "/^\\.It $2/,/^\\.It/p" "$top/man/$1" | tr -s ', ' '\n' | grep -qxF -- "$3"
}

miss() {
	echo "FAIL: $*"
	failed=1
}

while read -r block name kind; do
	n=$((n + 1))
	case $block in
	root | service) full=$name ;;
	*) full=$block.$name ;;
	esac
	grep -qE "Ic $name( |\$)" "$top/man/tcpguard.conf.5" || miss "tcpguard.conf(5) lacks $full"
	grep -qE "[#{[:space:]]$name +[={\"]" "$top/etc/tcpguard.conf" || miss "the example lacks $full"
	if [ "$kind" = live ]; then
		listed tcpguardctl.8 'Cm set' "$full" || miss "tcpguardctl(8) does not say that $full can be set"
	elif [ "$kind" = fixed ]; then
		listed tcpguardd.8 'Dv SIGHUP' "$full" ||
			miss "tcpguardd(8) does not say that $full waits for the next start"
	fi
done <<END
$(options)
END
[ $n -gt 50 ] || miss "only $n options were found"
[ $failed = 0 ] && echo "$n options, all as documented"
exit $failed
