/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The terminate engine: the guard is the server for the client and the client for the server, with a
 * TCP of its own (core/tcp) on both sides, so that no oddity of the client's TCP reaches the server.
 *
 *   client            guard                      server
 *      --- SYN --------->|                            nothing is kept: a cookie
 *      <-- SYN-ACK ------|                            with a window: data may come
 *      --- ACK (data) -->|                            end 0 ESTABLISHED
 *                        |--- SYN ------------------->| end 1 SYN-SENT
 *                        |<-- SYN-ACK ----------------| end 1 ESTABLISHED
 *      <== data ========>|<== data ==================>|
 *
 * What has to be sent is not sent where a segment comes in, but when the caller has handed over its whole
 * batch: terminate_poll(). So one ACK answers many segments.
 *
 * Toward the server, the guard takes the client's own initial sequence number. The client's TCP sees to
 * it that those of one pair of ports advance, so the server takes a new connection for a new one even
 * in TIME-WAIT, and the SYN for the same as one that went to it directly before. For the same reason the
 * timestamps go on from the client's. DEVIATION: it has no clock of the guard's in it, RFC 9293 3.4.1.
 */
#include "core/terminate.h"

#include <string.h>

#define POLL_SEGMENTS	   32 /* packets of one flow until others get a turn */
#define SAY_RESET_AGAIN	   USEC_PER_SEC
#define HOG_LOOKS	   256 /* flows that are looked at when memory is out */
#define HOG_STALLED_MS	   1000u /* whose reader has not taken anything for so long */
#define HEADERS_MAX	   120 /* of IPv6 and TCP, and a bit */
#define REST_TIMESTAMPS(i) (1u << (i)) /* in flow.retries when it is over */

/* ---- one call on one flow ---- */

static uint32_t bytes_ahead(const struct work *w)
{
	return (w->pipe.stream[0]->high - w->pipe.stream[0]->end) +
	       (w->pipe.stream[1]->high - w->pipe.stream[1]->end);
}

static uint32_t retransmits(const struct work *w)
{
	return w->pipe.end[0]->retransmits + w->pipe.end[1]->retransmits;
}

void work_begin(struct turn *t, uint32_t i, struct work *w)
{
	w->i = i;
	w->f = flow_at(t->a, i);
	w->s = turn_service(t, w->f->service);
	flow_keep(t->a, i);
	terminal_keep(t->a, w->f);
	w->pipe = terminal_pipe(t->a, w->f);
	w->io = (struct tcp_pipe_io){&w->s->tcp, terminal_memory(t->a), t->now};
	w->received[0] = w->pipe.stream[0]->end;
	w->received[1] = w->pipe.stream[1]->end;
	w->ahead = bytes_ahead(w);
	w->retransmits = retransmits(w);
}

void work_end(struct turn *t, struct work *w)
{
	struct flow *f = w->f;
	uint32_t ahead = bytes_ahead(w);

	f->bytes_in += w->pipe.stream[0]->end - w->received[0];
	f->bytes_out += w->pipe.stream[1]->end - w->received[1];
	w->s->counters.retransmits += retransmits(w) - w->retransmits;
	if (ahead != w->ahead)
		*terminal_gaps(t->a, &f->client) += ahead - w->ahead;
	f->client_state = w->pipe.end[0]->state;
	f->server_state = w->pipe.end[1]->state;
}

/* ---- sending ---- */

/*
 * address() - of the IP header. DEVIATION from RFC 9293 3.9.2 and 3.9.2.1: there is no setting for the TTL
 * toward clients, and no source route, neither given nor returned.
 */
static void address(const struct flow *f, unsigned end, struct segment *g)
{
	const struct ip_addr *from = end ? &f->client : &f->server;
	const struct ip_addr *to = end ? &f->server : &f->client;

	g->src = *from;
	g->dst = *to;
	g->sport = end ? f->client_port : f->server_port;
	g->dport = end ? f->server_port : f->client_port;
	/* what the other side's packets carry, so that routers treat ours alike */
	g->ttl = end ? (uint8_t)f->client_ttl : 0;
	g->tos = (uint8_t)((end ? f->client_dscp : f->server_dscp) << 2);
}

