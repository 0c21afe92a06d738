/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one block of memory that holds everything a guard knows. No pointer in it: what belongs to a
 * pool is addressed by index, and the pools by their offset from the beginning.
 *
 *   struct guard_arena | half-open buckets | half-opens | flow buckets | flows | reactions | sources
 *   | terminals | links | chunks
 */
#ifndef TCPGUARD_CORE_ARENA_H
#define TCPGUARD_CORE_ARENA_H

#include "base/siphash.h"
#include "base/wheel.h"
#include "core/detect.h"
#include "core/exchange.h"
#include "core/flow.h"
#include "core/guard.h"
#include "core/half_open.h"
#include "core/journal.h"
#include "core/keys.h"
#include "core/limit.h"
#include "core/listens.h"
#include "core/prints.h"
#include "core/profile.h"
#include "core/rules.h"
#include "core/terminal.h"

#define ARENA_MAGIC 0x74637067u /* "tcpg" */
/* Another one where the same bytes mean something else, though layout and sizes are the same. */
#define ARENA_VERSION 4
#define EVENT_RING    256
#define SERVICE_SLOTS 256
#define SERVICE_NONE  255 /* the slot of flows whose service has been configured away */

/* Timer ticks: 8.192 ms. 2^31 of them are half a year. */
#define TICK_SHIFT 13

static inline uint32_t tick_of(usec_t t)
{
	return (uint32_t)(t >> TICK_SHIFT);
}

/* ticks_in() - a duration in ticks, rounded up. */
static inline uint32_t ticks_in(usec_t duration)
{
	return (uint32_t)((duration + (1u << TICK_SHIFT) - 1) >> TICK_SHIFT);
}

static inline usec_t usec_of_ticks(uint32_t ticks)
{
	return (usec_t)ticks << TICK_SHIFT;
}

/* What a service does to some clients and not to others; see react.c. */
struct service_react {
	struct bucket_rate limit; /* of SYNs of one prefix, this guard's share */
	struct bucket_rate synacks; /* to one prefix, half of this guard's share */
	usec_t withheld_said; /* when the last event said that SYN-ACKs are withheld */
	struct print_vote vote; /* on what the SYNs of an attack look like */
};

/* Run-time state of one service; the slot stays the same across configurations. */
struct service {
	char name[GUARD_SERVICE_NAME_MAX]; /* empty: slot is free */
	uint16_t config; /* index into guard_config.service; UINT16_MAX: configured away */
	uint8_t mode; /* enum guard_mode in force */
	uint8_t engine;
	uint32_t name_hash; /* in the exchange */
	struct detect_config limits;
	struct detector detector; /* of the leader; what the others follow in theirs */
	struct tally tally;
	struct tally_look elsewhere; /* what the other guards have pending */
	uint64_t
		heard; /* of a leader: whose totals are in those of the detector, a bit for each guard */
	bool dirty; /* the tally has changed since it was published */
	uint32_t looked; /* tick of the last look */
	uint32_t sources_second;
	usec_t alarmed_at; /* a follower's hard trigger; 0: none */
	usec_t state_since;
	usec_t relief_at; /* next look at the oldest half-opens during an attack; 0: none */
	struct half_open_list half_opens;
	uint32_t full_at; /* this guard's share of limits.start */
	uint32_t half_open_peak;
	uint32_t flows, spliced_now, terminated_now, time_wait;
	struct tcp_config tcp; /* of the terminate engine */
	usec_t engine_since; /* when @engine was put in force; 0: at the beginning */
	struct promise_history default_promise; /* for addresses that were not heard of yet */
	struct service_react react;
	struct attack_report attack; /* the current or last one */
	struct guard_counters counters;
};

/* What is remembered of clients, of all services. */
struct reactions {
	struct rule_count {
		uint32_t serial;
		uint64_t packets;
	} rule[RULES_MAX];
	struct limit_table syns, synacks;
	struct proven_table proven;
	struct repeat_table repeats;
	struct prints prints;
};

