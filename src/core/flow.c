/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/flow.h"

#include <string.h>

#include "base/seq.h"
#include "core/arena.h"

#define LOOK_AHEAD   8 /* entries whose buckets are on their way while flow_rebuild() works */
#define VICTIM_LOOKS 64 /* slots flow_find_victim() looks at in one call */

/* A free slot has client_port 0 and links through hash_next; port 0 cannot be in a flow. */

static struct flow *entries(const struct guard_arena *a)
{
	return arena_at(a, a->at.flows);
}

static uint32_t *bucket_of(const struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
			   const struct ip_addr *dst, uint16_t dport)
{
	uint32_t *buckets = arena_at(a, a->at.flow_buckets);

	return &buckets[arena_hash(a, src, sport, dst, dport) & a->at.flow_mask];
}

struct flow *flow_at(struct guard_arena *a, uint32_t i)
{
	return &entries(a)[i];
}

struct wheel_nodes flow_timers(struct guard_arena *a)
{
	return (struct wheel_nodes){&entries(a)->timer, sizeof(struct flow)};
}

void flow_init(struct guard_arena *a)
{
	uint32_t *buckets = arena_at(a, a->at.flow_buckets);

	for (uint32_t i = 0; i <= a->at.flow_mask; i++)
		buckets[i] = INDEX_NONE;
	a->flow_free = INDEX_NONE;
	a->flow_fresh = a->flow_used = a->flow_hand = 0;
	wheel_init(&a->wheel, tick_of(a->now));
}

void flow_keep(struct guard_arena *a, uint32_t i)
{
	const struct flow *f = flow_at(a, i);

	arena_keep(a, f, sizeof(*f));
}

uint32_t flow_find(struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
		   const struct ip_addr *dst, uint16_t dport, enum flow_dir *dir)
{
	uint32_t i = *bucket_of(a, src, sport, dst, dport);

	while (i != INDEX_NONE) {
		const struct flow *f = flow_at(a, i);

		if (f->client_port == sport && f->server_port == dport &&
		    ip_addr_eq(&f->client, src) && ip_addr_eq(&f->server, dst)) {
			*dir = FROM_CLIENT;
			break;
		}
		if (f->server_port == sport && f->client_port == dport &&
		    ip_addr_eq(&f->server, src) && ip_addr_eq(&f->client, dst)) {
			*dir = FROM_SERVER;
			break;
		}
		i = f->hash_next;
	}
	return i;
}

uint32_t flow_add(struct guard_arena *a, const struct ip_addr *client, uint16_t client_port,
		  const struct ip_addr *server, uint16_t server_port)
{
	uint32_t *bucket = bucket_of(a, client, client_port, server, server_port);
	uint32_t i = a->flow_free;
	struct flow *f;

	if (i != INDEX_NONE)
		a->flow_free = flow_at(a, i)->hash_next;
	else if (a->flow_fresh < a->limits.max_flows)
		i = a->flow_fresh++;
	else
		return INDEX_NONE;
	f = flow_at(a, i);
	f->client_port = 0; /* what is taken back becomes a free slot, even one never used */
	flow_keep(a, i);
	memset(f, 0, sizeof(*f));
	f->client = *client;
	f->server = *server;
	f->client_port = client_port;
	f->server_port = server_port;
	wheel_node_reset(&f->timer);
	f->hash_next = *bucket;
	*bucket = i;
	a->flow_used++;
	return i;
}

void flow_remove(struct guard_arena *a, uint32_t i)
{
	struct flow *f = flow_at(a, i);
	uint32_t *bucket = bucket_of(a, &f->client, f->client_port, &f->server, f->server_port);

	flow_keep(a, i);
	while (*bucket != i)
		bucket = &flow_at(a, *bucket)->hash_next;
	*bucket = f->hash_next;
	wheel_remove(&a->wheel, flow_timers(a), i);
	f->client_port = 0;
	f->hash_next = a->flow_free;
	a->flow_free = i;
	a->flow_used--;
}

bool flow_is_used(struct guard_arena *a, uint32_t i)
{
	return i < a->flow_fresh && flow_at(a, i)->client_port != 0;
}

