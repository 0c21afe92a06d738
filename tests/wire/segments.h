/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments for tests, told as a story:
 *
 *	struct seg_end client = seg_end("192.0.2.1", 1024), server = seg_end("198.51.100.1", 80);
 *	struct segment s = seg_syn(client, server, 1000);
 *	struct seg_packet p;
 *
 *	seg_timestamps(&s, 7, 0);
 *	guard_input(&g, now, seg_packet(&p, &s), 0, &out);
 *
 * The seg_*() makers return values; change any field before making bytes of them.
 */
#ifndef TCPGUARD_TESTS_WIRE_SEGMENTS_H
#define TCPGUARD_TESTS_WIRE_SEGMENTS_H

#include "wire/build.h"
#include "wire/packet.h"

/* One side of a connection. */
struct seg_end {
	struct ip_addr addr;
	uint16_t port;
};

#define SEG_PACKET_MAX 2048

/* A packet with room for its bytes; @pkt points into @data, so it must not be copied. */
struct seg_packet {
	struct pkt pkt;
	int error; /* what pkt_parse() said */
	uint32_t len;
	uint8_t data[SEG_PACKET_MAX];
};

/* seg_end() - aborts if @addr is no address. */
struct seg_end seg_end(const char *addr, uint16_t port);

/* seg_bare() - a segment with these flags, window 64240 and no options. */
struct segment seg_bare(struct seg_end from, struct seg_end to, uint16_t flags, uint32_t seq,
			uint32_t ack);

/* SYN and SYN-ACK with MSS 1460 (1440 on IPv6), SACK permitted and window scale 7. */
struct segment seg_syn(struct seg_end from, struct seg_end to, uint32_t iss);
struct segment seg_synack(struct seg_end from, struct seg_end to, uint32_t iss, uint32_t ack);

/* The rest, without options. @payload is borrowed. */
struct segment seg_ack(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack);
struct segment seg_data(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack,
			const void *payload, uint32_t len);
struct segment seg_fin(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack);
struct segment seg_rst(struct seg_end from, struct seg_end to, uint32_t seq);
struct segment seg_rst_ack(struct seg_end from, struct seg_end to, uint32_t seq, uint32_t ack);

/* Options, added to or taken from a segment. */
void seg_mss(struct segment *s, uint16_t mss);
void seg_wscale(struct segment *s, uint8_t shift);
void seg_sack_permitted(struct segment *s);
void seg_timestamps(struct segment *s, uint32_t val, uint32_t ecr);
void seg_sack(struct segment *s, uint32_t left, uint32_t right); /* one more block */
void seg_without(struct segment *s, uint16_t options); /* enum tcp_option_bit */

/* seg_bytes() - write @s to @buf and return its length; aborts if it does not fit. */
uint32_t seg_bytes(const struct segment *s, uint8_t *buf, size_t cap);

/*
 * seg_bytes_raw() - like seg_bytes(), but with the option bytes @opt, whatever they mean, in place
 * of s->opt. @n_opt is rounded up to four with NOP (1) behind, at most 40.
 */
uint32_t seg_bytes_raw(const struct segment *s, const uint8_t *opt, uint32_t n_opt, uint8_t *buf,
		       size_t cap);

/* seg_packet() - bytes of @s in @p, parsed, checksum taken as good. Returns &p->pkt. */
struct pkt *seg_packet(struct seg_packet *p, const struct segment *s);

/* seg_parse() - parse @p->data[0 .. p->len) again, after a test has changed the bytes. */
struct pkt *seg_parse(struct seg_packet *p);

/*
 * seg_icmp_error() - an ICMP (or ICMPv6) error from @router about the packet @quote, sent to the
 * source of that packet.
 * @rest: the second word of the ICMP header (next-hop MTU, pointer, ...), host order.
 * @n_quote: bytes of the quoted packet that are included.
 * Return: its length; aborts if it does not fit.
 */
uint32_t seg_icmp_error(struct ip_addr router, uint8_t type, uint8_t code, uint32_t rest,
			const uint8_t *quote, uint32_t n_quote, uint8_t *buf, size_t cap);

/*
 * seg_insert_ipv4() - put @n bytes of IP options (a multiple of four) behind the 20 bytes of the
 * IPv4 header; header length, total length and header checksum are mended. Return: new length.
 */
uint32_t seg_insert_ipv4(uint8_t *buf, uint32_t len, const uint8_t *options, uint32_t n);

/*
 * seg_insert_ipv6() - put an extension header of @n bytes right behind the IPv6 header.
 * @type: of the inserted header.
 * @header: its bytes; the first is replaced by the type of what follows it.
 * Return: new length; the payload length is mended.
 */
uint32_t seg_insert_ipv6(uint8_t *buf, uint32_t len, uint8_t type, const uint8_t *header,
			 uint32_t n);

/*
 * seg_checksum() - the TCP or ICMP checksum that the @len bytes of @l4 should carry, host order,
 * computed byte by byte in the slowest and plainest way: an oracle.
 */
uint16_t seg_checksum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		      const uint8_t *l4, uint32_t len);

/* A small generator for seeded tests: xorshift64*, never seeded with 0. */
struct seg_random {
	uint64_t state;
};

struct seg_random seg_random(uint64_t seed);
uint64_t seg_random_next(struct seg_random *r);
uint32_t seg_random_below(struct seg_random *r, uint32_t bound);
void seg_random_bytes(struct seg_random *r, void *buf, size_t len);

#endif
