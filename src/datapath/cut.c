/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/cut.h"

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

void cut_begin(struct cut *c, const struct guard_tx *tx, const uint8_t *payload, uint32_t len)
{
	*c = (struct cut){.tx = tx, .payload = payload, .len = len};
}

/* fix_ipv4() - the @i-th segment's length, identification and header checksum. */
static void fix_ipv4(uint8_t *ip, uint32_t len, uint32_t i)
{
	store16(ip + 2, (uint16_t)len);
	store16(ip + 4, (uint16_t)(load16(ip + 4) + i));
	store_mem16(ip + 10, 0);
	store_mem16(ip + 10, (be16)~csum_fold(csum_add_bytes(0, ip, IPV4_HEADER_MIN)));
}

/* fix_tcp() - sequence number and flags of the segment that begins at c->at. */
static void fix_tcp(uint8_t *tcp, const struct cut *c, uint32_t len)
{
	uint16_t off = load16(tcp + TCP_OFFSET);

	store32(tcp + TCP_SEQ, load32(tcp + TCP_SEQ) + c->at);
	if (c->at > 0)
		off &= (uint16_t)~TCP_CWR;
	if (c->at + len < c->len)
		off &= (uint16_t) ~(TCP_FIN | TCP_PSH);
	store16(tcp + TCP_OFFSET, off);
}

/* tcp_sum() - the checksum of a segment with its addresses at @addr, @n bytes both. */
static be16 tcp_sum(const struct cut_segment *s, uint32_t ip_hdr, const uint8_t *addr, uint32_t n)
{
	uint32_t tcp_hdr = s->headers_len - ip_hdr;
	uint64_t sum = csum_add_bytes(0, addr, n);

	sum += (uint64_t)htonl(tcp_hdr + s->len) + htons(PROTO_TCP);
	sum = csum_add_bytes(sum, s->headers + ip_hdr, tcp_hdr);
	return (be16)~csum_fold(csum_add_bytes(sum, s->payload, s->len));
}

bool cut_next(struct cut *c, struct cut_segment *s)
{
	bool v4 = c->tx->family == 4;
	uint32_t ip_hdr = v4 ? IPV4_HEADER_MIN : IPV6_HEADER, left = c->len - c->at;
	uint32_t size = c->tx->gso_size ? c->tx->gso_size : c->len;
	/* cppcheck-suppress ctuuninitvar ; only the address of what is filled below */
	uint8_t *tcp = s->headers + ip_hdr;

	if (left == 0)
		return false;
	s->headers_len = c->tx->len;
	s->payload = c->payload + c->at;
	s->len = left < size ? left : size;
	memcpy(s->headers, c->tx->data, c->tx->len);
	if (v4)
		fix_ipv4(s->headers, s->headers_len + s->len, c->at / size);
	else
		store16(s->headers + 4, (uint16_t)(s->headers_len - ip_hdr + s->len));
	fix_tcp(tcp, c, s->len);
	store_mem16(tcp + TCP_CHECK, 0);
	store_mem16(tcp + TCP_CHECK, v4 ? tcp_sum(s, ip_hdr, s->headers + 12, 8)
					: tcp_sum(s, ip_hdr, s->headers + 8, 32));
	c->at += s->len;
	return true;
}
