/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The book of what is in flight: runs of bytes in sequence, each sent at one time. */
#include "core/tcp/internal.h"

#include <string.h>

struct tcp_flight *flight_open(struct tcb *t, const struct tcp_io *io)
{
	if (t->flight == INDEX_NONE) {
		t->flight = tcp_chunk_take(io->memory, TCP_CHUNK_BOOKS);
		if (t->flight == INDEX_NONE)
			return NULL;
		memset(flight_of(t, io), 0, offsetof(struct tcp_flight, sent));
	}
	return flight_of(t, io);
}

void flight_close(struct tcb *t, const struct tcp_io *io)
{
	if (t->flight != INDEX_NONE)
		tcp_chunk_give(io->memory, t->flight);
	t->flight = INDEX_NONE;
}

static bool both_sacked(const struct tcp_sent *a, const struct tcp_sent *b)
{
	return a->flags & b->flags & TCP_SENT_SACKED;
}

enum merging { MERGE_SACKED, MERGE_PAIRS, MERGE_ALIKE };

/*
 * merge() - neighbours that are SACKed become one; so do those that have the same flags, in pairs or as
 * many as there are. A run of several was sent at the time of its last: what is not yet lost will be found
 * lost later, and a round-trip time that is measured with it is too short by what lies between them.
 */
static void merge(struct tcp_flight *f, enum merging how)
{
	uint32_t n = 0, pair = 0; /* which run has become a pair */

	for (uint32_t i = 0; i < f->n; i++) {
		struct tcp_sent *last = n ? &f->sent[n - 1] : NULL;
		bool alike = last && last->flags == f->sent[i].flags &&
			     (how == MERGE_ALIKE || (how == MERGE_PAIRS && pair != n));

		if (last && (alike || both_sacked(last, &f->sent[i]))) {
			last->end = f->sent[i].end;
			last->at_us = seq_max(last->at_us, f->sent[i].at_us);
			pair = n;
		} else {
			f->sent[n++] = f->sent[i];
		}
	}
	f->n = n;
}

/* make_room() - halving at first, so that times stay exact to a small part of a round trip. */
static void make_room(struct tcp_flight *f)
{
	merge(f, MERGE_PAIRS);
	if (f->n > TCP_SENT_MAX - 8)
		merge(f, MERGE_ALIKE);
}

void flight_tidy(struct tcp_flight *f)
{
	merge(f, MERGE_SACKED);
	if (f->n > TCP_SENT_MAX - 8)
		make_room(f);
}

void flight_sent(struct tcp_flight *f, uint32_t end, uint32_t at_us)
{
	struct tcp_sent *last = f->n ? &f->sent[f->n - 1] : NULL;

	if (f->n == TCP_SENT_MAX) {
		make_room(f);
		last = &f->sent[f->n - 1];
	}
	if (last && !last->flags && (last->at_us == at_us || f->n == TCP_SENT_MAX)) {
		last->end = end;
		last->at_us = at_us;
		return;
	}
	if (f->n == TCP_SENT_MAX) {
		/* The last run is SACKed, lost or sent again: forget that, it costs a retransmission. */
		uint32_t len = last->end - f->sent[f->n - 2].end;

		if (last->flags & TCP_SENT_SACKED)
			f->sacked -= len;
		if (last->flags & TCP_SENT_LOST)
			f->lost -= len;
		*last = (struct tcp_sent){end, at_us, 0};
		return;
	}
	f->sent[f->n++] = (struct tcp_sent){end, at_us, 0};
}

bool flight_split(struct tcp_flight *f, uint32_t i, uint32_t seq, uint32_t spare)
{
	if (f->n + 1 + spare > TCP_SENT_MAX)
		return false;
	memmove(&f->sent[i + 1], &f->sent[i], (f->n - i) * sizeof(f->sent[0]));
	f->sent[i].end = seq;
	f->n++;
	return true;
}

void flight_mark(const struct tcb *t, struct tcp_flight *f, uint32_t i, enum tcp_sent_flag flag)
{
	uint32_t len = f->sent[i].end - flight_start(t, f, i);

	if (f->sent[i].flags & flag)
		return;
	f->sent[i].flags |= flag;
	if (flag == TCP_SENT_SACKED)
		f->sacked += len;
	else if (flag == TCP_SENT_LOST)
		f->lost += len;
}

void flight_unmark(const struct tcb *t, struct tcp_flight *f, uint32_t i, enum tcp_sent_flag flag)
{
	uint32_t len = f->sent[i].end - flight_start(t, f, i);

	if (!(f->sent[i].flags & flag))
		return;
	f->sent[i].flags &= ~(uint32_t)flag;
	if (flag == TCP_SENT_SACKED)
		f->sacked -= len;
	else if (flag == TCP_SENT_LOST)
		f->lost -= len;
}

void flight_resent(struct tcb *t, struct tcp_flight *f, uint32_t i, uint32_t end, uint32_t at_us)
{
	/* Without a place to split at, the whole run counts as sent: it will be found lost once more. */
	if (f->sent[i].end != end)
		flight_split(f, i, end, 0);
	flight_unmark(t, f, i, TCP_SENT_LOST);
	f->undo_bytes += f->sent[i].end - flight_start(t, f, i);
	f->sent[i].flags |= TCP_SENT_RESENT;
	f->sent[i].at_us = at_us;
	if (f->n > TCP_SENT_MAX - 8)
		flight_tidy(f);
}

void flight_lose_first(const struct tcb *t, struct tcp_flight *f)
{
	uint32_t first = t->snd_una + payload_max(t);

	if (f->n == 0 || (f->sent[0].flags & TCP_SENT_SACKED))
		return;
	if (seq_lt(first, f->sent[0].end))
		flight_split(f, 0, first, 0);
	flight_mark(t, f, 0, TCP_SENT_LOST);
}

void flight_lose_all(const struct tcb *t, struct tcp_flight *f)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (!(f->sent[i].flags & TCP_SENT_SACKED))
			flight_mark(t, f, i, TCP_SENT_LOST);
	}
}

uint32_t flight_lost(const struct tcp_flight *f)
{
	if (f->lost == 0)
		return INDEX_NONE;
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->sent[i].flags & TCP_SENT_LOST)
			return i;
	}
	return INDEX_NONE;
}

uint32_t pipe_bytes(const struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_flight *f = flight_of(t, io);
	uint32_t all = outstanding(t), gone;

	if (!f)
		return all;
	gone = f->sacked + f->lost;
	/* Without SACK every duplicate ACK says that one segment has left, RFC 5681 3.2 step 4. */
	if (!(t->flags & TCB_SACK))
		gone += t->dupacks * payload_max(t);
	return gone < all ? all - gone : 0;
}
