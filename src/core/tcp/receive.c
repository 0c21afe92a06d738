/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving: reassembly, what is acknowledged when, and the window.
 *
 * Pieces behind a gap are stored where they belong in the stream, so a gap that is closed costs no copy,
 * and all of them together never need more memory than the window that was promised.
 */
#include "core/tcp/internal.h"

#include <string.h>

/* ---- gaps ---- */

static struct tcp_gaps *gaps_open(struct tcb *t, const struct tcp_io *io)
{
	if (t->gaps == INDEX_NONE) {
		t->gaps = tcp_chunk_take(io->memory, TCP_CHUNK_BOOKS);
		if (t->gaps == INDEX_NONE)
			return NULL;
		memset(gaps_of(t, io), 0, offsetof(struct tcp_gaps, piece));
	}
	return gaps_of(t, io);
}

void gaps_close(struct tcb *t, const struct tcp_io *io)
{
	if (t->gaps != INDEX_NONE)
		tcp_chunk_give(io->memory, t->gaps);
	t->gaps = INDEX_NONE;
	t->flags &= ~(uint32_t)TCB_FIN_AHEAD;
}

static void gaps_remove(struct tcp_gaps *g, uint32_t i, uint32_t n)
{
	memmove(&g->piece[i], &g->piece[i + n], (g->n - i - n) * sizeof(g->piece[0]));
	memmove(&g->touched[i], &g->touched[i + n], (g->n - i - n) * sizeof(g->touched[0]));
	g->n -= n;
}

/* gaps_add() - [left, right) has been stored. Return: false if there is no place to write it down. */
static bool gaps_add(struct tcp_gaps *g, uint32_t left, uint32_t right)
{
	uint32_t i = 0, n = 0;

	while (i < g->n && seq_lt(g->piece[i].right, left))
		i++;
	while (i + n < g->n && seq_leq(g->piece[i + n].left, right))
		n++;
	if (n == 0) {
		if (g->n == TCP_GAPS_MAX)
			return false;
		memmove(&g->piece[i + 1], &g->piece[i], (g->n - i) * sizeof(g->piece[0]));
		memmove(&g->touched[i + 1], &g->touched[i], (g->n - i) * sizeof(g->touched[0]));
		g->n++;
		g->piece[i] = (struct tcp_range){left, right};
	} else {
		if (seq_lt(left, g->piece[i].left))
			g->piece[i].left = left;
		g->piece[i].right = seq_max(g->piece[i + n - 1].right, right);
		gaps_remove(g, i + 1, n - 1);
	}
	g->touched[i] = ++g->newest;
	return true;
}

/* gaps_fit() - is there a place to write down a piece [left, right)? */
static bool gaps_fit(const struct tcp_gaps *g, uint32_t left, uint32_t right)
{
	if (g->n < TCP_GAPS_MAX)
		return true;
	for (uint32_t i = 0; i < g->n; i++) {
		if (seq_leq(g->piece[i].left, right) && seq_leq(left, g->piece[i].right))
			return true;
	}
	return false;
}

void receive_duplicate(struct tcb *t, uint32_t left, uint32_t right)
{
	t->flags |= TCB_SEND_ACK;
	if (!(t->flags & TCB_SACK) || left == right || (t->flags & TCB_SEND_DSACK))
		return;
	if (seq_leq(left, t->irs)) /* of an earlier connection: this peer has not sent it */
		return;
	t->flags |= TCB_SEND_DSACK;
	t->dsack_left = left;
	t->dsack_right = right;
}

void put_sack(const struct tcb *t, const struct tcp_io *io, struct tcp_options *o)
{
	const struct tcp_gaps *g = gaps_of(t, io);
	unsigned max = t->flags & TCB_TIMESTAMPS ? 3 : 4;
	uint32_t below = UINT32_MAX;

	if (!(t->flags & TCB_SACK))
		return;
	o->n_sack = 0;
	if (t->flags & TCB_SEND_DSACK)
		o->sack[o->n_sack++] = (struct tcp_sack_block){t->dsack_left, t->dsack_right};
	/* RFC 2018 4: the newest first, then those that were reported most recently */
	while (g && o->n_sack < max) {
		uint32_t best = INDEX_NONE;

		for (uint32_t i = 0; i < g->n; i++) {
			if (g->touched[i] < below &&
			    (best == INDEX_NONE || g->touched[i] > g->touched[best]))
				best = i;
		}
		if (best == INDEX_NONE)
			break;
		below = g->touched[best];
		o->sack[o->n_sack++] =
			(struct tcp_sack_block){g->piece[best].left, g->piece[best].right};
	}
	if (o->n_sack > 0)
		o->present |= TCP_OPT_SACK;
}

/* ---- text ---- */

/*
 * store() - write the bytes of [left, right) that are not there yet: the first ones received win.
 * Return: how far it came; short of @right only without memory.
 */
