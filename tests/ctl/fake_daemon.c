/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_daemon SOCKET WORKERS FLOWS [MODE] - a control socket with made-up figures, for the test of
 * tcpguardctl and of the metrics. Ends with SIGTERM. MODE "silent" accepts and never answers; "broken"
 * closes in the middle of a row; "metrics=PORT" serves metrics on 127.0.0.1 as well, and with SIGUSR1
 * worker 0 stops to answer, or answers again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "ctl/metrics_server.h"
#include "fake.h"

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(arg);
}

static void on_usr1(evutil_socket_t sig, short what, void *arg)
{
	struct fake *f = arg;

	f->dead_worker = f->dead_worker < 0 ? 0 : -1;
}

/* bad_daemon() - one that does not keep to the protocol. */
static int bad_daemon(const char *path, bool silent)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	static const char half[] = "{\"version\":\"0.1";

	signal(SIGPIPE, SIG_IGN);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 5))
		return 1;
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c >= 0 && !silent) {
			(void)!write(c, half, sizeof(half) - 1);
			close(c);
		}
	}
}

/* running_now() - the fake's clock stands still; that of a cache must not. */
static usec_t running_now(void *ctx)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return FAKE_BASE_TIME + (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static const char metrics_mode[] = "metrics=";

/* serve_metrics() - @mode: "metrics=PORT" or NULL: do not. */
static struct metrics_server *serve_metrics(struct fake *f, struct event_base *base,
					    const char *mode)
{
	struct ip_addr loopback = ip_addr_v4(htonl(INADDR_LOOPBACK));
	struct metrics_server *metrics;
	char why[512];

	if (!mode)
		return NULL;
	f->ops.now = running_now;
	metrics = metrics_server_new(base, &f->ops, &loopback,
				     (uint16_t)atoi(mode + sizeof(metrics_mode) - 1), why,
				     sizeof(why));
	if (!metrics)
		fprintf(stderr, "%s\n", why);
	return metrics;
}

int main(int argc, char **argv)
{
	static struct fake fake;
	struct event_base *base;
	struct ctl_server *server;
	struct metrics_server *metrics;
	struct event *term, *usr1;
	char why[512];

	if (argc < 4)
		return 2;
	if (argc > 4 && strncmp(argv[4], metrics_mode, sizeof(metrics_mode) - 1) != 0)
		return bad_daemon(argv[1], strcmp(argv[4], "silent") == 0);
	base = event_base_new();
	fake_init(&fake, atoi(argv[2]), atoi(argv[3]));
	fake.worker[0].state = GUARD_ATTACK;
	fake_event(&fake, 0, FAKE_BASE_TIME - 500000, GUARD_EVENT_ATTACK_BEGAN,
		   "70 half-open, \x1b[31m64 allowed");
	fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_SERVER_DOWN, "");
	fake.n_attacks = 3;
	server = ctl_server_new(base, argv[1], NULL, &fake.ops, why, sizeof(why));
	if (!server) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	metrics = serve_metrics(&fake, base, argc > 4 ? argv[4] : NULL);
	if (argc > 4 && !metrics)
		return 1;
	term = evsignal_new(base, SIGTERM, on_signal, base);
	event_add(term, NULL);
	usr1 = evsignal_new(base, SIGUSR1, on_usr1, &fake);
	event_add(usr1, NULL);
	event_base_dispatch(base);
	metrics_server_free(metrics);
	ctl_server_free(server);
	event_free(term);
	event_free(usr1);
	event_base_free(base);
	return 0;
}
