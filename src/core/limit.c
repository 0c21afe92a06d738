/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/limit.h"

#define REPEAT_SHIFT	18 /* a unit of time in the table of repeats: 262 ms; 256 of them are 67 s */
#define REPEAT_TAG_MASK 0xffffffu

_Static_assert(REPEAT_AFTER_MIN == 1u << REPEAT_SHIFT, "a repeat is at least one whole unit old");

/* emptied() - when the emptier one of its buckets is full again: the later, the more it says. */
static uint64_t emptied(const struct limit_entry *e)
{
	uint64_t a = e->bucket[0].full_at, b = e->bucket[1].full_at;

	return a > b ? a : b;
}

struct limit_entry *limit_entry(struct limit_table *t, uint64_t prefix)
{
	struct limit_entry *set = t->entry[prefix % LIMIT_SETS], *victim = &set[0];

	for (unsigned i = 0; i < LIMIT_WAYS; i++) {
		if (set[i].prefix == prefix)
			return &set[i];
		if (emptied(&set[i]) < emptied(victim))
			victim = &set[i];
	}
	*victim = (struct limit_entry){.prefix = prefix};
	return victim;
}

static uint32_t proven_tag(uint64_t prefix)
{
	return (uint32_t)(prefix >> 32) | 1;
}

void proven_note(struct proven_table *t, uint64_t site, uint64_t prefix, uint32_t tick)
{
	struct proven_entry *set = t->entry[site % PROVEN_SETS], *victim = &set[0];
	uint32_t tag = proven_tag(prefix);

	for (unsigned i = 0; i < PROVEN_WAYS; i++) {
		if (set[i].tag == tag || set[i].tag == 0) {
			victim = &set[i];
			break;
		}
		if (tick - set[i].tick > tick - victim->tick)
			victim = &set[i];
	}
	*victim = (struct proven_entry){tag, tick};
}

bool proven_is(const struct proven_table *t, uint64_t site, uint64_t prefix, uint32_t tick,
	       uint32_t ticks)
{
	const struct proven_entry *set = t->entry[site % PROVEN_SETS];
	uint32_t tag = proven_tag(prefix);

	for (unsigned i = 0; i < PROVEN_WAYS; i++) {
		if (set[i].tag == tag)
			return tick - set[i].tick <= ticks;
	}
	return false;
}

bool repeat_is(struct repeat_table *t, uint64_t syn, usec_t now)
{
	uint32_t *slot = &t->slot[syn % REPEATS];
	uint32_t tag = (uint32_t)(syn >> 40) & REPEAT_TAG_MASK;
	uint32_t unit = (uint32_t)(now >> REPEAT_SHIFT) & 0xff;

	if (*slot >> 8 == tag && *slot)
		return ((unit - *slot) & 0xff) >= 2; /* more than one whole unit */
	*slot = tag << 8 | unit;
	return false;
}
