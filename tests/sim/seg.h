/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test hosts' own idea of a TCP segment on the wire. Shares no code with src/wire, so that a
 * mistake there is not made here a second time.
 */
#ifndef TCPGUARD_SIM_SEG_H
#define TCPGUARD_SIM_SEG_H

#include "base/addr.h"

enum seg_flag {
	F_FIN = 1,
	F_SYN = 2,
	F_RST = 4,
	F_PSH = 8,
	F_ACK = 16,
	F_URG = 32,
	F_ECE = 64,
	F_CWR = 128
};

#define SEG_HEADERS_MAX 100
#define SEG_SACK_MAX	4

struct seg {
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t win;
	uint8_t tos;
	bool has_mss, has_ws, sack_ok, has_ts;
	uint16_t mss;
	uint8_t ws;
	uint32_t tsval, tsecr;
	uint32_t n_sack;
	struct {
		uint32_t l, r;
	} sack[SEG_SACK_MAX];
	uint32_t hdr_len; /* of TCP, with options */
	const uint8_t *data;
	uint32_t len; /* of the payload */
};

enum seg_error {
	SEG_OK,
	SEG_NOT_IP,
	SEG_NOT_TCP,
	SEG_BAD_IP_SUM,
	SEG_BAD_LENGTH,
	SEG_BAD_SUM,
	SEG_BAD_OPTION
};

const char *seg_error_text(enum seg_error e);

/* seg_read() - parse and verify everything. @s borrows @p. */
enum seg_error seg_read(struct seg *s, const uint8_t *p, uint32_t len);

/* seg_write() - into @p, which has room; payload from s->data. Return: bytes written. */
uint32_t seg_write(const struct seg *s, uint8_t *p);

/* seg_option_bytes() - how many bytes of options @s will carry. */
uint32_t seg_option_bytes(const struct seg *s);

/* Where things are in raw bytes; the packet must have come from seg_write(). */
uint32_t seg_ip_len(const uint8_t *p);

/* seg_set_sum() - store the full TCP checksum, or (@partial) only the pseudo header's sum. */
void seg_set_sum(uint8_t *p, uint32_t len, bool partial);

/* seg_slice() - bytes @from .. @from+@n of the payload of @p as a packet of its own, into @out. */
uint32_t seg_slice(const uint8_t *p, uint32_t len, uint32_t from, uint32_t n, uint8_t *out);

#endif
