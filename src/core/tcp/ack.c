/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an acknowledgement says: RFC 9293 3.10.7.4 "fifth", RFC 5681, 6582, 6675, 2883, 3168. */
#include "core/tcp/internal.h"

#include <string.h>

/*
 * update_window() - from the newest segment only, RFC 9293 3.10.7.4.
 *
 * DEVIATION: where SEG.ACK moves SND.UNA but the segment is not the newest, the RFC leaves SND.WND alone,
 * so that the right edge would move with SND.UNA, though nobody has said so. Here it stays.
 */
static void update_window(struct tcb *t, const struct tcp_segment *s)
{
	if (seq_gt(t->snd_wl1, s->seq) || (t->snd_wl1 == s->seq && seq_gt(t->snd_wl2, s->ack))) {
		t->snd_wnd -= min_u32(t->snd_wnd, s->ack - t->snd_una);
		return;
	}
	t->snd_wnd = (uint32_t)s->window << t->snd_wscale;
	t->max_snd_wnd = max_u32(t->max_snd_wnd, t->snd_wnd);
	t->snd_wl1 = s->seq;
	t->snd_wl2 = s->ack;
}

/* take_front() - everything before @ack has arrived. */
static void take_front(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f, uint32_t ack,
		       struct delivery *d)
{
	uint32_t gone = 0;

	for (uint32_t start = t->snd_una; seq_lt(start, ack) && gone < f->n;) {
		struct tcp_sent r = f->sent[gone];
		uint32_t len;

		if (seq_gt(r.end, ack))
			r.end = ack;
		else
			gone++;
		len = r.end - start;
		if (r.flags & TCP_SENT_SACKED)
			f->sacked -= len;
		else
			rack_delivered(t, io, f, &r, len, d);
		if (r.flags & TCP_SENT_LOST)
			f->lost -= len;
		start = r.end;
	}
	f->n -= gone;
	memmove(f->sent, f->sent + gone, f->n * sizeof(f->sent[0]));
}

static void acknowledge(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s,
			struct delivery *d)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t offset = out_offset(t, s->ack);

	d->acked = s->ack - t->snd_una;
	d->in_order = true;
	if (f)
		take_front(t, io, f, s->ack, d);
	d->in_order = false;
	t->snd_una = s->ack;
	if ((t->flags & TCB_FIN_SENT) && s->ack == t->snd_nxt)
		offset--;
	tcp_stream_release(io->out, io->memory, offset);
	/* A byte at a time through a closed window is a stall, not progress. */
	if (!is_shut(t, io))
		t->progress_at = now_ms(io);
}

/* sack_block() - the peer has [left, right), which lies in what is in flight. */
static void sack_block(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f, uint32_t left,
		       uint32_t right, struct delivery *d)
{
	for (uint32_t i = 0; i < f->n && seq_lt(flight_start(t, f, i), right); i++) {
		struct tcp_sent *r = &f->sent[i];

		if (seq_leq(r->end, left) || (r->flags & TCP_SENT_SACKED))
			continue;
		if (seq_lt(flight_start(t, f, i), left)) {
			if (!flight_split(f, i, left, 2))
				return;
			continue;
		}
		if (seq_gt(r->end, right) && !flight_split(f, i, right, 2))
			return;
		flight_unmark(t, f, i, TCP_SENT_LOST);
		rack_delivered(t, io, f, r, r->end - flight_start(t, f, i), d);
		flight_mark(t, f, i, TCP_SENT_SACKED);
		d->new_sack = true;
	}
}

/* is_dsack() - RFC 2883 4: the first block tells of what came twice. */
static bool is_dsack(const struct tcb *t, const struct tcp_options *o)
{
	const struct tcp_sack_block *b = o->sack;

	if (seq_leq(b[0].right, t->snd_una))
		return true;
	return o->n_sack > 1 && seq_geq(b[0].left, b[1].left) && seq_leq(b[0].right, b[1].right);
}

static void take_sack(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s,
		      struct delivery *d)
{
	struct tcp_flight *f = flight_of(t, io);

	if (!(t->flags & TCB_SACK) || !(s->opt.present & TCP_OPT_SACK) || s->opt.n_sack == 0)
		return;
	if (is_dsack(t, &s->opt)) {
		d->dsack = true;
		rack_dsack(t, io);
	}
	if (!f)
		return;
	for (unsigned i = d->dsack ? 1 : 0; i < s->opt.n_sack && i < TCP_SACK_MAX; i++) {
		uint32_t left = s->opt.sack[i].left, right = s->opt.sack[i].right;

		/* whatever was not sent, or has been acknowledged, or is upside down, is ignored */
		if (left - t->snd_una <= outstanding(t) && right - t->snd_una <= outstanding(t) &&
		    seq_lt(left, right))
			sack_block(t, io, f, left, right, d);
	}
	flight_tidy(f);
}