static void segment_from(const struct flow *f, unsigned end, const struct tcp_segment *s,
			 struct segment *g)
{
	memset(g, 0, sizeof(*g));
	address(f, end, g);
	g->seq = s->seq;
	g->ack = s->ack;
	g->flags = s->flags;
	g->window = s->window;
	g->urgent = s->urgent;
	g->opt = s->opt;
	g->tos |= s->ect ? 2 : 0; /* ECT(0), RFC 3168 5 */
	g->payload_len = s->len;
}

/* put_pieces() - where the payload lies; nothing is copied. */
static void put_pieces(struct turn *t, struct work *w, unsigned end, const struct tcp_segment *s,
		       struct guard_tx *tx)
{
	struct tcp_stream *out = w->pipe.stream[!end];
	uint32_t offset = s->offset, left = s->len;

	tx->piece = (uint16_t)t->out->n_pieces;
	tx->n_pieces = 0;
	while (left > 0) {
		struct guard_piece *p = &t->out->piece[t->out->n_pieces];

		p->len = tcp_stream_piece(out, w->io.memory, offset, left, &p->data);
		if (p->len == 0)
			break;
		offset += p->len;
		left -= p->len;
		t->out->n_pieces++;
		tx->n_pieces++;
	}
}

static void send_segment(struct turn *t, struct work *w, unsigned end, const struct tcp_segment *s)
{
	struct segment g;
	struct guard_tx *tx;
	int len;

	segment_from(w->f, end, s, &g);
	if (s->flags & TCP_RST)
		w->s->counters.resets_sent++;
	if (s->len == 0) {
		emit(t, &g);
		return;
	}
	tx = &t->out->tx[t->out->n_tx];
	len = segment_headers(&g, tx->data, sizeof(tx->data));
	if (len < 0) {
		t->a->drops[GUARD_DROP_TX_FULL]++;
		return;
	}
	tx->len = (uint16_t)len;
	tx->family = (uint8_t)ip_addr_family(&g.src);
	tx->gso_size = s->len > s->mss ? s->mss : 0;
	put_pieces(t, w, end, s, tx);
	t->out->n_tx++;
}

static bool has_room(const struct turn *t)
{
	return t->out->n_tx < GUARD_TX_MAX &&
	       t->out->n_pieces + GUARD_TX_PIECES <= GUARD_PIECES_MAX;
}

/* payload_limit() - urgent data must not be cut by somebody else: it may not know how. */
static uint32_t payload_limit(const struct turn *t, const struct work *w)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct tcp_stream *s = w->pipe.stream[i];

		if ((s->flags & TCP_STREAM_URGENT) && seq_gt(s->urgent, s->start))
			return 0;
	}
	return t->out->payload_max > HEADERS_MAX ? t->out->payload_max - HEADERS_MAX : 0;
}

/* ---- the end ---- */

static enum tcp_error cause(const struct tcp_pipe *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (p->end[i]->error != TCP_ERROR_NONE && p->end[i]->error != TCP_ERROR_ABORTED)
			return p->end[i]->error;
	}
	return p->end[0]->error != TCP_ERROR_NONE ? p->end[0]->error : p->end[1]->error;
}

/* say_reset() - why the guard has ended a connection; not with each one of an attack. */
static void say_reset(struct turn *t, const struct flow *f, const char *why)
{
	struct terminals *all = &t->a->terminals;
	struct service *s = turn_service(t, f->service);

	s->counters.terminated_reset++;
	if (all->reset_said && t->now - all->reset_said < SAY_RESET_AGAIN) {
		all->resets_unsaid++;
		return;
	}
	all->reset_said = t->now;
	arena_event(t->a, GUARD_EVENT_TERMINATED_RESET, s->name, &f->client, f->client_port,
		    all->resets_unsaid, why);
	all->resets_unsaid = 0;
}

static void account(struct turn *t, const struct work *w)
{
	enum tcp_error why = cause(&w->pipe);

	switch (why) {
	case TCP_ERROR_TIMEOUT:
		if (!(w->f->flags & FLOW_ANSWERED)) {
			learn_silence(t, w->f);
			break;
		}
		say_reset(t, w->f, tcp_error_text(why));
		break;
	case TCP_ERROR_STALLED:
	case TCP_ERROR_VANISHED:
		say_reset(t, w->f, tcp_error_text(why));
		break;
	default:
		break;
	}
}

