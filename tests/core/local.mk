# tests/core

# The core stays pure, and its cookie fits into a BPF program.
TESTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh tests/core/rfc.sh
dist_noinst_SCRIPTS += tests/core/check_symbols.sh tests/core/cookie_bpf.sh tests/core/rfc.sh
EXTRA_DIST += tests/core/cookie_bpf.c

if HAVE_CHECK
check_PROGRAMS += tests/core/test_config
TESTS += tests/core/test_config
tests_core_test_config_SOURCES = tests/core/test_config.c
tests_core_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_core_test_config_LDADD = libcore.la libwire.la libbase.la $(CHECK_LIBS)
endif

# The unit tests of the core share a fixture.
if HAVE_CHECK
check_LTLIBRARIES += libfixture.la
libfixture_la_SOURCES = \
	tests/core/fixture.c \
	tests/core/fixture.h
libfixture_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/wire
libfixture_la_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
CORE_TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/wire
CORE_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
CORE_TEST_LIBS = libfixture.la libsegments.la libcore.la libwire.la libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/core/test_terminate
TESTS += tests/core/test_terminate
tests_core_test_terminate_SOURCES = tests/core/test_terminate.c tests/core/terminate_story.h
tests_core_test_terminate_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_terminate_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_terminate_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_terminate_packets
TESTS += tests/core/test_terminate_packets
tests_core_test_terminate_packets_SOURCES = \
	tests/core/terminate_story.h \
	tests/core/test_terminate_packets.c
tests_core_test_terminate_packets_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_terminate_packets_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_terminate_packets_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_state
TESTS += tests/core/test_state
tests_core_test_state_SOURCES = tests/core/test_state.c
tests_core_test_state_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_state_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_state_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_cookie
TESTS += tests/core/test_cookie
tests_core_test_cookie_SOURCES = tests/core/test_cookie.c
tests_core_test_cookie_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_cookie_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_cookie_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_detect
TESTS += tests/core/test_detect
tests_core_test_detect_SOURCES = tests/core/test_detect.c
tests_core_test_detect_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_detect_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_detect_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_exchange
TESTS += tests/core/test_exchange
tests_core_test_exchange_SOURCES = tests/core/test_exchange.c
tests_core_test_exchange_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_exchange_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_exchange_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_half_open
TESTS += tests/core/test_half_open
tests_core_test_half_open_SOURCES = tests/core/test_half_open.c
tests_core_test_half_open_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_half_open_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_half_open_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_passive
TESTS += tests/core/test_passive
tests_core_test_passive_SOURCES = tests/core/test_passive.c
tests_core_test_passive_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_passive_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_passive_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_down
TESTS += tests/core/test_down
tests_core_test_down_SOURCES = tests/core/test_down.c
tests_core_test_down_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_down_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_down_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_answer
TESTS += tests/core/test_answer
tests_core_test_answer_SOURCES = tests/core/test_answer.c
tests_core_test_answer_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_answer_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_answer_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_splice
TESTS += tests/core/test_splice
tests_core_test_splice_SOURCES = tests/core/test_splice.c
tests_core_test_splice_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_splice_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_splice_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_splice_begin
TESTS += tests/core/test_splice_begin
tests_core_test_splice_begin_SOURCES = tests/core/test_splice_begin.c
tests_core_test_splice_begin_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_splice_begin_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_splice_begin_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_relay
TESTS += tests/core/test_relay
tests_core_test_relay_SOURCES = tests/core/test_relay.c tests/core/relay_story.h
tests_core_test_relay_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_relay_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_relay_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_icmp
TESTS += tests/core/test_icmp
tests_core_test_icmp_SOURCES = tests/core/test_icmp.c
tests_core_test_icmp_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_icmp_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_icmp_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_guard
TESTS += tests/core/test_guard
tests_core_test_guard_SOURCES = tests/core/test_guard.c
tests_core_test_guard_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_guard_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_guard_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_listens
TESTS += tests/core/test_listens
tests_core_test_listens_SOURCES = tests/core/test_listens.c
tests_core_test_listens_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_listens_LDADD = libcore.la libbase.la $(CHECK_LIBS)

# Not a test: nanoseconds it takes to find the service of a packet.
check_PROGRAMS += tests/core/bench_listens
tests_core_bench_listens_SOURCES = tests/core/bench_listens.c
tests_core_bench_listens_LDADD = libcore.la libbase.la

