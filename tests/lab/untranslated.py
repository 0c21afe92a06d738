#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
untranslated.py CLIENT_SIDE SERVER_SIDE SERVER [PORT...]

Two captures of the same connections, before and behind the guard. What leaves the guard must count as its
receiver does, from the SYN and the SYN-ACK which that one has seen. A packet that does not is one that was
not translated. With ports, only these of the server count. One JSON line: connections, packets that were
looked at, untranslated, and where the first one was. Exit status 0 if there is none, and there were connections whose two sides count differently.
"""
import json
import socket
import struct
import sys

NEAR = 1 << 20  # bytes that no connection of these tests has sent
SYN, ACK = 2, 16


def packets(path, server):
    """Yields (time, from the server?, connection, flags, seq, ack)."""
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        seconds, us, length, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        ip = frame[14:]
        if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != 6:
            continue
        tcp = ip[(ip[0] & 15) * 4:]
        if len(tcp) < 20:
            continue
        sport, dport, seq, ack, _, flags = struct.unpack_from("!HHIIBB", tcp)
        if ip[12:16] == server:
            yield seconds + us / 1e6, True, (ip[16:20], dport, sport), flags, seq, ack
        elif ip[16:20] == server:
            yield seconds + us / 1e6, False, (ip[12:16], sport, dport), flags, seq, ack


def beginnings(path, server):
    """
    {connection: [the client's first numbers, the server's]} as one side sees them. There may be several:
    of a server that it does not know yet the guard asks options first, with a SYN that it takes back.
    """
    first = {}
    for _, from_server, who, flags, seq, _ in packets(path, server):
        if flags & SYN:
            first.setdefault(who, [set(), set()])[from_server].add(seq)
    return {who: both for who, both in first.items() if both[0] and both[1]}


def far(number, starts):
    return all((number - s) % (1 << 32) >= NEAR and (s - number) % (1 << 32) > 1 for s in starts)


def main():
    server = socket.inet_aton(sys.argv[3])
    before, behind = (beginnings(p, server) for p in sys.argv[1:3])
    ports = [int(p) for p in sys.argv[4:]]
    both = [who for who in before if who in behind and (not ports or who[2] in ports)]
    differ = sum(all(far(n, behind[who][1]) for n in before[who][1]) for who in both)
    seen, wrong = 0, []
    for path, first, leaving in ((sys.argv[1], before, True), (sys.argv[2], behind, False)):
        for when, from_server, who, flags, seq, ack in packets(path, server):
            if from_server != leaving or who not in both or flags & SYN:
                continue
            seen += 1
            if far(seq, first[who][from_server]) or (
                    flags & ACK and far(ack, first[who][not from_server])):
                wrong.append([path, when, who[1], who[2], flags, seq, ack, str(first[who])])
    print(json.dumps({"connections": len(both), "differ": differ, "packets": seen,
                      "untranslated": len(wrong), "first": wrong[:1]}))
    return 1 if wrong or not seen or differ < len(both) * 0.9 or not both else 0


sys.exit(main())
