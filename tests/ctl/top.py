#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tcpguardctl top in terminals of several sizes, against a daemon that follows a script."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
try:
    import pyte  # noqa: F401
except ImportError:
    print("python3-pyte is not installed")
    sys.exit(77)
from pty_screen import Terminal
from scripted_daemon import Daemon, Service

CTL = os.path.join(os.environ.get("abs_top_builddir", "."), "tcpguardctl")
TMP = tempfile.TemporaryDirectory()
SOCKET = os.path.join(TMP.name, "control.sock")
EVIDENCE = "37,000 distinct sources, 0 of 20,100 SYNs completed"
failed = 0


def check(what, fine, terminal=None):
    global failed
    print("ok" if fine else "FAILED", "-", what)
    if not fine:
        failed += 1
        if terminal:
            print("\n".join("    |" + line for line in terminal.text().split("\n")))


def top(columns=80, lines=24, interval="100ms", **others):
    return Terminal([CTL, "-s", SOCKET, "top", "--interval", interval], columns, lines, **others)


def event(number, text, level="info"):
    return {"worker": 0, "number": number, "time_ms": 1000000 * 1000 + number * 1000,
            "event": "attack_began", "level": level, "text": text, "service": "web",
            "address": "192.0.2.10:80", "value": 1, "detail": "70 half-open, \x1b[31m64 allowed"}


def attack(over=False, number=7):
    return {"number": number, "service": "web", "class": "spoofed_flood", "class_name": "spoofed SYN flood", "over": over,
            "began_ms": 1000000 * 1000, "duration_ms": 12000, "peak_rate": 21000,
            "evidence": EVIDENCE,
            "sources": {"syns": 20000, "distinct": 37000,
                        "fingerprint": "SYN|ECE|CWR, window 512, no options",
                        "fingerprint_permille": 931,
                        "heavy": [{"prefix": "203.0.113.0/24", "syns": 6000, "completed": 0},
                                  {"prefix": "198.51.100.7", "syns": 3000, "completed": 12}]}}


def three_services():
    return [Service("mail", state="suspect"), Service("dns"), Service("web")]


def finish(terminal, keys=b"q"):
    terminal.send(keys)
    status = terminal.wait_end()
    terminal.close()
    return status


# ---- what is refused ----

def run(*words, env=None, **others):
    return subprocess.run([CTL, *words], capture_output=True, text=True, timeout=10,
                          env=dict(os.environ, **(env or {})), **others)


def refusals():
    for words in (["top"], ["top", "--interval", "1s"]):
        result = run(*words, stdin=subprocess.DEVNULL)
        check("without a terminal: exit 2 and one sentence",
              result.returncode == 2 and result.stdout == "" and
              result.stderr.count("\n") == 1 and "needs a terminal" in result.stderr)
    for word in ("1", "0s", "99ms", "31s", "1h", "-1s", "", "s", "9999999999999999999s"):
        result = run("top", "--interval", word)
        check(f"interval '{word}': exit 2", result.returncode == 2 and "interval" in result.stderr)
    for words in (["top", "x"], ["top", "--interval"], ["--json", "top"], ["top", "--json"],
                  ["top", "a", "b", "c"]):
        result = run(*words)
        check(f"{' '.join(words)}: exit 2",
              result.returncode == 2 and result.stderr.count("\n") == 1)
    terminal = top(term="no-such-terminal")
    check("unknown terminal: exit 2", terminal.wait_end() == 2)
    check("it is named", "no-such-terminal" in terminal.text(), terminal)
    terminal.close()


# ---- what is shown ----

