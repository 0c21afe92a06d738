/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control server over real sockets: its loop in a thread, clients here. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

#define NOBODY 65534

static struct fake fake;
static struct event_base *base;
static struct ctl_server *server;
static struct event *stop_event;
static pthread_t thread;
static int stop_pipe[2];
static char dir[64], path[128];

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

static void make_path(void)
{
	snprintf(dir, sizeof(dir), "/tmp/tcpguard-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	chmod(dir, 0755);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
}

/* Given a daemon with @workers workers of @flows flows each. @limits may be NULL. */
static void start(uint32_t workers, uint32_t flows, const struct ctl_limits *limits)
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

static void stop(void)
{
	ck_assert_int_eq(write(stop_pipe[1], "x", 1), 1);
	pthread_join(thread, NULL);
	ctl_server_free(server);
	event_free(stop_event);
	event_base_free(base);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
	ck_assert_msg(access(path, F_OK) != 0, "the socket is left behind");
	rmdir(dir);
}

static struct ctl_limits default_limits(void)
{
	return (struct ctl_limits){CTL_CLIENTS_MAX, CTL_IDLE_MS, CTL_STALL_MS, 20,
				   CTL_OUTPUT_BYTES};
}

/* ---- clients ---- */

static int64_t now_ms(void)
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

static int dial(void)
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

static void say_bytes(int fd, const void *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

struct reply {
	char *text; /* rows, zero-terminated, without the last line */
	size_t rows;
	char last[600];
};

/* next_line() - Return: a line without its line feed, valid until the next call; NULL at the end. */
static char *next_line(int fd)
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

/* listen_to() - read one reply to its last line, or to the end of the connection: then last is "". */
static struct reply listen_to(int fd)
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

static struct reply ask_on(int fd, const char *request)
{
	say(fd, request);
	say(fd, "\n");
	return listen_to(fd);
}

static struct reply ask(const char *request)
{
	int fd = dial();
	struct reply r;

	ck_assert_int_ge(fd, 0);
	r = ask_on(fd, request);
	close(fd);
	return r;
}

/* row() - the row @i of a reply, parsed. */
static json_t *row(const struct reply *r, size_t i)
{
	const char *line = r->text;
	json_t *j;

	while (i--)
		line = strchr(line, '\n') + 1;
	j = json_loadb(line, strcspn(line, "\n"), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(j != NULL, "no JSON: %.*s", (int)strcspn(line, "\n"), line);
	return j;
}

static long long number(const json_t *j, const char *key)
{
	const json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_integer(v), "%s is no number", key);
	return json_integer_value(v);
}

static const char *string(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	ck_assert_msg(s != NULL, "%s is no string", key);
	return s;
}

static void expect_last(const char *request, const char *last)
{
	struct reply r = ask(request);

	ck_assert_msg(strncmp(r.last, last, strlen(last)) == 0, "%s: %s", request, r.last);
	free(r.text);
}

/* gone() - has the server dropped @fd, within @ms? What it still says is swallowed. */
static bool gone(int fd, int ms)
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

static bool clients_become(uint32_t n, int ms)
{
	int64_t until = now_ms() + ms;

	while (ctl_server_clients(server) != n && now_ms() < until)
		usleep(2000);
	return ctl_server_clients(server) == n;
}

/* ---- what each command answers ---- */

START_TEST(status_adds_the_workers_up)
{
	struct reply r;
	json_t *j, *workers;

	start(2, 10, NULL);
	fake.worker[1].state = GUARD_ATTACK;
	r = ask("status");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	ck_assert_int_eq(number(j, "uptime_ms"), 60000);
	ck_assert_int_eq(number(j, "flows"), 20);
	ck_assert_int_eq(number(j, "flows_max"), 2000000);
	ck_assert_int_eq(number(j, "half_open"), 21);
	ck_assert_int_eq(number(j, "arena_bytes"), 2 << 20);
	ck_assert_str_eq(string(j, "firewall"), "iptables");
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(j, "attacked"), 0)),
			 "web");
	workers = json_object_get(j, "workers");
	ck_assert_uint_eq(json_array_size(workers), 2);
	ck_assert_int_eq(number(json_array_get(workers, 1), "packets"), 2000);
	ck_assert_int_eq(number(json_array_get(workers, 1), "queue"), 101);
	ck_assert_int_eq(number(json_array_get(workers, 1), "cpu_ms"), 2500);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(stats_are_sums_and_the_worst_state)
{
	static const char *const keys[] = {
		"half_open", "half_open_peak", "cookies_in_flight", "flows",	  "spliced_now",
		"time_wait", "state_ms",       "attack_start",	    "attack_end",
#define COUNTER(name, text) #name,
#include "core/counters.def"
#undef COUNTER
	};
	struct reply r;
	json_t *j;

	start(3, 10, NULL);
	fake.worker[1].state = GUARD_ATTACK; /* for 2 s */
	fake.worker[2].state = GUARD_ATTACK; /* for 3 s */
	r = ask("stats web");
	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		number(j, keys[i]);
	ck_assert_str_eq(string(j, "service"), "web");
	ck_assert_str_eq(string(j, "mode"), "adaptive");
	ck_assert_str_eq(string(j, "engine"), "relay");
	ck_assert_str_eq(string(j, "state"), "attack");
	ck_assert_int_eq(number(j, "state_ms"), 3000);
	ck_assert_int_eq(number(j, "half_open"), 5 + 6 + 7);
	ck_assert_int_eq(number(j, "attack_start"), 96);
	ck_assert_int_eq(number(j, "packets_in"), 3000);
	json_decref(j);
	free(r.text);
	r = ask("stats");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "state"), "calm");
	ck_assert_int_eq(number(j, "state_ms"), 1000); /* since the last worker became calm */
	json_decref(j);
	free(r.text);
	expect_last("stats nobody", "error: there is no service \"nobody\"");
	stop();
}
END_TEST

