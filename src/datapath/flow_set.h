/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which connections of one batch have a packet in the full queue: a tiny set of hashes, one for
 * each direction. Two that share a hash only cost a detour.
 *
 * The directions need no order between them: nothing in a batch can be an answer to something else
 * in it, because none of it has been let through yet.
 */
#ifndef TCPGUARD_DATAPATH_FLOW_SET_H
#define TCPGUARD_DATAPATH_FLOW_SET_H

#include <string.h>

#include "wire/packet.h"

#define FLOW_SET_SLOTS 128 /* at least twice the packets of a batch; a power of two */

struct flow_set {
	uint32_t used;
	uint32_t slot[FLOW_SET_SLOTS]; /* 0: free */
};

static inline void flow_set_clear(struct flow_set *s)
{
	if (s->used)
		memset(s, 0, sizeof(*s));
}

/* flow_set_end() - mix one end of a connection. Not secret: collisions only cost time. */
static inline uint32_t flow_set_end(const struct ip_addr *a, uint16_t port)
{
	uint64_t h = ((uint64_t)a->w[0] << 32 | a->w[1]) * 0x9e3779b97f4a7c15u;

	h = (h ^ ((uint64_t)a->w[2] << 32 | a->w[3])) * 0xff51afd7ed558ccdu;
	h = (h ^ (h >> 29) ^ port) * 0xc4ceb9fe1a85ec53u;
	return (uint32_t)(h >> 32);
}

/* flow_set_key() - never 0. */
static inline uint32_t flow_set_key(const struct pkt *p)
{
	return (3 * flow_set_end(&p->src, p->sport) + flow_set_end(&p->dst, p->dport)) | 1;
}

static inline bool flow_set_has(const struct flow_set *s, uint32_t key)
{
	for (uint32_t i = key >> 1 & (FLOW_SET_SLOTS - 1); s->slot[i];
	     i = (i + 1) & (FLOW_SET_SLOTS - 1)) {
		if (s->slot[i] == key)
			return true;
	}
	return false;
}

/* flow_set_add() - at most FLOW_SET_SLOTS / 2 keys between two flow_set_clear(). */
static inline void flow_set_add(struct flow_set *s, uint32_t key)
{
	uint32_t i = key >> 1 & (FLOW_SET_SLOTS - 1);

	while (s->slot[i] && s->slot[i] != key)
		i = (i + 1) & (FLOW_SET_SLOTS - 1);
	s->used += s->slot[i] == 0;
	s->slot[i] = key;
}

#endif
