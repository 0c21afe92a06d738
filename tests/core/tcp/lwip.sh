#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lwIP as the peer of the endpoint and of the pipe; by hand: tests/core/tcp/lwip/lwip --seed N --runs N
program=./tests/core/tcp/lwip/lwip
if [ ! -x $program ]; then
	echo "SKIP: configure has not found lwIP (liblwip-dev)"
	exit 77
fi
exec $program --runs 4000
