# tests/ctl
# A daemon with made-up figures, as a program for the test of tcpguardctl.
check_PROGRAMS += tests/ctl/fake_daemon
tests_ctl_fake_daemon_SOURCES = tests/ctl/fake_daemon.c tests/ctl/fake.c tests/ctl/fake.h
tests_ctl_fake_daemon_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_ctl_fake_daemon_LDADD = libctl.la libcore.la libbase.la $(EVENT_LIBS)
TESTS += tests/ctl/tcpguardctl.sh
dist_noinst_SCRIPTS += tests/ctl/tcpguardctl.sh

# Its live screen, in terminals that the test makes.
TESTS += tests/ctl/top.py tests/ctl/metrics.py
dist_noinst_SCRIPTS += tests/ctl/top.py tests/ctl/metrics.py
dist_noinst_DATA += tests/ctl/pty_screen.py tests/ctl/scripted_daemon.py

# Where tests/fuzz/run_corpus.sh looks for it.
check_PROGRAMS += tests/fuzz/fuzz_ctl
tests_fuzz_fuzz_ctl_SOURCES = tests/ctl/fuzz_ctl.c tests/ctl/fake.c tests/ctl/fake.h \
	tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ctl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_ctl_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_fuzz_fuzz_ctl_LDADD = libctl.la libcore.la libbase.la $(EVENT_LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/ctl/test_ctl tests/ctl/test_parts tests/ctl/test_top
TESTS += tests/ctl/test_ctl tests/ctl/test_parts tests/ctl/test_top

tests_ctl_test_ctl_SOURCES = \
	tests/ctl/fake.c \
	tests/ctl/fake.h \
	tests/ctl/live.c \
	tests/ctl/live.h \
	tests/ctl/test_answers.c \
	tests/ctl/test_attacks.c \
	tests/ctl/test_clients.c \
	tests/ctl/test_ctl.c \
	tests/ctl/test_dumps.c \
	tests/ctl/test_events.c \
	tests/ctl/test_rights.c
tests_ctl_test_ctl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tests_ctl_test_ctl_LDADD = libctl.la libcore.la libbase.la $(EVENT_LIBS) $(JANSSON_LIBS) \
	$(CHECK_LIBS)

tests_ctl_test_parts_SOURCES = tests/ctl/test_parts.c tests/ctl/fake.c tests/ctl/fake.h
tests_ctl_test_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tests_ctl_test_parts_LDADD = libtcpguardctl.la libctl.la libcore.la libbase.la $(EVENT_LIBS) \
	$(JANSSON_LIBS) $(CHECK_LIBS)

tests_ctl_test_top_SOURCES = tests/ctl/test_top.c
tests_ctl_test_top_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_ctl_test_top_LDADD = libtcpguardctl.la $(JANSSON_LIBS) $(CHECK_LIBS)
endif
