#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Some seeds of each scenario: nothing missed or noticed late, nothing harmless called an attack, and nothing
# worse than in the committed table, quick.txt. After a change for the better, or of the scenarios:
# make update-scenarios. All seeds are table.txt, make check-scenarios.
src=${abs_top_srcdir:-.}
# not part of the project: a recorded attack, if there is one
TCPGUARD_CAPTURE=${TCPGUARD_CAPTURE:-$src/../shared/captures/synflood-ecn-cwr.pcapng}
export TCPGUARD_CAPTURE
exec ./tests/scenario/scenario --quick "${@:---compare=$src/tests/scenario/quick.txt}"
