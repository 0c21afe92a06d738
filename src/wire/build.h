/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From values to bytes: TCP segments that the guard sends itself. */
#ifndef TCPGUARD_WIRE_BUILD_H
#define TCPGUARD_WIRE_BUILD_H

#include "wire/packet.h"

/* Room for every segment without payload: IPv6 header 40, TCP header with options 60. */
#define SEGMENT_HEADERS_MAX 100

struct segment {
	struct ip_addr src, dst; /* both of one family */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags; /* enum tcp_flag */
	uint16_t window; /* as on the wire */
	uint16_t urgent;
	uint8_t ttl; /* 0 means 64 */
	uint8_t tos;
	uint16_t ip_id; /* IPv4 only; DF is always set */
	struct tcp_options opt; /* written: MSS, WSCALE, SACK_PERMITTED, SACK, TIMESTAMPS */
	const void *payload; /* borrowed, may be NULL */
	uint32_t payload_len;
};

/*
 * segment_build() - write @s as an IP packet with complete checksums.
 * @buf: at least SEGMENT_HEADERS_MAX + payload_len bytes is always enough.
 *
 * Options are laid out as Linux does (MSS, SACK permitted + timestamps, NOP + window scale on a SYN;
 * NOP NOP timestamps, NOP NOP SACK otherwise) and padded with NOP to a multiple of four.
 *
 * Return: length of the packet, or -ENOSPC if it does not fit, -EINVAL if families differ or the
 * options need more than 40 bytes.
 */
int segment_build(const struct segment *s, uint8_t *buf, size_t cap);

/*
 * segment_headers() - like segment_build(), but without the payload, which lies elsewhere: its length
 * counts, and the checksum of the pseudo header stands in for the whole (as CHECKSUM_PARTIAL does).
 * Return: length of the headers, at most SEGMENT_HEADERS_MAX, or as segment_build().
 */
int segment_headers(const struct segment *s, uint8_t *buf, size_t cap);

/*
 * segment_reply() - start a segment that answers @p: addresses and ports swapped, all else zero.
 */
void segment_reply(struct segment *s, const struct pkt *p);

#endif
