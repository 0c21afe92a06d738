/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/packet.h"

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/layout.h"
#include "wire/options.h"

/* The smallest quote that says which connection it was, RFC 792. */
#define QUOTE_MIN 8
/* RFC 4884 3: the shortest quote that may have a length of its own. */
#define QUOTE_PADDED_MIN 128

/* bytes_from() - how many of @n bytes lie at or behind @off. */
static inline uint32_t bytes_from(uint32_t n, uint32_t off)
{
	return n > off ? n - off : 0;
}

static int parse_tcp(struct pkt *p)
{
	uint32_t have = bytes_from(p->cap_len, p->l4_off);
	uint32_t tcp_len = bytes_from(p->len, p->l4_off);
	const uint8_t *tcp;
	uint32_t hdr_len;

	if (have < TCP_HEADER_MIN)
		return -PKT_ERR_TRUNCATED;
	tcp = p->data + p->l4_off;
	p->sport = load16(tcp + TCP_SPORT);
	p->dport = load16(tcp + TCP_DPORT);
	p->seq = load32(tcp + TCP_SEQ);
	p->ack = load32(tcp + TCP_ACKNO);
	p->flags = load16(tcp + TCP_OFFSET) & TCP_FLAGS_ALL;
	p->window = load16(tcp + TCP_WINDOW);
	p->urgent = load16(tcp + TCP_URGENT);

	hdr_len = (tcp[TCP_OFFSET] >> 4) * 4u;
	if (hdr_len < TCP_HEADER_MIN || hdr_len > tcp_len)
		return -PKT_ERR_TCP_HEADER;
	if (hdr_len > have)
		return -PKT_ERR_TRUNCATED;
	p->tcp_hdr_len = (uint16_t)hdr_len;
	p->payload_len = tcp_len - hdr_len;
	if (hdr_len > TCP_HEADER_MIN)
		tcp_options_read(&p->opt, tcp, hdr_len);
	p->kind = PKT_TCP;
	return 0;
}

