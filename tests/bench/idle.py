#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections that say nothing: idle.py serve ADDRESS PORT, idle.py connect ADDRESS PORT COUNT."""
import signal
import socket
import sys


def serve(address, port):
    listener = socket.create_server((address, port), backlog=4096)
    kept = []
    while True:
        kept.append(listener.accept()[0])


def connect(address, port, count):
    kept = [socket.create_connection((address, port), timeout=10) for _ in range(count)]
    print("ready", len(kept), flush=True)
    signal.pause()


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    connect(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
