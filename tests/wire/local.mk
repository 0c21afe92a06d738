# tests/wire
# Segments for tests of every layer: link with libsegments.la libwire.la libbase.la.
check_LTLIBRARIES += libsegments.la
libsegments_la_SOURCES = \
	tests/wire/segments.c \
	tests/wire/segments.h

if HAVE_CHECK
check_PROGRAMS += tests/wire/test_wire
TESTS += tests/wire/test_wire
tests_wire_test_wire_SOURCES = \
	tests/wire/test_build.c \
	tests/wire/test_checksum.c \
	tests/wire/test_ip.c \
	tests/wire/test_options.c \
	tests/wire/test_packet.c \
	tests/wire/test_quote.c \
	tests/wire/test_rewrite.c \
	tests/wire/test_text.c \
	tests/wire/test_wire.c \
	tests/wire/test_wire.h
tests_wire_test_wire_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_wire_test_wire_LDADD = libsegments.la libwire.la libbase.la $(CHECK_LIBS)
endif

# Fuzz targets with a plain driver: the script runs the corpus of each that was built.
check_PROGRAMS += tests/fuzz/fuzz_packet
tests_fuzz_fuzz_packet_SOURCES = \
	tests/fuzz/driver.c \
	tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_packet.c
tests_fuzz_fuzz_packet_LDADD = libwire.la libbase.la
check_PROGRAMS += tests/fuzz/fuzz_options
tests_fuzz_fuzz_options_SOURCES = \
	tests/fuzz/driver.c \
	tests/fuzz/fuzz.h \
	tests/fuzz/fuzz_options.c
tests_fuzz_fuzz_options_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_options_LDADD = libwire.la libbase.la
TESTS += tests/fuzz/run_corpus.sh
dist_noinst_SCRIPTS += tests/fuzz/run_corpus.sh tests/fuzz/fuzz.sh
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/coverage.ignore
