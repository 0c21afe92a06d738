# completions for shells, called after the program they complete
dist_bashcompletion_DATA = completions/tcpguardctl completions/tcpguardd
dist_zshcompletion_DATA = completions/_tcpguardctl completions/_tcpguardd
