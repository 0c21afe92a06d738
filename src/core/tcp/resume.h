/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going on with the endpoints of a process that was stopped. Which chunks are in use is found out by
 * looking who claims them; each may be claimed once.
 */
#ifndef TCPGUARD_CORE_TCP_RESUME_H
#define TCPGUARD_CORE_TCP_RESUME_H

#include "core/tcp/pipe.h"

struct tcp_claims {
	uint64_t *bits; /* one for each chunk; zero at first */
	uint32_t n; /* chunks */
};

static inline bool tcp_claims_has(const struct tcp_claims *c, uint32_t i)
{
	return c->bits[i / 64] >> (i % 64) & 1;
}

/*
 * tcp_pipe_resume() - see whether it makes sense, and claim what it has.
 * @torn: the last turn was taken back. What the books say is not of the same moment then: in flight is all
 *	that was sent, and what came out of order is forgotten and comes again.
 * Return: false if it makes none; then nothing is claimed.
 */
bool tcp_pipe_resume(struct tcp_pipe *p, struct tcp_memory m, struct tcp_claims *c, bool torn);

#endif
