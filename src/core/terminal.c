/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/terminal.h"

#include <string.h>

#include "core/arena.h"
#include "core/tcp/resume.h"

static struct terminal *entries(const struct guard_arena *a)
{
	return arena_at(a, a->at.terminals);
}

void terminals_init(struct guard_arena *a)
{
	struct terminals *t = &a->terminals;

	memset(t, 0, sizeof(*t));
	t->free = t->first = t->last = INDEX_NONE;
	tcp_pool_init(&t->pool, a->limits.chunks);
}

bool terminal_take(struct guard_arena *a, struct flow *f)
{
	struct terminals *t = &a->terminals;
	uint32_t i = t->free;
	struct tcp_pipe pipe;

	if (i != INDEX_NONE)
		t->free = entries(a)[i].next;
	else if (t->fresh < a->limits.max_terminated)
		i = t->fresh++;
	else
		return false;
	t->used++;
	f->terminal = i;
	entries(a)[i].next = TERMINAL_NOT_QUEUED;
	pipe = terminal_pipe(a, f);
	tcp_pipe_init(&pipe);
	return true;
}

void terminal_give(struct guard_arena *a, struct flow *f)
{
	struct terminals *t = &a->terminals;

	entries(a)[f->terminal].next = t->free;
	t->free = f->terminal;
	t->used--;
	f->terminal = INDEX_NONE;
}

struct terminal *terminal_of(const struct guard_arena *a, const struct flow *f)
{
	return &entries(a)[f->terminal];
}

void terminal_keep(struct guard_arena *a, const struct flow *f)
{
	arena_keep(a, terminal_of(a, f), sizeof(struct terminal));
}

struct tcp_pipe terminal_pipe(const struct guard_arena *a, struct flow *f)
{
	struct terminal *e = terminal_of(a, f);

	return (struct tcp_pipe){{&e->end[0], &e->end[1]}, {&f->stream, &e->stream}};
}

struct tcp_memory terminal_memory(struct guard_arena *a)
{
	return (struct tcp_memory){&a->terminals.pool, arena_at(a, a->at.chunks),
				   arena_at(a, a->at.links), &a->journal, a->at.links};
}

void terminal_queue(struct guard_arena *a, uint32_t i)
{
	struct terminals *t = &a->terminals;
	struct terminal *e = terminal_of(a, flow_at(a, i));

	if (e->next != TERMINAL_NOT_QUEUED)
		return;
	e->next = INDEX_NONE;
	if (t->first == INDEX_NONE)
		t->first = i;
	else
		terminal_of(a, flow_at(a, t->last))->next = i;
	t->last = i;
	t->waiting++;
}

uint32_t terminal_next(struct guard_arena *a)
{
	struct terminals *t = &a->terminals;
	uint32_t i = t->first;
	struct terminal *e;

	if (i == INDEX_NONE)
		return i;
	e = terminal_of(a, flow_at(a, i));
	t->first = e->next;
	t->waiting--;
	e->next = TERMINAL_NOT_QUEUED;
	return i;
}

void terminal_unqueue(struct guard_arena *a, uint32_t i)
{
	struct terminals *t = &a->terminals;
	struct terminal *e = terminal_of(a, flow_at(a, i));
	uint32_t before = t->first;

	if (e->next == TERMINAL_NOT_QUEUED)
		return;
	if (before == i) {
		terminal_next(a);
		return;
	}
	while (terminal_of(a, flow_at(a, before))->next != i)
		before = terminal_of(a, flow_at(a, before))->next;
	terminal_of(a, flow_at(a, before))->next = e->next;
	if (t->last == i)
		t->last = before;
	t->waiting--;
	e->next = TERMINAL_NOT_QUEUED;
}

static uint32_t place(const struct guard_arena *a, uint32_t generation, const struct pkt *in)
{
	uint64_t h = arena_hash(a, &in->src, in->sport, &in->dst, in->dport);

	/* other bits in another generation: whom this one mistakes for another the next one does not */
	return (uint32_t)(h >> (generation % 3 * 20)) % EXPECTED_BITS;
}

/* turn_over() - forget those of two generations ago. */
static void turn_over(struct guard_arena *a)
{
	struct expected_clients *e = &a->terminals.expected;

	if (a->now - e->turned < EXPECTED_TURNS)
		return;
	if (a->now - e->turned >= 2 * EXPECTED_TURNS)
		memset(e->bit, 0, sizeof(e->bit));
	e->generation++;
	memset(e->bit[e->generation & 1], 0, sizeof(e->bit[0]));
	e->turned = a->now;
}

