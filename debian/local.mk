# Debian's packaging; the version in debian/changelog is the one of everything, see m4/version.sh.
EXTRA_DIST += m4/version.sh debian/changelog debian/control debian/copyright debian/rules \
	debian/source/format debian/source/lintian-overrides \
	debian/tcpguard.postrm debian/tcpguard.prerm
