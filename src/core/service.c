/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services at run time: which one a packet belongs to, whether it is under attack, and the relief of
 * its server when an attack begins.
 */
#include <string.h>

#include "core/internal.h"

/*
 * Relief. When an attack is noticed the server's backlog is full of forged half-opens, and with its
 * own time-outs it would stay deaf for a minute. The guard has seen them and resets them, oldest first.
 * A real client answers within its round-trip time: those younger than RELIEF_SPARE are left alone;
 * while the backlog is still crowded those beyond RELIEF_SPARE_CROWDED go, too.
 */
#define RELIEF_INTERVAL	     (50 * USEC_PER_MSEC)
#define RELIEF_SPARE	     (1000 * USEC_PER_MSEC)
#define RELIEF_SPARE_CROWDED (250 * USEC_PER_MSEC)
#define RELIEF_SPARE_RETRANSMITTED \
	(3000 * USEC_PER_MSEC) /* forged sources do not repeat themselves */

/* Families are kept apart: "[::]/0" is every IPv6 address and no IPv4-mapped one. */
bool service_covers(const struct guard_listen *l, const struct ip_addr *addr)
{
	return ip_addr_is_v4(addr) == ip_addr_is_v4(&l->prefix) &&
	       ip_addr_in_prefix(addr, &l->prefix, l->plen);
}

int service_match(const struct turn *t, const struct ip_addr *addr, uint16_t port)
{
	int index = listens_find(&t->a->listens, addr, port);

	return index < 0 ? -1 : t->a->slot_of_config[index];
}

static uint32_t find_slot(const struct guard_arena *a, const char *name)
{
	for (uint32_t i = 0; i < SERVICE_NONE; i++) {
		if (a->service[i].name[0] && strcmp(a->service[i].name, name) == 0)
			return i;
	}
	return SERVICE_NONE;
}

/* take_slot() - a place for a new service: one that nothing refers to any more. */
static uint32_t take_slot(struct guard_arena *a, const char *name)
{
	for (uint32_t i = 0; i < SERVICE_NONE; i++) {
		struct service *s = &a->service[i];

		if (s->name[0] && (s->config != UINT16_MAX || s->flows || s->half_opens.count))
			continue;
		memset(s, 0, sizeof(*s));
		memcpy(s->name, name, sizeof(s->name));
		s->config = UINT16_MAX;
		s->half_opens.head = s->half_opens.tail = HALF_OPEN_NONE;
		s->mode = GUARD_MODE_COUNT; /* "none yet" */
		detect_init(&s->detector);
		tally_init(&s->tally, &a->table_key);
		sources_init(arena_sources(a, i), &a->table_key);
		s->name_hash = exchange_name(name);
		s->state_since = a->now;
		return i;
	}
	return SERVICE_NONE;
}

/* match_services() - who was there before keeps its place, and only then others may have the rest. */
static void match_services(struct guard_arena *a, const struct guard_config *c)
{
	for (uint32_t i = 0; i < SERVICE_SLOTS; i++)
		a->service[i].config = UINT16_MAX;
	for (uint32_t i = 0; i < c->n_services; i++) {
		uint32_t slot = find_slot(a, c->service[i].name);

		a->slot_of_config[i] = (uint16_t)slot;
		if (slot != SERVICE_NONE)
			a->service[slot].config = (uint16_t)i;
	}
	for (uint32_t i = 0; i < c->n_services; i++) {
		uint32_t slot = a->slot_of_config[i];

		if (slot != SERVICE_NONE)
			continue;
		slot = take_slot(a, c->service[i].name);
		a->slot_of_config[i] = (uint16_t)slot;
		if (slot != SERVICE_NONE)
			a->service[slot].config = (uint16_t)i;
	}
}

void service_configure(struct turn *t)
{
	const struct guard_config *c = t->config;

	match_services(t->a, c);
	listens_build(&t->a->listens, c);
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct guard_service_config *sc = &c->service[i];
		uint32_t slot = t->a->slot_of_config[i];
		struct service *s = turn_service(t, slot);

		if (slot == SERVICE_NONE)
			continue;
		terminate_configure(t, slot);
		s->limits.start = sc->attack.start;
		s->full_at = sc->attack.start / (c->workers > 1 ? c->workers : 1);
		s->full_at += s->full_at == 0;
		s->limits.end = sc->attack.end;
		s->limits.hold = sc->attack.hold;
		react_configure(t, slot);
		service_set_mode(t, slot, sc->mode);
		if (slot >= t->a->n_services)
			t->a->n_services = slot + 1;
	}
	alarm_configure(t);
	key_ring_set_rotate(&t->a->keys, c->cookie_rotate, t->now);
}