START_TEST(services_show_their_listens)
{
	struct reply r;
	json_t *j, *l;

	start(1, 0, NULL);
	r = ask("services");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 0);
	l = json_object_get(j, "listen");
	ck_assert_uint_eq(json_array_size(l), 3);
	ck_assert_str_eq(json_string_value(json_array_get(l, 0)), "192.0.2.10:80");
	ck_assert_str_eq(json_string_value(json_array_get(l, 2)), "[2001:db8::10]:443");
	json_decref(j);
	j = row(&r, 1);
	l = json_object_get(j, "listen");
	ck_assert_str_eq(json_string_value(json_array_get(l, 0)), "203.0.113.0/24:25-26");
	ck_assert_str_eq(json_string_value(json_array_get(l, 1)), "[2001:db8:1::]/64:25");
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(backends_are_shown_once_the_freshest)
{
	struct reply r;
	json_t *j;

	start(3, 0, NULL);
	r = ask("backends");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, FAKE_BACKENDS);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "server"), "192.0.2.0:80");
	ck_assert_str_eq(string(j, "state"), "up"); /* only the stale worker thinks it down */
	ck_assert_int_eq(number(j, "age_ms"), 8000);
	ck_assert(json_is_null(json_object_get(j, "wscale")));
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(drops_help_version_answer)
{
	struct reply r;
	json_t *j;

	start(2, 0, NULL);
	r = ask("drops");
	ck_assert_uint_eq(r.rows, GUARD_DROP_COUNT - 1);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "reason"), "answered");
	ck_assert_int_eq(number(j, "count"), 201);
	string(j, "text");
	json_decref(j);
	free(r.text);
	r = ask("version");
	j = row(&r, 0);
	string(j, "version");
	json_decref(j);
	free(r.text);
	r = ask("help");
	ck_assert_uint_eq(r.rows, 15);
	free(r.text);
	stop();
}
END_TEST

