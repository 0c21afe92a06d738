/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/ip.h"

#include "wire/bytes.h"
#include "wire/layout.h"
#include "wire/packet.h"

/*
 * Longer chains serve only to get past somebody. This also keeps the offset of a header within
 * 16 bits, even in a quote: an extension header has at most 2048 bytes.
 */
#define EXT_HEADERS_MAX 8

/*
 * set_len() - v->len, from what the header says (@claim) and what there is (@len).
 * A @claim beyond @len is normal in a quote, and elsewhere a packet that was cut short.
 */
static int set_len(struct ip_view *v, uint32_t claim, uint32_t len, bool quoted)
{
	v->len = claim < len ? claim : len;
	return claim <= len || quoted ? 0 : -PKT_ERR_TRUNCATED;
}

static int read_ipv4(struct ip_view *v, const uint8_t *data, uint32_t cap, uint32_t len,
		     bool quoted)
{
	uint32_t hdr_len, total;
	uint16_t frag;

	if (cap < IPV4_HEADER_MIN)
		return -PKT_ERR_TRUNCATED;
	hdr_len = (data[0] & 15u) * 4;
	total = load16(data + 2);
	frag = load16(data + 6);
	v->family = 4;
	v->tos = data[1];
	v->df = frag & 0x4000;
	v->more_fragments = frag & 0x2000;
	v->frag_off = frag & 0x1fff;
	v->ttl = data[8];
	v->protocol = data[9];
	v->src = ip_addr_v4(load_mem32(data + 12));
	v->dst = ip_addr_v4(load_mem32(data + 16));
	v->l4_off = (uint16_t)hdr_len;

	/* Linux' BIG TCP: a segment of more than 64 KB says 0. */
	if (total == 0 && (len > IP_LENGTH_MAX || quoted))
		total = len;
	if (hdr_len < IPV4_HEADER_MIN || total < hdr_len)
		return -PKT_ERR_IP_HEADER;
	return set_len(v, total, len, quoted);
}

/* ext_len() - length in bytes of the extension header @type at @at, or 0 if it is not one. */
static uint32_t ext_len(uint8_t type, const uint8_t *at)
{
	switch (type) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_DSTOPTS:
		return (at[1] + 1u) * 8;
	case PROTO_AH: /* RFC 4302 2.2: in words of four, less two */
		return (at[1] + 2u) * 4;
	case PROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool is_ext(uint8_t type)
{
	return type == PROTO_HOP_BY_HOP || type == PROTO_ROUTING || type == PROTO_FRAGMENT ||
	       type == PROTO_DSTOPTS || type == PROTO_AH;
}

/*
 * walk_ext() - follow the chain from v->protocol at v->l4_off (RFC 8200 4).
 * Stops at the first header that is no extension header, and behind the fragment header of a
 * fragment that is not the first.
 */
static int walk_ext(struct ip_view *v, const uint8_t *data, uint32_t cap)
{
	unsigned n;

	for (n = 0; is_ext(v->protocol); n++) {
		const uint8_t *at = data + v->l4_off;
		uint32_t ext;

		if (n == EXT_HEADERS_MAX || v->l4_off + 8u > v->len)
			return -PKT_ERR_IP_EXT;
		if (v->l4_off + 8u > cap)
			return -PKT_ERR_TRUNCATED;
		ext = ext_len(v->protocol, at);
		if (v->l4_off + ext > v->len)
			return -PKT_ERR_IP_EXT;
		if (v->protocol == PROTO_FRAGMENT) {
			v->frag_off |= load16(at + 2) >> 3;
			v->more_fragments |= at[3] & 1;
		}
		v->protocol = at[0];
		v->l4_off = (uint16_t)(v->l4_off + ext);
		if (v->frag_off != 0)
			return 0;
	}
	return 0;
}

static int read_ipv6(struct ip_view *v, const uint8_t *data, uint32_t cap, uint32_t len,
		     bool quoted)
{
	uint32_t payload, total;
	int error;

	if (cap < IPV6_HEADER)
		return -PKT_ERR_TRUNCATED;
	payload = load16(data + 4);
	v->family = 6;
	v->tos = (uint8_t)(load16(data) >> 4);
	v->df = true;
	v->protocol = data[6];
	v->ttl = data[7];
	memcpy(&v->src, data + 8, 16);
	memcpy(&v->dst, data + 24, 16);
	v->l4_off = IPV6_HEADER;

	total = IPV6_HEADER + payload;
	/* Linux' BIG TCP, and jumbograms (RFC 2675): more than 64 KB of payload says 0. */
	if (payload == 0 && (len > IPV6_HEADER + IP_LENGTH_MAX || quoted))
		total = len;
	error = set_len(v, total, len, quoted);
	if (error || !is_ext(v->protocol))
		return error;
	error = walk_ext(v, data, cap);
	return ip_is_fragment(v) ? 0 : error;
}

int ip_read(struct ip_view *v, const uint8_t *data, uint32_t cap, uint32_t len, bool quoted)
{
	memset(v, 0, sizeof(*v));
	v->len = len;
	if (cap == 0)
		return -PKT_ERR_TRUNCATED;
	switch (data[0] >> 4) {
	case 4:
		return read_ipv4(v, data, cap, len, quoted);
	case 6:
		return read_ipv6(v, data, cap, len, quoted);
	default:
		return -PKT_ERR_IP_VERSION;
	}
}
