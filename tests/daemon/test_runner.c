/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that are run beside the daemon, good ones and bad ones. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/runner.h"

static char dir[] = "/tmp/tcpguard-runner.XXXXXX";
static struct event_base *base;
static struct runner *runner;
static int failures;
static char last_subject[64], last_why[RUNNER_WHY_MAX];

static void report(void *arg, const char *subject, const char *why)
{
	failures++;
	snprintf(last_subject, sizeof(last_subject), "%s", subject);
	snprintf(last_why, sizeof(last_why), "%s", why);
}

static void setup(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	base = event_base_new();
	runner = runner_new(base, report, NULL);
	failures = 0;
	last_why[0] = '\0';
}

static void teardown(void)
{
	char command[128];

	runner_free(runner);
	event_base_free(base);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left unburied */
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

/* script() - a file to be run. Return: its path, valid until the fourth next call. */
static char *script(const char *name, const char *body)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	FILE *f;

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	f = fopen(path, "we");
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, body);
	fclose(f);
	chmod(path, 0755);
	return path;
}

/* content() - of a file in @dir, cut to what fits; empty if there is none. */
static const char *content(const char *name)
{
	static char text[4096];
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return text;
}

static void call_with(const char *command, uint64_t key, usec_t limit, const char *text)
{
	char *env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"TCPGUARD_SERVICE=web shop", NULL};
	struct runner_call c = {
		.command = command,
		.subject = "web",
		.key = key,
		.limit = limit,
		.env = env,
		.text = text,
		.text_len = strlen(text),
	};

	runner_call(runner, &c);
}

static void call(const char *command)
{
	call_with(command, 1, 10 * USEC_PER_SEC, "facts\n");
}

/* finish() - let the loop run until all calls are done, at most 15 s. */
static void finish(void)
{
	usec_t end = clock_now() + 15 * USEC_PER_SEC;
	struct timeval step = {.tv_usec = 20000};

	while (runner_active(runner) > 0) {
		ck_assert(clock_now() < end);
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
	}
}

START_TEST(facts_arrive)
{
	char command[256];

	snprintf(command, sizeof(command), " %s one  \ttwo ",
		 script("good",
			"cat >in; printf '%s.' \"$TCPGUARD_SERVICE\" \"$HOME\" \"$@\" >args;"
			"pwd -P >/dev/null; ls /proc/self/fd >fds"));
	setenv("HOME", "/not/passed/on", 1);
	call(command);
	finish();
	ck_assert_int_eq(failures, 0);
	ck_assert_str_eq(content("in"), "facts\n");
	ck_assert_str_eq(content("args"), "web shop..one.two.");
}
END_TEST

/* Standard input is a file at its beginning, however much there is, and whoever reads it, or does not. */
START_TEST(much_text_needs_no_reader)
{
	size_t len = 1000000;
	char *text = malloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	call_with("/bin/true", 1, USEC_PER_SEC, text);
	call_with(script("count", "wc -c >count"), 1, 5 * USEC_PER_SEC, text);
	free(text);
	finish();
	ck_assert_int_eq(failures, 0);
	ck_assert_int_eq(atoi(content("count")), 1000000);
}
END_TEST

/* No descriptor, no signal mask and no ignored signal of the daemon reaches the command. */
START_TEST(nothing_of_ours_is_passed_on)
{
	int leaked = open("/dev/null", O_RDONLY);
	sigset_t usr1;

	ck_assert_int_eq(dup2(leaked, 77), 77);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	call(script(
		"look",
		"ls -m /proc/$$/fd >fds; exec grep -e SigBlk -e SigIgn /proc/self/status >sig"));
	finish();
	ck_assert_int_eq(failures, 0);
	ck_assert_ptr_null(strstr(content("fds"), "77"));
	ck_assert_ptr_nonnull(strstr(content("fds"), "0"));
	ck_assert_ptr_nonnull(strstr(content("sig"), "SigBlk:\t0000000000000000"));
	/* the C library ignores two more, which are its own */
	ck_assert_uint_eq(strtoull(strstr(content("sig"), "SigIgn:") + 7, NULL, 16) & 0x7fffffff,
			  0);
	close(77);
	close(leaked);
}
END_TEST

