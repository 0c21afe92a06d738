/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `peer load`: many short requests, each on a connection of its own, timed one by one.
 *
 * With --rate new requests start at fixed times whatever happens to the earlier ones (an open
 * loop, so a server that stalls is seen to stall); without, --concurrency of them are kept going.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer.h"

#define REQUESTS_MAX	2000000u
#define CONCURRENCY_MAX 8192u

enum failure { FAIL_REFUSED, FAIL_RESET, FAIL_TIMEOUT, FAIL_ANSWER, FAIL_OTHER, FAIL_KINDS };

static const char *const failure_names[FAIL_KINDS] = {"refused", "reset", "timeout", "bad_answer",
						      "other"};

struct request {
	int fd; /* -1: free */
	bool connected, answered, answer_ok;
	uint64_t start_us, first_us;
};

/* Times of what went well, in microseconds. */
struct times {
	uint32_t *value;
	uint32_t n, from; /* @from: where the current interval began */
};

struct load {
	struct endpoint to, from;
	bool have_from;
	const char *expect;
	char request[512];
	uint64_t rate, count, duration_us, timeout_us, interval_us;
	uint32_t concurrency;

	int epoll;
	uint64_t start, next_interval;
	struct request *slot;
	uint32_t *free_slot, n_free;
	uint64_t started, ok, failed[FAIL_KINDS];
	uint64_t last_started, last_ok, last_failed;
	struct times connect, first_byte, total;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void times_init(struct times *t)
{
	t->value = malloc(REQUESTS_MAX * sizeof(*t->value)); /* touched only as far as used */
	if (!t->value)
		die("out of memory");
}

static void times_add(struct times *t, uint64_t us)
{
	if (t->n < REQUESTS_MAX)
		t->value[t->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static uint64_t total_failed(const struct load *l)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < FAIL_KINDS; i++)
		sum += l->failed[i];
	return sum;
}

static void finish(struct load *l, struct request *r)
{
	close(r->fd);
	r->fd = -1;
	l->free_slot[l->n_free++] = (uint32_t)(r - l->slot);
}

static void fail(struct load *l, struct request *r, enum failure why)
{
	l->failed[why]++;
	finish(l, r);
}

static void fail_errno(struct load *l, struct request *r, int error)
{
	fail(l, r,
	     error == ECONNREFUSED		     ? FAIL_REFUSED
	     : error == ECONNRESET || error == EPIPE ? FAIL_RESET
	     : error == ETIMEDOUT		     ? FAIL_TIMEOUT
						     : FAIL_OTHER);
}

static void succeed(struct load *l, struct request *r)
{
	l->ok++;
	times_add(&l->total, now_us() - r->start_us);
	times_add(&l->first_byte, r->first_us - r->start_us);
	finish(l, r);
}

static void start_request(struct load *l)
{
	struct request *r = &l->slot[l->free_slot[--l->n_free]];
	struct epoll_event ev = {.events = EPOLLOUT, .data.ptr = r};
	int one = 1;

	*r = (struct request){.start_us = now_us()};
	l->started++;
	r->fd = socket(l->to.sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r->fd < 0)
		die("socket: %s", strerror(errno));
	if (l->have_from) {
		setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(r->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(r->fd, (struct sockaddr *)&l->from.sa, l->from.len)) {
			fail(l, r, FAIL_OTHER);
			return;
		}
	}
	if (connect_again(r->fd, &l->to, l->have_from, &r->start_us) && errno != EINPROGRESS) {
		fail_errno(l, r, errno);
		return;
	}
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, r->fd, &ev);
}

static void on_connected(struct load *l, struct request *r)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = r};
	socklen_t len = sizeof(int);
	size_t n = strlen(l->request);
	int error = 0;

	getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		fail_errno(l, r, error);
		return;
	}
	r->connected = true;
	times_add(&l->connect, now_us() - r->start_us);
	if (send(r->fd, l->request, n, MSG_NOSIGNAL) != (ssize_t)n) {
		fail_errno(l, r, errno);
		return;
	}
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, r->fd, &ev);
}

