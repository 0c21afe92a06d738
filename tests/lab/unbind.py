#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
unbind.py PID QUEUE     unbind a packet queue by the socket of its owner, taken from process PID
unbind.py 0 QUEUE       by a socket of one's own, which the kernel refuses

Exit status 0 if the kernel has done it.
"""
import ctypes
import os
import socket
import struct
import sys

PIDFD_OPEN, PIDFD_GETFD = 434, 438
NETLINK_NETFILTER = 12
CONFIG = 3 << 8 | 2  # NFNL_SUBSYS_QUEUE, NFQNL_MSG_CONFIG
UNBIND, REQUEST_ACK = 2, 5


def port_of(queue):
    with open("/proc/net/netfilter/nfnetlink_queue") as f:
        for line in f:
            words = line.split()
            if int(words[0]) == queue:
                return int(words[1])
    sys.exit("nobody has queue %d" % queue)


def sockets_of(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    for fd in map(int, os.listdir("/proc/%d/fd" % pid)):
        if os.readlink("/proc/%d/fd/%d" % (pid, fd)).startswith("socket:"):
            mine = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
            if mine >= 0:
                yield socket.socket(fileno=mine)


def owner(pid, queue):
    port = port_of(queue)
    for s in sockets_of(pid):
        if s.family == socket.AF_NETLINK and s.getsockname()[0] == port:
            return s
    sys.exit("process %d does not have queue %d" % (pid, queue))


def unbind(s, queue, flags):
    command = struct.pack("=HH", 8, 1) + struct.pack("!BBH", UNBIND, 0, 0)
    body = struct.pack("!BBH", 0, 0, queue) + command
    s.sendto(struct.pack("=IHHII", 16 + len(body), CONFIG, flags, 1, 0) + body, (0, 0))


pid, queue = int(sys.argv[1]), int(sys.argv[2])
if pid:
    unbind(owner(pid, queue), queue, 1)  # its answers are read by the owner: want none
else:
    mine = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    mine.bind((0, 0))
    unbind(mine, queue, REQUEST_ACK)
    error = struct.unpack_from("=i", mine.recv(4096), 16)[0]
    if error:
        sys.exit(os.strerror(-error))
