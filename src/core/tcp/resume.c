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
	for (uint32_t i = s->head; n > 0; n--, i = m.chunk[i].next)
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
		m.chunk[last].next = INDEX_NONE;
}

/* claim_stream() - Return: how many chunks, or -1: they are not what it says, and none is claimed. */
static int64_t claim_stream(struct tcp_stream *s, struct tcp_memory m, struct tcp_claims *c,
			    bool in_order_only)
{
	uint32_t want = s->start & ~(uint32_t)CHUNK_MASK, last = INDEX_NONE, i, n = 0;

	if (s->end - s->start > STREAM_MAX || s->high - s->end > STREAM_MAX)
		return -1;
	s->cursor = INDEX_NONE;
	for (i = s->head; i != INDEX_NONE; i = m.chunk[i].next) {
		uint32_t at;

		if (!claim(c, i))
			break;
		n++;
		at = m.chunk[i].offset;
		if ((at & CHUNK_MASK) || seq_lt(at, want) || (seq_lt(want, s->end) && at != want))
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

static bool tcb_is_sane(const struct tcb *t)
{
	return t->state < TCPS_COUNT && t->error < TCP_ERROR_COUNT &&
	       t->timer <= TCB_TIMER_PERSIST && t->snd_wscale <= SHIFT_MAX &&
	       t->rcv_wscale <= SHIFT_MAX && t->snd_nxt - t->snd_una <= STREAM_MAX &&
	       (t->state == TCPS_CLOSED || t->state == TCPS_LISTEN || t->snd_mss > TS_LEN);
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
static bool claim_books(struct tcb *t, struct tcp_memory m, struct tcp_claims *c, bool torn)
{
	if (t->flight != INDEX_NONE && !claim(c, t->flight))
		return false;
	if (t->flight != INDEX_NONE) {
		struct tcp_flight *f = &m.chunk[t->flight].flight;

		if (f->n > TCP_SENT_MAX)
			f->n = 0;
		if (torn)
			all_in_flight(t, f);
	}
	if (torn) {
		t->gaps = INDEX_NONE;
		t->flags &= ~(uint32_t)TCB_FIN_AHEAD;
	}
	if (t->gaps == INDEX_NONE)
		return true;
	if (!claim(c, t->gaps)) {
		if (t->flight != INDEX_NONE)
			unclaim(c, t->flight);
		return false;
	}
	if (m.chunk[t->gaps].gaps.n > TCP_GAPS_MAX)
		m.chunk[t->gaps].gaps.n = 0;
	return true;
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

	if (!tcb_is_sane(p->end[0]) || !tcb_is_sane(p->end[1]))
		return false;
	n0 = claim_stream(p->stream[0], m, c, torn);
	if (n0 < 0)
		return false;
	n1 = claim_stream(p->stream[1], m, c, torn);
	if (n1 >= 0 && claim_books(p->end[0], m, c, torn)) {
		if (claim_books(p->end[1], m, c, torn))
			return true;
		unclaim_books(p->end[0], c);
	}
	unclaim_chain(p->stream[0], m, c, (uint32_t)n0);
	if (n1 >= 0)
		unclaim_chain(p->stream[1], m, c, (uint32_t)n1);
	return false;
}
