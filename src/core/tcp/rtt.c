/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Round-trip time and retransmission time-out, RFC 6298. */
#include "core/tcp/internal.h"

/*
 * rtt_measured() - RFC 6298 2.2 and 2.3, alpha 1/8 and beta 1/4.
 *
 * Whoever measures obeys Karn: the sample is of a segment that was sent once, or comes from a timestamp.
 * Such a sample ends the back-off (RFC 6298 5.7).
 *
 * DEVIATION: RFC 6298 2.4 rounds the time-out up to a second. Here the variance term is at least rto_min
 * (200 ms), as everybody does it today: peers that delay ACKs do so for at most that long.
 *
 * DEVIATION: RFC 8985 5.2 wants the least RTT of a recent while. Here it is that of the connection's life:
 * a path that has become longer has a smaller reordering window than it could have, which D-SACKs widen.
 */
void rtt_measured(struct tcb *t, const struct tcp_io *io, uint32_t rtt_us)
{
	const struct tcp_config *c = io->config;
	uint64_t rto_us;

	rtt_us = min_u32(max_u32(rtt_us, 1), 600 * (uint32_t)USEC_PER_SEC);
	if (!(t->flags & TCB_MEASURED)) {
		t->srtt_us = rtt_us;
		t->rttvar_us = rtt_us / 2;
		t->min_rtt_us = rtt_us;
		t->flags |= TCB_MEASURED;
	} else {
		uint32_t error = t->srtt_us > rtt_us ? t->srtt_us - rtt_us : rtt_us - t->srtt_us;

		t->rttvar_us = (uint32_t)(((uint64_t)t->rttvar_us * 3 + error) / 4);
		t->srtt_us = (uint32_t)(((uint64_t)t->srtt_us * 7 + rtt_us) / 8);
		t->min_rtt_us = min_u32(t->min_rtt_us, rtt_us);
	}
	rto_us = t->srtt_us + 4 * (uint64_t)t->rttvar_us;
	if (rto_us < t->srtt_us + c->rto_min_ms * USEC_PER_MSEC)
		rto_us = t->srtt_us + c->rto_min_ms * USEC_PER_MSEC;
	t->rto_ms = (uint32_t)((rto_us + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
	t->rto_ms = min_u32(t->rto_ms, c->rto_max_ms);
	t->backoff = 0;
}

uint32_t rto_backed_off(const struct tcb *t, const struct tcp_io *io)
{
	uint64_t rto = (uint64_t)t->rto_ms << min_u32(t->backoff, 16);

	return rto < io->config->rto_max_ms ? (uint32_t)rto : io->config->rto_max_ms;
}
