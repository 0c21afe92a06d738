#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The last test in a virtual machine: what the kernel has said while the others ran.

# complaints() - of itself, or of a process that it has ended; test_sandbox is ended on purpose.
complaints() {
	dmesg | grep -E 'WARNING:|BUG:|Oops|general protection|segfault|type=1326|refcount_t|memory leak' |
		grep -v 'comm="test_sandbox"'
}

if complaints; then
	echo 'not ok 1 - the kernel has nothing to complain of'
	exit 1
fi
echo 'ok 1 - the kernel has nothing to complain of'
