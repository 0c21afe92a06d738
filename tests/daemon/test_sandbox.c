/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sandbox: every stage is entered by a child, which then tries what it should and should not do. */
#include <cap-ng.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"

enum { FINE = 0, WRONG = 1, NO_SECCOMP = 77 };

typedef int trial_fn(void);

/* in_stage() - Return: how a child ends that enters @stage and then does @trial, as of waitpid(). */
static int in_stage(enum sandbox_stage stage, trial_fn *trial)
{
	char why[SANDBOX_WHY_MAX];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_enter(stage, why, sizeof(why)) < 0)
			syscall(SYS_exit_group, NO_SECCOMP);
		syscall(SYS_exit_group, trial());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != NO_SECCOMP);
	return status;
}

#define expect_fine(stage, trial) ck_assert_int_eq(in_stage(stage, trial), FINE)
#define expect_killed(stage, trial)                                             \
	do {                                                                    \
		int status_ = in_stage(stage, trial);                           \
		ck_assert(WIFSIGNALED(status_) && WTERMSIG(status_) == SIGSYS); \
	} while (0)

/* ---- trials ---- */

static int run_true(void)
{
	char name[] = "true", *argv[] = {name, NULL}, *env[] = {NULL};
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return WRONG;
	return status == 0 ? FINE : WRONG;
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0 ? FINE
											  : WRONG;
}

static int new_user_namespace(void)
{
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return WRONG;
	if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0) != -1)
		return WRONG;
	return errno == EPERM ? FINE : WRONG;
}

static int trace(void)
{
	return syscall(SYS_ptrace, 0, 0, 0, 0) == -1 && errno == EPERM ? FINE : WRONG;
}

static int load_module(void)
{
	return syscall(SYS_delete_module, "tcpguard-none", 0) == -1 && errno == EPERM ? FINE
										      : WRONG;
}

static int no_new_privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? FINE : WRONG;
}

static int open_file(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC) == -1 && errno == EPERM ? FINE : WRONG;
}

static int open_socket(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
	return WRONG;
}

static int allocate(void)
{
	for (size_t n = 16; n < 64u << 20; n *= 2) {
		void *p = malloc(n);

		if (!p)
			return WRONG;
		free(p);
	}
	return FINE;
}

static int executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return WRONG;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == -1 ? FINE : WRONG;
}

/* only() - are no capabilities left but those of @allowed (a bit each)? */
static int only(uint64_t allowed)
{
	capng_get_caps_process();
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		bool has = capng_have_capability(CAPNG_PERMITTED, (unsigned)cap) ||
			   capng_have_capability(CAPNG_EFFECTIVE, (unsigned)cap);

		if (has && !(allowed >> cap & 1))
			return WRONG;
	}
	return FINE;
}

static int serve_capabilities(void)
{
	return only(1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW | 1u << CAP_CHOWN |
		    1u << CAP_DAC_OVERRIDE);
}

/* ---- tests ---- */

START_TEST(from_the_start_the_daemon_may_do_its_work)
{
	expect_fine(SANDBOX_START, run_true);
	expect_fine(SANDBOX_START, start_thread);
	expect_fine(SANDBOX_START, allocate);
}
END_TEST

START_TEST(from_the_start_there_is_no_way_to_more_rights)
{
	expect_fine(SANDBOX_START, no_new_privileges);
	expect_fine(SANDBOX_START, new_user_namespace);
	if (!SANDBOX_SANITIZED)
		expect_fine(SANDBOX_START, trace);
}
END_TEST

START_TEST(when_it_serves_tools_still_run_and_few_capabilities_are_left)
{
	expect_fine(SANDBOX_SERVE, run_true);
	expect_fine(SANDBOX_SERVE, start_thread);
	expect_fine(SANDBOX_SERVE, load_module);
	expect_fine(SANDBOX_SERVE, serve_capabilities);
}
END_TEST

START_TEST(a_worker_can_run_and_open_nothing)
{
	expect_fine(SANDBOX_PACKETS, allocate);
	if (SANDBOX_SANITIZED)
		return;
	expect_killed(SANDBOX_PACKETS, run_true);
	expect_killed(SANDBOX_PACKETS, start_thread);
	expect_fine(SANDBOX_PACKETS, open_file);
	expect_killed(SANDBOX_PACKETS, open_socket);
	expect_fine(SANDBOX_PACKETS, executable_memory);
}
END_TEST

START_TEST(stages_have_names)
{
	ck_assert_str_eq(sandbox_name(SANDBOX_START), "start");
	ck_assert_str_eq(sandbox_name(SANDBOX_SERVE), "serve");
	ck_assert_str_eq(sandbox_name(SANDBOX_PACKETS), "packets");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon/sandbox");
	TCase *tc = tcase_create("sandbox");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, from_the_start_the_daemon_may_do_its_work);
	tcase_add_test(tc, from_the_start_there_is_no_way_to_more_rights);
	tcase_add_test(tc, when_it_serves_tools_still_run_and_few_capabilities_are_left);
	tcase_add_test(tc, a_worker_can_run_and_open_nothing);
	tcase_add_test(tc, stages_have_names);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
