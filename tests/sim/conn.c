/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 9293 3.10.7: what a connection does with a segment that arrives. */
#include "sim.h"

#include "base/seq.h"

#define TIME_WAIT_US (4 * USEC_PER_SEC)

/* offset_in() - a sequence number of the peer as an offset into its stream. */
static uint32_t offset_in(const struct conn *c, uint32_t seq)
{
	return seq - c->irs - 1;
}

/*
 * conn_guard_forgets() - the guard's table is so small that flows must be forgotten while segments
 * of theirs are still on the way; one of these may bring an old cookie back.
 */
bool conn_guard_forgets(const struct conn *c)
{
	return c->sim->plan.limits.max_flows < c->sim->plan.n_sessions;
}

/*
 * conn_may_meet_strays() - a port that is used again before the network has forgotten its last use
 * may get segments that were never meant for it; nothing can be concluded from them. Nor can
 * anything be when the operator has killed a flow whose RST was lost, and the guard has forgotten it,
 * or when its table is too small.
 */
bool conn_may_meet_strays(const struct conn *c)
{
	const struct plan *p = &c->sim->plan;

	return (p->quick_ports && !p->clean) || p->kills || conn_guard_forgets(c);
}

/*
 * conn_may_be_misled() - the guard had to promise options without knowing the server, or knowing
 * what it was like before; some of that cannot be made up for.
 */
bool conn_may_be_misled(const struct conn *c)
{
	return c->sim->plan.options_change || c->sim->plan.switch_modes || c->ses->blind;
}

/* conn_port() - the client's port: it names the connection at both ends. */
uint16_t conn_port(const struct conn *c)
{
	return c->host->is_server ? c->t.rport : c->t.lport;
}

void conn_ended(struct conn *c, const char *why)
{
	sim_note(c->sim, "%s: port %u ends: %s", c->host->name, conn_port(c), why);
	c->state = C_CLOSED;
	conn_timer_stop(c);
	c->delack_tag = 0;
}

void conn_time_wait(struct conn *c)
{
	c->state = C_TIME_WAIT;
	conn_timer_set(c, TIME_WAIT_US);
	app_gone(c->app, false);
}

void conn_connect(struct conn *c)
{
	c->iss = host_iss(c->host, &c->t);
	c->ts_offset = host_ts_offset(c->host, &c->t, &c->o);
	c->snd_una = c->snd_nxt = c->snd_max = c->edge = c->iss;
	c->snd_mss = 536;
	c->ssthresh = UINT32_MAX;
	c->state = C_SYN_SENT;
	conn_send_syn(c);
	c->rtt_seq = c->iss;
	c->rtt_at = c->sim->now;
	conn_timer_set(c, c->rto);
}

/*
 * conn_set_window() - RFC 9293 3.10.7.4, fifth: take the window, and verify that it is one the
 * real peer has granted.
 */
void conn_set_window(struct conn *c, const struct seg *g)
{
	uint32_t wnd = (uint32_t)g->win << (g->flags & F_SYN ? 0 : c->snd_ws);
	uint32_t right = g->ack + wnd;
	const struct conn *p = c->peer ? c->peer->conn : NULL;

	if (g->flags & F_SYN) {
		c->promised = right;
	} else if (p && p->state != C_SYN_SENT && !c->sim->plan.terminate &&
		   !conn_guard_forgets(c) && seq_gt(right, c->promised) &&
		   seq_gt(right - c->iss, p->rcv_adv - p->irs)) {
		sim_violation(c->sim, "%s: port %u: granted up to %u, the peer granted only %u",
			      c->host->name, conn_port(c), right - c->iss, p->rcv_adv - p->irs);
	}
	if (c->sim->plan.terminate && c->sim->plan.clean && c->state != C_SYN_SENT &&
	    seq_lt(right, c->edge))
		sim_violation(c->sim, "%s: port %u: the window was taken back by %u", c->host->name,
			      conn_port(c), c->edge - right);
	if (seq_gt(right, c->edge))
		c->edge = right;
	c->snd_wnd = wnd;
	c->snd_wl1 = g->seq;
	c->snd_wl2 = g->ack;
	if (wnd > c->max_wnd)
		c->max_wnd = wnd;
}

static void take_syn_options(struct conn *c, const struct seg *g)
{
	const struct host_opts *o = &c->o;

	c->sack = o->sack && g->sack_ok;
	c->ts = o->ts && g->has_ts;
	c->ecn = o->ecn && (g->flags & (F_ECE | F_CWR)) == F_ECE;
	if (o->wscale >= 0 && g->has_ws) {
		c->snd_ws = g->ws;
		c->rcv_ws = (uint8_t)o->wscale;
	}
	if (g->has_mss && g->mss)
		c->snd_mss = g->mss;
	c->ts_recent = g->tsval;
	if ((g->sack_ok && !o->sack) || (g->has_ts && !o->ts) || (g->has_ws && o->wscale < 0) ||
	    ((g->flags & F_ECE) && !o->ecn))
		sim_violation(c->sim,
			      "client: port %u: SYN-ACK with options that the SYN did not offer",
			      conn_port(c));
}

