/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three timers: what is unacknowledged or blocked, the delayed ACK, and silence. */
#include "core/tcp/internal.h"

#define CHALLENGES_A_SECOND 10

static bool is_shaking_hands(const struct tcb *t)
{
	return t->state == TCPS_SYN_SENT || t->state == TCPS_SYN_RECEIVED;
}

static bool has_unsent(const struct tcb *t, const struct tcp_io *io)
{
	if (t->flags & TCB_FIN_SENT)
		return false;
	return out_seq(t, io->out->end) != t->snd_nxt || (io->out->flags & TCP_STREAM_FIN);
}

static void arm(struct tcb *t, const struct tcp_io *io, enum tcb_timer kind, uint32_t delay_ms)
{
	t->timer = (uint8_t)kind;
	t->timer_at = ms_from_now(io, delay_ms);
}

void timer_restart(struct tcb *t, const struct tcp_io *io)
{
	uint32_t pto;

	t->timer = TCB_TIMER_NONE;
	if (is_shaking_hands(t)) {
		arm(t, io, TCB_TIMER_RTO, rto_backed_off(t, io));
	} else if (outstanding(t) > 0 && t->snd_wnd > 0) {
		pto = tail_probe_ms(t, io);
		if (pto)
			arm(t, io, TCB_TIMER_TAIL_PROBE, pto);
		else
			arm(t, io, TCB_TIMER_RTO, rto_backed_off(t, io));
	} else if (outstanding(t) > 0 || (is_synchronized(t) && has_unsent(t, io))) {
		arm(t, io, TCB_TIMER_PERSIST, rto_backed_off(t, io));
	}
}

/* timer_sent() - RFC 6298 5.1: runs while anything is out; RFC 8985 7.2: new data delays the probe. */
void timer_sent(struct tcb *t, const struct tcp_io *io, bool new_data)
{
	bool probes = t->timer == TCB_TIMER_TAIL_PROBE ||
		      (t->timer == TCB_TIMER_RTO && tail_probe_ms(t, io) > 0);

	if (t->timer == TCB_TIMER_NONE || (new_data && probes) ||
	    (t->timer == TCB_TIMER_PERSIST && t->snd_wnd > 0 && outstanding(t) > 0))
		timer_restart(t, io);
}

void timer_reorder(struct tcb *t, const struct tcp_io *io, uint32_t delay_us)
{
	uint32_t delay_ms = delay_us / 1000;

	if (t->timer == TCB_TIMER_NONE || seq_lt(ms_from_now(io, delay_ms), t->timer_at))
		arm(t, io, TCB_TIMER_REORDER, delay_ms);
}

/* idle_restart() - what silence leads to in this state. */
void idle_restart(struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_config *c = io->config;
	uint32_t delay;

	t->flags &= ~(uint32_t)TCB_IDLE_TIMER;
	if (t->state == TCPS_TIME_WAIT)
		delay = 2 * c->msl_ms;
	else if (t->state == TCPS_FIN_WAIT_2 && (t->flags & TCB_NO_READER) && c->fin_wait_2_ms)
		delay = c->fin_wait_2_ms;
	else if (is_synchronized(t) && c->keepalive_idle_ms)
		delay = c->keepalive_idle_ms;
	else
		return;
	t->flags |= TCB_IDLE_TIMER;
	t->idle_at = ms_from_now(io, delay);
}

void time_wait(struct tcb *t, const struct tcp_io *io)
{
	t->timer = TCB_TIMER_NONE;
	flight_close(t, io);
	idle_restart(t, io);
}

/*
 * challenge() - RFC 5961 7: limited per connection, not in common: a limit that connections share can
 * be observed by whoever has one of them (CVE-2016-5696).
 */
void challenge(struct tcb *t, const struct tcp_io *io)
{
	uint16_t second = (uint16_t)(now_ms(io) / 1000);

	if (second != t->challenge_second) {
		t->challenge_second = second;
		t->challenges = 0;
	}
	if (t->challenges >= CHALLENGES_A_SECOND)
		return;
	t->challenges++;
	t->flags |= TCB_SEND_ACK;
}

/* waited() - for @limit, since there was progress? */
static bool waited(const struct tcb *t, const struct tcp_io *io, uint32_t limit)
{
	return limit && now_ms(io) - t->progress_at >= limit;
}

/*
 * give_up() - the peer is silent, or acknowledges nothing, or keeps its window shut.
 *
 * DEVIATION: RFC 9293 3.8.6.1 lets a window be closed for as long as the peer answers. Here it is stall_ms: it
 * costs a peer nothing (sockstress).
 */
static bool give_up(struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_config *c = io->config;
	bool answers = is_shut(t, io) && now_ms(io) - t->heard_at < c->user_timeout_ms;

	if (waited(t, io, c->user_timeout_ms) && !answers)
		tcp_abort(t, io, TCP_ERROR_TIMEOUT);
	else if (is_shut(t, io) && waited(t, io, c->stall_ms))
		tcp_abort(t, io, TCP_ERROR_STALLED);
	return t->state == TCPS_CLOSED;
}

static void syn_timeout(struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_config *c = io->config;

	if (waited(t, io, t->flags & TCB_PASSIVE ? c->synack_timeout_ms : c->syn_timeout_ms)) {
		end(t, io, TCP_ERROR_TIMEOUT);
		return;
	}
	t->backoff++;
	t->retransmits++;
	t->flags |= TCB_SEND_SYN | TCB_SYN_LOST;
	timer_restart(t, io);
}

