/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who sends the SYNs of a service, in constant memory: how many different sources, how evenly spread,
 * which addresses and prefixes most of all and whether they ever complete, what the SYNs look like.
 *
 * "Now" is the current second and the one before it: sources_age() once a second forgets the rest. All
 * figures of a report are scaled to that time, so they may be compared with each other.
 *
 * Every SYN goes into the count of distinct sources. For the rest a sample is enough: once some
 * thousand SYNs of a second were looked at, only one in 2, 4, 8, ... is, and counts that many. So the
 * figures stay unbiased, and the cost of a SYN falls with their rate.
 */
#ifndef TCPGUARD_CORE_SOURCES_H
#define TCPGUARD_CORE_SOURCES_H

#include "base/hll.h"
#include "base/siphash.h"
#include "base/topk.h"
#include "core/fingerprint.h"

#define SOURCES_HEAVY_MAX      16
#define SOURCES_SPREAD_BUCKETS 512
#define SOURCES_SEEN_SETS      256

/* A second. */
struct sources_window {
	uint32_t syns, completed;
	struct hll distinct;
};

/* How evenly are the sources spread over the Internet? */
struct sources_spread {
	uint64_t weight_squares; /* the sum of the squares of all weights added */
	uint32_t bucket[SOURCES_SPREAD_BUCKETS]; /* weight by hash of the /16 (IPv4), /32 (IPv6) */
};

/* How many SYNs are repetitions? Of a sample of the connections, drawn by their hash. */
struct sources_repeats {
	uint32_t shift; /* one connection in 2^shift is watched */
	uint32_t taken; /* SYNs watched since the last change of that, or of the second */
	uint32_t first, again; /* SYNs, scaled: the first of a connection, another one of it */
	uint64_t seen[SOURCES_SEEN_SETS]; /* four tags of 16 bits each, the newest in the lowest */
};

/* No pointers; all zero is empty, too, with a key that everybody knows. */
struct sources {
	struct siphash_key key;
	uint32_t now; /* index of the current window */
	uint32_t shift; /* one SYN in 2^shift is in the sample */
	uint32_t taken; /* SYNs sampled since the last change of that, or of the second */
	struct sources_window window[2];
	struct topk address, network, fingerprint; /* weights in 1/16 SYN, notes are completions */
	struct sources_spread spread;
	struct sources_repeats repeats;
	uint32_t ttl[256]; /* weights */
};

struct heavy_prefix {
	struct ip_addr prefix;
	uint8_t plen; /* in the mapped space: 128 an address, 120 an IPv4 /24, 64 an IPv6 /64 */
	uint32_t syns; /* at least; completed / syns is the share that completes */
	uint32_t completed;
	uint32_t error; /* so many more SYNs there may have been */
};

struct sources_report {
	uint32_t syns, completed, distinct; /* of this second and the last */
	uint16_t entropy_permille; /* of the /16 (IPv4) or /32 (IPv6); 1000: as if drawn by lot */
	uint16_t retransmitted_permille; /* SYNs that repeat an earlier one */
	uint16_t common_permille; /* the share of @common; 0: there is none */
	uint16_t common_ttl_permille; /* the share of @common_ttl, of all SYNs */
	uint8_t common_ttl;
	struct syn_fingerprint common;
	uint32_t n_heavy;
	struct heavy_prefix heavy[SOURCES_HEAVY_MAX]; /* >= 1 % of the SYNs each, heaviest first */
};

/* sources_init() - @key: secret, and the same for all that are to be merged. */
void sources_init(struct sources *s, const struct siphash_key *key);

/*
 * sources_syn() - a SYN has arrived, be it the first of its connection or a retransmission.
 * @random: uniform, another one each time; it decides whether the SYN is in the sample.
 */
void sources_syn(struct sources *s, const struct pkt *syn, uint32_t random);

/* sources_completed() - @client has completed a handshake. Counts for prefixes that are heavy now. */
void sources_completed(struct sources *s, const struct ip_addr *client);

/* sources_age() - a second is over. After a longer pause: once more for each, two are enough. */
void sources_age(struct sources *s);

/*
 * sources_merge() - @into becomes what one that had seen the packets of both would be. @from has the
 * same key and is aged at about the same time.
 */
void sources_merge(struct sources *into, const struct sources *from);

/* sources_report() - fills @r; some 10 us. */
void sources_report(const struct sources *s, struct sources_report *r);

#endif
