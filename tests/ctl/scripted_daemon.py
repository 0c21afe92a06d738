# SPDX-License-Identifier: GPL-2.0-or-later
"""A control socket whose figures a test makes up as it goes."""

import json
import os
import socket
import threading
import time

COUNTERS = ("syn_received", "cookies_sent", "completed", "bytes_in", "bytes_out")


class Service:
    def __init__(self, name, **keys):
        self.rates = dict.fromkeys(COUNTERS, 0)  # per second, from now on
        self.counters = dict.fromkeys(COUNTERS, 1000.0)
        self.keys = {
            "service": name, "mode": "adaptive", "engine": "relay", "state": "calm",
            "state_ms": 5000, "attack_start": 64, "attack_end": 32, "half_open": 0,
            "cookies_in_flight": 0, "flows": 10,
        }
        self.keys.update(keys)


class Daemon:
    """Serves in threads until stop(); its public members may be changed at any time."""

    def __init__(self, path, services):
        self.path = path
        self.services = services
        self.events = []
        self.attacks = []
        self.version = "0.1.0"
        self.mute = False  # take requests, answer nothing
        self.raw = None  # bytes instead of every reply
        self.refuse = {}  # command: sentence
        self.requests = []
        self.born = self.counted = time.monotonic()
        self.lock = threading.Lock()
        self.clients = []
        self.listener = None
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(5)
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.clients = []

    def restart(self):
        """Another daemon: its counters begin at zero."""
        self.born = self.counted = time.monotonic()
        for service in self.services:
            service.counters = dict.fromkeys(COUNTERS, 0.0)
        self.start()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            for line in client.makefile("r"):
                self.requests.append(line.strip())
                if self.mute:
                    continue
                client.sendall(self.raw or self.reply(line.split()))
        except OSError:
            pass

    def count(self):
        now = time.monotonic()
        for service in self.services:
            for name in COUNTERS:
                service.counters[name] += service.rates[name] * (now - self.counted)
        self.counted = now
        return now

    def reply(self, words):
        if words[0] in self.refuse:
            return f"error: {self.refuse[words[0]]}\n".encode()
        with self.lock:
            now = self.count()
            rows = getattr(self, "do_" + words[0])(now)
        lines = [json.dumps(row, separators=(",", ":")) for row in rows]
        return "\n".join(lines + ["ok", ""]).encode()

    def do_status(self, now):
        return [{
            "version": self.version, "uptime_ms": int((now - self.born) * 1000),
            "config": "/etc/tcpguard/tcpguard.conf", "firewall": "nftables",
            "services": len(self.services), "attacked": [], "flows": 1234, "flows_max": 131072,
            "half_open": 17, "half_open_max": 65536,
            "workers": [{"worker": w, "cpu_ms": int((now - self.born) * 250), "overruns": 3 * w,
                         "kernel_dropped": 0, "user_dropped": 0} for w in range(2)],
        }]

    def do_stats(self, now):
        return [dict(s.keys, uptime_ms=int((now - self.born) * 1000),
                     **{k: int(v) for k, v in s.counters.items()}) for s in self.services]

    def do_attacks(self, now):
        return self.attacks

    def do_events(self, now):
        return self.events