/* Where the pools are; see struct guard_arena. */
struct arena_layout {
	uint64_t half_open_buckets, half_opens, flow_buckets, flows; /* in bytes */
	uint64_t reactions, sources, terminals, claims, links, chunks, size;
	uint32_t half_open_mask, flow_mask; /* buckets - 1 */
};

/*
 * What stands at the beginning of every arena, whatever its version, so that another one can tell whose
 * it is, and at least end the connections that it cannot go on with. Never change this.
 */
struct arena_head {
	uint32_t magic, version;
	uint64_t layout; /* a hash of the sizes and places of what is in it */
	uint64_t bytes;
	/*
	 * The flows: client and server (struct ip_addr), client and server port are the first 36 bytes
	 * of each; a port of 0 is a free slot.
	 */
	uint64_t flows;
	uint32_t flow_bytes, flow_count; /* of one; how many */
	uint32_t flow_states; /* where in it the two states are, a byte each */
	uint32_t flow_flags,
		flow_translated; /* where in it the 16 bits of flags are, and which one */
	uint32_t index, workers; /* this guard's share of the traffic */
	uint32_t starting; /* somebody takes it over, or has died while doing so */
	uint32_t fell; /* who had it has crashed */
	uint32_t crashes; /* so many in a row have */
	uint32_t spare[14];
};

_Static_assert(sizeof(struct arena_head) == 128, "it is the same for all versions");

struct guard_arena {
	struct arena_head head;
	struct guard_limits limits;
	struct arena_layout at;
	usec_t now; /* the latest time seen */

	struct siphash_key table_key;
	struct key_ring keys;
	usec_t exchanged; /* when the guards were last asked */
	uint64_t random; /* state of the generator for what needs no secrecy */

	uint32_t half_open_free, half_open_fresh, half_open_used;
	uint32_t flow_free, flow_fresh, flow_used, flow_hand;
	struct wheel wheel;
	struct terminals terminals;

	uint64_t drops[GUARD_DROP_COUNT];
	uint64_t unguarded;
	usec_t table_full_said; /* when the last event of a full flow table was made */
	uint64_t events; /* number of the newest */
	struct guard_event event[EVENT_RING];

	uint32_t n_services; /* slots ever used */
	struct service service[SERVICE_SLOTS];
	uint16_t slot_of_config[GUARD_SERVICES_MAX];
	struct listens listens;
	struct profile profile[PROFILE_SETS * PROFILE_WAYS];
	struct journal journal;
};

static inline void *arena_at(const struct guard_arena *a, uint64_t offset)
{
	return (char *)(uintptr_t)a + offset;
}

/* arena_keep() - the @bytes at @p, part of a pool, are about to change. */
static inline void arena_keep(struct guard_arena *a, const void *p, uint32_t bytes)
{
	journal_keep(&a->journal, (uint64_t)((const char *)p - (const char *)a), p, bytes);
}

/* arena_commit() - a turn is over, or a part of one that may stand alone. */
static inline void arena_commit(struct guard_arena *a)
{
	journal_commit(&a->journal);
	if (a->terminals.pool.limbo != INDEX_NONE)
		tcp_pool_commit(terminal_memory(a));
}

static inline struct reactions *arena_reactions(const struct guard_arena *a)
{
	return arena_at(a, a->at.reactions);
}

/* arena_sources() - who sends the SYNs of the service. */
static inline struct sources *arena_sources(const struct guard_arena *a, uint32_t slot)
{
	return (struct sources *)arena_at(a, a->at.sources) + slot;
}

/* arena_hash() - of a connection, the same whichever end comes first. */
uint64_t arena_hash(const struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
		    const struct ip_addr *dst, uint16_t dport);

void arena_layout(struct arena_layout *l, const struct guard_limits *limits);

/* arena_head_fill() - for an arena whose limits and places are known. */
void arena_head_fill(struct guard_arena *a);

/* arena_layout_hash() - of everything that this program and the arena must agree on. */
uint64_t arena_layout_hash(void);

/* arena_event() - remember an event; @detail may be NULL. */
void arena_event(struct guard_arena *a, enum guard_event_kind kind, const char *service,
		 const struct ip_addr *addr, uint16_t port, uint64_t value, const char *detail);

#endif
