/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "seg.h"

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* sum16() - add big-endian words, the plain way of RFC 1071. */
static uint64_t sum16(uint64_t sum, const uint8_t *p, uint32_t len)
{
	for (; len >= 4; p += 4, len -= 4)
		sum += get32(p);
	if (len >= 2) {
		sum += get16(p);
		p += 2;
		len -= 2;
	}
	if (len)
		sum += (uint32_t)p[0] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint32_t seg_ip_len(const uint8_t *p)
{
	return p[0] >> 4 == 4 ? (p[0] & 15u) * 4 : 40;
}

static uint64_t pseudo(const uint8_t *p, uint32_t tcp_len)
{
	uint64_t sum = 6 + (tcp_len >> 16) + (tcp_len & 0xffff);

	return p[0] >> 4 == 4 ? sum16(sum, p + 12, 8) : sum16(sum, p + 8, 32);
}

const char *seg_error_text(enum seg_error e)
{
	static const char *const text[] = {
		"ok",	      "not ip",		  "not tcp",   "bad ip checksum",
		"bad length", "bad tcp checksum", "bad option"};
	return text[e];
}

static bool read_option(struct seg *s, const uint8_t *o, uint32_t kind, uint32_t len)
{
	switch (kind) {
	case 2:
		s->has_mss = true;
		s->mss = len == 4 ? get16(o + 2) : 0;
		return len == 4;
	case 3:
		s->has_ws = true;
		s->ws = o[2] > 14 ? 14 : o[2];
		return len == 3;
	case 4:
		s->sack_ok = true;
		return len == 2;
	case 5:
		if (len < 10 || len > 34 || (len - 2) % 8)
			return false;
		s->n_sack = (len - 2) / 8;
		for (uint32_t i = 0; i < s->n_sack; i++) {
			s->sack[i].l = get32(o + 2 + 8 * i);
			s->sack[i].r = get32(o + 6 + 8 * i);
		}
		return true;
	case 8:
		if (len != 10)
			return false;
		s->has_ts = true;
		s->tsval = get32(o + 2);
		s->tsecr = get32(o + 6);
		return true;
	default:
		return true;
	}
}

static bool read_options(struct seg *s, const uint8_t *o, const uint8_t *end)
{
	while (o < end && o[0] != 0) {
		if (o[0] == 1) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return false;
		if (!read_option(s, o, o[0], o[1]))
			return false;
		o += o[1];
	}
	return true;
}

static enum seg_error read_ip(struct seg *s, const uint8_t *p, uint32_t len, uint32_t *total)
{
	uint32_t hl;

	if (len < 20)
		return SEG_NOT_IP;
	if (p[0] >> 4 == 4) {
		hl = (p[0] & 15u) * 4;
		*total = get16(p + 2);
		if (hl < 20 || *total > len || *total < hl + 20)
			return SEG_BAD_LENGTH;
		if (fold(sum16(0, p, hl)) != 0xffff)
			return SEG_BAD_IP_SUM;
		s->src = ip_addr_v4(0);
		s->dst = ip_addr_v4(0);
		memcpy(&s->src.w[3], p + 12, 4);
		memcpy(&s->dst.w[3], p + 16, 4);
		s->tos = p[1];
		return p[9] == 6 && !(get16(p + 6) & 0x3fff) ? SEG_OK : SEG_NOT_TCP;
	}
	if (p[0] >> 4 != 6 || len < 60)
		return SEG_NOT_IP;
	*total = 40u + get16(p + 4);
	if (*total > len || *total < 60)
		return SEG_BAD_LENGTH;
	memcpy(&s->src, p + 8, 16);
	memcpy(&s->dst, p + 24, 16);
	s->tos = (uint8_t)(get16(p) >> 4);
	return p[6] == 6 ? SEG_OK : SEG_NOT_TCP;
}

enum seg_error seg_read(struct seg *s, const uint8_t *p, uint32_t len)
{
	uint32_t total, off;
	const uint8_t *t;
	enum seg_error e;

	memset(s, 0, sizeof(*s));
	e = read_ip(s, p, len, &total);
	if (e != SEG_OK)
		return e;
	off = seg_ip_len(p);
	t = p + off;
	if (fold(sum16(pseudo(p, total - off), t, total - off)) != 0xffff)
		return SEG_BAD_SUM;
	s->hdr_len = (t[12] >> 4) * 4u;
	if (s->hdr_len < 20 || off + s->hdr_len > total)
		return SEG_BAD_LENGTH;
	s->sport = get16(t);
	s->dport = get16(t + 2);
	s->seq = get32(t + 4);
	s->ack = get32(t + 8);
	s->flags = t[13];
	s->win = get16(t + 14);
	s->data = t + s->hdr_len;
	s->len = total - off - s->hdr_len;
	return read_options(s, t + 20, t + s->hdr_len) ? SEG_OK : SEG_BAD_OPTION;
}

static uint8_t *write_options(const struct seg *s, uint8_t *o)
{
	if (s->has_mss) {
		o[0] = 2, o[1] = 4;
		put16(o + 2, s->mss);
		o += 4;
	}
	if (s->sack_ok)
		*o++ = 4, *o++ = 2, *o++ = 1, *o++ = 1;
	if (s->has_ts) {
		o[0] = 1, o[1] = 1, o[2] = 8, o[3] = 10;
		put32(o + 4, s->tsval);
		put32(o + 8, s->tsecr);
		o += 12;
	}
	if (s->has_ws)
		*o++ = 1, *o++ = 3, *o++ = 3, *o++ = s->ws;
	if (s->n_sack) {
		o[0] = 1, o[1] = 1, o[2] = 5, o[3] = (uint8_t)(2 + 8 * s->n_sack);
		o += 4;
		for (uint32_t i = 0; i < s->n_sack; i++, o += 8) {
			put32(o, s->sack[i].l);
			put32(o + 4, s->sack[i].r);
		}
	}
	return o;
}

uint32_t seg_option_bytes(const struct seg *s)
{
	return (s->has_mss ? 4u : 0) + (s->sack_ok ? 4u : 0) + (s->has_ts ? 12u : 0) +
	       (s->has_ws ? 4u : 0) + (s->n_sack ? 4 + 8 * s->n_sack : 0);
}

static uint32_t write_ip(const struct seg *s, uint8_t *p, uint32_t tcp_len)
{
	if (ip_addr_is_v4(&s->src)) {
		memset(p, 0, 20);
		p[0] = 0x45;
		p[1] = s->tos;
		put16(p + 2, 20 + tcp_len);
		p[6] = 0x40;
		p[8] = 64;
		p[9] = 6;
		memcpy(p + 12, &s->src.w[3], 4);
		memcpy(p + 16, &s->dst.w[3], 4);
		put16(p + 10, 0xffffu & ~fold(sum16(0, p, 20)));
		return 20;
	}
	memset(p, 0, 40);
	put16(p, 0x6000u | (uint32_t)s->tos << 4);
	put16(p + 4, tcp_len);
	p[6] = 6;
	p[7] = 64;
	memcpy(p + 8, &s->src, 16);
	memcpy(p + 24, &s->dst, 16);
	return 40;
}

void seg_set_sum(uint8_t *p, uint32_t len, bool partial)
{
	uint32_t off = seg_ip_len(p);
	uint64_t sum = pseudo(p, len - off);

	put16(p + off + 16, 0);
	if (partial)
		put16(p + off + 16, fold(sum));
	else
		put16(p + off + 16, 0xffffu & ~fold(sum16(sum, p + off, len - off)));
}

uint32_t seg_write(const struct seg *s, uint8_t *p)
{
	uint32_t hl = 20 + seg_option_bytes(s), off = write_ip(s, p, hl + s->len);
	uint8_t *t = p + off;

	put16(t, s->sport);
	put16(t + 2, s->dport);
	put32(t + 4, s->seq);
	put32(t + 8, s->ack);
	t[12] = (uint8_t)(hl / 4 << 4);
	t[13] = s->flags;
	put16(t + 14, s->win);
	put16(t + 18, 0);
	write_options(s, t + 20);
	if (s->len)
		memcpy(t + hl, s->data, s->len);
	seg_set_sum(p, off + hl + s->len, false);
	return off + hl + s->len;
}

uint32_t seg_slice(const uint8_t *p, uint32_t len, uint32_t from, uint32_t n, uint8_t *out)
{
	uint32_t off = seg_ip_len(p), hl = (p[off + 12] >> 4) * 4u, total = off + hl + n;
	bool last = off + hl + from + n == len;

	memcpy(out, p, off + hl);
	memcpy(out + off + hl, p + off + hl + from, n);
	put32(out + off + 4, get32(p + off + 4) + from);
	if (!last)
		out[off + 13] &= (uint8_t) ~(F_FIN | F_PSH);
	if (from)
		out[off + 13] &= (uint8_t)~F_CWR;
	if (off == 40) {
		put16(out + 4, hl + n);
	} else {
		put16(out + 2, total);
		put16(out + 10, 0);
		put16(out + 10, 0xffffu & ~fold(sum16(0, out, off)));
	}
	seg_set_sum(out, total, false);
	return total;
}
