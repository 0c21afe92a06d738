/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "segments.h"

#include <stdio.h>
#include <stdlib.h>

#define V4_HEADER 20
#define V6_HEADER 40

/* die() - a test asked for something impossible. */
static void die(const char *what)
{
	fprintf(stderr, "segments: %s\n", what);
	abort();
}

static void put16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

struct seg_end seg_end(const char *addr, uint16_t port)
{
	struct seg_end e = {.port = port};

	if (ip_addr_parse(&e.addr, addr) != 0)
		die("not an address");
	return e;
}

struct segment seg_bare(struct seg_end from, struct seg_end to, uint16_t flags, uint32_t seq,
			uint32_t ack)
{
	return (struct segment){.src = from.addr,
				.dst = to.addr,
				.sport = from.port,
				.dport = to.port,
				.seq = seq,
				.ack = ack,
				.flags = flags,
				.window = 64240};
}

/* add_syn_options() - what a common client or server offers. */
static void add_syn_options(struct segment *s)
{
	seg_mss(s, ip_addr_is_v4(&s->src) ? 1460 : 1440);
	seg_sack_permitted(s);
	seg_wscale(s, 7);
}

struct segment seg_syn(struct seg_end from, struct seg_end to, uint32_t iss)
{
	struct segment s = seg_bare(from, to, TCP_SYN, iss, 0);

	add_syn_options(&s);
	return s;
}

struct segment seg_synack(struct seg_end from, struct seg_end to, uint32_t iss, uint32_t ack)
{
	struct segment s = seg_bare(from, to, TCP_SYN | TCP_ACK, iss, ack);

	add_syn_options(&s);
	return s;
}

struct segment seg_ack(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack)
{
	return seg_bare(from, to, TCP_ACK, seq, ack);
}

struct segment seg_data(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack,
			const void *payload, uint32_t len)
{
	struct segment s = seg_bare(from, to, TCP_PSH | TCP_ACK, seq, ack);

	s.payload = payload;
	s.payload_len = len;
	return s;
}

struct segment seg_fin(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack)
{
	return seg_bare(from, to, TCP_FIN | TCP_ACK, seq, ack);
}

struct segment seg_rst(struct seg_end from, struct seg_end to, uint32_t seq)
{
	struct segment s = seg_bare(from, to, TCP_RST, seq, 0);

	s.window = 0;
	return s;
}

struct segment seg_rst_ack(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack)
{
	struct segment s = seg_bare(from, to, TCP_RST | TCP_ACK, seq, ack);

	s.window = 0;
	return s;
}

void seg_mss(struct segment *s, uint16_t mss)
{
	s->opt.present |= TCP_OPT_MSS;
	s->opt.mss = mss;
}

void seg_wscale(struct segment *s, uint8_t shift)
{
	s->opt.present |= TCP_OPT_WSCALE;
	s->opt.wscale = shift;
}

void seg_sack_permitted(struct segment *s)
{
	s->opt.present |= TCP_OPT_SACK_PERMITTED;
}

void seg_timestamps(struct segment *s, uint32_t val, uint32_t ecr)
{
	s->opt.present |= TCP_OPT_TIMESTAMPS;
	s->opt.ts_val = val;
	s->opt.ts_ecr = ecr;
}

void seg_sack(struct segment *s, uint32_t left, uint32_t right)
{
	if (s->opt.n_sack == TCP_SACK_MAX)
		die("too many SACK blocks");
	s->opt.present |= TCP_OPT_SACK;
	s->opt.sack[s->opt.n_sack++] = (struct tcp_sack_block){left, right};
}

void seg_without(struct segment *s, uint16_t options)
{
	s->opt.present &= (uint16_t)~options;
	if (options & TCP_OPT_SACK)
		s->opt.n_sack = 0;
}

uint32_t seg_bytes(const struct segment *s, uint8_t *buf, size_t cap)
{
	int len = segment_build(s, buf, cap);

	if (len < 0)
		die("segment_build() failed");
	return (uint32_t)len;
}

