# tests/doctor: in worlds that are made up; tests/lab/doctor.sh is in a real one
if HAVE_CHECK
check_PROGRAMS += tests/doctor/test_doctor
TESTS += tests/doctor/test_doctor
tests_doctor_test_doctor_SOURCES = tests/doctor/test_doctor.c
tests_doctor_test_doctor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_doctor_test_doctor_LDADD = libdoctor.la libtcpguardctl.la libconf.la libdatapath.la libcore.la libwire.la \
	libbase.la $(CONFUSE_LIBS) $(NFQ_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
endif
