#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send malformed packets of every kind; scapy builds them, so that we do not test us by ourselves.

usage: malformed.py INTERFACE MAC DESTINATION
Each kind goes to a port of its own, from 7010 on, so that whoever watches can tell them apart. Prints
"KIND PORT PACKETS POLICY" for each; POLICY is what must become of it in mode always with fragments =
drop: "drop" (the server must not see it) or "any".
"""
import random
import struct
import sys
import time

from scapy.all import (Ether, ICMP, ICMPv6PacketTooBig, IP, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, Raw, TCP,
                       conf, fragment, fragment6, get_if_hwaddr)

conf.verb = 0
random.seed(20240607)
IFACE, MAC, DST = sys.argv[1:4]
V6 = ':' in DST


def source():
    """A forged source that is routed back to us."""
    if V6:
        return 'fd99::%x:%x' % (random.randrange(1, 65536), random.randrange(1, 65536))
    return '100.%d.%d.%d' % (random.randrange(64, 128), random.randrange(256), random.randrange(1, 255))


def ip(src=None, **fields):
    if V6:
        fields.pop('flags', None)
        return IPv6(src=src or source(), dst=DST, **fields)
    return IP(src=src or source(), dst=DST, **fields)


def tcp(port, flags='S', **fields):
    return TCP(sport=random.randrange(1024, 65536), dport=port, flags=flags,
               seq=random.randrange(2 ** 32), **fields)


def patched(packet, offset, value):
    """The packet as bytes, one byte of its TCP header changed and the checksum made right again."""
    raw = bytearray(bytes(packet))
    start = 40 if V6 else 20
    raw[start + offset] = value
    raw[start + 16:start + 18] = b'\0\0'
    body = bytes(raw[start:])
    addresses = bytes(raw[8:40]) if V6 else bytes(raw[12:20])
    pseudo = addresses + struct.pack('!HH', 6, len(body))
    total = sum(struct.unpack('!%dH' % ((len(pseudo + body) + 1) // 2),
                              (pseudo + body) + b'\0' * (len(pseudo + body) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    raw[start + 16:start + 18] = struct.pack('!H', ~total & 0xffff)
    return bytes(raw)


def with_options(port, options, flags='S'):
    """A SYN with these very bytes as options, padded with zeros."""
    padding = b'\0' * (-len(options) % 4)
    words = 5 + (len(options) + len(padding)) // 4
    return ip() / tcp(port, flags, dataofs=words) / Raw(options + padding)


def data_offsets(port):
    return [patched(ip() / tcp(port) / Raw(b'x' * 8), 12, n << 4) for n in (0, 1, 2, 3, 4, 15)]


def bad_options(port):
    return [with_options(port, o) for o in (
        b'\x02\x00\x05\xb4', b'\x02\x01\x05\xb4', b'\x02\x04\x05\xb4\x03\x00', b'\x03\x01\x01\x01',
        b'\x08\x0b\0\0\0\0\0\0\0\0', b'\x02\x28\x05\xb4', b'\x01\x01\x01\x02', b'\xfe\x00\x00\x00',
        b'\x05\x01\x01\x01', b'\x08\x00' + b'\0' * 10)]


def odd_options(port):
    return [with_options(port, o) for o in (
        b'\x02\x03\x05\x00', b'\x03\x03\xff\x00', b'\x08\x0a' + b'\xff' * 8, b'\xfd\x04\xab\xcd',
        b'\x13\x12' + b'm' * 16, b'\x1e\x0c' + b'\0' * 10, b'\x22\x02', b'\x22\x12' + b'c' * 16,
        b'\x01' * 40, b'\0' * 40, b'\x02\x04\x00\x00', b'\x02\x04\xff\xff',
        b'\x04\x02' * 20, b'\x1d\x10' + b'a' * 14)]


def bad_checksums(port):
    """SYNs: whatever belongs to no connection may pass as it is, and the server's kernel drops it."""
    packets = []
    for flags in ('S', 'SEC', 'S'):
        packet = ip() / tcp(port, flags) / Raw(b'data')
        good = packet.__class__(bytes(packet))
        good[TCP].chksum ^= 0x5a5a
        packets.append(good)
    return packets


def bad_flags(port):
    return [ip() / tcp(port, f) for f in ('SF', 'SR', 'SFR', '', 'FPU', 'FSRPAUECN', 'SFPU', 'SRA')]


def truncated(port):
    """The packet ends inside the TCP header, and its length field says so."""
    header = bytes(tcp(port))
    return [ip(**{'nh' if V6 else 'proto': 6}) / Raw(header[:n]) for n in (1, 4, 7, 8, 12, 16, 19)]


def wrong_lengths(port):
    """The length field of IP says more or less than there is."""
    packets = []
    for length in (0, 1, 19, 20, 21, 39, 41, 60, 1500, 65535):
        if V6:
            packets.append(IPv6(src=source(), dst=DST, plen=length, nh=6) / tcp(port))
        else:
            packets.append(IP(src=source(), dst=DST, len=length) / tcp(port))
    return packets


