#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""/metrics of a daemon with made-up figures: what is served, how, to whom; and what refers to it."""

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    import yaml
except ImportError as missing:
    print(f"{missing.name} is not installed (python3-prometheus-client, python3-yaml)")
    sys.exit(77)

BUILT = os.environ.get("abs_top_builddir", ".")
SOURCE = os.environ.get("abs_top_srcdir",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LABELS = {"service", "reason", "worker", "state", "mode", "class", "event", "version", "firewall"}
failed = 0


def check(what, fine, more=""):
    global failed
    print("ok" if fine else "FAILED", "-", what, "" if fine else more)
    failed += not fine


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Fake:
    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.tmp.name, "control.sock")
        self.port = free_port()
        self.process = subprocess.Popen([os.path.join(BUILT, "tests/ctl/fake_daemon"), self.socket,
                                         "2", "100", f"metrics={self.port}"])
        atexit.register(self.process.kill)  # whatever goes wrong here
        end = time.monotonic() + 5
        while not os.path.exists(self.socket) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.1)

    def connect(self, timeout=5):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def ask(self, request, timeout=5):
        """Bytes in, everything that comes back out."""
        got = b""
        with self.connect(timeout) as s:
            try:
                s.sendall(request)
                while data := s.recv(65536):
                    got += data
            except OSError:
                pass
        return got

    def get(self, path="/metrics", method="GET", timeout=5):
        got = self.ask(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), timeout)
        return Answer(got)

    def ctl(self, command):
        out = subprocess.run([os.path.join(BUILT, "tcpguardctl"), "-s", self.socket, "--json",
                              command], capture_output=True, text=True, check=True).stdout
        return [json.loads(line) for line in out.splitlines()]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Answer:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/1.") else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value


# ---- the text ----

def check_lines(text):
    """What the standard asks for and a lenient parser may let pass."""
    check("it ends with # EOF", text.endswith("\n# EOF\n") and text.count("# EOF") == 1)
    check("no empty line, no blanks at the ends", all(
        line and line == line.strip() for line in text[:-1].split("\n")))
    family, seen, kind, helped = None, set(), None, False
    for line in text[:-1].split("\n")[:-1]:
        if line.startswith("# TYPE "):
            if family is not None and not helped:
                check(f"{family} has a HELP", False)
            _, _, family, kind = line.split(" ")
            helped = False
            if family in seen or not re.fullmatch(r"tcpguard_[a-z0-9_]+", family):
                check(f"family {family} is there once and well named", False)
            if kind not in ("counter", "gauge", "info") or family.endswith(("_total", "_info")):
                check(f"kind and name of {family} are fine", False)
            seen.add(family)
        elif line.startswith("# UNIT "):
            if line.split(" ")[2] != family or not family.endswith("_" + line.split(" ")[3]):
                check(f"the unit of {family} is its last word", False)
        elif line.startswith("# HELP "):
            helped = line.split(" ")[2] == family and line.endswith(".")
        else:
            name = family + {"counter": "_total", "gauge": "", "info": "_info"}[kind]
            if not re.fullmatch(name + r'(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? '
                                r"[0-9]+(\.[0-9]+)?", line):
                check("a sample is well formed", False, line)
    return seen


def check_labels(families):
    for family in families:
        for sample in family.samples:
            for name, value in sample.labels.items():
                if name not in LABELS or (name != "version" and
                                          re.search(r"\d+\.\d+\.\d+|:.*:", value)):
                    check("labels are of few kinds and never addresses", False, str(sample))


def samples_of(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value
            for family in families for s in family.samples}


def read_def(name, macro):
    with open(os.path.join(SOURCE, "src/core", name), encoding="utf-8") as f:
        return re.findall(rf"^{macro}\((\w+)(?:, \"(\w+)\")?", f.read(), re.M)


def text_is_valid(fake):
    answer = fake.get()
    check("200", answer.status == 200)
    check("its content type", answer.headers["content-type"] == CONTENT_TYPE)
    check("its length", int(answer.headers["content-length"]) == len(answer.body))
    text = answer.body.decode("utf-8")
    check_lines(text)
    families = list(text_string_to_metric_families(text))
    check("an independent parser reads it", len(families) > 40)
    check_labels(families)
    return samples_of(families)