static void syn_sent_input(struct conn *c, const struct seg *g)
{
	if (g->flags & F_ACK && g->ack != c->iss + 1) {
		if (c->sim->plan.clean && !c->sim->plan.quick_ports && !(g->flags & F_RST))
			sim_violation(c->sim, "client: port %u: wrong ACK of a SYN", conn_port(c));
		if (!(g->flags & F_RST)) {
			struct seg r = {.src = g->dst,
					.dst = g->src,
					.sport = g->dport,
					.dport = g->sport,
					.seq = g->ack,
					.flags = F_RST};

			host_transmit(c->host, &r, 0);
		}
		return;
	}
	if (g->flags & F_RST) {
		if (g->flags & F_ACK) {
			conn_ended(c, "refused");
			app_gone(c->app, true);
		}
		return;
	}
	if ((g->flags & (F_SYN | F_ACK)) != (F_SYN | F_ACK))
		return;
	take_syn_options(c, g);
	if (c->ts && !conn_sent_tsval(c, g->tsecr))
		sim_violation(c->sim, "client: port %u: TSecr %u was never sent", conn_port(c),
			      g->tsecr);
	c->irs = g->seq;
	c->rcv_nxt = c->rcv_adv = g->seq + 1;
	c->rcv_adv += c->o.rcvbuf > 65535 ? 65535 : c->o.rcvbuf;
	c->snd_una = c->snd_nxt = c->snd_max = g->ack;
	c->state = C_ESTABLISHED;
	c->cwnd = 10u * c->snd_mss;
	c->retries = 0;
	c->rto = USEC_PER_SEC;
	c->rtt_at = 0;
	conn_timer_stop(c);
	conn_set_window(c, g);
	app_established(c->app);
	if (c->state != C_CLOSED && c->last_ack_sent != c->rcv_nxt)
		conn_send_ack(c);
}

/* acceptable() - RFC 9293 3.10.7.4, first. */
static bool acceptable(const struct conn *c, const struct seg *g)
{
	uint32_t len = g->len + !!(g->flags & F_FIN) + !!(g->flags & F_SYN);

	if (len == 0)
		return seq_geq(g->seq, c->rcv_nxt) && seq_leq(g->seq, c->rcv_adv);
	return seq_lt(g->seq, c->rcv_adv) && seq_gt(g->seq + len, c->rcv_nxt);
}

/* paws_ok() - RFC 7323 5.3. */
static bool paws_ok(struct conn *c, const struct seg *g)
{
	if (!c->ts || g->flags & F_RST)
		return true;
	if (!g->has_ts) {
		if (!conn_may_be_misled(c) && !conn_may_meet_strays(c) && acceptable(c, g))
			sim_violation(c->sim, "%s: port %u: timestamps agreed on but missing",
				      c->host->name, conn_port(c));
		return true;
	}
	if (seq_geq(g->tsval, c->ts_recent)) {
		if (seq_leq(g->seq, c->last_ack_sent) && acceptable(c, g))
			c->ts_recent = g->tsval;
		return true;
	}
	c->host->paws_drops++;
	/* a segment of the port's last use may be on its way; each cookie has a clock of its own */
	if (c->sim->plan.clean && !c->sim->plan.quick_ports && !conn_may_meet_strays(c))
		sim_violation(c->sim, "%s: port %u: TSval %u went back from %u on a clean path",
			      c->host->name, conn_port(c), g->tsval, c->ts_recent);
	return false;
}

static void reset_input(struct conn *c, const struct seg *g)
{
	/* RFC 5961 3: only the exact number resets; RFC 1337: never in TIME-WAIT */
	if (c->state == C_TIME_WAIT)
		return;
	if (g->seq != c->rcv_nxt) {
		if (c->sim->plan.clean && !c->ooo.n && !c->sim->plan.quick_ports &&
		    !c->sim->plan.kills)
			sim_violation(c->sim, "%s: port %u: RST at %d from what is expected",
				      c->host->name, conn_port(c), (int)(g->seq - c->rcv_nxt));
		if (seq_gt(g->seq, c->rcv_nxt) && seq_leq(g->seq, c->rcv_adv))
			conn_send_ack(c);
		return;
	}
	conn_ended(c, "reset by peer");
	app_gone(c->app, true);
}

/* advance() - in-order data up to @seq is there. */
static void advance(struct conn *c, uint32_t seq)
{
	uint32_t n;

	seq = ranges_skip(&c->ooo, seq);
	n = seq - c->rcv_nxt;
	c->rcv_nxt = seq;
	if (seq_gt(c->rcv_nxt, c->rcv_adv))
		c->rcv_adv = c->rcv_nxt; /* a window probe was taken */
	ranges_trim(&c->ooo, seq);
	c->unread += n;
	app_received(c->app, n);
}

static void check_content(struct conn *c, uint32_t seq, const uint8_t *data, uint32_t n)
{
	if (c->peer && !conn_guard_forgets(c) &&
	    !stream_check(c->peer->stream, offset_in(c, seq), data, n))
		sim_violation(c->sim, "%s: port %u: wrong bytes at offset %u", c->host->name,
			      conn_port(c), offset_in(c, seq));
}

