/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many different things were there? HyperLogLog (Flajolet et al., 2007): 2 KB whatever the number.
 *
 * A hash chooses one of 2048 registers with its upper bits, and the register remembers the longest
 * run of zeros that the rest of any such hash began with. The standard error is 1.04 / sqrt(2048) =
 * 2.3 %. Whoever knows the hash function can make the count say anything: use a keyed one.
 */
#ifndef TCPGUARD_BASE_HLL_H
#define TCPGUARD_BASE_HLL_H

#include "base/types.h"

#define HLL_BITS      11
#define HLL_REGISTERS (1u << HLL_BITS)

/* All zero: nothing was counted. */
struct hll {
	uint8_t rank[HLL_REGISTERS]; /* leading zeros plus one; 0: none yet */
};

/* hll_add() - count what has this 64-bit hash, once. */
static inline void hll_add(struct hll *h, uint64_t hash)
{
	uint8_t *rank = &h->rank[hash >> (64 - HLL_BITS)];
	/* the bit that stops the count where the hash ends */
	uint64_t rest = hash << HLL_BITS | 1u << (HLL_BITS - 1);
	uint8_t seen = (uint8_t)(__builtin_clzll(rest) + 1);

	if (seen > *rank)
		*rank = seen;
}

/* hll_merge() - @into counts what either has counted: exactly the sketch of both streams in one. */
void hll_merge(struct hll *into, const struct hll *from);

/* hll_estimate() - about how many different hashes were added; exact 0 for none. */
uint64_t hll_estimate(const struct hll *h);

#endif
