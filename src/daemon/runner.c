/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"

#define SAID_MAX	 160 /* bytes kept of what a command writes */
#define LOOK_EVERY	 (100 * USEC_PER_MSEC) /* for its end, where the kernel has no pidfd */
#define PATIENCE_MS	 1000 /* at the end of the daemon */
#define PATIENCE_STEP_MS 10

struct run {
	TAILQ_ENTRY(run) link;
	struct runner *runner;
	/* copies of the call */
	char *command, *subject, *text;
	size_t text_len;
	char **env;
	uint64_t key;
	usec_t limit;
	/* while it runs */
	pid_t pid;
	int pidfd; /* -1: none */
	int output; /* what it writes; -1: none, or at its end */
	struct event *on_end, *on_output;
	usec_t deadline;
	bool killed;
	size_t said_len;
	char said[SAID_MAX];
};

TAILQ_HEAD(run_list, run);

struct runner {
	struct event_base *base;
	runner_failed_fn *failed;
	void *arg;
	struct run_list running, waiting;
	unsigned n_running, n_waiting;
};

/* ---- a call's memory ---- */

static void run_free(struct run *run)
{
	if (run->on_end)
		event_free(run->on_end);
	if (run->on_output)
		event_free(run->on_output);
	if (run->pidfd >= 0)
		close(run->pidfd);
	if (run->output >= 0)
		close(run->output);
	for (size_t i = 0; run->env && run->env[i]; i++)
		free(run->env[i]);
	free(run->env);
	free(run->command);
	free(run->subject);
	free(run->text);
	free(run);
}

