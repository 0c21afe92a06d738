/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct fake fake;
struct ctl_server *server;
char dir[64], path[128];

static struct event_base *base;
static struct event *stop_event;
static pthread_t thread;
static int stop_pipe[2];

/* ---- the server in its thread ---- */

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	event_base_loopbreak(base);
}

static void *run_loop(void *arg)
{
	event_base_dispatch(base);
	return NULL;
}

void make_path(void)
{
	snprintf(dir, sizeof(dir), "/tmp/tcpguard-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	chmod(dir, 0755);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
}

void start(uint32_t workers, uint32_t flows, const struct ctl_limits *limits)
{
	char why[256] = "";

	make_path();
	fake_init(&fake, workers, flows);
	base = event_base_new();
	server = ctl_server_new(base, path, geteuid() == 0 ? "nogroup" : NULL, &fake.ops, why,
				sizeof(why));
	ck_assert_msg(server != NULL, "%s", why);
	if (limits)
		ctl_server_limits(server, limits);
	ck_assert_int_eq(pipe(stop_pipe), 0);
	stop_event = event_new(base, stop_pipe[0], EV_READ, on_stop, NULL);
	event_add(stop_event, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, run_loop, NULL), 0);
}

void stop_leaving(void)
{
	ck_assert_int_eq(write(stop_pipe[1], "x", 1), 1);
	pthread_join(thread, NULL);
	ctl_server_free(server);
	event_free(stop_event);
	event_base_free(base);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
}

void stop(void)
{
	stop_leaving();
	ck_assert_msg(access(path, F_OK) != 0, "the socket is left behind");
	rmdir(dir);
}

struct ctl_limits default_limits(void)
{
	return (struct ctl_limits){.clients = CTL_CLIENTS_MAX,
				   .spare_ms = CTL_IDLE_MS,
				   .idle_ms = CTL_IDLE_MS,
				   .stall_ms = CTL_STALL_MS,
				   .follow_ms = 20,
				   .output_bytes = CTL_OUTPUT_BYTES};
}

/* ---- clients ---- */

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

/* What was read of a connection and not yet looked at. */
static struct input {
	size_t start, end;
	char buf[65536]; /* longer than any line */
} * input[256];

int dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval tv = {10, 0};

	memcpy(sun.sun_path, path, strlen(path));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		close(fd);
		return -1;
	}
	ck_assert_int_lt(fd, (int)ARRAY_SIZE(input));
	if (!input[fd])
		input[fd] = malloc(sizeof(*input[fd]));
	input[fd]->start = input[fd]->end = 0;
	return fd;
}

void say_bytes(int fd, const void *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

char *next_line(int fd)
{
	struct input *in = input[fd];

	for (;;) {
		char *from = in->buf + in->start;
		char *end = memchr(from, '\n', in->end - in->start);
		ssize_t n;

		if (end) {
			*end = '\0';
			in->start = end + 1 - in->buf;
			return from;
		}
		memmove(in->buf, from, in->end - in->start);
		in->end -= in->start;
		in->start = 0;
		n = recv(fd, in->buf + in->end, sizeof(in->buf) - in->end, 0);
		if (n <= 0)
			return NULL;
		in->end += n;
	}
}

struct reply listen_to(int fd)
{
	struct reply r = {NULL, 0, ""};
	size_t len = 0;
	FILE *out = open_memstream(&r.text, &len);
	char *line;

	while ((line = next_line(fd))) {
		if (line[0] != '{') {
			snprintf(r.last, sizeof(r.last), "%s", line);
			break;
		}
		fprintf(out, "%s\n", line);
		r.rows++;
	}
	fclose(out);
	return r;
}

struct reply ask_on(int fd, const char *request)
{
	say(fd, request);
	say(fd, "\n");
	return listen_to(fd);
}

struct reply ask(const char *request)
{
	int fd = dial();
	struct reply r;

	ck_assert_int_ge(fd, 0);
	r = ask_on(fd, request);
	close(fd);
	return r;
}

json_t *row(const struct reply *r, size_t i)
{
	const char *line = r->text;
	json_t *j;

	while (i--)
		line = strchr(line, '\n') + 1;
	j = json_loadb(line, strcspn(line, "\n"), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(j != NULL, "no JSON: %.*s", (int)strcspn(line, "\n"), line);
	return j;
}

long long number(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_integer(v), "%s is no number", key);
	return json_integer_value(v);
}

const char *string(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	ck_assert_msg(s != NULL, "%s is no string", key);
	return s;
}

void expect_last(const char *request, const char *last)
{
	struct reply r = ask(request);

	ck_assert_msg(strncmp(r.last, last, strlen(last)) == 0, "%s: %s", request, r.last);
	free(r.text);
}

bool gone(int fd, int ms)
{
	int64_t until = now_ms() + ms;
	char buf[65536];

	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = until - now_ms();
		ssize_t n;

		if (left < 0 || poll(&p, 1, (int)left) <= 0)
			return false;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == 0 || (n < 0 && errno != EINTR))
			return true;
	}
}

bool clients_become(uint32_t n, int ms)
{
	int64_t until = now_ms() + ms;

	while (ctl_server_clients(server) != n && now_ms() < until)
		usleep(2000);
	return ctl_server_clients(server) == n;
}

json_t *next_row(int fd)
{
	const char *line = next_line(fd);

	ck_assert_ptr_nonnull(line);
	return json_loads(line, 0, NULL);
}

TCase *new_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 20);
	suite_add_tcase(s, tc);
	return tc;
}
