#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that say nothing.

idle.py serve ADDRESS PORT [PROCESSES]
idle.py connect ADDRESS PORT COUNT [FROM...]    COUNT from each of these addresses, a process for each
"""
import os
import resource
import signal
import socket
import sys


def serve(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((address, port))
    listener.listen(4096)
    kept = []
    while True:
        kept.append(listener.accept()[0])


def connect(address, port, count, source):
    kept = []
    for _ in range(count):
        s = socket.socket()
        s.settimeout(30)
        s.bind((source, 0))
        s.connect((address, port))
        kept.append(s)
    print("ready", len(kept), flush=True)
    signal.pause()


def together(works):
    """Each in a process of its own, all of which end with this one."""
    children = []
    for work in works:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work()
            os._exit(0)
        children.append(pid)

    def end(*_):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    for pid in children:
        os.waitpid(pid, 0)


most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
host, number = sys.argv[2], int(sys.argv[3])
if sys.argv[1] == "serve":
    together([lambda: serve(host, number)] * int((sys.argv[4:] or ["1"])[0]))
else:
    each = int(sys.argv[4])
    together([lambda a=a: connect(host, number, each, a) for a in sys.argv[5:] or [""]])
