/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_daemon SOCKET WORKERS FLOWS [MODE] - a control socket with made-up figures, for the test of
 * tcpguardctl. Ends with SIGTERM. MODE "silent" accepts and never answers; "broken" closes in the
 * middle of a row.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake.h"

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	event_base_loopbreak(arg);
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

int main(int argc, char **argv)
{
	static struct fake fake;
	struct event_base *base;
	struct ctl_server *server;
	struct event *term;
	char why[512];

	if (argc < 4)
		return 2;
	if (argc > 4)
		return bad_daemon(argv[1], strcmp(argv[4], "silent") == 0);
	base = event_base_new();
	fake_init(&fake, atoi(argv[2]), atoi(argv[3]));
	fake.worker[0].state = GUARD_ATTACK;
	fake_event(&fake, 0, FAKE_BASE_TIME - 500000, GUARD_EVENT_ATTACK_BEGAN,
		   "70 half-open, \x1b[31m64 allowed");
	fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_SERVER_DOWN, "");
	server = ctl_server_new(base, argv[1], NULL, &fake.ops, why, sizeof(why));
	if (!server) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	term = evsignal_new(base, SIGTERM, on_signal, base);
	event_add(term, NULL);
	event_base_dispatch(base);
	ctl_server_free(server);
	event_free(term);
	event_base_free(base);
	return 0;
}
