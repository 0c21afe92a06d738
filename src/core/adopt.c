/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/adopt.h"

#include <stdio.h>
#include <string.h>

#include "core/internal.h"

const char *arena_fault_text(enum arena_fault fault)
{
	static const char *const text[] = {
#define FAULT(name, text) text,
		ARENA_FAULTS(FAULT)
#undef FAULT
	};

	return fault < ARENA_FAULT_COUNT ? text[fault] : "is of no use";
}

/* ---- is it one of ours? ---- */

static enum arena_fault check_head(const struct arena_head *h, size_t bytes)
{
	if (h->magic != ARENA_MAGIC)
		return ARENA_FOREIGN;
	if (h->version != ARENA_VERSION)
		return ARENA_OTHER_VERSION;
	if (h->layout != arena_layout_hash())
		return ARENA_LAYOUT;
	return h->bytes > bytes ? ARENA_SHORT : ARENA_NONE;
}

static enum arena_fault check(const struct guard_arena *a, size_t bytes,
			      const struct guard_limits *limits, uint32_t index, uint32_t workers,
			      usec_t now)
{
	struct arena_layout at;
	enum arena_fault fault;

	if (bytes < sizeof(*a))
		return bytes < sizeof(a->head) || a->head.magic != ARENA_MAGIC ? ARENA_FOREIGN
									       : ARENA_SHORT;
	fault = check_head(&a->head, bytes);
	if (fault != ARENA_NONE)
		return fault;
	if (memcmp(&a->limits, limits, sizeof(*limits)) != 0)
		return ARENA_LIMITS;
	if (a->head.index != index || a->head.workers != workers)
		return ARENA_WORKERS;
	memset(&at, 0, sizeof(at));
	arena_layout(&at, limits);
	if (memcmp(&a->at, &at, sizeof(at)) != 0 || a->head.bytes != at.size || a->now > now)
		return ARENA_DAMAGED;
	return ARENA_NONE;
}

/* count_crashes() - of those in a row; nobody else crashes if this one does not get through. */
static bool count_crashes(struct arena_head *h)
{
	h->crashes = h->fell || h->starting ? h->crashes + 1 : 0;
	h->fell = 0;
	h->starting = 1;
	return h->crashes < ADOPT_CRASHES_MAX;
}

/* ---- what is not in a pool ---- */

/* is_bool() - whatever a byte holds, reading it as a bool must be defined. */
static bool is_bool(const bool *b)
{
	unsigned char byte;

	memcpy(&byte, b, 1);
	return byte < 2;
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool attack_is_sane(const struct attack_report *r)
{
	return text_ends(r->service, sizeof(r->service)) && r->class < CLASS_COUNT &&
	       r->trigger < DETECT_CAUSE_COUNT && is_bool(&r->over) &&
	       r->sources.n_heavy <= SOURCES_HEAVY_MAX &&
	       text_ends(r->evidence, sizeof(r->evidence));
}

static bool detector_is_sane(const struct detector *d)
{
	return d->state < GUARD_ATTACK_STATE_COUNT && d->cause < DETECT_CAUSE_COUNT &&
	       d->class < CLASS_COUNT && is_bool(&d->attack) && is_bool(&d->cookies);
}

static bool service_is_sane(const struct service *s)
{
	bool good = text_ends(s->name, sizeof(s->name)) && s->mode <= GUARD_MODE_COUNT &&
		    s->engine < GUARD_ENGINE_COUNT && is_bool(&s->dirty) &&
		    detector_is_sane(&s->detector) && attack_is_sane(&s->attack);

	for (uint32_t i = 0; i < DESTINATIONS; i++)
		good = good && is_bool(&s->tally.destination[i].used);
	return good;
}

/* resume_service() - counts of entries are made anew while their table is. */
static void resume_service(struct guard_arena *a, uint32_t slot)
{
	struct service *s = &a->service[slot];

	s->half_opens = (struct half_open_list){.head = HALF_OPEN_NONE, .tail = HALF_OPEN_NONE};
	s->config = UINT16_MAX;
	s->flows = s->spliced_now = s->terminated_now = s->time_wait = 0;
	s->alarmed_at = 0;
	s->heard = 0;
	s->dirty = true;
	memset(&s->elsewhere, 0, sizeof(s->elsewhere));
	if (!s->name[0])
		return;
	tally_resume(&s->tally);
	sources_init(arena_sources(a, slot), &a->table_key);
	if (s->detector.window_ends > a->now + DETECT_WINDOW)
		s->detector.window_ends = a->now;
}

static void resume_services(struct guard_arena *a)
{
	a->n_services = 0;
	for (uint32_t slot = 0; slot < SERVICE_SLOTS; slot++) {
		struct service *s = &a->service[slot];

		if (slot == SERVICE_NONE || (s->name[0] && !service_is_sane(s)))
			memset(s->name, 0, sizeof(s->name));
		if (s->name[0])
			a->n_services = slot + 1;
		else if (slot != SERVICE_NONE)
			memset(s, 0, sizeof(*s));
		resume_service(a, slot);
	}
}

static void resume_events(struct guard_arena *a)
{
	for (uint32_t i = 0; i < EVENT_RING; i++) {
		struct guard_event *e = &a->event[i];

		e->service[sizeof(e->service) - 1] = '\0';
		e->detail[sizeof(e->detail) - 1] = '\0';
		if (e->kind >= GUARD_EVENT_COUNT)
			e->kind = GUARD_EVENT_CONFIGURED;
	}
}

static void resume_profiles(struct guard_arena *a)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(a->profile); i++) {
		struct profile *p = &a->profile[i];

		if (!is_bool(&p->used) || !is_bool(&p->learned) || !is_bool(&p->down) ||
		    !is_bool(&p->down_for_all))
			memset(p, 0, sizeof(*p));
	}
}

