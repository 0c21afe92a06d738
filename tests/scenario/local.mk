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
EXTRA_DIST += tests/scenario/quick.txt tests/scenario/table.txt

# All seeds, half an hour and more.
check-scenarios: tests/scenario/scenario$(EXEEXT)
	tests/scenario/scenario --compare $(srcdir)/tests/scenario/table.txt $(SCENARIOFLAGS)

# What `make check` compares with, made anew. Look at the difference before it is committed.
update-scenarios: tests/scenario/scenario$(EXEEXT)
	abs_top_srcdir='$(abs_top_srcdir)' $(srcdir)/tests/scenario/quick.sh --seed=1 > quick.tmp
	mv quick.tmp $(srcdir)/tests/scenario/quick.txt

.PHONY: check-scenarios update-scenarios
