# tests/datapath: the stub is the datapath with the simplest of judges
check_PROGRAMS += tests/datapath/stub tests/datapath/rules tests/datapath/large
tests_datapath_large_SOURCES = tests/datapath/large.c
tests_datapath_large_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS)
tests_datapath_rules_SOURCES = tests/datapath/rules.c
tests_datapath_rules_LDADD = libdatapath.la libwire.la libbase.la
tests_datapath_stub_SOURCES = tests/datapath/stub.c
tests_datapath_stub_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS)

if HAVE_CHECK
datapath_tests = tests/datapath/test_datapath tests/datapath/test_nfqueue
check_PROGRAMS += $(datapath_tests)
TESTS += $(datapath_tests)
tests_datapath_test_datapath_SOURCES = tests/datapath/test_datapath.c
tests_datapath_test_datapath_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_datapath_test_datapath_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS) $(CHECK_LIBS)
tests_datapath_test_nfqueue_SOURCES = tests/datapath/test_nfqueue.c \
	tests/datapath/netns.c tests/datapath/netns.h
tests_datapath_test_nfqueue_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_datapath_test_nfqueue_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/datapath/test_tool
TESTS += tests/datapath/test_tool
tests_datapath_test_tool_SOURCES = tests/datapath/test_tool.c
tests_datapath_test_tool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_datapath_test_tool_LDADD = libdatapath.la libbase.la $(CHECK_LIBS)
check_PROGRAMS += tests/datapath/test_picture
TESTS += tests/datapath/test_picture
tests_datapath_test_picture_SOURCES = tests/datapath/test_picture.c
tests_datapath_test_picture_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(NFQ_CFLAGS)
tests_datapath_test_picture_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/datapath/test_output
TESTS += tests/datapath/test_output
tests_datapath_test_output_SOURCES = tests/datapath/test_output.c \
	tests/datapath/netns.c tests/datapath/netns.h
tests_datapath_test_output_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_datapath_test_output_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/datapath/test_kernel_set
TESTS += tests/datapath/test_kernel_set
tests_datapath_test_kernel_set_SOURCES = tests/datapath/test_kernel_set.c
tests_datapath_test_kernel_set_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_datapath_test_kernel_set_LDADD = libdatapath.la libcore.la libwire.la libbase.la $(CHECK_LIBS)
endif

# What the kernel does, and what its tools take. They need root.
datapath_probes = tests/datapath/conntrack.sh tests/datapath/large.sh tests/datapath/offload.sh \
	tests/datapath/retire.sh tests/datapath/rp_filter.sh tests/datapath/rules.sh
TESTS += $(datapath_probes)
dist_noinst_SCRIPTS += $(datapath_probes)
EXTRA_DIST += tests/datapath/.shellcheckrc