def figures_are_those_of_stats(fake, samples):
    stats = fake.ctl("stats")
    for name, _ in read_def("counters.def", "COUNTER"):
        for row in stats:
            key = (f"tcpguard_{name}_total", (("service", row["service"]),))
            if samples.get(key) != row[name]:
                check(f"{name} is {row[name]}", False, str(samples.get(key)))
    for name in ("half_open", "half_open_peak", "cookies_in_flight", "flows", "spliced_now",
                 "time_wait", "attack_start", "attack_end", "deficit", "baseline"):
        for row in stats:
            if samples.get((f"tcpguard_{name}", (("service", row["service"]),))) != row[name]:
                check(f"{name} is {row[name]}", False)
    for row in stats:
        states = {dict(labels)["state"]: value for (name, labels), value in samples.items()
                  if name == "tcpguard_state" and dict(labels)["service"] == row["service"]}
        check(f"{row['service']} is in one state, the right one",
              sum(states.values()) == 1 and states[row["state"]] == 1, str(states))
    reasons = fake.ctl("drops")
    check("every reason", [r for _, r in read_def("drop.def", "DROP")][1:] ==
          [row["reason"] for row in reasons])
    for row in reasons:
        if samples[("tcpguard_drops_total", (("reason", row["reason"]),))] != row["count"]:
            check(f"dropped because of {row['reason']}", False)
    for number, (_, key) in enumerate(read_def("event.def", "EVENT")):
        if samples.get(("tcpguard_events_total", (("event", key),))) != 10 * number:
            check(f"events {key}", False)
    status = fake.ctl("status")[0]
    for row in status["workers"]:
        worker = (("worker", str(row["worker"])),)
        for name in ("packets", "overruns", "kernel_dropped", "user_dropped", "injected"):
            if samples[(f"tcpguard_worker_{name}_total", worker)] != row[name]:
                check(f"{name} of a worker", False)
        check("CPU time of a worker is in seconds", samples[
            ("tcpguard_worker_cpu_seconds_total", worker)] == row["cpu_ms"] / 1000)
    check("memory is in bytes", samples[("tcpguard_arena_bytes", ())] == status["arena_bytes"])
    backends = fake.ctl("backends")
    for state in ("up", "down"):
        check(f"servers that are {state}",
              samples[("tcpguard_servers", (("service", "web"), ("state", state)))] ==
              sum(row["state"] == state for row in backends))


# ---- the server ----

def requests(fake):
    head = fake.get(method="HEAD")
    check("HEAD: the same without a body", head.status == 200 and head.body == b"" and
          int(head.headers["content-length"]) > 10000)
    check("a query changes nothing", fake.get("/metrics?name=x").status == 200)
    for path in ("/", "/metrics/", "/metric", "//metrics", "/../metrics", "/%6detrics/x",
                 "/metrics%00", "/favicon.ico", "*"):
        answer = fake.get(path)
        check(f"{path}: not found, in a sentence",
              answer.status in (404, 400) and len(answer.body) > 10, str(answer.status))
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        answer = fake.get(method=method)
        check(f"{method}: not allowed", answer.status == 405 and
              answer.headers.get("allow") == "GET, HEAD", str(answer.status))
    check("an unknown method", fake.get(method="BREW").status == 501)
    old = Answer(fake.ask(b"GET /metrics HTTP/1.0\r\n\r\n"))
    check("HTTP/1.0", old.status == 200 and old.body.endswith(b"# EOF\n"))
    body = Answer(fake.ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n"
                           b"\r\n" + b"x" * 1000))
    check("a body is refused", body.status == 413, str(body.status))
    twice = fake.ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    check("one request a connection", twice.count(b"HTTP/1.1 200") == 1)


def caching(fake):
    first = fake.get().body
    check("asked again at once: the same page", all(fake.get().body == first for _ in range(5)))
    time.sleep(1.1)
    check("a second later: a new one", fake.get().body != first)


def a_worker_that_does_not_answer(fake):
    time.sleep(1.1)
    fake.process.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    answer = fake.get()
    check("503 and a sentence", answer.status == 503 and b"worker 0 does not answer" in answer.body)
    fake.process.send_signal(signal.SIGUSR1)
    time.sleep(1.1)
    check("well again", fake.get().status == 200)


