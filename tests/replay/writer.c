/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACKET_MAX (300 * 1024)
#define MANY_COUNT 3 /* kinds of time stamps that WRITER_MANY uses in turns */

const char *const writer_formats[WRITER_FORMAT_COUNT] = {"pcap",   "nano",	     "swapped",
							 "pcapng", "pcapng-swapped", "many"};
const char *const writer_links[WRITER_LINK_COUNT + 1] = {
	"ethernet", "vlan", "qinq", "pppoe", "sll", "sll2", "raw", "null", "loop", "ppp", "wlan"};

static const uint32_t link_number[WRITER_LINK_COUNT + 1] = {1,	 1, 1,	 1, 113, 276,
							    101, 0, 108, 9, 105};

void writer_put(struct writer *w, const void *data, size_t len)
{
	if (w->len + len > w->room) {
		w->room = 2 * (w->len + len);
		w->data = realloc(w->data, w->room);
		if (!w->data)
			abort();
	}
	memcpy(w->data + w->len, data, len);
	w->len += len;
}

static bool is_ng(const struct writer *w)
{
	return w->format >= WRITER_PCAPNG;
}

/* Numbers in the file's own byte order. */
static bool is_swapped(const struct writer *w)
{
	return w->format == WRITER_SWAPPED || w->format == WRITER_PCAPNG_SWAPPED;
}

static uint16_t own16(const struct writer *w, uint16_t v)
{
	return is_swapped(w) ? __builtin_bswap16(v) : v;
}

static uint32_t own32(const struct writer *w, uint32_t v)
{
	return is_swapped(w) ? __builtin_bswap32(v) : v;
}

static void put32(struct writer *w, uint32_t v)
{
	v = own32(w, v);
	writer_put(w, &v, sizeof(v));
}

void writer_block(struct writer *w, uint32_t type, const void *body, uint32_t len)
{
	static const uint8_t zeros[4];
	uint32_t padding = -len & 3;

	put32(w, type);
	put32(w, len + padding + 12);
	writer_put(w, body, len);
	writer_put(w, zeros, padding);
	put32(w, len + padding + 12);
}

/* put_interface() - @resol: if_tsresol. */
static void put_interface(struct writer *w, enum writer_link link, uint8_t resol)
{
	struct {
		uint16_t link, reserved;
		uint32_t snap;
		uint16_t code, len;
		uint8_t value[4];
		uint16_t end_code, end_len;
	} b = {
		.link = own16(w, (uint16_t)link_number[link]),
		.snap = own32(w, w->snap ? w->snap + resol : 262144), /* they may differ */
		.code = own16(w, 9),
		.len = own16(w, 1),
		.value = {resol},
	};

	writer_block(w, 1, &b, sizeof(b));
}

static void begin_ng(struct writer *w)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		uint64_t length;
	} b = {own32(w, 0x1a2b3c4d), own16(w, 1), 0, UINT64_MAX};

	writer_block(w, 0x0a0d0d0a, &b, sizeof(b));
	if (w->format != WRITER_MANY) {
		put_interface(w, w->link, 6);
		return;
	}
	for (int link = 0; link < WRITER_LINK_COUNT; link++) {
		put_interface(w, link, 6);
		put_interface(w, link, 9);
		put_interface(w, link, 0x80 | 20); /* 2^-20 s */
	}
}

void writer_begin(struct writer *w)
{
	w->len = w->frames = 0;
	if (is_ng(w)) {
		begin_ng(w);
		return;
	}
	put32(w, w->format == WRITER_NANO ? 0xa1b23c4d : 0xa1b2c3d4);
	writer_put(w, (uint16_t[]){own16(w, 2), own16(w, 4)}, 4);
	put32(w, 0);
	put32(w, 0);
	put32(w, w->snap ? w->snap : 262144);
	put32(w, link_number[w->link]);
}

/* link_header() - into @p; @v6: what follows. Return: its length. */
static uint32_t link_header(enum writer_link link, uint8_t *p, bool v6)
{
	uint8_t hi = v6 ? 0x86 : 0x08, lo = v6 ? 0xdd : 0x00;
	uint8_t family[4] = {v6 ? 10 : 2, 0, 0, 0}; /* little endian, as most write it */

	memset(p, 2, 14);
	switch (link) {
	case WRITER_ETHERNET:
		memcpy(p + 12, (uint8_t[]){hi, lo}, 2);
		return 14;
	case WRITER_VLAN:
		memcpy(p + 12, (uint8_t[]){0x81, 0, 0, 7, hi, lo}, 6);
		return 18;
	case WRITER_QINQ:
		memcpy(p + 12, (uint8_t[]){0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, hi, lo}, 10);
		return 22;
	case WRITER_PPPOE:
		memcpy(p + 12, (uint8_t[]){0x88, 0x64, 0x11, 0, 0, 1, 0, 99, 0, v6 ? 0x57 : 0x21},
		       10);
		return 22;
	case WRITER_SLL:
		memcpy(p + 14, (uint8_t[]){hi, lo}, 2);
		return 16;
	case WRITER_SLL2:
		memset(p, 0, 20);
		memcpy(p, (uint8_t[]){hi, lo}, 2);
		return 20;
	case WRITER_NULL:
		memcpy(p, family, 4);
		return 4;
	case WRITER_LOOP:
		memcpy(p, (uint8_t[]){0, 0, 0, v6 ? 30 : 2}, 4);
		return 4;
	case WRITER_PPP:
		memcpy(p, (uint8_t[]){0xff, 0x03, 0, v6 ? 0x57 : 0x21}, 4);
		return 4;
	case WRITER_RAW:
		return 0;
	default:
		return 14;
	}
}

