/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hierarchical timing wheel (Varghese and Lauck, 1987) over entries addressed by index.
 *
 * Four levels of 64 slots. An entry that is due within 64 ticks lies in level 0, within 64^2 in
 * level 1 and so on; when level 0 has gone round, one slot of level 1 is spread over it. Anything
 * farther away than 64^4 ticks waits in the last level and is looked at again on the way.
 *
 * The wheel holds no pointers: the caller passes the array whose elements embed struct wheel_node.
 */
#ifndef TCPGUARD_BASE_WHEEL_H
#define TCPGUARD_BASE_WHEEL_H

#include "base/types.h"

#define WHEEL_LEVELS	4
#define WHEEL_SLOT_BITS 6
#define WHEEL_SLOTS	(1u << WHEEL_SLOT_BITS)

/* Ticks are a 32-bit circle: compare with seq_lt() and friends, never farther apart than 2^31. */
struct wheel_node {
	uint32_t next; /* INDEX_NONE at the end */
	uint32_t prev; /* index, or WHEEL_HEAD | slot for the first; INDEX_NONE: not in the wheel */
	uint32_t due; /* tick */
};

struct wheel {
	uint32_t now; /* every tick before this one has been expired */
	uint32_t count;
	uint32_t expired; /* chain of entries that are due and wait to be taken */
	uint32_t head[WHEEL_LEVELS * WHEEL_SLOTS];
	uint64_t used[WHEEL_LEVELS]; /* bit per slot that is not empty */
};

/* Where the nodes are: @base + index * @stride. */
struct wheel_nodes {
	void *base;
	size_t stride;
};

void wheel_init(struct wheel *w, uint32_t now);

/*
 * wheel_add() - arm entry @i for tick @due; it must not be armed. A @due in the past expires with the
 * next wheel_advance().
 */
void wheel_add(struct wheel *w, struct wheel_nodes nodes, uint32_t i, uint32_t due);

/* wheel_remove() - disarm entry @i; fine if it is not armed. */
void wheel_remove(struct wheel *w, struct wheel_nodes nodes, uint32_t i);

/* wheel_node_reset() - mark a fresh entry as not armed. */
static inline void wheel_node_reset(struct wheel_node *n)
{
	n->next = n->prev = INDEX_NONE;
	n->due = 0;
}

static inline bool wheel_armed(const struct wheel_node *n)
{
	return n->prev != INDEX_NONE;
}

/*
 * wheel_pop() - take one entry that is due at or before @now out of the wheel, or INDEX_NONE.
 * Call until INDEX_NONE; work is proportional to entries moved plus slots passed that are not empty.
 */
uint32_t wheel_pop(struct wheel *w, struct wheel_nodes nodes, uint32_t now);

/*
 * wheel_next() - a tick at which wheel_pop() may have something to do: never later than the earliest
 * due entry, but possibly earlier (a slot of a higher level to be spread).
 * Return: false if the wheel is empty.
 */
bool wheel_next(const struct wheel *w, uint32_t *tick);

#endif
