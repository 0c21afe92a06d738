/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test_wire.h"

#include "wire/checksum.h"

/* plain_sum() - the folded sum, byte by byte, in network order. */
static uint16_t plain_sum(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? at[i] : (unsigned)at[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

START_TEST(example_of_rfc_1071)
{
	const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	ck_assert_uint_eq(ntohs(csum_fold(csum_add_bytes(0, bytes, sizeof(bytes)))), 0xddf2);
}
END_TEST

START_TEST(any_length_at_any_alignment)
{
	for_each_seed (seed, 2000) {
		struct seg_random r = seg_random(seed);
		size_t len = 1 + seg_random_below(&r, 400), skew = seg_random_below(&r, 9);
		uint8_t *block = malloc(skew + len), *at = block + skew;

		seg_random_bytes(&r, at, len);
		if (seg_random_below(&r, 4) == 0)
			memset(at, 0xff, len);
		check_seed(ntohs(csum_fold(csum_add_bytes(0, at, len))) == plain_sum(at, len),
			   seed);
		free(block);
	}
}
END_TEST

START_TEST(carries_of_a_full_buffer_are_kept)
{
	size_t len = 65536;
	uint8_t *all_ones = malloc(len);

	ck_assert_ptr_nonnull(all_ones);
	memset(all_ones, 0xff, len);
	ck_assert_uint_eq(csum_fold(csum_add_bytes(0, all_ones, len)), 0xffff);
	ck_assert_uint_eq(csum_fold(csum_add_bytes(UINT64_MAX, all_ones, len)), 0xffff);
	all_ones[len - 1] = 0xfe;
	ck_assert_uint_eq(ntohs(csum_fold(csum_add_bytes(UINT64_MAX, all_ones, len))), 0xfffe);
	free(all_ones);
}
END_TEST

START_TEST(pieces_add_up)
{
	for_each_seed (seed, 2000) {
		struct seg_random r = seg_random(seed);
		uint8_t bytes[300];
		size_t cut = seg_random_below(&r, 150) * 2;
		uint64_t sum;

		seg_random_bytes(&r, bytes, sizeof(bytes));
		sum = csum_add_bytes(0, bytes, cut);
		sum = csum_add_bytes(sum, bytes + cut, sizeof(bytes) - cut);
		check_seed(ntohs(csum_fold(sum)) == plain_sum(bytes, sizeof(bytes)), seed);
	}
}
END_TEST

START_TEST(folding_keeps_the_value_modulo_ffff)
{
	ck_assert_uint_eq(csum_fold(0), 0);
	ck_assert_uint_eq(csum_fold(0xffff), 0xffff);
	ck_assert_uint_eq(csum_fold(0x10000), 1);
	ck_assert_uint_eq(csum_fold(UINT64_MAX), 0xffff);
	ck_assert_uint_eq(csum_fold(0xffffffff00000000), 0xffff);
	for_each_seed (seed, 100000) {
		struct seg_random r = seg_random(seed);
		uint64_t sum = seg_random_next(&r);

		check_seed(csum_fold(sum) % 0xffff == sum % 0xffff && csum_fold(sum) != 0, seed);
	}
}
END_TEST

START_TEST(pseudo_header_of_both_families)
{
	struct seg_end c = client_of(_i), s = server_of(_i);
	uint8_t bytes[40] = {0};
	size_t n = 0;

	if (_i == 4) {
		memcpy(bytes, &c.addr.w[3], 4);
		memcpy(bytes + 4, &s.addr.w[3], 4);
		n = 8;
	} else {
		memcpy(bytes, &c.addr, 16);
		memcpy(bytes + 16, &s.addr, 16);
		n = 32;
	}
	bytes[n + 1] = 0x01; /* length 0x12345, protocol 6 */
	bytes[n + 2] = 0x23;
	bytes[n + 3] = 0x45;
	bytes[n + 5] = 6;
	ck_assert_uint_eq(ntohs(csum_fold(csum_pseudo(&c.addr, &s.addr, 6, 0x12345))),
			  plain_sum(bytes, n + 6));
}
END_TEST

/* Every word changed in a message with every interesting sum: update and full sum must agree. */
START_TEST(update_equals_full_sum)
{
	static const uint16_t corners[] = {0, 1, 0x00ff, 0xff00, 0x7fff, 0x8000, 0xfffe, 0xffff};

	for_each_seed (seed, 100000) {
		struct seg_random r = seg_random(seed);
		uint16_t words[4], from, to, check, full;
		uint32_t wide[2];
		unsigned i;

		for (i = 0; i < 4; i++)
			words[i] = seg_random_below(&r, 2)
					   ? corners[seg_random_below(&r, ARRAY_SIZE(corners))]
					   : (uint16_t)seg_random_next(&r);
		words[3] |= 1; /* like a pseudo header: never all zeros */
		check = (uint16_t)~csum_fold(csum_add_bytes(0, words, sizeof(words)));
		from = words[0];
		to = corners[seg_random_below(&r, ARRAY_SIZE(corners))];
		words[0] = to;
		full = (uint16_t)~csum_fold(csum_add_bytes(0, words, sizeof(words)));
		check_seed(csum_update16(check, from, to) == full, seed);

		memcpy(wide, words, 4);
		wide[1] = seg_random_below(&r, 2) ? (uint32_t)seg_random_next(&r) : UINT32_MAX;
		memcpy(words, &wide[1], 4);
		check = csum_update32(full, wide[0], wide[1]);
		full = (uint16_t)~csum_fold(csum_add_bytes(0, words, sizeof(words)));
		check_seed(check == full, seed);
	}
}
END_TEST

START_TEST(corner_of_rfc_1624)
{
	/* The example of its section 4: HC = 0xdd2f, m = 0x5555, m' = 0x3285 gives 0x0000. */
	ck_assert_uint_eq(csum_update16(htons(0xdd2f), htons(0x5555), htons(0x3285)), 0);
}
END_TEST

TCase *checksum_cases(void)
{
	TCase *t = tcase_create("checksum");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, example_of_rfc_1071);
	tcase_add_test(t, any_length_at_any_alignment);
	tcase_add_test(t, carries_of_a_full_buffer_are_kept);
	tcase_add_test(t, pieces_add_up);
	tcase_add_test(t, folding_keeps_the_value_modulo_ffff);
	tcase_add_loop_test(t, pseudo_header_of_both_families, 4, 5);
	tcase_add_loop_test(t, pseudo_header_of_both_families, 6, 7);
	tcase_add_test(t, update_equals_full_sum);
	tcase_add_test(t, corner_of_rfc_1624);
	return t;
}
