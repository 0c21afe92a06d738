# tests/core/tcp

# Seeded runs of two endpoints; any number by hand.
check_PROGRAMS += tests/core/tcp/sim
TESTS += tests/core/tcp/sim
tests_core_tcp_sim_SOURCES = \
	tests/core/tcp/network.c \
	tests/core/tcp/pieces.c \
	tests/core/tcp/pieces.h \
	tests/core/tcp/sim.c \
	tests/core/tcp/world.c \
	tests/core/tcp/world.h
tests_core_tcp_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_sim_LDADD = libcore.la libwire.la libbase.la

# How much gets through, against a committed table.
check_PROGRAMS += tests/core/tcp/goodput
TESTS += tests/core/tcp/goodput.sh
dist_noinst_SCRIPTS += tests/core/tcp/goodput.sh
EXTRA_DIST += tests/core/tcp/goodput.txt
tests_core_tcp_goodput_SOURCES = \
	tests/core/tcp/goodput.c \
	tests/core/tcp/network.c \
	tests/core/tcp/pieces.c \
	tests/core/tcp/pieces.h \
	tests/core/tcp/world.c \
	tests/core/tcp/world.h
tests_core_tcp_goodput_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_goodput_LDADD = libcore.la libwire.la libbase.la

# An independent peer in process.
TESTS += tests/core/tcp/lwip.sh
dist_noinst_SCRIPTS += tests/core/tcp/lwip.sh
if HAVE_LWIP
check_LTLIBRARIES += liblwipstack.la
liblwipstack_la_SOURCES = \
	tests/core/tcp/lwip/stack.c \
	tests/core/tcp/lwip/stack.h
liblwipstack_la_CFLAGS = $(AM_CFLAGS) $(LWIP_CFLAGS)
check_PROGRAMS += tests/core/tcp/lwip/lwip
tests_core_tcp_lwip_lwip_SOURCES = \
	tests/core/tcp/lwip/lwip.c \
	tests/core/tcp/pieces.c \
	tests/core/tcp/pieces.h
tests_core_tcp_lwip_lwip_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_lwip_lwip_LDADD = liblwipstack.la libcore.la libwire.la libbase.la
endif

# The kernel as the peer, over a wire made in user space. Needs root.
tcp_kernel = \
	tests/core/tcp/kernel/host.c \
	tests/core/tcp/kernel/kernel.h \
	tests/core/tcp/kernel/path.c \
	tests/core/tcp/kernel/path.h \
	tests/core/tcp/kernel/peer.c \
	tests/core/tcp/kernel/wire.c \
	tests/core/tcp/pieces.c \
	tests/core/tcp/pieces.h
TESTS += tests/core/tcp/kernel.sh
dist_noinst_SCRIPTS += tests/core/tcp/kernel.sh
check_PROGRAMS += tests/core/tcp/kernel/cases
tests_core_tcp_kernel_cases_SOURCES = tests/core/tcp/kernel/cases.c $(tcp_kernel)
tests_core_tcp_kernel_cases_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_kernel_cases_LDADD = libcore.la libwire.la libbase.la

# Not a test: our sender and the kernel's over wires that lose the same packets.
check_PROGRAMS += tests/core/tcp/kernel/race
tests_core_tcp_kernel_race_SOURCES = tests/core/tcp/kernel/race.c $(tcp_kernel)
tests_core_tcp_kernel_race_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_kernel_race_LDADD = libcore.la libwire.la libbase.la

# Not in check either: a gigabyte each way, in both roles and over both families, by a good wire and by a bad one.
tcp-gigabyte: tests/core/tcp/kernel/cases
	./tests/core/tcp/kernel/cases --case bulk --bytes 1073741824
	./tests/core/tcp/kernel/cases --case lossy --bytes 1073741824
.PHONY: tcp-gigabyte

if HAVE_CHECK
check_LTLIBRARIES += liblone.la
liblone_la_SOURCES = \
	tests/core/tcp/lone.c \
	tests/core/tcp/lone.h
liblone_la_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
TCP_TEST_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
TCP_TEST_LIBS = liblone.la libcore.la libwire.la libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/core/tcp/test_matrix
TESTS += tests/core/tcp/test_matrix
tests_core_tcp_test_matrix_SOURCES = tests/core/tcp/test_matrix.c
tests_core_tcp_test_matrix_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_matrix_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_pipe
TESTS += tests/core/tcp/test_pipe
tests_core_tcp_test_pipe_SOURCES = tests/core/tcp/test_pipe.c
tests_core_tcp_test_pipe_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_pipe_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_receiving
TESTS += tests/core/tcp/test_receiving
tests_core_tcp_test_receiving_SOURCES = tests/core/tcp/test_receiving.c
tests_core_tcp_test_receiving_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_receiving_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_sending
TESTS += tests/core/tcp/test_sending
tests_core_tcp_test_sending_SOURCES = tests/core/tcp/test_sending.c tests/core/tcp/sender.h
tests_core_tcp_test_sending_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_sending_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_congestion
TESTS += tests/core/tcp/test_congestion
tests_core_tcp_test_congestion_SOURCES = \
	tests/core/tcp/sender.h \
	tests/core/tcp/test_congestion.c
tests_core_tcp_test_congestion_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_congestion_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_options
TESTS += tests/core/tcp/test_options
tests_core_tcp_test_options_SOURCES = tests/core/tcp/test_options.c
tests_core_tcp_test_options_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_options_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_ecn
TESTS += tests/core/tcp/test_ecn
tests_core_tcp_test_ecn_SOURCES = tests/core/tcp/test_ecn.c
tests_core_tcp_test_ecn_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_ecn_LDADD = $(TCP_TEST_LIBS)

check_PROGRAMS += tests/core/tcp/test_hostile
TESTS += tests/core/tcp/test_hostile
tests_core_tcp_test_hostile_SOURCES = tests/core/tcp/test_hostile.c
tests_core_tcp_test_hostile_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_test_hostile_CFLAGS = $(TCP_TEST_CFLAGS)
tests_core_tcp_test_hostile_LDADD = $(TCP_TEST_LIBS)
endif

# Where tests/fuzz/run_corpus.sh looks for it.
check_PROGRAMS += tests/fuzz/fuzz_tcp
tests_fuzz_fuzz_tcp_SOURCES = tests/fuzz/fuzz_tcp.c tests/fuzz/tcp_watch.c tests/fuzz/tcp_watch.h \
	tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_tcp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_tcp_LDADD = libcore.la libwire.la libbase.la
