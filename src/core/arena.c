/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/arena.h"

#include <stddef.h>
#include <string.h>

static uint32_t buckets_for(uint32_t entries)
{
	uint32_t n = 16;

	while (n < entries && n < 1u << 24)
		n <<= 1;
	/* Rounding up would cost up to four more bytes an entry; chains of two are as good. */
	return n > entries ? n / 2 : n;
}

/* align_to() - @n, or the next multiple of @unit, a power of two. */
static uint64_t align_to(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) & ~(unit - 1);
}

static uint64_t align_up(uint64_t n)
{
	return align_to(n, 64);
}

void arena_layout(struct arena_layout *l, const struct guard_limits *limits)
{
	uint32_t half_open_buckets = buckets_for(limits->max_half_open);
	uint32_t flow_buckets = buckets_for(limits->max_flows);
	uint64_t at = align_up(sizeof(struct guard_arena));

	l->half_open_mask = half_open_buckets - 1;
	l->flow_mask = flow_buckets - 1;
	l->half_open_buckets = at;
	at = align_up(at + 4ULL * half_open_buckets);
	l->half_opens = at;
	at = align_up(at + (uint64_t)limits->max_half_open * sizeof(struct half_open));
	l->flow_buckets = at;
	at = align_up(at + 4ULL * flow_buckets);
	l->flows = at;
	at = align_up(at + (uint64_t)limits->max_flows * sizeof(struct flow));
	l->reactions = at;
	at = align_up(at + sizeof(struct reactions));
	l->sources = at;
	at = align_up(at + SERVICE_SLOTS * sizeof(struct sources));
	l->terminals = at;
	at = align_up(at + (uint64_t)limits->max_terminated * sizeof(struct terminal));
	l->claims = at;
	at = align_up(at + (limits->chunks + 63ULL) / 64 * 8);
	l->links = at;
	/* pages: then each chunk is one */
	at = align_to(at + (uint64_t)limits->chunks * sizeof(struct tcp_link), TCP_CHUNK_BYTES);
	l->chunks = at;
	l->size = at + (uint64_t)limits->chunks * sizeof(union tcp_chunk);
}

uint64_t arena_layout_hash(void)
{
	/* sizes of what is in it, places of what has pools behind it, lengths of the lists it numbers */
	static const uint32_t facts[] = {
		sizeof(struct guard_arena),
		sizeof(struct service),
		sizeof(struct flow),
		sizeof(struct half_open),
		sizeof(struct terminal),
		sizeof(union tcp_chunk),
		sizeof(struct tcp_link),
		sizeof(struct reactions),
		sizeof(struct sources),
		sizeof(struct detector),
		sizeof(struct tally),
		sizeof(struct tally_totals),
		sizeof(struct attack_report),
		sizeof(struct guard_counters),
		sizeof(struct guard_event),
		sizeof(struct profile),
		sizeof(struct key_ring),
		offsetof(struct guard_arena, keys),
		offsetof(struct guard_arena, wheel),
		offsetof(struct guard_arena, terminals),
		offsetof(struct guard_arena, event),
		offsetof(struct guard_arena, service),
		offsetof(struct guard_arena, listens),
		offsetof(struct guard_arena, profile),
		offsetof(struct guard_arena, journal),
		offsetof(struct service, detector),
		offsetof(struct service, tally),
		offsetof(struct service, half_opens),
		offsetof(struct service, react),
		offsetof(struct service, attack),
		offsetof(struct service, counters),
		offsetof(struct flow, timer),
		offsetof(struct flow, flags),
		offsetof(struct flow, open),
		offsetof(struct flow, ts_recent),
		TICK_SHIFT,
		GUARD_DROP_COUNT,
		GUARD_EVENT_COUNT,
		GUARD_ATTACK_STATE_COUNT,
		CLASS_COUNT,
		DETECT_CAUSE_COUNT,
		GUARD_MODE_COUNT,
		GUARD_ENGINE_COUNT,
		TCPS_COUNT,
	};
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a, over words */

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		hash = (hash ^ facts[i]) * 0x100000001b3ULL;
	return hash;
}

/* What struct arena_head promises of a flow. */
_Static_assert(offsetof(struct flow, client) == 0 && offsetof(struct flow, server) == 16 &&
		       offsetof(struct flow, client_port) == 32 &&
		       offsetof(struct flow, server_port) == 34 &&
		       offsetof(struct flow, server_state) ==
			       offsetof(struct flow, client_state) + 1,
	       "other versions look for the connections here");
_Static_assert(offsetof(struct guard_arena, head) == 0, "and for this");

void arena_head_fill(struct guard_arena *a)
{
	a->head = (struct arena_head){
		.magic = ARENA_MAGIC,
		.version = ARENA_VERSION,
		.layout = arena_layout_hash(),
		.bytes = a->at.size,
		.flows = a->at.flows,
		.flow_bytes = sizeof(struct flow),
		.flow_count = a->limits.max_flows,
		.flow_states = offsetof(struct flow, client_state),
		.flow_flags = offsetof(struct flow, flags),
		.flow_translated = FLOW_TRANSLATED,
		.workers = 1,
	};
}

static uint64_t fold_v6(const struct guard_arena *a, const struct ip_addr *ip)
{
	return siphash_2words(&a->table_key, (uint64_t)ip->w[0] << 32 | ip->w[1],
			      (uint64_t)ip->w[2] << 32 | ip->w[3]);
}

uint64_t arena_hash(const struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
		    const struct ip_addr *dst, uint16_t dport)
{
	uint64_t x, y;

	if (ip_addr_is_v4(src) && ip_addr_is_v4(dst)) {
		x = (uint64_t)src->w[3] << 16 | sport;
		y = (uint64_t)dst->w[3] << 16 | dport;
	} else {
		x = fold_v6(a, src) ^ sport;
		y = fold_v6(a, dst) ^ dport;
	}
	return x < y ? siphash_2words(&a->table_key, x, y) : siphash_2words(&a->table_key, y, x);
}

void arena_event(struct guard_arena *a, enum guard_event_kind kind, const char *service,
		 const struct ip_addr *addr, uint16_t port, uint64_t value, const char *detail)
{
	struct guard_event *e = &a->event[a->events % EVENT_RING];

	memset(e, 0, sizeof(*e));
	e->number = a->events + 1;
	e->time = a->now;
	e->kind = kind;
	if (service)
		memcpy(e->service, service, sizeof(e->service));
	if (addr)
		e->addr = *addr;
	e->port = port;
	e->value = value;
	if (detail) {
		strncpy(e->detail, detail, sizeof(e->detail) - 1);
	}
	atomic_signal_fence(memory_order_seq_cst); /* it counts once it is complete */
	a->events++;
}
