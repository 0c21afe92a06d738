/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered of clients' prefixes, in constant memory:
 *
 *  - buckets: a pair of token buckets for each prefix that was heard of lately. When a set is full the
 *    prefix whose buckets are fullest gives way, so that a million forged prefixes that send one SYN
 *    each drive out each other, and not the one that is being limited.
 *  - proven: prefixes from which a handshake was completed. Only completing one gets in, so no
 *    flood of forged sources can crowd it; and all prefixes of one site share one set, so somebody
 *    with the 65,536 networks of an IPv6 /48 to himself cannot, either.
 *  - repeats: SYNs that were dropped. A client sends the same one again after a second, a flood of
 *    random ones does not, and who does may be given another chance.
 *
 * A prefix is known by a keyed 64-bit hash of it, which is made once for all tables.
 */
#ifndef TCPGUARD_CORE_LIMIT_H
#define TCPGUARD_CORE_LIMIT_H

#include "base/bucket.h"
#include "base/types.h"

#define LIMIT_SETS	 4096
#define LIMIT_WAYS	 4
#define PROVEN_SETS	 4096
#define PROVEN_WAYS	 4
#define REPEATS		 (1u << 18)
#define REPEAT_AFTER_MIN (262144u) /* us; sooner it is the network that repeats, not a client */

struct limit_entry {
	uint64_t prefix; /* its hash; 0: none */
	struct bucket bucket[2];
};

struct limit_table {
	struct limit_entry entry[LIMIT_SETS][LIMIT_WAYS];
};

struct proven_entry {
	uint32_t tag; /* 0: none */
	uint32_t tick; /* of the last handshake that was completed */
};

struct proven_table {
	struct proven_entry entry[PROVEN_SETS][PROVEN_WAYS];
};

struct repeat_table {
	uint32_t slot[REPEATS]; /* 24 bits of the SYN's hash, 8 bits of time */
};

/* limit_entry() - the buckets of a prefix; full ones if it was not known. */
struct limit_entry *limit_entry(struct limit_table *t, uint64_t prefix);

/* proven_note() - a client of this prefix has completed a handshake. @site: what it is a part of, hashed. */
void proven_note(struct proven_table *t, uint64_t site, uint64_t prefix, uint32_t tick);

/* proven_is() - has one, within the last @ticks? */
bool proven_is(const struct proven_table *t, uint64_t site, uint64_t prefix, uint32_t tick,
	       uint32_t ticks);

/*
 * repeat_is() - was this SYN dropped before, long enough ago for a client to repeat it? If not, it is
 * remembered as being dropped now.
 * @syn: hash of its addresses, ports and sequence number.
 */
bool repeat_is(struct repeat_table *t, uint64_t syn, usec_t now);

#endif
