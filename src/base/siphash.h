/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash (Aumasson and Bernstein, 2012) over a message of whole 64-bit words.
 *
 * No libc, no loop, no memory access but through its arguments: this header is also for BPF programs.
 * For a message of 8n bytes, words taken little-endian, SipHash-2-4 here equals the published one.
 */
#ifndef TCPGUARD_BASE_SIPHASH_H
#define TCPGUARD_BASE_SIPHASH_H

#ifdef __bpf__
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
#else
#include <stdint.h>
#endif

#define SIPHASH_INLINE static inline __attribute__((always_inline, unused))

struct siphash_key {
	uint64_t k0, k1;
};

struct siphash {
	uint64_t v0, v1, v2, v3;
};

SIPHASH_INLINE uint64_t siphash_rotl(uint64_t x, unsigned bits)
{
	return (x << bits) | (x >> (64 - bits));
}

SIPHASH_INLINE void siphash_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 = siphash_rotl(s->v2, 32);
}

SIPHASH_INLINE void siphash_start(struct siphash *s, const struct siphash_key *key)
{
	s->v0 = key->k0 ^ 0x736f6d6570736575ULL;
	s->v1 = key->k1 ^ 0x646f72616e646f6dULL;
	s->v2 = key->k0 ^ 0x6c7967656e657261ULL;
	s->v3 = key->k1 ^ 0x7465646279746573ULL;
}

/* siphash_word() - take in 8 bytes with the two rounds of SipHash-2-4. */
SIPHASH_INLINE void siphash_word(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
}

/* siphash_finish() - the hash, @n_words being the number of words taken in. */
SIPHASH_INLINE uint64_t siphash_finish(struct siphash *s, unsigned n_words)
{
	siphash_word(s, (uint64_t)(n_words * 8 & 0xff) << 56);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* siphash_2words() - SipHash-2-4 of two words; the hash of tables and key derivation. */
SIPHASH_INLINE uint64_t siphash_2words(const struct siphash_key *key, uint64_t a, uint64_t b)
{
	struct siphash s;

	siphash_start(&s, key);
	siphash_word(&s, a);
	siphash_word(&s, b);
	return siphash_finish(&s, 2);
}

/*
 * SipHash-1-3, half the work: for sketches, samples and tables whose hashes nobody outside ever sees,
 * where all that is asked is that an attacker cannot choose them. Equals the published one for messages
 * of 4 and of 16 bytes, words taken little-endian.
 */
SIPHASH_INLINE void siphash13_word(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

/* siphash13_last() - the hash; @word: the length in the upper byte and the bytes that are left over. */
SIPHASH_INLINE uint64_t siphash13_last(struct siphash *s, uint64_t word)
{
	siphash13_word(s, word);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

SIPHASH_INLINE uint64_t siphash13_u32(const struct siphash_key *key, uint32_t a)
{
	struct siphash s;

	siphash_start(&s, key);
	return siphash13_last(&s, (uint64_t)4 << 56 | a);
}

SIPHASH_INLINE uint64_t siphash13_2words(const struct siphash_key *key, uint64_t a, uint64_t b)
{
	struct siphash s;

	siphash_start(&s, key);
	siphash13_word(&s, a);
	siphash13_word(&s, b);
	return siphash13_last(&s, (uint64_t)16 << 56);
}

#endif
