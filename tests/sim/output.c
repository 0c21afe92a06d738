/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection sends, and the timers that make it send again. */
#include "sim.h"

#include "base/seq.h"

#define RTO_MAX		(16 * USEC_PER_SEC)
#define RETRIES_MAX	12
#define SYN_RETRIES_MAX 6
#define DELACK_US	40000

void conn_note_tsval(struct conn *c, uint32_t v)
{
	if (c->n_tsvals && c->tsvals[c->n_tsvals - 1] == v)
		return;
	if (c->n_tsvals == c->cap_tsvals) {
		c->cap_tsvals = c->cap_tsvals ? 2 * c->cap_tsvals : 16;
		c->tsvals = realloc(c->tsvals, c->cap_tsvals * sizeof(*c->tsvals));
		if (!c->tsvals)
			abort();
	}
	c->tsvals[c->n_tsvals++] = v;
}

bool conn_sent_tsval(const struct conn *c, uint32_t v)
{
	for (uint32_t i = c->n_tsvals; i > 0; i--)
		if (c->tsvals[i - 1] == v)
			return true;
	return false;
}

/* window_field() - the right edge never moves left: what was granted stays granted. */
static uint16_t window_field(struct conn *c)
{
	uint32_t room = c->o.rcvbuf > c->unread ? c->o.rcvbuf - c->unread : 0, field;
	uint32_t threshold = c->o.mss < c->o.rcvbuf / 2 ? c->o.mss : c->o.rcvbuf / 2;
	uint32_t right = c->rcv_nxt + room;

	/* RFC 9293 3.8.6.2.2: no silly small steps */
	if (seq_lt(right, c->rcv_adv + threshold) || seq_lt(right, c->rcv_adv))
		right = c->rcv_adv;
	field = (right - c->rcv_nxt + (1u << c->rcv_ws) - 1) >> c->rcv_ws;
	if (field > 65535)
		field = 65535;
	if (seq_gt(c->rcv_nxt + (field << c->rcv_ws), c->rcv_adv))
		c->rcv_adv = c->rcv_nxt + (field << c->rcv_ws);
	return (uint16_t)field;
}

static void add_sack(struct conn *c, struct seg *g)
{
	uint32_t max = c->ts ? 3 : 4;

	if (!c->sack)
		return;
	if (c->dsack_l != c->dsack_r) {
		g->sack[0].l = c->dsack_l;
		g->sack[0].r = c->dsack_r;
		g->n_sack = 1;
		c->dsack_l = c->dsack_r = 0;
	}
	/* RFC 2018 4: the block that the last segment belongs to comes first */
	for (uint32_t pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < c->ooo.n && g->n_sack < max; i++) {
			bool recent = seq_leq(c->ooo.v[i].l, c->recent_l) &&
				      seq_leq(c->recent_r, c->ooo.v[i].r);

			if (recent != (pass == 0))
				continue;
			g->sack[g->n_sack].l = c->ooo.v[i].l;
			g->sack[g->n_sack++].r = c->ooo.v[i].r;
		}
}

static struct seg segment(struct conn *c, uint32_t seq, uint8_t flags)
{
	struct seg g = {.src = c->t.laddr,
			.dst = c->t.raddr,
			.sport = c->t.lport,
			.dport = c->t.rport,
			.seq = seq,
			.flags = flags};

	if (flags & F_RST)
		return g;
	g.ack = c->rcv_nxt;
	g.win = window_field(c);
	if (c->ts) {
		g.has_ts = true;
		g.tsval = host_ts_clock(c->sim) + c->ts_offset;
		g.tsecr = c->ts_recent;
		conn_note_tsval(c, g.tsval);
	}
	if (c->ece_owed)
		g.flags |= F_ECE;
	add_sack(c, &g);
	c->last_ack_sent = c->rcv_nxt;
	c->ack_owed = 0;
	c->delack_tag = 0;
	return g;
}

void conn_send_ack(struct conn *c)
{
	/* behind everything sent, so that it is never old, but not behind the window */
	struct seg g = segment(c, seq_gt(c->snd_max, c->edge) ? c->edge : c->snd_max, F_ACK);

	host_transmit(c->host, &g, 0);
}

void conn_send_rst(struct conn *c)
{
	struct seg g = segment(c, c->snd_nxt, F_RST | F_ACK);

	g.ack = c->rcv_nxt;
	host_transmit(c->host, &g, 0);
}

