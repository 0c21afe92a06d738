# The administrator's file is never overwritten, and it goes only while it is still as installed.
EXTRA_DIST += etc/tcpguard.conf

install-data-local: install-conf
uninstall-local: uninstall-conf
.PHONY: install-conf uninstall-conf

install-conf:
	$(MKDIR_P) "$(DESTDIR)$(sysconfdir)/tcpguard"
	@if test -e "$(DESTDIR)$(sysconfdir)/tcpguard/tcpguard.conf"; then \
		echo "$(DESTDIR)$(sysconfdir)/tcpguard/tcpguard.conf is there already, left as it is"; \
	else \
		echo "$(INSTALL_DATA) $(srcdir)/etc/tcpguard.conf"; \
		$(INSTALL_DATA) "$(srcdir)/etc/tcpguard.conf" \
			"$(DESTDIR)$(sysconfdir)/tcpguard/tcpguard.conf"; \
	fi

uninstall-conf:
	@if cmp -s "$(srcdir)/etc/tcpguard.conf" "$(DESTDIR)$(sysconfdir)/tcpguard/tcpguard.conf"; then \
		rm -f "$(DESTDIR)$(sysconfdir)/tcpguard/tcpguard.conf"; \
		rmdir "$(DESTDIR)$(sysconfdir)/tcpguard" 2>/dev/null || true; \
	fi
