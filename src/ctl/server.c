/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening end of the control socket: who may connect, how many, and what they may do. */
#include "ctl/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/listener.h>

#include "ctl/client.h"

#define BACKLOG	 64
#define RETRY_MS 100
#define RESERVED 8 /* of so many clients one is kept for those who may change things */

/* may_change() - root and the daemon's own user may; whoever else could connect may look. */
static bool may_change(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

/* refuse() - one line for a client that is one too many. */
static void refuse(int fd, uint32_t max)
{
	char line[128];
	int len = snprintf(line, sizeof(line),
			   CTL_REPLY_FULL "%u clients on this socket; try again later\n", max);

	/* a new socket has room for a line; if not, closing says enough */
	(void)!send(fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/*
 * make_place() - when all places are taken, whoever does nothing with his gives it away; and for those who may
 * change things others do, too, or whoever asks without end.
 */
static bool make_place(struct ctl_server *s, bool privileged)
{
	struct ctl_client *c = ctl_client_idlest(s, privileged);

	if (!c && privileged)
		c = ctl_client_busiest(s);
	if (c)
		ctl_client_free(c);
	return c != NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
		      int len, void *arg)
{
	struct ctl_server *s = arg;
	bool privileged = may_change(fd);
	/* whoever may look only must not be able to keep the administrator out */
	uint32_t max = s->limits.clients - (privileged ? 0 : s->limits.clients / RESERVED);

	if (s->n_clients >= max && !make_place(s, privileged))
		refuse(fd, max);
	else
		ctl_client_new(s, fd, privileged);
}

/* on_accept_error() - out of descriptors, mostly: rest a little instead of turning in circles. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct ctl_server *s = arg;
	struct timeval tv = {0, RETRY_MS * 1000};

	evconnlistener_disable(listener);
	evtimer_add(s->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ctl_server *s = arg;

	evconnlistener_enable(s->listener);
}

/* make_directory() - the one that @path lies in, if only that one is missing. */
static void make_directory(const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash && slash != dir) {
		*slash = '\0';
		/* whatever goes wrong here is told by bind() */
		(void)!mkdir(dir, 0755);
	}
	free(dir);
}

/* lock_directory() - so that two daemons that start at once do not take each other's socket away.
 * Return: a descriptor to be closed, or -1. */
static int lock_directory(const char *path)
{
	char *dir = strdup(path), *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* answers() - does anybody accept connections at @sun? */
static bool answers(const struct sockaddr_un *sun)
{
	int fd = new_socket();
	bool yes;

	if (fd < 0)
		return true; /* unknown: better leave it alone */
	yes = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN;
	close(fd);
	return yes;
}

/* remove_stale() - take away the socket of a daemon that is gone. */
static int remove_stale(const struct sockaddr_un *sun, char *why, size_t why_len)
{
	struct stat st;

	if (lstat(sun->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_len,
			 "%s exists and is not a socket; remove it or set another control-socket",
			 sun->sun_path);
		return -EEXIST;
	}
	if (answers(sun)) {
		snprintf(why, why_len,
			 "another tcpguardd answers on %s; stop it or set another control-socket",
			 sun->sun_path);
		return -EADDRINUSE;
	}
	unlink(sun->sun_path);
	return 0;
}

/* open_to() - let members of @group connect. */
static int open_to(const char *path, const char *group, char *why, size_t why_len)
{
	struct group *g = group && group[0] ? getgrnam(group) : NULL;

	if (group && group[0] && !g) {
		snprintf(why, why_len,
			 "there is no group \"%s\"; create it or change control-group", group);
		return -ENOENT;
	}
	if ((g && chown(path, -1, g->gr_gid)) || chmod(path, 0660)) {
		int error = errno;

		snprintf(why, why_len, "cannot give %s to the group \"%s\": %s", path,
			 g ? group : "", strerror(error));
		return -error;
	}
	return 0;
}

/* bind_socket() - Return: the descriptor, bound and for nobody but this user, or a negative errno. */
static int bind_socket(const struct sockaddr_un *sun, char *why, size_t why_len)
{
	int fd = new_socket(), error;

	/* the mode of the socket before bind() becomes the mode of the file: no moment open to all */
	if (fd >= 0 && fchmod(fd, 0600) == 0 &&
	    bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return fd;
	error = errno;
	snprintf(why, why_len, "cannot make the control socket %s: %s; %s", sun->sun_path,
		 strerror(error),
		 error == ENOENT ? "create its directory" : "check the rights on its directory");
	if (fd >= 0)
		close(fd);
	return -error;
}

/* listen_on() - Return: the listening descriptor, or a negative errno with @why filled. */
static int listen_on(struct ctl_server *s, const char *group, char *why, size_t why_len)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct stat st = {0};
	int fd, error;

	if (strlen(s->path) >= sizeof(sun.sun_path)) {
		snprintf(why, why_len,
			 "the path of the control socket is longer than %zu bytes: %s",
			 sizeof(sun.sun_path) - 1, s->path);
		return -ENAMETOOLONG;
	}
	memcpy(sun.sun_path, s->path, strlen(s->path));
	error = remove_stale(&sun, why, why_len);
	if (error)
		return error;
	fd = bind_socket(&sun, why, why_len);
	if (fd < 0)
		return fd;
	error = open_to(s->path, group, why, why_len);
	if (!error && (listen(fd, BACKLOG) || stat(s->path, &st))) {
		error = -errno;
		snprintf(why, why_len, "cannot listen on %s: %s", s->path, strerror(-error));
	}
	if (error) {
		unlink(s->path);
		close(fd);
		return error;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return fd;
}

/* start() - the socket and its events. */
static int start(struct ctl_server *s, const char *group, char *why, size_t why_len)
{
	int lock, fd;

	make_directory(s->path);
	lock = lock_directory(s->path);
	fd = listen_on(s, group, why, why_len);
	if (lock >= 0)
		close(lock);
	if (fd < 0)
		return fd;
	s->retry = evtimer_new(s->base, on_retry, s);
	s->listener = evconnlistener_new(s->base, on_accept, s,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!s->listener || !s->retry) {
		if (!s->listener)
			close(fd);
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	return 0;
}

static void ignore_sigpipe(void)
{
	struct sigaction sa;

	if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct ctl_server *ctl_server_new(struct event_base *base, const char *socket_path,
				  const char *group, const struct ctl_ops *ops, char *why,
				  size_t why_len)
{
	struct ctl_server *s = calloc(1, sizeof(*s));

	if (!s || !(s->path = strdup(socket_path))) {
		snprintf(why, why_len, "out of memory");
		free(s);
		return NULL;
	}
	s->base = base;
	s->ops = ops;
	s->limits = (struct ctl_limits){
		.clients = CTL_CLIENTS_MAX,
		.idle_ms = CTL_IDLE_MS,
		.stall_ms = CTL_STALL_MS,
		.spare_ms = CTL_SPARE_MS,
		.follow_ms = CTL_FOLLOW_MS,
		.output_bytes = CTL_OUTPUT_BYTES,
	};
	LIST_INIT(&s->clients);
	ignore_sigpipe();
	if (start(s, group, why, why_len)) {
		ctl_server_free(s);
		return NULL;
	}
	return s;
}

void ctl_server_limits(struct ctl_server *s, const struct ctl_limits *limits)
{
	s->limits = *limits;
	if (s->limits.clients > CTL_CLIENTS_MAX)
		s->limits.clients = CTL_CLIENTS_MAX;
}

uint32_t ctl_server_clients(const struct ctl_server *s)
{
	return s->n_clients;
}

void ctl_server_free(struct ctl_server *s)
{
	struct stat st;

	if (!s)
		return;
	while (!LIST_EMPTY(&s->clients))
		ctl_client_free(LIST_FIRST(&s->clients));
	if (s->listener && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	if (s->listener)
		evconnlistener_free(s->listener);
	if (s->retry)
		event_free(s->retry);
	free(s->path);
	free(s);
}
