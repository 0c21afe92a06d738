/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `peer server`: a thread for each connection, a line of JSON at the end of each. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define LISTEN_MAX  8
#define THREADS_MAX 1024

struct server {
	struct endpoint listen[LISTEN_MAX];
	struct pollfd pfd[LISTEN_MAX];
	unsigned n;
	const char *banner;
	int backlog;
	uint64_t life_us, patience_us;
	struct socket_options opt;
};

struct session {
	const struct server *server;
	int fd;
};

static unsigned threads;

static void report(const struct conn *c)
{
	printf("{\"side\":\"server\",\"do\":\"%s\",\"ok\":%s,\"end\":\"%s\",\"sent\":%llu,"
	       "\"received\":%llu,\"seed\":%llu,\"errno\":%d}\n",
	       c->operation, c->ok ? "true" : "false", conn_end_name(c->end),
	       (unsigned long long)c->sent, (unsigned long long)c->received,
	       (unsigned long long)c->seed, c->error);
	fflush(stdout);
}

static void serve(const struct server *s, struct conn *c)
{
	char line[PEER_LINE_MAX], name[PEER_LINE_MAX];
	unsigned long long bytes, seed, time_us;
	const struct operation *o;

	if (s->banner &&
	    (!conn_write(c, s->banner, strlen(s->banner)) || !conn_write(c, "\r\n", 2)))
		return;
	if (!conn_read_line(c, line))
		return;
	if (sscanf(line, "%127s %llu %llu %llu", name, &bytes, &seed, &time_us) != 4)
		return;
	o = operation_find(name);
	if (!o)
		return;
	c->operation = o->name;
	c->bytes = bytes;
	c->seed = seed;
	c->time_us = time_us;
	c->first_byte_us = 0;
	o->server(c);
}

static void *run_session(void *arg)
{
	struct session *session = arg;
	struct conn c = {
		.fd = session->fd,
		.operation = "none",
		.deadline = now_us() + session->server->patience_us,
	};

	serve(session->server, &c);
	report(&c);
	close(c.fd);
	free(session);
	__atomic_sub_fetch(&threads, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void accept_one(const struct server *s, int listener)
{
	struct session *session;
	pthread_t thread;
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	session = malloc(sizeof(*session));
	if (!session || __atomic_load_n(&threads, __ATOMIC_RELAXED) >= THREADS_MAX) {
		free(session);
		close(fd);
		return;
	}
	*session = (struct session){s, fd};
	__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
	if (pthread_create(&thread, NULL, run_session, session) == 0) {
		pthread_detach(thread);
		return;
	}
	__atomic_sub_fetch(&threads, 1, __ATOMIC_RELAXED);
	free(session);
	close(fd);
}

static void open_listeners(struct server *s)
{
	unsigned i;
	int fd, one = 1;

	for (i = 0; i < s->n; i++) {
		fd = socket_open(s->listen[i].sa.ss_family, &s->opt);
		socket_apply(fd, &s->opt);
		if (s->opt.fastopen &&
		    setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &s->backlog, sizeof(int)))
			die("TCP_FASTOPEN: %s", strerror(errno));
		if (s->listen[i].sa.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&s->listen[i].sa, s->listen[i].len) ||
		    listen(fd, s->backlog))
			die("cannot listen on port %u: %s", endpoint_port(&s->listen[i]),
			    strerror(errno));
		s->pfd[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
}

static const char help[] = "usage: peer server --listen ADDRESS:PORT [--listen ...] [options]\n"
			   "\n"
			   "  --banner TEXT    speak first, as ssh does\n"
			   "  --backlog N      of listen() (default 128)\n"
			   "  --mss N --rcvbuf N --sndbuf N --window-clamp N   set on the sockets\n"
			   "  --fastopen       accept data in SYNs\n"
			   "  --mptcp          accept Multipath TCP\n"
			   "  --patience S     with one connection (default 60)\n"
			   "  --seconds S      then exit (default 600)\n";

static const struct option options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"banner", required_argument, NULL, 'b'},
	{"backlog", required_argument, NULL, 'B'},
	{"mss", required_argument, NULL, 'm'},
	{"rcvbuf", required_argument, NULL, 'r'},
	{"fastopen", no_argument, NULL, 'F'},
	{"mptcp", no_argument, NULL, 'M'},
	{"sndbuf", required_argument, NULL, 's'},
	{"window-clamp", required_argument, NULL, 'w'},
	{"patience", required_argument, NULL, 'p'},
	{"seconds", required_argument, NULL, 'S'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void parse_option(struct server *s, int c)
{
	switch (c) {
	case 'l':
		if (s->n == LISTEN_MAX)
			usage_error("more than %d times --listen", LISTEN_MAX);
		parse_endpoint(&s->listen[s->n++], optarg, false);
		break;
	case 'b':
		s->banner = optarg;
		break;
	case 'B':
		s->backlog = (int)parse_number("--backlog", optarg, 0, 65535);
		break;
	case 'p':
		s->patience_us = parse_seconds("--patience", optarg, 3600000000u);
		break;
	case 'S':
		s->life_us = parse_seconds("--seconds", optarg, 3600000000u);
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		if (!socket_option(&s->opt, c))
			usage_error("unknown or incomplete option");
	}
}

int server_main(int argc, char **argv)
{
	static struct server s = {
		.backlog = 128,
		.life_us = 600000000,
		.patience_us = 60000000,
		.opt.nodelay = true,
	};
	uint64_t end;
	unsigned i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&s, c);
	if (!s.n || optind < argc)
		usage_error("--listen ADDRESS:PORT is needed, and nothing besides options");
	signal(SIGPIPE, SIG_IGN);
	open_listeners(&s);
	end = now_us() + s.life_us;
	while (now_us() < end) {
		if (poll(s.pfd, s.n, 200) <= 0)
			continue;
		for (i = 0; i < s.n; i++)
			if (s.pfd[i].revents)
				accept_one(&s, s.pfd[i].fd);
	}
	return 0;
}
