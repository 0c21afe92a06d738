noinst_LTLIBRARIES += libbase.la
libbase_la_SOURCES = \
	src/base/addr.c \
	src/base/addr.h \
	src/base/bucket.h \
	src/base/hll.c \
	src/base/hll.h \
	src/base/log2.c \
	src/base/log2.h \
	src/base/seq.h \
	src/base/siphash.h \
	src/base/topk.c \
	src/base/topk.h \
	src/base/types.h \
	src/base/wheel.c \
	src/base/wheel.h
