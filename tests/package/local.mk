# The package. What takes long has targets of its own: check-dist, check-package, check-systemd.
TESTS += tests/package/completions.sh
dist_noinst_SCRIPTS += tests/package/completions.sh tests/package/dist.sh tests/package/install.sh \
	tests/package/kills.sh tests/package/systemd.sh
dist_noinst_DATA += tests/package/container.sh tests/package/root.sh

# Is the archive the same, whoever makes it?
check-dist: all
	$(top_srcdir)/tests/package/dist.sh $(abs_top_builddir)

# Both want root, debootstrap and Debian's build tools, and a minute more when they run for the first time.
check-package: all
	$(top_srcdir)/tests/package/install.sh $(abs_top_builddir)
check-systemd: check-programs
	$(top_srcdir)/tests/package/systemd.sh $(abs_top_builddir)

# A hundred kills under a thousand connections of each kind, with systemd: two minutes, a machine at rest.
# KILLS=, CONNECTIONS= and STALL_MS= say otherwise.
check-kills: check-programs
	KILLS="$(KILLS)" CONNECTIONS="$(CONNECTIONS)" STALL_MS="$(STALL_MS)" \
		$(top_srcdir)/tests/package/kills.sh $(abs_top_builddir)
.PHONY: check-dist check-kills check-package check-systemd