static struct flow_rest rest_of(const struct tcb *e)
{
	return (struct flow_rest){e->snd_nxt, e->rcv_nxt, e->ts_offset, e->ts_recent};
}

/* forget_terminal() - give it back with all that it holds. */
static void forget_terminal(struct turn *t, uint32_t i)
{
	struct work w;

	terminal_unqueue(t->a, i);
	work_begin(t, i, &w);
	tcp_pipe_clear(&w.pipe, &w.io);
	work_end(t, &w);
	terminal_give(t->a, w.f);
}

/* settle() - both ends are over: TIME-WAIT does not need their memory. */
static void settle(struct turn *t, struct work *w)
{
	struct flow *f = w->f;
	const struct tcb *e0 = w->pipe.end[0], *e1 = w->pipe.end[1];
	struct flow_rest rest[2] = {rest_of(e0), rest_of(e1)};
	uint8_t states[2] = {e0->state, e1->state};
	bool by_fin = cause(&w->pipe) == TCP_ERROR_NONE;
	unsigned retries = (e0->flags & TCB_TIMESTAMPS ? REST_TIMESTAMPS(0) : 0) |
			   (e1->flags & TCB_TIMESTAMPS ? REST_TIMESTAMPS(1) : 0);

	account(t, w);
	forget_terminal(t, w->i);
	f->rest[0] = rest[0];
	f->rest[1] = rest[1];
	f->retries = retries & 15;
	f->client_state = states[0];
	f->server_state = states[1];
	if (by_fin || states[0] == TCPS_TIME_WAIT || states[1] == TCPS_TIME_WAIT)
		f->flags |= FLOW_CLIENT_FIN | FLOW_SERVER_FIN;
	else
		f->flags |= FLOW_RESET;
	f->active = turn_tick(t);
	track_over(t, w->i, false);
	track_arm(t, w->i);
}

static bool end_is_over(const struct tcb *e)
{
	return e->state == TCPS_TIME_WAIT || tcp_is_over(e);
}

/* arm() - for the first of what both ends and silence demand; too early does no harm. */
static void arm(struct turn *t, struct work *w)
{
	usec_t due = tcp_pipe_deadline(&w->pipe, t->now);
	uint32_t silence = track_idle_due(t, w->f);
	uint32_t tick = due == USEC_NEVER ? silence : ticks_in(due);

	if (seq_gt(tick, silence))
		tick = silence;
	if (wheel_armed(&w->f->timer) && seq_leq(w->f->timer.due, tick))
		return;
	wheel_remove(&t->a->wheel, flow_timers(t->a), w->i);
	wheel_add(&t->a->wheel, flow_timers(t->a), w->i, tick);
}

/* poll_flow() - send what it has to send. Return: is there more? */
static bool poll_flow(struct turn *t, uint32_t i)
{
	struct tcp_segment s;
	uint32_t sent = 0, limit;
	bool more = true;
	struct work w;
	unsigned end;

	work_begin(t, i, &w);
	limit = payload_limit(t, &w);
	while (sent < POLL_SEGMENTS && has_room(t) && more) {
		more = tcp_pipe_poll(&w.pipe, &w.io, limit, &end, &s);
		if (more)
			send_segment(t, &w, end, &s);
		sent += more;
	}
	work_end(t, &w);
	if (more)
		return true;
	if (end_is_over(w.pipe.end[0]) && end_is_over(w.pipe.end[1]))
		settle(t, &w);
	else
		arm(t, &w);
	return false;
}

void terminate_poll(struct turn *t)
{
	while (has_room(t)) {
		uint32_t i = terminal_next(t->a);

		if (i == INDEX_NONE)
			break;
		if (poll_flow(t, i))
			terminal_queue(t->a, i);
		arena_commit(t->a);
	}
}

/* ---- segments ---- */

/*
 * hog_found() - memory is out: whoever holds most of it, for a reader that does not read, must go.
 * Return: the flow, or INDEX_NONE.
 */
