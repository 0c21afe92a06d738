/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/build.h"

#include <errno.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

#define OPTIONS_MAX 40
/* More than any set of options that passes the bounds of struct tcp_options can need. */
#define OPTIONS_ROOM 64

/* put_timestamps() - the ten bytes of RFC 7323's option; the two before them are the caller's. */
static uint8_t *put_timestamps(uint8_t *at, const struct tcp_options *o)
{
	*at++ = TCP_KIND_TIMESTAMPS;
	*at++ = TCP_LEN_TIMESTAMPS;
	store32(at, o->ts_val);
	store32(at + 4, o->ts_ecr);
	return at + 8;
}

static uint8_t *put_sack_permitted(uint8_t *at)
{
	*at++ = TCP_KIND_SACK_PERMITTED;
	*at++ = TCP_LEN_SACK_PERMITTED;
	return at;
}

static uint8_t *put_nop_nop(uint8_t *at)
{
	*at++ = TCP_KIND_NOP;
	*at++ = TCP_KIND_NOP;
	return at;
}

static uint8_t *put_sack(uint8_t *at, const struct tcp_options *o)
{
	unsigned i;

	at = put_nop_nop(at);
	*at++ = TCP_KIND_SACK;
	*at++ = (uint8_t)TCP_LEN_SACK(o->n_sack);
	for (i = 0; i < o->n_sack; i++, at += 8) {
		store32(at, o->sack[i].left);
		store32(at + 4, o->sack[i].right);
	}
	return at;
}

/*
 * put_options() - lay out @o in @at (OPTIONS_ROOM bytes): words of four, so no padding is left over.
 * A SACK option without blocks is left out.
 * Return: bytes written, which may be more than a header can hold, or -EINVAL.
 */
static int put_options(const struct tcp_options *o, uint8_t *at)
{
	uint8_t *start = at;

	if (o->n_sack > TCP_SACK_MAX)
		return -EINVAL;
	if (o->present & TCP_OPT_MSS) {
		*at++ = TCP_KIND_MSS;
		*at++ = TCP_LEN_MSS;
		store16(at, o->mss);
		at += 2;
	}
	if (o->present & (TCP_OPT_TIMESTAMPS | TCP_OPT_SACK_PERMITTED)) {
		if (!(o->present & TCP_OPT_TIMESTAMPS))
			at = put_sack_permitted(put_nop_nop(at));
		else if (o->present & TCP_OPT_SACK_PERMITTED)
			at = put_timestamps(put_sack_permitted(at), o);
		else
			at = put_timestamps(put_nop_nop(at), o);
	}
	if (o->present & TCP_OPT_WSCALE) {
		*at++ = TCP_KIND_NOP;
		*at++ = TCP_KIND_WSCALE;
		*at++ = TCP_LEN_WSCALE;
		*at++ = o->wscale;
	}
	if ((o->present & TCP_OPT_SACK) && o->n_sack > 0)
		at = put_sack(at, o);
	return (int)(at - start);
}

static void put_ipv4(const struct segment *s, uint8_t *ip, uint32_t len)
{
	ip[0] = 0x45;
	ip[1] = s->tos;
	store16(ip + 2, (uint16_t)len);
	store16(ip + 4, s->ip_id);
	store16(ip + 6, 0x4000); /* don't fragment */
	ip[8] = s->ttl ? s->ttl : 64;
	ip[9] = PROTO_TCP;
	store16(ip + 10, 0);
	store_mem32(ip + 12, s->src.w[3]);
	store_mem32(ip + 16, s->dst.w[3]);
	store_mem16(ip + 10, (be16)~csum_fold(csum_add_bytes(0, ip, IPV4_HEADER_MIN)));
}

static void put_ipv6(const struct segment *s, uint8_t *ip, uint32_t len)
{
	store32(ip, 0x60000000 | (uint32_t)s->tos << 20);
	store16(ip + 4, (uint16_t)(len - IPV6_HEADER));
	ip[6] = PROTO_TCP;
	ip[7] = s->ttl ? s->ttl : 64;
	memcpy(ip + 8, &s->src, 16);
	memcpy(ip + 24, &s->dst, 16);
}

