# Labelled scenarios for the detector, in virtual time. `make check` plays some of each kind, `make
# check-scenarios` all of them.
check_PROGRAMS += tests/scenario/scenario
tests_scenario_scenario_SOURCES = \
	tests/scenario/capture.c \
	tests/scenario/clients.c \
	tests/scenario/main.c \
	tests/scenario/packets.c \
	tests/scenario/plans.c \
	tests/scenario/scene.h \
	tests/scenario/server.c \
	tests/scenario/trouble.c \
	tests/scenario/world.c \
	tests/scenario/world.h
tests_scenario_scenario_CFLAGS = $(AM_CFLAGS) $(PCAP_CFLAGS)
tests_scenario_scenario_LDADD = libcore.la libwire.la libbase.la $(PCAP_LIBS) -lm

TESTS += tests/scenario/quick.sh
dist_noinst_SCRIPTS += tests/scenario/quick.sh
EXTRA_DIST += tests/scenario/table.txt

# All seeds, some quarter of an hour and more.
check-scenarios: tests/scenario/scenario$(EXEEXT)
	tests/scenario/scenario $(SCENARIOFLAGS)

.PHONY: check-scenarios
