#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Seeded simulations, bounded in number and in time: reuse,ill,change,operator,heavy.
exec ${UNDER-} ./tests/sim/sim --scenario reuse,ill,change,operator,heavy --runs "${SIM_RUNS:-1000}" --seconds "${SIM_SECONDS:-60}" --seed "${SIM_SEED:-1}"