def garbage(fake):
    for data in (b"\r\n\r\n", b"\0" * 1000, b"GET\r\n\r\n", b"GET /metrics\r\n\r\n",
                 b"GET /metrics HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"GET " + b"/x" * 100000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 100000 + b"\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"A" * 1000000,
                 b"GET /metrics HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                 b"GET http://[::1/metrics HTTP/1.1\r\n\r\n", b"GET \xff\xfe HTTP/1.1\r\n\r\n"):
        fake.ask(data, 0.3)
    check("garbage does no harm", fake.get().status == 200)


def slow_and_many(fake):
    before = fake.descriptors()
    held = []
    began = time.monotonic()
    for i in range(200):
        s = fake.connect()
        s.sendall((b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nA: ")[i % 3])
        held.append(s)
        if i % 20 == 19:
            check(f"served beside {i + 1} who hold connections open", fake.get().status == 200)
    took = time.monotonic() - began
    check(f"at once ({took:.1f} s)", took < 3)
    time.sleep(0.2)
    now = fake.descriptors()
    check(f"few of them are open ({now - before})", now - before <= 17)
    for s in held:
        s.close()


def drip(fake, result):
    """One byte a second: never idle, never finished."""
    began = time.monotonic()
    with fake.connect() as s:
        try:
            s.sendall(b"GET /metrics HTTP/1.1\r\n")
            while time.monotonic() - began < 20:
                s.sendall(b"A")
                s.settimeout(1)
                try:
                    if s.recv(100) == b"":
                        break
                except socket.timeout:
                    pass
        except OSError:
            pass
    result.append(time.monotonic() - began)


def reader_that_stops(fake, result):
    """Asks and takes nothing."""
    began = time.monotonic()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", fake.port))
    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    time.sleep(12)
    s.settimeout(2)
    got = b""
    try:
        while data := s.recv(65536):
            got += data
    except OSError:
        pass
    s.close()
    result.append((len(got), time.monotonic() - began))


# ---- what refers to metrics ----

def metrics_in(text):
    return set(re.findall(r"tcpguard_[a-z0-9_]+", text))


def expressions(node):
    """Everything called "expr" or "query" in nested lists and dictionaries."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "query") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def balanced(expression):
    text = re.sub(r'"[^"]*"', "", expression)
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))


def check_expressions(where, found, samples):
    known = {name for name, _ in samples}
    check(f"{where}: there are expressions", len(found) > 4)
    for expression in found:
        unknown = metrics_in(expression) - known
        check(f"{where}: {' '.join(expression.split())[:60]}",
              not unknown and balanced(expression), f"no such metric: {unknown}")
        for label, value in re.findall(r'(state|class|mode|reason|event)="(\w+)"', expression):
            if not any((label, value) in labels for _, labels in samples):
                check(f"{where}: there is a {label} {value}", False)


def dashboard(samples):
    with open(os.path.join(SOURCE, "doc/grafana-dashboard.json"), encoding="utf-8") as f:
        board = json.load(f)
    for key in ("title", "uid", "schemaVersion", "panels", "templating", "time", "__inputs"):
        check(f"the dashboard has {key}", key in board)
    inputs = {"${%s}" % i["name"] for i in board["__inputs"]}
    ids, places = set(), []
    for panel in board["panels"]:
        place = panel["gridPos"]
        fine = panel["id"] not in ids and panel["title"] and 0 <= place["x"] and \
            place["x"] + place["w"] <= 24
        for other in places:
            apart = (place["x"] >= other["x"] + other["w"] or other["x"] >= place["x"] + place["w"]
                     or place["y"] >= other["y"] + other["h"] or
                     other["y"] >= place["y"] + place["h"])
            fine = fine and apart
        if panel["type"] != "row":
            fine = fine and panel["datasource"]["uid"] in inputs | {"${datasource}"}
            fine = fine and panel["targets"] and panel["fieldConfig"]["defaults"].get("unit")
        check(f"panel \"{panel['title']}\"", bool(fine))
        ids.add(panel["id"])
        places.append(place)
    check_expressions("dashboard", list(expressions(board)), samples)


def alerts(samples):
    with open(os.path.join(SOURCE, "doc/alerts.yml"), encoding="utf-8") as f:
        rules = [rule for group in yaml.safe_load(f)["groups"] for rule in group["rules"]]
    for rule in rules:
        check(f"alert {rule.get('alert')}",
              re.fullmatch(r"Tcpguard[A-Za-z]+", rule["alert"]) and
              re.fullmatch(r"\d+[smh]", rule.get("for", "0s")) and
              rule["labels"]["severity"] in ("critical", "warning", "info") and
              rule["annotations"]["summary"] and rule["annotations"]["description"])
    check("alerts have names of their own", len({r["alert"] for r in rules}) == len(rules))
    check_expressions("alerts", [rule["expr"] for rule in rules], samples)


fake = Fake()
DESCRIPTORS = fake.descriptors()
results = {"drip": [], "stopped": []}
threads = [threading.Thread(target=drip, args=(fake, results["drip"])),
           threading.Thread(target=reader_that_stops, args=(fake, results["stopped"]))]
for thread in threads: # they take their time, and may: they disturb nobody
    thread.start()
SAMPLES = text_is_valid(fake)
figures_are_those_of_stats(fake, SAMPLES)
dashboard(SAMPLES)
alerts(SAMPLES)
requests(fake)
caching(fake)
a_worker_that_does_not_answer(fake)
garbage(fake)
for thread in threads:
    thread.join()
check(f"who sends a byte a second is cut off ({results['drip'][0]:.1f} s)",
      results["drip"][0] < 13)
check("who does not read harms nobody", fake.get().status == 200, str(results["stopped"]))
slow_and_many(fake)
time.sleep(1.5)
check("all sockets are closed in the end", fake.descriptors() <= DESCRIPTORS,
      f"{fake.descriptors()} of {DESCRIPTORS}")
fake.process.terminate()
check("it ends well", fake.process.wait(5) == 0)
print("all as expected" if failed == 0 else f"{failed} checks failed")
sys.exit(failed != 0)
