/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A segment has arrived: RFC 9293 3.10.7, step by step in its order. */
#include "core/tcp/internal.h"

#include <string.h>

#define PAWS_IDLE_MS (24u * 24 * 3600 * 1000) /* RFC 7323 5.5 */

const char *tcp_result_text(enum tcp_result r)
{
	static const char *const text[TCP_IN_COUNT] = {
#define TCP_RESULT_TEXT(name, words) words,
		TCP_RESULTS(TCP_RESULT_TEXT)
#undef TCP_RESULT_TEXT
	};

	return r < TCP_IN_COUNT ? text[r] : "unknown";
}

const char *tcp_error_text(enum tcp_error e)
{
	static const char *const text[TCP_ERROR_COUNT] = {
		[TCP_ERROR_NONE] = "closed",
		[TCP_ERROR_RESET] = "reset by the peer",
		[TCP_ERROR_REFUSED] = "refused by the peer",
		[TCP_ERROR_TIMEOUT] = "timed out",
		[TCP_ERROR_STALLED] = "the peer kept its window closed",
		[TCP_ERROR_VANISHED] = "no answer to keepalives",
		[TCP_ERROR_UNREAD] = "data came that nobody reads",
		[TCP_ERROR_ABORTED] = "aborted",
	};

	return e < TCP_ERROR_COUNT ? text[e] : "unknown";
}

void tcp_segment_of(struct tcp_segment *s, const struct pkt *p)
{
	*s = (struct tcp_segment){
		.seq = p->seq,
		.ack = p->ack,
		.flags = p->flags,
		.window = p->window,
		.urgent = p->urgent,
		.ce = (p->tos & 3) == 3, /* RFC 3168 5 */
		.len = p->payload_len,
		.data = p->data + p->l4_off + p->tcp_hdr_len,
		.opt = p->opt,
	};
}

static uint32_t seg_len(const struct tcp_segment *s)
{
	return s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);
}

static void refuse_ack(const struct tcp_segment *s, struct tcp_segment *reply)
{
	reply->seq = s->ack;
	reply->flags = TCP_RST;
}

void tcp_refuse(const struct tcp_segment *s, struct tcp_segment *reply)
{
	memset(reply, 0, sizeof(*reply));
	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_ACK) {
		refuse_ack(s, reply);
		return;
	}
	reply->ack = s->seq + seg_len(s);
	reply->flags = TCP_RST | TCP_ACK;
}

void end(struct tcb *t, const struct tcp_io *io, enum tcp_error why)
{
	flight_close(t, io);
	gaps_close(t, io);
	t->state = TCPS_CLOSED;
	t->timer = TCB_TIMER_NONE;
	t->flags &= ~(uint32_t)(TCB_DELACK | TCB_IDLE_TIMER | TCB_SEND_SYN | TCB_SEND_ACK |
				TCB_SEND_WINDOW_PROBE | TCB_SEND_TAIL_PROBE | TCB_SEND_KEEPALIVE);
	if (t->error == TCP_ERROR_NONE)
		t->error = (uint8_t)why;
}

/* tcp_abort() - RFC 9293 3.10.5. */
void tcp_abort(struct tcb *t, const struct tcp_io *io, enum tcp_error why)
{
	switch (t->state) {
	case TCPS_SYN_RECEIVED:
	case TCPS_ESTABLISHED:
	case TCPS_FIN_WAIT_1:
	case TCPS_FIN_WAIT_2:
	case TCPS_CLOSE_WAIT:
		t->flags |= TCB_SEND_RST;
		break;
	default:
		break;
	}
	end(t, io, why);
}

/* tcp_close_reading() - RFC 9293 3.6.1: with data unread, it is a reset and not an orderly close. */
void tcp_close_reading(struct tcb *t, const struct tcp_io *io)
{
	t->flags |= TCB_NO_READER;
	if (tcp_stream_waiting(io->in) > 0)
		tcp_abort(t, io, TCP_ERROR_UNREAD);
	else if (t->state == TCPS_FIN_WAIT_2)
		idle_restart(t, io);
}

