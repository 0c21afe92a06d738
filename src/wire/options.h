/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP options from bytes; internal to wire. */
#ifndef TCPGUARD_WIRE_OPTIONS_H
#define TCPGUARD_WIRE_OPTIONS_H

#include "wire/packet.h"

/*
 * tcp_options_read() - read the options of the TCP header at @tcp.
 * @o: all zero up to the SACK blocks, which are written only where there are some.
 * @hdr_len: 20..60, and readable.
 *
 * The first option of a kind counts. What stands behind an EOL is not looked at. An option whose
 * length is impossible or not that of its kind sets TCP_OPT_MALFORMED and ends the reading; those
 * before it count (RFC 9293 3.2, MUST-7 asks only for survival).
 */
void tcp_options_read(struct tcp_options *o, const uint8_t *tcp, uint32_t hdr_len);

#endif
