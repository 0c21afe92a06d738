/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `peer client`: one operation on one connection at a time, a line of JSON for each. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

struct client {
	struct endpoint to, from;
	bool have_from, banner;
	const char *operation;
	uint64_t bytes, seed, timeout_us, seconds_us, interval_us, repeat, pause_us, delay_us;
	struct socket_options opt;
};

struct outcome {
	struct conn conn;
	uint64_t start_us, connected_us, banner_us, done_us;
	unsigned local_port, mss;
};

static bool connect_within(struct conn *c, const struct client *cl, uint64_t *start_us)
{
	struct pollfd pfd = {.fd = c->fd, .events = POLLOUT};
	uint64_t now = now_us();
	socklen_t len = sizeof(c->error);

	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (connect_again(c->fd, &cl->to, cl->have_from, start_us) && errno != EINPROGRESS) {
		c->error = errno;
	} else if (poll(&pfd, 1, now < c->deadline ? (int)((c->deadline - now) / 1000) : 0) <= 0) {
		c->end = END_TIMEOUT;
		return false;
	} else {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &c->error, &len);
	}
	fcntl(c->fd, F_SETFL, 0);
	if (!c->error)
		return true;
	c->end = c->error == ECONNREFUSED ? END_REFUSED
		 : c->error == ECONNRESET ? END_RESET
		 : c->error == ETIMEDOUT  ? END_TIMEOUT
					  : END_ERROR;
	return false;
}

static void open_socket(const struct client *cl, struct conn *c)
{
	int one = 1;

	c->fd = socket_open(cl->to.sa.ss_family, &cl->opt);
	socket_apply(c->fd, &cl->opt);
	if (cl->opt.fastopen &&
	    setsockopt(c->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof(one)))
		die("TCP_FASTOPEN_CONNECT: %s", strerror(errno));
	if (cl->have_from && bind(c->fd, (const struct sockaddr *)&cl->from.sa, cl->from.len))
		die("cannot bind to the source address and port: %s", strerror(errno));
}

static void look_at_socket(struct outcome *o)
{
	struct endpoint local = {.len = sizeof(local.sa)};
	int mss = 0;
	socklen_t len = sizeof(mss);

	if (getsockname(o->conn.fd, (struct sockaddr *)&local.sa, &local.len) == 0)
		o->local_port = endpoint_port(&local);
	getsockopt(o->conn.fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &len);
	o->mss = (unsigned)mss;
}

static void converse(const struct client *cl, struct outcome *o)
{
	const struct operation *op = operation_find(cl->operation);
	struct conn *c = &o->conn;
	char line[PEER_LINE_MAX];
	int n;

	if (cl->banner) {
		if (!conn_read_line(c, line))
			return;
		o->banner_us = now_us();
		c->first_byte_us = 0;
	}
	sleep_until_us(now_us() + cl->delay_us);
	c->time_us = now_us() + cl->seconds_us;
	n = snprintf(line, sizeof(line), "%s %llu %llu %llu\n", op->name,
		     (unsigned long long)c->bytes, (unsigned long long)c->seed,
		     (unsigned long long)c->time_us);
	if (conn_write(c, line, (size_t)n))
		op->client(c);
}

static unsigned long long since(uint64_t when, uint64_t start)
{
	return when ? when - start : 0;
}

static void report(const struct client *cl, const struct outcome *o)
{
	const struct conn *c = &o->conn;

	printf("{\"side\":\"client\",\"do\":\"%s\",\"ok\":%s,\"end\":\"%s\",\"sent\":%llu,"
	       "\"received\":%llu,\"errno\":%d,\"connect_us\":%llu,\"banner_us\":%llu,"
	       "\"first_byte_us\":%llu,\"total_us\":%llu,\"max_gap_us\":%llu,\"port\":%u,"
	       "\"mss\":%u",
	       cl->operation, c->ok ? "true" : "false", conn_end_name(c->end),
	       (unsigned long long)c->sent, (unsigned long long)c->received, c->error,
	       since(o->connected_us, o->start_us), since(o->banner_us, o->start_us),
	       since(c->first_byte_us, o->start_us), since(o->done_us, o->start_us),
	       (unsigned long long)c->max_gap_us, o->local_port, o->mss);
	if (c->pings)
		printf(",\"pings\":%llu,\"rtt_p50_us\":%llu,\"rtt_p99_us\":%llu,\"rtt_max_us\":%llu",
		       (unsigned long long)c->pings, (unsigned long long)c->rtt_p50_us,
		       (unsigned long long)c->rtt_p99_us, (unsigned long long)c->rtt_max_us);
	printf("}\n");
	fflush(stdout);
}

