# man
dist_man_MANS += man/tcpguard.conf.5
