# tests/daemon: what the daemon's main thread does, without packets and without root
if HAVE_CHECK
check_PROGRAMS += tests/daemon/test_runner tests/daemon/test_state_file
TESTS += tests/daemon/test_runner tests/daemon/test_state_file

tests_daemon_test_state_file_SOURCES = \
	tests/daemon/test_state_file.c \
	src/daemon/state_file.c src/daemon/state_file.h
tests_daemon_test_state_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_daemon_test_state_file_LDADD = libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_memory
TESTS += tests/daemon/test_memory
tests_daemon_test_memory_SOURCES = \
	tests/daemon/test_memory.c \
	src/daemon/memory.c src/daemon/memory.h
tests_daemon_test_memory_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_daemon_test_memory_LDADD = $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_supervise
TESTS += tests/daemon/test_supervise
tests_daemon_test_supervise_SOURCES = \
	tests/daemon/test_supervise.c \
	src/daemon/supervise.c src/daemon/supervise.h \
	src/daemon/notify.c src/daemon/notify.h
tests_daemon_test_supervise_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_daemon_test_supervise_LDADD = libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_board
TESTS += tests/daemon/test_board
tests_daemon_test_board_SOURCES = \
	tests/daemon/test_board.c \
	src/daemon/board.c src/daemon/board.h
tests_daemon_test_board_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_daemon_test_board_LDADD = libcore.la libwire.la libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_events
TESTS += tests/daemon/test_events
tests_daemon_test_events_SOURCES = \
	tests/daemon/test_events.c \
	src/daemon/events.c src/daemon/daemon.h
tests_daemon_test_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_daemon_test_events_LDADD = libcore.la libwire.la libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_baselines
TESTS += tests/daemon/test_baselines
tests_daemon_test_baselines_SOURCES = \
	tests/daemon/test_baselines.c \
	src/daemon/baselines.c src/daemon/baselines.h
tests_daemon_test_baselines_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_daemon_test_baselines_LDADD = libctl.la libbase.la $(JANSSON_LIBS) $(CHECK_LIBS)

tests_daemon_test_runner_SOURCES = \
	tests/daemon/test_runner.c \
	src/daemon/runner.c src/daemon/runner.h
tests_daemon_test_runner_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_daemon_test_runner_LDADD = libbase.la $(EVENT_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_sandbox
TESTS += tests/daemon/test_sandbox
tests_daemon_test_sandbox_SOURCES = \
	tests/daemon/test_sandbox.c \
	src/daemon/sandbox.c src/daemon/sandbox.h
tests_daemon_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SANDBOX_CFLAGS)
tests_daemon_test_sandbox_LDADD = $(SANDBOX_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_rulebook
TESTS += tests/daemon/test_rulebook
tests_daemon_test_rulebook_SOURCES = \
	tests/daemon/test_rulebook.c \
	src/daemon/rulebook.c src/daemon/rulebook.h
tests_daemon_test_rulebook_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_daemon_test_rulebook_LDADD = libconf.la libcore.la libwire.la libbase.la \
	$(JANSSON_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/daemon/test_history
TESTS += tests/daemon/test_history
tests_daemon_test_history_SOURCES = \
	tests/daemon/test_history.c \
	src/daemon/facts.c src/daemon/facts.h \
	src/daemon/history.c src/daemon/history.h \
	src/daemon/history_file.c src/daemon/history_file.h \
	src/daemon/state_file.c src/daemon/state_file.h
tests_daemon_test_history_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_daemon_test_history_LDADD = libctl.la libcore.la libwire.la libbase.la \
	$(JANSSON_LIBS) $(CHECK_LIBS)
endif

TESTS += tests/daemon/paths.sh
dist_noinst_SCRIPTS += tests/daemon/paths.sh
