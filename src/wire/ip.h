/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IP header of either family, down to the transport header; internal to wire. */
#ifndef TCPGUARD_WIRE_IP_H
#define TCPGUARD_WIRE_IP_H

#include "base/addr.h"
#include "base/types.h"

struct ip_view {
	struct ip_addr src, dst;
	uint32_t len; /* of the packet, without what lies behind it */
	uint16_t l4_off; /* of the header that @protocol names; may lie past the bytes at hand */
	uint16_t frag_off; /* in units of eight bytes */
	bool more_fragments;
	bool df;
	uint8_t family, ttl, tos;
	uint8_t protocol; /* of the innermost header reached */
};

/*
 * ip_read() - read the IP header at @data and what stands between it and the transport header.
 * @v: filled as far as the bytes could be read, zero beyond.
 * @cap: bytes at @data, at most @len.
 * @len: true length of the packet; larger than the length in the header: the rest is padding.
 * @quoted: this is the packet inside an ICMP error, cut off at @len wherever that is.
 *
 * A fragment other than an atomic one (RFC 6946) is never an error once it is known to be one.
 *
 * Return: 0, or a negative enum pkt_error.
 */
int ip_read(struct ip_view *v, const uint8_t *data, uint32_t cap, uint32_t len, bool quoted);

static inline bool ip_is_fragment(const struct ip_view *v)
{
	return v->frag_off != 0 || v->more_fragments;
}

#endif