START_TEST(conns_have_every_documented_key)
{
	struct reply r;
	json_t *j;

	start(2, 5, NULL);
	r = ask("conns");
	ck_assert_uint_eq(r.rows, 10);
	j = row(&r, 0); /* a half-open: no timer */
	ck_assert_str_eq(string(j, "id"), "0:2147483648");
	ck_assert_str_eq(string(j, "engine"), "half-open");
	ck_assert(json_is_null(json_object_get(j, "timer")));
	ck_assert(json_is_null(json_object_get(j, "timer_ms")));
	json_decref(j);
	j = row(&r, 9);
	ck_assert_str_eq(string(j, "id"), "1:2147483652");
	ck_assert_str_eq(string(j, "proto"), "tcp6");
	ck_assert_str_eq(string(j, "client"), "[2001:db8::4]:1028");
	ck_assert_str_eq(string(j, "server"), "[2001:db8::10]:443");
	ck_assert_str_eq(string(j, "client_state"), "CLOSE");
	ck_assert_str_eq(string(j, "server_state"), "SYN_RECV");
	ck_assert_str_eq(string(j, "service"), "mail");
	ck_assert_int_eq(number(j, "age_ms"), 5);
	ck_assert_int_eq(number(j, "idle_ms"), 0);
	ck_assert_int_eq(number(j, "bytes_in"), 4);
	ck_assert_int_eq(number(j, "bytes_out"), 8);
	ck_assert_int_eq(number(j, "recv_q"), 1);
	ck_assert_int_eq(number(j, "send_q"), 1);
	json_decref(j);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "timer"), "idle");
	ck_assert_int_eq(number(j, "timer_ms"), 5000);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(netstat_begins_with_the_listens)
{
	struct reply r;
	json_t *j;

	start(1, 2, NULL);
	r = ask("netstat");
	ck_assert_uint_eq(r.rows, 5 + 2);
	j = row(&r, 2);
	ck_assert_str_eq(string(j, "proto"), "tcp6");
	ck_assert_str_eq(string(j, "state"), "LISTEN");
	ck_assert_str_eq(string(j, "local"), "[2001:db8::10]:443");
	ck_assert_str_eq(string(j, "foreign"), "[::]:*");
	json_decref(j);
	j = row(&r, 5); /* the client half is closed: the server half's state counts */
	ck_assert_str_eq(string(j, "state"), "SYN_RECV");
	ck_assert_str_eq(string(j, "local"), "192.0.2.10:80");
	ck_assert_str_eq(string(j, "foreign"), "10.0.0.0:1024");
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

static size_t rows_of(const char *request)
{
	struct reply r = ask(request);

	ck_assert_msg(strcmp(r.last, "ok") == 0, "%s: %s", request, r.last);
	free(r.text);
	return r.rows;
}

START_TEST(filters_choose_flows)
{
	start(1, 1000, NULL);
	ck_assert_uint_eq(rows_of("conns"), 1000);
	ck_assert_uint_eq(rows_of("conns --state SYN_RECV"), 250);
	ck_assert_uint_eq(rows_of("conns --state=syn-received,established"), 1000);
	ck_assert_uint_eq(rows_of("conns --engine half-open,relay"), 750);
	ck_assert_uint_eq(rows_of("conns --service mail"), 200);
	ck_assert_uint_eq(rows_of("conns --src 10.0.0.0/24"), 256 - 51);
	ck_assert_uint_eq(rows_of("conns --src 10.0.0.1"), 1);
	ck_assert_uint_eq(rows_of("conns --src 2001:db8::/32"), 200);
	ck_assert_uint_eq(rows_of("conns --src 0.0.0.0/0"), 800);
	ck_assert_uint_eq(rows_of("conns --src ::/0"), 1000); /* IPv4 is mapped */
	ck_assert_uint_eq(rows_of("conns --service web --engine passed --state ESTABLISHED"), 200);
	ck_assert_uint_eq(rows_of("netstat --state LISTEN"), 5);
	ck_assert_uint_eq(rows_of("netstat --state SYN_RECV"), 250);
	ck_assert_uint_eq(rows_of("netstat --state CLOSE"), 0);
	ck_assert_uint_eq(rows_of("conns --state CLOSE"), 250);
	ck_assert_uint_eq(rows_of("netstat --service mail"), 2 + 200);
	expect_last("conns --state FOO", "error: unknown state \"FOO\"; use");
	expect_last("conns --state \"\"", "error: unknown state \"\"");
	expect_last("conns --engine x",
		    "error: unknown engine \"x\"; use half-open, passed, relay");
	expect_last("conns --service x", "error: there is no service \"x\"");
	expect_last("conns --src 10.0.0.0/33", "error: \"10.0.0.0/33\" is no prefix");
	expect_last("conns --src 10.0.0.0/", "error: \"10.0.0.0/\" is no prefix");
	expect_last("conns --src 10.0.0.0/+8", "error: \"10.0.0.0/+8\" is no prefix");
	expect_last("conns --src x", "error: \"x\" is no prefix");
	expect_last("conns --src", "error: --src needs a value");
	expect_last("conns --stateful x", "error: unknown filter");
	stop();
}
END_TEST

START_TEST(changes_reach_every_worker)
{
	start(2, 10, NULL);
	expect_last("mode mail always", "ok");
	ck_assert_int_eq(fake.worker[0].mode[1], GUARD_MODE_ALWAYS);
	ck_assert_int_eq(fake.worker[1].mode[1], GUARD_MODE_ALWAYS);
	ck_assert_int_eq(fake.worker[1].mode[0], GUARD_MODE_ADAPTIVE);
	expect_last("mode mail sometimes", "error: unknown mode \"sometimes\"");
	expect_last("mode nobody off", "error: there is no service");
	expect_last("mode mail", "error: usage: mode SERVICE MODE");
	expect_last("kill 1:3", "ok");
	ck_assert_uint_eq(fake.worker[1].killed, 3);
	ck_assert_uint_eq(fake.worker[0].killed, 0);
	expect_last("kill 1:2147483652", "ok");
	expect_last("kill 1:11", "error: there is no flow 1:11");
	expect_last("kill 2:1", "error: there is no worker 2");
	expect_last("kill 1", "error: \"1\" is no flow");
	expect_last("kill 0:-1", "error: \"0:-1\" is no flow");
	expect_last("kill 0:99999999999", "error: \"0:99999999999\" is no flow");
	expect_last("set msl \"10 s\"", "ok");
	ck_assert_str_eq(fake.set, "msl=10 s");
	expect_last("set x 1", "error: there is no option \"x\"");
	expect_last("log debug", "ok");
	ck_assert_str_eq(fake.level, "debug");
	expect_last("log loud", "error: unknown level \"loud\"");
	stop();
}
END_TEST

START_TEST(configuration_is_shown_checked_and_loaded)
{
	struct reply r;
	json_t *j;

	start(1, 0, NULL);
	r = ask("config show");
	ck_assert_uint_eq(r.rows, 3);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "line"), "\tmode = adaptive");
	json_decref(j);
	free(r.text);
	expect_last("config check", "ok");
	ck_assert_uint_eq(fake.reloads, 0);
	expect_last("config reload", "ok");
	ck_assert_uint_eq(fake.reloads, 1);
	fake.problems = 2;
	r = ask("config reload");
	ck_assert_uint_eq(r.rows, 2);
	ck_assert_str_eq(r.last, "error: /etc/tcpguard/tcpguard.conf has 2 errors; the old "
				 "configuration stays in force");
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "problem"), "tcpguard.conf:3: unknown option \"x\"; remove it");
	json_decref(j);
	free(r.text);
	expect_last("config", "error: usage: config");
	expect_last("config eat", "error: usage: config");
	stop();
}
END_TEST