static void resume_rest(struct guard_arena *a, usec_t rotate)
{
	struct siphash_key master = a->keys.master;

	if (!key_ring_resume(&a->keys, a->now))
		key_ring_init(&a->keys, &master, rotate, a->now);
	a->exchanged = 0;
	/* rules have other numbers in another process */
	memset(arena_reactions(a)->rule, 0, sizeof(arena_reactions(a)->rule));
	resume_events(a);
	resume_profiles(a);
}

/* longest_timeout() - of a flow, in ticks. */
static uint32_t longest_timeout(const struct guard_config *c)
{
	const struct guard_timeouts *t = &c->timeouts;
	const usec_t all[] = {t->syn_sent, t->established, t->half_closed,	t->closing,
			      t->reset,	   2 * c->msl,	   2 * c->cookie_rotate};
	usec_t longest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		longest = all[i] > longest ? all[i] : longest;
	return ticks_in(longest);
}

/* ---- taking over ---- */

static void tell(struct guard_arena *a, const struct guard_adoption *done)
{
	char text[ATTACK_EVIDENCE_MAX];

	snprintf(text, sizeof(text), "%u connections, %u half-open; %u entries taken back, %u lost",
		 done->flows, done->half_opens, done->taken_back, done->lost);
	arena_event(a, GUARD_EVENT_TAKEN_OVER, NULL, NULL, 0, done->flows, text);
}

enum arena_fault guard_adopt(struct guard *g, void *arena, size_t bytes,
			     const struct guard_limits *limits, const struct guard_config *config,
			     uint32_t index, uint32_t workers, usec_t now,
			     struct guard_adoption *done)
{
	struct guard_arena *a = arena;
	enum arena_fault fault = check(a, bytes, limits, index, workers, now);
	struct journal_marks torn;
	int taken_back;

	*done = (struct guard_adoption){0};
	if (fault != ARENA_NONE)
		return fault;
	if (!count_crashes(&a->head))
		return ARENA_CRASHES;
	taken_back = journal_roll_back(&a->journal, a, sizeof(*a), a->at.size, &torn);
	if (taken_back < 0)
		return ARENA_DAMAGED;
	a->now = now;
	resume_services(a);
	resume_rest(a, config->cookie_rotate);
	done->lost = flow_rebuild(a, &torn, longest_timeout(config)) + half_open_rebuild(a);
	done->taken_back = (uint32_t)taken_back;
	done->flows = a->flow_used;
	done->half_opens = a->half_open_used;
	done->crashes = a->head.crashes;
	done->events = a->events;
	*g = (struct guard){.arena = a, .index = index};
	tell(a, done);
	guard_configure(g, now, config);
	return ARENA_NONE;
}

