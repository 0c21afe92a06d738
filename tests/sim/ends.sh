#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Seeded simulations of the terminate engine, bounded in number and in time.
exec ${UNDER-} ./tests/sim/sim --scenario ends-clean,ends,ends-flood,ends-reuse,ends-ill,ends-operator,ends-heavy --runs "${SIM_RUNS:-500}" --seconds "${SIM_SECONDS:-60}" --seed "${SIM_SEED:-1}"
