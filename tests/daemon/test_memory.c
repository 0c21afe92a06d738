/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The limit of memory, read from files made for it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/memory.h"

static char root[64];

/* given() - the file @path below the root holds @text. */
static void given(const char *path, const char *text)
{
	char full[256], command[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(command, sizeof(command), "mkdir -p \"$(dirname %s)\"", full);
	ck_assert_int_eq(system(command), 0);
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void setup(void)
{
	snprintf(root, sizeof(root), "%s", "/tmp/tcpguard-memory.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(nothing_known)
{
	ck_assert_uint_eq(memory_limit(root), MEMORY_NO_LIMIT);
	given("/proc/self/cgroup", "12:memory:/old\n");
	ck_assert_uint_eq(memory_limit(root), MEMORY_NO_LIMIT);
	given("/proc/self/cgroup", "12:memory:/old\n0::/here\n");
	ck_assert_uint_eq(memory_limit(root), MEMORY_NO_LIMIT);
}
END_TEST

START_TEST(no_limit)
{
	given("/proc/self/cgroup", "0::/system.slice/tcpguard.service\n");
	given("/sys/fs/cgroup/system.slice/tcpguard.service/memory.max", "max\n");
	ck_assert_uint_eq(memory_limit(root), MEMORY_NO_LIMIT);
}
END_TEST

START_TEST(own_limit)
{
	given("/proc/self/cgroup", "0::/system.slice/tcpguard.service\n");
	given("/sys/fs/cgroup/system.slice/tcpguard.service/memory.max", "67108864\n");
	given("/sys/fs/cgroup/system.slice/memory.max", "max\n");
	ck_assert_uint_eq(memory_limit(root), 64u << 20);
}
END_TEST

START_TEST(limit_of_a_parent)
{
	given("/proc/self/cgroup", "0::/a/b/c\n");
	given("/sys/fs/cgroup/a/b/c/memory.max", "67108864\n");
	given("/sys/fs/cgroup/a/memory.max", "33554432\n");
	ck_assert_uint_eq(memory_limit(root), 32u << 20);
}
END_TEST

/* In a namespace of control groups, as in a container, the own group is the root. */
START_TEST(limit_of_a_container)
{
	given("/proc/self/cgroup", "0::/\n");
	given("/sys/fs/cgroup/memory.max", "1000000\n");
	ck_assert_uint_eq(memory_limit(root), 1000000);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("limit");
	Suite *s = suite_create("memory");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_known);
	tcase_add_test(tc, no_limit);
	tcase_add_test(tc, own_limit);
	tcase_add_test(tc, limit_of_a_parent);
	tcase_add_test(tc, limit_of_a_container);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
