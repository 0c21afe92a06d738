/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ACK means to the sender: what was received, which window is open, what was lost. And
 * whether it is true: the simulator can look at the peer, which no real host can.
 */
#include "sim.h"

#include "base/seq.h"

static const struct conn *real_peer(const struct conn *c)
{
	const struct conn *p = c->peer ? c->peer->conn : NULL;

	return p && p->state != C_SYN_SENT ? p : NULL;
}

/*
 * check_ack_true() - nobody but the peer itself may acknowledge data, and only what it has.
 * Both ends count from their own view of the initial sequence number: the guard may translate.
 */
static void check_ack_true(struct conn *c, uint32_t ack)
{
	const struct conn *p = real_peer(c);
	uint32_t have = p ? p->rcv_nxt - p->irs : 1;

	if (c->peer && !conn_guard_forgets(c) && !c->sim->plan.terminate &&
	    seq_gt(ack - c->iss, have))
		sim_violation(c->sim, "%s: port %u: ACK of %u, the peer has only %u", c->host->name,
			      conn_port(c), ack - c->iss, have);
}

static void check_sack(struct conn *c, uint32_t l, uint32_t r)
{
	const struct conn *p = real_peer(c);
	uint32_t shift = p ? p->irs - c->iss : 0;

	if (!seq_lt(l, r) || seq_leq(l, c->iss) || seq_gt(r, c->snd_max))
		sim_violation(c->sim, "%s: port %u: SACK %u-%u of what was never sent (%u)",
			      c->host->name, conn_port(c), l - c->iss, r - c->iss,
			      c->snd_max - c->iss);
	else if (p && !c->sim->plan.terminate && seq_gt(r + shift, p->rcv_nxt) &&
		 !ranges_has(&p->ooo, l + shift, r + shift))
		sim_violation(c->sim, "%s: port %u: SACK %u-%u, the peer does not have it",
			      c->host->name, conn_port(c), l - c->iss, r - c->iss);
}

static void take_sack(struct conn *c, const struct seg *g)
{
	if (g->n_sack && !c->sack) {
		sim_violation(c->sim, "%s: port %u: SACK was not agreed on", c->host->name,
			      g->dport);
		return;
	}
	for (uint32_t i = 0; i < g->n_sack; i++) {
		uint32_t l = g->sack[i].l, r = g->sack[i].r;

		check_sack(c, l, r);
		if (seq_gt(l, g->ack) && seq_lt(l, r) && seq_leq(r, c->snd_max))
			ranges_add(&c->sacked, l, r);
	}
	ranges_trim(&c->sacked, c->snd_una);
}

static void set_rto(struct conn *c)
{
	c->rto = c->srtt + (4 * c->rttvar > 200000 ? 4 * c->rttvar : 200000);
}

static void rtt_sample(struct conn *c, usec_t rtt)
{
	usec_t diff;

	if (!c->srtt) {
		c->srtt = rtt;
		c->rttvar = rtt / 2;
	} else {
		diff = c->srtt > rtt ? c->srtt - rtt : rtt - c->srtt;
		c->rttvar += diff / 4;
		c->rttvar -= c->rttvar / 4 < diff / 4 ? c->rttvar / 4 : diff / 4;
		c->srtt = (7 * c->srtt + rtt) / 8;
	}
	set_rto(c);
}

static void take_rtt(struct conn *c, const struct seg *g)
{
	if (c->rtt_at && seq_gt(g->ack, c->rtt_seq)) {
		rtt_sample(c, c->sim->now - c->rtt_at + 1);
		c->rtt_at = 0;
	}
}

/* hole_fill() - send the next piece that the peer seems to lack, once per recovery. */
static void hole_fill(struct conn *c)
{
	uint32_t limit = c->recover, seq;

	if (seq_lt(c->rexmit, c->snd_una))
		c->rexmit = c->snd_una;
	seq = ranges_skip(&c->sacked, c->rexmit);
	if (c->sack && c->sacked.n)
		limit = c->sacked.v[c->sacked.n - 1].l;
	if (seq_geq(seq, limit) && seq != c->snd_una)
		return;
	conn_retransmit(c, seq, ranges_next(&c->sacked, seq, c->snd_max));
}

