/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#define HOP_BY_HOP 0
#define ROUTING	   43
#define FRAGMENT   44
#define AH	   51
#define NO_NEXT	   59
#define DSTOPTS	   60

static const char payload[] = "hello";

static void check_addr(const struct ip_addr *a, struct seg_end end)
{
	ck_assert(ip_addr_eq(a, &end.addr));
}

/* data_packet() - one plain data segment in @buf; returns its length. */
static uint32_t data_packet(int family, uint8_t *buf, size_t cap)
{
	struct segment s = seg_data(client_of(family), server_of(family), 1, 2, payload, 5);

	return seg_bytes(&s, buf, cap);
}

static void check_data(const struct pkt *p)
{
	ck_assert_int_eq(p->kind, PKT_TCP);
	ck_assert_uint_eq(p->sport, 1024);
	ck_assert_uint_eq(p->payload_len, 5);
	ck_assert(pkt_checksum_ok(p));
}

/* A minimal extension header of @len bytes. */
static void ext_header(uint8_t *header, uint32_t len, uint8_t type)
{
	memset(header, 0, len);
	header[1] = (uint8_t)(type == AH ? len / 4 - 2 : len / 8 - 1);
}

START_TEST(ipv4_options_are_skipped)
{
	const uint8_t options[40] = {0x94, 4, 0, 0, 1, 1, 1}; /* router alert */
	uint8_t bytes[200];
	struct pkt p;
	uint32_t n, len;

	for (n = 0; n <= 40; n += 4) {
		len = data_packet(4, bytes, sizeof(bytes));
		len = seg_insert_ipv4(bytes, len, options, n);
		ck_assert_int_eq(parse_at(&p, bytes, len), 0);
		ck_assert_uint_eq(p.l4_off, 20 + n);
		check_data(&p);
	}
}
END_TEST

START_TEST(padding_behind_the_packet_is_ignored)
{
	uint8_t bytes[200] = {0};
	struct pkt p;
	uint32_t len = data_packet(_i, bytes, sizeof(bytes));

	ck_assert_int_eq(parse_at(&p, bytes, len + 13), 0);
	ck_assert_uint_eq(p.len, len);
	ck_assert_uint_eq(p.cap_len, len);
	check_data(&p);
}
END_TEST

START_TEST(a_packet_that_was_cut_short_is_an_error)
{
	uint8_t bytes[200];
	struct pkt p;
	uint32_t len = data_packet(_i, bytes, sizeof(bytes));

	ck_assert_int_eq(parse_at(&p, bytes, len - 1), -PKT_ERR_TRUNCATED);
	ck_assert_int_eq(p.kind, PKT_OTHER);
	check_addr(&p.src, client_of(_i));
}
END_TEST

START_TEST(no_version_no_packet)
{
	uint8_t bytes[60] = {0x50};
	struct pkt p;

	ck_assert_int_eq(parse_at(&p, bytes, sizeof(bytes)), -PKT_ERR_IP_VERSION);
	ck_assert_int_eq(p.kind, PKT_OTHER);
	ck_assert_int_eq(parse_at(&p, NULL, 0), -PKT_ERR_TRUNCATED);
}
END_TEST

START_TEST(impossible_ipv4_lengths)
{
	uint8_t bytes[200];
	struct pkt p;
	uint32_t len = data_packet(4, bytes, sizeof(bytes)), ihl;

	for (ihl = 0; ihl < 5; ihl++) {
		bytes[0] = (uint8_t)(0x40 | ihl);
		ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_IP_HEADER);
	}
	bytes[0] = 0x45;
	bytes[2] = 0;
	bytes[3] = 19; /* total length shorter than the header */
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_IP_HEADER);
	bytes[3] = 0;
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_IP_HEADER);
	bytes[3] = 20; /* no room for TCP */
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_TRUNCATED);
}
END_TEST