/*
 * without_sack() - RFC 5681 3.2 and RFC 6582: three duplicates mean a loss, and so does an ACK that
 * moves, but not past all that was in flight then.
 */
static void without_sack(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s,
			 bool duplicate, const struct delivery *d)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t mss = payload_max(t);

	if ((t->flags & TCB_SACK) || !f)
		return;
	if (d->acked > 0) {
		if (t->flags & TCB_RECOVERY) {
			t->dupacks -= (uint8_t)min_u32(t->dupacks, d->acked / mss);
			if (seq_lt(t->snd_una, t->recover))
				flight_lose_first(t, f);
		} else {
			t->dupacks = 0;
		}
	} else if (duplicate) {
		/* never more of them than segments are out: forged ones inflate nothing */
		if (t->dupacks < UINT8_MAX && (t->dupacks + 1u) * mss <= outstanding(t) + mss)
			t->dupacks++;
		if (t->dupacks == DUP_THRESH && !(t->flags & (TCB_RECOVERY | TCB_LOSS)))
			flight_lose_first(t, f);
	}
}

/*
 * proportional_rate() - RFC 6937: while lost data is sent again, no more goes out than has come in. Without
 * that, half a window is sent in one burst, and lost again.
 * @new_loss: this ACK has revealed more losses.
 */
static void proportional_rate(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
			      const struct delivery *d, bool new_loss)
{
	uint32_t pipe = pipe_bytes(t, io), mss = payload_max(t), may, limit;

	f->prr_delivered += d->bytes;
	limit = f->prr_delivered > f->prr_out ? f->prr_delivered - f->prr_out : 0;
	if (pipe > t->ssthresh) {
		uint64_t out = ((uint64_t)f->prr_delivered * t->ssthresh + f->recover_fs - 1) /
			       f->recover_fs;

		may = out > f->prr_out ? (uint32_t)(out - f->prr_out) : 0;
	} else {
		/* the slow start reduction bound, and only while all goes well */
		if (d->acked > 0 && !new_loss)
			limit = max_u32(limit, d->bytes) + mss;
		may = min_u32(t->ssthresh - pipe, limit);
	}
	if (f->prr_out == 0)
		may = max_u32(may, mss);
	t->cwnd = max_u32(pipe + may, mss);
}

void undo_prepare(const struct tcb *t, struct tcp_flight *f)
{
	f->undo_cwnd = t->cwnd;
	f->undo_ssthresh = t->ssthresh;
	f->undo_w_max = t->w_max;
	f->undo_epoch = t->flags & TCB_EPOCH;
	f->undo_bytes = 0;
}

/*
 * undo() - RFC 4015 and RFC 9438 4.9: all that was thought lost has arrived, only late, and what was sent
 * again was sent for nothing; so the window was reduced for nothing.
 */
static void undo(struct tcb *t, struct tcp_flight *f, const struct delivery *d)
{
	if (f->undo_cwnd == 0 || f->undo_bytes > 0 || !(t->flags & (TCB_RECOVERY | TCB_LOSS)))
		return;
	/* after a time-out everything was thought lost: what was sent again of it speaks for the rest */
	if (f->lost > 0 && !((t->flags & TCB_LOSS) && d->any_resent))
		return;
	for (uint32_t i = 0; i < f->n; i++)
		flight_unmark(t, f, i, TCP_SENT_LOST);
	t->cwnd = max_u32(t->cwnd, f->undo_cwnd);
	t->ssthresh = max_u32(t->ssthresh, f->undo_ssthresh);
	t->w_max = f->undo_w_max;
	t->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_LOSS);
	t->flags |= f->undo_epoch | TCB_REORDERED;
	t->dupacks = 0;
	f->recover_fs = f->undo_cwnd = 0;
}

void loss_found(struct tcb *t, const struct tcp_io *io)
{
	struct tcp_flight *f = flight_of(t, io);

	if (!f || f->lost == 0 || (t->flags & (TCB_RECOVERY | TCB_LOSS)))
		return;
	t->recover = t->snd_nxt;
	t->flags |= TCB_RECOVERY;
	f->partial_acked = false;
	undo_prepare(t, f);
	congestion_fast(t, io);
	if (t->flags & TCB_SACK) {
		f->recover_fs = outstanding(t);
		f->prr_delivered = f->prr_out = 0;
		t->cwnd = max_u32(pipe_bytes(t, io), payload_max(t));
	}
}

