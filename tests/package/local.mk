# The package. What takes long has targets of its own: check-dist, check-package, check-systemd.
TESTS += tests/package/completions.sh
dist_noinst_SCRIPTS += tests/package/completions.sh
