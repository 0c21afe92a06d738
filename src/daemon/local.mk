# layer daemon: tcpguardd
sbin_PROGRAMS += tcpguardd
tcpguardd_SOURCES = \
	src/daemon/clients.c src/daemon/clients.h \
	src/daemon/attacks.c src/daemon/attacks.h \
	src/daemon/baselines.c src/daemon/baselines.h \
	src/daemon/baselines_keep.c \
	src/daemon/clock.h \
	src/daemon/control.c \
	src/daemon/daemon.c src/daemon/daemon.h \
	src/daemon/events.c \
	src/daemon/facts.c src/daemon/facts.h \
	src/daemon/handover.c src/daemon/handover.h \
	src/daemon/history.c src/daemon/history.h \
	src/daemon/history_file.c src/daemon/history_file.h \
	src/daemon/keep_datapath.c src/daemon/keep_datapath.h \
	src/daemon/keep_rules.c src/daemon/keep_rules.h \
	src/daemon/log.c src/daemon/log.h \
	src/daemon/main.c \
	src/daemon/memory.c src/daemon/memory.h \
	src/daemon/metrics.c src/daemon/metrics.h \
	src/daemon/notify.c src/daemon/notify.h \
	src/daemon/placement.c \
	src/daemon/reload.c \
	src/daemon/retire.c src/daemon/retire.h \
	src/daemon/rulebook.c src/daemon/rulebook.h \
	src/daemon/runner.c src/daemon/runner.h \
	src/daemon/sandbox.c src/daemon/sandbox.h \
	src/daemon/state_file.c src/daemon/state_file.h \
	src/daemon/supervise.c src/daemon/supervise.h \
	src/daemon/takeover.c src/daemon/takeover.h \
	src/daemon/board.c src/daemon/board.h \
	src/daemon/worker.c src/daemon/worker.h \
	src/daemon/worker_mend.c src/daemon/worker_internal.h \
	src/daemon/worker_loop.c
tcpguardd_CPPFLAGS = $(AM_CPPFLAGS) -DSYSCONFDIR='"$(sysconfdir)"'
tcpguardd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(SANDBOX_CFLAGS)
tcpguardd_LDADD = libreplay.la libctl.la libconf.la libdatapath.la libcore.la libwire.la libbase.la \
	$(EVENT_LIBS) $(NFQ_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS) $(PCAP_LIBS) $(SYSTEMD_LIBS) \
	$(SANDBOX_LIBS)
