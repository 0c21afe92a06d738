/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "base/log2.h"

static void check_log2(uint64_t x)
{
	double wrong = log2_q16(x) - log2((double)x) * LOG2_ONE;

	if (fabs(wrong) > 13)
		ck_abort_msg("log2(%llu) is wrong by %.1f", (unsigned long long)x, wrong);
}

START_TEST(close_to_the_real_one)
{
	for (uint64_t x = 1; x < 100000; x++)
		check_log2(x);
	for (uint64_t x = 1; x < UINT64_MAX / 101; x += x / 100 + 1)
		check_log2(x);
	check_log2(UINT32_MAX);
}
END_TEST

START_TEST(exact_for_powers_of_two)
{
	for (unsigned bit = 0; bit < 64; bit++)
		ck_assert_uint_eq(log2_q16((uint64_t)1 << bit), bit * LOG2_ONE);
	ck_assert_uint_eq(log2_q16(0), 0);
	ck_assert_uint_eq(log2_q16(UINT64_MAX), 64 * LOG2_ONE - 1);
}
END_TEST

START_TEST(never_falls)
{
	uint32_t before = 0;

	for (uint64_t x = 1; x < 1000000; x++) {
		uint32_t now = log2_q16(x);

		if (now < before)
			ck_abort_msg("at %llu", (unsigned long long)x);
		before = now;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log2");
	TCase *tc = tcase_create("log2");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, close_to_the_real_one);
	tcase_add_test(tc, exact_for_powers_of_two);
	tcase_add_test(tc, never_falls);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