/* Linux' BIG TCP: more than 64 KB, of which only the head was copied; the length field says 0. */
START_TEST(big_tcp_takes_the_true_length)
{
	uint8_t bytes[200];
	struct pkt p;
	uint32_t copied = data_packet(_i, bytes, sizeof(bytes));
	uint32_t headers = copied - 5;

	bytes[_i == 4 ? 2 : 4] = bytes[_i == 4 ? 3 : 5] = 0;
	ck_assert_int_eq(pkt_parse(&p, bytes, copied, 180000, PKT_CSUM_PARTIAL), 0);
	ck_assert_uint_eq(p.len, 180000);
	ck_assert_uint_eq(p.payload_len, 180000 - headers);
	ck_assert(!pkt_is_complete(&p));
}
END_TEST

START_TEST(ipv6_without_payload_is_no_tcp)
{
	uint8_t bytes[200];
	struct pkt p;
	uint32_t len = data_packet(6, bytes, sizeof(bytes));

	bytes[4] = bytes[5] = 0;
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_TRUNCATED);
}
END_TEST

START_TEST(extension_headers_are_skipped)
{
	static const uint8_t types[] = {DSTOPTS, AH, ROUTING, HOP_BY_HOP};
	uint8_t bytes[400], header[24];
	struct pkt p;
	uint32_t len = data_packet(6, bytes, sizeof(bytes)), inserted = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		uint32_t n = types[i] == AH ? 12 + 8 : 8 + 8 * (i & 1);

		ext_header(header, n, types[i]);
		len = seg_insert_ipv6(bytes, len, types[i], header, n);
		inserted += n;
		ck_assert_int_eq(parse_at(&p, bytes, len), 0);
		ck_assert_uint_eq(p.l4_off, 40 + inserted);
		check_data(&p);
	}
}
END_TEST

START_TEST(a_chain_without_end_is_an_error)
{
	uint8_t bytes[400], header[8];
	struct pkt p;
	uint32_t len = data_packet(6, bytes, sizeof(bytes));
	unsigned i;

	ext_header(header, 8, DSTOPTS);
	for (i = 0; i < 20; i++)
		len = seg_insert_ipv6(bytes, len, DSTOPTS, header, 8);
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_IP_EXT);

	len = data_packet(6, bytes, sizeof(bytes));
	header[1] = 200; /* past the end of the packet */
	len = seg_insert_ipv6(bytes, len, DSTOPTS, header, 8);
	ck_assert_int_eq(parse_at(&p, bytes, len), -PKT_ERR_IP_EXT);
	ck_assert_int_eq(p.kind, PKT_OTHER);
}
END_TEST

START_TEST(no_next_header_is_something_else)
{
	uint8_t bytes[200], header[8];
	struct pkt p;
	uint32_t len = data_packet(6, bytes, sizeof(bytes));

	bytes[6] = NO_NEXT;
	ext_header(header, 8, HOP_BY_HOP);
	len = seg_insert_ipv6(bytes, len, HOP_BY_HOP, header, 8);
	ck_assert_int_eq(parse_at(&p, bytes, len), 0);
	ck_assert_int_eq(p.kind, PKT_OTHER);
	ck_assert_uint_eq(p.protocol, NO_NEXT);
}
END_TEST

START_TEST(other_protocols_are_something_else)
{
	uint8_t bytes[200];
	struct pkt p;
	uint32_t len = data_packet(_i, bytes, sizeof(bytes));

	bytes[_i == 4 ? 9 : 6] = 17;
	ck_assert_int_eq(parse_at(&p, bytes, len), 0);
	ck_assert_int_eq(p.kind, PKT_OTHER);
	ck_assert_uint_eq(p.protocol, 17);
	check_addr(&p.dst, server_of(_i));
}
END_TEST

