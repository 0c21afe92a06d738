/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP errors: the packet they quote, read and rewritten. */
#include "test_wire.h"

#include <errno.h>

#include "wire/rewrite.h"

#define ROUTER(family) (seg_end((family) == 4 ? "203.0.113.9" : "2001:db8:9::9", 0).addr)

/* An ICMP error about a segment from server to client, in a block of its own. */
struct error {
	uint8_t *bytes;
	uint32_t len;
	struct pkt p;
	int result;
};

static const uint8_t unreachable[7] = {[4] = 3, [6] = 1};

/* error_about() - @n bytes of @quote; n may exceed what is there. */
static void error_about(struct error *e, uint8_t type, uint8_t code, const uint8_t *quote,
			uint32_t n)
{
	uint8_t buf[3000];

	e->len = seg_icmp_error(ROUTER(quote[0] >> 4), type, code, 0, quote, n, buf, sizeof(buf));
	e->bytes = exact_copy(buf, e->len);
	e->result = parse_at(&e->p, e->bytes, e->len);
}

/* quoted_segment() - what the server sent: data with timestamps. */
static struct segment quoted_segment(int family)
{
	struct segment s = seg_data(server_of(family), client_of(family), 0x11223344, 0x55667788,
				    "0123456789", 10);

	seg_timestamps(&s, 1, 2);
	return s;
}

START_TEST(all_error_types)
{
	struct segment s = quoted_segment(_i);
	uint8_t quote[200];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote)), type;

	for (type = 0; type < 256; type++) {
		bool is_error = _i == 4 ? type == 3 || type == 4 || type == 11 || type == 12
					: type >= 1 && type <= 4;
		struct error e;

		error_about(&e, (uint8_t)type, 7, quote, len);
		ck_assert_int_eq(e.result, 0);
		ck_assert_int_eq(e.p.kind, is_error ? PKT_ICMP_ERROR : PKT_OTHER);
		ck_assert_uint_eq(e.p.icmp_type, type);
		ck_assert_uint_eq(e.p.icmp_code, 7);
		free(e.bytes);
	}
}
END_TEST

START_TEST(the_quote_names_the_connection)
{
	struct segment s = quoted_segment(_i);
	uint32_t ip = _i == 4 ? 20 : 40, n;
	uint8_t quote[200];
	struct error e;

	seg_bytes(&s, quote, sizeof(quote));
	for (n = 0; n <= ip + 42; n++) {
		error_about(&e, unreachable[_i], 0, quote, n);
		ck_assert_int_eq(e.result, 0);
		ck_assert_int_eq(e.p.kind, n < ip + 8 ? PKT_OTHER : PKT_ICMP_ERROR);
		if (e.p.kind == PKT_ICMP_ERROR) {
			ck_assert(ip_addr_eq(&e.p.quote.src, &s.src));
			ck_assert(ip_addr_eq(&e.p.quote.dst, &s.dst));
			ck_assert_uint_eq(e.p.quote.sport, 80);
			ck_assert_uint_eq(e.p.quote.dport, 1024);
			ck_assert_uint_eq(e.p.quote.seq, 0x11223344);
			ck_assert_uint_eq(e.p.quote.tcp_off, ip + 8 + ip);
			/* at most the header, whatever else is quoted */
			ck_assert_uint_eq(e.p.quote.tcp_have, n - ip < 32 ? n - ip : 32);
		}
		free(e.bytes);
	}
}
END_TEST

START_TEST(quoted_options_and_extension_headers_are_skipped)
{
	static const uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0}, header[8] = {0};
	struct segment s = quoted_segment(_i);
	uint32_t ip = _i == 4 ? 20 : 40, len;
	uint8_t quote[200];
	struct error e;

	len = seg_bytes(&s, quote, sizeof(quote));
	if (_i == 4)
		seg_insert_ipv4(quote, len, options, 8);
	else
		seg_insert_ipv6(quote, len, 60, header, 8);
	error_about(&e, unreachable[_i], 0, quote, ip + 8 + 8);
	ck_assert_int_eq(e.p.kind, PKT_ICMP_ERROR);
	ck_assert_uint_eq(e.p.quote.tcp_off, ip + 8 + ip + 8);
	ck_assert_uint_eq(e.p.quote.tcp_have, 8);
	ck_assert_uint_eq(e.p.quote.seq, 0x11223344);
	free(e.bytes);
}
END_TEST

START_TEST(quoted_fragments)
{
	struct segment s = quoted_segment(4);
	uint8_t quote[200];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote));
	struct error e;

	quote[6] = 0x20; /* the first of several has the ports */
	error_about(&e, 3, 4, quote, len);
	ck_assert_int_eq(e.p.kind, PKT_ICMP_ERROR);
	free(e.bytes);
	quote[7] = 1; /* a later one has not */
	error_about(&e, 3, 4, quote, len);
	ck_assert_int_eq(e.result, 0);
	ck_assert_int_eq(e.p.kind, PKT_OTHER);
	free(e.bytes);
}
END_TEST

START_TEST(quotes_of_other_protocols)
{
	struct segment s = quoted_segment(_i);
	uint8_t quote[200];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote));
	struct error e;

	quote[_i == 4 ? 9 : 6] = 17;
	error_about(&e, unreachable[_i], 0, quote, len);
	ck_assert_int_eq(e.result, 0);
	ck_assert_int_eq(e.p.kind, PKT_OTHER);
	free(e.bytes);
}
END_TEST

