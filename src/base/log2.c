/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log2.h"

#define STEP_BITS 5
#define STEPS	  (1u << STEP_BITS)

/* log2(1 + i / 32) */
static const uint32_t steps[STEPS + 1] = {
	0,     2909,  5732,  8473,  11136, 13727, 16248, 18704, 21098, 23433, 25711,
	27936, 30109, 32234, 34312, 36346, 38336, 40286, 42196, 44068, 45904, 47705,
	49472, 51207, 52911, 54584, 56229, 57845, 59434, 60997, 62534, 64047, 65536,
};

uint32_t log2_q16(uint64_t x)
{
	uint64_t fraction; /* what follows the leading one, 63 bits */
	uint32_t whole, step, between;

	if (x == 0)
		return 0;
	whole = 63 - (uint32_t)__builtin_clzll(x);
	fraction = (x << (63 - whole)) & INT64_MAX;
	step = (uint32_t)(fraction >> (63 - STEP_BITS));
	between = (uint32_t)(fraction >> (63 - STEP_BITS - 16)) & 0xffff;
	return whole * LOG2_ONE + steps[step] + ((steps[step + 1] - steps[step]) * between >> 16);
}
