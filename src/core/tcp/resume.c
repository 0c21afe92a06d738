/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tcp/resume.h"

#include <string.h>

#include "core/tcp/internal.h"

#define CHUNK_MASK (TCP_CHUNK_BYTES - 1)
#define STREAM_MAX (1u << 30)
#define SHIFT_MAX  14

static bool claim(struct tcp_claims *c, uint32_t i)
{
	if (i >= c->n || tcp_claims_has(c, i))
		return false;
	c->bits[i / 64] |= 1ULL << (i % 64);
	return true;
}

static void unclaim(struct tcp_claims *c, uint32_t i)
{
	c->bits[i / 64] &= ~(1ULL << (i % 64));
}

/* unclaim_chain() - the first @n chunks of the stream. */
static void unclaim_chain(const struct tcp_stream *s, struct tcp_memory m, struct tcp_claims *c,
			  uint32_t n)
{
	for (uint32_t i = s->head; n > 0; n--, i = m.link[i].next)
		unclaim(c, i);
}

/* cut() - nothing behind the bytes that are there in order. @last: the chunk that becomes the last. */
static void cut(struct tcp_stream *s, struct tcp_memory m, uint32_t last)
{
	s->high = s->end;
	s->tail = last;
	if (last == INDEX_NONE)
		s->head = INDEX_NONE;
	else
		m.link[last].next = INDEX_NONE;
}

/* claim_stream() - Return: how many chunks, or -1: they are not what it says, and none is claimed. */
static int64_t claim_stream(struct tcp_stream *s, struct tcp_memory m, struct tcp_claims *c,
			    bool in_order_only)
{
	uint32_t want = s->start & ~(uint32_t)CHUNK_MASK, last = INDEX_NONE, i, n = 0;

	if (s->end - s->start > STREAM_MAX || s->high - s->end > STREAM_MAX)
		return -1;
	s->cursor = INDEX_NONE;
	for (i = s->head; i != INDEX_NONE; i = m.link[i].next) {
		uint32_t at;

		if (!claim(c, i))
			break;
		n++;
		at = m.link[i].offset;
		if ((at & CHUNK_MASK) || seq_lt(at, want) ||
		    (s->start != s->end && seq_lt(want, s->end) && at != want))
			break;
		if (in_order_only && seq_geq(at, s->end)) {
			unclaim(c, i);
			n--;
			i = INDEX_NONE;
			break;
		}
		want = at + TCP_CHUNK_BYTES;
		last = i;
	}
	if (i != INDEX_NONE || (s->start != s->end && seq_lt(want, s->end))) {
		unclaim_chain(s, m, c, n);
		return -1;
	}
	if (in_order_only)
		cut(s, m, last);
	s->tail = last;
	return n;
}

/* What a window, a congestion window, or bytes in flight never are. */
#define WINDOW_MAX  (1u << 30)
#define RTO_MAX_MS  (24u * 3600 * 1000)
#define RCV_BUF_MIN 256

static bool numbers_are_sane(const struct tcb *t)
{
	if (t->state >= TCPS_COUNT || t->error >= TCP_ERROR_COUNT || t->timer > TCB_TIMER_PERSIST ||
	    t->snd_wscale > SHIFT_MAX || t->rcv_wscale > SHIFT_MAX)
		return false;
	if (t->state == TCPS_CLOSED || t->state == TCPS_LISTEN)
		return true;
	return t->snd_mss > TS_LEN && t->rcv_mss > 0 && t->rcv_buf >= RCV_BUF_MIN &&
	       t->rcv_buf <= WINDOW_MAX && t->snd_wnd <= WINDOW_MAX &&
	       t->max_snd_wnd <= WINDOW_MAX && t->cwnd <= WINDOW_MAX && t->rto_ms > 0 &&
	       t->rto_ms <= RTO_MAX_MS;
}

