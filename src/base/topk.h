/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes most often? Space-Saving (Metwally, Agrawal, El Abbadi, 2005) over keys of 16 bytes.
 *
 * A key that is counted gets its weight added. A key that is not takes the place of one with the
 * smallest count, and inherits that count, since this often it may have come unseen: its possible
 * error. So with n the weight of all that was added and K = TOPK_SLOTS:
 *
 *	count - error <= true weight of a counted key <= count
 *	error <= smallest count <= n / K, and no key that is not counted weighs more than that
 *
 * hence whatever weighs more than n / K is there, and nothing that anybody sends can drive it out.
 *
 * topk_age() halves all weights, rounding down; after any number of these the upper bounds above are
 * "< count + 1", and merging adds the slack of both. Let the weight of a single event be some larger
 * number than 1 and this does not matter.
 *
 * Instead of the stream-summary of the paper (lists of keys that have the same count) a hand goes round
 * the counts, looking for one that is the smallest: any weight may be added, ageing is a shift, and a
 * flood of new keys, which all have the smallest count, costs one or two steps a key. The worst case
 * is one look at each of the K counts.
 */
#ifndef TCPGUARD_BASE_TOPK_H
#define TCPGUARD_BASE_TOPK_H

#include "base/types.h"

#define TOPK_SLOTS 128
#define TOPK_HEADS 512 /* of the hash chains; a power of two */
#define TOPK_NONE  TOPK_SLOTS /* no slot */

struct topk_key {
	uint64_t word[2];
};

/* All zero: nothing was counted. */
struct topk {
	uint64_t total; /* the weight of all that was added */
	uint32_t low; /* no count is smaller */
	uint32_t hand; /* where the next smallest count is looked for */
	uint32_t count[TOPK_SLOTS]; /* 0: the slot is free */
	uint32_t error[TOPK_SLOTS];
	uint32_t note[TOPK_SLOTS]; /* the caller's, aged and merged as well; 0 at first */
	uint32_t hash[TOPK_SLOTS];
	struct topk_key key[TOPK_SLOTS];
	uint8_t head[TOPK_HEADS]; /* slot + 1, the first of a hash chain; 0: none */
	uint8_t next[TOPK_SLOTS]; /* slot + 1 */
};

/*
 * topk_add() - @key has come once more.
 * @hash: of the key; keyed, or an attacker chooses what has to be searched.
 * @weight: > 0; counts stop at 2^32 - 1.
 * Return: its slot.
 */
unsigned topk_add(struct topk *t, const struct topk_key *key, uint32_t hash, uint32_t weight);

/* topk_find() - the slot of @key, or TOPK_NONE. */
unsigned topk_find(const struct topk *t, const struct topk_key *key, uint32_t hash);

/* topk_low() - the smallest count, 0 if there is a free slot: what an absent key weighs at most. */
uint32_t topk_low(const struct topk *t);

/* topk_age() - halve everything. Slots stay where they are. */
void topk_age(struct topk *t);

/*
 * topk_merge() - @into counts what both have counted, with the bounds of both added up (Agarwal et al.,
 * "Mergeable summaries", 2012). Same hash function in both. Slots may change.
 */
void topk_merge(struct topk *into, const struct topk *from);

#endif
