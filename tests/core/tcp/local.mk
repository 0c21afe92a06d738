# tests/core/tcp

# Seeded runs of two endpoints; any number by hand.
check_PROGRAMS += tests/core/tcp/sim
TESTS += tests/core/tcp/sim
tests_core_tcp_sim_SOURCES = \
	tests/core/tcp/network.c \
	tests/core/tcp/sim.c \
	tests/core/tcp/world.c \
	tests/core/tcp/world.h
tests_core_tcp_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_core_tcp_sim_LDADD = libcore.la libwire.la libbase.la
