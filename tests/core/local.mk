# tests/core

# The core stays pure, and its cookie fits into a BPF program.
TESTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh
dist_noinst_SCRIPTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh
EXTRA_DIST += tests/core/cookie_bpf.c
