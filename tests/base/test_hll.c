/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HyperLogLog: accuracy over its whole range, in many seeds; the seed that fails is printed. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hll.h"
#include "base/siphash.h"

/* count_up() - @n different things, numbered from @first, with the hash function of @seed. */
static void count_up(struct hll *h, uint64_t seed, uint64_t first, uint64_t n)
{
	struct siphash_key key = {seed, ~seed};

	for (uint64_t i = first; i < first + n; i++)
		hll_add(h, siphash13_2words(&key, i, 0));
}

static double estimate_of(uint64_t seed, uint64_t n)
{
	struct hll h = {0};

	count_up(&h, seed, seed << 32, n);
	return (double)hll_estimate(&h);
}

/*
 * The bounds: the standard error is 2.3 %, of small counts less, since few registers are hit twice
 * (0.5 allows for rounding to a whole number). Worst: 4.5 standard errors. Bias: 3.5 of the mean's.
 */
static const struct {
	uint64_t n;
	unsigned seeds;
	double rms, worst;
} accuracy[] = {
	{1, 500, 0, 0},
	{10, 500, 0.04, 0.2},
	{100, 500, 0.018, 0.07},
	{1000, 500, 0.020, 0.09},
	{3000, 500, 0.024, 0.105},
	{5000, 500, 0.025, 0.105}, /* where other estimators change the formula */
	{10000, 300, 0.025, 0.105},
	{100000, 100, 0.027, 0.105},
	{10000000, 8, 0.045, 0.105},
};

START_TEST(accurate)
{
	double n = (double)accuracy[_i].n, bias = 0, squares = 0, worst = 0, rms;
	unsigned seeds = accuracy[_i].seeds;

	for (unsigned seed = 1; seed <= seeds; seed++) {
		double wrong = estimate_of(seed, accuracy[_i].n) / n - 1;

		bias += wrong / seeds;
		squares += wrong * wrong;
		worst = fmax(worst, fabs(wrong));
		ck_assert_msg(fabs(wrong) <= accuracy[_i].worst, "seed %u: wrong by %.2f %%", seed,
			      wrong * 100);
	}
	rms = sqrt(squares / seeds);
	printf("%9.0f distinct: bias %+.2f %%, rms %.2f %%, worst %.2f %%\n", n, bias * 100,
	       rms * 100, worst * 100);
	ck_assert_msg(rms <= accuracy[_i].rms, "rms %.2f %%", rms * 100);
	ck_assert_msg(fabs(bias) <= 3.5 * accuracy[_i].rms / sqrt(seeds), "bias %.2f %%",
		      bias * 100);
}
END_TEST

START_TEST(nothing_is_nothing)
{
	struct hll h = {0};

	ck_assert_uint_eq(hll_estimate(&h), 0);
}
END_TEST

START_TEST(the_same_again_counts_once)
{
	struct hll once = {0}, often = {0};

	count_up(&once, 1, 0, 5000);
	for (int i = 0; i < 10; i++)
		count_up(&often, 1, 0, 5000);
	ck_assert_mem_eq(&once, &often, sizeof(once));
}
END_TEST

/* Two workers that see parts which overlap. */
START_TEST(merged_equals_union)
{
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct hll a = {0}, b = {0}, both = {0};

		count_up(&a, seed, 0, 100 * seed);
		count_up(&b, seed, 50 * seed, 1000);
		count_up(&both, seed, 0, 100 * seed);
		count_up(&both, seed, 50 * seed, 1000);
		hll_merge(&a, &b);
		ck_assert_msg(memcmp(&a, &both, sizeof(a)) == 0, "seed %llu",
			      (unsigned long long)seed);
		hll_merge(&a, &a);
		ck_assert_mem_eq(&a, &both, sizeof(a));
	}
}
END_TEST

START_TEST(grows_with_what_is_added)
{
	struct hll h = {0};
	uint64_t before = 0;

	for (uint64_t i = 0; i < 20000; i++) {
		uint64_t now;

		count_up(&h, 7, i, 1);
		if (i % 50)
			continue;
		now = hll_estimate(&h);
		ck_assert_uint_ge(now, before);
		before = now;
	}
}
END_TEST

START_TEST(extreme_hashes)
{
	struct hll h = {0};

	hll_add(&h, 0);
	ck_assert_uint_eq(h.rank[0], 65 - HLL_BITS);
	hll_add(&h, UINT64_MAX);
	ck_assert_uint_eq(h.rank[HLL_REGISTERS - 1], 1);
	ck_assert_uint_eq(hll_estimate(&h), 2);
	memset(h.rank, 65 - HLL_BITS, sizeof(h.rank)); /* full: any number, but no crash */
	ck_assert_uint_gt(hll_estimate(&h), UINT32_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hll");
	TCase *tc = tcase_create("hll");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, accurate, 0, ARRAY_SIZE(accuracy));
	tcase_add_test(tc, nothing_is_nothing);
	tcase_add_test(tc, the_same_again_counts_once);
	tcase_add_test(tc, merged_equals_union);
	tcase_add_test(tc, grows_with_what_is_added);
	tcase_add_test(tc, extreme_hashes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