def figures():
    services = three_services()
    web = services[2]
    web.rates.update(syn_received=200, completed=180, bytes_in=5000, bytes_out=95000)
    daemon = Daemon(SOCKET, services)
    daemon.events = [event(n, f"event {n}") for n in range(1, 30)]
    terminal = top()
    check("services are there", terminal.wait_for("web"), terminal)
    check("so is the daemon", terminal.wait_for("tcpguardd 0.1.0, up"), terminal)
    terminal.pump(1)
    line = terminal.screen.display[terminal.row_of(" web ")]
    syn = int(line.split()[-6])
    check(f"200 SYN/s are shown as {syn}", 180 <= syn <= 220, terminal)
    check("bytes/s", re.search(r"\b9\d KiB|\b10\d KiB", line) is not None, terminal)
    check("half-open and its threshold", "0/64" in line, terminal)
    check("calm is green", terminal.colour_of("calm") == "green")
    check("suspect is yellow", terminal.colour_of("suspect") in ("brown", "yellow"))
    check("the worst stands first", terminal.row_of(">mail") == 4, terminal)
    check("no attack yet", "none seen" in terminal.text(), terminal)

    web.keys.update(state="attack", state_ms=12000, **{"class": "spoofed_flood"}, half_open=70, cookies_in_flight=92249)
    web.rates.update(syn_received=20100, cookies_sent=20000)
    daemon.attacks = [attack()]
    check("the attacked service goes first", terminal.wait_for(">web"), terminal)
    check("attack is red", terminal.colour_of("attack", ">web") == "red", terminal)
    check("1 under attack", terminal.wait_for("3 services, 1 under attack"), terminal)
    for text in ("for 12.0s, spoofed flood", "spoofed SYN flood", "93.1%: SYN|ECE|CWR", EVIDENCE, "203.0.113.0/24 30.0%", "198.51.100.7 15.0%",
                 "window 512", "of 64, cookies out 92k", "70/64", "peak 21k SYN/s"):
        check(f"shown: {text}", terminal.wait_for(text), terminal)
    check("rates follow", terminal.wait_for(" 20k "), terminal)
    check("charts, too", terminal.wait_for("█"), terminal)
    newest = terminal.row_of("event 29")
    check("events, the newest first", newest > 0 and terminal.row_of("event 28") == newest + 1,
          terminal)
    check("events obey nobody", "?[31m64" in terminal.text() and
          b"\x1b[31m64" not in terminal.written, terminal)
    check("the last line is that of the keys", "q quits" in terminal.screen.display[23], terminal)

    daemon.attacks = [attack(over=True), attack(over=True, number=6)]
    services[0].keys.update(state="calm")
    web.keys.update(state="recovering")
    check("an attack that is over", terminal.wait_for("last attack"), terminal)
    check("recovering is cyan", terminal.wait_for("recovering") and
          terminal.colour_of("recovering") == "cyan", terminal)
    check("q quits", finish(terminal) == 0)
    daemon.stop()


def keys():
    daemon = Daemon(SOCKET, three_services())
    terminal = top()
    check("the first is selected", terminal.wait_for("── mail:"), terminal)
    for key, name, what in ((b"\x1b[B", "dns", "down"), (b"\x1b[B", "web", "down"),
                            (b"\x1b[B", "web", "down at the end"), (b"\x1b[A", "dns", "up"),
                            (b"s", "web", "s"), (b"s", "mail", "s at the end"),
                            (b"j", "dns", "j"), (b"k", "mail", "k"),
                            (b"\x1b[6~", "web", "page down"), (b"\x1b[1~", "mail", "home"),
                            (b"xyz?", "mail", "any other key")):
        terminal.send(key)
        terminal.pump(0.15)
        check(f"{what} shows {name}", terminal.wait_for(f"── {name}:", 3), terminal)
    check("Q quits, too", finish(terminal, b"Q") == 0)
    daemon.stop()


def sizes():
    services = three_services()
    services[2].keys.update(state="attack")
    daemon = Daemon(SOCKET, services)
    daemon.attacks = [attack()]
    terminal = top()
    terminal.wait_for("q quits")
    for columns, lines in ((132, 43), (80, 24), (200, 60), (70, 14), (500, 200)):
        terminal.resize(columns, lines)
        check(f"{columns}x{lines}: keys in the last line, HALF-OPEN ends the line of titles",
              terminal.until(lambda: "q quits" in terminal.screen.display[-1] and
                             terminal.screen.display[3].endswith("HALF-OPEN")), terminal)
    terminal.resize(132, 43)
    check("prefixes have lines of their own", terminal.wait_for("12 completed"), terminal)
    for columns, lines in ((69, 24), (80, 13), (20, 5), (1, 1), (2, 100), (400, 1)):
        terminal.resize(columns, lines)
        terminal.pump(0.3)
        if columns >= 60:
            check(f"{columns}x{lines} is too small and says so",
                  terminal.wait_for("is too small"), terminal)
    terminal.resize(80, 24)
    check("it comes back", terminal.wait_for("── web:"), terminal)
    check("and quits", finish(terminal) == 0)
    daemon.stop()


