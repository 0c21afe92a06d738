# tcpguardd --replay: captures through the core, in virtual time
noinst_LTLIBRARIES += libreplay.la
libreplay_la_SOURCES = \
	src/replay/capture.c src/replay/capture.h \
	src/replay/clock.c src/replay/clock.h \
	src/replay/decode.c src/replay/decode.h \
	src/replay/json.c \
	src/replay/onset.c src/replay/onset.h \
	src/replay/pcap.c \
	src/replay/pcapng.c \
	src/replay/plot.c \
	src/replay/replay.c src/replay/replay.h \
	src/replay/result.h \
	src/replay/run.c \
	src/replay/survey.c src/replay/survey.h \
	src/replay/text.c \
	src/replay/trouble.def
libreplay_la_CFLAGS = $(AM_CFLAGS) $(PCAP_CFLAGS)
libreplay_la_LIBADD = $(PCAP_LIBS) -lm
