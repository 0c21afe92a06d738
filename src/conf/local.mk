noinst_LTLIBRARIES += libconf.la
libconf_la_SOURCES = \
	src/conf/check.c \
	src/conf/check.h \
	src/conf/conf.c \
	src/conf/conf.h \
	src/conf/lex.c \
	src/conf/lex.h \
	src/conf/report.c \
	src/conf/report.h \
	src/conf/scan.c \
	src/conf/scan.h \
	src/conf/schema.c \
	src/conf/schema.h \
	src/conf/set.c \
	src/conf/show.c \
	src/conf/tree.c \
	src/conf/tree.h \
	src/conf/values.c \
	src/conf/values.h
libconf_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS)
libconf_la_LIBADD = $(CONFUSE_LIBS)