static void on_readable(struct load *l, struct request *r)
{
	static char buf[65536];
	size_t want = strlen(l->expect);
	ssize_t n = recv(r->fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(l, r, errno);
	} else if (n == 0 && r->answer_ok) {
		succeed(l, r);
	} else if (n == 0) {
		fail(l, r, FAIL_ANSWER);
	} else if (!r->answered) {
		r->answered = true;
		r->first_us = now_us();
		r->answer_ok = (size_t)n >= want && !memcmp(buf, l->expect, want);
	}
}

static void expire(struct load *l)
{
	uint64_t now = now_us();
	uint32_t i;

	for (i = 0; i < l->concurrency; i++)
		if (l->slot[i].fd >= 0 && now - l->slot[i].start_us > l->timeout_us)
			fail(l, &l->slot[i], FAIL_TIMEOUT);
}

/* start_due() - start what is due. Return: milliseconds until there is more, at most 5. */
static int start_due(struct load *l, uint64_t end)
{
	uint64_t now = now_us(), due = l->count ? l->count : UINT64_MAX;

	if (stop || now >= end)
		return 5;
	if (l->rate && due > (now - l->start) * l->rate / 1000000 + 1)
		due = (now - l->start) * l->rate / 1000000 + 1;
	while (l->n_free && l->started < due)
		start_request(l);
	return l->rate >= 1000 ? 0 : l->rate ? 1 : 5;
}

static void print_times(const char *name, struct times *t, uint32_t from)
{
	static uint32_t copy[REQUESTS_MAX];
	uint32_t n = t->n - from;

	memcpy(copy, t->value + from, n * sizeof(*copy));
	sort_values(copy, n);
	printf(",\"%s_p50_us\":%llu,\"%s_p99_us\":%llu,\"%s_max_us\":%llu", name,
	       (unsigned long long)percentile(copy, n, 50), name,
	       (unsigned long long)percentile(copy, n, 99), name,
	       (unsigned long long)percentile(copy, n, 100));
}

static void print_interval(struct load *l)
{
	uint64_t failed = total_failed(l);

	printf("{\"t\":%.1f,\"started\":%llu,\"ok\":%llu,\"failed\":%llu",
	       (double)(l->next_interval - l->start) / 1e6,
	       (unsigned long long)(l->started - l->last_started),
	       (unsigned long long)(l->ok - l->last_ok),
	       (unsigned long long)(failed - l->last_failed));
	print_times("connect", &l->connect, l->connect.from);
	printf("}\n");
	fflush(stdout);
	l->last_started = l->started;
	l->last_ok = l->ok;
	l->last_failed = failed;
	l->connect.from = l->connect.n;
	l->next_interval += l->interval_us;
}

static void print_summary(struct load *l)
{
	uint64_t failed = total_failed(l), done = l->ok + failed;
	double seconds = (double)(now_us() - l->start) / 1e6;
	int i;

	printf("{\"requests\":%llu,\"ok\":%llu,\"failed\":%llu,\"success_pct\":%.4f",
	       (unsigned long long)done, (unsigned long long)l->ok, (unsigned long long)failed,
	       done ? 100.0 * (double)l->ok / (double)done : 0.0);
	for (i = 0; i < FAIL_KINDS; i++)
		printf(",\"%s\":%llu", failure_names[i], (unsigned long long)l->failed[i]);
	print_times("connect", &l->connect, 0);
	print_times("first_byte", &l->first_byte, 0);
	print_times("total", &l->total, 0);
	printf(",\"start_us\":%llu,\"seconds\":%.3f,\"per_second\":%.1f}\n",
	       (unsigned long long)l->start, seconds, (double)l->ok / seconds);
	fflush(stdout);
}

static void run(struct load *l)
{
	struct epoll_event ev[256];
	uint64_t end, next_expire = 0;
	int i, n, wait;

	l->start = now_us();
	end = l->start + l->duration_us;
	l->next_interval = l->interval_us ? l->start + l->interval_us : UINT64_MAX;
	for (;;) {
		wait = start_due(l, end);
		if (l->n_free == l->concurrency &&
		    (stop || now_us() >= end || (l->count && l->started >= l->count)))
			break;
		n = epoll_wait(l->epoll, ev, ARRAY_SIZE(ev), wait);
		for (i = 0; i < n; i++) {
			struct request *r = ev[i].data.ptr;

			if (r->fd >= 0 && !r->connected)
				on_connected(l, r);
			else if (r->fd >= 0)
				on_readable(l, r);
		}
		if (now_us() >= next_expire) {
			expire(l);
			next_expire = now_us() + 5000;
		}
		if (now_us() >= l->next_interval)
			print_interval(l);
	}
}

