#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""watch_top.py CTL SOCKET COLUMNS LINES SECONDS FILE WANTED... - look at top for a while.

Writes the last screen into FILE. Exit status: 0 if the screen has shown every WANTED text (a regular
expression) at some time and q ends the program, 1 if not, 77 if there is no terminal emulator.
"""

import os
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ctl"))
try:
    from pty_screen import Terminal
except ImportError:
    sys.exit(77)

ctl, socket, columns, lines, seconds, path = sys.argv[1:7]
wanted = {text: False for text in sys.argv[7:]}
terminal = Terminal([ctl, "-s", socket, "top", "--interval", "500ms"], int(columns), int(lines))
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    terminal.pump(0.1)
    for text in wanted:
        wanted[text] = wanted[text] or re.search(text, terminal.text()) is not None
    with open(path, "w", encoding="utf-8") as f:
        f.write(terminal.text() + "\n")
terminal.send(b"q")
status = terminal.wait_end()
if status != 0 or not terminal.restored():
    print(f"q ends it with status {status}, terminal restored: {terminal.restored()}")
for text, seen in wanted.items():
    if not seen:
        print(f"never shown: {text}")
sys.exit(0 if status == 0 and terminal.restored() and all(wanted.values()) else 1)
