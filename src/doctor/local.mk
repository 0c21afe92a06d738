# tcpguardctl doctor; a library, so that tests can have it
noinst_LTLIBRARIES += libdoctor.la
libdoctor_la_SOURCES = \
	src/doctor/doctor.c \
	src/doctor/doctor.h \
	src/doctor/guard.c \
	src/doctor/host.c \
	src/doctor/main.c \
	src/doctor/net.c
libdoctor_la_CPPFLAGS = $(AM_CPPFLAGS) -DSYSCONFDIR='"$(sysconfdir)"'
libdoctor_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libdoctor_la_LIBADD = $(JANSSON_LIBS)
