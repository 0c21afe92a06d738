/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYN cookies: 32 bits of sequence number, and 32 bits of timestamp where the client has timestamps.
 *
 * Theory of operation
 * -------------------
 * The guard answers a SYN and forgets it. What it must know when the ACK comes back travels with the
 * client, in the bits that the client has to return unchanged:
 *
 *   with timestamps, 64 bits            without, 32 bits
 *     ISN    tag, low 32 bits             ISN  key(1) masked options(7) tag(24)
 *     TSval  key(1) masked options(22) tag, high 9 bits
 *
 * tag     = truncated SipHash-2-4(key, flow | client ISN | options | promise)
 * mask    = truncated SipHash-2-4(key, flow | client ISN | tag), XORed over the options
 * key     = parity of the epoch; one key an epoch, the last two are accepted
 * promise = what the guard's SYN-ACK said in the server's name (window scale, SACK, ...). It is not
 *           carried but authenticated: if the guard would promise something else today than it did
 *           when it made the cookie, the tag does not fit, and a window scale can never be wrong.
 *
 * The arithmetic, with the probability that a blind ACK passes, is in doc/cookie.md.
 *
 * No libc, no loops, no memory but the arguments: this header is also for BPF programs.
 */
#ifndef TCPGUARD_CORE_COOKIE_H
#define TCPGUARD_CORE_COOKIE_H

#include "base/siphash.h"

#define COOKIE_NO_WSCALE 15 /* in cookie_options.wscale: the client did not offer it */

#define COOKIE_OPTION_BITS	 22u /* with timestamps: MSS 16, window scale 4, SACK, ECN */
#define COOKIE_TAG_BITS		 41u
#define COOKIE_SHORT_OPTION_BITS 7u /* without: MSS class 2, window scale 4, SACK */
#define COOKIE_SHORT_TAG_BITS	 24u

/* What identifies the connection; w is filled by cookie_flow_v4() or cookie_flow_v6(). */
struct cookie_flow {
	uint64_t addr[4]; /* IPv4: only addr[0] counts */
	uint64_t ports_isn;
	uint8_t v6;
};

/* What the client offered in its SYN. */
struct cookie_options {
	uint16_t mss;
	uint8_t wscale; /* 0..14, or COOKIE_NO_WSCALE */
	uint8_t sack;
	uint8_t ecn; /* lost without timestamps */
	uint8_t timestamps;
};

struct cookie {
	uint32_t isn;
	uint32_t tsval; /* meaningless without timestamps */
};

/*
 * cookie_flow_v4() / cookie_flow_v6() - addresses as they lie in memory, in network order; ports and
 * @client_isn in host order.
 */
SIPHASH_INLINE void cookie_flow_v4(struct cookie_flow *f, uint32_t client, uint32_t server,
				   uint16_t client_port, uint16_t server_port, uint32_t client_isn)
{
	f->addr[0] = (uint64_t)client << 32 | server;
	f->ports_isn = (uint64_t)client_port << 48 | (uint64_t)server_port << 32 | client_isn;
	f->v6 = 0;
}

SIPHASH_INLINE void cookie_flow_v6(struct cookie_flow *f, const uint32_t client[4],
				   const uint32_t server[4], uint16_t client_port,
				   uint16_t server_port, uint32_t client_isn)
{
	f->addr[0] = (uint64_t)client[0] << 32 | client[1];
	f->addr[1] = (uint64_t)client[2] << 32 | client[3];
	f->addr[2] = (uint64_t)server[0] << 32 | server[1];
	f->addr[3] = (uint64_t)server[2] << 32 | server[3];
	f->ports_isn = (uint64_t)client_port << 48 | (uint64_t)server_port << 32 | client_isn;
	f->v6 = 1;
}

/* cookie_hash() - SipHash-2-4 of the flow and one more word that separates the uses. */
SIPHASH_INLINE uint64_t cookie_hash(const struct siphash_key *key, const struct cookie_flow *f,
				    uint64_t word)
{
	struct siphash s;
	unsigned n = 3;

	siphash_start(&s, key);
	siphash_word(&s, f->addr[0]);
	if (f->v6) {
		siphash_word(&s, f->addr[1]);
		siphash_word(&s, f->addr[2]);
		siphash_word(&s, f->addr[3]);
		n = 6;
	}
	siphash_word(&s, f->ports_isn);
	siphash_word(&s, word);
	return siphash_finish(&s, n);
}

/* Words for cookie_hash() that can never be equal. */
#define COOKIE_WORD_TAG(promise, options) (1ULL << 63 | (uint64_t)(promise) << 32 | (options))
#define COOKIE_WORD_MASK(tag)		  (tag)

SIPHASH_INLINE uint64_t cookie_tag(const struct siphash_key *key, const struct cookie_flow *f,
				   uint32_t promise, uint32_t options, unsigned bits)
{
	return cookie_hash(key, f, COOKIE_WORD_TAG(promise, options)) >> (64 - bits);
}

SIPHASH_INLINE uint32_t cookie_mask(const struct siphash_key *key, const struct cookie_flow *f,
				    uint64_t tag, unsigned bits)
{
	return (uint32_t)(cookie_hash(key, f, COOKIE_WORD_MASK(tag)) >> (64 - bits));
}

