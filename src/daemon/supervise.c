/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/handover.h"

#define AGAIN_MS     100 /* until it is started again, as RestartSec= of the unit */
#define AGAIN_MAX_MS 5000 /* if it never gets ready */
#define WATCHDOG     (10 * USEC_PER_SEC) /* as WatchdogSec=, unless WATCHDOG_USEC says otherwise */
#define STOP_MAX     (10 * USEC_PER_SEC) /* as TimeoutStopSec=, who ends is not heard of */
#define FDS_START    3

struct supervisor {
	char **argv;
	struct handover kept;
	int notify; /* socket on which the daemon tells us */
	char notify_name[32];
	int signals;
	sigset_t before;
	pid_t pid; /* 0: it does not run */
	usec_t alive, watchdog;
	usec_t patience; /* that, unless this daemon has asked for more */
	unsigned again_ms;
	char program[4096]; /* so that an upgrade is found at the next start */
	bool ready, was_ready; /* this one; any before it */
	bool ending; /* it was told to */
	bool renewing; /* it was told to make room for another one */
};

static void say(const char *what, long value)
{
	fprintf(stderr, "tcpguardd: supervisor: %s %ld\n", what, value);
}

/* ---- what the daemon leaves ---- */

static void forget(struct handover *h, const char *name)
{
	for (uint32_t i = 0; i < h->n;) {
		if (strcmp(h->item[i].name, name) != 0) {
			i++;
			continue;
		}
		close(h->item[i].fd);
		h->item[i] = h->item[--h->n];
	}
}

static void keep(struct handover *h, const char *name, int fd)
{
	forget(h, name);
	if (h->n == HANDOVER_MAX || strlen(name) >= HANDOVER_NAME_MAX) {
		close(fd);
		return;
	}
	snprintf(h->item[h->n].name, HANDOVER_NAME_MAX, "%s", name);
	h->item[h->n++].fd = fd;
}

/* value_of() - of KEY= in lines of KEY=VALUE. Return: false if there is none. */
static bool value_of(const char *text, const char *key, char value[64])
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == '=') {
			snprintf(value, 64, "%.*s", (int)strcspn(line + len + 1, "\n"),
				 line + len + 1);
			return true;
		}
	}
	return false;
}

/* take_message() - Return: was there one? */
static bool take_message(struct supervisor *s)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char text[1024], value[64];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(s->notify, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c;
	int fd = -1;

	if (n < 0)
		return errno == EINTR;
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (value_of(text, "READY", value))
		s->ready = s->was_ready = true;
	if (value_of(text, "WATCHDOG_USEC", value))
		s->patience = strtoull(value, NULL, 10);
	if (s->ready && (value_of(text, "WATCHDOG", value) ||
			 value_of(text, "WATCHDOG_USEC", value) || value_of(text, "READY", value)))
		s->alive = clock_now();
	if (value_of(text, "FDSTOREREMOVE", value) && value_of(text, "FDNAME", value))
		forget(&s->kept, value);
	if (fd >= 0 && value_of(text, "FDSTORE", value) && value_of(text, "FDNAME", value))
		keep(&s->kept, value, fd);
	else if (fd >= 0)
		close(fd);
	return true;
}

static int open_notify(struct supervisor *s)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len;

	s->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	len = (socklen_t)snprintf(s->notify_name, sizeof(s->notify_name), "@tcpguard-%ld",
				  (long)getpid());
	memcpy(at.sun_path + 1, s->notify_name + 1, len - 1);
	len += (socklen_t)offsetof(struct sockaddr_un, sun_path);
	return s->notify < 0 || bind(s->notify, (struct sockaddr *)&at, len) < 0 ? -errno : 0;
}

/* ---- the daemon ---- */

/* place_fds() - where LISTEN_FDS says they are, and nowhere in the way of each other. */
static void place_fds(const struct supervisor *s, char *names)
{
	const struct handover *h = &s->kept;
	int high[HANDOVER_MAX];

	names[0] = '\0';
	for (uint32_t i = 0; i < h->n; i++) {
		high[i] = fcntl(h->item[i].fd, F_DUPFD_CLOEXEC, FDS_START + (int)HANDOVER_MAX);
		strcat(names, i ? ":" : "");
		strcat(names, h->item[i].name);
	}
	for (uint32_t i = 0; i < h->n; i++)
		dup2(high[i], FDS_START + (int)i);
}

