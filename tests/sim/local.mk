# the seeded simulator
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = \
	tests/sim/ack.c \
	tests/sim/app.c \
	tests/sim/conn.c \
	tests/sim/host.c \
	tests/sim/host.h \
	tests/sim/judge.c \
	tests/sim/listen.c \
	tests/sim/main.c \
	tests/sim/mid.c \
	tests/sim/output.c \
	tests/sim/ranges.c \
	tests/sim/rng.h \
	tests/sim/scenario.c \
	tests/sim/seg.c \
	tests/sim/seg.h \
	tests/sim/sim.h \
	tests/sim/trouble.c \
	tests/sim/world.c
tests_sim_sim_LDADD = libcore.la libwire.la libbase.la
sim_scripts = tests/sim/changes.sh tests/sim/ends.sh tests/sim/floods.sh tests/sim/paths.sh
TESTS += $(sim_scripts)
dist_noinst_SCRIPTS += $(sim_scripts)