static uint32_t hog_found(struct turn *t)
{
	uint32_t best = INDEX_NONE, most = 0, ms = (uint32_t)(t->now / USEC_PER_MSEC);

	for (uint32_t n = 0; n < HOG_LOOKS && n < t->a->flow_fresh; n++) {
		uint32_t i = t->a->terminals.hand++ % t->a->flow_fresh;
		struct flow *f = flow_at(t->a, i);
		struct tcp_pipe p;

		if (!flow_is_used(t->a, i) || !flow_is_terminated(f) || flow_is_over(f))
			continue;
		p = terminal_pipe(t->a, f);
		for (unsigned e = 0; e < 2; e++) {
			uint32_t waiting = tcp_stream_waiting(p.stream[!e]);

			if (waiting > most && ms - p.end[e]->progress_at > HOG_STALLED_MS) {
				most = waiting;
				best = i;
			}
		}
	}
	return best;
}

static void abort_flow(struct turn *t, uint32_t i)
{
	struct work w;

	work_begin(t, i, &w);
	tcp_pipe_abort(&w.pipe, &w.io, TCP_ERROR_ABORTED);
	work_end(t, &w);
	terminal_queue(t->a, i);
}

/* no_memory() - data in order had to be dropped: it comes again, and until then there must be room. */
static void no_memory(struct turn *t)
{
	uint32_t hog = hog_found(t);

	turn_drop(t, GUARD_DROP_NO_MEMORY);
	if (hog == INDEX_NONE)
		return;
	say_reset(t, flow_at(t->a, hog), "memory is out, and its reader does not read");
	abort_flow(t, hog);
}

/* too_far_ahead() - does the client hold too much out of order already, in all of its connections? */
static bool too_far_ahead(struct turn *t, const struct work *w, unsigned end, const struct pkt *in)
{
	return in->payload_len > 0 && seq_gt(in->seq, w->pipe.end[end]->rcv_nxt) &&
	       *terminal_gaps(t->a, &w->f->client) > t->config->client_gaps;
}

static void verdict_of(struct turn *t, enum tcp_result r)
{
	switch (r) {
	case TCP_IN_OLD:
	case TCP_IN_PAWS:
	case TCP_IN_NO_TIMESTAMP:
	case TCP_IN_BAD_ACK:
	case TCP_IN_BLIND_RST:
	case TCP_IN_BLIND_SYN:
		turn_drop(t, GUARD_DROP_OUT_OF_WINDOW);
		break;
	case TCP_IN_NO_ACK:
		turn_drop(t, GUARD_DROP_BAD_FLAGS);
		break;
	default:
		turn_drop(t, GUARD_DROP_CONSUMED);
		break;
	}
}

/* wrong_ack() - the server still holds an earlier connection: it was reset, and asked again at once. */
static void wrong_ack(struct work *w)
{
	if (w->f->retries >= SERVER_STALE_MAX)
		return;
	w->f->retries++;
	w->pipe.end[1]->flags |= TCB_SEND_SYN;
}

/* answered() - the server has said something while the guard was calling it. */
static void answered(struct turn *t, struct work *w, const struct pkt *in, enum tcp_result r)
{
	const struct tcb *e = w->pipe.end[1];
	uint32_t offered = OFFER_WSCALE | OFFER_SACK | OFFER_TIMESTAMPS;

	if (e->state == TCPS_ESTABLISHED || e->state == TCPS_CLOSE_WAIT) {
		w->f->flags |= FLOW_ANSWERED;
		w->f->retries = 0;
		w->f->server_dscp = in->tos >> 2 & 0x3f;
		w->s->counters.terminated++;
		if (in->flags & TCP_SYN) /* not if it has called at the same time */
			learn_synack(t, w->f->service, in, offered);
	} else if (e->error == TCP_ERROR_REFUSED) {
		learn_refusal(t, w->f->service, in);
	} else if (r == TCP_IN_BAD_ACK) {
		wrong_ack(w);
	}
}

static bool is_calling(const struct tcb *e)
{
	return e->state == TCPS_SYN_SENT || e->state == TCPS_SYN_RECEIVED;
}