/* forget_sacks() - RFC 2018 8: the peer may have thrown away what it had SACKed. */
static void forget_sacks(const struct tcb *t, struct tcp_flight *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		flight_unmark(t, f, i, TCP_SENT_SACKED);
}

/*
 * rto_fired() - RFC 6298 5.4 to 5.7. DEVIATION: at no number of retransmissions is the IP layer told to
 * look for another route (RFC 9293 3.8.3): what the guard sends takes the only one there is.
 */
static void rto_fired(struct tcb *t, const struct tcp_io *io)
{
	struct tcp_flight *f = flight_of(t, io);

	if (give_up(t, io))
		return;
	if (f) {
		if (t->backoff > 0 || (f->n > 0 && (f->sent[0].flags & TCP_SENT_SACKED)))
			forget_sacks(t, f);
		/* a second time-out in a row was not for nothing */
		if (t->backoff == 0 && !(t->flags & (TCB_RECOVERY | TCB_LOSS)))
			undo_prepare(t, f);
		else
			f->undo_cwnd = 0;
		congestion_timeout(t, io);
		flight_lose_all(t, f);
		f->tail_probe = 0;
		f->recover_fs = 0;
	}
	t->flags &= ~(uint32_t)TCB_RECOVERY;
	t->flags |= TCB_LOSS;
	t->recover = t->snd_nxt;
	t->dupacks = 0;
	if (t->backoff < UINT8_MAX)
		t->backoff++;
	timer_restart(t, io);
}

/* persist_fired() - RFC 9293 3.8.6.1 */
static void persist_fired(struct tcb *t, const struct tcp_io *io)
{
	if (give_up(t, io))
		return;
	if (t->backoff < UINT8_MAX)
		t->backoff++;
	t->flags |= TCB_SEND_WINDOW_PROBE;
	timer_restart(t, io);
}

static void reorder_fired(struct tcb *t, const struct tcp_io *io)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t wait_us = f ? rack_detect(t, io, f) : 0;

	loss_found(t, io);
	timer_restart(t, io);
	if (wait_us)
		timer_reorder(t, io, wait_us);
}

static void timer_fired(struct tcb *t, const struct tcp_io *io)
{
	switch (t->timer) {
	case TCB_TIMER_RTO:
		if (is_shaking_hands(t))
			syn_timeout(t, io);
		else
			rto_fired(t, io);
		break;
	case TCB_TIMER_TAIL_PROBE:
		t->flags |= TCB_SEND_TAIL_PROBE;
		arm(t, io, TCB_TIMER_RTO, rto_backed_off(t, io));
		break;
	case TCB_TIMER_REORDER:
		reorder_fired(t, io);
		break;
	case TCB_TIMER_PERSIST:
		persist_fired(t, io);
		break;
	default:
		break;
	}
}

/* keepalive() - RFC 9293 3.8.4; one lost probe is not a dead peer, MUST-27. */
static void keepalive(struct tcb *t, const struct tcp_io *io)
{
	const struct tcp_config *c = io->config;
	uint32_t due = t->heard_at + c->keepalive_idle_ms;

	if (seq_lt(now_ms(io), due)) {
		t->flags |= TCB_IDLE_TIMER;
		t->idle_at = due + 1;
		return;
	}
	/* What is in flight is probe enough. */
	if (outstanding(t) == 0) {
		if (t->probes >= c->keepalive_probes) {
			tcp_abort(t, io, TCP_ERROR_VANISHED);
			return;
		}
		t->probes++;
		t->flags |= TCB_SEND_KEEPALIVE;
	}
	t->flags |= TCB_IDLE_TIMER;
	t->idle_at = ms_from_now(io, c->keepalive_interval_ms);
}

static void idle_fired(struct tcb *t, const struct tcp_io *io)
{
	t->flags &= ~(uint32_t)TCB_IDLE_TIMER;
	if (t->state == TCPS_TIME_WAIT)
		end(t, io, TCP_ERROR_NONE);
	else if (t->state == TCPS_FIN_WAIT_2 && (t->flags & TCB_NO_READER))
		end(t, io, TCP_ERROR_TIMEOUT);
	else if (is_synchronized(t) && io->config->keepalive_idle_ms)
		keepalive(t, io);
}

void tcp_expire(struct tcb *t, const struct tcp_io *io)
{
	uint32_t now = now_ms(io);

	if ((t->flags & TCB_DELACK) && seq_leq(t->delack_at, now)) {
		t->flags &= ~(uint32_t)TCB_DELACK;
		t->flags |= TCB_SEND_ACK;
	}
	if (t->timer != TCB_TIMER_NONE && seq_leq(t->timer_at, now))
		timer_fired(t, io);
	if ((t->flags & TCB_IDLE_TIMER) && seq_leq(t->idle_at, now))
		idle_fired(t, io);
}

usec_t tcp_deadline(const struct tcb *t, usec_t now)
{
	usec_t now_in_ms = now / USEC_PER_MSEC;
	int32_t first = INT32_MAX;
	bool any = false;

	const struct {
		bool runs;
		uint32_t at;
	} timers[] = {
		{t->timer != TCB_TIMER_NONE, t->timer_at},
		{t->flags & TCB_DELACK, t->delack_at},
		{t->flags & TCB_IDLE_TIMER, t->idle_at},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(timers); i++) {
		int32_t delay = (int32_t)(timers[i].at - (uint32_t)now_in_ms);

		if (timers[i].runs && delay <= first) {
			first = delay;
			any = true;
		}
	}
	if (!any)
		return USEC_NEVER;
	return first > 0 ? (now_in_ms + (usec_t)first) * USEC_PER_MSEC : now;
}