/* fins_fit() - the state says whose FIN there has been; what follows one has a number of its own. */
static bool fins_fit(const struct tcb *t)
{
	bool sent = t->state >= TCPS_FIN_WAIT_1 && t->state != TCPS_CLOSE_WAIT;
	bool received = t->state >= TCPS_CLOSE_WAIT;

	return !(t->flags & TCB_FIN_SENT) == !sent && !(t->flags & TCB_FIN_RECEIVED) == !received;
}

/* out_fits() - what it has sent is in the stream: nothing but that can be sent again. */
static bool out_fits(const struct tcb *t, const struct tcp_stream *out)
{
	uint32_t first = out_seq(t, out->start), end = out_seq(t, out->end);

	if (t->state == TCPS_SYN_SENT || t->state == TCPS_SYN_RECEIVED)
		return out->start == 0 && t->snd_una == t->iss && t->snd_nxt == t->iss + 1;
	if (!(t->flags & TCB_FIN_SENT))
		return t->snd_una == first && t->snd_nxt - first <= end - first;
	if (t->snd_nxt != end + 1)
		return false;
	return t->snd_una == first || (t->snd_una == t->snd_nxt && first == end);
}

/* in_fits() - what it has received in order is what the stream has. */
static bool in_fits(const struct tcb *t, const struct tcp_stream *in)
{
	if (!is_synchronized(t))
		return in->end == 0 && in->high == 0;
	return in_offset(t, t->rcv_nxt) == in->end + !!(t->flags & TCB_FIN_RECEIVED) &&
	       t->rcv_adv - t->rcv_nxt <= WINDOW_MAX &&
	       in->high - in->end <= t->rcv_adv - t->rcv_nxt;
}

static bool end_is_sane(const struct tcb *t, const struct tcp_stream *in,
			const struct tcp_stream *out)
{
	if (!numbers_are_sane(t))
		return false;
	if (t->state == TCPS_CLOSED)
		return t->flight == INDEX_NONE && t->gaps == INDEX_NONE;
	return t->state != TCPS_LISTEN && fins_fit(t) && out_fits(t, out) && in_fits(t, in);
}

/* ---- books ---- */

/* flight_is_sane() - runs that follow each other to the end of what is in flight, and their sums. */
static bool flight_is_sane(const struct tcb *t, const struct tcp_flight *f)
{
	uint32_t at = t->snd_una, sacked = 0, lost = 0;

	if (f->n > TCP_SENT_MAX)
		return false;
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t len = f->sent[i].end - at, flags = f->sent[i].flags;

		if (len == 0 || len > t->snd_nxt - at ||
		    (flags & (TCP_SENT_SACKED | TCP_SENT_LOST)) ==
			    (TCP_SENT_SACKED | TCP_SENT_LOST))
			return false;
		sacked += flags & TCP_SENT_SACKED ? len : 0;
		lost += flags & TCP_SENT_LOST ? len : 0;
		at = f->sent[i].end;
	}
	return at == t->snd_nxt && f->sacked == sacked && f->lost == lost &&
	       f->undo_cwnd <= WINDOW_MAX && !(f->undo_epoch & ~(uint32_t)TCB_EPOCH);
}

/* gaps_are_sane() - ascending pieces within what the stream says to have, and the FIN behind them. */
static bool gaps_are_sane(const struct tcb *t, const struct tcp_gaps *g,
			  const struct tcp_stream *in)
{
	uint32_t at = t->rcv_nxt, ahead = in->high - in->end;

	if (g->n > TCP_GAPS_MAX)
		return false;
	for (uint32_t i = 0; i < g->n; i++) {
		if (g->piece[i].left - t->rcv_nxt > ahead ||
		    g->piece[i].right - t->rcv_nxt > ahead || !seq_gt(g->piece[i].left, at) ||
		    !seq_gt(g->piece[i].right, g->piece[i].left))
			return false;
		at = g->piece[i].right;
	}
	return !(t->flags & TCB_FIN_AHEAD) ||
	       (seq_geq(g->fin, at) && g->fin - t->rcv_nxt <= WINDOW_MAX);
}