/* ---- sixth to eighth step ---- */

static bool takes_text(const struct tcb *t)
{
	return t->state == TCPS_ESTABLISHED || t->state == TCPS_FIN_WAIT_1 ||
	       t->state == TCPS_FIN_WAIT_2;
}

/* take_ecn() - RFC 3168 6.1.3. */
static void take_ecn(struct tcb *t, const struct tcp_segment *s)
{
	if (!(t->flags & TCB_ECN))
		return;
	if (s->flags & TCP_CWR)
		t->flags &= ~(uint32_t)TCB_SEND_ECE;
	if (s->ce)
		t->flags |= TCB_SEND_ECE | TCB_SEND_ACK;
}

/* sixth to eighth: URG, text, FIN */
static enum tcp_result take_text(struct tcb *t, const struct tcp_io *io,
				 const struct tcp_segment *s)
{
	if (!takes_text(t))
		return TCP_IN_OK;
	if ((s->flags & TCP_URG) && s->urgent > 0) {
		uint32_t urgent = in_offset(t, s->seq + s->urgent);

		if (!(io->in->flags & TCP_STREAM_URGENT) || seq_gt(urgent, io->in->urgent)) {
			io->in->urgent = urgent;
			io->in->flags |= TCP_STREAM_URGENT;
		}
	}
	if (s->len > 0)
		take_ecn(t, s);
	if ((t->flags & TCB_NO_READER) && seq_gt(s->seq + s->len, t->rcv_nxt)) {
		tcp_abort(t, io, TCP_ERROR_UNREAD);
		return TCP_IN_UNREAD;
	}
	return seg_len(s) ? receive_text(t, io, s) : TCP_IN_OK;
}

/* ---- CLOSED, LISTEN, SYN-SENT ---- */

static void take_syn(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	t->irs = s->seq;
	t->rcv_nxt = s->seq + 1;
	t->last_ack_sent = t->rcv_nxt;
	options_agree(t, io, s);
	t->snd_wnd = t->max_snd_wnd = s->window; /* never scaled in a SYN */
	t->snd_wl1 = s->seq;
	t->snd_wl2 = s->ack;
}

/* 3.10.7.2. DEVIATION: data that comes with the SYN is not taken: it is sent again. */
static enum tcp_result input_listen(struct tcb *t, const struct tcp_io *io,
				    const struct tcp_segment *s, struct tcp_segment *reply)
{
	if (s->flags & TCP_RST)
		return TCP_IN_IGNORED;
	if (s->flags & TCP_ACK) {
		refuse_ack(s, reply);
		return TCP_IN_BAD_ACK;
	}
	if (!(s->flags & TCP_SYN))
		return TCP_IN_IGNORED;
	take_syn(t, io, s);
	/* Before our own SYN said so, no window was advertised. */
	t->rcv_adv = t->rcv_nxt;
	t->snd_nxt = t->iss + 1;
	t->flags |= TCB_SEND_SYN;
	move(t, TCP_EV_RCV_SYN);
	t->progress_at = now_ms(io);
	timer_restart(t, io);
	return TCP_IN_OK;
}

