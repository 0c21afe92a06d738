# The guard's own TCP; a part of the core, pure like the rest of it.
libcore_la_SOURCES += \
	src/core/tcp/ack.c \
	src/core/tcp/books.h \
	src/core/tcp/congestion.c \
	src/core/tcp/flight.c \
	src/core/tcp/input.c \
	src/core/tcp/internal.h \
	src/core/tcp/open.c \
	src/core/tcp/output.c \
	src/core/tcp/pipe.c \
	src/core/tcp/pipe.h \
	src/core/tcp/pool.c \
	src/core/tcp/pool.h \
	src/core/tcp/rack.c \
	src/core/tcp/receive.c \
	src/core/tcp/resume.c \
	src/core/tcp/resume.h \
	src/core/tcp/rtt.c \
	src/core/tcp/stream.c \
	src/core/tcp/stream.h \
	src/core/tcp/tcb.h \
	src/core/tcp/tcp.h \
	src/core/tcp/timer.c