void terminal_expect(struct guard_arena *a, const struct pkt *syn)
{
	struct expected_clients *e = &a->terminals.expected;
	uint32_t i;

	turn_over(a);
	i = place(a, e->generation, syn);
	e->bit[e->generation & 1][i / 64] |= 1ULL << (i % 64);
}

bool terminal_expects(struct guard_arena *a, const struct pkt *in)
{
	struct expected_clients *e = &a->terminals.expected;

	turn_over(a);
	for (uint32_t g = e->generation - 1;; g++) {
		uint32_t i = place(a, g, in);

		if (e->bit[g & 1][i / 64] & 1ULL << (i % 64))
			return true;
		if (g == e->generation)
			return false;
	}
}

void terminal_unexpect(struct guard_arena *a, const struct pkt *syn)
{
	struct expected_clients *e = &a->terminals.expected;

	for (uint32_t g = e->generation - 1; g - e->generation + 1 < 2; g++) {
		uint32_t i = place(a, g, syn);

		e->bit[g & 1][i / 64] &= ~(1ULL << (i % 64));
	}
}

uint32_t *terminal_gaps(struct guard_arena *a, const struct ip_addr *client)
{
	uint64_t h = arena_hash(a, client, 0, client, 0);

	return &a->terminals.gaps[h % TERMINAL_CLIENTS];
}

/* ---- after another process ---- */

#define TERMINAL_UNCLAIMED 0xfffffffdu

static struct tcp_claims claims_of(const struct guard_arena *a)
{
	return (struct tcp_claims){arena_at(a, a->at.claims), a->terminals.pool.fresh};
}

void terminals_resume(struct guard_arena *a)
{
	struct terminals *t = &a->terminals;
	struct tcp_pool *p = &t->pool;

	if (t->fresh > a->limits.max_terminated)
		t->fresh = a->limits.max_terminated;
	t->free = t->first = t->last = INDEX_NONE;
	t->waiting = 0;
	t->used = 0;
	memset(t->gaps, 0, sizeof(t->gaps));
	for (uint32_t i = 0; i < t->fresh; i++)
		entries(a)[i].next = TERMINAL_UNCLAIMED;
	p->n = a->limits.chunks;
	p->reserve = p->n / 8;
	if (p->fresh > p->n)
		p->fresh = p->n;
	p->free = p->limbo = INDEX_NONE;
	p->n_limbo = p->used = 0;
	memset(arena_at(a, a->at.claims), 0, (p->fresh + 63ULL) / 64 * 8);
}

bool terminal_resume(struct guard_arena *a, uint32_t i, bool torn)
{
	struct terminals *t = &a->terminals;
	struct flow *f = flow_at(a, i);
	struct tcp_claims claims = claims_of(a);
	struct tcp_pipe pipe;

	if (f->terminal >= t->fresh || terminal_of(a, f)->next != TERMINAL_UNCLAIMED)
		return false;
	pipe = terminal_pipe(a, f);
	if (!tcp_pipe_resume(&pipe, terminal_memory(a), &claims, torn))
		return false;
	terminal_of(a, f)->next = TERMINAL_NOT_QUEUED;
	t->used++;
	f->client_state = pipe.end[0]->state;
	f->server_state = pipe.end[1]->state;
	*terminal_gaps(a, &f->client) += (pipe.stream[0]->high - pipe.stream[0]->end) +
					 (pipe.stream[1]->high - pipe.stream[1]->end);
	terminal_queue(a, i); /* what it was about to send */
	return true;
}

void terminals_resumed(struct guard_arena *a)
{
	struct terminals *t = &a->terminals;
	struct tcp_memory m = terminal_memory(a);
	struct tcp_claims claims = claims_of(a);

	for (uint32_t i = t->fresh; i-- > 0;) {
		if (entries(a)[i].next != TERMINAL_UNCLAIMED)
			continue;
		entries(a)[i].next = t->free;
		t->free = i;
	}
	for (uint32_t i = t->pool.fresh; i-- > 0;) {
		if (tcp_claims_has(&claims, i)) {
			t->pool.used++;
			continue;
		}
		m.link[i].next = t->pool.free;
		t->pool.free = i;
	}
}