void conn_send_syn(struct conn *c)
{
	struct seg g = {.src = c->t.laddr,
			.dst = c->t.raddr,
			.sport = c->t.lport,
			.dport = c->t.rport,
			.seq = c->iss,
			.flags = F_SYN,
			.win = (uint16_t)(c->o.rcvbuf > 65535 ? 65535 : c->o.rcvbuf),
			.has_mss = true,
			.mss = c->o.mss,
			.has_ws = c->o.wscale >= 0,
			.ws = (uint8_t)c->o.wscale,
			.sack_ok = c->o.sack,
			.has_ts = c->o.ts,
			.tsval = host_ts_clock(c->sim) + c->ts_offset};

	if (c->o.ecn)
		g.flags |= F_ECE | F_CWR;
	conn_note_tsval(c, g.tsval);
	c->snd_max = c->snd_nxt = c->iss + 1;
	c->ses->syns++;
	host_transmit(c->host, &g, 0);
}

static uint32_t data_end(const struct conn *c)
{
	return c->iss + 1 + c->app->written;
}

/* send_piece() - data from @seq, at most @n bytes, with the FIN if it comes right behind. */
static uint32_t send_piece(struct conn *c, uint32_t seq, uint32_t n)
{
	static uint8_t payload[65536];
	struct seg g = segment(c, seq, F_ACK);
	uint32_t room = c->snd_mss - seg_option_bytes(&g);
	uint32_t most = c->o.tso ? (65000 - 100) / room * room : room;

	if (n > most)
		n = most;
	if (n > room)
		n -= n % room; /* only whole segments travel together */
	stream_fill(c->app->stream, seq - c->iss - 1, payload, n);
	g.data = payload;
	g.len = n;
	if (seq + n == data_end(c)) {
		g.flags |= F_PSH;
		if (c->fin_queued && (c->probing || seq_lt(seq + n, c->edge)))
			g.flags |= F_FIN;
	}
	if (c->ecn && n) {
		g.tos |= 2;
		if (c->cwr_owed)
			g.flags |= F_CWR;
		c->cwr_owed = false;
	}
	host_transmit(c->host, &g, room);
	seq += n + !!(g.flags & F_FIN);
	if (seq_gt(seq, c->snd_max)) {
		if (!c->rtt_at) {
			c->rtt_at = c->sim->now;
			c->rtt_seq = seq - 1;
		}
		c->snd_max = seq;
	}
	return seq;
}

void conn_retransmit(struct conn *c, uint32_t seq, uint32_t limit)
{
	uint32_t n;

	c->rtt_at = 0;
	if (seq_gt(limit, data_end(c)))
		limit = data_end(c);
	n = seq_lt(seq, limit) ? limit - seq : 0;
	c->rexmit = send_piece(c, seq, n > c->snd_mss ? c->snd_mss : n);
}

static void close_if_ready(struct conn *c)
{
	if (!c->app->shut || c->fin_queued)
		return;
	c->fin_queued = true;
	if (c->state == C_ESTABLISHED)
		c->state = C_FIN_WAIT_1;
	else if (c->state == C_CLOSE_WAIT)
		c->state = C_LAST_ACK;
}

/* may_send() - bytes of data that may go out from snd_nxt now. */
static uint32_t may_send(const struct conn *c)
{
	uint32_t wnd = c->snd_wnd < c->cwnd ? c->snd_wnd : c->cwnd;
	uint32_t limit = c->snd_una + wnd, end = data_end(c);

	if (seq_lt(end, limit))
		limit = end;
	return seq_gt(limit, c->snd_nxt) ? limit - c->snd_nxt : 0;
}

static void arm(struct conn *c)
{
	if (c->timer_tag || c->state == C_TIME_WAIT)
		return;
	if (c->snd_una != c->snd_max || seq_lt(c->snd_nxt, data_end(c) + c->fin_queued))
		conn_timer_set(c, c->rto);
}

void conn_output(struct conn *c)
{
	uint32_t n, end;

	if (c->state == C_SYN_SENT || c->state == C_CLOSED || c->state == C_TIME_WAIT)
		return;
	close_if_ready(c);
	end = data_end(c);
	for (;;) {
		c->snd_nxt = ranges_skip(&c->sacked, c->snd_nxt);
		n = may_send(c);
		if (!n)
			break;
		if (n < c->snd_mss && c->snd_nxt + n != end && c->snd_una != c->snd_nxt)
			break; /* no silly small segments while something is on its way */
		if (seq_lt(c->snd_nxt, c->snd_max))
			n = ranges_next(&c->sacked, c->snd_nxt, c->snd_nxt + n) - c->snd_nxt;
		c->snd_nxt = send_piece(c, c->snd_nxt, n);
	}
	if (c->fin_queued && c->snd_nxt == end && seq_lt(end, c->edge))
		c->snd_nxt = send_piece(c, end, 0);
	arm(c);
}

