#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Wherever --prefix and --sysconfdir point to: daemon, unit and manual pages name the same paths.
set -u

failed=0
checks=0

verdict() { # status, what
	checks=$((checks + 1))
	[ "$1" = 0 ] && echo "ok $checks - $2" && return
	failed=$((failed + 1))
	echo "not ok $checks - $2"
}

file=$(./tcpguardd -h | sed -n 's/.*read this configuration (\(.*\))$/\1/p')
[ -n "$file" ]
verdict $? "the daemon says where its file is: $file"
for page in tcpguardd.8 tcpguard.conf.5; do
	grep -qxF ".It Pa $file" "man/built/$page"
	verdict $? "$page says the same"
	grep -o '[^ ]*/tcpguard/[a-z.-]*' "man/built/$page" | grep etc | grep -vF "${file%/*}/"
	[ $? = 1 ]
	verdict $? "and names no other directory"
done
sbindir=$(make -s --no-print-directory print-sbindir)
grep -qxF "ExecStart=$sbindir/tcpguardd" systemd/tcpguard.service
verdict $? "the unit starts the daemon that was installed"
echo "$checks checks, $failed failed"
[ $failed = 0 ]
