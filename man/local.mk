# man: the pages say /etc, as packages have it; the installed ones where --sysconfdir has put the file
man_pages = man/tcpguard.conf.5 man/tcpguardd.8 man/tcpguardctl.8
man_built = man/built/tcpguard.conf.5 man/built/tcpguardd.8 man/built/tcpguardctl.8
EXTRA_DIST += $(man_pages)
man_MANS += $(man_built)
CLEANFILES += $(man_built)

$(man_built): $(man_pages) Makefile
	$(AM_V_GEN)$(MKDIR_P) man/built && \
	sed 's|/etc/tcpguard|$(sysconfdir)/tcpguard|g' $(srcdir)/man/$(@F) >$@.tmp && mv $@.tmp $@