START_TEST(a_dead_worker_is_named)
{
	start(2, 10, NULL);
	fake.dead_worker = 1;
	expect_last("status", "error: worker 1 does not answer");
	expect_last("stats", "error: worker 1 does not answer");
	expect_last("conns", "error: worker 1 does not answer");
	expect_last("events", "error: worker 1 does not answer");
	expect_last("backends", "error: worker 1 does not answer");
	expect_last("mode web off", "error: worker 1 does not answer");
	expect_last("version", "ok");
	stop();
}
END_TEST

/* ---- events ---- */

START_TEST(events_are_ordered_by_time)
{
	static const char *const order[] = {"first", "second", "third", "fourth"};
	struct reply r;

	start(2, 0, NULL);
	fake_event(&fake, 0, FAKE_BASE_TIME - 4000, GUARD_EVENT_ATTACK_BEGAN, "first");
	fake_event(&fake, 1, FAKE_BASE_TIME - 3000, GUARD_EVENT_SERVER_UP, "second");
	fake_event(&fake, 1, FAKE_BASE_TIME - 2000, GUARD_EVENT_SERVER_UP, "third");
	fake_event(&fake, 0, FAKE_BASE_TIME - 1000, GUARD_EVENT_ATTACK_ENDED, "fourth");
	r = ask("events");
	ck_assert_uint_eq(r.rows, 4);
	for (int i = 0; i < 4; i++) {
		json_t *j = row(&r, i);
		time_t t = number(j, "time_ms") / 1000;

		ck_assert_str_eq(string(j, "detail"), order[i]);
		ck_assert_int_le(labs((long)(time(NULL) - t)), 3);
		json_decref(j);
	}
	free(r.text);
	r = ask("events 1");
	ck_assert_uint_eq(r.rows, 1);
	ck_assert_ptr_nonnull(strstr(r.text, "fourth"));
	free(r.text);
	expect_last("events many", "error: \"many\" is neither");
	expect_last("events -1", "error: \"-1\" is neither");
	stop();
}
END_TEST

/* next_row() - the next line of a reply that goes on. */
static json_t *next_row(int fd)
{
	const char *line = next_line(fd);

	ck_assert_ptr_nonnull(line);
	return json_loads(line, 0, NULL);
}

