/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the wire tests share; one test_*.c mirrors each source file. */
#ifndef TCPGUARD_TESTS_WIRE_TEST_WIRE_H
#define TCPGUARD_TESTS_WIRE_TEST_WIRE_H

#include <check.h>
#include <stdlib.h>

#include "segments.h"

TCase *checksum_cases(void);
TCase *build_cases(void);
TCase *ip_cases(void);
TCase *options_cases(void);
TCase *packet_cases(void);
TCase *quote_cases(void);
TCase *rewrite_cases(void);
TCase *text_cases(void);

/*
 * Random tests run their body once for each of a row of seeds and name the seed when they fail;
 * TEST_SEED=n in the environment begins the row at n, so the failing case comes first.
 */
#define for_each_seed(seed, count) \
	for (uint64_t seed = first_seed(), seed##_end = seed + (count); seed != seed##_end; seed++)
#define check_seed(expr, seed) \
	ck_assert_msg(expr, "%s, TEST_SEED=%llu", #expr, (unsigned long long)(seed))

uint64_t first_seed(void);

/* Endpoints of documentation prefixes, one pair a family. */
struct seg_end client_of(int family);
struct seg_end server_of(int family);

/* exact_copy() - @len bytes in a block of their own, so that a sanitizer sees the end. To be freed. */
uint8_t *exact_copy(const void *bytes, size_t len);

/* parse_at() - pkt_parse() of @len bytes, all there, checksum taken as good. */
int parse_at(struct pkt *p, uint8_t *bytes, uint32_t len);

#define PAYLOAD_MAX 1400

/* A random segment of either family whose options fit; payload is borrowed from static storage. */
struct segment random_segment(struct seg_random *r);

/* random_options() - up to 40 bytes of options, valid but in odd places. Returns their length. */
uint32_t random_options(struct seg_random *r, uint8_t *opt);

/* random_packet() - one of the two above as bytes, always complete and correct. */
uint32_t random_packet(struct seg_random *r, uint8_t *buf, size_t cap);

/* l4_checksum_is_right() - does the oracle agree with the transport checksum of the packet? */
bool l4_checksum_is_right(const struct pkt *p);

#endif
