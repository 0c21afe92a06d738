/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Put relayed connections into the arena that a worker has left: of clients that are not there and will not
 * say anything, as if they had come while it lived. Whoever adopts it next cannot tell.
 * usage: fill_arena CONFIG SERVICE COUNT INDEX WORKERS FD
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "conf/conf.h"
#include "core/adopt.h"
#include "core/internal.h"
#include "daemon/clock.h"

static void die(const char *what)
{
	fprintf(stderr, "fill_arena: %s\n", what);
	exit(1);
}

static void report(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

static uint32_t slot_of(const struct guard_arena *a, const char *name)
{
	for (uint32_t slot = 0; slot < SERVICE_NONE; slot++) {
		if (strcmp(a->service[slot].name, name) == 0)
			return slot;
	}
	die("there is no such service");
	return SERVICE_NONE;
}

/* fill() - in an order that no table likes. @index: of the worker, so that each has clients of its own. */
static void fill(struct guard_arena *a, uint32_t slot, const struct guard_listen *l, uint32_t count,
		 uint32_t index)
{
	struct ip_addr client = ip_addr_v4(0);

	for (uint32_t n = 0; n < count && a->flow_used < a->limits.max_flows; n++) {
		uint32_t r = n * 2654435761u, tick = tick_of(a->now);
		struct flow *f;
		uint32_t i;

		client.w[3] = htonl(((10 + index) << 24) + (r >> 8));
		i = flow_add(a, &client, (uint16_t)(1024 + n % 60000), &l->prefix, l->port_low);
		f = flow_at(a, i);
		f->service = slot & 0xff;
		f->flags = FLOW_TRANSLATED;
		f->client_state = f->server_state = TCPS_ESTABLISHED;
		f->born = f->active = tick;
		a->service[slot].flows++;
		a->service[slot].spliced_now++;
		wheel_add(&a->wheel, flow_timers(a), i, tick + 1000000 + r % 10000000);
		arena_commit(a);
	}
}

static void *map(int fd, size_t *bytes)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		die("the descriptor is none");
	*bytes = (size_t)st.st_size;
	p = mmap(NULL, *bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		die("the arena cannot be mapped");
	return p;
}

int main(int argc, char **argv)
{
	struct guard_limits limits;
	struct guard_adoption done;
	struct guard_arena *a;
	enum arena_fault fault;
	struct conf *c;
	struct guard g;
	size_t bytes;

	if (argc != 7)
		die("usage: fill_arena CONFIG SERVICE COUNT INDEX WORKERS FD");
	if (conf_load(argv[1], &c, report, NULL) < 0)
		return 1;
	a = map(atoi(argv[6]), &bytes);
	limits = a->limits;
	fault = guard_adopt(&g, a, bytes, &limits, &c->guard, (uint32_t)atoi(argv[4]),
			    (uint32_t)atoi(argv[5]), clock_now(), &done);
	if (fault != ARENA_NONE)
		die(arena_fault_text(fault));
	for (uint32_t i = 0; i < c->guard.n_listens; i++) {
		const struct guard_listen *l = &c->guard.listen[i];

		if (strcmp(c->guard.service[l->service].name, argv[2]) != 0)
			continue;
		fill(a, slot_of(a, argv[2]), l, (uint32_t)atol(argv[3]), (uint32_t)atoi(argv[4]));
		break;
	}
	guard_is_settled(&g);
	printf("%u flows\n", a->flow_used);
	conf_free(c);
	return 0;
}