START_TEST(a_follower_hears_what_happens)
{
	struct ctl_limits limits = default_limits();
	json_t *j;
	int fd;
	struct reply r;

	start(2, 0, &limits);
	fake_event(&fake, 0, FAKE_BASE_TIME - 4000, GUARD_EVENT_ATTACK_BEGAN, "before");
	fd = dial();
	say(fd, "events --follow 10\n");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "detail"), "before");
	json_decref(j);
	fake_event(&fake, 1, FAKE_BASE_TIME, GUARD_EVENT_SERVER_UP, "after");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "detail"), "after");
	ck_assert_int_eq(number(j, "worker"), 1);
	json_decref(j);
	/* when it says something, it no longer follows */
	say(fd, "version\n");
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 0);
	free(r.text);
	r = listen_to(fd);
	ck_assert_uint_eq(r.rows, 1);
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_follower_is_told_what_it_missed)
{
	struct ctl_limits limits = default_limits();
	json_t *j;
	int fd;

	limits.follow_ms = 300;
	start(1, 0, &limits);
	fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_ATTACK_BEGAN, "before");
	fd = dial();
	say(fd, "events --follow\n");
	json_decref(next_row(fd));
	for (int i = 0; i < FAKE_EVENTS_MAX + 7; i++)
		fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_SERVER_UP, "many");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "event"), "lost");
	ck_assert_int_eq(number(j, "value"), 7);
	json_decref(j);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_follower_that_goes_is_forgotten)
{
	struct ctl_limits limits = default_limits();
	int fd;

	start(1, 0, &limits);
	fd = dial();
	say(fd, "events --follow\n");
	ck_assert(clients_become(1, 2000));
	close(fd);
	ck_assert(clients_become(0, 2000));
	/* and one that has asked more than is read before it ends */
	fd = dial();
	say(fd, "events --follow\n");
	for (int i = 0; i < 1000; i++)
		say(fd, "version\n");
	close(fd);
	ck_assert(clients_become(0, 5000));
	stop();
}
END_TEST

/* ---- bad clients ---- */

START_TEST(unknown_words_are_errors_to_that_client_only)
{
	int fd;
	struct reply r;

	start(1, 0, NULL);
	fd = dial();
	r = ask_on(fd, "frobnicate");
	ck_assert_str_eq(r.last, "error: unknown command \"frobnicate\"; try: help");
	free(r.text);
	r = ask_on(fd, "");
	ck_assert_str_eq(r.last, "error: the request is empty; try: help");
	free(r.text);
	r = ask_on(fd, "status now");
	ck_assert_str_eq(r.last, "error: usage: status ");
	free(r.text);
	r = ask_on(fd, "set \"msl 1");
	ck_assert_str_eq(r.last, "error: a quote is not closed");
	free(r.text);
	r = ask_on(fd, " \tversion\t \r"); /* blanks and CRLF do no harm */
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(an_endless_line_ends_the_connection)
{
	char line[CTL_LINE_MAX + 2];
	struct reply r;
	int fd;

	start(1, 0, NULL);
	memset(line, 'a', sizeof(line));
	fd = dial();
	say_bytes(fd, line, CTL_LINE_MAX + 1);
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "error: the request is longer than 1024 bytes; closing");
	ck_assert(gone(fd, 2000));
	free(r.text);
	close(fd);
	/* with its line feed, too */
	fd = dial();
	line[CTL_LINE_MAX + 1] = '\n';
	say_bytes(fd, line, sizeof(line));
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "error: the request is longer than 1024 bytes; closing");
	ck_assert(gone(fd, 2000));
	free(r.text);
	close(fd);
	/* and the longest that is allowed is not too long */
	fd = dial();
	line[CTL_LINE_MAX] = '\n';
	say_bytes(fd, line, CTL_LINE_MAX + 1);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "unknown command"));
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(binary_junk_is_an_error)
{
	unsigned seed = 1;
	struct reply r;
	int fd;

	start(1, 0, NULL);
	fd = dial();
	say_bytes(fd, "ver\0sion\n", 9);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "printable ASCII"));
	free(r.text);
	r = ask_on(fd, "version");
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd);
	for (int i = 0; i < 200; i++) {
		char junk[512];

		for (size_t k = 0; k < sizeof(junk); k++)
			junk[k] = (char)(rand_r(&seed) >> 8);
		fd = dial();
		(void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
		close(fd);
	}
	ck_assert(clients_become(0, 5000));
	expect_last("version", "ok");
	stop();
}
END_TEST

