/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of what was learned: the same again, or nothing. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/baselines.h"

static struct guard_baseline rows[GUARD_SERVICES_MAX], back[GUARD_SERVICES_MAX];
static char why[160];

/* text() - the file for @n services; released with free(). */
static char *text(uint32_t n, size_t *len)
{
	struct jw j = {0};
	char *copy;

	memset(rows, 0, sizeof(rows));
	for (uint32_t i = 0; i < n; i++) {
		snprintf(rows[i].service, sizeof(rows[i].service), "service-%u", i);
		rows[i].version = BASELINE_VERSION;
		rows[i].learned = 1000 + i;
		for (uint32_t k = 0; k < BASELINE_FIGURES; k++)
			rows[i].figure[k] = k % 2 ? UINT32_MAX - k : i * k;
	}
	baselines_write(&j, rows, n);
	ck_assert(!j.failed);
	copy = strndup(j.data, j.len);
	*len = j.len;
	jw_free(&j);
	return copy;
}

static int read_back(const char *file)
{
	return baselines_read(file, strlen(file), back, why, sizeof(why));
}

START_TEST(what_was_written_is_read)
{
	static const uint32_t counts[] = {0, 1, 2, GUARD_SERVICES_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t len;
		char *file = text(counts[i], &len);

		ck_assert_uint_lt(len, 256 * 1024);
		ck_assert_int_eq(read_back(file), (int)counts[i]);
		ck_assert_mem_eq(rows, back, counts[i] * sizeof(rows[0]));
		free(file);
	}
}
END_TEST

/* Any one byte that is changed, and any tail that is cut off, is noticed or changes nothing. */
START_TEST(damage_is_noticed)
{
	size_t len;
	char *file = text(2, &len);

	for (size_t at = 0; at < len; at++) {
		char old = file[at];

		for (unsigned bit = 0; bit < 7; bit++) {
			int n;

			file[at] = (char)(old ^ (1 << bit));
			n = read_back(file);
			if (n >= 0) {
				ck_assert_int_eq(n, 2);
				ck_assert_mem_eq(rows, back, 2 * sizeof(rows[0]));
			} else {
				ck_assert_int_eq(n, -EINVAL);
				ck_assert_uint_gt(strlen(why), 0);
			}
		}
		file[at] = old;
	}
	for (size_t cut = 0; cut + 1 < len; cut++)
		ck_assert_int_eq(baselines_read(file, cut, back, why, sizeof(why)), -EINVAL);
	free(file);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const char *const files[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"format\":2,\"services\":[],\"check\":\"0\"}",
		"{\"format\":1,\"services\":{},\"check\":\"0\"}",
		"{\"format\":1,\"services\":[],\"check\":\"0\"}",
		"{\"format\":1,\"services\":[],\"check\":0}",
		"{\"format\":1,\"services\":[7],\"check\":\"0\"}",
		"{\"format\":1,\"services\":[{\"service\":\"a\"}],\"check\":\"0\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		ck_assert_int_eq(read_back(files[i]), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("baselines");
	TCase *tc = tcase_create("baselines");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, what_was_written_is_read);
	tcase_add_test(tc, damage_is_noticed);
	tcase_add_test(tc, nonsense_is_refused);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
