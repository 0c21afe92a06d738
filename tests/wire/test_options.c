/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

/* parse_options() - a packet with these option bytes, parsed from a block of its own. */
static struct tcp_options parse_options(const uint8_t *opt, uint32_t n)
{
	struct segment s = seg_bare(client_of(4), server_of(4), TCP_SYN, 1, 0);
	uint8_t bytes[100], *exact;
	uint32_t len = seg_bytes_raw(&s, opt, n, bytes, sizeof(bytes));
	struct pkt p;

	exact = exact_copy(bytes, len);
	ck_assert_int_eq(parse_at(&p, exact, len), 0);
	ck_assert_int_eq(p.kind, PKT_TCP);
	free(exact);
	return p.opt;
}

#define OPTIONS(...) \
	parse_options((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

START_TEST(mss)
{
	struct tcp_options o = OPTIONS(2, 4, 0x05, 0xb4);

	ck_assert_uint_eq(o.present, TCP_OPT_MSS);
	ck_assert_uint_eq(o.mss, 1460);
}
END_TEST

START_TEST(window_scale_is_clamped)
{
	unsigned shift;

	for (shift = 0; shift < 256; shift++) {
		struct tcp_options o = OPTIONS(1, 3, 3, (uint8_t)shift);

		ck_assert_uint_eq(o.present, TCP_OPT_WSCALE);
		ck_assert_uint_eq(o.wscale, shift > 14 ? 14 : shift);
	}
}
END_TEST

START_TEST(timestamps_in_the_common_place)
{
	struct tcp_options o = OPTIONS(1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);

	ck_assert_uint_eq(o.present, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(o.ts_val, 0x01020304);
	ck_assert_uint_eq(o.ts_ecr, 0x05060708);
	ck_assert_uint_eq(o.off_ts, 22);
}
END_TEST

START_TEST(timestamps_at_an_odd_offset)
{
	struct tcp_options o = OPTIONS(1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);

	ck_assert_uint_eq(o.present, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(o.ts_val, 0x01020304);
	ck_assert_uint_eq(o.ts_ecr, 0x05060708);
	ck_assert_uint_eq(o.off_ts, 21);
}
END_TEST

START_TEST(one_to_four_sack_blocks)
{
	uint8_t opt[40];
	unsigned n, i;

	for (n = 1; n <= 4; n++) {
		struct tcp_options o;

		for (i = 0; i < sizeof(opt); i++)
			opt[i] = (uint8_t)i;
		opt[0] = 5;
		opt[1] = (uint8_t)(2 + 8 * n);
		o = parse_options(opt, opt[1]);
		ck_assert_uint_eq(o.present, TCP_OPT_SACK);
		ck_assert_uint_eq(o.n_sack, n);
		ck_assert_uint_eq(o.off_sack, 20);
		ck_assert_uint_eq(o.sack[0].left, 0x02030405);
		ck_assert_uint_eq(o.sack[n - 1].right, 0x02030405 + 0x01010101 * (8 * n - 4));
	}
}
END_TEST

START_TEST(kinds_that_are_only_noted)
{
	ck_assert_uint_eq(OPTIONS(4, 2).present, TCP_OPT_SACK_PERMITTED);
	ck_assert_uint_eq(OPTIONS(34, 2).present, TCP_OPT_FASTOPEN);
	ck_assert_uint_eq(OPTIONS(34, 6, 1, 2, 3, 4).present, TCP_OPT_FASTOPEN);
	ck_assert_uint_eq(OPTIONS(254, 4, 0xf9, 0x89).present, TCP_OPT_FASTOPEN);
	ck_assert_uint_eq(OPTIONS(253, 6, 0xf9, 0x89, 1, 2).present, TCP_OPT_FASTOPEN);
	ck_assert_uint_eq(OPTIONS(254, 4, 0xf9, 0x88).present, TCP_OPT_UNKNOWN);
	ck_assert_uint_eq(OPTIONS(254, 2).present, TCP_OPT_UNKNOWN);
	ck_assert_uint_eq(OPTIONS(30, 4, 0, 1).present, TCP_OPT_MPTCP);
	ck_assert_uint_eq(OPTIONS(29, 4, 0, 0).present, TCP_OPT_AO);
	ck_assert_uint_eq(
		OPTIONS(19, 18, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15).present,
		TCP_OPT_MD5);
	ck_assert_uint_eq(OPTIONS(172, 5, 1, 2, 3).present, TCP_OPT_UNKNOWN);
	ck_assert_uint_eq(OPTIONS(1, 1, 1, 1).present, 0);
}
END_TEST

START_TEST(nothing_behind_an_end_counts)
{
	ck_assert_uint_eq(OPTIONS(0, 2, 4, 5, 0xb4).present, 0);
	ck_assert_uint_eq(OPTIONS(2, 4, 5, 0xb4, 0, 7, 0, 0).present, TCP_OPT_MSS);
}
END_TEST

START_TEST(the_first_of_a_kind_counts)
{
	struct tcp_options o = OPTIONS(2, 4, 0, 1, 2, 4, 0, 2, 3, 3, 5, 3, 3, 6);

	ck_assert_uint_eq(o.mss, 1);
	ck_assert_uint_eq(o.wscale, 5);
	o = OPTIONS(8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4);
	ck_assert_uint_eq(o.ts_val, 1);
	ck_assert_uint_eq(o.off_ts, 20);
	o = OPTIONS(5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 5, 18, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0,
		    0, 6);
	ck_assert_uint_eq(o.n_sack, 1);
	ck_assert_uint_eq(o.sack[0].left, 1);
}
END_TEST

START_TEST(options_in_any_segment)
{
	static const uint8_t opt[] = {2, 4, 5, 0xb4, 3, 3, 7, 4, 2};
	struct segment s = seg_rst(client_of(6), server_of(6), 1);
	uint8_t bytes[100];
	uint32_t len = seg_bytes_raw(&s, opt, sizeof(opt), bytes, sizeof(bytes));
	struct pkt p;

	ck_assert_int_eq(parse_at(&p, bytes, len), 0);
	ck_assert_uint_eq(p.opt.present, TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED);
}
END_TEST

/* Every known kind with every length: right or malformed, and what stood before still counts. */
START_TEST(wrong_lengths_are_malformed)
{
	static const struct {
		uint8_t kind, right;
		uint16_t bit;
	} known[] = {{2, 4, TCP_OPT_MSS},
		     {3, 3, TCP_OPT_WSCALE},
		     {8, 10, TCP_OPT_TIMESTAMPS},
		     {19, 18, TCP_OPT_MD5}};
	unsigned i, len;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		for (len = 0; len < 256; len++) {
			uint8_t opt[40] = {4, 2, known[i].kind, (uint8_t)len};
			uint16_t want = len == known[i].right ? known[i].bit : TCP_OPT_MALFORMED;

			ck_assert_uint_eq(parse_options(opt, 40).present,
					  TCP_OPT_SACK_PERMITTED | want);
		}
	}
}
END_TEST

START_TEST(wrong_sack_lengths_are_malformed)
{
	unsigned len;

	for (len = 0; len < 256; len++) {
		uint8_t opt[40] = {5, (uint8_t)len};
		bool right = len == 10 || len == 18 || len == 26 || len == 34;

		ck_assert_uint_eq(parse_options(opt, 40).present,
				  right ? TCP_OPT_SACK : TCP_OPT_MALFORMED);
	}
}
END_TEST

START_TEST(lengths_past_the_end_are_malformed)
{
	ck_assert_uint_eq(OPTIONS(1, 1, 1, 2).present, TCP_OPT_MALFORMED);
	ck_assert_uint_eq(OPTIONS(1, 1, 99, 3).present, TCP_OPT_MALFORMED);
	ck_assert_uint_eq(OPTIONS(99, 41, 0, 0).present, TCP_OPT_MALFORMED);
	ck_assert_uint_eq(OPTIONS(99, 0, 0, 0).present, TCP_OPT_MALFORMED);
	ck_assert_uint_eq(OPTIONS(99, 1, 0, 0).present, TCP_OPT_MALFORMED);
	ck_assert_uint_eq(OPTIONS(99, 2, 99, 2).present, TCP_OPT_UNKNOWN);
}
END_TEST

TCase *options_cases(void)
{
	TCase *t = tcase_create("options");

	tcase_add_test(t, mss);
	tcase_add_test(t, window_scale_is_clamped);
	tcase_add_test(t, timestamps_in_the_common_place);
	tcase_add_test(t, timestamps_at_an_odd_offset);
	tcase_add_test(t, one_to_four_sack_blocks);
	tcase_add_test(t, kinds_that_are_only_noted);
	tcase_add_test(t, nothing_behind_an_end_counts);
	tcase_add_test(t, the_first_of_a_kind_counts);
	tcase_add_test(t, options_in_any_segment);
	tcase_add_test(t, wrong_lengths_are_malformed);
	tcase_add_test(t, wrong_sack_lengths_are_malformed);
	tcase_add_test(t, lengths_past_the_end_are_malformed);
	return t;
}