/* pieces_are_there() - is there a chunk for each byte of the pieces? The chain is as long as @c, at most. */
static bool pieces_are_there(const struct tcb *t, const struct tcp_gaps *g,
			     const struct tcp_stream *in, struct tcp_memory m,
			     const struct tcp_claims *c)
{
	uint32_t i = in->head, looks = 0;

	for (uint32_t k = 0; k < g->n; k++) {
		uint32_t left = in_offset(t, g->piece[k].left),
			 right = in_offset(t, g->piece[k].right);

		for (uint32_t at = left & ~(uint32_t)CHUNK_MASK; seq_lt(at, right);
		     at += TCP_CHUNK_BYTES) {
			while (i < c->n && seq_lt(m.link[i].offset, at) && looks++ <= c->n)
				i = m.link[i].next;
			if (i >= c->n || m.link[i].offset != at)
				return false;
		}
	}
	return true;
}

/* keeps_gaps() - can what came out of order be kept? */
static bool keeps_gaps(const struct tcb *t, const struct tcp_stream *in, struct tcp_memory m,
		       const struct tcp_claims *c)
{
	const struct tcp_gaps *g;

	if (t->gaps == INDEX_NONE)
		return in->high == in->end && !(t->flags & TCB_FIN_AHEAD);
	if (t->gaps >= c->n)
		return false;
	g = &m.chunk[t->gaps].gaps;
	return gaps_are_sane(t, g, in) && pieces_are_there(t, g, in, m, c);
}

/* all_in_flight() - a book that says no more than that. */
static void all_in_flight(const struct tcb *t, struct tcp_flight *f)
{
	struct tcp_sent run = {.end = t->snd_nxt, .at_us = f->n ? f->sent[0].at_us : 0};

	memset(f, 0, offsetof(struct tcp_flight, sent));
	if (t->snd_nxt == t->snd_una)
		return;
	f->n = 1;
	f->sent[0] = run;
}

/* claim_books() - Return: false if a chunk is somebody else's; none is claimed then. */
static bool claim_books(struct tcb *t, struct tcp_memory m, struct tcp_claims *c, bool torn,
			bool keep_gaps)
{
	if (t->flight != INDEX_NONE && !claim(c, t->flight))
		return false;
	if (t->flight != INDEX_NONE) {
		struct tcp_flight *f = &m.chunk[t->flight].flight;

		if (torn || !flight_is_sane(t, f))
			all_in_flight(t, f);
	}
	if (!keep_gaps) {
		t->gaps = INDEX_NONE;
		t->flags &= ~(uint32_t)TCB_FIN_AHEAD;
	}
	if (t->gaps == INDEX_NONE || claim(c, t->gaps))
		return true;
	if (t->flight != INDEX_NONE)
		unclaim(c, t->flight);
	return false;
}

static void unclaim_books(const struct tcb *t, struct tcp_claims *c)
{
	if (t->flight != INDEX_NONE)
		unclaim(c, t->flight);
	if (t->gaps != INDEX_NONE)
		unclaim(c, t->gaps);
}

bool tcp_pipe_resume(struct tcp_pipe *p, struct tcp_memory m, struct tcp_claims *c, bool torn)
{
	int64_t n0, n1;
	bool keep[2];

	for (unsigned i = 0; i < 2; i++) {
		if (!end_is_sane(p->end[i], p->stream[i], p->stream[!i]))
			return false;
		keep[i] = !torn && keeps_gaps(p->end[i], p->stream[i], m, c);
	}
	n0 = claim_stream(p->stream[0], m, c, !keep[0]);
	if (n0 < 0)
		return false;
	n1 = claim_stream(p->stream[1], m, c, !keep[1]);
	if (n1 >= 0 && claim_books(p->end[0], m, c, torn, keep[0])) {
		if (claim_books(p->end[1], m, c, torn, keep[1]))
			return true;
		unclaim_books(p->end[0], c);
	}
	unclaim_chain(p->stream[0], m, c, (uint32_t)n0);
	if (n1 >= 0)
		unclaim_chain(p->stream[1], m, c, (uint32_t)n1);
	return false;
}