void service_plan_relief(struct turn *t, struct service *s)
{
	bool wanted = s->detector.cookies && s->mode == GUARD_MODE_ADAPTIVE &&
		      s->config != UINT16_MAX && t->config->service[s->config].relief;

	s->relief_at = wanted ? t->now + 1 : 0;
}

void service_set_mode(struct turn *t, uint32_t slot, enum guard_mode mode)
{
	struct service *s = turn_service(t, slot);
	bool known = s->mode < GUARD_MODE_COUNT;

	if (s->mode == mode)
		return;
	s->mode = (uint8_t)mode;
	if (mode == GUARD_MODE_OFF)
		alarm_stop(t, slot);
	service_plan_relief(t, s);
	if (known)
		arena_event(t->a, GUARD_EVENT_MODE_CHANGED, s->name, NULL, 0, mode,
			    guard_mode_name(mode));
}

static void expire_half_opens(struct turn *t, struct service *s)
{
	uint32_t limit = ticks_in(t->config->timeouts.syn_received);

	while (s->half_opens.head != HALF_OPEN_NONE) {
		const struct half_open *h = half_open_at(t->a, s->half_opens.head);

		if (turn_tick(t) - h->born < limit)
			break;
		s->counters.half_open_timeouts += !h->reset;
		half_open_remove(t->a, s->half_opens.head);
		arena_commit(t->a);
	}
}

static void reset_half_open(struct turn *t, struct service *s, uint32_t i)
{
	emit_reset_half_open(t, half_open_at(t->a, i));
	s->counters.half_open_relieved++;
	half_open_remove(t->a, i);
	arena_commit(t->a);
}

/* spared() - may this half-open still complete? */
static bool spared(const struct turn *t, const struct service *s, const struct half_open *h)
{
	usec_t age = usec_of_ticks(turn_tick(t) - h->born);

	if (h->exempt)
		return true;
	if (h->retransmits)
		return age < RELIEF_SPARE_RETRANSMITTED;
	if (s->half_opens.count > s->limits.end)
		return age < RELIEF_SPARE_CROWDED;
	return age < RELIEF_SPARE;
}

/* relieve() - reset what is certainly forged; false when the outbox is full and more is to do. */
static bool relieve(struct turn *t, struct service *s)
{
	uint32_t i = s->half_opens.head;

	while (i != HALF_OPEN_NONE) {
		const struct half_open *h = half_open_at(t->a, i);
		uint32_t next = h->next;

		if (!turn_has_room(t))
			return false;
		if (usec_of_ticks(turn_tick(t) - h->born) < RELIEF_SPARE_CROWDED)
			break; /* the younger ones follow */
		if (!spared(t, s, h))
			reset_half_open(t, s, i);
		i = next;
	}
	s->relief_at = s->half_opens.count ? t->now + RELIEF_INTERVAL : 0;
	return true;
}

bool service_expire(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);

	expire_half_opens(t, s);
	alarm_expire(t, slot);
	if (s->relief_at && s->relief_at <= t->now)
		return relieve(t, s);
	return true;
}

usec_t service_deadline(const struct guard *g, uint32_t slot)
{
	struct service *s = &g->arena->service[slot];
	usec_t when = alarm_deadline(g, s);

	if (s->relief_at && s->relief_at < when)
		when = s->relief_at;
	if (s->half_opens.head != HALF_OPEN_NONE) {
		const struct half_open *h = half_open_at(g->arena, s->half_opens.head);
		uint32_t age = tick_of(g->arena->now) - h->born;
		uint32_t limit = ticks_in(g->config->timeouts.syn_received);
		usec_t due = g->arena->now + (age < limit ? usec_of_ticks(limit - age) : 0);

		if (due < when)
			when = due;
	}
	return when;
}