/* fragment() - make a fragment of the data packet: @off in units of eight bytes. */
static int fragment(struct pkt *p, int family, uint8_t *bytes, size_t cap, unsigned off, bool more)
{
	uint8_t header[8] = {0};
	uint32_t len = data_packet(family, bytes, cap);

	if (family == 4) {
		bytes[6] = (uint8_t)((more ? 0x20 : 0) | off >> 8);
		bytes[7] = (uint8_t)off;
	} else {
		header[2] = (uint8_t)(off >> 5);
		header[3] = (uint8_t)(off << 3 | more);
		len = seg_insert_ipv6(bytes, len, FRAGMENT, header, 8);
	}
	return parse_at(p, bytes, len);
}

START_TEST(a_first_fragment_has_ports)
{
	uint8_t bytes[200];
	struct pkt p;

	ck_assert_int_eq(fragment(&p, _i, bytes, sizeof(bytes), 0, true), 0);
	ck_assert_int_eq(p.kind, PKT_FRAGMENT);
	ck_assert_uint_eq(p.protocol, 6);
	ck_assert_uint_eq(p.sport, 1024);
	ck_assert_uint_eq(p.dport, 80);
	check_addr(&p.src, client_of(_i));
}
END_TEST

START_TEST(a_later_fragment_has_none)
{
	uint8_t bytes[200];
	struct pkt p;
	unsigned off, more;

	for (off = 1; off < 0x2000; off *= 2) {
		for (more = 0; more < 2; more++) {
			ck_assert_int_eq(fragment(&p, _i, bytes, sizeof(bytes), off, more), 0);
			ck_assert_int_eq(p.kind, PKT_FRAGMENT);
			ck_assert_uint_eq(p.protocol, 6);
			ck_assert_uint_eq(p.sport | p.dport, 0);
			check_addr(&p.dst, server_of(_i));
		}
	}
}
END_TEST

START_TEST(an_atomic_fragment_is_whole)
{
	uint8_t bytes[200];
	struct pkt p;

	ck_assert_int_eq(fragment(&p, 6, bytes, sizeof(bytes), 0, false), 0);
	check_data(&p);
	ck_assert_uint_eq(p.l4_off, 48);
}
END_TEST

/* The options of the first fragment may run into the second: not an error, and no ports. */
START_TEST(a_fragment_inside_its_headers_is_still_one)
{
	uint8_t bytes[200], header[8] = {0};
	struct pkt p;
	uint32_t len = data_packet(6, bytes, sizeof(bytes));

	ext_header(header, 8, DSTOPTS);
	header[1] = 30;
	len = seg_insert_ipv6(bytes, len, DSTOPTS, header, 8);
	memset(header, 0, 8);
	header[3] = 1;
	len = seg_insert_ipv6(bytes, len, FRAGMENT, header, 8);
	ck_assert_int_eq(parse_at(&p, bytes, len), 0);
	ck_assert_int_eq(p.kind, PKT_FRAGMENT);
	ck_assert_uint_eq(p.protocol, DSTOPTS);
	ck_assert_uint_eq(p.sport, 0);
}
END_TEST

static void both_families(TCase *t, const TTest *test)
{
	tcase_add_loop_test(t, test, 4, 5);
	tcase_add_loop_test(t, test, 6, 7);
}

TCase *ip_cases(void)
{
	TCase *t = tcase_create("ip");

	tcase_add_test(t, ipv4_options_are_skipped);
	both_families(t, padding_behind_the_packet_is_ignored);
	both_families(t, a_packet_that_was_cut_short_is_an_error);
	tcase_add_test(t, no_version_no_packet);
	tcase_add_test(t, impossible_ipv4_lengths);
	both_families(t, big_tcp_takes_the_true_length);
	tcase_add_test(t, ipv6_without_payload_is_no_tcp);
	tcase_add_test(t, extension_headers_are_skipped);
	tcase_add_test(t, a_chain_without_end_is_an_error);
	tcase_add_test(t, no_next_header_is_something_else);
	both_families(t, other_protocols_are_something_else);
	both_families(t, a_first_fragment_has_ports);
	both_families(t, a_later_fragment_has_none);
	tcase_add_test(t, an_atomic_fragment_is_whole);
	tcase_add_test(t, a_fragment_inside_its_headers_is_still_one);
	return t;
}