/* live_input() - a segment for a flow that has its terminal. */
static void live_input(struct turn *t, uint32_t i, unsigned end, struct pkt *in)
{
	struct tcp_segment s, reply;
	enum tcp_result r;
	struct work w;
	bool calling;

	work_begin(t, i, &w);
	if (too_far_ahead(t, &w, end, in)) {
		w.pipe.end[end]->flags |= TCB_SEND_ACK;
		turn_drop(t, GUARD_DROP_NO_MEMORY);
		terminal_queue(t->a, i);
		return;
	}
	calling = end == 1 && is_calling(w.pipe.end[1]);
	tcp_segment_of(&s, in);
	r = tcp_pipe_input(&w.pipe, &w.io, end, &s, &reply);
	verdict_of(t, r);
	if (calling)
		answered(t, &w, in, r);
	if (reply.flags)
		send_segment(t, &w, end, &reply);
	if (r == TCP_IN_OK)
		w.f->active = turn_tick(t);
	work_end(t, &w);
	terminal_queue(t->a, i);
	if (r == TCP_IN_NO_MEMORY && in->seq == w.pipe.end[end]->rcv_nxt)
		no_memory(t);
	else if (r == TCP_IN_NO_MEMORY)
		turn_drop(t, GUARD_DROP_NO_MEMORY);
}

/* ---- when it is over ---- */

/*
 * rest_ack() - the ACK of an endpoint in TIME-WAIT. DEVIATION: RFC 5961 7 rations it. There is no place
 * left to count in; it answers one segment by one that is no longer.
 */
static void rest_ack(struct turn *t, const struct flow *f, unsigned end)
{
	const struct flow_rest *r = &f->rest[end];
	struct segment g = {
		.seq = r->snd_nxt,
		.ack = r->rcv_nxt,
		.flags = TCP_ACK,
		.window = UINT16_MAX, /* whatever it was: it is not taken back */
	};

	address(f, end, &g);
	if (f->retries & REST_TIMESTAMPS(end)) {
		g.opt.present = TCP_OPT_TIMESTAMPS;
		g.opt.ts_val = (uint32_t)(t->now / USEC_PER_MSEC) + r->ts_offset;
		g.opt.ts_ecr = r->ts_recent;
	}
	emit(t, &g);
	turn_service(t, f->service)->counters.challenge_acks++;
}

bool terminate_expects(struct turn *t, uint32_t slot, const struct pkt *in)
{
	const struct service *s = turn_service(t, slot);

	if (s->engine != GUARD_ENGINE_TERMINATE || (in->flags & (TCP_SYN | TCP_RST)))
		return false;
	return terminal_expects(t->a, in);
}

/* over_input() - TIME-WAIT: RFC 9293 3.10.7.4, RFC 1337; CLOSED: 3.10.7.1. */
static void over_input(struct turn *t, uint32_t i, unsigned end, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	const struct flow_rest *r = &f->rest[end];
	bool was_ours;

	turn_drop(t, GUARD_DROP_NO_FLOW);
	if (in->flags & TCP_RST)
		return;
	was_ours = seq_gt(in->ack, flow_cookie_isn(f)) && seq_leq(in->ack, r->snd_nxt);
	if (end == 0 && !was_ours && terminate_expects(t, f->service, in)) {
		turn_drop(t, GUARD_DROP_EARLY_DATA);
		return;
	}
	if ((end ? f->server_state : f->client_state) != TCPS_TIME_WAIT) {
		emit_rst_reply(t, f->service, in);
		return;
	}
	if ((in->flags & TCP_FIN) && in->seq + pkt_seg_len(in) == r->rcv_nxt) {
		f->active = turn_tick(t);
		track_arm(t, i);
	}
	if (pkt_seg_len(in) > 0)
		rest_ack(t, f, end);
}

bool terminate_cannot_be(struct turn *t, struct flow *f, const struct pkt *in)
{
	const struct tcb *e = terminal_pipe(t->a, f).end[0];

	return seq_gt(in->ack, e->snd_nxt) || seq_leq(in->ack, e->iss);
}

/*
 * half_is_reused() - the client's end is over, the server's is not yet. As long as the server still takes what
 * the client has sent, its FIN included, the SYN is answered by an ACK, and comes again.
 */
static bool half_is_reused(struct turn *t, struct flow *f, const struct pkt *syn)
{
	struct tcp_pipe p = terminal_pipe(t->a, f);
	const struct tcb *server = p.end[1];

	if ((tcp_stream_waiting(p.stream[0]) > 0 || server->snd_una != server->snd_nxt) &&
	    server->backoff == 0)
		return false;
	if (p.end[0]->state == TCPS_CLOSED)
		return true;
	return tcp_is_reuse(p.end[0], syn->seq, &syn->opt);
}

