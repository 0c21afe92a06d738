# layer daemon