static void prepare(struct load *l)
{
	uint32_t i;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->slot = calloc(l->concurrency, sizeof(*l->slot));
	l->free_slot = calloc(l->concurrency, sizeof(*l->free_slot));
	if (l->epoll < 0 || !l->slot || !l->free_slot)
		die("cannot prepare: %s", strerror(errno));
	for (i = 0; i < l->concurrency; i++) {
		l->slot[i].fd = -1;
		l->free_slot[l->n_free++] = l->concurrency - 1 - i;
	}
	times_init(&l->connect);
	times_init(&l->first_byte);
	times_init(&l->total);
}

static const char help[] =
	"usage: peer load --to ADDRESS:PORT [options]\n"
	"\n"
	"  --rate N         new requests a second, whatever happens to the others\n"
	"  --concurrency N  at most so many at a time (default 64; 2048 with --rate)\n"
	"  --seconds S      start requests for so long (default 5), then wait for the last\n"
	"  --count N        and start no more than N\n"
	"  --timeout S      a request that takes longer has failed (default 5)\n"
	"  --path PATH      of the HTTP request (default /)\n"
	"  --expect TEXT    what a good answer begins with (default 'HTTP/1.1 200')\n"
	"  --from ADDRESS   bind to it\n"
	"  --interval S     print a line that often\n"
	"\n"
	"Prints a JSON line: requests, ok, failed, success_pct, failures by kind, and for connect,\n"
	"first_byte and total the p50, p99 and max in microseconds. Exit status 0 if all were ok.\n";

static const struct option options[] = {
	{"to", required_argument, NULL, 't'},
	{"rate", required_argument, NULL, 'r'},
	{"concurrency", required_argument, NULL, 'c'},
	{"seconds", required_argument, NULL, 'S'},
	{"count", required_argument, NULL, 'n'},
	{"timeout", required_argument, NULL, 'T'},
	{"path", required_argument, NULL, 'p'},
	{"expect", required_argument, NULL, 'e'},
	{"from", required_argument, NULL, 'f'},
	{"interval", required_argument, NULL, 'i'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static void parse_option(struct load *l, const char **path, int c)
{
	switch (c) {
	case 't':
		parse_endpoint(&l->to, optarg, false);
		break;
	case 'r':
		l->rate = parse_number("--rate", optarg, 1, 100000);
		break;
	case 'c':
		l->concurrency =
			(uint32_t)parse_number("--concurrency", optarg, 1, CONCURRENCY_MAX);
		break;
	case 'S':
		l->duration_us = parse_seconds("--seconds", optarg, 3600000000u);
		break;
	case 'n':
		l->count = parse_number("--count", optarg, 1, REQUESTS_MAX);
		break;
	case 'T':
		l->timeout_us = parse_seconds("--timeout", optarg, 600000000u);
		break;
	case 'p':
		*path = optarg;
		break;
	case 'e':
		l->expect = optarg;
		break;
	case 'f':
		parse_endpoint(&l->from, optarg, true);
		l->have_from = true;
		break;
	case 'i':
		l->interval_us = parse_seconds("--interval", optarg, 3600000000u);
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	default:
		usage_error("unknown or incomplete option");
	}
}

int load_main(int argc, char **argv)
{
	static struct load l = {
		.duration_us = 5000000,
		.timeout_us = 5000000,
		.expect = "HTTP/1.1 200",
	};
	const char *path = "/";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		parse_option(&l, &path, c);
	if (!l.to.len || optind < argc)
		usage_error("--to ADDRESS:PORT is needed, and nothing besides options");
	if (!l.concurrency)
		l.concurrency = l.rate ? 2048 : 64;
	if ((size_t)snprintf(l.request, sizeof(l.request),
			     "GET %s HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n",
			     path) >= sizeof(l.request))
		usage_error("--path is too long");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	prepare(&l);
	run(&l);
	print_summary(&l);
	return total_failed(&l) || !l.ok ? 1 : 0;
}