def many_services():
    services = [Service(f"service-{i}") for i in range(255)]
    services[200].keys.update(state="attack")
    daemon = Daemon(SOCKET, services)
    terminal = top()
    check("the attacked one of 255 comes first", terminal.wait_for(">service-200"), terminal)
    check("it says how many do not fit", re.search(r"SERVICE \+2\d\d", terminal.text()), terminal)
    terminal.send(b"\x1b[4~")
    check("the last one can be reached", terminal.wait_for(">service-254"), terminal)
    daemon.services = services[:3]
    check("services that go are forgotten", terminal.wait_for("3 services, 0"), terminal)
    check("the selection moves to one that is there", terminal.wait_for(">service-0"), terminal)
    daemon.services = []
    check("none at all", terminal.wait_for("0 services"), terminal)
    check("quits", finish(terminal) == 0)
    daemon.stop()


def plain_terminals():
    services = three_services()
    services[2].keys.update(state="attack")
    services[2].rates.update(syn_received=1000)
    daemon = Daemon(SOCKET, services)
    daemon.attacks = [dict(attack(), evidence="sources from caf\u00e9")]
    terminal = top(lang="C")
    check("charts without UTF-8", terminal.wait_for("#") and terminal.wait_for("_"), terminal)
    check("rules without UTF-8", "-- web:" in terminal.text(), terminal)
    check("other characters become ?", terminal.wait_for("caf?"), terminal)
    finish(terminal)
    check("nothing but ASCII is written", max(terminal.written) < 0x80)
    terminal = top(env={"NO_COLOR": "1"})
    check("NO_COLOR", terminal.wait_for("attack") and
          terminal.colour_of("attack", ">web") == "default", terminal)
    finish(terminal)
    terminal = top(term="vt100")
    check("vt100 has no colours", terminal.wait_for("web") and
          terminal.colour_of("calm") == "default", terminal)
    check("and quits", finish(terminal) == 0)
    daemon.stop()


# ---- a daemon that is not well ----

def daemon_gone():
    terminal = top()
    check("no daemon: it says so", terminal.wait_for("cannot reach tcpguardd on"), terminal)
    services = three_services()
    services[2].rates.update(syn_received=1000)
    daemon = Daemon(SOCKET, services)
    check("and keeps trying", terminal.wait_for("tcpguardd 0.1.0"), terminal)
    check("the complaint goes", terminal.wait_for("cannot reach", absent=True), terminal)
    terminal.pump(0.5)
    daemon.stop()
    check("gone again", terminal.wait_for("cannot reach"), terminal)
    check("the age of the figures", terminal.wait_for("figures are"), terminal)
    daemon.version = "0.2.0"
    daemon.restart()
    check("another daemon", terminal.wait_for("tcpguardd 0.2.0"), terminal)
    terminal.pump(0.6)
    line = terminal.screen.display[terminal.row_of(" web ")]
    check("its counters are not mixed with the old ones",
          re.search(r" (1\.0k|9\d\d|1\.1k) ", line) is not None, terminal)
    check("quits", finish(terminal) == 0)
    daemon.stop()


