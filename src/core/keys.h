/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key ring of the SYN cookies: one key an epoch, derived from a master secret. */
#ifndef TCPGUARD_CORE_KEYS_H
#define TCPGUARD_CORE_KEYS_H

#include "base/types.h"
#include "core/cookie.h"

struct key_ring {
	struct siphash_key master;
	uint64_t epoch;
	usec_t epoch_ends;
	usec_t rotate;
	struct siphash_key key[2]; /* [epoch & 1] is current, the other one is the last */
	uint64_t in_flight[2]; /* cookies made with that key and not yet returned */
};

void key_ring_init(struct key_ring *r, const struct siphash_key *master, usec_t rotate, usec_t now);

/* key_ring_set_rotate() - another rotation time; cookies out there stay valid for their time. */
void key_ring_set_rotate(struct key_ring *r, usec_t rotate, usec_t now);

/*
 * key_ring_resume() - after another process, which may have been stopped in key_ring_advance().
 * Return: false if it cannot be one that was in use at @now.
 */
bool key_ring_resume(struct key_ring *r, usec_t now);

/* key_ring_advance() - make the keys of @now current. Cheap when nothing changes. */
void key_ring_advance(struct key_ring *r, usec_t now);

/* key_ring_in_flight() - may any valid cookie be out there? The gate before all hashing. */
static inline bool key_ring_in_flight(const struct key_ring *r)
{
	return (r->in_flight[0] | r->in_flight[1]) != 0;
}

#endif
