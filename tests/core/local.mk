# tests/core

# The core stays pure, and its cookie fits into a BPF program.
TESTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh
dist_noinst_SCRIPTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh
EXTRA_DIST += tests/core/cookie_bpf.c

if HAVE_CHECK
check_PROGRAMS += tests/core/test_config
TESTS += tests/core/test_config
tests_core_test_config_SOURCES = tests/core/test_config.c
tests_core_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_core_test_config_LDADD = libcore.la libwire.la libbase.la $(CHECK_LIBS)
endif
