/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys are found through an open hash table with linear probing. Removal moves later entries up,
 * so there are no tombstones, and a place that is empty ends a search.
 */
#include "base/topk.h"

#include <assert.h>
#include <string.h>

#define INDEX_MASK (TOPK_INDEX - 1)

static_assert(TOPK_SLOTS <= 255, "a slot plus one fits into the lower byte of an index entry");
static_assert(TOPK_INDEX <= 1 << 24, "the tag is made of bits that do not choose the place");

static uint16_t index_entry(unsigned slot, uint32_t hash)
{
	return (uint16_t)(hash >> 24 << 8 | (slot + 1));
}

static unsigned index_slot(uint16_t entry)
{
	return (entry & 0xffu) - 1;
}

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
	return a + b >= a ? a + b : UINT32_MAX;
}

unsigned topk_find(const struct topk *t, const struct topk_key *key, uint32_t hash)
{
	uint16_t entry;

	for (uint32_t place = hash & INDEX_MASK; (entry = t->index[place]) != 0;
	     place = (place + 1) & INDEX_MASK) {
		const struct topk_key *k = &t->key[index_slot(entry)];

		if (entry >> 8 == hash >> 24 && k->word[0] == key->word[0] &&
		    k->word[1] == key->word[1])
			return index_slot(entry);
	}
	return TOPK_NONE;
}

static void index_insert(struct topk *t, unsigned slot)
{
	uint32_t place = t->hash[slot] & INDEX_MASK;

	while (t->index[place])
		place = (place + 1) & INDEX_MASK;
	t->index[place] = index_entry(slot, t->hash[slot]);
}

static void index_remove(struct topk *t, unsigned slot)
{
	uint16_t entry = index_entry(slot, t->hash[slot]);
	uint32_t hole = t->hash[slot] & INDEX_MASK;

	while (t->index[hole] != entry)
		hole = (hole + 1) & INDEX_MASK;
	for (uint32_t at = (hole + 1) & INDEX_MASK; t->index[at]; at = (at + 1) & INDEX_MASK) {
		uint32_t home = t->hash[index_slot(t->index[at])] & INDEX_MASK;

		/* it may stand in the hole unless its search begins behind that */
		if (((at - home) & INDEX_MASK) >= ((at - hole) & INDEX_MASK)) {
			t->index[hole] = t->index[at];
			hole = at;
		}
	}
	t->index[hole] = 0;
}

/* find_lowest() - a slot with the smallest count, the next one from the hand on. */
static unsigned find_lowest(struct topk *t)
{
	uint32_t low = UINT32_MAX;
	unsigned slot, lowest = 0;

	for (unsigned n = 0; n < TOPK_SLOTS; n++) {
		slot = t->hand++ % TOPK_SLOTS;
		if (t->count[slot] == t->low)
			return slot;
		if (t->count[slot] < low) {
			low = t->count[slot];
			lowest = slot;
		}
	}
	t->low = low;
	t->hand = lowest + 1;
	return lowest;
}

/* take_slot() - give @slot, whatever is in it, to @key. */
static void take_slot(struct topk *t, unsigned slot, const struct topk_key *key, uint32_t hash)
{
	if (t->count[slot])
		index_remove(t, slot);
	t->key[slot] = *key;
	t->hash[slot] = hash;
	t->note[slot] = 0;
	index_insert(t, slot);
}

unsigned topk_add(struct topk *t, const struct topk_key *key, uint32_t hash, uint32_t weight)
{
	unsigned slot = topk_find(t, key, hash);

	t->total += weight;
	if (slot == TOPK_NONE) {
		slot = find_lowest(t);
		take_slot(t, slot, key, hash);
		t->error[slot] = t->count[slot];
	}
	t->count[slot] = add_saturated(t->count[slot], weight);
	return slot;
}

uint32_t topk_low(const struct topk *t)
{
	uint32_t low = UINT32_MAX;

	for (unsigned i = 0; i < TOPK_SLOTS; i++)
		if (t->count[i] < low)
			low = t->count[i];
	return low;
}

void topk_age(struct topk *t)
{
	t->total >>= 1;
	t->low >>= 1;
	memset(t->index, 0, sizeof(t->index));
	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		uint32_t certain = t->count[i] - t->error[i];

		/* the certain part is rounded down on its own, so that it stays certain */
		t->count[i] >>= 1;
		t->error[i] = t->count[i] - certain / 2;
		t->note[i] >>= 1;
		if (t->count[i])
			index_insert(t, i);
	}
}

/* add_counts() - of the keys that are in @into. @low: of @from, which those not in there may weigh. */
static void add_counts(struct topk *into, const struct topk *from, uint32_t low)
{
	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		unsigned j;

		if (!into->count[i])
			continue;
		j = topk_find(from, &into->key[i], into->hash[i]);
		if (j == TOPK_NONE) {
			into->count[i] = add_saturated(into->count[i], low);
			into->error[i] = add_saturated(into->error[i], low);
			continue;
		}
		into->count[i] = add_saturated(into->count[i], from->count[j]);
		into->error[i] = add_saturated(into->error[i], from->error[j]);
		into->note[i] = add_saturated(into->note[i], from->note[j]);
	}
}

/*
 * Only the largest counts of both stay. A key of both that has already given way to a larger one is
 * not found here, but its count in @from plus @low is no larger than its sum was, so it stays out.
 */
void topk_merge(struct topk *into, const struct topk *from)
{
	uint32_t low = topk_low(into);

	if (!from->total)
		return;
	add_counts(into, from, topk_low(from));
	into->total += from->total;
	into->low = topk_low(into);
	for (unsigned j = 0; j < TOPK_SLOTS; j++) {
		uint32_t count = add_saturated(from->count[j], low);
		unsigned slot;

		if (!from->count[j] ||
		    topk_find(into, &from->key[j], from->hash[j]) != TOPK_NONE)
			continue;
		slot = find_lowest(into);
		if (count <= into->count[slot]) {
			into->hand = slot; /* still the smallest */
			continue;
		}
		take_slot(into, slot, &from->key[j], from->hash[j]);
		into->count[slot] = count;
		into->error[slot] = add_saturated(from->error[j], low);
		into->note[slot] = from->note[j];
	}
}
