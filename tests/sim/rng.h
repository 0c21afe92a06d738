/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pseudo-random numbers of the simulator: xoshiro256**, seeded through splitmix64. */
#ifndef TCPGUARD_SIM_RNG_H
#define TCPGUARD_SIM_RNG_H

#include "base/types.h"

struct rng {
	uint64_t s[4];
};

/* mix64() - one step of splitmix64: a good hash of a 64-bit word. */
static inline uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline void rng_seed(struct rng *r, uint64_t seed, uint64_t stream)
{
	for (unsigned i = 0; i < 4; i++)
		r->s[i] = mix64(seed * 0x2545f4914f6cdd1du + stream * 977 + i);
}

static inline uint64_t rng_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s, out = rng_rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotl(s[3], 45);
	return out;
}

/* rng_below() - 0 .. n-1; 0 for n == 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return n ? rng_u64(r) % n : 0;
}

/* rng_range() - low .. high, both included. */
static inline uint64_t rng_range(struct rng *r, uint64_t low, uint64_t high)
{
	return low + rng_below(r, high - low + 1);
}

/* rng_chance() - true in @ppm of a million cases. */
static inline bool rng_chance(struct rng *r, uint32_t ppm)
{
	return ppm && rng_below(r, 1000000) < ppm;
}

static inline bool rng_pct(struct rng *r, uint32_t pct)
{
	return rng_below(r, 100) < pct;
}

/* rng_size() - log-uniform: small numbers as likely as big ones. 0 .. high. */
static inline uint32_t rng_size(struct rng *r, uint32_t high)
{
	uint32_t bits = 0;

	while (bits < 31 && (1u << bits) <= high)
		bits++;
	bits = (uint32_t)rng_range(r, 0, bits);
	return (uint32_t)rng_below(r, (1ull << bits) < high ? (1ull << bits) : (uint64_t)high + 1);
}

#endif
