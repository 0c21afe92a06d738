#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Seeded simulations, bounded in number and in time: flood,neighbours,siege,monitor.
exec ${UNDER-} ./tests/sim/sim --scenario flood,neighbours,siege,monitor --runs "${SIM_RUNS:-500}" --seconds "${SIM_SECONDS:-60}" --seed "${SIM_SEED:-1}"