/* put_tcp() - the fixed part of the header, without the checksum. */
static void put_tcp(const struct segment *s, uint8_t *tcp, uint32_t hdr_len)
{
	store16(tcp + TCP_SPORT, s->sport);
	store16(tcp + TCP_DPORT, s->dport);
	store32(tcp + TCP_SEQ, s->seq);
	store32(tcp + TCP_ACKNO, s->ack);
	store16(tcp + TCP_OFFSET, (uint16_t)((hdr_len / 4) << 12 | (s->flags & TCP_FLAGS_ALL)));
	store16(tcp + TCP_WINDOW, s->window);
	store16(tcp + TCP_CHECK, 0);
	store16(tcp + TCP_URGENT, s->urgent);
}

/* What put_headers() wrote. */
struct laid_out {
	uint8_t *tcp;
	uint32_t headers, tcp_len; /* of all headers; of the TCP segment with its payload */
};

/*
 * put_headers() - all headers of @s for a payload of s->payload_len bytes, without the TCP checksum.
 * @payload_here: the payload must fit into @cap, too.
 * Return: 0 or as segment_build().
 */
static int put_headers(const struct segment *s, uint8_t *buf, size_t cap, bool payload_here,
		       struct laid_out *l)
{
	bool v4 = ip_addr_is_v4(&s->src);
	uint32_t ip_hdr = v4 ? IPV4_HEADER_MIN : IPV6_HEADER, len;
	uint8_t options[OPTIONS_ROOM];
	int n_options = put_options(&s->opt, options);

	if (v4 != ip_addr_is_v4(&s->dst) || n_options < 0 || n_options > OPTIONS_MAX)
		return -EINVAL;
	if (s->payload_len > IP_LENGTH_MAX)
		return -ENOSPC;
	l->tcp = buf + ip_hdr;
	l->headers = ip_hdr + TCP_HEADER_MIN + (uint32_t)n_options;
	len = l->headers + s->payload_len;
	l->tcp_len = len - ip_hdr;
	if ((payload_here ? len : l->headers) > cap || (v4 ? len : l->tcp_len) > IP_LENGTH_MAX)
		return -ENOSPC;
	if (v4)
		put_ipv4(s, buf, len);
	else
		put_ipv6(s, buf, len);
	put_tcp(s, l->tcp, TCP_HEADER_MIN + (uint32_t)n_options);
	memcpy(l->tcp + TCP_HEADER_MIN, options, (size_t)n_options);
	return 0;
}

int segment_build(const struct segment *s, uint8_t *buf, size_t cap)
{
	struct laid_out l;
	int rc = put_headers(s, buf, cap, true, &l);
	uint64_t sum;

	if (rc < 0)
		return rc;
	if (s->payload_len > 0)
		memcpy(buf + l.headers, s->payload, s->payload_len);
	sum = csum_pseudo(&s->src, &s->dst, PROTO_TCP, l.tcp_len);
	store_mem16(l.tcp + TCP_CHECK, (be16)~csum_fold(csum_add_bytes(sum, l.tcp, l.tcp_len)));
	return (int)(l.headers + s->payload_len);
}

int segment_headers(const struct segment *s, uint8_t *buf, size_t cap)
{
	struct laid_out l;
	int rc = put_headers(s, buf, cap, false, &l);

	if (rc < 0)
		return rc;
	store_mem16(l.tcp + TCP_CHECK,
		    csum_fold(csum_pseudo(&s->src, &s->dst, PROTO_TCP, l.tcp_len)));
	return (int)l.headers;
}

void segment_reply(struct segment *s, const struct pkt *p)
{
	memset(s, 0, sizeof(*s));
	s->src = p->dst;
	s->dst = p->src;
	s->sport = p->dport;
	s->dport = p->sport;
}
