# layer tcpguardctl: all but main() is a library, so that tests can have it
noinst_LTLIBRARIES += libtcpguardctl.la
libtcpguardctl_la_SOURCES = \
	src/tcpguardctl/chart.c \
	src/tcpguardctl/chart.h \
	src/tcpguardctl/link.c \
	src/tcpguardctl/link.h \
	src/tcpguardctl/table.c \
	src/tcpguardctl/table.h \
	src/tcpguardctl/text.c \
	src/tcpguardctl/text.h \
	src/tcpguardctl/top.c \
	src/tcpguardctl/top.h \
	src/tcpguardctl/top_draw.c \
	src/tcpguardctl/top_draw.h \
	src/tcpguardctl/top_feed.c \
	src/tcpguardctl/top_feed.h \
	src/tcpguardctl/top_model.c \
	src/tcpguardctl/top_model.h \
	src/tcpguardctl/view.c \
	src/tcpguardctl/view.h \
	src/tcpguardctl/view_attacks.c \
	src/tcpguardctl/view_events.c \
	src/tcpguardctl/view_status.c
libtcpguardctl_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(NCURSES_CFLAGS)
libtcpguardctl_la_LIBADD = $(JANSSON_LIBS) $(NCURSES_LIBS)

bin_PROGRAMS += tcpguardctl
tcpguardctl_SOURCES = src/tcpguardctl/main.c
tcpguardctl_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tcpguardctl_LDADD = libdoctor.la libtcpguardctl.la libconf.la libdatapath.la libcore.la libwire.la \
	libbase.la $(CONFUSE_LIBS) $(NFQ_LIBS) $(JANSSON_LIBS)
