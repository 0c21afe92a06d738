dist_noinst_SCRIPTS += tests/demo/demo.sh
EXTRA_DIST += tests/demo/.shellcheckrc