# Not a test: nanoseconds a packet costs in the core alone.
check_PROGRAMS += tests/core/bench_core
tests_core_bench_core_SOURCES = tests/core/bench_core.c
tests_core_bench_core_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_bench_core_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_bench_core_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_ends
TESTS += tests/core/test_ends
tests_core_test_ends_SOURCES = tests/core/test_ends.c tests/core/relay_story.h
tests_core_test_ends_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_ends_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_ends_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_report
TESTS += tests/core/test_report
tests_core_test_report_SOURCES = tests/core/test_report.c
tests_core_test_report_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_report_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_report_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_tally
TESTS += tests/core/test_tally
tests_core_test_tally_SOURCES = tests/core/test_tally.c
tests_core_test_tally_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_tally_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_tally_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_windows
TESTS += tests/core/test_windows
tests_core_test_windows_SOURCES = tests/core/test_windows.c
tests_core_test_windows_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_windows_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_windows_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_pressure
TESTS += tests/core/test_pressure
tests_core_test_pressure_SOURCES = tests/core/test_pressure.c
tests_core_test_pressure_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_pressure_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_pressure_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_rules
TESTS += tests/core/test_rules
tests_core_test_rules_SOURCES = tests/core/test_rules.c
tests_core_test_rules_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_rules_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_react
TESTS += tests/core/test_react
tests_core_test_react_SOURCES = tests/core/test_react.c
tests_core_test_react_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_react_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_react_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_fingerprint
TESTS += tests/core/test_fingerprint
tests_core_test_fingerprint_SOURCES = tests/core/test_fingerprint.c
tests_core_test_fingerprint_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_fingerprint_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_fingerprint_LDADD = $(CORE_TEST_LIBS) -lm

check_PROGRAMS += tests/core/test_sources
TESTS += tests/core/test_sources
tests_core_test_sources_SOURCES = tests/core/test_sources.c
tests_core_test_sources_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_sources_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_sources_LDADD = $(CORE_TEST_LIBS) -lm

# Not a test: nanoseconds the sketches cost a SYN, by rate.
check_PROGRAMS += tests/core/bench_sources
tests_core_bench_sources_SOURCES = tests/core/bench_sources.c
tests_core_bench_sources_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_bench_sources_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_bench_sources_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_adopt
TESTS += tests/core/test_adopt
tests_core_test_adopt_SOURCES = tests/core/adopt_story.h tests/core/test_adopt.c
tests_core_test_adopt_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_adopt_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_adopt_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_adopt_ends
TESTS += tests/core/test_adopt_ends
tests_core_test_adopt_ends_SOURCES = tests/core/adopt_story.h tests/core/terminate_story.h \
	tests/core/test_adopt_ends.c
tests_core_test_adopt_ends_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_test_adopt_ends_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_adopt_ends_LDADD = $(CORE_TEST_LIBS)

check_PROGRAMS += tests/core/test_torn
TESTS += tests/core/test_torn
tests_core_test_torn_SOURCES = tests/core/test_torn.c tests/core/arena_check.c \
	tests/core/arena_check.h
tests_core_test_torn_CPPFLAGS = $(CORE_TEST_CPPFLAGS) -I$(top_srcdir)
tests_core_test_torn_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_test_torn_LDADD = $(CORE_TEST_LIBS)

# Not a test: milliseconds until a million flows of another process have been adopted.
check_PROGRAMS += tests/core/bench_adopt
tests_core_bench_adopt_SOURCES = tests/core/bench_adopt.c
tests_core_bench_adopt_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_core_bench_adopt_CFLAGS = $(CORE_TEST_CFLAGS)
tests_core_bench_adopt_LDADD = $(CORE_TEST_LIBS)
endif

# Where tests/fuzz/run_corpus.sh looks for it.
guard_play = tests/fuzz/guard_play.c tests/fuzz/guard_play.h tests/fuzz/driver.c tests/fuzz/fuzz.h
check_PROGRAMS += tests/fuzz/fuzz_guard
tests_fuzz_fuzz_guard_SOURCES = tests/fuzz/fuzz_guard.c $(guard_play)
tests_fuzz_fuzz_guard_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_guard_LDADD = libcore.la libwire.la libbase.la

check_PROGRAMS += tests/fuzz/fuzz_arena
tests_fuzz_fuzz_arena_SOURCES = tests/fuzz/fuzz_arena.c $(guard_play) tests/core/arena_check.c \
	tests/core/arena_check.h
tests_fuzz_fuzz_arena_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_arena_LDADD = libcore.la libwire.la libbase.la