static uint32_t store(struct tcb *t, const struct tcp_io *io, uint32_t left, uint32_t right,
		      const uint8_t *data)
{
	const struct tcp_gaps *g = gaps_of(t, io);
	uint32_t at = left;

	for (uint32_t i = 0; g && i <= g->n && seq_lt(at, right); i++) {
		uint32_t hole_end =
			i < g->n && seq_lt(g->piece[i].left, right) ? g->piece[i].left : right;

		if (seq_lt(at, hole_end)) {
			uint32_t n = hole_end - at;
			uint32_t done = tcp_stream_put(io->in, io->memory, in_offset(t, at),
						       data + (at - left), n);

			at += done;
			if (done < n)
				return at;
		}
		if (i < g->n && seq_leq(g->piece[i].left, at) && seq_gt(g->piece[i].right, at)) {
			uint32_t end = seq_lt(g->piece[i].right, right) ? g->piece[i].right : right;

			receive_duplicate(t, at, end);
			at = end;
		}
	}
	if (!g)
		at += tcp_stream_put(io->in, io->memory, in_offset(t, at), data, right - at);
	return at;
}

/* advance() - RCV.NXT moves to @to, and over the pieces that now follow. */
static void advance(struct tcb *t, const struct tcp_io *io, uint32_t to)
{
	struct tcp_gaps *g = gaps_of(t, io);
	uint32_t n = 0;

	t->rcv_nxt = to;
	while (g && n < g->n && seq_leq(g->piece[n].left, t->rcv_nxt))
		t->rcv_nxt = seq_max(t->rcv_nxt, g->piece[n++].right);
	if (g && n > 0) {
		gaps_remove(g, 0, n);
		t->flags |= TCB_SEND_ACK; /* RFC 5681 4.2: a gap was closed */
	}
	io->in->end = in_offset(t, t->rcv_nxt);
}

/* take_fin() - nothing of what follows @seq will ever come. */
static void take_fin(struct tcb *t, const struct tcp_io *io, uint32_t seq)
{
	struct tcp_gaps *g;

	t->flags |= TCB_SEND_ACK;
	if (seq != t->rcv_nxt) {
		if (t->flags & TCB_FIN_AHEAD)
			return;
		g = gaps_open(t, io);
		if (!g || (g->n > 0 && seq_lt(seq, g->piece[g->n - 1].right)))
			return;
		g->fin = seq;
		t->flags |= TCB_FIN_AHEAD;
	}
}

static bool fin_is_next(const struct tcb *t, const struct tcp_io *io)
{
	return (t->flags & TCB_FIN_AHEAD) && gaps_of(t, io)->fin == t->rcv_nxt;
}

/* fin_arrived() - RFC 9293 3.10.7.4, eighth. */
static void fin_arrived(struct tcb *t, const struct tcp_io *io)
{
	t->rcv_nxt++;
	t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt);
	t->flags |= TCB_FIN_RECEIVED | TCB_SEND_ACK;
	io->in->flags |= TCP_STREAM_FIN;
	gaps_close(t, io);
	move(t, TCP_EV_RCV_FIN);
	if (t->state == TCPS_TIME_WAIT)
		time_wait(t, io);
}

/* schedule_ack() - RFC 9293 3.8.6.3: for every second full segment, else before long. */
static void schedule_ack(struct tcb *t, const struct tcp_io *io)
{
	if (t->rcv_nxt - t->last_ack_sent >= 2u * t->seg_in || io->config->delack_ms == 0) {
		t->flags |= TCB_SEND_ACK;
	} else if (!(t->flags & (TCB_DELACK | TCB_SEND_ACK))) {
		t->flags |= TCB_DELACK;
		t->delack_at = ms_from_now(io, io->config->delack_ms);
	}
}

/* out_of_order() - a piece behind a gap: kept if there are places and memory for it to spare. */
static enum tcp_result out_of_order(struct tcb *t, const struct tcp_io *io, uint32_t left,
				    uint32_t right, const uint8_t *data)
{
	const struct tcp_pool *pool = io->memory.pool;
	struct tcp_gaps *g;
	uint32_t end;

	t->flags |= TCB_SEND_ACK; /* RFC 5681 4.2: at once */
	/* Who sends in disorder must not take the memory of those who do not. */
	if (tcp_pool_room(pool) < (uint64_t)pool->n / 4 * TCP_CHUNK_BYTES)
		return TCP_IN_NO_MEMORY;
	g = gaps_open(t, io);
	if (!g || !gaps_fit(g, left, right))
		return TCP_IN_NO_MEMORY;
	end = store(t, io, left, right, data);
	if (end != left)
		gaps_add(g, left, end);
	return end == right ? TCP_IN_OK : TCP_IN_NO_MEMORY;
}

static enum tcp_result take_data(struct tcb *t, const struct tcp_io *io, uint32_t left,
				 uint32_t right, const uint8_t *data)
{
	uint32_t end;

	t->seg_in = (uint16_t)max_u32(t->seg_in, min_u32(right - left, t->rcv_mss));
	if (left != t->rcv_nxt)
		return out_of_order(t, io, left, right, data);
	end = store(t, io, left, right, data);
	if (end != left)
		advance(t, io, end);
	if (seq_lt(end, right)) {
		t->flags |= TCB_SEND_ACK;
		return TCP_IN_NO_MEMORY;
	}
	if (t->gaps != INDEX_NONE)
		t->flags |= TCB_SEND_ACK;
	schedule_ack(t, io);
	return TCP_IN_OK;
}

