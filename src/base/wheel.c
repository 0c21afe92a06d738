/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/wheel.h"

#include "base/seq.h"

#define WHEEL_HEAD   0x80000000u /* in prev: "first of this slot"; indices stay below 2^31 */
#define SLOT_MASK    (WHEEL_SLOTS - 1)
#define SLOT_EXPIRED (WHEEL_LEVELS * WHEEL_SLOTS) /* the chain of expired entries */

static struct wheel_node *node_at(struct wheel_nodes nodes, uint32_t i)
{
	return (struct wheel_node *)((char *)nodes.base + (size_t)i * nodes.stride);
}

static uint32_t *slot_head(struct wheel *w, uint32_t slot)
{
	return slot == SLOT_EXPIRED ? &w->expired : &w->head[slot];
}

static void mark_slot(struct wheel *w, uint32_t slot, bool used)
{
	if (slot == SLOT_EXPIRED)
		return;
	if (used)
		w->used[slot / WHEEL_SLOTS] |= 1ULL << (slot & SLOT_MASK);
	else
		w->used[slot / WHEEL_SLOTS] &= ~(1ULL << (slot & SLOT_MASK));
}

static void link_entry(struct wheel *w, struct wheel_nodes nodes, uint32_t i, uint32_t slot)
{
	struct wheel_node *n = node_at(nodes, i);
	uint32_t *head = slot_head(w, slot);

	n->next = *head;
	n->prev = WHEEL_HEAD | slot;
	if (*head != INDEX_NONE)
		node_at(nodes, *head)->prev = i;
	*head = i;
	mark_slot(w, slot, true);
}

/* slot_for() - the slot of an entry due at @due, seen from w->now. */
static uint32_t slot_for(const struct wheel *w, uint32_t due)
{
	uint32_t delta = due - w->now;
	uint32_t level = 0;

	if (seq_lt(due, w->now))
		return SLOT_EXPIRED;
	while (level < WHEEL_LEVELS - 1 && delta >> (WHEEL_SLOT_BITS * (level + 1)))
		level++;
	if (delta >> (WHEEL_SLOT_BITS * WHEEL_LEVELS)) /* too far: as far as the wheel reaches */
		due = w->now + (1u << (WHEEL_SLOT_BITS * WHEEL_LEVELS)) - 1;
	return level * WHEEL_SLOTS + (due >> (WHEEL_SLOT_BITS * level) & SLOT_MASK);
}

void wheel_init(struct wheel *w, uint32_t now)
{
	w->now = now;
	w->count = 0;
	w->expired = INDEX_NONE;
	for (uint32_t i = 0; i < ARRAY_SIZE(w->head); i++)
		w->head[i] = INDEX_NONE;
	for (uint32_t i = 0; i < WHEEL_LEVELS; i++)
		w->used[i] = 0;
}

void wheel_add(struct wheel *w, struct wheel_nodes nodes, uint32_t i, uint32_t due)
{
	node_at(nodes, i)->due = due;
	link_entry(w, nodes, i, slot_for(w, due));
	w->count++;
}

static void unlink_entry(struct wheel *w, struct wheel_nodes nodes, uint32_t i)
{
	struct wheel_node *n = node_at(nodes, i);

	if (n->next != INDEX_NONE)
		node_at(nodes, n->next)->prev = n->prev;
	if (n->prev & WHEEL_HEAD) {
		uint32_t slot = n->prev & ~WHEEL_HEAD;

		*slot_head(w, slot) = n->next;
		if (n->next == INDEX_NONE)
			mark_slot(w, slot, false);
	} else {
		node_at(nodes, n->prev)->next = n->next;
	}
	n->next = n->prev = INDEX_NONE;
}

void wheel_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i)
{
	if (!wheel_armed(node_at(nodes, i)))
		return;
	unlink_entry(w, nodes, i);
	w->count--;
}

/* respread_slot() - file the entries of a slot anew, seen from w->now. */
static void respread_slot(struct wheel *w, struct wheel_nodes nodes, uint32_t slot)
{
	uint32_t i = w->head[slot];

	w->head[slot] = INDEX_NONE;
	mark_slot(w, slot, false);
	while (i != INDEX_NONE) {
		struct wheel_node *n = node_at(nodes, i);
		uint32_t next = n->next;

		link_entry(w, nodes, i, slot_for(w, n->due));
		i = next;
	}
}

/*
 * step() - pass tick w->now: spread the higher levels where one begins anew, then hand the entries
 * of this tick over to the expired chain.
 */
static void step(struct wheel *w, struct wheel_nodes nodes)
{
	uint32_t tick = w->now;

	for (uint32_t level = WHEEL_LEVELS - 1; level > 0; level--) {
		if (tick & ((1u << (WHEEL_SLOT_BITS * level)) - 1))
			continue;
		respread_slot(w, nodes,
			      level * WHEEL_SLOTS +
				      (tick >> (WHEEL_SLOT_BITS * level) & SLOT_MASK));
	}
	w->now = tick + 1;
	respread_slot(w, nodes, tick & SLOT_MASK);
}

/* quiet_until() - the next tick, at or after w->now, whose step() does something. */
static uint32_t quiet_until(const struct wheel *w)
{
	uint32_t best = 0;
	bool found = false;

	for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
		uint32_t shift = WHEEL_SLOT_BITS * level;
		uint32_t first, at, tick;
		uint64_t turned;

		if (!w->used[level])
			continue;
		/* the first slot of this level whose beginning is not before now */
		first = (w->now + (1u << shift) - 1) >> shift;
		at = first & SLOT_MASK;
		turned = at ? w->used[level] >> at | w->used[level] << (WHEEL_SLOTS - at)
			    : w->used[level];
		tick = (first + (uint32_t)__builtin_ctzll(turned)) << shift;
		if (!found || seq_lt(tick, best))
			best = tick;
		found = true;
	}
	return best;
}

static bool slots_empty(const struct wheel *w)
{
	return !(w->used[0] | w->used[1] | w->used[2] | w->used[3]);
}

uint32_t wheel_pop(struct wheel *w, struct wheel_nodes nodes, uint32_t now)
{
	uint32_t i;

	while (w->expired == INDEX_NONE && seq_leq(w->now, now)) {
		uint32_t tick;

		if (slots_empty(w)) {
			w->now = now + 1;
			break;
		}
		tick = quiet_until(w);
		if (seq_gt(tick, now)) {
			w->now = now + 1;
			break;
		}
		w->now = tick;
		step(w, nodes);
	}
	i = w->expired;
	if (i != INDEX_NONE) {
		unlink_entry(w, nodes, i);
		w->count--;
	}
	return i;
}

bool wheel_next(const struct wheel *w, uint32_t *tick)
{
	if (w->expired != INDEX_NONE) {
		*tick = w->now - 1;
		return true;
	}
	if (slots_empty(w))
		return false;
	*tick = quiet_until(w);
	return true;
}
