# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in a terminal of its own: its screen as text, its keyboard, its window's size."""

import fcntl
import os
import select
import signal
import struct
import termios
import time

import pyte


class Terminal:
    def __init__(self, argv, columns=80, lines=24, term="linux", lang="C.UTF-8", env=None):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.status = None
        self.fd, slave = os.openpty()
        self.settings = termios.tcgetattr(slave)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.pid = os.fork()
        if self.pid == 0:
            self.become(argv, slave, term, lang, env or {})
        os.close(slave)

    def become(self, argv, slave, term, lang, env):
        """In the child: the terminal is ours, then the program."""
        try:
            os.close(self.fd)
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.environ.pop("NO_COLOR", None)
            os.environ.update(TERM=term, LC_ALL=lang, TZ="UTC", **env)
            os.execv(argv[0], argv)
        finally:
            os._exit(127)

    def pump(self, seconds):
        """Take what the program writes for a while."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.fd], [], [], max(left, 0))
            if not ready:
                return
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the program has closed its terminal
                data = b""
            if not data:
                time.sleep(max(min(left, 0.05), 0))
                return
            self.written += data
            self.stream.feed(data)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, condition, seconds=10):
        """Until something is so. Return: is it?"""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self.pump(0.05)
        return True

    def wait_for(self, wanted, seconds=10, absent=False):
        """Until the screen shows (or no longer shows) a text. Return: did it?"""
        return self.until(lambda: (wanted in self.text()) != absent, seconds)

    def row_of(self, wanted):
        """The first line that holds a text; -1: none."""
        for y, line in enumerate(self.screen.display):
            if wanted in line:
                return y
        return -1

    def colour_of(self, wanted, row=None):
        """Of the first character of a text, in the first line that holds it and the text @row."""
        y = self.row_of(row or wanted)
        x = self.screen.display[y].index(wanted)
        return self.screen.buffer[y][x].fg

    def send(self, keys):
        os.write(self.fd, keys)

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def wait_end(self, seconds=5):
        """Return: the exit status, negative for a signal, or None if it goes on."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            self.pump(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        self.pump(0.05)
        return self.status

    def restored(self):
        """Is the terminal as the program found it? (Only once the program has ended.)"""
        if termios.tcgetattr(self.fd) != self.settings:
            return False
        # the alternate screen is left and the cursor is shown, each after it was not
        for begin, end in ((b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1049h", b"\x1b[?1049l")):
            if self.written.rfind(begin) > self.written.rfind(end):
                return False
        return True

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -signal.SIGKILL
        os.close(self.fd)
