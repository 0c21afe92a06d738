# systemd: the unit, with the path of the installed daemon
systemdsystemunit_DATA = systemd/tcpguard.service
EXTRA_DIST += systemd/tcpguard.service.in systemd/sysusers.conf systemd/tmpfiles.conf
CLEANFILES += systemd/tcpguard.service

systemd/tcpguard.service: systemd/tcpguard.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	sed 's|@sbindir[@]|$(sbindir)|g' $(srcdir)/systemd/tcpguard.service.in >$@.tmp && mv $@.tmp $@

# The user of the unit, and what belongs to it; `systemd-sysusers` and `systemd-tmpfiles --create` make them.
install-data-hook: install-sysusers
uninstall-hook: uninstall-sysusers
.PHONY: install-sysusers uninstall-sysusers

install-sysusers:
	$(MKDIR_P) "$(DESTDIR)$(sysusersdir)" "$(DESTDIR)$(tmpfilesdir)"
	$(INSTALL_DATA) $(srcdir)/systemd/sysusers.conf "$(DESTDIR)$(sysusersdir)/tcpguard.conf"
	$(INSTALL_DATA) $(srcdir)/systemd/tmpfiles.conf "$(DESTDIR)$(tmpfilesdir)/tcpguard.conf"

uninstall-sysusers:
	rm -f "$(DESTDIR)$(sysusersdir)/tcpguard.conf" "$(DESTDIR)$(tmpfilesdir)/tcpguard.conf"