static void syn_timeout(struct conn *c)
{
	if (c->retries++ == SYN_RETRIES_MAX) {
		conn_ended(c, "no answer to the SYN");
		c->app->timed_out = true;
		app_gone(c->app, false);
		return;
	}
	c->host->syn_rexmits++;
	c->rtt_at = 0;
	c->rto *= 2;
	conn_send_syn(c);
	conn_timer_set(c, c->rto);
}

/* timer_is_odd() - nothing but the guard can be the reason why this connection had to wait. */
static bool timer_is_odd(const struct conn *c)
{
	const struct plan *p = &c->sim->plan;

	/* the guard may mistake a connection that is older than its mode for one that it expects */
	return c->peer && p->clean && !(p->terminate && p->switch_modes) && !p->ill_to &&
	       !p->options_change && !p->kills && !p->flood.rate && !p->quick_ports &&
	       !c->peer->done && !c->peer->stalled && !c->peer->stall_done;
}

/* probe() - RFC 9293 3.8.6.1: a byte beyond the closed window, in case its opening was lost. */
static void probe(struct conn *c)
{
	c->host->persist_fired++;
	sim_note(c->sim, "%s: persist timer", c->host->name);
	if (timer_is_odd(c))
		sim_violation(c->sim, "%s: port %u: persist timer on a clean path", c->host->name,
			      conn_port(c));
	c->probing = true;
	send_piece(c, c->snd_una, c->snd_una == data_end(c) ? 0 : 1);
	c->probing = false;
	c->snd_nxt = c->snd_una;
}

static void retransmission_timeout(struct conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	c->host->rto_fired++;
	sim_note(c->sim, "%s: retransmission timer", c->host->name);
	if (timer_is_odd(c))
		sim_violation(c->sim, "%s: port %u: retransmission timer on a clean path",
			      c->host->name, conn_port(c));
	c->ssthresh = flight / 2 > 2u * c->snd_mss ? flight / 2 : 2u * c->snd_mss;
	c->cwnd = c->snd_mss;
	c->in_recovery = false;
	c->dupacks = 0;
	c->rtt_at = 0;
	c->snd_nxt = c->snd_una;
	c->sacked.n = 0;
}

static void conn_timer(struct sim *s, void *obj, uint64_t tag)
{
	struct conn *c = obj;

	if (c->timer_tag != tag)
		return;
	c->timer_tag = 0;
	if (c->state == C_TIME_WAIT) {
		conn_ended(c, "TIME-WAIT is over");
		return;
	}
	if (c->state == C_SYN_SENT) {
		syn_timeout(c);
		return;
	}
	if (c->retries++ == RETRIES_MAX) {
		conn_ended(c, "too many retransmissions");
		c->app->timed_out = true;
		app_gone(c->app, false);
		return;
	}
	c->rto = c->rto * 2 < RTO_MAX ? c->rto * 2 : RTO_MAX;
	if (c->snd_una != c->snd_max && c->snd_wnd)
		retransmission_timeout(c);
	if (may_send(c) ||
	    (c->fin_queued && c->snd_nxt == data_end(c) && seq_lt(data_end(c), c->edge)))
		conn_output(c);
	else if (seq_lt(c->snd_una, data_end(c) + c->fin_queued))
		probe(c);
	arm(c);
}

void conn_timer_set(struct conn *c, usec_t delay)
{
	c->timer_tag = ++c->host->tags;
	sim_at(c->sim, c->sim->now + delay, conn_timer, c, c->timer_tag);
}

void conn_timer_stop(struct conn *c)
{
	c->timer_tag = 0;
}

static void delack_timer(struct sim *s, void *obj, uint64_t tag)
{
	struct conn *c = obj;

	if (c->delack_tag == tag && c->state != C_CLOSED)
		conn_send_ack(c);
}

void conn_delack(struct conn *c)
{
	if (c->delack_tag)
		return;
	c->delack_tag = ++c->host->tags;
	sim_at(c->sim, c->sim->now + DELACK_US, delack_timer, c, c->delack_tag);
}