/* The daemon goes before others; what it calls does not. */
START_TEST(it_is_an_ordinary_process)
{
	char text[16];
	FILE *f = fopen("/proc/self/oom_score_adj", "we");

	if (geteuid() != 0) {
		puts("skipped: without root nothing is better than ordinary");
		fclose(f);
		return;
	}
	fputs("-500", f); /* needs CAP_SYS_RESOURCE, which not every root has */
	fclose(f);
	ck_assert_int_eq(setpriority(PRIO_PROCESS, 0, -5), 0);
	call(script("look", "ps -o ni= -p $$ >nice; cat /proc/self/oom_score_adj >oom;"
			    "grep CapAmb /proc/self/status >ambient"));
	finish();
	ck_assert_int_eq(failures, 0);
	snprintf(text, sizeof(text), "%s", content("nice"));
	ck_assert_int_eq(atoi(text), 0);
	ck_assert_str_eq(content("oom"), "0\n");
	ck_assert_str_eq(content("ambient"), "CapAmb:\t0000000000000000\n");
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), -5);
}
END_TEST

START_TEST(failures_are_told)
{
	call(script("bad", "echo 'no such host' >&2; exit 22"));
	finish();
	ck_assert_int_eq(failures, 1);
	ck_assert_str_eq(last_subject, "web");
	ck_assert_ptr_nonnull(strstr(last_why, "/bad ended with status 22: no such host"));
	call(script("dies", "kill -9 $$"));
	finish();
	ck_assert_int_eq(failures, 2);
	ck_assert_ptr_nonnull(strstr(last_why, "was ended by signal 9"));
	call("/not/there at all");
	finish();
	ck_assert_int_eq(failures, 3);
	ck_assert_ptr_nonnull(
		strstr(last_why, "/not/there cannot be run: No such file or directory"));
	call(dir);
	finish();
	ck_assert_int_eq(failures, 4);
	ck_assert_ptr_nonnull(strstr(last_why, "Permission denied"));
}
END_TEST

/* alive() - is the process whose number is in the file @name there, other than as a zombie? */
static bool alive(const char *name)
{
	char path[64], state = 'Z';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", atoi(content(name)));
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(f);
	return state != 'Z';
}

static bool becomes_dead(const char *name)
{
	for (int i = 0; i < 100 && alive(name); i++)
		usleep(20000);
	return !alive(name);
}

START_TEST(who_hangs_is_killed_with_all_its_children)
{
	usec_t start = clock_now();

	call_with(script("hang", "trap '' TERM; sleep 100 & echo $! >child; echo waiting; wait"), 1,
		  300 * USEC_PER_MSEC, "");
	finish();
	ck_assert(clock_now() - start < 5 * USEC_PER_SEC);
	ck_assert_int_eq(failures, 1);
	ck_assert_ptr_nonnull(
		strstr(last_why, "did not end within 300 ms and was killed: waiting"));
	ck_assert_int_gt(atoi(content("child")), 0);
	ck_assert(becomes_dead("child"));
}
END_TEST

START_TEST(what_it_leaves_in_the_background_ends_with_it)
{
	call(script("fork", "sleep 100 & echo $! >child"));
	finish();
	ck_assert_int_eq(failures, 0);
	ck_assert_int_gt(atoi(content("child")), 0);
	ck_assert(becomes_dead("child"));
}
END_TEST

START_TEST(much_output_is_thrown_away)
{
	call(script("loud", "head -c 3000000 /dev/zero | tr '\\0' 'y'; exit 3"));
	finish();
	ck_assert_int_eq(failures, 1);
	ck_assert_ptr_nonnull(strstr(last_why, "status 3: yyy"));
	ck_assert_uint_lt(strlen(last_why), 300);
}
END_TEST

