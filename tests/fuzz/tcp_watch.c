/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/tcp_watch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/seq.h"

void watch_fail(const char *what)
{
	fprintf(stderr, "tcp: %s\n", what);
	abort();
}

static void check_flight(const struct tcb *t, struct tcp_memory m)
{
	const struct tcp_flight *f;
	uint32_t at = t->snd_una, sacked = 0, lost = 0;

	if (t->flight == INDEX_NONE)
		return;
	f = &m.chunk[t->flight].flight;
	must(f->n <= TCP_SENT_MAX, "too many runs in flight");
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t len = f->sent[i].end - at, flags = f->sent[i].flags;

		must(len > 0 && len < 1u << 31, "an empty run");
		must((flags & TCP_SENT_SACKED) == 0 || (flags & TCP_SENT_LOST) == 0,
		     "SACKed and lost at once");
		sacked += flags & TCP_SENT_SACKED ? len : 0;
		lost += flags & TCP_SENT_LOST ? len : 0;
		at = f->sent[i].end;
	}
	must(at == t->snd_nxt, "the runs do not end at SND.NXT");
	must(f->sacked == sacked && f->lost == lost, "sums of the runs");
}

static void check_gaps(const struct tcb *t, struct tcp_memory m)
{
	const struct tcp_gaps *g;
	uint32_t at = t->rcv_nxt;

	if (t->gaps == INDEX_NONE)
		return;
	g = &m.chunk[t->gaps].gaps;
	must(g->n <= TCP_GAPS_MAX, "too many gaps");
	for (uint32_t i = 0; i < g->n; i++) {
		must(seq_gt(g->piece[i].left, at) && seq_gt(g->piece[i].right, g->piece[i].left),
		     "gaps out of order");
		at = g->piece[i].right;
	}
	must(seq_leq(at, t->rcv_adv), "a piece beyond the window");
	if (t->flags & TCB_FIN_AHEAD)
		must(seq_geq(g->fin, at), "a piece behind the FIN");
}

void watch_books(struct watch *w, struct tcp_memory m)
{
	const struct tcb *t = w->tcb;
	uint32_t edge = t->snd_una + t->snd_wnd;

	if (t->state == TCPS_CLOSED) {
		must(t->flight == INDEX_NONE && t->gaps == INDEX_NONE, "books of the dead");
		must(t->timer == TCB_TIMER_NONE, "a timer of the dead");
		return;
	}
	must(seq_leq(t->snd_una, t->snd_nxt), "SND.UNA passes SND.NXT");
	must(t->rto_ms <= w->config->rto_max_ms, "RTO too long");
	if (t->state >= TCPS_SYN_RECEIVED)
		must(seq_leq(t->rcv_nxt, t->rcv_adv), "RCV.NXT passes the window");
	if (t->state >= TCPS_ESTABLISHED) {
		must(t->cwnd >= 64 && t->cwnd <= 1u << 30, "congestion window");
		must(t->rto_ms >= w->config->rto_min_ms, "RTO too short");
		if (!w->edge_known || seq_gt(edge, w->edge))
			w->edge = edge;
		w->edge_known = true;
	}
	check_flight(t, m);
	check_gaps(t, m);
}

uint32_t watch_stream(const struct tcp_stream *s, struct tcp_memory m)
{
	uint32_t n = 0, last = INDEX_NONE;

	for (uint32_t i = s->head; i != INDEX_NONE; i = m.link[i].next) {
		must(++n <= m.pool->n, "chunks in a ring");
		must(last == INDEX_NONE || seq_lt(m.link[last].offset, m.link[i].offset),
		     "chunks out of order");
		last = i;
	}
	must(s->tail == last, "the tail is not the last chunk");
	must(tcp_stream_waiting(s) < 1u << 31, "a stream that was released too far");
	return n;
}

/* check_text() - a byte once sent is never sent differently. */
static void check_text(struct watch *w, const struct tcp_io *io, const struct tcp_segment *s)
{
	static uint8_t text[1 << 17];

	must(s->mss > 0 && s->len <= sizeof(text), "length of a segment");
	must(s->offset - io->out->start <= tcp_stream_waiting(io->out) &&
		     s->offset + s->len - io->out->start <= tcp_stream_waiting(io->out),
	     "text that is not there");
	tcp_stream_copy(io->out, io->memory, s->offset, text, s->len);
	for (uint32_t i = 0; i < s->len && s->offset + i < WATCHED_BYTES; i++) {
		uint32_t at = s->offset + i;

		must(at <= w->out_seen, "text was left out");
		if (at == w->out_seen) {
			w->out[at] = text[i];
			w->out_seen++;
			must(w->out_dirty || text[i] == watch_byte(w->out_salt, at), "wrong text");
		}
		must(w->out[at] == text[i], "text sent again differs");
	}
}

static void check_advertised(struct watch *w, const struct tcp_segment *s)
{
	const struct tcb *t = w->tcb;
	unsigned scale = s->flags & TCP_SYN ? 0 : t->rcv_wscale;
	uint32_t adv = s->ack + ((uint32_t)s->window << scale);

	must(s->ack == t->rcv_nxt, "an ACK of something else");
	/* RFC 7323 2.4: rounding may take back less than a unit */
	must(!w->adv_known || seq_gt(adv + (1u << scale), w->adv), "the window shrinks");
	w->adv = w->adv_known ? seq_max(w->adv, adv) : adv;
	w->adv_known = true;
	for (unsigned i = s->opt.n_sack && (t->flags & TCB_SACK) ? 1 : s->opt.n_sack;
	     i < s->opt.n_sack; i++)
		must(seq_gt(s->opt.sack[i].left, t->rcv_nxt) &&
			     seq_lt(s->opt.sack[i].left, s->opt.sack[i].right) &&
			     seq_leq(s->opt.sack[i].right, w->adv),
		     "a SACK of nothing");
}

void watch_sent(struct watch *w, const struct tcp_io *io, const struct tcp_segment *s)
{
	const struct tcb *t = w->tcb;
	uint32_t len = s->len + !!(s->flags & TCP_FIN);

	must(s->flags != 0, "a segment without flags");
	if (s->flags & TCP_RST) {
		must(s->len == 0, "a RST with text");
		return;
	}
	if (!(s->flags & TCP_SYN)) {
		must(s->flags & TCP_ACK, "neither SYN nor ACK");
		must(seq_leq(s->seq + len, t->snd_nxt) && seq_geq(s->seq, t->snd_una - 1),
		     "outside of what is in flight");
		must(len <= 1 || (w->edge_known && seq_leq(s->seq + len, w->edge)),
		     "beyond what was granted");
	}
	if (s->flags & TCP_ACK)
		check_advertised(w, s);
	if (s->len > 0)
		check_text(w, io, s);
}