static char **copy_env(char *const *env)
{
	size_t n = 0;
	char **copy;

	while (env[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(env[i]);
		if (!copy[i]) {
			while (i > 0)
				free(copy[--i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

static struct run *run_new(struct runner *r, const struct runner_call *c)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->runner = r;
	run->pidfd = run->output = -1;
	run->key = c->key;
	run->limit = c->limit;
	run->command = strdup(c->command);
	run->subject = strdup(c->subject);
	run->env = copy_env(c->env);
	run->text = malloc(c->text_len + 1);
	if (!run->command || !run->subject || !run->env || !run->text) {
		run_free(run);
		return NULL;
	}
	memcpy(run->text, c->text, c->text_len);
	run->text_len = c->text_len;
	return run;
}

static void __attribute__((format(printf, 3, 4)))
failed(struct runner *r, const char *subject, const char *format, ...)
{
	char why[RUNNER_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	r->failed(r->arg, subject, why);
}

/* ---- while it runs ---- */

/* take_output() - keep the beginning of what it wrote, made one line. Return: may there be more? */
static bool take_output(struct run *run)
{
	char buf[4096];
	ssize_t n;

	for (int i = 0; i < 16; i++) { /* 64 KiB, then the loop has its turn */
		n = read(run->output, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		for (ssize_t k = 0; k < n && run->said_len < SAID_MAX - 1; k++)
			run->said[run->said_len++] = buf[k] >= ' ' && buf[k] < 0x7f ? buf[k] : ' ';
	}
	return true;
}

static void output_came(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;

	if (!take_output(run))
		event_del(run->on_output);
}

/* said() - what the command wrote, as the end of a sentence. */
static const char *said(struct run *run, char buf[SAID_MAX + 8])
{
	while (run->said_len > 0 && run->said[run->said_len - 1] == ' ')
		run->said_len--;
	snprintf(buf, SAID_MAX + 8, "%s%.*s", run->said_len ? ": " : "", (int)run->said_len,
		 run->said);
	return buf;
}

/* path_of() - the first word of the command, for "%.*s". */
static const char *path_of(const struct run *run, int *len)
{
	const char *path = run->command + strspn(run->command, " \t");

	*len = (int)strcspn(path, " \t");
	return path;
}

static void judge(struct run *run, const siginfo_t *info)
{
	char text[SAID_MAX + 8];
	int len;
	const char *path = path_of(run, &len);

	if (run->killed)
		failed(run->runner, run->subject,
		       "%.*s did not end within %llu ms and was killed%s", len, path,
		       (unsigned long long)(run->limit / USEC_PER_MSEC), said(run, text));
	else if (info->si_code != CLD_EXITED)
		failed(run->runner, run->subject, "%.*s was ended by signal %d%s", len, path,
		       info->si_status, said(run, text));
	else if (info->si_status != 0)
		failed(run->runner, run->subject, "%.*s ended with status %d%s", len, path,
		       info->si_status, said(run, text));
}

/*
 * reap() - see whether it has ended. What is left of its process group is killed before the process
 * itself is buried: until then its number cannot be anybody else's.
 */
static bool reap(struct run *run)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0)
		return false;
	kill(-run->pid, SIGKILL);
	waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG);
	if (run->output >= 0)
		take_output(run);
	judge(run, &info);
	return true;
}

static void pump(struct runner *r);

static void wait_for_end(struct run *run)
{
	usec_t now = clock_now(), wait = run->deadline > now ? run->deadline - now : 0;
	struct timeval tv;

	if (run->pidfd < 0 && (wait > LOOK_EVERY || run->killed))
		wait = LOOK_EVERY;
	tv = (struct timeval){.tv_sec = (time_t)(wait / USEC_PER_SEC),
			      .tv_usec = (suseconds_t)(wait % USEC_PER_SEC)};
	/* once killed, a pidfd tells; there is no second deadline */
	event_add(run->on_end, run->killed && run->pidfd >= 0 ? NULL : &tv);
}

static void end_came(evutil_socket_t fd, short what, void *arg)
{
	struct run *run = arg;
	struct runner *r = run->runner;

	if (reap(run)) {
		TAILQ_REMOVE(&r->running, run, link);
		r->n_running--;
		run_free(run);
		pump(r);
		return;
	}
	if (!run->killed && clock_now() >= run->deadline) {
		run->killed = true;
		kill(-run->pid, SIGKILL);
	}
	wait_for_end(run);
}

/* ---- starting it ---- */

/* memory_file() - a file with @text, to be read from its beginning. Return: descriptor or -1. */
static int memory_file(const char *text, size_t len)
{
	int fd = memfd_create("tcpguard-facts", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0) {
			close(fd);
			return -1;
		}
		text += n;
		len -= (size_t)n;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/*
 * shed() - what the daemon has for its own sake and nobody else should: its place before all others, its
 * protection from the OOM killer, capabilities that outlive exec. What cannot be shed is kept.
 */
static void shed(void)
{
	static const struct sched_param ordinary;
	int fd;

	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	if (getpriority(PRIO_PROCESS, 0) < 0)
		setpriority(PRIO_PROCESS, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		char sign = 0;

		if (read(fd, &sign, 1) == 1 && sign == '-')
			(void)!pwrite(fd, "0", 1, 0);
		close(fd);
	}
}

/* close_others() - all files but the first @n. */
static void close_others(int n)
{
#ifdef SYS_close_range
	syscall(SYS_close_range, n, ~0u, 0);
#endif /* elsewhere close-on-exec must do */
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * become() - in the child: be the command. Other threads are not here, so nothing may be called that
 * takes a lock. @fd: its input, its output, and where to write the errno if it cannot be run.
 */
static _Noreturn void become(char *const *words, char *const *env, const int fd[3])
{
	enum { FIRST = STDERR_FILENO + 1 };
	int in = fcntl(fd[0], F_DUPFD, FIRST), out = fcntl(fd[1], F_DUPFD, FIRST);
	int report = fcntl(fd[2], F_DUPFD_CLOEXEC, FIRST), error;

	setpgid(0, 0);
	reset_signals();
	shed();
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(out, STDERR_FILENO) >= 0 &&
	    (report == FIRST || dup3(report, FIRST, O_CLOEXEC) >= 0)) {
		report = FIRST;
		close_others(FIRST + 1);
		if (chdir("/") == 0)
			execve(words[0], words, env);
	}
	error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(127);
}

/* spawn() - Return: 0 or an errno, with nothing running. The child keeps @in, @out and nothing else of ours. */
static int spawn(struct run *run, int in, int out)
{
	char *copy = strdup(run->command), *words[RUNNER_WORDS_MAX + 1], *rest, *word;
	int n = 0, error = 0, report[2];

	if (!copy)
		return ENOMEM;
	for (word = strtok_r(copy, " \t", &rest); word && n < RUNNER_WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[n++] = word;
	words[n] = NULL;
	if (n == 0 || pipe2(report, O_CLOEXEC) != 0) {
		free(copy);
		return n == 0 ? EINVAL : errno;
	}
	run->pid = fork(); /* the large tables are shared memory, so there is little to copy */
	if (run->pid == 0)
		become(words, run->env, (int[]){in, out, report[1]});
	if (run->pid < 0)
		error = errno;
	close(report[1]);
	/* it says why, or exec has closed its end */
	if (run->pid > 0 && read(report[0], &error, sizeof(error)) == sizeof(error))
		waitpid(run->pid, NULL, 0);
	close(report[0]);
	free(copy);
	return error;
}

/* watch() - see to it that the loop hears of its end and of what it writes. */
static int watch(struct run *run)
{
	struct event_base *base = run->runner->base;

#ifdef SYS_pidfd_open
	run->pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
#endif
	run->on_end = event_new(base, run->pidfd, run->pidfd >= 0 ? EV_READ : 0, end_came, run);
	run->on_output = event_new(base, run->output, EV_READ | EV_PERSIST, output_came, run);
	if (!run->on_end || !run->on_output)
		return ENOMEM;
	event_add(run->on_output, NULL);
	wait_for_end(run);
	return 0;
}

/* start() - Return: 0, or an errno with nothing of it running. */
static int start(struct run *run)
{
	int in = memory_file(run->text, run->text_len), out[2] = {-1, -1}, error = errno;

	if (in < 0)
		return error;
	if (pipe2(out, O_CLOEXEC) != 0) {
		error = errno;
		close(in);
		return error;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	run->output = out[0];
	error = spawn(run, in, out[1]);
	close(in);
	close(out[1]);
	if (error)
		return error;
	run->deadline = clock_now() + run->limit;
	error = watch(run);
	if (error) {
		kill(-run->pid, SIGKILL);
		waitpid(run->pid, NULL, 0);
	}
	return error;
}

/* turn() - may @run start: does none with its key run or wait before it? */
static bool turn(const struct runner *r, const struct run *run)
{
	const struct run *other;

	TAILQ_FOREACH(other, &r->running, link)
	if (other->key == run->key)
		return false;
	TAILQ_FOREACH(other, &r->waiting, link)
	{
		if (other == run)
			return true;
		if (other->key == run->key)
			return false;
	}
	return false;
}

/* pump() - start what may start. */
static void pump(struct runner *r)
{
	struct run *run = TAILQ_FIRST(&r->waiting), *next;

	for (; run && r->n_running < RUNNER_RUNNING_MAX; run = next) {
		const char *path;
		int error, len;

		next = TAILQ_NEXT(run, link);
		if (!turn(r, run))
			continue;
		TAILQ_REMOVE(&r->waiting, run, link);
		r->n_waiting--;
		error = start(run);
		if (!error) {
			TAILQ_INSERT_TAIL(&r->running, run, link);
			r->n_running++;
			continue;
		}
		path = path_of(run, &len);
		failed(r, run->subject, "%.*s cannot be run: %s", len, path, strerror(error));
		run_free(run);
		next = TAILQ_FIRST(&r->waiting); /* its failure may have been somebody's turn */
	}
}

/* ---- for the daemon ---- */

struct runner *runner_new(struct event_base *base, runner_failed_fn *report, void *arg)
{
	struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->base = base;
	r->failed = report;
	r->arg = arg;
	TAILQ_INIT(&r->running);
	TAILQ_INIT(&r->waiting);
	return r;
}

void runner_call(struct runner *r, const struct runner_call *c)
{
	struct run *run;

	if (r->n_waiting >= RUNNER_WAITING_MAX) {
		failed(r, c->subject, "%s was not run: %u calls wait already", c->command,
		       r->n_waiting);
		return;
	}
	run = run_new(r, c);
	if (!run) {
		failed(r, c->subject, "%s was not run: out of memory", c->command);
		return;
	}
	TAILQ_INSERT_TAIL(&r->waiting, run, link);
	r->n_waiting++;
	pump(r);
}

unsigned runner_active(const struct runner *r)
{
	return r->n_running + r->n_waiting;
}

/* bury() - take out those that have ended. Return: is one left? */
static bool bury(struct runner *r)
{
	struct run *run = TAILQ_FIRST(&r->running), *next;

	for (; run; run = next) {
		next = TAILQ_NEXT(run, link);
		if (!reap(run))
			continue;
		TAILQ_REMOVE(&r->running, run, link);
		run_free(run);
	}
	return !TAILQ_EMPTY(&r->running);
}

static void wait_for_all(struct runner *r)
{
	for (int ms = 0; bury(r) && ms < PATIENCE_MS; ms += PATIENCE_STEP_MS)
		usleep(PATIENCE_STEP_MS * 1000);
}

void runner_free(struct runner *r)
{
	struct run *run;

	if (!r)
		return;
	while ((run = TAILQ_FIRST(&r->waiting))) {
		TAILQ_REMOVE(&r->waiting, run, link);
		failed(r, run->subject, "%s was not run: tcpguardd ends", run->command);
		run_free(run);
	}
	wait_for_all(r);
	TAILQ_FOREACH(run, &r->running, link)
	{
		run->killed = true;
		run->limit = clock_now() - (run->deadline - run->limit);
		kill(-run->pid, SIGKILL);
	}
	wait_for_all(r);
	while ((run = TAILQ_FIRST(&r->running))) { /* not even that: it hangs in the kernel */
		TAILQ_REMOVE(&r->running, run, link);
		run_free(run);
	}
	free(r);
}