static bool run_once(const struct client *cl, uint64_t round)
{
	struct outcome o = {
		.start_us = now_us(),
		.conn = {.operation = cl->operation,
			 .bytes = cl->bytes,
			 .seed = cl->seed + round,
			 .interval_us = cl->interval_us,
			 .deadline = now_us() + cl->timeout_us},
	};

	open_socket(cl, &o.conn);
	if (connect_within(&o.conn, cl, &o.start_us)) {
		o.connected_us = now_us();
		look_at_socket(&o);
		converse(cl, &o);
	}
	o.done_us = now_us();
	close(o.conn.fd);
	report(cl, &o);
	return o.conn.ok;
}

static void print_help(void)
{
	const struct operation *o;

	fputs("usage: peer client --to ADDRESS:PORT --do OPERATION [options]\n\noperations:\n",
	      stdout);
	for (o = operations; o->name; o++)
		printf("  %-14s %s\n", o->name, o->what);
	fputs("\noptions:\n"
	      "  --bytes N        (default 1000)\n"
	      "  --seed N         of the data (default 1)\n"
	      "  --from ADDR[:PORT]  bind; the same port again and again with --repeat\n"
	      "  --banner         the server speaks first: wait for its line\n"
	      "  --delay S        wait that long between connecting and speaking\n"
	      "  --repeat N       do it N times (default 1), --pause S in between\n"
	      "  --seconds S      how long to ping, or until both close (default 1)\n"
	      "  --interval S     between pings (default 1ms)\n"
	      "  --timeout S      for each connection (default 30)\n"
	      "  --mss N --rcvbuf N --sndbuf N --window-clamp N   set on the socket\n"
	      "  --fastopen       ask for TCP Fast Open, use it where the server is known\n"
	      "  --mptcp          ask for Multipath TCP\n"
	      "\nPrints one JSON line for each connection; exit status 0 if all were ok.\n",
	      stdout);
}

static const struct option options[] = {
	{"to", required_argument, NULL, 't'},	    {"do", required_argument, NULL, 'd'},
	{"bytes", required_argument, NULL, 'n'},    {"seed", required_argument, NULL, 'e'},
	{"from", required_argument, NULL, 'f'},	    {"banner", no_argument, NULL, 'b'},
	{"delay", required_argument, NULL, 'D'},    {"repeat", required_argument, NULL, 'R'},
	{"pause", required_argument, NULL, 'P'},    {"seconds", required_argument, NULL, 'S'},
	{"interval", required_argument, NULL, 'i'}, {"timeout", required_argument, NULL, 'T'},
	{"mss", required_argument, NULL, 'm'},	    {"rcvbuf", required_argument, NULL, 'r'},
	{"fastopen", no_argument, NULL, 'F'},	    {"mptcp", no_argument, NULL, 'M'},
	{"sndbuf", required_argument, NULL, 's'},   {"window-clamp", required_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},	    {0},
};

static void parse_option(struct client *cl, int c)
{
	switch (c) {
	case 't':
		parse_endpoint(&cl->to, optarg, false);
		break;
	case 'd':
		cl->operation = optarg;
		break;
	case 'n':
		cl->bytes = parse_number("--bytes", optarg, 0, PEER_BYTES_MAX);
		break;
	case 'e':
		cl->seed = parse_number("--seed", optarg, 0, UINT64_MAX);
		break;
	case 'f':
		parse_endpoint(&cl->from, optarg, true);
		cl->have_from = true;
		break;
	case 'b':
		cl->banner = true;
		break;
	case 'D':
		cl->delay_us = parse_seconds("--delay", optarg, 600000000);
		break;
	case 'R':
		cl->repeat = parse_number("--repeat", optarg, 1, 1000000);
		break;
	case 'P':
		cl->pause_us = parse_seconds("--pause", optarg, 600000000);
		break;
	case 'S':
		cl->seconds_us = parse_seconds("--seconds", optarg, 600000000);
		break;
	case 'i':
		cl->interval_us = parse_seconds("--interval", optarg, 60000000);
		break;
	case 'T':
		cl->timeout_us = parse_seconds("--timeout", optarg, 600000000);
		break;
	case 'h':
		print_help();
		exit(0);
	default:
		if (!socket_option(&cl->opt, c))
			usage_error("unknown or incomplete option");
	}
}

int client_main(int argc, char **argv)
{
	struct client cl = {
		.bytes = 1000,
		.seed = 1,
		.timeout_us = 30000000,
		.seconds_us = 1000000,
		.interval_us = 1000,
		.repeat = 1,
		.opt.nodelay = true,
	};
	bool ok = true;
	uint64_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&cl, c);
	if (!cl.to.len || !cl.operation || optind < argc)
		usage_error("--to ADDRESS:PORT and --do OPERATION are needed");
	if (!operation_find(cl.operation))
		usage_error("--do: there is no operation '%s'", cl.operation);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < cl.repeat; i++) {
		if (i)
			sleep_until_us(now_us() + cl.pause_us);
		ok = run_once(&cl, i) && ok;
	}
	return ok ? 0 : 1;
}
