#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
hold.py serve ADDRESS PORT...            echo, until killed
hold.py hold ADDRESS PORT N SECONDS      N connections at once, each speaks up to twice a second

What each connection sends is a stream of numbered words, and the echo must be just that. When it is
over, or on SIGTERM, one JSON line: connections, lost (not opened, ended, or an echo that is wrong),
words, and the longest time that an echo took, in ms. Exit status 0 if none was lost. On SIGUSR1 such a
line about the time since the last one, as soon as the echoes that are waited for then have come.
"""
import json
import random
import selectors
import signal
import socket
import struct
import sys
import time

INTERVAL = 0.5
LIMIT = 15  # seconds for an echo, then the connection counts as lost
WORD = 64  # bytes


def serve(address, ports):
    sel = selectors.DefaultSelector()
    for port in ports:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        s = socket.create_server((address, int(port)), family=family, backlog=4096)
        s.setblocking(False)
        sel.register(s, selectors.EVENT_READ, None)
    while True:
        for key, _ in sel.select():
            if key.data is None:
                c, _ = key.fileobj.accept()
                c.setblocking(False)
                sel.register(c, selectors.EVENT_READ, True)
                continue
            try:
                data = key.fileobj.recv(65536)
                if data:
                    key.fileobj.send(data)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                sel.unregister(key.fileobj)
                key.fileobj.close()


class Connection:
    def __init__(self, to, number):
        self.number = number
        self.words = 0
        self.waiting = b""  # the echo that is to come
        self.sent = 0.0
        self.worst = 0.0
        self.lost = None
        self.next = 0.0
        try:
            self.socket = socket.create_connection(to, timeout=LIMIT)
            self.socket.setblocking(False)
        except OSError as e:
            self.socket = None
            self.lost = "open: %s" % e

    def speak(self, now):
        self.waiting = struct.pack("!II", self.number, self.words) * (WORD // 8)
        self.words += 1
        self.sent = now
        try:
            self.socket.send(self.waiting)
        except OSError as e:
            self.lost = "send: %s" % e

    def hear(self, now):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as e:
            self.lost = "receive: %s" % e
            return
        if not data or not self.waiting.startswith(data):
            self.lost = "wrong echo" if data else "closed"
            return
        self.waiting = self.waiting[len(data):]
        if not self.waiting:
            self.worst = max(self.worst, now - self.sent)
            self.next = now + INTERVAL * random.uniform(0.5, 1)


def report(connections):
    lost = [c.lost for c in connections if c.lost]
    print(json.dumps({"connections": len(connections), "lost": len(lost), "why": sorted(set(lost)),
                      "words": sum(c.words for c in connections),
                      "worst_ms": round(1000 * max(c.worst for c in connections))}), flush=True)
    return 1 if lost else 0


def hold(to, n, seconds):
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    sel = selectors.DefaultSelector()
    all_of_them = [Connection(to, i) for i in range(n)]
    live = [c for c in all_of_them if not c.lost]
    for c in live:
        sel.register(c.socket, selectors.EVENT_READ, c)
    asked = []
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(time.monotonic()))
    end = time.monotonic() + seconds
    print("ready", flush=True)
    while live:
        now = time.monotonic()
        over = stopped or now > end
        if asked and not any(c.waiting and c.sent < asked[0] for c in live):
            asked.clear()
            report(all_of_them)
            for c in all_of_them:
                c.worst = 0.0
        for c in live:
            if not c.waiting and now >= c.next and not over:
                c.speak(now)
            elif c.waiting and now - c.sent > LIMIT:
                c.lost = "no echo"
        for key, _ in sel.select(0.02):
            if not key.data.lost:
                key.data.hear(time.monotonic())
        for c in live:
            if c.lost:
                sel.unregister(c.socket)
        live = [c for c in live if not c.lost and not (over and not c.waiting)]
    return report(all_of_them)


if sys.argv[1] == "serve":
    serve(sys.argv[2], sys.argv[3:])
else:
    sys.exit(hold((sys.argv[2], int(sys.argv[3])), int(sys.argv[4]), float(sys.argv[5])))
