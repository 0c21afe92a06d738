/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/topk.h"

#include <assert.h>
#include <string.h>

static_assert(TOPK_SLOTS <= 255, "a slot plus one fits into a byte");

static uint32_t add_saturated(uint32_t a, uint32_t b)
{
	return a + b >= a ? a + b : UINT32_MAX;
}

unsigned topk_find(const struct topk *t, const struct topk_key *key, uint32_t hash)
{
	for (unsigned at = t->head[hash % TOPK_HEADS]; at; at = t->next[at - 1]) {
		const struct topk_key *k = &t->key[at - 1];

		if (k->word[0] == key->word[0] && k->word[1] == key->word[1])
			return at - 1;
	}
	return TOPK_NONE;
}

static void chain_insert(struct topk *t, unsigned slot)
{
	uint8_t *head = &t->head[t->hash[slot] % TOPK_HEADS];

	t->next[slot] = *head;
	*head = (uint8_t)(slot + 1);
}

static void chain_remove(struct topk *t, unsigned slot)
{
	uint8_t *link = &t->head[t->hash[slot] % TOPK_HEADS];

	while (*link != slot + 1)
		link = &t->next[*link - 1];
	*link = t->next[slot];
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
		chain_remove(t, slot);
	t->key[slot] = *key;
	t->hash[slot] = hash;
	t->note[slot] = 0;
	chain_insert(t, slot);
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
	memset(t->head, 0, sizeof(t->head));
	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		uint32_t certain = t->count[i] - t->error[i];

		/* the certain part is rounded down on its own, so that it stays certain */
		t->count[i] >>= 1;
		t->error[i] = t->count[i] - certain / 2;
		t->note[i] >>= 1;
		if (t->count[i])
			chain_insert(t, i);
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

		if (!from->count[j] || topk_find(into, &from->key[j], from->hash[j]) != TOPK_NONE)
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
