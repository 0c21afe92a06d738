/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a plan. */
#include "world.h"

void at(struct world *w, usec_t when, enum kind kind, uint32_t who)
{
	uint32_t i = w->n_heap++;

	if (w->n_heap > w->cap_heap) {
		w->cap_heap = w->cap_heap ? 2 * w->cap_heap : 1024;
		w->heap = realloc(w->heap, w->cap_heap * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	while (i > 0 && w->heap[(i - 1) / 2].at > when) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = (struct ev){when, kind, who};
}

static struct ev next_event(struct world *w)
{
	struct ev first = w->heap[0], last = w->heap[--w->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && w->heap[child + 1].at < w->heap[child].at)
			child++;
		if (w->heap[child].at >= last.at)
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

/* wait_for() - exponential with the mean 1/@rate seconds. */
usec_t wait_for(struct world *w, double rate)
{
	return (usec_t)(-log(rng_unit(&w->rng)) / rate * 1e6);
}

static void step(struct world *w, struct ev e)
{
	switch ((enum kind)e.kind) {
	case EV_ARRIVE:
		on_arrive(w, e.who);
		break;
	case EV_CONNECT:
		arrive(w);
		break;
	case EV_SYN:
		on_syn(w, e.who);
		break;
	case EV_ACK:
		on_ack(w, e.who);
		break;
	case EV_FLOOD:
		on_flood(w, e.who);
		break;
	case EV_SCAN:
		on_scan(w, e.who);
		break;
	case EV_SPLICE:
		on_splice(w, e.who);
		break;
	case EV_SERVER:
		on_server(w, e.who);
		break;
	case EV_CAPTURE:
		on_capture(w, e.who);
		break;
	}
}

/* ---- beginning and end ---- */

static void configure(struct world *w)
{
	struct guard_config *c = &w->config;

	guard_config_defaults(c);
	guard_service_config_defaults(&c->service[0]);
	strcpy(c->service[0].name, "web");
	if (w->p->start) {
		c->service[0].attack.start = w->p->start;
		c->service[0].attack.end = w->p->end;
	}
	c->timeouts.established = 5 * SEC; /* so that the table does not fill with connections */
	c->n_services = c->n_listens = 1;
	c->listen[0] = (struct guard_listen){
		.prefix = ip_addr_v4(htonl(NET)),
		.plen = 120,
		.port_low = 1,
		.port_high = 1024,
	};
}

static void begin(struct world *w)
{
	const struct plan *p = w->p;
	const char *why;

	at(w, w->now, EV_ARRIVE, 0);
	if (p->flood > 0)
		at(w, p->from, EV_FLOOD, !p->ramp);
	if (p->scan)
		at(w, p->from, EV_SCAN, 1);
	if (p->down_to) {
		at(w, p->down_from, EV_SERVER, 0);
		at(w, p->down_to, EV_SERVER, 1);
	}
	if (p->capture) {
		w->n_captured = capture_syns(p->capture, &w->captured, &why);
		at(w, p->from, EV_CAPTURE, 0);
	}
}

static void conclude_run(struct world *w)
{
	struct service_report s;
	struct attack_report r;

	guard_report_service(&w->guard, 0, w->now, &s);
	w->o->attacks = (uint32_t)s.counters.attacks;
	if (guard_report_attack(&w->guard, 0, &r)) {
		w->o->class = r.class;
		w->o->trigger = r.trigger;
		memcpy(w->o->evidence, r.evidence, sizeof(r.evidence));
	}
	say_events(w);
}

void world_run(const struct plan *p, struct outcome *o, bool verbose)
{
	struct guard_limits limits = {.max_flows = 65536, .max_half_open = 65536};
	struct world *w = calloc(1, sizeof(*w));
	size_t size = (guard_arena_size(&limits) + 4095) / 4096 * 4096;
	uint8_t seed[GUARD_SEED_BYTES];
	void *arena = calloc(1, size + 64), *aligned = (void *)(((uintptr_t)arena + 63) & ~63ull);

	memset(o, 0, sizeof(*o));
	if (w)
		w->out = calloc(1, sizeof(*w->out));
	if (w)
		w->conn = calloc(CONNS, sizeof(*w->conn));
	if (!w || !arena || !w->out || !w->conn)
		abort();
	w->p = p;
	w->o = o;
	w->verbose = verbose;
	w->rng.s = p->seed * 0x2545f4914f6cdd1dULL + 12345;
	w->now = SEC;
	for (uint32_t i = 0; i < CONNS; i++)
		w->conn[i].next_free = i + 1 < CONNS ? i + 1 : UINT32_MAX;
	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)rng_u64(&w->rng);
	configure(w);
	guard_init(&w->guard, aligned, &limits, &w->config, w->now, seed);
	begin(w);
	while (w->n_heap && w->heap[0].at < p->length) {
		usec_t due = guard_deadline(&w->guard);

		if (due < w->heap[0].at) {
			w->now = due > w->now ? due : w->now;
			pass_time(w);
			continue;
		}
		w->now = w->heap[0].at;
		server_repeats(w);
		step(w, next_event(w));
		if (verbose)
			say_events(w);
	}
	conclude_run(w);
	free(w->heap);
	free(w->conn);
	free(w->out);
	free(w);
	free(arena);
}