/* establish() - our SYN was acknowledged. */
static void establish(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	bool has_ts = (t->flags & TCB_TIMESTAMPS) && (s->opt.present & TCP_OPT_TIMESTAMPS);
	uint32_t rtt_ms = now_ms(io) - t->sent_at;

	t->snd_una = s->ack;
	t->backoff = 0;
	/* Karn; RFC 6298 5.7: three seconds if the SYN was lost and nothing could be measured */
	if (has_ts && ts_clock(t, io) - s->opt.ts_ecr < 600 * 1000)
		rtt_ms = ts_clock(t, io) - s->opt.ts_ecr;
	else
		has_ts = false;
	if ((has_ts || !(t->flags & TCB_SYN_LOST)) && rtt_ms < 600 * 1000)
		rtt_measured(t, io, max_u32(rtt_ms * 1000, 1000));
	else
		t->rto_ms = min_u32(max_u32(t->rto_ms, 3000), io->config->rto_max_ms);
	t->timer = TCB_TIMER_NONE;
	t->flags &= ~(uint32_t)TCB_SEND_SYN;
	t->heard_at = t->progress_at = now_ms(io);
	move(t, t->state == TCPS_SYN_SENT ? TCP_EV_RCV_SYN_ACK : TCP_EV_RCV_ACK_OF_SYN);
	congestion_init(t, io);
	idle_restart(t, io);
}

/* 3.10.7.3 */
static enum tcp_result input_syn_sent(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s,
				      struct tcp_segment *reply)
{
	bool acceptable = (s->flags & TCP_ACK) && s->ack == t->snd_nxt;
	uint32_t window;

	if ((s->flags & TCP_ACK) && !acceptable) {
		if (!(s->flags & TCP_RST))
			refuse_ack(s, reply);
		return TCP_IN_BAD_ACK;
	}
	if (s->flags & TCP_RST) {
		if (!acceptable)
			return TCP_IN_BLIND_RST;
		end(t, io, TCP_ERROR_REFUSED);
		return TCP_IN_RESET;
	}
	if (!(s->flags & TCP_SYN))
		return TCP_IN_IGNORED;
	window = syn_window(t); /* as our SYN offered it, with the scale that was offered then */
	take_syn(t, io, s);
	t->rcv_adv = t->rcv_nxt + window;
	if (!acceptable) {
		/* simultaneous open: the same SYN again, with an ACK */
		t->flags |= TCB_SEND_SYN;
		move(t, TCP_EV_RCV_SYN);
		return TCP_IN_OK;
	}
	establish(t, io, s);
	t->flags |= TCB_SEND_ACK;
	/* the rest as from the sixth step on */
	s->seq++;
	s->flags &= ~(uint32_t)TCP_SYN & TCP_FLAGS_ALL;
	return take_text(t, io, s);
}

/* ---- the other states ---- */

bool tcp_is_reuse(const struct tcb *t, uint32_t seq, const struct tcp_options *syn)
{
	if (t->state != TCPS_TIME_WAIT)
		return false;
	if ((t->flags & TCB_TS_RECENT) && (syn->present & TCP_OPT_TIMESTAMPS) &&
	    syn->ts_val != t->ts_recent)
		return seq_gt(syn->ts_val, t->ts_recent);
	return seq_gt(seq, t->rcv_nxt);
}

/* paws() - RFC 7323 5.3 R1; forgotten after 24 days of silence. */
static enum tcp_result paws(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	if (!(t->flags & TCB_TIMESTAMPS) || (s->flags & TCP_RST))
		return TCP_IN_OK;
	/* A SYN is of another connection, whose client may have none: RFC 5961 4 lets it hear of this one. */
	if (!(s->opt.present & TCP_OPT_TIMESTAMPS))
		return s->flags & TCP_SYN ? TCP_IN_OK : TCP_IN_NO_TIMESTAMP;
	if (!(t->flags & TCB_TS_RECENT) || !seq_lt(s->opt.ts_val, t->ts_recent))
		return TCP_IN_OK;
	if (now_ms(io) - t->ts_recent_at > PAWS_IDLE_MS)
		return TCP_IN_OK;
	/* Data is acknowledged, in case that it is only late; anything else not more often than needed. */
	if (s->len > 0)
		receive_duplicate(t, s->seq, s->seq);
	else
		challenge(t, io);
	return TCP_IN_PAWS;
}