/* data_input() - Return: whether an ACK must go out at once. */
static bool data_input(struct conn *c, const struct seg *g)
{
	uint32_t l = g->seq, r = g->seq + g->len;
	const uint8_t *data = g->data;
	bool had_gap = c->ooo.n > 0, dup;

	if (seq_gt(r, c->rcv_adv)) {
		if (g->len > 1)
			sim_violation(c->sim, "%s: port %u: %u bytes beyond the window",
				      c->host->name, conn_port(c), r - c->rcv_adv);
		r = c->rcv_adv;
	}
	dup = seq_lt(l, c->rcv_nxt) || ranges_has(&c->ooo, l, r);
	if (dup && c->o.dsack && c->sack) {
		c->dsack_l = l;
		c->dsack_r = seq_lt(l, c->rcv_nxt) && seq_gt(r, c->rcv_nxt) ? c->rcv_nxt : r;
	}
	if (seq_lt(l, c->rcv_nxt)) {
		data += c->rcv_nxt - l;
		l = c->rcv_nxt;
	}
	if (seq_leq(r, l))
		return true;
	check_content(c, l, data, r - l);
	if (l != c->rcv_nxt) {
		if (ranges_add(&c->ooo, l, r)) {
			c->recent_l = l;
			c->recent_r = r;
		}
		return true;
	}
	advance(c, r);
	c->ack_owed += g->len;
	return had_gap || dup || !c->o.delack || c->ack_owed >= 2u * c->o.mss || g->flags & F_PSH;
}

static void fin_input(struct conn *c)
{
	c->rcv_nxt++;
	if (seq_gt(c->rcv_nxt, c->rcv_adv))
		c->rcv_adv = c->rcv_nxt;
	c->fin_seen = true;
	switch (c->state) {
	case C_ESTABLISHED:
		c->state = C_CLOSE_WAIT;
		break;
	case C_FIN_WAIT_1:
		c->state = C_CLOSING;
		break;
	case C_FIN_WAIT_2:
		conn_time_wait(c);
		break;
	default:
		break;
	}
	app_fin(c->app);
}

static void check_mss(struct conn *c, const struct seg *g)
{
	if (g->len && g->len + g->hdr_len - 20 > c->o.mss && !conn_may_be_misled(c))
		sim_violation(c->sim, "%s: port %u: segment of %u bytes, MSS is %u", c->host->name,
			      conn_port(c), g->len + g->hdr_len - 20, c->o.mss);
}

/* text_input() - RFC 9293 3.10.7.4, seventh and eighth. */
static void text_input(struct conn *c, const struct seg *g)
{
	bool now = false;

	check_mss(c, g);
	if (c->fin_seen) {
		if (g->len || g->flags & F_FIN)
			conn_send_ack(c);
		if (c->state == C_TIME_WAIT)
			conn_timer_set(c, TIME_WAIT_US);
		return;
	}
	if (g->flags & F_FIN && !c->fin_known && seq_leq(g->seq + g->len, c->rcv_adv)) {
		c->fin_known = true;
		c->fin_seq = g->seq + g->len;
	}
	if (g->len)
		now = data_input(c, g);
	if (c->fin_known && c->fin_seq == c->rcv_nxt) {
		fin_input(c);
		now = true;
	} else if (g->flags & F_FIN) {
		now = true;
	}
	if (c->state == C_CLOSED)
		return;
	if (now)
		conn_send_ack(c);
	else if (g->len)
		conn_delack(c);
}

/*
 * conn_challenge() - answer what cannot be right with an ACK (RFC 9293 3.10.7.4), but an ACK without
 * data only twice a second: two ends that disagree would otherwise answer each other for ever.
 */
void conn_challenge(struct conn *c, const struct seg *g)
{
	bool bare = !g->len && !(g->flags & (F_FIN | F_SYN | F_RST));

	if (bare && c->challenged && c->sim->now - c->challenged < USEC_PER_SEC / 2)
		return;
	if (bare)
		c->challenged = c->sim->now;
	conn_send_ack(c);
}

void conn_input(struct conn *c, const struct seg *g)
{
	if (c->state == C_SYN_SENT) {
		syn_sent_input(c, g);
		return;
	}
	if (!paws_ok(c, g) || !acceptable(c, g)) {
		if (!(g->flags & F_RST))
			conn_challenge(c, g);
		/* an old segment may still bring a new ACK, but we are strict: it does not */
		return;
	}
	if (g->flags & F_RST) {
		reset_input(c, g);
		return;
	}
	if (g->flags & F_SYN) {
		conn_send_ack(c);
		return;
	}
	if (!(g->flags & F_ACK) || !ack_process(c, g) || c->state == C_CLOSED)
		return;
	if (g->tos % 4 == 3 && c->ecn)
		c->ece_owed = true;
	if (g->flags & F_CWR)
		c->ece_owed = false;
	if (c->state != C_TIME_WAIT || g->len || g->flags & F_FIN)
		text_input(c, g);
	if (c->state != C_CLOSED)
		conn_output(c);
}