START_TEST(half_a_line_and_gone)
{
	int fd;

	start(1, 0, NULL);
	fd = dial();
	say(fd, "versi");
	close(fd);
	ck_assert(clients_become(0, 2000));
	/* whole lines before the end are answered, half of one is not */
	fd = dial();
	say(fd, "version\nvers");
	shutdown(fd, SHUT_WR);
	{
		struct reply r = listen_to(fd);

		ck_assert_str_eq(r.last, "ok");
		free(r.text);
	}
	ck_assert(gone(fd, 2000));
	close(fd);
	stop();
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	struct reply r;
	int fd;

	start(1, 1000, NULL);
	fd = dial();
	say(fd, "conns\nversion\nnonsense\nstatus\n");
	r = listen_to(fd);
	ck_assert_uint_eq(r.rows, 1000);
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.text, "\"version\""));
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.last, "unknown command"));
	free(r.text);
	r = listen_to(fd);
	ck_assert_ptr_nonnull(strstr(r.text, "\"workers\""));
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(the_65th_client_is_told_so)
{
	int fd[CTL_CLIENTS_MAX], last;
	struct reply r;

	start(1, 0, NULL);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		fd[i] = dial();
		ck_assert_int_ge(fd[i], 0);
	}
	ck_assert(clients_become(CTL_CLIENTS_MAX, 2000));
	last = dial();
	r = listen_to(last);
	ck_assert_str_eq(r.last, "error: already 64 clients on this socket; try again later");
	free(r.text);
	close(last);
	r = ask_on(fd[63], "version");
	ck_assert_str_eq(r.last, "ok");
	free(r.text);
	close(fd[0]);
	ck_assert(clients_become(63, 2000));
	expect_last("version", "ok");
	for (int i = 1; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	stop();
}
END_TEST

START_TEST(an_idle_client_is_dropped)
{
	struct ctl_limits limits = default_limits();
	int fd, slow;

	limits.idle_ms = 200;
	start(1, 0, &limits);
	fd = dial();
	slow = dial();
	for (int i = 0; i < 10; i++) { /* dripping bytes is not asking */
		(void)!send(slow, "v", 1, MSG_NOSIGNAL);
		usleep(50000);
	}
	ck_assert(gone(fd, 100));
	ck_assert(gone(slow, 100));
	close(fd);
	close(slow);
	stop();
}
END_TEST

START_TEST(a_follower_is_not_idle)
{
	struct ctl_limits limits = default_limits();
	int fd;

	limits.idle_ms = 100;
	start(1, 0, &limits);
	fd = dial();
	say(fd, "events --follow\n");
	ck_assert(!gone(fd, 500));
	close(fd);
	stop();
}
END_TEST

/* ---- dumps ---- */

START_TEST(a_dump_is_whole_and_comes_in_chunks)
{
	struct reply r;
	unsigned char *seen = calloc(2, 50000);
	size_t once = 0;
	const char *line;

	start(2, 50000, NULL);
	r = ask("conns");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 100000);
	line = r.text;
	for (size_t i = 0; i < r.rows; i++, line = strchr(line, '\n') + 1) {
		char *end; /* not sscanf(): it measures the whole text each time */
		unsigned long w = strtoul(line + strlen("{\"id\":\""), &end, 10);
		unsigned long id = strtoul(end + 1, NULL, 10) & ~(1ul << 31);

		if (w < 2 && id < 50000)
			once += ++seen[w * 50000 + id] == 1;
	}
	ck_assert_uint_eq(once, 100000);
	ck_assert_uint_le(fake.flow_rows_max, CTL_FLOWS_CHUNK);
	free(r.text);
	free(seen);
	stop();
}
END_TEST

/* Given a client that asks for 100,000 flows and never reads. */
START_TEST(a_client_that_never_reads_harms_nobody)
{
	struct ctl_limits limits = default_limits();
	uint64_t made;
	int fd, many[8];

	limits.stall_ms = 1500;
	start(1, 100000, &limits);
	fd = dial();
	say(fd, "conns\n");
	for (int i = 0; i < 8; i++) { /* asks again and again, and reads nothing of it */
		many[i] = dial();
		for (int k = 0; k < 50; k++)
			say(many[i], "stats\nconns\n");
	}
	usleep(300000);
	/* then rows are made for one mark and what the kernel took, and no more */
	pthread_mutex_lock(&fake.lock);
	made = fake.flow_rows;
	pthread_mutex_unlock(&fake.lock);
	ck_assert_uint_gt(made, 0);
	ck_assert_uint_lt(made, 9 * 10000);
	usleep(200000);
	pthread_mutex_lock(&fake.lock);
	ck_assert_uint_eq(fake.flow_rows, made);
	pthread_mutex_unlock(&fake.lock);
	/* others are served at once */
	for (int i = 0; i < 20; i++) {
		int64_t begin = now_ms();

		expect_last("status", "ok");
		ck_assert_int_lt(now_ms() - begin, 200);
	}
	/* and in the end the connection is dropped */
	ck_assert(clients_become(0, 5000));
	close(fd);
	for (int i = 0; i < 8; i++)
		close(many[i]);
	stop();
}
END_TEST

