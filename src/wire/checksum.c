/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 *
 * The Internet checksum is a sum modulo 2^16 - 1. Since 2^16, 2^32 and 2^64 are all 1 in that
 * arithmetic, words of any of these sizes may be added, as long as a carry out of 64 bits is added
 * back in. Byte order does not matter either: swapping the bytes of every word swaps the bytes of the
 * sum (RFC 1071 section 2). So everything here adds words as they lie in memory.
 *
 * Zero has two forms, 0x0000 and 0xffff. A sum with any word that is not zero never folds to 0x0000;
 * full and incremental sums therefore agree on the form as well (RFC 1624 section 4), because a
 * pseudo header is never all zeros.
 */
#include "wire/checksum.h"

#include "wire/bytes.h"

static inline uint64_t load_mem64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

/* add_carry() - one's complement addition of 64 bits. */
static inline uint64_t add_carry(uint64_t a, uint64_t b)
{
	a += b;
	return a + (a < b);
}

/*
 * add_blocks() - add @n blocks of 64 bytes.
 * Four sums with their carries counted apart: no addition has to wait for the one before it.
 */
static uint64_t add_blocks(uint64_t sum, const uint8_t *at, size_t n)
{
	uint64_t s[4] = {sum, 0, 0, 0};
	uint64_t carries[4] = {0, 0, 0, 0};
	unsigned i;

	for (; n > 0; n--, at += 64) {
#pragma GCC unroll 8
		for (i = 0; i < 8; i++) {
			uint64_t v = load_mem64(at + 8 * i);

			s[i & 3] += v;
			carries[i & 3] += s[i & 3] < v;
		}
	}
	sum = add_carry(add_carry(s[0], s[1]), add_carry(s[2], s[3]));
	return add_carry(sum, carries[0] + carries[1] + carries[2] + carries[3]);
}

uint64_t csum_add_bytes(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t tail = 0;

	if (len >= 64) {
		sum = add_blocks(sum, at, len / 64);
		at += len & ~(size_t)63;
		len &= 63;
	}
	for (; len >= 8; len -= 8, at += 8)
		sum = add_carry(sum, load_mem64(at));
	if (len > 0) {
		memcpy(&tail, at, len);
		sum = add_carry(sum, tail);
	}
	return sum;
}

uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t csum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		     uint32_t len)
{
	uint64_t sum = (uint64_t)htonl(len) + htons(protocol);
	unsigned i;

	/* The mapped form of an IPv4 address adds 0xffff, which is zero here. */
	for (i = 0; i < 4; i++)
		sum += (uint64_t)src->w[i] + dst->w[i];
	return sum;
}

be16 csum_update16(be16 check, be16 from, be16 to)
{
	return (be16)~csum_fold((uint64_t)(be16)~check + (be16)~from + to);
}

be16 csum_update32(be16 check, be32 from, be32 to)
{
	return (be16)~csum_fold((uint64_t)(be16)~check + (be32)~from + to);
}