/* text_edge() - nothing behind @right counts: neither beyond the window nor beyond a FIN seen earlier. */
static uint32_t text_edge(const struct tcb *t, const struct tcp_io *io)
{
	if (t->flags & TCB_FIN_AHEAD) {
		uint32_t fin = gaps_of(t, io)->fin;

		return seq_lt(fin, t->rcv_adv) ? fin : t->rcv_adv;
	}
	return t->rcv_adv;
}

enum tcp_result receive_text(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	uint32_t left = s->seq, right = s->seq + s->len, edge = text_edge(t, io);
	bool fin = ((s->flags & TCP_FIN) && seq_lt(right, t->rcv_adv)) ||
		   (is_bare_fin(s) && right == t->rcv_adv);
	enum tcp_result result = TCP_IN_OK;

	if (s->len > 0 && seq_lt(left, t->rcv_nxt)) {
		receive_duplicate(t, left, seq_lt(right, t->rcv_nxt) ? right : t->rcv_nxt);
		left = t->rcv_nxt;
	}
	if (seq_gt(right, edge) || ((s->flags & TCP_FIN) && !fin))
		t->flags |= TCB_SEND_ACK;
	if (seq_gt(right, edge))
		right = edge;
	if (seq_lt(left, right))
		result = take_data(t, io, left, right, s->data + (left - s->seq));
	if (fin && seq_geq(s->seq + s->len, t->rcv_nxt))
		take_fin(t, io, s->seq + s->len);
	if ((fin && s->seq + s->len == t->rcv_nxt) || fin_is_next(t, io))
		fin_arrived(t, io);
	else if (t->gaps != INDEX_NONE && gaps_of(t, io)->n == 0 && !(t->flags & TCB_FIN_AHEAD))
		gaps_close(t, io);
	return result;
}

/* ---- window ---- */

/* edge_wanted() - the right edge that memory allows. */
static uint32_t edge_wanted(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t waiting = tcp_stream_waiting(io->in);
	uint32_t room = waiting < t->rcv_buf ? t->rcv_buf - waiting : 0;
	uint64_t shared = tcp_pool_room(io->memory.pool) / 4;

	if (shared < room)
		room = (uint32_t)shared;
	room = min_u32(room, (uint32_t)UINT16_MAX << t->rcv_wscale);
	return t->rcv_nxt + room;
}

/* grows_by() - how much more could be advertised. */
static uint32_t grows_by(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t edge = edge_wanted(t, io);

	/* A SYN that has to be sent again cannot express more than the first one. */
	if (!is_synchronized(t))
		return 0;
	return seq_gt(edge, t->rcv_adv) ? edge - t->rcv_adv : 0;
}

/* step() - RFC 9293 3.8.6.2.2: below that, growing would be silly. */
static uint32_t step(const struct tcb *t)
{
	return min_u32(t->rcv_buf / 2, t->rcv_mss);
}

/*
 * may_round_up() - rounding up gives away less than a unit of the field, but with every ACK: a peer that
 * sends single bytes could go on for ever. Beyond half the buffer it gets the window rounded down, which
 * takes back less than a unit, as RFC 7323 2.4 has it.
 */
static bool may_round_up(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t limit = t->irs + 1 + io->in->start + t->rcv_buf + t->rcv_buf / 2;

	return seq_lt(t->rcv_adv, limit);
}

uint16_t window_field(struct tcb *t, const struct tcp_io *io)
{
	uint32_t grow = grows_by(t, io);
	uint32_t wnd = t->rcv_adv - t->rcv_nxt, field;

	if (grow >= step(t))
		field = (wnd + grow) >> t->rcv_wscale;
	else
		field = wnd >> t->rcv_wscale;
	/* What was promised stays promised, though the field is coarse: then round up, SHLD-14. */
	if (field << t->rcv_wscale < wnd && may_round_up(t, io))
		field = (wnd + (1u << t->rcv_wscale) - 1) >> t->rcv_wscale;
	field = min_u32(field, UINT16_MAX);
	t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt + (field << t->rcv_wscale));
	return (uint16_t)field;
}

bool window_grew(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t grow;

	if (!is_synchronized(t) || (t->flags & TCB_FIN_RECEIVED))
		return false;
	/* What the handshake has promised is enough to begin with. */
	if (t->rcv_nxt == t->irs + 1 && t->rcv_adv - t->rcv_nxt >= step(t))
		return false;
	/* While plenty is left, an ACK that is due soon can tell. */
	if ((t->flags & TCB_DELACK) && t->rcv_adv - t->rcv_nxt >= 8 * step(t))
		return false;
	grow = grows_by(t, io);
	return grow >= max_u32(t->rcv_buf / 4, step(t)) ||
	       (t->rcv_adv - t->rcv_nxt < step(t) && grow >= step(t) && grow >= t->rcv_mss);
}