static void duplicate_ack(struct conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	if (++c->dupacks < 3)
		return;
	if (!c->in_recovery) {
		c->in_recovery = true;
		c->recover = c->snd_max;
		c->ssthresh = flight / 2 > 2u * c->snd_mss ? flight / 2 : 2u * c->snd_mss;
		c->cwnd = c->ssthresh;
		c->rexmit = c->snd_una;
		c->rtt_at = 0;
		hole_fill(c);
	} else if (c->sack) {
		hole_fill(c);
	} else {
		c->cwnd += c->snd_mss;
	}
}

static void new_ack(struct conn *c, const struct seg *g)
{
	uint32_t n = g->ack - c->snd_una;

	take_rtt(c, g);
	c->snd_una = g->ack;
	if (seq_lt(c->snd_nxt, c->snd_una))
		c->snd_nxt = c->snd_una;
	ranges_trim(&c->sacked, c->snd_una);
	c->dupacks = 0;
	c->retries = 0;
	if (c->srtt)
		set_rto(c);
	c->app->progress = c->sim->now;
	if (c->in_recovery && seq_geq(g->ack, c->recover)) {
		c->in_recovery = false;
		c->cwnd = c->ssthresh;
	} else if (c->in_recovery) {
		c->rexmit = c->snd_una;
		hole_fill(c);
	} else if (c->cwnd < c->ssthresh) {
		c->cwnd += n < 2u * c->snd_mss ? n : 2u * c->snd_mss;
	} else {
		c->cwnd += (uint32_t)c->snd_mss * c->snd_mss / c->cwnd + 1;
	}
	if (c->cwnd > 4u << 20)
		c->cwnd = 4u << 20;
	if (c->snd_una == c->snd_max)
		conn_timer_stop(c);
	else
		conn_timer_set(c, c->rto);
}

static void fin_acked(struct conn *c)
{
	switch (c->state) {
	case C_FIN_WAIT_1:
		c->state = C_FIN_WAIT_2;
		break;
	case C_CLOSING:
		conn_time_wait(c);
		break;
	case C_LAST_ACK:
		conn_ended(c, "closed");
		app_gone(c->app, false);
		break;
	default:
		break;
	}
}

static bool our_fin_acked(const struct conn *c)
{
	/* the FIN is the last number ever used */
	return c->fin_queued && c->snd_una == c->iss + 1 + c->app->total + 1;
}

static bool ack_in_range(struct conn *c, const struct seg *g)
{
	if (seq_gt(g->ack, c->snd_max)) {
		if (!conn_may_meet_strays(c))
			sim_violation(c->sim, "%s: port %u: ACK %u of what was never sent (%u)",
				      c->host->name, conn_port(c), g->ack - c->iss,
				      c->snd_max - c->iss);
		conn_challenge(c, g);
		return false;
	}
	/* RFC 5961 5.2 */
	if (seq_lt(g->ack, c->snd_una - c->max_wnd)) {
		conn_challenge(c, g);
		return false;
	}
	return true;
}

/* ack_process() - RFC 9293 3.10.7.4, fifth. Return: false to drop the segment. */
bool ack_process(struct conn *c, const struct seg *g)
{
	bool same_window = ((uint32_t)g->win << c->snd_ws) == c->snd_wnd;

	if (!ack_in_range(c, g))
		return false;
	if (c->ts && g->has_ts && !conn_sent_tsval(c, g->tsecr) && !conn_may_meet_strays(c))
		sim_violation(c->sim, "%s: port %u: TSecr %u was never sent", c->host->name,
			      conn_port(c), g->tsecr);
	check_ack_true(c, g->ack);
	take_sack(c, g);
	/*
	 * RFC 9293 looks at SEG.SEQ first and would then let a newer ACK move the right edge of an old
	 * window; like others, believe the window of every segment that acknowledges something new.
	 */
	if (seq_gt(g->ack, c->snd_una) ||
	    (g->ack == c->snd_una &&
	     (seq_lt(c->snd_wl1, g->seq) || (c->snd_wl1 == g->seq && seq_leq(c->snd_wl2, g->ack)))))
		conn_set_window(c, g);
	if (g->flags & F_ECE && c->ecn && !c->cwr_owed) {
		c->cwnd = c->cwnd / 2 > 2u * c->snd_mss ? c->cwnd / 2 : 2u * c->snd_mss;
		c->cwr_owed = true;
	}
	if (seq_gt(g->ack, c->snd_una))
		new_ack(c, g);
	else if (g->ack == c->snd_una && c->snd_max != c->snd_una && !g->len && same_window &&
		 !(g->flags & F_FIN))
		duplicate_ack(c);
	if (our_fin_acked(c))
		fin_acked(c);
	return true;
}
