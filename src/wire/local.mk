# layer wire
noinst_LTLIBRARIES += libwire.la
libwire_la_SOURCES = \
	src/wire/build.c \
	src/wire/build.h \
	src/wire/bytes.h \
	src/wire/checksum.c \
	src/wire/checksum.h \
	src/wire/ip.c \
	src/wire/ip.h \
	src/wire/layout.h \
	src/wire/options.c \
	src/wire/options.h \
	src/wire/packet.c \
	src/wire/packet.h \
	src/wire/rewrite.c \
	src/wire/rewrite.h \
	src/wire/text.c \
	src/wire/text.h
