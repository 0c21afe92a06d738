# tests/datapath
check_PROGRAMS += tests/datapath/stub
tests_datapath_stub_SOURCES = tests/datapath/stub.c
tests_datapath_stub_LDADD = libdatapath.la libwire.la libbase.la $(NFQ_LIBS)
