noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = \
	src/base/addr.c \
	src/base/addr.h \
	src/base/seq.h \
	src/base/siphash.h \
	src/base/types.h \
	src/base/wheel.c \
	src/base/wheel.h
