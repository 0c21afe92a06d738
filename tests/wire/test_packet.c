/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#include "wire/rewrite.h"
#include "wire/text.h"

START_TEST(every_flag_comes_through)
{
	uint8_t bytes[SEGMENT_HEADERS_MAX];
	struct pkt p;
	unsigned flags;

	for (flags = 0; flags <= TCP_FLAGS_ALL; flags++) {
		struct segment s = seg_bare(client_of(4), server_of(4), (uint16_t)flags, 1, 2);
		uint32_t len = seg_bytes(&s, bytes, sizeof(bytes));

		ck_assert_int_eq(parse_at(&p, bytes, len), 0);
		ck_assert_uint_eq(p.flags, flags);
		ck_assert_uint_eq(pkt_seg_len(&p), (flags & 1) + (flags >> 1 & 1));
	}
}
END_TEST

START_TEST(impossible_data_offsets)
{
	struct segment s = seg_data(client_of(_i), server_of(_i), 1, 2, "abc", 3);
	uint32_t l4 = _i == 4 ? 20 : 40, len, offset;
	uint8_t bytes[200];
	struct pkt p;

	len = seg_bytes(&s, bytes, sizeof(bytes));
	for (offset = 0; offset < 16; offset++) {
		bytes[l4 + 12] = (uint8_t)(offset << 4);
		ck_assert_int_eq(parse_at(&p, bytes, len), offset == 5 ? 0 : -PKT_ERR_TCP_HEADER);
		ck_assert_int_eq(p.kind, offset == 5 ? PKT_TCP : PKT_OTHER);
		ck_assert_uint_eq(p.sport, 1024); /* read before the error */
	}
}
END_TEST

/* Only the head was copied: fine as long as the TCP header is there. */
START_TEST(headers_are_enough)
{
	uint8_t payload[1000] = {0}, bytes[1200], *exact;
	struct segment s = seg_data(client_of(_i), server_of(_i), 1, 2, payload, sizeof(payload));
	uint32_t len, headers, cap;
	struct pkt p;

	seg_timestamps(&s, 1, 2);
	len = seg_bytes(&s, bytes, sizeof(bytes));
	headers = len - (uint32_t)sizeof(payload);
	for (cap = 0; cap <= headers; cap++) {
		exact = exact_copy(bytes, cap);
		ck_assert_int_eq(pkt_parse(&p, exact, cap, len, PKT_CSUM_FULL),
				 cap == headers ? 0 : -PKT_ERR_TRUNCATED);
		free(exact);
	}
	ck_assert_uint_eq(p.payload_len, sizeof(payload));
	ck_assert_uint_eq(p.opt.ts_ecr, 2);
	ck_assert(!pkt_is_complete(&p));
	ck_assert(!pkt_checksum_ok(&p));
}
END_TEST

START_TEST(checksum_is_verified)
{
	for_each_seed (seed, 3000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[2000];
		uint32_t len = random_packet(&r, bytes, sizeof(bytes)), bit;
		struct pkt p;

		check_seed(pkt_parse(&p, bytes, len, len, PKT_CSUM_UNVERIFIED) == 0, seed);
		check_seed(pkt_checksum_ok(&p), seed);
		bit = p.l4_off * 8 + seg_random_below(&r, (len - p.l4_off) * 8);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		check_seed(!pkt_checksum_ok(&p), seed);
		p.csum = PKT_CSUM_PARTIAL;
		check_seed(pkt_checksum_ok(&p), seed);
	}
}
END_TEST

/* use_packet() - everything that anybody does with a packet, to see whether it survives. */
static void use_packet(uint8_t *bytes, uint32_t cap, uint32_t len, enum pkt_csum csum)
{
	struct tcp_rewrite rw = {.seq_add = 1, .ack_add = 2, .tsval_add = 3, .tsecr_add = 4};
	char text[PKT_TEXT_MAX];
	struct pkt p;
	int error = pkt_parse(&p, bytes, cap, len, csum);

	ck_assert(error <= 0 && error >= -PKT_ERR_TCP_HEADER);
	ck_assert(error == 0 || p.kind == PKT_OTHER);
	ck_assert(p.cap_len <= p.len && p.len <= len);
	ck_assert(p.kind != PKT_TCP || p.len == p.l4_off + p.tcp_hdr_len + p.payload_len);
	pkt_checksum_ok(&p);
	pkt_format(&p, text, sizeof(text));
	pkt_rewrite_tcp(&p, &rw);
	pkt_rewrite_quote_seq(&p, 1, 2);
	rw.blank_sack = rw.blank_ts = true;
	pkt_rewrite_tcp(&p, &rw);
	pkt_format(&p, text, sizeof(text));
}

