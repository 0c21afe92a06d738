# `make bench` is a target of the top Makefile.
dist_noinst_SCRIPTS += tests/bench/bench.sh tests/bench/idle.py
dist_noinst_DATA += tests/bench/report.sh
EXTRA_DIST += tests/bench/.shellcheckrc
TESTS += tests/bench/report_check.sh
dist_noinst_SCRIPTS += tests/bench/report_check.sh