/* take_timestamp() - RFC 7323 4.3: of what the last ACK we sent was waiting for. */
static void take_timestamp(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	if (!(t->flags & TCB_TIMESTAMPS) || !(s->opt.present & TCP_OPT_TIMESTAMPS) ||
	    (s->flags & TCP_RST) || seq_gt(s->seq, t->last_ack_sent))
		return;
	t->ts_recent = s->opt.ts_val;
	t->ts_recent_at = now_ms(io);
	t->flags |= TCB_TS_RECENT;
}

/*
 * in_window() - the four cases of RFC 9293 table 6, and beyond them:
 * - at a closed window the very next segment, for its ACK, URG or RST (MUST-66); its text is cut off;
 * - DEVIATION: an ACK without text right behind the window: so are those of a peer that has filled it,
 *   and while one of its segments is missing they must not be deaf to each other;
 * - DEVIATION: a FIN without text right behind the window: it needs no memory, and there are peers that
 *   probe a closed window with it, and not for ever.
 */
static bool in_window(const struct tcb *t, const struct tcp_segment *s)
{
	uint32_t wnd = t->rcv_adv - t->rcv_nxt, len = seg_len(s);

	if (s->seq == t->rcv_nxt)
		return true;
	if (len == 0 && s->seq == t->rcv_adv && !(s->flags & TCP_RST))
		return true;
	if (is_bare_fin(s) && s->seq == t->rcv_adv && takes_text(t))
		return true;
	return seq_between(s->seq, t->rcv_nxt, wnd) ||
	       (len > 0 && wnd > 0 && seq_between(s->seq + len - 1, t->rcv_nxt, wnd));
}

static enum tcp_result outside(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s)
{
	if (s->flags & TCP_RST)
		return TCP_IN_OLD;
	/* RFC 5961 4: wherever a SYN stands */
	if (s->flags & TCP_SYN) {
		challenge(t, io);
		return TCP_IN_BLIND_SYN;
	}
	if (seg_len(s) == 0) {
		challenge(t, io); /* two that do not understand each other must not talk for ever */
		return TCP_IN_OLD;
	}
	if (seq_lt(s->seq, t->rcv_nxt) && s->len > 0)
		receive_duplicate(t, s->seq, s->seq + s->len);
	t->flags |= TCB_SEND_ACK;
	/* 3.10.7.4, eighth: the FIN once more; our ACK of it was lost */
	if (t->state == TCPS_TIME_WAIT && (s->flags & TCP_FIN) && s->seq + seg_len(s) == t->rcv_nxt)
		idle_restart(t, io);
	return TCP_IN_OLD;
}

/* first: sequence number, with what comes before it */
static enum tcp_result check_sequence(struct tcb *t, const struct tcp_io *io,
				      const struct tcp_segment *s)
{
	enum tcp_result result;

	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	    tcp_is_reuse(t, s->seq, &s->opt)) {
		challenge(t, io); /* to be sent by those who cannot begin anew just now */
		return TCP_IN_REUSE;
	}
	result = paws(t, io, s);
	if (result != TCP_IN_OK)
		return result;
	if (!in_window(t, s))
		return outside(t, io, s);
	return TCP_IN_OK;
}

/* second: RST, RFC 5961 3; fourth: SYN, RFC 5961 4 */
static enum tcp_result check_rst_and_syn(struct tcb *t, const struct tcp_io *io,
					 const struct tcp_segment *s)
{
	if (s->flags & TCP_RST) {
		/* DEVIATION: RFC 1337, 2 MSL are not cut short. */
		if (t->state == TCPS_TIME_WAIT)
			return TCP_IN_IGNORED;
		if (s->seq != t->rcv_nxt) {
			challenge(t, io);
			return TCP_IN_BLIND_RST;
		}
		/* DEVIATION: not back to LISTEN: for the next peer there will be another endpoint. */
		end(t, io, t->state == TCPS_SYN_RECEIVED ? TCP_ERROR_REFUSED : TCP_ERROR_RESET);
		return TCP_IN_RESET;
	}
	if (s->flags & TCP_SYN) {
		/* DEVIATION: in SYN-RECEIVED too. Going back to LISTEN would let a forged SYN end it. */
		challenge(t, io);
		return TCP_IN_BLIND_SYN;
	}
	return TCP_IN_OK;
}

