/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state_file.h"

#define NAME "rules.json"

static char root[] = "/tmp/tcpguard-state.XXXXXX", dir[64], path[96];
static char why[256];

static void setup(void)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/state", root);
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static int put(const char *text)
{
	return state_file_write(dir, NAME, text, strlen(text), why, sizeof(why));
}

/* holds() - is @text what the file has? */
static bool holds(const char *text)
{
	size_t len;
	char *data;
	bool same;

	ck_assert_int_eq(state_file_read(dir, NAME, 1024, &data, &len, why, sizeof(why)), 0);
	ck_assert_uint_eq(strlen(data), len);
	same = strcmp(data, text) == 0;
	free(data);
	return same;
}

START_TEST(what_was_written_is_read)
{
	struct stat st;

	ck_assert_int_eq(put("one\n"), 0);
	ck_assert(holds("one\n"));
	ck_assert_int_eq(put("two\n"), 0);
	ck_assert(holds("two\n"));
	ck_assert_int_eq(put(""), 0);
	ck_assert(holds(""));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0027, 0);
}
END_TEST

START_TEST(no_file_is_told_from_a_bad_one)
{
	size_t len = 7;
	char *data;

	ck_assert_int_eq(state_file_read(dir, NAME, 10, &data, &len, why, sizeof(why)), -ENOENT);
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(put("12345678901"), 0);
	ck_assert_int_eq(state_file_read(dir, NAME, 10, &data, &len, why, sizeof(why)), -EFBIG);
	ck_assert_ptr_null(data);
	ck_assert_ptr_nonnull(strstr(why, path));
	ck_assert_int_eq(state_file_read(dir, NAME, 11, &data, &len, why, sizeof(why)), 0);
	free(data);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(state_file_read(dir, NAME, 10, &data, &len, why, sizeof(why)), -EINVAL);
}
END_TEST

START_TEST(a_directory_that_cannot_be_is_named)
{
	snprintf(dir, sizeof(dir), "%s/not/there", root);
	ck_assert_int_eq(put("x"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why, dir));
	snprintf(dir, sizeof(dir), "%s/file", root);
	fclose(fopen(dir, "w"));
	ck_assert_int_eq(put("x"), -ENOTDIR);
}
END_TEST

/* A write that fails in the middle, as on a full disk, leaves the old file and no other. */
START_TEST(a_failed_write_leaves_the_old_file)
{
	struct rlimit old, small;
	char *big = calloc(1, 100000);
	char left[128];

	ck_assert_int_eq(put("old"), 0);
	memset(big, 'x', 99999);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){.rlim_cur = 50000, .rlim_max = old.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(put(big), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	ck_assert(holds("old"));
	snprintf(left, sizeof(left), "%s/." NAME ".new", dir);
	ck_assert_int_eq(access(left, F_OK), -1);
	free(big);
}
END_TEST

/* A daemon was killed between making the temporary file and renaming it. */
START_TEST(a_left_over_temporary_file_is_no_obstacle)
{
	char left[128], target[128];

	ck_assert_int_eq(put("old"), 0);
	snprintf(left, sizeof(left), "%s/." NAME ".new", dir);
	snprintf(target, sizeof(target), "%s/elsewhere", root);
	ck_assert_int_eq(symlink(target, left), 0);
	ck_assert_int_eq(put("new"), 0);
	ck_assert(holds("new"));
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

START_TEST(too_much_is_refused)
{
	char *big = calloc(1, STATE_FILE_MAX + 1);

	ck_assert_int_eq(put("old"), 0);
	ck_assert_int_eq(state_file_write(dir, NAME, big, STATE_FILE_MAX + 1, why, sizeof(why)),
			 -EFBIG);
	ck_assert(holds("old"));
	free(big);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state_file");
	TCase *tc = tcase_create("state_file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_was_written_is_read);
	tcase_add_test(tc, no_file_is_told_from_a_bad_one);
	tcase_add_test(tc, a_directory_that_cannot_be_is_named);
	tcase_add_test(tc, a_failed_write_leaves_the_old_file);
	tcase_add_test(tc, a_left_over_temporary_file_is_no_obstacle);
	tcase_add_test(tc, too_much_is_refused);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
