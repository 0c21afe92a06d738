# Scenario tests: the real daemon and real kernels in network namespaces. They need root.
lab_tests = \
	tests/lab/attack.sh \
	tests/lab/calm.sh \
	tests/lab/doctor.sh \
	tests/lab/down.sh \
	tests/lab/dump.sh \
	tests/lab/failure.sh \
	tests/lab/faults.sh \
	tests/lab/few.sh \
	tests/lab/files.sh \
	tests/lab/forged.sh \
	tests/lab/handshake.sh \
	tests/lab/history.sh \
	tests/lab/lifecycle.sh \
	tests/lab/lossy.sh \
	tests/lab/malformed.sh \
	tests/lab/none.sh \
	tests/lab/options.sh \
	tests/lab/path.sh \
	tests/lab/placement.sh \
	tests/lab/refused.sh \
	tests/lab/relay.sh \
	tests/lab/restart.sh \
	tests/lab/reuse.sh \
	tests/lab/rules.sh \
	tests/lab/terminate.sh \
	tests/lab/tools.sh \
	tests/lab/watch.sh
TESTS += $(lab_tests)
dist_noinst_SCRIPTS += $(lab_tests) tests/lab/few.py tests/lab/forged.py tests/lab/hold.py \
	tests/lab/malformed.py tests/lab/million.py tests/lab/million.sh tests/lab/refused.py \
	tests/lab/untranslated.py tests/lab/watch_top.py
dist_noinst_SCRIPTS += tests/lab/crowd.py tests/lab/unbind.py
dist_noinst_DATA += tests/lab/args.sh tests/lab/lib.sh tests/lab/talk.sh
EXTRA_DIST += tests/lab/.shellcheckrc

# check-kills without systemd: below tcpguardd --supervise.
check-kills-supervised: check-programs
	LAB_KILLS="$(or $(KILLS),100)" LAB_CONNECTIONS="$(or $(CONNECTIONS),1000)" LAB_ONLY_KILLS=yes \
		BUILD_DIR=$(abs_top_builddir) $(top_srcdir)/tests/lab/restart.sh

# From exec() to the first packet with a million flows in the arenas. FLOWS=, RUNS= and FIRST_MS= say otherwise.
check-million: check-programs tests/tools/fill_arena
	FLOWS="$(FLOWS)" RUNS="$(RUNS)" FIRST_MS="$(FIRST_MS)" BUILD_DIR=$(abs_top_builddir) \
		$(top_srcdir)/tests/lab/million.sh
.PHONY: check-kills-supervised check-million
