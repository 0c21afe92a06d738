noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	src/core/config.c \
	src/core/config.h
