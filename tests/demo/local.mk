dist_noinst_SCRIPTS += tests/demo/demo.sh tests/demo/arguments.sh
TESTS += tests/demo/arguments.sh
EXTRA_DIST += tests/demo/.shellcheckrc
