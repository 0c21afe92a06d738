# tests/base
if HAVE_CHECK
check_PROGRAMS += tests/base/test_addr
TESTS += tests/base/test_addr
tests_base_test_addr_SOURCES = tests/base/test_addr.c
tests_base_test_addr_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_base_test_addr_LDADD = libbase.la $(CHECK_LIBS)

check_PROGRAMS += tests/base/test_base
TESTS += tests/base/test_base
tests_base_test_base_SOURCES = tests/base/test_base.c
tests_base_test_base_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/wire
tests_base_test_base_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_base_test_base_LDADD = libsegments.la libwire.la libbase.la $(CHECK_LIBS)

# The sketches.
check_PROGRAMS += tests/base/test_hll
TESTS += tests/base/test_hll
tests_base_test_hll_SOURCES = tests/base/test_hll.c
tests_base_test_hll_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_base_test_hll_LDADD = libbase.la $(CHECK_LIBS) -lm

check_PROGRAMS += tests/base/test_log2
TESTS += tests/base/test_log2
tests_base_test_log2_SOURCES = tests/base/test_log2.c
tests_base_test_log2_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_base_test_log2_LDADD = libbase.la $(CHECK_LIBS) -lm

check_PROGRAMS += tests/base/test_topk
TESTS += tests/base/test_topk
tests_base_test_topk_SOURCES = tests/base/test_topk.c
tests_base_test_topk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/wire
tests_base_test_topk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_base_test_topk_LDADD = libsegments.la libwire.la libbase.la $(CHECK_LIBS) -lm
endif