static void put_enhanced(struct writer *w, usec_t time, const uint8_t *frame, uint32_t cap,
			 uint32_t len)
{
	uint32_t interface = 0;
	uint64_t stamp = time;
	uint8_t *body = malloc(20 + cap);
	uint32_t head[5];

	if (!body)
		abort();
	if (w->format == WRITER_MANY) {
		interface = (uint32_t)w->link * MANY_COUNT + w->frames % MANY_COUNT;
		if (w->frames % MANY_COUNT == 1)
			stamp = time * 1000;
		else if (w->frames % MANY_COUNT == 2) /* rounded up, to be read as the same */
			stamp = (time / USEC_PER_SEC << 20) +
				((time % USEC_PER_SEC << 20) + USEC_PER_SEC - 1) / USEC_PER_SEC;
	}
	head[0] = own32(w, interface);
	head[1] = own32(w, (uint32_t)(stamp >> 32));
	head[2] = own32(w, (uint32_t)stamp);
	head[3] = own32(w, cap);
	head[4] = own32(w, len);
	memcpy(body, head, 20);
	memcpy(body + 20, frame, cap);
	writer_block(w, 6, body, 20 + cap);
	free(body);
}

void writer_ip(struct writer *w, usec_t time, const uint8_t *packet, uint32_t len, bool v6)
{
	uint8_t *frame = malloc(64 + (size_t)len);
	uint32_t head, cap;

	if (!frame)
		abort();
	if (w->format == WRITER_MANY)
		w->link = w->frames / MANY_COUNT % WRITER_LINK_COUNT;
	head = link_header(w->link, frame, v6);
	memcpy(frame + head, packet, len);
	len += head;
	cap = w->snap && w->snap < len ? w->snap : len;
	if (is_ng(w)) {
		put_enhanced(w, time, frame, cap, len);
	} else {
		put32(w, (uint32_t)(time / USEC_PER_SEC));
		put32(w, (uint32_t)(time % USEC_PER_SEC) * (w->format == WRITER_NANO ? 1000 : 1));
		put32(w, cap);
		put32(w, len);
		writer_put(w, frame, cap);
	}
	w->frames++;
	free(frame);
}

static void store(uint8_t *at, uint32_t v, unsigned bytes)
{
	while (bytes > 0) {
		at[--bytes] = (uint8_t)v;
		v >>= 8;
	}
}

/* ip_header() - Return: its length. @len: of what follows. */
static uint32_t ip_header(uint8_t *p, const struct writer_tcp *t, uint32_t len)
{
	if (t->v6) {
		p[0] = 0x60;
		store(p + 4, len > 65535 ? 65535 : len, 2);
		p[6] = 6;
		p[7] = 60;
		p[8] = p[24] = 0xfd;
		store(p + 20, t->src, 4);
		store(p + 36, t->dst, 4);
		return 40;
	}
	p[0] = 0x45;
	store(p + 2, len + 20 > 65535 ? 65535 : len + 20, 2);
	p[6] = 0x40;
	p[8] = 60;
	p[9] = 6;
	store(p + 12, t->src < 1u << 24 ? 10u << 24 | t->src : t->src, 4);
	store(p + 16, t->dst < 1u << 24 ? 10u << 24 | t->dst : t->dst, 4);
	return 20;
}

void writer_tcp(struct writer *w, usec_t time, const struct writer_tcp *t)
{
	static const uint8_t options[20] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
					    0, 1, 0, 0,	  0, 0, 1, 3,  3, 7};
	static uint8_t p[PACKET_MAX];
	uint32_t tcp_len = 20 + (t->options ? 20 : t->mss ? 4 : 0), payload = t->payload, ip;

	if (payload > PACKET_MAX - 100)
		payload = PACKET_MAX - 100;
	memset(p, 0, 100);
	ip = ip_header(p, t, tcp_len + payload);
	store(p + ip, t->sport, 2);
	store(p + ip + 2, t->dport, 2);
	store(p + ip + 4, t->seq, 4);
	store(p + ip + 8, t->ack, 4);
	store(p + ip + 12, (tcp_len / 4) << 12 | t->flags, 2);
	store(p + ip + 14, 64240, 2);
	if (tcp_len > 20)
		memcpy(p + ip + 20, options, tcp_len - 20);
	writer_ip(w, time, p, ip + tcp_len + payload, t->v6);
}

void writer_save(const struct writer *w, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(w->data, 1, w->len, f) != w->len || fclose(f) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
}

void writer_free(struct writer *w)
{
	free(w->data);
	w->data = NULL;
	w->len = w->room = 0;
}
