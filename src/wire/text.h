/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of text for a packet, for logs, tests and events. */
#ifndef TCPGUARD_WIRE_TEXT_H
#define TCPGUARD_WIRE_TEXT_H

#include "wire/packet.h"

/* Always long enough for pkt_format() and its terminating zero. */
#define PKT_TEXT_MAX 320

/*
 * pkt_format() - "192.0.2.1:1024 > 198.51.100.1:80 [S] seq 1 win 64240 len 0 <mss 1460,sackOK,...>"
 * in the manner of tcpdump. Truncates to @cap, always terminated. Returns @buf.
 */
const char *pkt_format(const struct pkt *p, char *buf, size_t cap);

/* tcp_flags_format() - "SYN|ECE|CWR"; "none" for 0. @cap 64 is always enough. Returns @buf. */
const char *tcp_flags_format(uint16_t flags, char *buf, size_t cap);

#endif
