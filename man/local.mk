# man
dist_man_MANS += man/tcpguard.conf.5
dist_man_MANS += man/tcpguardd.8
dist_man_MANS += man/tcpguardctl.8
