#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
million.py manage TCPGUARDD ARGUMENT...
	Start it, and keep what it leaves as systemd would. At SIGUSR1 kill it and start it again, and say
	when: one JSON line, CLOCK_MONOTONIC. At SIGUSR2 put connections into its arenas meanwhile, with the
	words of $FILL: fill_arena CONFIG SERVICE COUNT.
million.py ask ADDRESS PORT SECONDS
	One connection with a word every millisecond; one line for each echo: when it came.
"""
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time


def value_of(text, key):
    for line in text.split("\n"):
        if line.startswith(key + "="):
            return line[len(key) + 1:]
    return None


class Manager:
    def __init__(self, argv):
        self.argv = argv
        self.kept = {}
        self.ready = None
        self.name = "@tcpguard-million-%d" % os.getpid()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind("\0" + self.name[1:])

    def hear(self, seconds):
        """What the daemon says within so many seconds, until nothing more comes."""
        while select.select([self.notify], [], [], seconds)[0]:
            data, fds, _, _ = socket.recv_fds(self.notify, 4096, 4)
            text = data.decode()
            name = value_of(text, "FDNAME")
            if value_of(text, "FDSTOREREMOVE") and name in self.kept:
                os.close(self.kept.pop(name))
            if value_of(text, "FDSTORE"):
                self.kept[name] = fds.pop()
            for fd in fds:
                os.close(fd)
            if value_of(text, "READY"):
                self.ready = time.monotonic()
                return

    def start(self):
        names = list(self.kept)
        self.ready = None
        began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            high = [os.dup(self.kept[n]) for n in names]
            high = [os.dup2(fd, 100 + i) for i, fd in enumerate(high)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i, inheritable=True)
                os.close(fd)
            os.environ.update(NOTIFY_SOCKET=self.name, LISTEN_PID=str(os.getpid()),
                              LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
            os.execv(self.argv[0], self.argv)
        while not self.ready:
            self.hear(10)
        print(json.dumps({"exec": began, "ready": self.ready, "kept": len(names)}), flush=True)

    def fill(self):
        arenas = sorted(n for n in self.kept if n.startswith("arena-"))
        words = os.environ["FILL"].split()
        words[-1] = str(-(-int(words[-1]) // len(arenas)))
        for i, name in enumerate(arenas):
            fd = self.kept[name]
            subprocess.run(words + [str(i), str(len(arenas)), str(fd)], pass_fds=[fd],
                           check=True, stdout=subprocess.DEVNULL)

    def again(self, fill):
        self.hear(0)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        if fill:
            self.fill()
        self.start()

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))


def manage(argv):
    wanted = {signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    m = Manager(argv)
    m.start()
    for wish in iter(lambda: signal.sigwait(wanted), signal.SIGTERM):
        m.again(wish == signal.SIGUSR2)
    m.end()


def ask(to, seconds):
    s = socket.create_connection(to)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setblocking(False)
    end = time.monotonic() + seconds
    number = heard = 0
    waiting = b""
    print("ready", flush=True)
    while time.monotonic() < end:
        word = struct.pack("!Q", number)
        number += 1
        try:
            s.send(word)
            waiting += word
        except BlockingIOError:
            pass
        if select.select([s], [], [], 0.001)[0]:
            data = s.recv(65536)
            if not data or not waiting.startswith(data):
                sys.exit("closed" if not data else "wrong echo")
            waiting = waiting[len(data):]
            print("%.6f" % time.monotonic(), flush=True)


if __name__ != "__main__":
    pass
elif sys.argv[1] == "manage":
    manage(sys.argv[2:])
else:
    ask((sys.argv[2], int(sys.argv[3])), float(sys.argv[4]))
