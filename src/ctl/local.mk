# layer ctl
noinst_LTLIBRARIES += libctl.la
libctl_la_SOURCES = \
	src/ctl/attacks.c \
	src/ctl/backends.c \
	src/ctl/change.c \
	src/ctl/client.c \
	src/ctl/client.h \
	src/ctl/command.c \
	src/ctl/commands.h \
	src/ctl/events.c \
	src/ctl/filter.c \
	src/ctl/filter.h \
	src/ctl/flows.c \
	src/ctl/json.c \
	src/ctl/json.h \
	src/ctl/metrics.c \
	src/ctl/metrics.h \
	src/ctl/metrics_server.c \
	src/ctl/metrics_server.h \
	src/ctl/ops.h \
	src/ctl/protocol.h \
	src/ctl/request.h \
	src/ctl/rules.c \
	src/ctl/server.c \
	src/ctl/server.h \
	src/ctl/service.c \
	src/ctl/status.c \
	src/ctl/words.c \
	src/ctl/words.h \
	src/ctl/worker.def
libctl_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
libctl_la_LIBADD = $(EVENT_LIBS)
