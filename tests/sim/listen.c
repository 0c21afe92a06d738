/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listener: a bounded SYN queue, so that a flood hurts, and SYN-ACKs that are retransmitted. */
#include "sim.h"

#define SYNACK_RETRIES 5

static struct half *half_find(struct host *h, const struct tuple *t)
{
	for (uint32_t i = 0; i < h->backlog; i++) {
		struct half *e = &h->half[i];

		if (e->used && e->t.rport == t->rport && ip_addr_eq(&e->t.raddr, &t->raddr))
			return e;
	}
	return NULL;
}

static void half_free(struct host *h, struct half *e)
{
	e->used = false;
	h->n_half--;
}

static void half_synack(struct host *h, struct half *e)
{
	struct seg g = {
		.src = e->t.laddr,
		.dst = e->t.raddr,
		.sport = e->t.lport,
		.dport = e->t.rport,
		.seq = e->iss,
		.ack = e->irs + 1,
		.flags = F_SYN | F_ACK | (e->ecn ? F_ECE : 0),
		.win = (uint16_t)(e->o.rcvbuf > 65535 ? 65535 : e->o.rcvbuf),
		.has_mss = true,
		.mss = e->o.mss,
		.has_ws = e->has_ws,
		.ws = (uint8_t)e->o.wscale,
		.sack_ok = e->sack,
		.has_ts = e->ts,
		.tsval = host_ts_clock(h->sim) + e->ts_offset,
		.tsecr = e->tsval_in,
	};

	e->tsvals[e->n_tsvals++ % ARRAY_SIZE(e->tsvals)] = g.tsval;
	host_transmit(h, &g, 0);
}

static void half_timer(struct sim *s, void *obj, uint64_t tag)
{
	struct half *e = obj;
	struct host *h = &s->server;

	if (!e->used || e->tag != tag)
		return;
	if (e->retries++ == SYNACK_RETRIES) {
		half_free(h, e);
		return;
	}
	half_synack(h, e);
	sim_at(s, s->now + (USEC_PER_SEC << e->retries), half_timer, e, tag);
}

static struct half *half_new(struct host *h)
{
	for (uint32_t i = 0; i < h->backlog; i++)
		if (!h->half[i].used) {
			h->n_half++;
			return &h->half[i];
		}
	h->syn_dropped++;
	return NULL;
}

static void listen_syn(struct host *h, const struct tuple *t, const struct seg *g)
{
	struct half *e = half_new(h);

	if (!e)
		return;
	*e = (struct half){.used = true, .t = *t, .irs = g->seq, .o = h->opts, .mss = 536};
	e->iss = host_iss(h, t);
	e->ts_offset = host_ts_offset(h, t, &e->o);
	e->has_ws = g->has_ws && e->o.wscale >= 0;
	e->ws = g->ws;
	e->sack = g->sack_ok && e->o.sack;
	e->ts = g->has_ts && e->o.ts;
	e->tsval_in = g->tsval;
	e->ecn = e->o.ecn && (g->flags & (F_ECE | F_CWR)) == (F_ECE | F_CWR);
	if (g->has_mss)
		e->mss = g->mss;
	e->tag = ++h->tags;
	half_synack(h, e);
	sim_at(h->sim, h->sim->now + USEC_PER_SEC, half_timer, e, e->tag);
}

static void answer_rst(struct host *h, const struct seg *g)
{
	struct seg r = {.src = g->dst,
			.dst = g->src,
			.sport = g->dport,
			.dport = g->sport,
			.seq = g->ack,
			.flags = F_RST};

	host_transmit(h, &r, 0);
}

/* half_challenge() - RFC 9293 3.10.7.4: an unacceptable segment is answered with an ACK. */
static void half_challenge(struct host *h, const struct half *e)
{
	struct seg g = {.src = e->t.laddr,
			.dst = e->t.raddr,
			.sport = e->t.lport,
			.dport = e->t.rport,
			.seq = e->iss + 1,
			.ack = e->irs + 1,
			.flags = F_ACK,
			.has_ts = e->ts,
			.tsval = host_ts_clock(h->sim) + e->ts_offset,
			.tsecr = e->tsval_in};

	host_transmit(h, &g, 0);
}

/* take_tsvals() - what the peer may echo: ascending, as sent. */
static void take_tsvals(struct conn *c, const struct half *e)
{
	uint32_t n = ARRAY_SIZE(e->tsvals), i = e->n_tsvals > n ? e->n_tsvals - n : 0;

	for (; i < e->n_tsvals; i++)
		conn_note_tsval(c, e->tsvals[i % n]);
}

/* half_accept() - the handshake is complete: a connection is born. */
static void half_accept(struct host *h, struct half *e, const struct seg *g)
{
	struct conn *c = host_conn_new(h, &e->t);
	struct side *a = session_accept(h->sim, &e->t, e->irs);

	c->o = e->o;
	c->app = a;
	c->ses = a->ses;
	c->peer = a->ses->ghost ? NULL : &a->ses->client;
	a->conn = c;
	c->state = C_ESTABLISHED;
	c->iss = e->iss;
	c->irs = e->irs;
	c->snd_una = c->snd_nxt = c->snd_max = c->edge = e->iss + 1;
	c->rcv_nxt = c->last_ack_sent = e->irs + 1;
	c->rcv_adv = c->rcv_nxt + (e->o.rcvbuf > 65535 ? 65535 : e->o.rcvbuf);
	c->sack = e->sack;
	c->ts = e->ts;
	c->ecn = e->ecn;
	c->snd_mss = e->mss;
	c->snd_ws = e->has_ws ? e->ws : 0;
	c->rcv_ws = e->has_ws ? (uint8_t)e->o.wscale : 0;
	c->ts_offset = e->ts_offset;
	c->ts_recent = e->tsval_in;
	c->cwnd = 10u * c->snd_mss;
	c->ssthresh = UINT32_MAX;
	take_tsvals(c, e);
	half_free(h, e);
	h->sim->server_known = true;
	conn_set_window(c, g);
	c->max_wnd = c->snd_wnd;
	app_established(a);
	conn_input(c, g);
}

void listen_input(struct host *h, const struct tuple *t, const struct seg *g)
{
	struct half *e = half_find(h, t);

	if (g->flags & F_RST) {
		if (e && g->seq == e->irs + 1)
			half_free(h, e);
		return;
	}
	if (g->flags & F_SYN) {
		if (g->flags & F_ACK)
			answer_rst(h, g);
		else if (!e)
			listen_syn(h, t, g);
		else if (g->seq == e->irs)
			half_synack(h, e);
		else
			half_challenge(h, e);
		return;
	}
	if (!(g->flags & F_ACK))
		return;
	if (!e || g->ack != e->iss + 1) {
		answer_rst(h, g);
		return;
	}
	/* RFC 9293 3.10.7.4: the segment must lie in the window */
	if (g->seq - (e->irs + 1) > e->o.rcvbuf)
		half_synack(h, e);
	else
		half_accept(h, e, g);
}
