#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lie in a server's name from the clients' side of a gateway.

usage: forged.py INTERFACE MAC SERVER SHAKEN REFUSED
To port SHAKEN come whole handshakes of clients that do not exist, the server's part in them included;
to port REFUSED SYNs, which are refused in the server's name.
"""
import sys
import time

from scapy.all import Ether, IP, IPv6, TCP, conf, get_if_hwaddr, sendp

CLIENTS = 8
PAUSE_S = 0.1  # the lies must not overtake what they are about

conf.verb = 0
IFACE, MAC, SERVER = sys.argv[1:4]
SHAKEN, REFUSED = int(sys.argv[4]), int(sys.argv[5])
V6 = ':' in SERVER


def client(n):
    """A forged source that is routed back to us."""
    return 'fd99::%x' % (n + 1) if V6 else '100.64.0.%d' % (n + 1)


def packet(src, dst, **tcp):
    layer = IPv6 if V6 else IP
    return Ether(src=get_if_hwaddr(IFACE), dst=MAC) / layer(src=src, dst=dst) / TCP(**tcp)


def send(make):
    sendp([make(n) for n in range(CLIENTS)], iface=IFACE)
    time.sleep(PAUSE_S)


def syn(port):
    send(lambda n: packet(client(n), SERVER, sport=3000 + n, dport=port, flags='S', seq=1000))


def answer(port, flags, **more):
    send(lambda n: packet(SERVER, client(n), sport=port, dport=3000 + n, flags=flags, ack=1001, **more))


syn(SHAKEN)
answer(SHAKEN, 'SA', seq=5000, window=1111, options=[('MSS', 777)])
send(lambda n: packet(client(n), SERVER, sport=3000 + n, dport=SHAKEN, flags='A', seq=1001, ack=5001))
syn(REFUSED)
answer(REFUSED, 'RA', seq=0)
