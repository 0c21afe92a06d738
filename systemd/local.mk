# systemd: the unit, with the path of the installed daemon
systemdsystemunit_DATA = systemd/tcpguard.service
EXTRA_DIST += systemd/tcpguard.service.in
CLEANFILES += systemd/tcpguard.service

systemd/tcpguard.service: systemd/tcpguard.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	sed 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/systemd/tcpguard.service.in >$@.tmp && mv $@.tmp $@
