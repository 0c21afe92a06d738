# tests/daemon: what the daemon's main thread does, without packets and without root
if HAVE_CHECK
check_PROGRAMS += tests/daemon/test_state_file
TESTS += tests/daemon/test_state_file

tests_daemon_test_state_file_SOURCES = \
	tests/daemon/test_state_file.c \
	src/daemon/state_file.c src/daemon/state_file.h
tests_daemon_test_state_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_daemon_test_state_file_LDADD = libbase.la $(CHECK_LIBS)
endif
