#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
crowd.py SOCKET HOW N SECONDS     N clients at once who do no good to a control socket

HOW: idle    connect and say nothing
     deaf    ask for everything there is, and read nothing
     hasty   ask without end, and read
     endless a line that has no end

Who is turned away or dropped comes again, every 20 ms one. Prints how many were served and turned away.
"""
import errno
import selectors
import socket
import sys
import time

SAYS = {"none": b"", "idle": b"", "deaf": b"conns\n" * 200, "hasty": b"status\n", "endless": b"x" * 4096}


class Client:
    def __init__(self, path, how):
        self.how = how
        self.served = 0
        self.refused = False
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(2)
        self.socket.connect(path)
        self.socket.setblocking(False)
        self.say()

    def say(self):
        try:
            self.socket.send(SAYS[self.how])
        except OSError:
            pass

    def hear(self):
        """Return: is the connection still there?"""
        try:
            data = self.socket.recv(1 << 16)
        except OSError as e:
            return e.errno == errno.EAGAIN
        self.refused |= b"already" in data
        if data and self.how == "hasty" and data.endswith(b"ok\n"):
            self.served += 1
            self.say()
        return bool(data)


def crowd(path, how, n, seconds):
    sel = selectors.DefaultSelector()
    missing, served, refused = n, 0, 0
    deaf = []
    begun, again = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        while missing and time.monotonic() >= again:
            try:
                c = Client(path, how)
            except OSError:
                again = time.monotonic() + 0.02
                break
            if how == "deaf":
                deaf.append(c)
            else:
                sel.register(c.socket, selectors.EVENT_READ, c)
            missing -= 1
            if time.monotonic() - begun > 1:
                again = time.monotonic() + 0.02
        for key, _ in sel.select(0.02):
            c = key.data
            if not c.hear():
                sel.unregister(c.socket)
                c.socket.close()
                missing += 1
                served += c.served
                refused += c.refused
                c.served = 0
    served += sum(k.data.served for k in sel.get_map().values())
    print("%s: %d served, %d turned away" % (how, served, refused), flush=True)


crowd(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