/* is_icmp_error() - a message that quotes the packet it is about; source quench included. */
static bool is_icmp_error(uint8_t family, uint8_t type)
{
	if (family == 4)
		return type == 3 || type == 4 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

/*
 * quote_len() - how many of the @have bytes behind the ICMP header belong to the quote.
 * Messages with extensions say so and pad the quote (RFC 4884 4); the types that cannot have any use
 * the same byte otherwise.
 */
static uint32_t quote_len(const struct pkt *p, const uint8_t *icmp, uint32_t have)
{
	uint32_t said = 0;

	if (p->family == 4 && p->icmp_type != 4)
		said = icmp[5] * 4u;
	else if (p->family == 6 && (p->icmp_type == 1 || p->icmp_type == 3))
		said = icmp[4] * 8u;
	return said >= QUOTE_PADDED_MIN && said < have ? said : have;
}

/* parse_quote() - the packet inside an ICMP error; p->kind stays if it is not TCP. */
static void parse_quote(struct pkt *p, const uint8_t *icmp, uint32_t have)
{
	uint32_t n = quote_len(p, icmp, have - ICMP_HEADER), tcp_have, hdr_len = TCP_HEADER_MAX;
	const uint8_t *quote = icmp + ICMP_HEADER, *tcp;
	struct ip_view v;

	if (ip_read(&v, quote, n, n, true) != 0 || v.family != p->family ||
	    v.protocol != PROTO_TCP || v.frag_off != 0)
		return;
	tcp_have = bytes_from(v.len, v.l4_off);
	if (tcp_have < QUOTE_MIN)
		return;
	tcp = quote + v.l4_off;
	if (tcp_have > TCP_OFFSET && tcp[TCP_OFFSET] >> 4 >= TCP_HEADER_MIN / 4)
		hdr_len = (tcp[TCP_OFFSET] >> 4) * 4u;
	p->quote = (struct pkt_quote){
		.src = v.src,
		.dst = v.dst,
		.sport = load16(tcp + TCP_SPORT),
		.dport = load16(tcp + TCP_DPORT),
		.seq = load32(tcp + TCP_SEQ),
		.tcp_off = (uint16_t)(p->l4_off + ICMP_HEADER + v.l4_off),
		.tcp_have = (uint16_t)(tcp_have < hdr_len ? tcp_have : hdr_len),
	};
	p->kind = PKT_ICMP_ERROR;
}

static void parse_icmp(struct pkt *p)
{
	uint32_t have = bytes_from(p->cap_len, p->l4_off);
	const uint8_t *icmp;

	if (have < 2)
		return;
	icmp = p->data + p->l4_off;
	p->icmp_type = icmp[0];
	p->icmp_code = icmp[1];
	if (!is_icmp_error(p->family, p->icmp_type) || have < ICMP_HEADER)
		return;
	p->mtu = p->family == 4 ? load16(icmp + 6) : load32(icmp + 4);
	parse_quote(p, icmp, have);
}

/* parse_fragment() - a first fragment mostly carries the ports. */
static void parse_fragment(struct pkt *p, const struct ip_view *v)
{
	p->kind = PKT_FRAGMENT;
	if (v->frag_off != 0 || bytes_from(p->cap_len, p->l4_off) < 4)
		return;
	if (p->protocol == PROTO_TCP || p->protocol == PROTO_UDP) {
		p->sport = load16(p->data + p->l4_off);
		p->dport = load16(p->data + p->l4_off + 2);
	}
}

/* take_ip() - what the IP header says into @p. */
static void take_ip(struct pkt *p, const struct ip_view *v)
{
	p->len = v->len;
	if (p->cap_len > v->len)
		p->cap_len = v->len;
	p->family = v->family;
	p->ttl = v->ttl;
	p->tos = v->tos;
	p->df = v->df;
	p->protocol = v->protocol;
	p->l4_off = v->l4_off;
	p->src = v->src;
	p->dst = v->dst;
}

int pkt_parse(struct pkt *p, uint8_t *data, uint32_t cap_len, uint32_t len, enum pkt_csum csum)
{
	struct ip_view v;
	int error;

	/* This runs for every packet: what only some kinds have is left alone for the others. */
	memset(p, 0, offsetof(struct pkt, opt.sack));
	p->icmp_type = 0;
	p->icmp_code = 0;
	p->mtu = 0;
	p->data = data;
	p->cap_len = cap_len < len ? cap_len : len;
	p->csum = csum;
	p->kind = PKT_OTHER;

	error = ip_read(&v, data, p->cap_len, len, false);
	take_ip(p, &v);
	if (error)
		return error;
	if (ip_is_fragment(&v))
		parse_fragment(p, &v);
	else if (p->protocol == PROTO_TCP)
		return parse_tcp(p);
	else if (p->protocol == (p->family == 4 ? PROTO_ICMP : PROTO_ICMPV6))
		parse_icmp(p);
	return 0;
}

const char *pkt_error_text(int error)
{
	switch (error < 0 ? -error : error) {
	case PKT_ERR_TRUNCATED:
		return "shorter than its headers say";
	case PKT_ERR_IP_VERSION:
		return "neither IPv4 nor IPv6";
	case PKT_ERR_IP_HEADER:
		return "impossible length in the IP header";
	case PKT_ERR_IP_EXT:
		return "endless chain of IPv6 extension headers";
	case PKT_ERR_TCP_HEADER:
		return "impossible TCP data offset";
	default:
		return "no error";
	}
}

bool pkt_checksum_ok(const struct pkt *p)
{
	uint32_t len = p->len - p->l4_off;
	uint64_t sum = 0;

	if ((p->kind != PKT_TCP && p->kind != PKT_ICMP_ERROR) || !pkt_is_complete(p))
		return false;
	if (p->csum == PKT_CSUM_PARTIAL)
		return true;
	if (p->protocol != PROTO_ICMP) /* the only one without a pseudo header */
		sum = csum_pseudo(&p->src, &p->dst, p->protocol, len);
	return csum_fold(csum_add_bytes(sum, p->data + p->l4_off, len)) == 0xffff;
}
