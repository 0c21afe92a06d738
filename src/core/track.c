/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Following a connection by what passes: a segment is "received" by the half that faces its sender and
 * "sent" by the other half. Only what lies in the window changes anything (RFC 5961).
 */
#include "core/internal.h"

/* A passed flow's window scale is not known: the largest there is, RFC 7323 2.3. */
#define WINDOW_UNKNOWN	  (1u << 30)
#define TELL_WINDOW_TRIES 3
#define TABLE_FULL_AGAIN  (10 * USEC_PER_SEC)
#define TELL_WINDOW_AGAIN (200 * USEC_PER_MSEC)

static uint16_t fin_flag(enum flow_dir dir)
{
	return dir == FROM_CLIENT ? FLOW_CLIENT_FIN : FLOW_SERVER_FIN;
}

static void half_event(struct flow *f, enum flow_dir half, enum tcp_event event)
{
	uint8_t *state = half == FROM_CLIENT ? &f->client_state : &f->server_state;

	*state = (uint8_t)tcp_state_next(*state, event);
}

static uint32_t idle_limit(const struct turn *t, const struct flow *f)
{
	const struct guard_timeouts *timeouts = &t->config->timeouts;
	uint16_t fins = f->flags & (FLOW_CLIENT_FIN | FLOW_SERVER_FIN);

	if (f->flags & FLOW_RESET) {
		/* not shorter than its cookie lives: a straggler could redeem it a second time */
		usec_t life = f->flags & FLOW_TRANSLATED ? 2 * t->config->cookie_rotate : 0;

		return ticks_in(life > timeouts->reset ? life : timeouts->reset);
	}
	if (flow_is_over(f))
		return ticks_in(2 * t->config->msl);
	if (fins == (FLOW_CLIENT_FIN | FLOW_SERVER_FIN))
		return ticks_in(timeouts->closing);
	return ticks_in(fins ? timeouts->half_closed : timeouts->established);
}

/*
 * track_idle_due() - DEVIATION: RFC 9293 lets a connection be silent for ever, but not everybody says
 * good-bye, and there is room for so many.
 */
uint32_t track_idle_due(const struct turn *t, const struct flow *f)
{
	const struct guard_timeouts *timeouts = &t->config->timeouts;
	usec_t limit = timeouts->established;

	if (f->client_state > TCPS_ESTABLISHED || f->server_state > TCPS_ESTABLISHED)
		limit = timeouts->half_closed;
	if (f->client_state == TCPS_CLOSED || f->server_state == TCPS_CLOSED ||
	    f->client_state == TCPS_TIME_WAIT || f->server_state == TCPS_TIME_WAIT)
		limit = timeouts->closing;
	return f->active + ticks_in(limit);
}

static void arm_at(struct turn *t, uint32_t i, uint32_t due)
{
	wheel_remove(&t->a->wheel, flow_timers(t->a), i);
	wheel_add(&t->a->wheel, flow_timers(t->a), i, due);
}

void track_arm(struct turn *t, uint32_t i)
{
	const struct flow *f = flow_at(t->a, i);

	arm_at(t, i, f->active + idle_limit(t, f));
}

void track_arm_in(struct turn *t, uint32_t i, usec_t delay)
{
	arm_at(t, i, turn_tick(t) + ticks_in(delay));
}

const char *flow_timer_name(const struct flow *f)
{
	if (flow_is_splicing(f))
		return "syn-sent";
	if (f->flags & FLOW_RESET)
		return "reset";
	if (flow_is_over(f))
		return "time-wait";
	if (f->flags & FLOW_TELL_WINDOW)
		return "window";
	return f->flags & (FLOW_CLIENT_FIN | FLOW_SERVER_FIN) ? "closing" : "idle";
}

/* in_window() - does the segment begin where its receiver may still take something? */
static bool in_window(const struct flow *f, enum flow_dir dir, const struct pkt *in)
{
	enum flow_dir peer = dir == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
	uint32_t window = f->flags & FLOW_TRANSLATED ? flow_window(f, peer) : WINDOW_UNKNOWN;
	uint32_t una = f->open.sent[dir].snd_una;

	/* a probe may begin right behind it, and a scaled window is rounded */
	return seq_between(in->seq, una, window + (1u << flow_shift(f, peer)));
}

/*
 * follow_ack() - @acceptable: the segment itself lies in the window. Then an ACK beyond what was seen is
 * believed: something has passed the guard unseen (a bypass, a window that its owner took back).
 */
