# layer tcpguardctl
