/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the supervisor waits to hear of its daemon. The daemon is this program once more: it says what
 * a daemon says, and is silent for longer than the watchdog of a second waits.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/notify.h"
#include "daemon/supervise.h"

#define SILENT_S 3 /* the watchdog, and more than a turn of the supervisor's loop */
#define FD_LIVES 40 /* a pipe with a byte for each daemon that was started */

/* ---- the daemon ---- */

static volatile sig_atomic_t told;

static void on_term(int sig)
{
	told = 1;
}

static int lives(void)
{
	int n = -1;

	return ioctl(FD_LIVES, FIONREAD, &n) == 0 ? n : -1;
}

static void be_silent(void)
{
	for (unsigned left = SILENT_S; left > 0;)
		left = sleep(left);
}

/* wait_to_be_told() - alive meanwhile, but not for ever. */
static void wait_to_be_told(void)
{
	for (int i = 0; i < 100 && !told; i++) {
		notify_alive();
		usleep(100000);
	}
}

static int be_daemon(const char *what)
{
	if (write(FD_LIVES + 1, "", 1) != 1 || lives() > 1)
		return 0; /* the next one has nothing to do */
	signal(SIGTERM, on_term);
	notify_ready();
	if (strcmp(what, "reload") == 0)
		notify_reloading();
	if (strcmp(what, "stop") == 0)
		wait_to_be_told();
	be_silent();
	notify_ready();
	return 0;
}

/* ---- the tests ---- */

static void setup(void)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(dup2(fd[0], FD_LIVES), FD_LIVES);
	ck_assert_int_eq(dup2(fd[1], FD_LIVES + 1), FD_LIVES + 1);
}

static pid_t supervised(const char *what)
{
	char name[] = "test_supervise", *argv[] = {name, strdup(what), NULL};
	pid_t pid = fork();

	if (pid == 0) {
		setenv("WATCHDOG_USEC", "1000000", 1);
		_exit(supervise(argv));
	}
	free(argv[1]);
	ck_assert_int_gt(pid, 0);
	for (int i = 0; i < 100 && lives() < 1; i++)
		usleep(20000);
	ck_assert_int_eq(lives(), 1);
	return pid;
}

static int status_of(pid_t supervisor)
{
	int status;

	ck_assert_int_eq(waitpid(supervisor, &status, 0), supervisor);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(hangs)
{
	ck_assert_int_eq(status_of(supervised("hang")), 0);
	ck_assert_int_eq(lives(), 2);
}
END_TEST

/* An upgrade in place, too, is a reload; rules that take long are no reason to end it. */
START_TEST(reloads)
{
	ck_assert_int_eq(status_of(supervised("reload")), 0);
	ck_assert_int_eq(lives(), 1);
}
END_TEST

START_TEST(stops)
{
	pid_t supervisor = supervised("stop");

	usleep(500000);
	kill(supervisor, SIGTERM);
	ck_assert_int_eq(status_of(supervisor), 0);
	ck_assert_int_eq(lives(), 1);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tc;
	SRunner *runner;
	int failed;

	if (argc > 1)
		return be_daemon(argv[1]);
	suite = suite_create("supervise");
	tc = tcase_create("silence");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, hangs);
	tcase_add_test(tc, reloads);
	tcase_add_test(tc, stops);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
