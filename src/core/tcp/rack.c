/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 8985: what was sent before something that has arrived since, by more than the reordering
 * window, is lost; and a probe makes the peer tell of a loss at the end of a flight.
 */
#include "core/tcp/internal.h"

#define PEER_DELACK_MS 200 /* WCDelAckT: how long the peer may delay the ACK of a single segment */
#define REO_PERSIST    16

/* sent_after() - RACK_sent_after(): the later one, of those sent at once the one farther right. */
static bool sent_after(uint32_t at1, uint32_t end1, uint32_t at2, uint32_t end2)
{
	return at1 == at2 ? seq_gt(end1, end2) : seq_gt(at1, at2);
}

/* echoes_older() - does the ACK echo a timestamp older than what was sent @rtt_us ago? RFC 3522 */
static bool echoes_older(const struct tcb *t, const struct tcp_io *io, uint32_t rtt_us,
			 const struct delivery *d)
{
	return d->has_ts && seq_lt(d->ts_ecr, ts_clock(t, io) - (rtt_us + 999) / 1000);
}

/*
 * may_be_of_first() - RFC 8985 6.2 step 2: is this perhaps the ACK of the first transmission of what
 * was sent again?
 */
static bool may_be_of_first(const struct tcb *t, const struct tcp_io *io, uint32_t rtt_us,
			    const struct delivery *d)
{
	return echoes_older(t, io, rtt_us, d) || rtt_us < t->min_rtt_us;
}

/*
 * was_needless() - did what was sent again arrive when it was sent first? Yes, if the answer came sooner
 * than any ever has (by more than timestamps tell apart), or, by RFC 3522, if the ACK echoes an older
 * timestamp. That of a SACK is older in any case.
 */
static bool was_needless(const struct tcb *t, const struct tcp_io *io, uint32_t rtt_us,
			 const struct delivery *d)
{
	if (rtt_us + USEC_PER_MSEC < t->min_rtt_us)
		return true;
	return d->in_order && echoes_older(t, io, rtt_us, d);
}

/* judge_resent() - of @len bytes that were sent again. */
static void judge_resent(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
			 const struct tcp_sent *r, uint32_t len, const struct delivery *d)
{
	if (f->undo_cwnd == 0)
		return;
	if (was_needless(t, io, max_u32(now_us(io) - r->at_us, 1), d))
		f->undo_bytes -= min_u32(f->undo_bytes, len);
	else
		f->undo_cwnd = 0;
}

void rack_delivered(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
		    const struct tcp_sent *r, uint32_t len, struct delivery *d)
{
	uint32_t rtt_us = max_u32(now_us(io) - r->at_us, 1);

	d->bytes += len;
	/* step 3: something left of what had arrived comes only now, and was sent once */
	if (!f->rack_valid || seq_gt(r->end, f->fack))
		f->fack = r->end;
	else if (seq_lt(r->end, f->fack) && !(r->flags & TCP_SENT_RESENT))
		t->flags |= TCB_REORDERED;
	if (r->flags & TCP_SENT_RESENT) {
		d->any_resent = true;
		judge_resent(t, io, f, r, len, d);
		if (may_be_of_first(t, io, rtt_us, d))
			return;
	} else if (d->rtt_us == 0 || rtt_us < d->rtt_us) {
		d->rtt_us = rtt_us;
	}
	if (!f->rack_valid || sent_after(r->at_us, r->end, f->rack_at_us, f->rack_end)) {
		f->rack_valid = true;
		f->rack_at_us = r->at_us;
		f->rack_end = r->end;
		f->rack_rtt_us = rtt_us;
	}
}

/* reordering_window() - step 4, in microseconds. */
static uint32_t reordering_window(const struct tcb *t, const struct tcp_flight *f)
{
	uint64_t window;

	if (!(t->flags & TCB_REORDERED)) {
		if (t->flags & (TCB_RECOVERY | TCB_LOSS))
			return 0;
		if (f->sacked >= DUP_THRESH * payload_max(t))
			return 0;
	}
	window = (uint64_t)t->min_rtt_us / 4 * t->reo_wnd_mult;
	return window < t->srtt_us ? (uint32_t)window : t->srtt_us;
}

uint32_t rack_detect(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f)
{
	uint32_t wait_us = 0, limit;

	if (!f->rack_valid || !(t->flags & TCB_SACK))
		return 0;
	limit = f->rack_rtt_us + reordering_window(t, f);
	for (uint32_t i = 0; i < f->n; i++) {
		const struct tcp_sent *r = &f->sent[i];
		uint32_t age = now_us(io) - r->at_us;

		if ((r->flags & (TCP_SENT_SACKED | TCP_SENT_LOST)) ||
		    !sent_after(f->rack_at_us, f->rack_end, r->at_us, r->end))
			continue;
		if (age >= limit)
			flight_mark(t, f, i, TCP_SENT_LOST);
		else
			wait_us = max_u32(wait_us, limit - age);
	}
	return wait_us;
}

/* rack_dsack() - step 4: a needless retransmission widens the window, once a round trip. */
void rack_dsack(struct tcb *t, const struct tcp_io *io)
{
	if ((t->flags & TCB_ROUND) && seq_lt(t->snd_una, t->dsack_round))
		return;
	t->flags |= TCB_ROUND;
	t->dsack_round = t->snd_nxt;
	if (t->reo_wnd_mult < UINT8_MAX)
		t->reo_wnd_mult++;
	t->reo_wnd_persist = REO_PERSIST;
}

void rack_recovered(struct tcb *t)
{
	if (t->reo_wnd_persist > 0 && --t->reo_wnd_persist == 0)
		t->reo_wnd_mult = 1;
}

uint32_t tail_probe_ms(const struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_flight *f = flight_of(t, io);
	uint32_t pto;

	/* RFC 8985 7.2: not while other means are at work, and one at a time */
	if (!f || !(t->flags & TCB_SACK) || (t->flags & (TCB_RECOVERY | TCB_LOSS)) ||
	    f->sacked > 0 || f->lost > 0 || f->tail_probe || t->backoff > 0 || t->snd_wnd == 0)
		return 0;
	pto = t->flags & TCB_MEASURED ? t->srtt_us / 500 + 1 : 1000;
	if (outstanding(t) <= payload_max(t))
		pto += PEER_DELACK_MS;
	pto = max_u32(pto, 10);
	return pto < t->rto_ms ? pto : 0;
}

/*
 * tail_probe_acked() - RFC 8985 7.4.2: was there a loss that the probe itself has mended? DEVIATION: not
 * asked when that ACK ends the flight, for its book is given back then.
 */
void tail_probe_acked(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
		      const struct tcp_segment *s, const struct delivery *d)
{
	if (!f->tail_probe || seq_lt(s->ack, f->tail_probe_end))
		return;
	if (f->tail_probe == 1 || d->dsack) {
		f->tail_probe = 0;
	} else if (seq_gt(s->ack, f->tail_probe_end)) {
		f->tail_probe = 0;
		if (!(t->flags & (TCB_RECOVERY | TCB_LOSS)))
			congestion_fast(t, io);
	} else if (d->acked == 0 && s->opt.n_sack == 0) {
		f->tail_probe = 0;
	}
}