SIPHASH_INLINE uint32_t cookie_pack_options(const struct cookie_options *o)
{
	return (uint32_t)o->mss << 6 | (uint32_t)(o->wscale & 15) << 2 | (o->sack ? 2u : 0u) |
	       (o->ecn ? 1u : 0u);
}

SIPHASH_INLINE void cookie_unpack_options(uint32_t bits, struct cookie_options *o)
{
	o->mss = (uint16_t)(bits >> 6);
	o->wscale = bits >> 2 & 15;
	o->sack = bits >> 1 & 1;
	o->ecn = bits & 1;
	o->timestamps = 1;
}

/* The four MSS classes of a cookie without timestamps; a client's MSS is rounded down. */
SIPHASH_INLINE uint16_t cookie_mss_class(unsigned class, unsigned v6)
{
	switch (class & 3) {
	case 3:
		return v6 ? 1440 : 1460; /* Ethernet */
	case 2:
		return v6 ? 1380 : 1400; /* PPPoE, most tunnels */
	case 1:
		return v6 ? 1220 : 1200; /* IPv6 minimum MTU, mobile networks */
	default:
		return 536; /* RFC 9293 3.7.1 */
	}
}

SIPHASH_INLINE uint32_t cookie_pack_short(const struct cookie_options *o, unsigned v6)
{
	uint32_t class = 0;

	if (o->mss >= cookie_mss_class(3, v6))
		class = 3;
	else if (o->mss >= cookie_mss_class(2, v6))
		class = 2;
	else if (o->mss >= cookie_mss_class(1, v6))
		class = 1;
	return class << 5 | (uint32_t)(o->wscale & 15) << 1 | (o->sack ? 1u : 0u);
}

SIPHASH_INLINE void cookie_unpack_short(uint32_t bits, unsigned v6, struct cookie_options *o)
{
	o->mss = cookie_mss_class(bits >> 5, v6);
	o->wscale = bits >> 1 & 15;
	o->sack = bits & 1;
	o->ecn = 0;
	o->timestamps = 0;
}

/*
 * cookie_make() - the cookie for a SYN.
 * @key, @parity: the current key and the parity of its epoch (0 or 1).
 * @promise: what the SYN-ACK will say in the server's name, below 2^31.
 */
SIPHASH_INLINE void cookie_make(const struct siphash_key *key, unsigned parity,
				const struct cookie_flow *f, uint32_t promise,
				const struct cookie_options *o, struct cookie *c)
{
	uint64_t tag;
	uint32_t options;

	if (o->timestamps) {
		options = cookie_pack_options(o);
		tag = cookie_tag(key, f, promise, options, COOKIE_TAG_BITS);
		options ^= cookie_mask(key, f, tag, COOKIE_OPTION_BITS);
		c->isn = (uint32_t)tag;
		c->tsval = (uint32_t)(parity & 1) << 31 | options << 9 | (uint32_t)(tag >> 32);
	} else {
		options = cookie_pack_short(o, f->v6);
		tag = cookie_tag(key, f, promise, options, COOKIE_SHORT_TAG_BITS);
		options ^= cookie_mask(key, f, tag, COOKIE_SHORT_OPTION_BITS);
		c->isn = (uint32_t)(parity & 1) << 31 | options << 24 | (uint32_t)tag;
		c->tsval = 0;
	}
}

/* cookie_parity() - which key made the cookie that came back. */
SIPHASH_INLINE unsigned cookie_parity(const struct cookie *c, unsigned timestamps)
{
	return (timestamps ? c->tsval : c->isn) >> 31;
}

/*
 * cookie_check() - is @c a cookie that @key made for @f and @promise?
 * @timestamps: does the ACK carry timestamps?
 * @o: filled when it is.
 * Return: 1 or 0.
 */
SIPHASH_INLINE int cookie_check(const struct siphash_key *key, const struct cookie_flow *f,
				uint32_t promise, const struct cookie *c, unsigned timestamps,
				struct cookie_options *o)
{
	uint64_t tag;
	uint32_t options;

	if (timestamps) {
		tag = (uint64_t)(c->tsval & 0x1ff) << 32 | c->isn;
		options = (c->tsval >> 9 & ((1u << COOKIE_OPTION_BITS) - 1)) ^
			  cookie_mask(key, f, tag, COOKIE_OPTION_BITS);
		if (cookie_tag(key, f, promise, options, COOKIE_TAG_BITS) != tag)
			return 0;
		cookie_unpack_options(options, o);
	} else {
		tag = c->isn & ((1u << COOKIE_SHORT_TAG_BITS) - 1);
		options = (c->isn >> 24 & ((1u << COOKIE_SHORT_OPTION_BITS) - 1)) ^
			  cookie_mask(key, f, tag, COOKIE_SHORT_OPTION_BITS);
		if (cookie_tag(key, f, promise, options, COOKIE_SHORT_TAG_BITS) != tag)
			return 0;
		cookie_unpack_short(options, f->v6, o);
	}
	return 1;
}

#endif
