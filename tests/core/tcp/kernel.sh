#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The endpoint against the kernel of this machine. More bytes: make tcp-gigabyte
exec ./tests/core/tcp/kernel/cases --bytes 25000000
