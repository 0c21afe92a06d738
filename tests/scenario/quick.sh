#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Some seeds of each scenario: nothing missed or noticed late, nothing harmless called an attack. What it
# printed when it was committed is table.txt.
src=${abs_top_srcdir:-.}
# not part of the project: a recorded attack, if there is one
TCPGUARD_CAPTURE=${TCPGUARD_CAPTURE:-$src/../shared/captures/synflood-ecn-cwr.pcapng}
export TCPGUARD_CAPTURE
exec ./tests/scenario/scenario --quick