def strange_daemons():
    daemon = Daemon(SOCKET, three_services())
    terminal = top()
    terminal.wait_for("web")
    daemon.refuse = {"attacks": 'unknown command "attacks"; try: help'}
    terminal.pump(0.5)
    check("a daemon without attacks is fine", "tcpguardd says" not in terminal.text() and
          "web" in terminal.text(), terminal)
    daemon.refuse = {"stats": "worker 1 does not answer; try \x1b[31mlater"}
    check("an error is shown", terminal.wait_for("tcpguardd says: worker 1 does not"), terminal)
    daemon.refuse = {}
    check("until it is over", terminal.wait_for("tcpguardd says", absent=True), terminal)
    for raw in (b"HTTP/1.1 200 OK\r\n\r\n", b"\n", b"[1]\nok\n", b"{\"a\":" * 3000 + b"\n"):
        daemon.raw = raw
        check(f"what speaks another language is named: {raw[:20]}",
              terminal.wait_for("is no tcpguardd"), terminal)
        daemon.raw = None
        check("and forgiven", terminal.wait_for("is no tcpguardd", absent=True), terminal)
    odd = {"service": 5, "state": None, "syn_received": "many", "half_open": -1,
           "attack_start": [], "class": {}, "state_ms": 1e300}
    daemon.do_stats = lambda now: [odd, {}, {"service": "x" * 5000, "attack_start": 2**62}]
    daemon.do_attacks = lambda now: [{"service": "", "sources": 7}, {"number": -3}, attack()]
    daemon.do_events = lambda now: [{}, {"time_ms": 2**62, "text": "y" * 5000}]
    terminal.pump(0.8)
    check("wrong types do no harm", terminal.wait_end(0.1) is None and
          "xxxx" in terminal.text(), terminal)
    daemon.mute = True
    check("silence is noticed", terminal.wait_for("has not answered for 5 s"), terminal)
    check("and q quits all the same", finish(terminal) == 0)
    daemon.stop()


# ---- the ends ----

def ends():
    daemon = Daemon(SOCKET, three_services())
    for term in ("linux", "xterm-256color"):
        for what, act, wanted in (
                ("q", lambda t: t.send(b"q"), 0),
                ("Ctrl-C", lambda t: t.send(b"\x03"), 0),
                ("SIGTERM", lambda t: os.kill(t.pid, signal.SIGTERM), 0),
                ("SIGHUP", lambda t: os.kill(t.pid, signal.SIGHUP), 0),
                ("SIGQUIT", lambda t: os.kill(t.pid, signal.SIGQUIT), 0),
                ("SIGSEGV", lambda t: os.kill(t.pid, signal.SIGSEGV), -signal.SIGSEGV),
                ("SIGABRT", lambda t: os.kill(t.pid, signal.SIGABRT), -signal.SIGABRT)):
            terminal = top(term=term)
            terminal.wait_for("q quits")
            act(terminal)
            status = terminal.wait_end()
            check(f"{term}: {what} ends it ({status}), the terminal is restored",
                  status == wanted and terminal.restored())
            terminal.close()
    terminal = top()
    terminal.wait_for("q quits")
    os.close(terminal.fd)
    end = time.monotonic() + 5
    pid = 0
    while not pid and time.monotonic() < end:
        pid, _ = os.waitpid(terminal.pid, os.WNOHANG)
        time.sleep(0.02)
    check("it ends when its terminal goes", pid == terminal.pid)
    daemon.stop()


def run_apart(test):
    """In a process of its own, with a socket of its own. Return: its PID and where its words go."""
    global SOCKET
    words = tempfile.TemporaryFile("w+")
    pid = os.fork()
    if pid:
        return pid, words
    SOCKET = os.path.join(TMP.name, test.__name__)
    sys.stdout = words
    try:
        test()
        words.flush()
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc(file=words)
        words.flush()
        os._exit(1)
    os._exit(failed != 0)


# Most of them wait for the most part, so they wait together.
RUNNING = [(test, *run_apart(test))
           for test in (refusals, figures, keys, sizes, many_services, plain_terminals, daemon_gone,
                        strange_daemons, ends)]
for test, child, said in RUNNING:
    failed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
    said.seek(0)
    print(f"# {test.__name__}\n{said.read()}", end="")
print("all as expected" if failed == 0 else f"{failed} of {len(RUNNING)} failed")
sys.exit(failed != 0)
