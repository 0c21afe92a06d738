# layer base
noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = \
	src/base/addr.c \
	src/base/addr.h \
	src/base/seq.h \
	src/base/types.h
