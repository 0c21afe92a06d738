/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sequence number arithmetic modulo 2^32, RFC 9293 section 3.4. */
#ifndef TCPGUARD_BASE_SEQ_H
#define TCPGUARD_BASE_SEQ_H

#include "base/types.h"

/* seq_lt() - a comes before b; both must lie within 2^31 of each other. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* seq_between() - low <= s < low + len, len up to 2^32 - 1. */
static inline bool seq_between(uint32_t s, uint32_t low, uint32_t len)
{
	return s - low < len;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

#endif