uint32_t flow_find_victim(struct guard_arena *a)
{
	for (uint32_t looks = 0; looks < VICTIM_LOOKS; looks++) {
		uint32_t i = a->flow_hand++ % a->limits.max_flows;

		if (flow_is_used(a, i) &&
		    (!(flow_at(a, i)->flags & FLOW_TRANSLATED) || flow_is_over(flow_at(a, i))))
			return i;
	}
	return INDEX_NONE;
}

/* is_sane() - nothing in it leads out of a table. */
static bool is_sane(const struct guard_arena *a, const struct flow *f)
{
	return f->server_port != 0 && f->client_state < TCPS_COUNT &&
	       f->server_state < TCPS_COUNT &&
	       (f->service == SERVICE_NONE || a->service[f->service].name[0]);
}

static void count(struct guard_arena *a, const struct flow *f)
{
	struct service *s = &a->service[f->service];

	s->flows++;
	if (flow_is_over(f))
		s->time_wait++;
	else if (flow_is_terminated(f))
		s->terminated_now++;
	else if (f->flags & FLOW_TRANSLATED)
		s->spliced_now++;
}

/* end_here() - what it needs to go on is gone: whoever does is reset. */
static void end_here(struct flow *f)
{
	f->flags = FLOW_TRANSLATED | FLOW_RESET | FLOW_ENDED;
	f->client_state = f->server_state = TCPS_CLOSED;
}

/*
 * put_back() - link the entry @i as flow_add() does. Each has a timer: no time-out, no end; and none later
 * than in @longest ticks.
 */
static void put_back(struct guard_arena *a, struct flow *f, uint32_t i, uint32_t longest)
{
	uint32_t *bucket = bucket_of(a, &f->client, f->client_port, &f->server, f->server_port);
	uint32_t due = f->timer.due, now = tick_of(a->now);

	if (seq_gt(f->active, now))
		f->active = now;
	if (seq_gt(due, now + longest))
		due = now + longest;
	f->hash_next = *bucket;
	*bucket = i;
	a->flow_used++;
	wheel_node_reset(&f->timer);
	wheel_add(&a->wheel, flow_timers(a), i, due);
	count(a, f);
}

/* resume_ends() - of a terminated flow. Return: false if they are lost. */
static bool resume_ends(struct guard_arena *a, struct flow *f, uint32_t i,
			const struct journal_marks *torn)
{
	bool was_torn;

	if (!flow_is_terminated(f))
		return true;
	if (flow_is_over(f)) {
		f->terminal = INDEX_NONE;
		return true;
	}
	was_torn = f->terminal < a->limits.max_terminated &&
		   journal_marked(torn, (uint64_t)((char *)terminal_of(a, f) - (char *)a));
	if (terminal_resume(a, i, was_torn))
		return true;
	end_here(f);
	return false;
}

/* look_ahead() - fetch the bucket of the entry @i, which is somewhere else for each. */
static void look_ahead(const struct guard_arena *a, uint32_t i)
{
	const struct flow *f = &entries(a)[i];

	__builtin_prefetch(bucket_of(a, &f->client, f->client_port, &f->server, f->server_port), 1);
}

uint32_t flow_rebuild(struct guard_arena *a, const struct journal_marks *torn, uint32_t longest)
{
	uint32_t fresh = a->flow_fresh, insane = 0;

	if (fresh > a->limits.max_flows)
		fresh = a->limits.max_flows;
	flow_init(a);
	a->flow_fresh = fresh;
	terminals_resume(a);
	for (uint32_t i = fresh; i-- > 0;) {
		struct flow *f = flow_at(a, i);

		if (i >= LOOK_AHEAD)
			look_ahead(a, i - LOOK_AHEAD);
		if (f->client_port != 0 && is_sane(a, f)) {
			insane += !resume_ends(a, f, i, torn);
			put_back(a, f, i, longest);
			continue;
		}
		insane += f->client_port != 0;
		f->client_port = 0;
		f->hash_next = a->flow_free;
		a->flow_free = i;
	}
	terminals_resumed(a);
	return insane;
}
