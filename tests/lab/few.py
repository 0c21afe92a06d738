#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A flood of three forged addresses.

usage: few.py INTERFACE MAC SERVER PORT SECONDS RATE [reset]
With "reset" each SYN is followed by a RST that the server would believe, as a scanner's is, but which does
not go far.
"""
import sys
import time

from scapy.all import Ether, IP, IPv6, TCP, conf, get_if_hwaddr

IFACE, MAC, SERVER = sys.argv[1:4]
PORT, SECONDS, RATE = (int(word) for word in sys.argv[4:7])
RESET = 'reset' in sys.argv[7:]
V6 = ':' in SERVER
BASE = int(time.time()) * 997  # another port each time


def packet(n, flags, seq):
    """From one of three sources, that nobody has."""
    source = ('fd99:%x::1' if V6 else '100.64.%d.1') % (n % 3 + 1)
    port = 1024 + (BASE + n) % 60000
    hops = 5 if flags == 'R' else 64
    ip = IPv6(src=source, dst=SERVER, hlim=hops) if V6 else IP(src=source, dst=SERVER, ttl=hops)
    return bytes(Ether(src=get_if_hwaddr(IFACE), dst=MAC) / ip /
                 TCP(sport=port, dport=PORT, flags=flags, seq=seq))


out = conf.L2socket(iface=IFACE)
begun = time.monotonic()
for i in range(SECONDS * RATE):
    syn, rst = packet(i, 'S', 1000 + i), packet(i, 'R', 1001 + i)
    time.sleep(max(0, begun + i / RATE - time.monotonic()))
    out.send(syn)
    if RESET:
        out.send(rst)