/* RFC 4884: the quote is cut to or padded to 128 bytes; the extensions behind are no TCP header. */
START_TEST(extensions_behind_the_quote_are_not_quoted)
{
	static const uint8_t header[72] = {0, 8};
	struct segment s = quoted_segment(6);
	uint8_t quote[300], buf[400];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote)), told = 16u << 24; /* times eight */
	struct pkt p;

	len = seg_insert_ipv6(quote, len, 60, header, sizeof(header)); /* TCP begins at 112 */
	ck_assert_uint_ge(len, 128 + 16);
	len = seg_icmp_error(ROUTER(6), 1, 0, told, quote, 128 + 16, buf, sizeof(buf));
	ck_assert_int_eq(parse_at(&p, buf, len), 0);
	ck_assert_int_eq(p.kind, PKT_ICMP_ERROR);
	ck_assert_uint_eq(p.quote.tcp_have, 16);

	/* In a packet-too-big message the same byte is part of the MTU. */
	buf[40] = 2;
	ck_assert_int_eq(parse_at(&p, buf, len), 0);
	ck_assert_uint_eq(p.quote.tcp_have, 32);
}
END_TEST

START_TEST(padding_of_a_short_quote_is_not_quoted)
{
	struct segment s = quoted_segment(4);
	uint8_t quote[200] = {0}, buf[400];
	uint32_t told = 32u << 16, len; /* times four */
	struct pkt p;

	seg_bytes(&s, quote, sizeof(quote));
	quote[3] = 20 + 12; /* as if no more of it had been sent */
	len = seg_icmp_error(ROUTER(4), 3, 0, told, quote, 144, buf, sizeof(buf));
	ck_assert_int_eq(parse_at(&p, buf, len), 0);
	ck_assert_int_eq(p.kind, PKT_ICMP_ERROR);
	ck_assert_uint_eq(p.quote.tcp_have, 12);
}
END_TEST

/* Whatever part was quoted: both checksums hold after the sequence numbers were moved. */
START_TEST(translated_quotes_keep_their_checksums)
{
	for_each_seed (seed, 20000) {
		struct seg_random r = seg_random(seed);
		uint32_t seq_add = (uint32_t)seg_random_next(&r),
			 ack_add = (uint32_t)seg_random_next(&r);
		uint8_t quote[2000], *tcp;
		uint32_t len = random_packet(&r, quote, sizeof(quote)), l4, seq, ack;
		int family = quote[0] >> 4;
		struct error e;
		struct pkt p;

		parse_at(&p, quote, len);
		l4 = p.l4_off;
		seq = p.seq;
		ack = p.ack;
		len = l4 + 8 + seg_random_below(&r, len - l4 - 7);
		error_about(&e, unreachable[family], 0, quote, len);
		check_seed(e.p.kind == PKT_ICMP_ERROR && l4_checksum_is_right(&e.p), seed);
		if (seed % 8 == 0) {
			e.p.csum = PKT_CSUM_PARTIAL;
			e.bytes[e.p.l4_off + 2] ^= 0x55;
		}
		check_seed(pkt_rewrite_quote_seq(&e.p, seq_add, ack_add) == 0, seed);
		check_seed(e.p.quote.seq == seq + seq_add, seed);
		check_seed(l4_checksum_is_right(&e.p), seed);

		/* And the packet that was quoted is again one with a right checksum. */
		tcp = e.bytes + e.p.quote.tcp_off;
		memcpy(quote + l4, tcp, len - l4);
		parse_at(&p, quote, p.len);
		check_seed(p.seq == seq + seq_add, seed);
		if (e.p.quote.tcp_have >= 12)
			check_seed(p.ack == ack + ack_add, seed);
		if (e.p.quote.tcp_have >= 18)
			check_seed(pkt_checksum_ok(&p), seed);
		free(e.bytes);
	}
}
END_TEST

START_TEST(only_whole_errors_are_rewritten)
{
	struct segment s = quoted_segment(4);
	struct seg_packet whole;
	uint8_t quote[200];
	uint32_t len = seg_bytes(&s, quote, sizeof(quote));
	struct error e;

	ck_assert_int_eq(pkt_rewrite_quote_seq(seg_packet(&whole, &s), 1, 1), -EINVAL);
	error_about(&e, 3, 4, quote, len);
	pkt_parse(&e.p, e.bytes, e.len - 1, e.len, PKT_CSUM_FULL);
	ck_assert_int_eq(e.p.kind, PKT_ICMP_ERROR);
	ck_assert_int_eq(pkt_rewrite_quote_seq(&e.p, 1, 1), -EMSGSIZE);
	free(e.bytes);
}
END_TEST

static void both_families(TCase *t, const TTest *test)
{
	tcase_add_loop_test(t, test, 4, 5);
	tcase_add_loop_test(t, test, 6, 7);
}

TCase *quote_cases(void)
{
	TCase *t = tcase_create("quote");

	tcase_set_timeout(t, 30);
	both_families(t, all_error_types);
	both_families(t, the_quote_names_the_connection);
	both_families(t, quoted_options_and_extension_headers_are_skipped);
	tcase_add_test(t, quoted_fragments);
	both_families(t, quotes_of_other_protocols);
	tcase_add_test(t, extensions_behind_the_quote_are_not_quoted);
	tcase_add_test(t, padding_of_a_short_quote_is_not_quoted);
	tcase_add_test(t, translated_quotes_keep_their_checksums);
	tcase_add_test(t, only_whole_errors_are_rewritten);
	return t;
}
