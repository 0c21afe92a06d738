#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The endpoint gets no less through than it did; after an improvement: goodput >tests/core/tcp/goodput.txt
exec ./tests/core/tcp/goodput "${abs_top_srcdir:-.}/tests/core/tcp/goodput.txt"
