# tests/wire
# Segments for tests of every layer: link with libsegments.la libwire.la libbase.la.
check_LTLIBRARIES += libsegments.la
libsegments_la_SOURCES = \
	tests/wire/segments.c \
	tests/wire/segments.h
