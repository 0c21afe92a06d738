/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A token bucket in eight bytes: the time at which it is full again (GCRA). Taking a token moves that
 * time on by the interval at which tokens come; the bucket is empty when it lies a whole burst ahead.
 * Integers only; a bucket of zeros is full.
 */
#ifndef TCPGUARD_BASE_BUCKET_H
#define TCPGUARD_BASE_BUCKET_H

#include "base/types.h"

struct bucket {
	uint64_t full_at; /* nanoseconds on the clock that the callers use */
};

struct bucket_rate {
	uint64_t interval_ns; /* one token comes in */
	uint64_t depth_ns; /* a whole burst comes in */
};

/* bucket_rate() - @rate tokens a second, at least 1; at most @burst (at least 1) at once. */
static inline struct bucket_rate bucket_rate(uint32_t rate, uint32_t burst)
{
	uint64_t interval = 1000 * USEC_PER_SEC / (rate ? rate : 1);

	return (struct bucket_rate){interval, interval * (burst ? burst : 1)};
}

/* bucket_take() - Return: was there a token? */
static inline bool bucket_take(struct bucket *b, const struct bucket_rate *r, usec_t now)
{
	uint64_t now_ns = 1000 * now;
	uint64_t full_at = b->full_at > now_ns ? b->full_at : now_ns;

	if (full_at + r->interval_ns > now_ns + r->depth_ns)
		return false;
	b->full_at = full_at + r->interval_ns;
	return true;
}

#endif