/* our FIN was acknowledged */
static void fin_acknowledged(struct tcb *t, const struct tcp_io *io)
{
	if (!(t->flags & TCB_FIN_SENT) || t->snd_una != t->snd_nxt)
		return;
	move(t, TCP_EV_RCV_ACK_OF_FIN);
	if (t->state == TCPS_CLOSED)
		end(t, io, TCP_ERROR_NONE);
	else if (t->state == TCPS_TIME_WAIT)
		time_wait(t, io);
	else if (t->state == TCPS_FIN_WAIT_2)
		idle_restart(t, io);
}

/* fifth: ACK */
static enum tcp_result check_ack(struct tcb *t, const struct tcp_io *io,
				 const struct tcp_segment *s, struct tcp_segment *reply)
{
	if (!(s->flags & TCP_ACK))
		return TCP_IN_NO_ACK;
	if (t->state == TCPS_SYN_RECEIVED) {
		if (s->ack != t->snd_nxt) {
			refuse_ack(s, reply);
			return TCP_IN_BAD_ACK;
		}
		establish(t, io, s);
		t->snd_wnd = t->max_snd_wnd = (uint32_t)s->window << t->snd_wscale;
		t->snd_wl1 = s->seq;
		t->snd_wl2 = s->ack;
		return TCP_IN_OK;
	}
	/* RFC 5961 5: neither what was not sent nor what is older than any window */
	if (seq_gt(s->ack, t->snd_nxt) || seq_lt(s->ack, t->snd_una - t->max_snd_wnd)) {
		challenge(t, io);
		return TCP_IN_BAD_ACK;
	}
	if (t->state == TCPS_TIME_WAIT)
		return TCP_IN_OK;
	ack_input(t, io, s);
	fin_acknowledged(t, io);
	return TCP_IN_OK;
}

/*
 * same_syn() - in SYN-RECEIVED the peer's SYN came once more. With an ACK of ours it is RFC 9293's
 * figure 8, and what it acknowledges counts; without, our answer to it was lost.
 * Return: is that all that there is to it?
 */
static bool same_syn(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	if (t->state != TCPS_SYN_RECEIVED || s->seq != t->irs || (s->flags & TCP_RST) ||
	    !(s->flags & TCP_SYN))
		return false;
	if (s->flags & TCP_ACK) {
		s->seq++;
		s->flags &= ~(uint32_t)TCP_SYN & TCP_FLAGS_ALL;
		t->flags |= TCB_SEND_ACK;
		return false;
	}
	t->flags |= TCB_SEND_SYN;
	t->flags |= TCB_SYN_LOST;
	return true;
}

enum tcp_result tcp_input(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s,
			  struct tcp_segment *reply)
{
	enum tcp_result result;

	memset(reply, 0, sizeof(*reply));
	switch (t->state) {
	case TCPS_CLOSED:
		tcp_refuse(s, reply);
		return TCP_IN_IGNORED;
	case TCPS_LISTEN:
		return input_listen(t, io, s, reply);
	case TCPS_SYN_SENT:
		return input_syn_sent(t, io, s, reply);
	default:
		break;
	}
	if (same_syn(t, io, s))
		return TCP_IN_OK;
	result = check_sequence(t, io, s);
	if (result != TCP_IN_OK)
		return result;
	result = check_rst_and_syn(t, io, s);
	if (result != TCP_IN_OK)
		return result;
	t->heard_at = now_ms(io);
	t->probes = 0;
	result = check_ack(t, io, s, reply);
	if (result != TCP_IN_OK)
		return result;
	/* Not before: who cannot guess an ACK must not be able to set a timestamp that shuts others out. */
	take_timestamp(t, io, s);
	return take_text(t, io, s);
}
