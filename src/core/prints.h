/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is there a fingerprint (core/fingerprint.h) that a flood has and no client? Two questions, two parts:
 *
 *  - which one do most SYNs have: a majority vote (Boyer and Moore), counted out every 100 ms. One
 *    candidate and four counters, whatever the number of fingerprints.
 *  - which ones do clients have: of each SYN that is let through or answered its fingerprint is kept,
 *    by the hash of its connection, until a newer one takes the place. Where the handshake is completed
 *    before that, the fingerprint is a client's. Not all need be caught: one is enough.
 */
#ifndef TCPGUARD_CORE_PRINTS_H
#define TCPGUARD_CORE_PRINTS_H

#include "base/types.h"
#include "core/fingerprint.h"

#define PRINTS_PENDING 65536
#define PRINTS_KNOWN   64
#define PRINTS_WINDOW  (100 * USEC_PER_MSEC)
#define PRINTS_MIN     50 /* SYNs in a window from which on a majority says something */

/* The vote of one service. All zero: none yet. */
struct print_vote {
	usec_t window_ends;
	struct syn_fingerprint candidate;
	uint32_t score; /* votes for it less votes against it */
	uint32_t seen,
		matched; /* SYNs in this window, and those like the candidate since it is one */
	uint32_t flood; /* hash of what most SYNs of the last full window had; 0: nothing */
};

/* What is known of clients, of all services. All zero: nothing. */
struct prints {
	struct print_pending {
		uint32_t tag, print;
	} pending[PRINTS_PENDING];
	struct print_known {
		uint32_t print; /* 0: none */
		uint32_t tick; /* when it was seen last */
	} known[PRINTS_KNOWN];
	uint32_t evicted; /* when one of these was forgotten for another one's sake */
};

/*
 * print_vote() - count the SYN whose fingerprint is @f.
 * @hash: of @f, not 0.
 * Return: true if another fingerprint than before has just become the flood's: v->candidate.
 */
bool print_vote(struct print_vote *v, const struct syn_fingerprint *f, uint32_t hash, usec_t now);

/* prints_pending() - a SYN with fingerprint @print is on its way. @connection: hash of its ends. */
void prints_pending(struct prints *p, uint64_t connection, uint32_t print);

/*
 * prints_completed() - its handshake is completed. Nothing happens if the SYN is forgotten.
 *
 * A single host can complete handshakes with as many fingerprints as it likes. So at most one a second of
 * those that are known gives way, the one seen longest ago: what clients have once a minute stays. What
 * the flood looks like, @flood, is let in whenever a client has it.
 */
void prints_completed(struct prints *p, uint64_t connection, uint32_t flood, uint32_t tick);

/* prints_known() - has a client with this fingerprint completed a handshake? */
bool prints_known(const struct prints *p, uint32_t print);

#endif