static void follow_ack(struct flow *f, enum flow_dir dir, uint32_t ack, bool acceptable)
{
	enum flow_dir peer = dir == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
	struct flow_sent *sent = &f->open.sent[peer];
	/* that much may have been under way, at the most */
	uint32_t reach = f->flags & FLOW_TRANSLATED ? 65536u << flow_shift(f, dir) : WINDOW_UNKNOWN;

	if (acceptable && !(f->flags & fin_flag(peer)) && seq_between(ack, sent->snd_nxt, reach))
		sent->snd_nxt = ack;
	if (seq_lt(ack, sent->snd_una) || seq_gt(ack, sent->snd_nxt))
		return;
	sent->snd_una = ack;
	if ((f->flags & fin_flag(peer)) && ack == sent->snd_nxt)
		half_event(f, dir, TCP_EV_RCV_ACK_OF_FIN);
}

static void follow_sequence(struct flow *f, enum flow_dir dir, const struct pkt *in)
{
	enum flow_dir peer = dir == FROM_CLIENT ? FROM_SERVER : FROM_CLIENT;
	struct flow_sent *sent = &f->open.sent[dir];
	uint32_t end = in->seq + pkt_seg_len(in);

	if (f->flags & fin_flag(dir))
		return; /* nothing comes behind a FIN */
	if (seq_gt(end, sent->snd_nxt))
		sent->snd_nxt = end;
	if ((in->flags & TCP_FIN) && end == sent->snd_nxt) {
		f->flags |= fin_flag(dir);
		half_event(f, dir, TCP_EV_RCV_FIN);
		half_event(f, peer, TCP_EV_SND_FIN);
	}
}

static void follow_values(struct flow *f, enum flow_dir dir, const struct pkt *in)
{
	f->open.window[dir] = in->window;
	if (!(in->opt.present & TCP_OPT_TIMESTAMPS) || !(f->flags & FLOW_TRANSLATED))
		return;
	if (dir == FROM_CLIENT && seq_gt(in->opt.ts_val, f->ts_recent))
		f->ts_recent = in->opt.ts_val;
	else if (dir == FROM_SERVER && seq_gt(in->opt.ts_val, f->open.ts_server))
		f->open.ts_server = in->opt.ts_val;
}

/*
 * follow_rst() - RFC 5961 3.2: only the exact RCV.NXT of the receiver ends the connection here. Inside
 * the window the receiver will challenge it, so it is passed on and changes nothing.
 */
static enum track_result follow_rst(struct turn *t, uint32_t i, enum flow_dir dir,
				    const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	const struct flow_sent *sent = &f->open.sent[dir];
	bool was_over = flow_is_over(f);

	if (in->seq != sent->snd_una && in->seq != sent->snd_nxt)
		return in_window(f, dir, in) ? TRACK_GOOD : TRACK_OUT_OF_WINDOW;
	if (was_over)
		return TRACK_GOOD; /* RFC 1337: TIME-WAIT is not cut short */
	f->client_state = f->server_state = TCPS_CLOSED;
	f->flags |= FLOW_RESET;
	f->active = turn_tick(t);
	track_over(t, i, was_over);
	track_arm(t, i);
	return TRACK_GOOD;
}

/* acceptable() - RFC 9293 3.10.7.4, first: does any part of the segment lie in the window? */
static bool acceptable(const struct flow *f, enum flow_dir dir, const struct pkt *in)
{
	uint32_t una = f->open.sent[dir].snd_una;

	if (seq_lt(in->seq,
		   una)) /* a retransmission or a keepalive, unless it brings something new */
		return seq_gt(in->seq + pkt_seg_len(in), una);
	return in_window(f, dir, in);
}

enum track_result track_segment(struct turn *t, uint32_t i, enum flow_dir dir, const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	bool was_over = flow_is_over(f);
	uint16_t had_flags = f->flags;
	bool good = acceptable(f, dir, in);

	if (in->flags & TCP_RST)
		return follow_rst(t, i, dir, in);
	if (in->flags & TCP_SYN)
		return TRACK_OUT_OF_WINDOW; /* never changes a synchronized connection, RFC 5961 4 */
	if (!was_over || (in->flags & TCP_FIN)) /* a late FIN begins TIME-WAIT anew */
		f->active = turn_tick(t);
	if (was_over)
		return TRACK_GOOD;
	if (in->flags & TCP_ACK)
		follow_ack(f, dir, dir == FROM_CLIENT ? in->ack - f->seq_delta : in->ack, good);
	if (good) {
		follow_values(f, dir, in);
		follow_sequence(f, dir, in);
	}
	if (flow_is_over(f))
		track_over(t, i, was_over);
	if (f->flags != had_flags || flow_is_over(f))
		track_arm(t, i);
	return good || seq_lt(in->seq, f->open.sent[dir].snd_una) ? TRACK_GOOD
								  : TRACK_OUT_OF_WINDOW;
}

