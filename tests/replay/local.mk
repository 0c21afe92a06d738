# tcpguardd --replay, on captures that the tests make themselves
REPLAY_LIBS = libreplay.la libctl.la libconf.la libcore.la libwire.la libbase.la $(EVENT_LIBS)
replay_story = tests/replay/story.c tests/replay/story.h tests/replay/writer.c tests/replay/writer.h

check_PROGRAMS += tests/replay/make_capture
tests_replay_make_capture_SOURCES = tests/replay/make_capture.c $(replay_story)

if HAVE_CHECK
check_PROGRAMS += tests/replay/test_replay
TESTS += tests/replay/test_replay
tests_replay_test_replay_SOURCES = tests/replay/test_replay.c $(replay_story)
tests_replay_test_replay_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_replay_test_replay_LDADD = $(REPLAY_LIBS) $(CHECK_LIBS)
endif

# Damaged captures without end: `mutate SEED COUNT`.
check_PROGRAMS += tests/replay/mutate
TESTS += tests/replay/mutate
tests_replay_mutate_SOURCES = tests/replay/mutate.c tests/replay/fuzz_replay.c $(replay_story) \
	tests/fuzz/fuzz.h
tests_replay_mutate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_replay_mutate_LDADD = $(REPLAY_LIBS)

# Where tests/fuzz/run_corpus.sh looks for it.
check_PROGRAMS += tests/fuzz/fuzz_replay
tests_fuzz_fuzz_replay_SOURCES = tests/replay/fuzz_replay.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_replay_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_replay_LDADD = $(REPLAY_LIBS)

TESTS += tests/replay/replay.sh
dist_noinst_SCRIPTS += tests/replay/replay.sh