/* mend_ipv4() - total length and header checksum after @buf has become @len bytes long. */
static void mend_ipv4(uint8_t *buf, uint32_t len)
{
	uint32_t sum = 0, i;

	put16(buf + 2, len);
	put16(buf + 10, 0);
	for (i = 0; i < (buf[0] & 15u) * 4; i += 2)
		sum += get16(buf + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(buf + 10, ~sum);
}

static void mend_ip_len(uint8_t *buf, uint32_t len)
{
	if (buf[0] >> 4 == 4)
		mend_ipv4(buf, len);
	else
		put16(buf + 4, len - V6_HEADER);
}

uint32_t seg_bytes_raw(const struct segment *s, const uint8_t *opt, uint32_t n_opt, uint8_t *buf,
		       size_t cap)
{
	uint32_t l4 = ip_addr_is_v4(&s->src) ? V4_HEADER : V6_HEADER;
	uint32_t room = (n_opt + 3) & ~3u, len;
	struct segment plain = *s;
	uint8_t *tcp = buf + l4;

	memset(&plain.opt, 0, sizeof(plain.opt));
	len = seg_bytes(&plain, buf, cap);
	if (n_opt > 40 || len + room > cap)
		die("options do not fit");
	memmove(tcp + 20 + room, tcp + 20, len - l4 - 20);
	memset(tcp + 20, 1, room);
	if (n_opt > 0)
		memcpy(tcp + 20, opt, n_opt);
	tcp[12] = (uint8_t)((tcp[12] & 15) | (20 + room) / 4 << 4);
	len += room;
	mend_ip_len(buf, len);
	put16(tcp + 16, 0);
	put16(tcp + 16, seg_checksum(&s->src, &s->dst, 6, tcp, len - l4));
	return len;
}

struct pkt *seg_packet(struct seg_packet *p, const struct segment *s)
{
	p->len = seg_bytes(s, p->data, sizeof(p->data));
	return seg_parse(p);
}

struct pkt *seg_parse(struct seg_packet *p)
{
	p->error = pkt_parse(&p->pkt, p->data, p->len, p->len, PKT_CSUM_FULL);
	return &p->pkt;
}

/* quote_source() - whom an error about @quote is sent to. */
static struct ip_addr quote_source(const uint8_t *quote)
{
	struct ip_addr a;
	be32 v4;

	if (quote[0] >> 4 == 4) {
		memcpy(&v4, quote + 12, 4);
		return ip_addr_v4(v4);
	}
	memcpy(&a, quote + 8, 16);
	return a;
}

uint32_t seg_icmp_error(struct ip_addr router, uint8_t type, uint8_t code, uint32_t rest,
			const uint8_t *quote, uint32_t n_quote, uint8_t *buf, size_t cap)
{
	bool v4 = ip_addr_is_v4(&router);
	uint32_t l4 = v4 ? V4_HEADER : V6_HEADER, len = l4 + 8 + n_quote;
	struct segment s = {.src = router, .dst = quote_source(quote), .ttl = 60};
	uint8_t head[SEGMENT_HEADERS_MAX], *icmp = buf + l4;

	if (len > cap)
		die("the quote does not fit");
	seg_bytes(&s, head, sizeof(head)); /* for its IP header */
	memcpy(buf, head, l4);
	buf[v4 ? 9 : 6] = v4 ? 1 : 58;
	mend_ip_len(buf, len);
	icmp[0] = type;
	icmp[1] = code;
	put16(icmp + 2, 0);
	put16(icmp + 4, rest >> 16);
	put16(icmp + 6, rest);
	memcpy(icmp + 8, quote, n_quote);
	put16(icmp + 2, seg_checksum(&s.src, &s.dst, v4 ? 1 : 58, icmp, len - l4));
	return len;
}

uint32_t seg_insert_ipv4(uint8_t *buf, uint32_t len, const uint8_t *options, uint32_t n)
{
	memmove(buf + V4_HEADER + n, buf + V4_HEADER, len - V4_HEADER);
	memcpy(buf + V4_HEADER, options, n);
	buf[0] = (uint8_t)(buf[0] + n / 4);
	mend_ipv4(buf, len + n);
	return len + n;
}

uint32_t seg_insert_ipv6(uint8_t *buf, uint32_t len, uint8_t type, const uint8_t *header,
			 uint32_t n)
{
	memmove(buf + V6_HEADER + n, buf + V6_HEADER, len - V6_HEADER);
	memcpy(buf + V6_HEADER, header, n);
	buf[V6_HEADER] = buf[6];
	buf[6] = type;
	mend_ip_len(buf, len + n);
	return len + n;
}

uint16_t seg_checksum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		      const uint8_t *l4, uint32_t len)
{
	/* The checksum's own place, which counts as zero. */
	uint32_t skip = protocol == 6 ? 16 : 2;
	uint64_t sum = 0;
	uint32_t i;

	if (protocol != 1) { /* ICMPv4 has no pseudo header */
		for (i = ip_addr_is_v4(src) ? 12 : 0; i < 16; i += 2)
			sum += get16((const uint8_t *)src + i) + get16((const uint8_t *)dst + i);
		sum += protocol + (len >> 16) + (len & 0xffff);
	}
	for (i = 0; i < len; i++)
		if (i != skip && i != skip + 1)
			sum += i % 2 ? l4[i] : (unsigned)l4[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct seg_random seg_random(uint64_t seed)
{
	struct seg_random r = {seed * 0x9e3779b97f4a7c15u + 1};

	if (r.state == 0)
		r.state = 1;
	return r;
}

uint64_t seg_random_next(struct seg_random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

uint32_t seg_random_below(struct seg_random *r, uint32_t bound)
{
	return (uint32_t)(((seg_random_next(r) >> 32) * bound) >> 32);
}

void seg_random_bytes(struct seg_random *r, void *buf, size_t len)
{
	uint8_t *at = buf;
	uint64_t word;
	size_t n;

	for (; len > 0; len -= n, at += n) {
		word = seg_random_next(r);
		n = len < sizeof(word) ? len : sizeof(word);
		memcpy(at, &word, n);
	}
}