def fragments(port):
    packets = []
    data = Raw(b'f' * 400)
    if V6:
        for flags in ('S', 'A'):
            packet = IPv6(src=source(), dst=DST) / IPv6ExtHdrFragment() / tcp(port, flags) / data
            packets += fragment6(packet, 200)
        packets.append(IPv6(src=source(), dst=DST) / IPv6ExtHdrFragment(offset=10, m=0, nh=6) / data)
        packets.append(IPv6(src=source(), dst=DST) / IPv6ExtHdrFragment(offset=0, m=1, nh=6) /
                       Raw(bytes(tcp(port))[:8]))
        return packets
    for flags in ('S', 'A'):
        packets += fragment(IP(src=source(), dst=DST) / tcp(port, flags) / data, 64)
    packets += fragment(IP(src=source(), dst=DST) / tcp(port), 8) # the header itself in pieces
    first = IP(src=source(), dst=DST, id=77, flags='MF', proto=6) / Raw(bytes(tcp(port)))
    again = IP(src=first.src, dst=DST, id=77, frag=1, proto=6) / Raw(bytes(tcp(port, 'A'))[8:])
    return packets + [first, again]


def extension_headers(port):
    if not V6:
        return [IP(src=source(), dst=DST, options=[o]) / tcp(port)
                for o in (b'\x07\x07\x04\0\0\0\0', b'\x83\x07\x04\x0a\0\0\x01', b'\x44\x08\x05\0\0\0\0\0')]
    packets = [IPv6(src=source(), dst=DST) / IPv6ExtHdrHopByHop(options=PadN(optdata=b'\0' * 4)) / tcp(port),
               IPv6(src=source(), dst=DST) / IPv6ExtHdrDestOpt(options=PadN(optdata=b'\0' * 12)) / tcp(port),
               IPv6(src=source(), dst=DST) / IPv6ExtHdrFragment(offset=0, m=0) / tcp(port)]
    long_chain = IPv6(src=source(), dst=DST)
    for _ in range(40):
        long_chain = long_chain / IPv6ExtHdrDestOpt(options=PadN(optdata=b'\0' * 4))
    packets.append(long_chain / tcp(port))
    # A chain whose last header claims to be longer than the packet.
    packets.append(IPv6(src=source(), dst=DST, nh=60) / Raw(b'\x06\xff' + b'\0' * 6 + bytes(tcp(port))))
    packets.append(IPv6(src=source(), dst=DST, nh=60) / Raw(b'\x3c'))
    return packets


def bad_addresses(port):
    if V6:
        return [ip(s) / tcp(port) for s in ('ff02::1', '::', '::1', DST)]
    return [ip(s) / tcp(port) for s in ('255.255.255.255', '224.0.0.1', '0.0.0.0', '127.0.0.1', DST)]


def strange_segments(port):
    return [ip() / tcp(port, f, window=0, urgptr=99) / Raw(b'x' * n)
            for f in ('S', 'A', 'PA', 'FA', 'R', 'RA', 'SA', 'SEC', 'U', 'E') for n in (0, 1, 1200)]


def icmp_errors(port):
    """Errors about connections that do not exist, quoting as little as they may and less."""
    quote = bytes((IPv6 if V6 else IP)(src=DST, dst=source()) / TCP(sport=port, dport=4242))
    head = 40 if V6 else 20
    packets = []
    for have in (0, 1, 7, 8, 12, 20):
        body = Raw(quote[:head + have])
        if V6:
            packets.append(ip() / ICMPv6PacketTooBig(mtu=1280) / body)
        else:
            packets.append(ip() / ICMP(type=3, code=4) / body)
            packets.append(ip() / ICMP(type=3, code=1) / Raw(quote[:10]))
    return packets


def noise(port):
    """A thousand TCP headers of random bytes, destination port and checksum excepted."""
    packets = []
    for _ in range(1000):
        body = bytearray(random.randbytes(random.randrange(20, 80)))
        body[2:4] = struct.pack('!H', port)
        packets.append(bytes(ip(**{'nh' if V6 else 'proto': 6}) / Raw(bytes(body))))
    return packets


KINDS = [(data_offsets, 'drop'), (bad_options, 'drop'), (odd_options, 'any'), (bad_checksums, 'drop'),
         (bad_flags, 'drop'), (truncated, 'drop'), (wrong_lengths, 'any'), (fragments, 'drop'),
         (extension_headers, 'any'), (bad_addresses, 'drop'), (strange_segments, 'any'),
         (icmp_errors, 'any'), (noise, 'any')]


def main():
    header = bytes(Ether(src=get_if_hwaddr(IFACE), dst=MAC, type=0x86dd if V6 else 0x0800))
    socket = conf.L2socket(iface=IFACE)
    for number, (kind, policy) in enumerate(KINDS):
        packets = kind(7010 + number)
        for packet in packets:
            socket.outs.send(header + bytes(packet))
        print(kind.__name__, 7010 + number, len(packets), policy, flush=True)
        time.sleep(0.02)


main()
