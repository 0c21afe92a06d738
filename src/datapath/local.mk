# layer datapath: NFQUEUE, injection, firewall rules
noinst_LTLIBRARIES += libdatapath.la
libdatapath_la_SOURCES = \
	src/datapath/addr_watch.c src/datapath/addr_watch.h \
	src/datapath/cut.c src/datapath/cut.h \
	src/datapath/firewall.c src/datapath/firewall.h \
	src/datapath/firewall_owner.c src/datapath/firewall_owner.h \
	src/datapath/firewall_picture.c src/datapath/firewall_picture.h \
	src/datapath/firewall_rules.c src/datapath/firewall_rules.h \
	src/datapath/flow_set.h \
	src/datapath/inject.c src/datapath/inject.h \
	src/datapath/kernel_set.c src/datapath/kernel_set.h \
	src/datapath/nfqueue.c src/datapath/nfqueue.h \
	src/datapath/nfqueue_msg.c src/datapath/nfqueue_msg.h \
	src/datapath/nft_watch.c src/datapath/nft_watch.h \
	src/datapath/output.c src/datapath/output.h \
	src/datapath/tool.c src/datapath/tool.h \
	src/datapath/tun.c src/datapath/tun.h \
	src/datapath/tun_link.c src/datapath/tun_link.h
libdatapath_la_CFLAGS = $(AM_CFLAGS) $(NFQ_CFLAGS)
