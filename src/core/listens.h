/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which service listens on an address and a port: asked once or twice a packet, so it must not matter
 * how many listens there are. Made anew from each configuration; no pointers, lives in the arena.
 *
 *	length[]	the prefix lengths that occur, longest first: one probe for each
 *	bucket[]	hash of (family, prefix length, masked address) -> group
 *	group[]		all listens of one prefix
 *	range[]		their ports: disjoint, ascending; where listens overlap, the first one counts
 */
#ifndef TCPGUARD_CORE_LISTENS_H
#define TCPGUARD_CORE_LISTENS_H

#include "core/config.h"

#define LISTENS_BUCKETS (4 * GUARD_LISTENS_MAX) /* a power of two; at most a quarter is used */
#define LISTENS_RANGES	(2 * GUARD_LISTENS_MAX) /* n overlapping ranges have at most 2n - 1 parts */
#define LISTENS_LENGTHS (129 + 33) /* of IPv6 and of IPv4 prefixes */

struct listens {
	uint16_t n_lengths, n_groups;
	struct listens_length {
		uint8_t plen;
		bool v4; /* families are kept apart: ::/0 holds no IPv4-mapped address */
	} length[LISTENS_LENGTHS];
	uint16_t bucket[LISTENS_BUCKETS]; /* index into group[] and 1; 0: free */
	struct listens_group {
		struct ip_addr prefix;
		uint8_t plen;
		uint16_t first, n; /* its part of range[] */
	} group[GUARD_LISTENS_MAX];
	struct listens_range {
		uint16_t low, high; /* inclusive */
		uint16_t service; /* index into guard_config.service */
	} range[LISTENS_RANGES];
};

/* listens_build() - from all listens of @c. Costs well under a millisecond. */
void listens_build(struct listens *l, const struct guard_config *c);

/*
 * listens_find() - the service whose most specific listen holds @addr:@port; of two equal ones the first
 * in the configuration.
 * Return: its index in the configuration, or -1.
 */
int listens_find(const struct listens *l, const struct ip_addr *addr, uint16_t port);

#endif