/* Begin and end of one attack are told in this order, even if telling the first takes longer. */
START_TEST(one_key_one_after_the_other)
{
	char *path = script("order", "read w; [ \"$w\" = one ] && sleep 0.3; echo $w >>order.out");

	call_with(path, 7, USEC_PER_SEC * 5, "one\n");
	call_with(path, 7, USEC_PER_SEC * 5, "two\n");
	call_with(path, 7, USEC_PER_SEC * 5, "three\n");
	call_with(path, 8, USEC_PER_SEC * 5, "other\n");
	finish();
	ck_assert_int_eq(failures, 0);
	ck_assert_str_eq(content("order.out"), "other\none\ntwo\nthree\n");
}
END_TEST

START_TEST(one_that_cannot_start_blocks_no_other)
{
	char *path = script("order", "cat >>order.out");

	call_with("/not/there", 7, USEC_PER_SEC, "one\n");
	call_with("/not/there/either", 7, USEC_PER_SEC, "two\n");
	call_with(path, 7, USEC_PER_SEC * 5, "three\n");
	finish();
	ck_assert_int_eq(failures, 2);
	ck_assert_str_eq(content("order.out"), "three\n");
}
END_TEST

START_TEST(so_many_run_at_once)
{
	char *path = script("many", "echo >started.$$; sleep 0.3; ls started.* | wc -l >>n;"
				    "rm started.$$");
	int most = 0;
	char *n;

	for (int i = 0; i < 10; i++)
		call_with(path, (uint64_t)i, 10 * USEC_PER_SEC, "");
	ck_assert_uint_eq(runner_active(runner), 10);
	finish();
	ck_assert_int_eq(failures, 0);
	for (n = (char *)content("n"); *n; n = strchr(n, '\n') + 1)
		most = atoi(n) > most ? atoi(n) : most;
	ck_assert_int_le(most, RUNNER_RUNNING_MAX);
	ck_assert_int_ge(most, 2);
}
END_TEST

START_TEST(too_many_are_refused)
{
	for (int i = 0; i < RUNNER_WAITING_MAX + RUNNER_RUNNING_MAX; i++)
		call_with("/bin/true", (uint64_t)i, 10 * USEC_PER_SEC, "");
	ck_assert_int_eq(failures, 0);
	call_with("/bin/true", 1, USEC_PER_SEC, "");
	ck_assert_int_eq(failures, 1);
	ck_assert_ptr_nonnull(strstr(last_why, "was not run"));
	finish();
	ck_assert_int_eq(failures, 1);
}
END_TEST

START_TEST(the_end_of_the_daemon_is_no_wait_for_ever)
{
	usec_t start = clock_now();

	call_with(script("long", "sleep 100 & echo $! >child; wait"), 1, 90 * USEC_PER_SEC, "");
	call_with(script("short", "sleep 0.2; echo done >short.out"), 2, 90 * USEC_PER_SEC, "");
	call_with("/bin/true", 1, USEC_PER_SEC, "");
	while (!content("child")[0])
		usleep(10000);
	runner_free(runner);
	ck_assert(clock_now() - start < 4 * USEC_PER_SEC);
	ck_assert_int_eq(failures, 2);
	ck_assert_str_eq(content("short.out"), "done\n");
	ck_assert(becomes_dead("child"));
	runner = NULL;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runner");
	TCase *tc = tcase_create("runner");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, facts_arrive);
	tcase_add_test(tc, much_text_needs_no_reader);
	tcase_add_test(tc, nothing_of_ours_is_passed_on);
	tcase_add_test(tc, it_is_an_ordinary_process);
	tcase_add_test(tc, failures_are_told);
	tcase_add_test(tc, who_hangs_is_killed_with_all_its_children);
	tcase_add_test(tc, what_it_leaves_in_the_background_ends_with_it);
	tcase_add_test(tc, much_output_is_thrown_away);
	tcase_add_test(tc, one_key_one_after_the_other);
	tcase_add_test(tc, one_that_cannot_start_blocks_no_other);
	tcase_add_test(tc, so_many_run_at_once);
	tcase_add_test(tc, too_many_are_refused);
	tcase_add_test(tc, the_end_of_the_daemon_is_no_wait_for_ever);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
