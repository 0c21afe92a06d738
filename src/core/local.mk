noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	src/core/actions.h \
	src/core/answer.c \
	src/core/arena.c \
	src/core/arena.h \
	src/core/config.c \
	src/core/config.h \
	src/core/cookie.h \
	src/core/counters.def \
	src/core/detect.c \
	src/core/detect.h \
	src/core/drop.def \
	src/core/emit.c \
	src/core/event.def \
	src/core/flow.c \
	src/core/flow.h \
	src/core/guard.c \
	src/core/guard.h \
	src/core/half_open.c \
	src/core/half_open.h \
	src/core/icmp.c \
	src/core/internal.h \
	src/core/keys.c \
	src/core/keys.h \
	src/core/passive.c \
	src/core/profile.c \
	src/core/profile.h \
	src/core/relay.c \
	src/core/report.c \
	src/core/report.h \
	src/core/service.c \
	src/core/splice.c \
	src/core/state.c \
	src/core/state.def \
	src/core/state.h \
	src/core/track.c
