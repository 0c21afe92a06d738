# Laboratory tools: built by `make` because the demonstration and the benchmark need them too, never
# installed. They share no code with the daemon, so that they can disagree with it.
lab_tools = tests/tools/flood tests/tools/peer tests/tools/wire
noinst_PROGRAMS += $(lab_tools)

tests_tools_flood_SOURCES = tests/tools/flood.c tests/tools/sender.c tests/tools/sender.h \
	tests/tools/util.c tests/tools/util.h
tests_tools_flood_CFLAGS = $(AM_CFLAGS) $(NFQ_CFLAGS)
tests_tools_flood_LDADD = $(NFQ_LIBS)

tests_tools_peer_SOURCES = tests/tools/peer.c tests/tools/peer.h tests/tools/peer_client.c \
	tests/tools/peer_conn.c tests/tools/peer_load.c tests/tools/peer_ops.c \
	tests/tools/peer_server.c tests/tools/util.c tests/tools/util.h

tests_tools_wire_SOURCES = tests/tools/wire.c tests/tools/util.c tests/tools/util.h

noinst_PROGRAMS += tests/tools/freeze
tests_tools_freeze_SOURCES = tests/tools/freeze.c

noinst_PROGRAMS += tests/tools/replay
tests_tools_replay_SOURCES = tests/tools/replay.c tests/tools/sender.c tests/tools/sender.h \
	tests/tools/util.c tests/tools/util.h
tests_tools_replay_CFLAGS = $(AM_CFLAGS) $(NFQ_CFLAGS) $(PCAP_CFLAGS)
tests_tools_replay_LDADD = $(NFQ_LIBS) $(PCAP_LIBS)

# Unlike the others it knows the arena from within.
noinst_PROGRAMS += tests/tools/fill_arena
tests_tools_fill_arena_SOURCES = tests/tools/fill_arena.c
tests_tools_fill_arena_LDADD = libconf.la libcore.la libwire.la libbase.la $(CONFUSE_LIBS)

# Not programs, and libtool makes no shared libraries here.
preloads = tests/tools/clock.so tests/tools/lacks.so
noinst_DATA += $(preloads)
EXTRA_DIST += tests/tools/clock.c tests/tools/lacks.c
CLEANFILES += $(preloads)
$(preloads): tests/tools/%.so: tests/tools/%.c
	$(AM_V_CC)$(MKDIR_P) tests/tools && $(CC) $(CPPFLAGS) -D_GNU_SOURCE -O1 -Wall -fPIC -shared \
		-o $@ $< -ldl
