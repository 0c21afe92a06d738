/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/core/arena_check.h"

#include <stdlib.h>

#include "base/seq.h"
#include "core/internal.h"

/* WRONG_IF() - say so, and look no further: what follows may lead anywhere. */
#define WRONG_IF(condition)                \
	do {                               \
		if (condition)             \
			return #condition; \
	} while (0)

/* ---- flows ---- */

/* found() - is this flow found, or another one between the same ends? */
static bool found(struct guard_arena *a, const struct flow *f)
{
	enum flow_dir dir;

	return flow_find(a, &f->client, f->client_port, &f->server, f->server_port, &dir) !=
	       INDEX_NONE;
}

/* is_queued() - may it have something to send? */
static bool is_queued(const struct guard_arena *a, const struct flow *f)
{
	return flow_is_terminated(f) && f->terminal < a->terminals.fresh &&
	       terminal_of(a, f)->next != TERMINAL_NOT_QUEUED;
}

static const char *check_flow(struct guard_arena *a, const struct flow *f)
{
	WRONG_IF(!found(a, f));
	WRONG_IF(!wheel_armed(&f->timer) && !is_queued(a, f)); /* then it gets one in its turn */
	WRONG_IF(f->client_state >= TCPS_COUNT || f->server_state >= TCPS_COUNT);
	WRONG_IF(f->service != SERVICE_NONE && !a->service[f->service].name[0]);
	WRONG_IF(seq_gt(f->active, tick_of(a->now)));
	return NULL;
}

static const char *check_flows(struct guard_arena *a)
{
	uint32_t used = 0, armed = 0, spare = 0, by_service = 0;

	WRONG_IF(a->flow_fresh > a->limits.max_flows);
	for (uint32_t i = 0; i < a->flow_fresh; i++) {
		const char *wrong = flow_is_used(a, i) ? check_flow(a, flow_at(a, i)) : NULL;

		used += flow_is_used(a, i);
		armed += flow_is_used(a, i) && wheel_armed(&flow_at(a, i)->timer);
		if (wrong)
			return wrong;
	}
	for (uint32_t i = a->flow_free; i != INDEX_NONE; i = flow_at(a, i)->hash_next)
		WRONG_IF(i >= a->flow_fresh || flow_is_used(a, i) || ++spare > a->flow_fresh);
	for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
		by_service += a->service[i].flows;
	WRONG_IF(used != a->flow_used);
	WRONG_IF(used != by_service);
	WRONG_IF(armed != a->wheel.count);
	WRONG_IF(used + spare != a->flow_fresh);
	return NULL;
}

/* ---- half-opens ---- */

static const char *check_list(struct guard_arena *a, const struct half_open_list *l, uint32_t slot)
{
	uint32_t n = 0, last = HALF_OPEN_NONE, reset = 0;

	for (uint32_t i = l->head; i != HALF_OPEN_NONE; i = half_open_at(a, i)->next) {
		const struct half_open *h;

		WRONG_IF(i >= a->half_open_fresh || ++n > a->half_open_fresh);
		h = half_open_at(a, i);
		WRONG_IF(h->prev != last || h->service != slot || h->client_port == 0);
		reset += h->reset;
		last = i;
	}
	WRONG_IF(l->tail != last || l->count != n || l->reset != reset);
	WRONG_IF(l->exempt > n || l->answered > n || l->concentrated > n);
	return NULL;
}

static const char *check_half_opens(struct guard_arena *a)
{
	uint32_t used = 0, listed = 0, spare = 0;

	WRONG_IF(a->half_open_fresh > a->limits.max_half_open);
	for (uint32_t i = 0; i < a->half_open_fresh; i++) {
		const struct half_open *h = half_open_at(a, i);

		used += h->client_port != 0;
		WRONG_IF(h->client_port != 0 &&
			 half_open_find(a, &h->client, h->client_port, &h->server,
					h->server_port) == HALF_OPEN_NONE);
	}
	for (uint32_t slot = 0; slot < SERVICE_SLOTS; slot++) {
		const char *wrong = check_list(a, &a->service[slot].half_opens, slot);

		if (wrong)
			return wrong;
		listed += a->service[slot].half_opens.count;
	}
	for (uint32_t i = a->half_open_free; i != HALF_OPEN_NONE; i = half_open_at(a, i)->hash_next)
		WRONG_IF(i >= a->half_open_fresh || ++spare > a->half_open_fresh);
	WRONG_IF(used != a->half_open_used);
	WRONG_IF(listed != used);
	WRONG_IF(used + spare != a->half_open_fresh);
	return NULL;
}