/*
 * take_ece() - RFC 3168 6.1.2: as after a loss, but once a round trip and nothing to send again.
 * DEVIATION: the window does not go below two segments, so there is none of one that would have to wait
 * for the timer.
 */
static void take_ece(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	if (!(t->flags & TCB_ECN) || !(s->flags & TCP_ECE) || !flight_of(t, io) ||
	    (t->flags & (TCB_RECOVERY | TCB_LOSS | TCB_ECN_REDUCED)))
		return;
	t->recover = t->snd_nxt;
	t->flags |= TCB_ECN_REDUCED;
	congestion_fast(t, io);
}

/* measure() - a round-trip time by Karn's rules, or by the timestamp where those have none. */
static void measure(struct tcb *t, const struct tcp_io *io, const struct delivery *d)
{
	if (d->rtt_us && !d->any_resent) {
		rtt_measured(t, io, d->rtt_us);
	} else if (d->acked && d->has_ts) {
		uint32_t rtt_ms = ts_clock(t, io) - d->ts_ecr;

		if (rtt_ms < 600 * 1000)
			rtt_measured(t, io, max_u32(rtt_ms * 1000, 1000));
	}
}

static void leave_recovery(struct tcb *t, struct tcp_flight *f)
{
	if (!(t->flags & (TCB_RECOVERY | TCB_LOSS | TCB_ECN_REDUCED)) ||
	    seq_lt(t->snd_una, t->recover))
		return;
	if (t->flags & TCB_RECOVERY)
		rack_recovered(t);
	if ((t->flags & TCB_RECOVERY) && f && f->recover_fs) {
		f->recover_fs = 0;
		t->cwnd = t->ssthresh;
	}
	if (f)
		f->undo_cwnd = 0;
	t->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_LOSS | TCB_ECN_REDUCED);
	t->dupacks = 0;
}

/*
 * is_later_partial() - RFC 6582 3.2, 3: without SACK a round trip mends one loss, and only the first of these
 * partial ACKs restarts the timer. If there is more to mend than that, the time-out does it sooner.
 */
static bool is_later_partial(const struct tcb *t, struct tcp_flight *f, const struct delivery *d)
{
	bool later;

	if (!f || (t->flags & TCB_SACK) || !(t->flags & TCB_RECOVERY) || d->acked == 0)
		return false;
	later = f->partial_acked;
	f->partial_acked = true;
	return later;
}

/* react() - to what was delivered: losses, window, timer. */
static void react(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s,
		  const struct delivery *d, uint32_t prior_una)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t wait_us = 0, lost = f ? f->lost : 0;
	bool limited = f && f->limited && seq_leq(prior_una, f->limited_end);

	if (f) {
		undo(t, f, d);
		tail_probe_acked(t, io, f, s, d);
		wait_us = rack_detect(t, io, f);
	}
	leave_recovery(t, f);
	loss_found(t, io);
	if (f && f->recover_fs && (t->flags & TCB_RECOVERY))
		proportional_rate(t, io, f, d, f->lost > lost);
	take_ece(t, io, s);
	if (d->acked > 0 && limited && !(t->flags & TCB_RECOVERY))
		congestion_acked(t, io, d->bytes);
	if (outstanding(t) == 0)
		flight_close(t, io);
	if ((d->acked > 0 || d->new_sack) && !is_later_partial(t, f, d))
		timer_restart(t, io);
	if (wait_us > 0 && outstanding(t) > 0)
		timer_reorder(t, io, wait_us);
}

void ack_input(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	struct delivery d = {0};
	uint32_t prior_wnd = t->snd_wnd, prior_una = t->snd_una;
	bool duplicate;

	if (seq_lt(s->ack, t->snd_una))
		return;
	update_window(t, s);
	/* RFC 5681 2: a duplicate */
	duplicate = s->ack == prior_una && s->len == 0 && !(s->flags & TCP_FIN) &&
		    t->snd_wnd == prior_wnd && outstanding(t) > 0;
	if ((t->flags & TCB_TIMESTAMPS) && (s->opt.present & TCP_OPT_TIMESTAMPS)) {
		d.has_ts = true;
		d.ts_ecr = s->opt.ts_ecr;
	}
	if (s->ack != t->snd_una)
		acknowledge(t, io, s, &d);
	take_sack(t, io, s, &d);
	measure(t, io, &d);
	without_sack(t, io, s, duplicate, &d);
	if (prior_wnd == 0 && t->snd_wnd > 0) {
		/* the stall is over, if it is worth the name */
		t->backoff = 0;
		if (!is_shut(t, io))
			t->progress_at = now_ms(io);
	}
	react(t, io, s, &d, prior_una);
	if ((prior_wnd == 0) != (t->snd_wnd == 0))
		timer_restart(t, io);
}
