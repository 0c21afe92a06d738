/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When did the flood begin? A capture carries no label, so it is estimated, once the detector has
 * spoken: the SYNs that nobody has completed by then are background and flood; the moment at which
 * their rate changed most is the most likely beginning.
 */
#ifndef TCPGUARD_REPLAY_ONSET_H
#define TCPGUARD_REPLAY_ONSET_H

#include "core/guard.h"
#include "wire/packet.h"

#define ONSET_RING 65536 /* SYNs that are remembered; a power of two */

struct onset_syn {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	usec_t time;
};

struct onset_ring {
	usec_t began; /* when there was nothing yet */
	uint64_t n; /* SYNs ever */
	struct onset_syn syn[ONSET_RING];
};

struct onset {
	usec_t first; /* time of the first SYN of the flood */
	uint32_t syns; /* of it, up to now, that are half-open */
};

/* onset_remember() - @p is a SYN; @now: virtual time. */
void onset_remember(struct onset_ring *r, usec_t now, const struct pkt *p);

/*
 * onset_find() - when the half-opens that @service has now began to pile up.
 * @now: of the latest guard_input().
 * Return: false if there is nothing to tell it from.
 */
bool onset_find(const struct onset_ring *r, const struct guard *g, const char *service, usec_t now,
		struct onset *o);

/*
 * onset_split() - the most likely change of rate.
 * @time: ascending; @n: how many. @begin: since when they were watched for, not after the first one;
 * @end: the present, not before the last one.
 * Return: index of the first event of the new rate; 0 if it was the first one, or if the rate was the
 * same all the time.
 */
uint32_t onset_split(const usec_t *time, uint32_t n, usec_t begin, usec_t end);

#endif