/* ---- terminals ---- */

/* What all terminals have, added up. */
struct owned {
	uint8_t *chunk; /* of each, whether it belongs to somebody */
	uint32_t terminals, chunks;
	uint64_t gaps;
};

static bool own(const struct guard_arena *a, struct owned *o, uint32_t i)
{
	if (i >= a->terminals.pool.fresh || o->chunk[i])
		return false;
	o->chunk[i] = 1;
	o->chunks++;
	return true;
}

static const char *check_stream(struct guard_arena *a, const struct tcp_stream *s, struct owned *o)
{
	struct tcp_memory m = terminal_memory(a);
	uint32_t last = INDEX_NONE;

	WRONG_IF(seq_gt(s->start, s->end) || seq_gt(s->end, s->high));
	for (uint32_t i = s->head; i != INDEX_NONE; i = m.link[i].next) {
		WRONG_IF(!own(a, o, i));
		WRONG_IF(m.link[i].offset % TCP_CHUNK_BYTES != 0);
		WRONG_IF(last != INDEX_NONE && seq_leq(m.link[i].offset, m.link[last].offset));
		last = i;
	}
	WRONG_IF(s->tail != last);
	WRONG_IF(s->end != s->start && s->head == INDEX_NONE);
	o->gaps += s->high - s->end;
	return NULL;
}

static const char *check_terminal(struct guard_arena *a, struct flow *f, struct owned *o)
{
	struct tcp_pipe p;

	WRONG_IF(f->terminal >= a->terminals.fresh);
	o->terminals++;
	p = terminal_pipe(a, f);
	for (unsigned i = 0; i < 2; i++) {
		const char *wrong = check_stream(a, p.stream[i], o);

		if (wrong)
			return wrong;
		WRONG_IF(p.end[i]->state >= TCPS_COUNT);
		WRONG_IF(p.end[i]->flight != INDEX_NONE && !own(a, o, p.end[i]->flight));
		WRONG_IF(p.end[i]->gaps != INDEX_NONE && !own(a, o, p.end[i]->gaps));
	}
	WRONG_IF(f->client_state != p.end[0]->state || f->server_state != p.end[1]->state);
	return NULL;
}

static const char *check_pool(struct guard_arena *a, const struct owned *o)
{
	const struct tcp_pool *p = &a->terminals.pool;
	struct tcp_memory m = terminal_memory(a);
	uint32_t spare = 0;
	uint64_t gaps = 0;

	for (uint32_t i = p->free; i != INDEX_NONE; i = m.link[i].next)
		WRONG_IF(i >= p->fresh || o->chunk[i] || ++spare > p->fresh);
	for (uint32_t i = 0; i < TERMINAL_CLIENTS; i++)
		gaps += a->terminals.gaps[i];
	WRONG_IF(p->limbo != INDEX_NONE);
	WRONG_IF(o->chunks != p->used);
	WRONG_IF(o->chunks + spare != p->fresh);
	WRONG_IF(o->terminals != a->terminals.used);
	WRONG_IF(o->gaps != gaps);
	return NULL;
}

static const char *check_terminals(struct guard_arena *a)
{
	struct owned o = {.chunk = calloc(a->limits.chunks + 1, 1)};
	const char *wrong = o.chunk ? NULL : "no memory";

	if (a->terminals.pool.fresh > a->limits.chunks ||
	    a->terminals.fresh > a->limits.max_terminated)
		wrong = "more than there is";
	for (uint32_t i = 0; i < a->flow_fresh && !wrong; i++) {
		struct flow *f = flow_at(a, i);

		if (flow_is_used(a, i) && flow_is_terminated(f) && f->terminal != INDEX_NONE)
			wrong = check_terminal(a, f, &o);
	}
	if (!wrong)
		wrong = check_pool(a, &o);
	free(o.chunk);
	return wrong;
}

const char *arena_check(struct guard_arena *a)
{
	const char *wrong = check_flows(a);

	if (!wrong)
		wrong = check_half_opens(a);
	return wrong ? wrong : check_terminals(a);
}
