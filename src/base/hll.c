/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The estimate is the improved one of Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches" (2017), section 4: registers that are still zero enter through a power series, so that
 * it is unbiased from the first element on, and no linear counting, no table of corrections and no
 * threshold between two formulas is needed. Its counterpart for registers at their end is left out:
 * that takes 2^60 elements.
 */
#include "base/hll.h"

#define Q32 ((uint64_t)1 << 32) /* 1 in the fixed-point numbers of this file */

/* m^2 / (2 ln 2), m being the number of registers */
#define HLL_NUMERATOR ((uint64_t)3025588)

void hll_merge(struct hll *into, const struct hll *from)
{
	for (unsigned i = 0; i < HLL_REGISTERS; i++)
		if (from->rank[i] > into->rank[i])
			into->rank[i] = from->rank[i];
}

/* sigma() - x + x^2 + 2 x^4 + 4 x^8 + ..., @x < 1. The terms vanish after at most HLL_BITS + 5. */
static uint64_t sigma(uint64_t x)
{
	uint64_t sum = x;

	for (uint64_t factor = 1; x; factor *= 2) {
		x = x * x >> 32;
		sum += x * factor;
	}
	return sum;
}

uint64_t hll_estimate(const struct hll *h)
{
	uint32_t count[66 - HLL_BITS] = {0}; /* registers by rank */
	uint64_t harmonic = 0;

	for (unsigned i = 0; i < HLL_REGISTERS; i++)
		count[h->rank[i]]++;
	if (count[0] == HLL_REGISTERS)
		return 0;
	for (unsigned rank = 1; rank <= 32; rank++) /* Q32 ends there, and so does 2^43 */
		harmonic += count[rank] * (Q32 >> rank);
	harmonic += sigma(count[0] * (Q32 / HLL_REGISTERS)) * HLL_REGISTERS;
	return harmonic ? (HLL_NUMERATOR * Q32 + harmonic / 2) / harmonic : UINT64_MAX;
}