START_TEST(random_bytes_do_no_harm)
{
	for_each_seed (seed, 50000) {
		struct seg_random r = seg_random(seed);
		uint32_t len = seg_random_below(&r, 200);
		uint8_t *bytes = malloc(len ? len : 1);

		seg_random_bytes(&r, bytes, len);
		if (len > 0 && seg_random_below(&r, 8))
			bytes[0] = seg_random_below(&r, 2) ? 0x45 : 0x60;
		if (len > 9 && seg_random_below(&r, 2)) {
			bytes[2] = 0;
			bytes[3] = (uint8_t)len;
			bytes[6] = bytes[7] = 0;
			bytes[9] = seg_random_below(&r, 2) ? 6 : 1;
		}
		use_packet(bytes, len, len + seg_random_below(&r, 2) * 100, PKT_CSUM_UNVERIFIED);
		free(bytes);
	}
}
END_TEST

static uint32_t icmp_packet(struct seg_random *r, uint8_t *buf, size_t cap)
{
	static const uint8_t types[] = {1, 2, 3, 4, 11, 12};
	uint8_t quote[2000];
	uint32_t len = random_packet(r, quote, sizeof(quote)), n;
	struct seg_end router = client_of(quote[0] >> 4);

	n = 28 + seg_random_below(r, 100);
	return seg_icmp_error(router.addr, types[seg_random_below(r, ARRAY_SIZE(types))], 0,
			      (uint32_t)seg_random_next(r), quote, n < len ? n : len, buf, cap);
}

/* extended_packet() - a random packet behind a few random IPv6 extension headers. */
static uint32_t extended_packet(struct seg_random *r, uint8_t *buf, size_t cap)
{
	static const uint8_t types[] = {0, 43, 44, 51, 60};
	uint32_t len = random_packet(r, buf, cap), n, size;
	uint8_t header[32];

	for (n = seg_random_below(r, 5); n > 0 && buf[0] >> 4 == 6; n--) {
		seg_random_bytes(r, header, sizeof(header));
		header[1] = (uint8_t)seg_random_below(r, 4);
		size = 8 * (header[1] + 1u);
		len = seg_insert_ipv6(buf, len, types[seg_random_below(r, ARRAY_SIZE(types))],
				      header, size);
	}
	return len;
}

START_TEST(mutated_packets_do_no_harm)
{
	for_each_seed (seed, 50000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[3000], *exact;
		uint32_t len, n;

		len = seg_random_below(&r, 3) ? extended_packet(&r, bytes, sizeof(bytes))
					      : icmp_packet(&r, bytes, sizeof(bytes));
		for (n = seg_random_below(&r, 5); n > 0; n--)
			bytes[seg_random_below(&r, len < 120 ? len : 120)] =
				(uint8_t)seg_random_next(&r);
		if (seg_random_below(&r, 4) == 0)
			len = seg_random_below(&r, len + 1);
		exact = exact_copy(bytes, len);
		use_packet(exact, len, len, (enum pkt_csum)seg_random_below(&r, 3));
		free(exact);
	}
}
END_TEST

START_TEST(every_truncation_does_no_harm)
{
	for_each_seed (seed, 60) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[3000], *exact;
		uint32_t len = seed % 3 ? extended_packet(&r, bytes, sizeof(bytes))
					: icmp_packet(&r, bytes, sizeof(bytes));
		uint32_t cap;

		for (cap = 0; cap <= len && cap < 300; cap++) {
			exact = exact_copy(bytes, cap);
			use_packet(exact, cap, len, PKT_CSUM_FULL);
			use_packet(exact, cap, cap, PKT_CSUM_FULL);
			free(exact);
		}
	}
}
END_TEST

START_TEST(errors_have_words)
{
	int e;

	for (e = PKT_ERR_TRUNCATED; e <= PKT_ERR_TCP_HEADER; e++) {
		ck_assert_str_ne(pkt_error_text(e), pkt_error_text(0));
		ck_assert_str_eq(pkt_error_text(e), pkt_error_text(-e));
	}
}
END_TEST

TCase *packet_cases(void)
{
	TCase *t = tcase_create("packet");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_flag_comes_through);
	tcase_add_loop_test(t, impossible_data_offsets, 4, 5);
	tcase_add_loop_test(t, impossible_data_offsets, 6, 7);
	tcase_add_loop_test(t, headers_are_enough, 4, 5);
	tcase_add_loop_test(t, headers_are_enough, 6, 7);
	tcase_add_test(t, checksum_is_verified);
	tcase_add_test(t, random_bytes_do_no_harm);
	tcase_add_test(t, mutated_packets_do_no_harm);
	tcase_add_test(t, every_truncation_does_no_harm);
	tcase_add_test(t, errors_have_words);
	return t;
}