bool terminate_is_reused(struct turn *t, struct flow *f, const struct pkt *syn)
{
	if (!flow_is_over(f))
		return half_is_reused(t, f, syn);
	if (f->client_state == TCPS_CLOSED)
		return true;
	/* DEVIATION from RFC 6191 2: a newer number is enough. Some begin each connection at another time. */
	if ((f->retries & REST_TIMESTAMPS(0)) && (syn->opt.present & TCP_OPT_TIMESTAMPS) &&
	    seq_gt(syn->opt.ts_val, f->rest[0].ts_recent))
		return true;
	return seq_gt(syn->seq, f->rest[0].rcv_nxt);
}

void terminate_input(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in)
{
	unsigned end = dir == FROM_CLIENT ? 0 : 1;

	if (in->payload_len > 0 && !pkt_is_complete(in)) {
		turn_want_full(t);
		return;
	}
	if (!turn_checksum_good(t, in))
		return;
	if (flow_is_over(flow_at(t->a, i)))
		over_input(t, i, end, in);
	else
		live_input(t, i, end, in);
}

/* ---- time, operators, ICMP ---- */

void terminate_timeout(struct turn *t, uint32_t i)
{
	struct work w;

	work_begin(t, i, &w);
	if (seq_leq(track_idle_due(t, w.f), turn_tick(t))) {
		w.s->counters.idle_timeouts++;
		tcp_pipe_abort(&w.pipe, &w.io, TCP_ERROR_ABORTED);
	} else {
		tcp_pipe_expire(&w.pipe, &w.io);
	}
	work_end(t, &w);
	terminal_queue(t->a, i);
}

void terminate_kill(struct turn *t, uint32_t i)
{
	abort_flow(t, i);
}

void terminate_forget(struct turn *t, uint32_t i)
{
	if (flow_at(t->a, i)->terminal != INDEX_NONE)
		forget_terminal(t, i);
}

/*
 * refuses() - an ICMP error that ends a call: a port that is closed. DEVIATION: it ends a call only, RFC
 * 5927 4: anybody could send it.
 */
static bool refuses(const struct pkt *in)
{
	if (in->family == 4)
		return in->icmp_type == 3 && (in->icmp_code == 2 || in->icmp_code == 3);
	return in->icmp_type == 1 && in->icmp_code == 4;
}

static bool too_big(const struct pkt *in)
{
	return in->family == 4 ? in->icmp_type == 3 && in->icmp_code == 4 : in->icmp_type == 2;
}

bool terminate_path_mtu(struct turn *t, uint32_t i, enum flow_dir dir, uint32_t seq, uint32_t mtu)
{
	unsigned end = dir == FROM_SERVER ? 0 : 1; /* which of ours has sent it */
	struct tcp_io side;
	struct work w;
	bool believed;

	if (!flow_is_terminated(flow_at(t->a, i)) || flow_is_over(flow_at(t->a, i)))
		return false;
	work_begin(t, i, &w);
	side = tcp_pipe_side(&w.pipe, &w.io, end);
	believed = tcp_path_mtu(w.pipe.end[end], &side, seq, mtu);
	work_end(t, &w);
	terminal_queue(t->a, i);
	return believed;
}

void terminate_icmp(struct turn *t, uint32_t i, enum flow_dir dir, const struct pkt *in)
{
	struct work w;

	turn_drop(t, GUARD_DROP_CONSUMED);
	if (flow_is_over(flow_at(t->a, i)))
		return;
	if (too_big(in)) {
		if (!terminate_path_mtu(t, i, dir, in->quote.seq, in->mtu))
			turn_drop(t, GUARD_DROP_OUT_OF_WINDOW);
		return;
	}
	work_begin(t, i, &w);
	if (refuses(in) && dir == FROM_CLIENT && w.pipe.end[1]->state == TCPS_SYN_SENT &&
	    in->quote.seq == w.pipe.end[1]->iss)
		tcp_pipe_abort(&w.pipe, &w.io, TCP_ERROR_REFUSED);
	work_end(t, &w);
	terminal_queue(t->a, i);
}
