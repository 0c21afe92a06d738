/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are on the wire, shared by the parser, the builder and the rewriter. */
#ifndef TCPGUARD_WIRE_LAYOUT_H
#define TCPGUARD_WIRE_LAYOUT_H

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER	40
#define IP_LENGTH_MAX	65535 /* of both families' 16-bit length fields */

enum ip_protocol {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
};

/* Offsets in the TCP header, RFC 9293 3.1. */
#define TCP_SPORT      0
#define TCP_DPORT      2
#define TCP_SEQ	       4
#define TCP_ACKNO      8
#define TCP_OFFSET     12
#define TCP_WINDOW     14
#define TCP_CHECK      16
#define TCP_URGENT     18
#define TCP_HEADER_MIN 20
#define TCP_HEADER_MAX 60

enum tcp_option_kind {
	TCP_KIND_EOL = 0,
	TCP_KIND_NOP = 1,
	TCP_KIND_MSS = 2,
	TCP_KIND_WSCALE = 3,
	TCP_KIND_SACK_PERMITTED = 4,
	TCP_KIND_SACK = 5,
	TCP_KIND_TIMESTAMPS = 8,
	TCP_KIND_MD5 = 19,
	TCP_KIND_AO = 29,
	TCP_KIND_MPTCP = 30,
	TCP_KIND_FASTOPEN = 34,
	TCP_KIND_EXPERIMENT_1 = 253, /* RFC 4727; a 16-bit id tells who uses it, RFC 6994 */
	TCP_KIND_EXPERIMENT_2 = 254,
};

#define TCP_LEN_MSS	       4
#define TCP_LEN_WSCALE	       3
#define TCP_LEN_SACK_PERMITTED 2
#define TCP_LEN_SACK(n)	       (2 + 8 * (n))
#define TCP_LEN_TIMESTAMPS     10

#define ICMP_CHECK  2 /* offset of the checksum, both families */
#define ICMP_HEADER 8 /* of error messages, both families; the quote follows */

#endif