void guard_share(struct guard *g, uint32_t index, uint32_t workers)
{
	g->arena->head.index = index;
	g->arena->head.workers = workers;
}

static void put_word(uint8_t *to, uint64_t w)
{
	for (unsigned b = 0; b < 8; b++)
		to[b] = (uint8_t)(w >> (8 * b));
}

void guard_seed(const struct guard *g, uint8_t seed[GUARD_SEED_BYTES])
{
	const struct guard_arena *a = g->arena;

	put_word(seed, a->keys.master.k0);
	put_word(seed + 8, a->keys.master.k1);
	put_word(seed + 16, a->table_key.k0);
	put_word(seed + 24, a->table_key.k1);
}

void guard_is_settled(struct guard *g)
{
	g->arena->head.starting = 0;
}

void guard_is_healthy(struct guard *g)
{
	g->arena->head.crashes = 0;
}

void arena_note_crash(void *arena)
{
	((struct arena_head *)arena)->fell = 1;
}

/* ---- what cannot be taken over ---- */

/* A connection as every version writes it down. */
struct old_flow {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
};

/* can_be_read() - is where the flows are told in a way that makes sense? */
static bool can_be_read(const struct arena_head *h, size_t bytes)
{
	return h->magic == ARENA_MAGIC && h->flow_bytes >= sizeof(struct old_flow) &&
	       h->flow_bytes <= 65536 && h->flow_states <= h->flow_bytes - 2 &&
	       h->flow_flags <= h->flow_bytes - 2 && h->flows <= bytes &&
	       (uint64_t)h->flow_bytes * h->flow_count <= bytes - h->flows;
}

/* is_ours() - was it translated, and not over yet? */
static bool is_ours(const struct arena_head *h, const char *entry, struct old_flow *f)
{
	uint8_t client = (uint8_t)entry[h->flow_states],
		server = (uint8_t)entry[h->flow_states + 1];
	uint16_t flags;

	memcpy(f, entry, sizeof(*f));
	memcpy(&flags, entry + h->flow_flags, sizeof(flags));
	if (!f->client_port || !f->server_port || !(flags & h->flow_translated))
		return false;
	return (client != TCPS_CLOSED && client != TCPS_TIME_WAIT) ||
	       (server != TCPS_CLOSED && server != TCPS_TIME_WAIT);
}

/* bury() - remember it as one that the guard has ended. Return: false if there is no room. */
static bool bury(struct turn *t, const struct old_flow *old)
{
	int slot = service_match(t, &old->server, old->server_port);
	enum flow_dir dir;
	struct flow *f;
	uint32_t i;

	if (flow_find(t->a, &old->client, old->client_port, &old->server, old->server_port, &dir) !=
	    INDEX_NONE)
		return true;
	i = flow_add(t->a, &old->client, old->client_port, &old->server, old->server_port);
	if (i == INDEX_NONE)
		return false;
	f = flow_at(t->a, i);
	f->service = (slot < 0 ? SERVICE_NONE : (uint32_t)slot) & 0xff;
	f->flags = FLOW_TRANSLATED | FLOW_RESET | FLOW_ENDED;
	f->client_state = f->server_state = TCPS_CLOSED;
	f->born = f->active = turn_tick(t);
	turn_service(t, f->service)->flows++;
	turn_service(t, f->service)->time_wait++;
	/* as long as they themselves may believe that they are connected */
	track_arm_in(t, i, t->config->timeouts.established);
	arena_commit(t->a);
	return true;
}

uint32_t guard_bury(struct guard *g, usec_t now, const void *old, size_t bytes)
{
	const struct arena_head *h = old;
	const char *entry;
	struct turn t;
	uint32_t n = 0;

	if (bytes < sizeof(*h) || !can_be_read(h, bytes))
		return 0;
	guard_turn(&t, g, now);
	entry = (const char *)old + h->flows;
	for (uint32_t i = 0; i < h->flow_count; i++, entry += h->flow_bytes) {
		struct old_flow f;

		if (!is_ours(h, entry, &f))
			continue;
		if (!bury(&t, &f))
			break;
		n++;
	}
	return n;
}
