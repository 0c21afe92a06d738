/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System tools: what they say, and what is done about one that hangs. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "datapath/tool.h"

static char error[TOOL_ERROR_MAX];

static int now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

START_TEST(input_and_output_go_through)
{
	static const char *const reverse[] = {"sh", "-c", "cat >/dev/null; echo no >&2; exit 3",
					      NULL};
	static const char *const say[] = {"echo", "yes", NULL};
	char out[16];

	ck_assert_int_eq(tool_run(reverse, "text", 4, error), 3);
	ck_assert_str_eq(error, "no");
	ck_assert_int_eq(tool_read(say, out, sizeof(out), error), 0);
	ck_assert_str_eq(out, "yes\n");
}
END_TEST

START_TEST(there_is_no_such_tool)
{
	static const char *const argv[] = {"tcpguard-no-such-tool", NULL};

	ck_assert_int_eq(tool_run(argv, NULL, 0, error), -ENOENT);
	ck_assert_str_eq(error, "tcpguard-no-such-tool is not installed");
}
END_TEST

/* Whoever asks the daemon to end may ask its whole process group, again and again. */
START_TEST(who_is_asked_to_end_goes_on)
{
	static const char *const argv[] = {
		"sh", "-c", "kill -INT $$; kill -TERM $$; kill -HUP $$; echo alive", NULL};
	char out[16];

	ck_assert_int_eq(tool_read(argv, out, sizeof(out), error), 0);
	ck_assert_str_eq(out, "alive\n");
}
END_TEST

START_TEST(who_hangs_is_killed)
{
	static const char *const hang[] = {"sleep", "100", NULL};
	static const char *const children[] = {"sh", "-c", "sleep 100 & sleep 100", NULL};
	static const char *const fine[] = {"true", NULL};
	int before = now_ms();

	ck_assert_int_eq(tool_run(hang, NULL, 0, error), -ETIMEDOUT);
	ck_assert_str_eq(error, "sleep did not end in time and was killed");
	ck_assert_int_ge(now_ms() - before, TOOL_LIMIT_MS);
	ck_assert_int_lt(now_ms() - before, TOOL_LIMIT_MS + 1000);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* and buried */

	before = now_ms();
	ck_assert_int_eq(tool_run(children, NULL, 0, error), -ETIMEDOUT);
	ck_assert_int_lt(now_ms() - before, 2000); /* nobody waits as long for the next one */

	ck_assert_int_eq(tool_run(fine, NULL, 0, error), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tool");
	TCase *t = tcase_create("tool");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 15);
	tcase_add_test(t, input_and_output_go_through);
	tcase_add_test(t, there_is_no_such_tool);
	tcase_add_test(t, who_is_asked_to_end_goes_on);
	tcase_add_test(t, who_hangs_is_killed);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
