#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Seeded simulations, bounded in number and in time: wire,clean,calm,always.
exec ${UNDER-} ./tests/sim/sim --scenario wire,clean,calm,always --runs "${SIM_RUNS:-2000}" --seconds "${SIM_SECONDS:-60}" --seed "${SIM_SEED:-1}"