START_TEST(a_slow_reader_gets_everything)
{
	struct ctl_limits limits = default_limits();
	size_t lines = 0;
	char buf[65536];
	ssize_t n;
	int fd;

	limits.stall_ms = 200;
	limits.output_bytes = 32768;
	start(1, 20000, &limits);
	fd = dial();
	say(fd, "conns\n");
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		usleep(5000);
	}
	ck_assert_uint_eq(lines, 20001);
	close(fd);
	stop();
}
END_TEST

START_TEST(dumps_take_turns)
{
	int a, b;
	struct reply r;
	int64_t begin;

	start(1, 100000, NULL);
	a = dial();
	say(a, "conns\n"); /* long, and being read by nobody yet */
	b = dial();
	begin = now_ms();
	r = ask_on(b, "netstat --state LISTEN"); /* reads through everything, shows little */
	ck_assert_uint_eq(r.rows, 5);
	ck_assert_int_lt(now_ms() - begin, 5000);
	free(r.text);
	r = listen_to(a);
	ck_assert_uint_eq(r.rows, 100000);
	free(r.text);
	close(a);
	close(b);
	stop();
}
END_TEST

START_TEST(a_dump_whose_reader_goes_stops)
{
	uint32_t jobs;
	int fd;

	start(1, 1000000, NULL);
	fd = dial();
	say(fd, "conns\n");
	json_decref(next_row(fd));
	close(fd);
	ck_assert(clients_become(0, 2000));
	jobs = fake.flow_jobs;
	ck_assert_uint_lt(jobs, 1000);
	stop();
}
END_TEST

/* ---- rights, and the socket itself ---- */

START_TEST(without_the_right_one_may_only_look)
{
	static const char *const changing[] = {"mode web off", "set msl 1", "kill 0:1", "log debug",
					       "config reload"};
	static const char *const looking[] = {"status",	 "stats",	"services",	"conns",
					      "netstat", "config show", "config check", "events"};
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		puts("skipped: cannot become another user without root");
		return;
	}
	start(1, 10, NULL);
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(100);
		for (size_t i = 0; i < ARRAY_SIZE(changing); i++) {
			struct reply r = ask(changing[i]);

			bad += strncmp(r.last, "error: permission denied: ", 26) != 0;
		}
		for (size_t i = 0; i < ARRAY_SIZE(looking); i++)
			bad += strcmp(ask(looking[i]).last, "ok") != 0;
		_exit(bad);
	}
	waitpid(pid, &status, 0);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	ck_assert_int_eq(fake.worker[0].mode[0], GUARD_MODE_ADAPTIVE);
	ck_assert_uint_eq(fake.reloads, 0);
	expect_last("mode web off", "ok"); /* root may */
	stop();
}
END_TEST

START_TEST(the_socket_is_for_its_group_only)
{
	struct stat st;

	start(1, 0, NULL);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	if (geteuid() == 0)
		ck_assert_uint_eq(st.st_gid, NOBODY);
	stop();
}
END_TEST

START_TEST(a_live_socket_is_an_error_a_stale_one_is_not)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct event_base *other = event_base_new();
	struct ctl_server *second;
	char why[256] = "";
	int fd;

	start(1, 0, NULL);
	second = ctl_server_new(other, path, NULL, &fake.ops, why, sizeof(why));
	ck_assert_ptr_null(second);
	ck_assert_msg(strncmp(why, "another tcpguardd answers on ", 29) == 0, "%s", why);
	expect_last("version", "ok"); /* it was left alone */
	stop();

	mkdir(dir, 0755);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* dead: its socket stays */
	ck_assert_int_eq(access(path, F_OK), 0);
	second = ctl_server_new(other, path, NULL, &fake.ops, why, sizeof(why));
	ck_assert_msg(second != NULL, "%s", why);
	ctl_server_free(second);
	ck_assert_int_ne(access(path, F_OK), 0);
	rmdir(dir);
	event_base_free(other);
}
END_TEST