static void lives_no_more(struct service *s, const struct flow *f)
{
	if (flow_is_terminated(f))
		s->terminated_now--;
	else if (f->flags & FLOW_TRANSLATED)
		s->spliced_now--;
}

void track_over(struct turn *t, uint32_t i, bool was_over)
{
	const struct flow *f = flow_at(t->a, i);
	struct service *s = turn_service(t, f->service);

	if (was_over == flow_is_over(f))
		return;
	s->time_wait++;
	lives_no_more(s, f);
	/*
	 * A passed flow needs nothing any more, and is kept in TIME-WAIT only to be seen. While there is
	 * room: it gives way to any other (flow_find_victim()).
	 */
}

void track_end(struct turn *t, uint32_t i)
{
	struct flow *f = flow_at(t->a, i);
	bool was_over = flow_is_over(f);

	emit_reset_both(t, f);
	f->client_state = f->server_state = TCPS_CLOSED;
	f->flags |= FLOW_RESET | FLOW_ENDED;
	f->active = turn_tick(t);
	track_over(t, i, was_over);
	track_arm(t, i);
}

void track_forget(struct turn *t, uint32_t i)
{
	const struct flow *f = flow_at(t->a, i);
	struct service *s = turn_service(t, f->service);

	s->flows--;
	if (flow_is_over(f))
		s->time_wait--;
	else
		lives_no_more(s, f);
	if (flow_is_terminated(f))
		terminate_forget(t, i);
	flow_remove(t->a, i);
}

/* table_is_full() - say so, but not with each packet: the events of an attack are wanted, too. */
static void table_is_full(struct turn *t, uint32_t slot)
{
	struct guard_arena *a = t->a;

	if (a->table_full_said && t->now - a->table_full_said < TABLE_FULL_AGAIN)
		return;
	a->table_full_said = t->now;
	arena_event(a, GUARD_EVENT_TABLE_FULL, turn_service(t, slot)->name, NULL, 0,
		    a->limits.max_flows, "no flow can be given up");
}

uint32_t track_new_flow(struct turn *t, uint32_t slot, const struct pkt *from_client)
{
	struct guard_arena *a = t->a;
	uint32_t i = flow_add(a, &from_client->src, from_client->sport, &from_client->dst,
			      from_client->dport);

	if (i == INDEX_NONE) {
		uint32_t victim = flow_find_victim(a);

		if (victim == INDEX_NONE) {
			table_is_full(t, slot);
			return INDEX_NONE;
		}
		turn_service(t, flow_at(a, victim)->service)->counters.flows_evicted++;
		track_forget(t, victim);
		i = flow_add(a, &from_client->src, from_client->sport, &from_client->dst,
			     from_client->dport);
	}
	flow_at(a, i)->service = slot & 0xff;
	flow_at(a, i)->born = flow_at(a, i)->active = turn_tick(t);
	turn_service(t, slot)->flows++;
	return i;
}

/* tell_window() - nothing was heard since the window update: it may have been lost. */
static bool tell_window(struct turn *t, uint32_t i)
{
	struct flow *f = flow_at(t->a, i);

	if (!(f->flags & FLOW_TELL_WINDOW) || flow_is_over(f))
		return false;
	if (f->retries >= TELL_WINDOW_TRIES) {
		f->flags &= (uint16_t)~FLOW_TELL_WINDOW;
		return false;
	}
	emit_to_client(t, f, TCP_ACK);
	track_arm_in(t, i, TELL_WINDOW_AGAIN << f->retries);
	f->retries++;
	return true;
}

void track_timeout(struct turn *t, uint32_t i)
{
	struct flow *f = flow_at(t->a, i);
	uint32_t due = f->active + idle_limit(t, f);

	if (tell_window(t, i))
		return;
	if (seq_gt(due, turn_tick(t))) { /* it was heard meanwhile */
		track_arm(t, i);
		return;
	}
	if (!flow_is_over(f)) {
		turn_service(t, f->service)->counters.idle_timeouts++;
		if (f->flags & FLOW_TRANSLATED) { /* without the guard it cannot go on: be honest */
			track_end(t, i);
			return;
		}
	}
	track_forget(t, i);
}
