/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATHS_MAX 32
#define BATCH	  256

const char *path_open(struct path *p, const struct wire_plan *wire, uint64_t seed,
		      const struct peer_plan peer[2], const struct host_plan *host)
{
	const char *why;

	*p = (struct path){.peer = {{.tun = -1}, {.tun = -1}}};
	for (unsigned i = 0; i < (host ? 1 : 2); i++) {
		why = peer_start(&p->peer[i], &peer[i]);
		if (why)
			return why;
	}
	for (unsigned i = 0; i < 2; i++)
		lane_open(&p->lane[i], wire, seed * 2 + i, p->peer[!i].tun);
	if (host) {
		p->host = host_new(host, &p->lane[1], seed);
		p->lane[0].take = host_take;
		p->lane[0].arg = p->host;
		p->reported[1] = true;
	}
	return NULL;
}

void path_close(struct path *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (p->peer[i].pid > 0)
			peer_stop(&p->peer[i]);
		lane_close(&p->lane[i]);
	}
	if (p->host)
		host_free(p->host);
}

static bool is_done(const struct path *p)
{
	if (p->endless)
		return p->reported[0];
	return p->reported[0] && p->reported[1] && (!p->host || host_is_done(p->host));
}

/* take_in() - what the kernel at side @i has sent. */
static void take_in(struct path *p, unsigned i, usec_t now)
{
	uint8_t packet[2048];
	ssize_t n;

	for (unsigned k = 0; k < BATCH; k++) {
		n = read(p->peer[i].tun, packet, sizeof(packet));
		if (n <= 0)
			break;
		/* router solicitations and the like shall not move the dice */
		if (packet[0] >> 4 == 4 ? packet[9] == 6 : packet[6] == 6)
			lane_send(&p->lane[i], packet, (uint32_t)n, now);
	}
}

static usec_t work(struct path *p, usec_t now)
{
	usec_t next = USEC_NEVER, at;

	for (unsigned i = 0; i < 2; i++)
		lane_deliver(&p->lane[i], now);
	if (p->host) {
		host_run(p->host, now);
		/* over a wire without delay at once */
		lane_deliver(&p->lane[1], now);
		next = host_deadline(p->host, now);
	}
	for (unsigned i = 0; i < 2; i++) {
		at = lane_deadline(&p->lane[i]);
		next = at < next ? at : next;
	}
	return next;
}

static void sleep_until(struct pollfd *fds, unsigned n, usec_t next, usec_t until)
{
	usec_t now = clock_now(), wait;
	struct timespec ts;

	next = next < until ? next : until;
	wait = next > now ? next - now : 0;
	ts = (struct timespec){(time_t)(wait / USEC_PER_SEC), (long)(wait % USEC_PER_SEC) * 1000};
	if (ppoll(fds, n, &ts, NULL) < 0 && errno != EINTR)
		abort();
}

bool path_run(struct path *p, unsigned n, unsigned patience_s)
{
	usec_t until = clock_now() + patience_s * USEC_PER_SEC;
	struct pollfd fds[PATHS_MAX * 4];
	bool all = false;

	if (n > PATHS_MAX)
		abort();
	while (!all && clock_now() < until) {
		usec_t next = USEC_NEVER, at;

		all = true;
		for (unsigned k = 0; k < n; k++) {
			at = work(&p[k], clock_now());
			next = at < next ? at : next;
			for (unsigned i = 0; i < 2; i++) {
				fds[4 * k + i] = (struct pollfd){p[k].peer[i].tun, POLLIN, 0};
				fds[4 * k + 2 + i] = (struct pollfd){
					p[k].reported[i] ? -1 : p[k].peer[i].report, POLLIN, 0};
			}
			all &= is_done(&p[k]);
		}
		if (all)
			break;
		sleep_until(fds, 4 * n, next, until);
		for (unsigned k = 0; k < n; k++) {
			for (unsigned i = 0; i < 2; i++) {
				if (fds[4 * k + i].revents)
					take_in(&p[k], i, clock_now());
				if (fds[4 * k + 2 + i].revents)
					p[k].reported[i] =
						peer_finish(&p[k].peer[i], &p[k].tally[i]) || true;
			}
		}
	}
	return all;
}
