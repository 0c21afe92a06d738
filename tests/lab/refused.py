#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
refused.py KIND TCPGUARDD ARGUMENT...

Start the daemon, take its arena when it is killed, spoil it, and start another one with that: what it says is on
standard error. KIND: as-it-was, random, truncated, empty, version. The last one gets SIGTERM when it is ready.
Exit status: that of the last one.
"""
import os
import signal
import struct
import sys

from million import Manager

VERSION_AT = 4  # in the head, which is the same in all versions


def spoil(kind, good):
    data = bytearray(os.pread(good, os.fstat(good).st_size, 0))
    if kind == "random":
        data = os.urandom(len(data))
    elif kind == "truncated":
        data = data[:len(data) // 2]
    elif kind == "empty":
        data = b""
    elif kind == "version":
        version, = struct.unpack_from("<I", data, VERSION_AT)
        struct.pack_into("<I", data, VERSION_AT, version + 1)
    fd = os.memfd_create("spoilt")
    os.write(fd, data)
    return fd


manager = Manager(sys.argv[2:])
manager.start()
manager.hear(0)
os.kill(manager.pid, signal.SIGKILL)
os.waitpid(manager.pid, 0)
manager.kept["arena-0"] = spoil(sys.argv[1], manager.kept["arena-0"])
print("refused.py: again", file=sys.stderr, flush=True)
manager.start()
manager.end()
