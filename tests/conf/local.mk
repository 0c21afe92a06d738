if HAVE_CHECK
check_PROGRAMS += tests/conf/test_values tests/conf/test_conf tests/conf/test_errors
TESTS += tests/conf/test_values tests/conf/test_conf tests/conf/test_errors

tests_conf_test_values_SOURCES = tests/conf/test_values.c
tests_conf_test_values_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_conf_test_values_LDADD = libconf.la libcore.la libwire.la libbase.la $(CHECK_LIBS)

tests_conf_test_errors_SOURCES = tests/conf/test_errors.c tests/conf/texts.c tests/conf/texts.h
tests_conf_test_errors_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_conf_test_errors_LDADD = libconf.la libcore.la libwire.la libbase.la $(CHECK_LIBS)

tests_conf_test_conf_SOURCES = tests/conf/test_conf.c tests/conf/texts.c tests/conf/texts.h
tests_conf_test_conf_CPPFLAGS = $(AM_CPPFLAGS) -DEXAMPLE='"$(abs_top_srcdir)/etc/tcpguard.conf"'
tests_conf_test_conf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_conf_test_conf_LDADD = libconf.la libcore.la libwire.la libbase.la $(CHECK_LIBS)
endif

TESTS += tests/conf/manual.sh
dist_noinst_SCRIPTS += tests/conf/manual.sh

# Where tests/fuzz/run_corpus.sh looks for it.
check_PROGRAMS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/conf/fuzz_conf.c tests/fuzz/driver.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_conf_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_conf_LDADD = libconf.la libcore.la libwire.la libbase.la
