/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AFTER_KILL_MS 500 /* a killed one is gone by then, or hangs in the kernel for good */
#define PACE_MS	      1000 /* between two readings */
#define PACE_SHARE    20 /* and so many times as long as one took */
#define NAP_MS	      5 /* between looks at it where the kernel has no pidfd */

/* find() - the full path of @name. */
static bool find(const char *name, char *path, size_t len)
{
	static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin",
					   "/usr/local/sbin"};

	if (name[0] == '/') {
		snprintf(path, len, "%s", name);
		return access(path, X_OK) == 0;
	}
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, len, "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* memory_file() - a file that holds @text and is read from its start. */
static int memory_file(const char *text, size_t len)
{
	int fd = memfd_create("tcpguard-tool", MFD_CLOEXEC);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR) {
			int error = errno;

			close(fd);
			return -error;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/*
 * spawn() - start the program with its three standard files; fd[1] may be -1 for nowhere. It has a process
 * group of its own, and what asks us to end is blocked for it: another ^C on the terminal, or one that
 * comes before it has left our group, must not leave the rules half removed. Other signals are as in a fresh
 * process.
 */
static int spawn(pid_t *pid, const char *path, const char *const argv[], const int fd[3])
{
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2};
	sigset_t blocked, all;
	int rc;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaddset(&blocked, ends[i]);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd[0], STDIN_FILENO);
	if (fd[1] >= 0)
		posix_spawn_file_actions_adddup2(&files, fd[1], STDOUT_FILENO);
	else
		posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, fd[2], STDERR_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &blocked);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						POSIX_SPAWN_SETPGROUP);
	rc = posix_spawn(pid, path, &files, &attr, (char *const *)argv, (char *const *)env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -rc;
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * patience() - how long to wait for the next one. Where one has hung, the others of the same errand, and
 * of those right after it, will mostly do so, too, and the caller must not wait for each of them as long.
 */
static int patience(const long long *hung_at)
{
	return *hung_at && now_ms() - *hung_at < TOOL_SULK_MS ? TOOL_LIMIT_AGAIN_MS : TOOL_LIMIT_MS;
}

/* ended() - has it ended within @ms? Then it is buried. Return: 1, 0 or -errno. */
static int ended(pid_t pid, int ms, int *status)
{
	long long until = now_ms() + ms, left;
#ifdef SYS_pidfd_open
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
#else
	int fd = -1;
#endif
	int rc;

	while ((rc = waitpid(pid, status, WNOHANG)) == 0 && (left = until - now_ms()) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		poll(&p, fd >= 0, fd >= 0 ? (int)left : NAP_MS);
	}
	rc = rc < 0 ? -errno : rc > 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

/*
 * wait_for() - Return: exit status, 128 and the signal's number if one ended it, or -errno; -ETIMEDOUT
 * if it had to be killed.
 */
static int wait_for(pid_t pid)
{
	static long long hung_at; /* main thread only */
	int limit = patience(&hung_at), status, rc = ended(pid, limit, &status);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		kill(-pid, SIGKILL); /* it leads a group of its own */
		ended(pid, AFTER_KILL_MS, &status);
		hung_at = now_ms();
		return -ETIMEDOUT;
	}
	hung_at = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* read_back() - what a program has written into the file @fd. */
static void read_back(int fd, char *text, size_t len)
{
	ssize_t n = pread(fd, text, len - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

/*
 * first_sentence() - of the file @fd, without leading blanks: the first line, and the next one where
 * the first only announces it ("iptables-restore v1.8.9 (nf_tables): ").
 */
static void first_sentence(int fd, char error[TOOL_ERROR_MAX])
{
	size_t start, end;

	read_back(fd, error, TOOL_ERROR_MAX);
	start = strspn(error, " \t\n");
	memmove(error, error + start, strlen(error + start) + 1);
	end = strcspn(error, "\n");
	if (end > 0 && error[end] == '\n' && strchr(": ", error[end - 1])) {
		error[end] = ' ';
		end = strcspn(error, "\n");
	}
	error[end] = '\0';
}

/* run() - tool_run(), or tool_read() if there is an @out. */
static int run(const char *const argv[], const char *input, size_t len, char *out, size_t out_len,
	       char error[TOOL_ERROR_MAX])
{
	int fd[3] = {-1, -1, -1}, rc;
	char path[PATH_MAX];
	pid_t pid;

	error[0] = '\0';
	if (!find(argv[0], path, sizeof(path))) {
		snprintf(error, TOOL_ERROR_MAX, "%s is not installed", argv[0]);
		return -ENOENT;
	}
	rc = fd[0] = memory_file(input, len);
	if (rc >= 0 && out)
		rc = fd[1] = memory_file(NULL, 0);
	if (rc >= 0)
		rc = fd[2] = memory_file(NULL, 0);
	if (rc >= 0)
		rc = spawn(&pid, path, argv, fd);
	if (rc >= 0)
		rc = wait_for(pid);
	if (rc > 0)
		first_sentence(fd[2], error);
	if (rc == 0 && out)
		read_back(fd[1], out, out_len);
	if (rc == -ETIMEDOUT)
		snprintf(error, TOOL_ERROR_MAX, "%s did not end in time and was killed", argv[0]);
	else if (rc != 0 && error[0] == '\0')
		snprintf(error, TOOL_ERROR_MAX, "%s: %s", argv[0],
			 rc < 0 ? strerror(-rc) : "failed without saying why");
	for (int i = 0; i < 3; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
	}
	return rc;
}

int tool_run(const char *const argv[], const char *input, size_t len, char error[TOOL_ERROR_MAX])
{
	return run(argv, input, len, NULL, 0, error);
}

int tool_read(const char *const argv[], char *out, size_t len, char error[TOOL_ERROR_MAX])
{
	return run(argv, NULL, 0, out, len, error);
}

bool tool_pace_begin(struct tool_pace *p)
{
	p->begun_ms = now_ms();
	return p->begun_ms >= p->next_ms;
}

void tool_pace_end(struct tool_pace *p)
{
	long long took = now_ms() - p->begun_ms;

	p->next_ms =
		p->begun_ms + took + (took * PACE_SHARE > PACE_MS ? took * PACE_SHARE : PACE_MS);
}