/* become_daemon() - in the child. */
static void become_daemon(const struct supervisor *s)
{
	static char names[HANDOVER_MAX * HANDOVER_NAME_MAX];
	char number[32];

	place_fds(s, names);
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("WATCHDOG_PID", number, 1);
	snprintf(number, sizeof(number), "%u", s->kept.n);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)s->watchdog);
	setenv("WATCHDOG_USEC", number, 1);
	setenv("NOTIFY_SOCKET", s->notify_name, 1);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	execv(s->program, s->argv);
	_exit(127);
}

static void start(struct supervisor *s)
{
	s->alive = clock_now() + 60 * USEC_PER_SEC; /* until it is ready it has more time */
	s->patience = s->watchdog;
	s->renewing = s->ready = false;
	s->pid = fork();
	if (s->pid == 0)
		become_daemon(s);
}

/* bury() - it has ended. Return: exit status for good, or -1: start another one. */
static int bury(struct supervisor *s, int status)
{
	s->pid = 0;
	while (take_message(s)) /* its last words */
		;
	if (s->ending || (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !s->renewing))
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	/* one that does not even start will not do so by itself */
	if (WIFEXITED(status) && !s->was_ready)
		return WEXITSTATUS(status);
	if (WIFSIGNALED(status))
		say("it was ended by signal", WTERMSIG(status));
	else if (!s->renewing)
		say("it ended with status", WEXITSTATUS(status));
	s->again_ms = s->ready ? AGAIN_MS : 2 * s->again_ms;
	if (s->again_ms > AGAIN_MAX_MS)
		s->again_ms = AGAIN_MAX_MS;
	return -1;
}

static void pass_on(struct supervisor *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (!s->ending && (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)) {
		s->ending = true;
		s->alive = clock_now();
	}
	s->renewing |= info.ssi_signo == SIGUSR2;
	if (s->pid > 0 && info.ssi_signo != SIGCHLD)
		kill(s->pid, (int)info.ssi_signo);
}

static void watch(struct supervisor *s)
{
	usec_t now = clock_now(), patience = s->ending ? STOP_MAX : s->patience;

	if (s->pid <= 0 || now < s->alive || now - s->alive < patience)
		return;
	say("it has not been heard of for seconds:", (long)((now - s->alive) / USEC_PER_SEC));
	kill(s->pid, SIGABRT);
	s->alive = now;
}

static int prepare(struct supervisor *s)
{
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	const char *watchdog = getenv("WATCHDOG_USEC");
	sigset_t set;

	if (n < 0)
		return -errno;
	s->watchdog = watchdog ? strtoull(watchdog, NULL, 10) : 0;
	if (s->watchdog < USEC_PER_SEC)
		s->watchdog = WATCHDOG;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &s->before);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : open_notify(s);
}

int supervise(char **argv)
{
	static struct supervisor s; /* large */
	int rc = prepare(&s);

	if (rc < 0) {
		fprintf(stderr, "tcpguardd: cannot supervise: %s\n", strerror(-rc));
		return 1;
	}
	s.argv = argv;
	s.again_ms = AGAIN_MS;
	start(&s);
	for (;;) {
		struct pollfd fds[] = {{.fd = s.notify, .events = POLLIN},
				       {.fd = s.signals, .events = POLLIN}};
		int status, end;

		if (poll(fds, 2, s.pid > 0 ? 1000 : (int)s.again_ms) == 0 && s.pid <= 0)
			start(&s);
		if (fds[0].revents)
			take_message(&s);
		if (fds[1].revents)
			pass_on(&s);
		if (s.pid > 0 && waitpid(s.pid, &status, WNOHANG) == s.pid) {
			end = bury(&s, status);
			if (end >= 0)
				return end;
		}
		if (s.ending && s.pid <= 0)
			return 0;
		watch(&s);
	}
}