/* refused() - does making a server fail with @what in the reason? */
static void refused(const char *where, const char *group, const char *what)
{
	struct event_base *b = event_base_new();
	char why[512] = "";

	ck_assert_ptr_null(ctl_server_new(b, where, group, &fake.ops, why, sizeof(why)));
	ck_assert_msg(strstr(why, what) != NULL, "%s: %s", where, why);
	event_base_free(b);
}

START_TEST(a_socket_that_cannot_be_made_says_why)
{
	char file[160], longer[200];
	FILE *f;

	make_path();
	snprintf(file, sizeof(file), "%s/file", dir);
	f = fopen(file, "w");
	fclose(f);
	refused(file, NULL, "is not a socket");
	ck_assert_int_eq(access(file, F_OK), 0);
	refused(path, "no-such-group", "there is no group \"no-such-group\"");
	ck_assert_int_ne(access(path, F_OK), 0);
	refused("/nonexistent/deeper/x.sock", NULL, "create its directory");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	refused(longer, NULL, "is longer than");
	unlink(file);
	rmdir(dir);
}
END_TEST

START_TEST(another_daemons_socket_is_not_removed)
{
	char moved[160];

	start(1, 0, NULL);
	snprintf(moved, sizeof(moved), "%s.old", path);
	ck_assert_int_eq(rename(path, moved), 0);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(write(stop_pipe[1], "x", 1), 1);
	pthread_join(thread, NULL);
	ctl_server_free(server);
	event_free(stop_event);
	event_base_free(base);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	unlink(moved);
	rmdir(dir);
}
END_TEST

static TCase *new_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 20);
	suite_add_tcase(s, tc);
	return tc;
}

static void add_answers(Suite *s)
{
	TCase *tc = new_case(s, "answers");

	tcase_add_test(tc, status_adds_the_workers_up);
	tcase_add_test(tc, stats_are_sums_and_the_worst_state);
	tcase_add_test(tc, services_show_their_listens);
	tcase_add_test(tc, backends_are_shown_once_the_freshest);
	tcase_add_test(tc, drops_help_version_answer);
	tcase_add_test(tc, conns_have_every_documented_key);
	tcase_add_test(tc, netstat_begins_with_the_listens);
	tcase_add_test(tc, filters_choose_flows);
	tcase_add_test(tc, changes_reach_every_worker);
	tcase_add_test(tc, configuration_is_shown_checked_and_loaded);
	tcase_add_test(tc, a_dead_worker_is_named);
	tc = new_case(s, "events");
	tcase_add_test(tc, events_are_ordered_by_time);
	tcase_add_test(tc, a_follower_hears_what_happens);
	tcase_add_test(tc, a_follower_is_told_what_it_missed);
	tcase_add_test(tc, a_follower_that_goes_is_forgotten);
}

static void add_hardships(Suite *s)
{
	TCase *tc = new_case(s, "bad clients");

	tcase_add_test(tc, unknown_words_are_errors_to_that_client_only);
	tcase_add_test(tc, an_endless_line_ends_the_connection);
	tcase_add_test(tc, binary_junk_is_an_error);
	tcase_add_test(tc, half_a_line_and_gone);
	tcase_add_test(tc, pipelined_requests_are_answered_in_order);
	tcase_add_test(tc, the_65th_client_is_told_so);
	tcase_add_test(tc, an_idle_client_is_dropped);
	tcase_add_test(tc, a_follower_is_not_idle);
	tc = new_case(s, "dumps");
	tcase_add_test(tc, a_dump_is_whole_and_comes_in_chunks);
	tcase_add_test(tc, a_client_that_never_reads_harms_nobody);
	tcase_add_test(tc, a_slow_reader_gets_everything);
	tcase_add_test(tc, dumps_take_turns);
	tcase_add_test(tc, a_dump_whose_reader_goes_stops);
	tc = new_case(s, "rights");
	tcase_add_test(tc, without_the_right_one_may_only_look);
	tcase_add_test(tc, the_socket_is_for_its_group_only);
	tcase_add_test(tc, a_live_socket_is_an_error_a_stale_one_is_not);
	tcase_add_test(tc, a_socket_that_cannot_be_made_says_why);
	tcase_add_test(tc, another_daemons_socket_is_not_removed);
}

int main(void)
{
	Suite *s = suite_create("ctl");
	SRunner *sr = srunner_create(s);
	int failed;

	add_answers(s);
	add_hardships(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
