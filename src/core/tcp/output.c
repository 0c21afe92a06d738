/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is to be sent: RFC 9293 3.10.2, 3.8.6; the most urgent first, one segment a call. */
#include "core/tcp/internal.h"

#include <string.h>

#define MTU_MIN_V4 68 /* RFC 791 3.2 */
#define MTU_MIN_V6 1280 /* RFC 8200 5 */

/* put_timestamps() - RFC 7323 3.2: into every segment once they are agreed on, a RST included. */
static void put_timestamps(const struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	if (!(t->flags & TCB_TIMESTAMPS))
		return;
	s->opt.present |= TCP_OPT_TIMESTAMPS;
	s->opt.ts_val = ts_clock(t, io);
	s->opt.ts_ecr = t->ts_recent;
}

/* fill() - what every segment with an ACK has: RCV.NXT, window, timestamps, ECE. */
static void fill(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	s->flags |= TCP_ACK;
	s->ack = t->rcv_nxt;
	s->window = window_field(t, io);
	s->mss = (uint16_t)payload_max(t);
	put_timestamps(t, io, s);
	if (t->flags & TCB_SEND_ECE)
		s->flags |= TCP_ECE;
	t->last_ack_sent = t->rcv_nxt;
	t->flags &= ~(uint32_t)(TCB_SEND_ACK | TCB_DELACK);
}

static bool send_rst(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	t->flags &= ~(uint32_t)TCB_SEND_RST;
	s->seq = t->snd_nxt;
	s->ack = t->rcv_nxt;
	s->flags = TCP_RST | TCP_ACK;
	put_timestamps(t, io, s);
	return true;
}

/* send_syn() - or SYN-ACK; all that was offered, or what was agreed. */
static bool send_syn(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	bool answer = t->state == TCPS_SYN_RECEIVED;
	uint32_t window = syn_window(t);

	t->flags &= ~(uint32_t)TCB_SEND_SYN;
	s->seq = t->iss;
	s->flags = TCP_SYN;
	s->window = (uint16_t)window;
	s->opt.present = TCP_OPT_MSS;
	s->opt.mss = t->rcv_mss;
	if (t->flags & TCB_WSCALE) {
		s->opt.present |= TCP_OPT_WSCALE;
		s->opt.wscale = t->rcv_wscale;
	}
	if (t->flags & TCB_SACK)
		s->opt.present |= TCP_OPT_SACK_PERMITTED;
	if (t->flags & TCB_TIMESTAMPS) {
		s->opt.present |= TCP_OPT_TIMESTAMPS;
		s->opt.ts_val = ts_clock(t, io);
	}
	/* RFC 3168 6.1.1.1: without ECN when the first SYN got lost */
	if ((t->flags & TCB_ECN) && io->config->ecn && !(t->flags & TCB_SYN_LOST))
		s->flags |= answer ? TCP_ECE : TCP_ECE | TCP_CWR;
	if (answer) {
		s->flags |= TCP_ACK;
		s->ack = t->rcv_nxt;
		s->opt.ts_ecr = t->flags & TCB_TIMESTAMPS ? t->ts_recent : 0;
		t->rcv_adv = seq_max(t->rcv_adv, t->rcv_nxt + window);
		t->last_ack_sent = t->rcv_nxt;
		t->flags &= ~(uint32_t)(TCB_SEND_ACK | TCB_DELACK);
		if ((t->flags & TCB_SYN_LOST) || !io->config->ecn)
			t->flags &= ~(uint32_t)TCB_ECN;
	}
	t->sent_at = now_ms(io);
	return true;
}

static bool send_ack(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	s->seq = t->snd_nxt;
	put_sack(t, io, &s->opt);
	t->flags &= ~(uint32_t)TCB_SEND_DSACK;
	fill(t, io, s);
	return true;
}

/* send_keepalive() - RFC 9293 3.8.4: SEG.SEQ = SND.NXT - 1, and no data. */
static bool send_keepalive(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	t->flags &= ~(uint32_t)TCB_SEND_KEEPALIVE;
	s->seq = t->snd_nxt - 1;
	fill(t, io, s);
	return true;
}

/* ---- data ---- */

/* put_text() - the bytes (and the FIN) of [from, to). */
static void put_text(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s, uint32_t from,
		     uint32_t to)
{
	uint32_t data_end = out_seq(t, io->out->end);

	s->seq = from;
	s->offset = out_offset(t, from);
	s->len = to - from;
	if ((t->flags & TCB_FIN_SENT) && seq_gt(to, data_end)) {
		s->flags |= TCP_FIN;
		s->len--;
	}
	if (from + s->len == data_end && s->len > 0)
		s->flags |= TCP_PSH; /* MUST-61 */
	if (io->out->flags & TCP_STREAM_URGENT) {
		uint32_t ahead = out_seq(t, io->out->urgent) - from;

		if (ahead - 1 < UINT16_MAX) {
			s->flags |= TCP_URG;
			s->urgent = (uint16_t)ahead;
		}
	}
	fill(t, io, s);
	t->sent_at = now_ms(io);
}

static uint32_t unsent(const struct tcb *t, const struct tcp_io *io)
{
	return t->flags & TCB_FIN_SENT ? 0 : out_seq(t, io->out->end) - t->snd_nxt;
}

static bool fin_unsent(const struct tcb *t, const struct tcp_io *io)
{
	return (io->out->flags & TCP_STREAM_FIN) && !(t->flags & TCB_FIN_SENT);
}

/*
 * send_new() - @len bytes behind SND.NXT, and the FIN if @fin.
 * Return: false without memory for the book of what is in flight; tried again later.
 */
static bool send_new(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s, uint32_t len,
		     bool fin)
{
	uint32_t from = t->snd_nxt;
	struct tcp_flight *f = flight_open(t, io);

	if (!f) {
		if (t->timer == TCB_TIMER_NONE)
			t->progress_at = now_ms(io); /* it is not the peer that we wait for */
		timer_sent(t, io, false);
		return false;
	}
	if (outstanding(t) == 0 && !is_shut(t, io))
		t->progress_at = now_ms(io);
	t->snd_nxt += len + fin;
	if (fin) {
		t->flags |= TCB_FIN_SENT;
		move(t, TCP_EV_SND_FIN);
	}
	flight_sent(f, t->snd_nxt, now_us(io));
	f->prr_out += len;
	put_text(t, io, s, from, t->snd_nxt);
	s->ect = (t->flags & TCB_ECN) && len > 0;
	if ((t->flags & TCB_SEND_CWR) && len > 0) {
		s->flags |= TCP_CWR;
		t->flags &= ~(uint32_t)TCB_SEND_CWR;
	}
	timer_sent(t, io, true);
	return true;
}

/* send_again() - up to @len bytes from the beginning of run @i. */
static bool send_again(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s,
		       struct tcp_flight *f, uint32_t i, uint32_t len)
{
	uint32_t from = flight_start(t, f, i);
	uint32_t to = seq_lt(from + len, f->sent[i].end) ? from + len : f->sent[i].end;

	flight_resent(t, f, i, to, now_us(io));
	f->prr_out += to - from;
	t->retransmits++;
	put_text(t, io, s, from, to);
	timer_sent(t, io, false);
	return true;
}

/* usable() - of the peer's window; negative when it has shrunk. */
static int32_t usable(const struct tcb *t)
{
	return (int32_t)(snd_edge(t) - t->snd_nxt);
}

/* send_window_probe() - RFC 9293 3.8.6.1: what fits, or a byte that does not. */
static bool send_window_probe(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t len = unsent(t, io), cwr = t->flags & TCB_SEND_CWR;
	bool sent;

	t->flags &= ~(uint32_t)TCB_SEND_WINDOW_PROBE;
	if (t->snd_wnd > 0 && outstanding(t) > 0)
		return false; /* it has opened in the meantime */
	if (f && f->n > 0)
		return send_again(t, io, s, f, 0, 1);
	if (len == 0)
		return fin_unsent(t, io) && send_new(t, io, s, 0, true);
	len = min_u32(len, usable(t) > 0 ? (uint32_t)usable(t) : 1);
	/* RFC 3168 6.1.6: a probe that gets lost is no sign of congestion, so it says nothing of that */
	t->flags &= ~cwr;
	sent = send_new(t, io, s, min_u32(len, payload_max(t)), false);
	t->flags |= cwr;
	s->ect = false;
	return sent;
}

/* send_tail_probe() - RFC 8985 7.3: new data if there is any and the window has room, else the last. */
static bool send_tail_probe(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t mss = payload_max(t), i, len;

	t->flags &= ~(uint32_t)TCB_SEND_TAIL_PROBE;
	if (!f || f->n == 0 || t->snd_wnd == 0)
		return false;
	len = min_u32(unsent(t, io), mss);
	if (len > 0 && usable(t) >= (int32_t)len) {
		if (!send_new(t, io, s, len, false))
			return false;
		f->tail_probe = 1;
	} else {
		i = f->n - 1;
		len = f->sent[i].end - flight_start(t, f, i);
		if (len > mss && flight_split(f, i, f->sent[i].end - mss, 0))
			i++;
		send_again(t, io, s, f, i, mss);
		f->tail_probe = 2;
	}
	f->tail_probe_end = t->snd_nxt;
	/* the time-out follows, and no other probe */
	timer_restart(t, io);
	return true;
}

/* whole() - @len cut to whole segments, unless it is less than one. */
static uint32_t whole(uint32_t len, uint32_t mss)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): snd_mss > TS_LEN, whoever has set it */
	return len > mss ? len - len % mss : len;
}

/*
 * is_fast_retransmit() - RFC 5681 3.2 and RFC 6582 3.2: without SACK what is missing first goes at once, with the
 * third duplicate and with each partial ACK, whatever the window. (With SACK the window lets it: prr_out is 0.)
 */
static bool is_fast_retransmit(const struct tcb *t)
{
	return (t->flags & TCB_RECOVERY) && !(t->flags & TCB_SACK);
}

/* send_lost() - RFC 6675 5 (C): what was found lost, as the congestion window allows. */
static bool send_lost(struct tcb *t, const struct tcp_io *io, uint32_t max_len,
		      struct tcp_segment *s)
{
	struct tcp_flight *f = flight_of(t, io);
	uint32_t i = f ? flight_lost(f) : INDEX_NONE;
	uint32_t pipe, mss = payload_max(t), room;

	if (i == INDEX_NONE || t->snd_wnd == 0)
		return false;
	pipe = pipe_bytes(t, io);
	room = pipe < t->cwnd ? t->cwnd - pipe : 0;
	if (room < mss) {
		if (pipe > 0 && !(i == 0 && is_fast_retransmit(t)))
			return false;
		room = mss;
	}
	return send_again(t, io, s, f, i, whole(min_u32(room, max_len), mss));
}

/*
 * amount() - how much new data may go now.
 *
 * Nagle's algorithm is off (RFC 9293 SHLD-7): the end of the data always goes. Otherwise only whole
 * segments, or half of what the peer's window has ever been (3.8.6.2.1), or, with nothing on the way,
 * when the persist timer says so.
 */
static uint32_t amount(struct tcb *t, const struct tcp_io *io, uint32_t max_len)
{
	uint32_t all = unsent(t, io), mss = payload_max(t), len = all;
	uint32_t pipe = pipe_bytes(t, io), room = pipe < t->cwnd ? t->cwnd - pipe : 0;

	if (usable(t) <= 0)
		return 0;
	len = min_u32(len, (uint32_t)usable(t));
	if (room < len) {
		struct tcp_flight *f = flight_of(t, io);

		if (f) {
			f->limited = true;
			f->limited_end = t->snd_nxt;
		}
		/* less than a segment would be silly, but for a window that is smaller */
		if (room < min_u32(mss, len))
			return 0;
		len = room;
		return min_u32(whole(len, mss), whole(max_len, mss));
	}
	if (len > max_len)
		return whole(max_len, mss);
	if (len == all || len >= max_u32(t->max_snd_wnd / 2, 1))
		return len;
	return len >= mss ? whole(len, mss) : 0;
}

static bool send_text(struct tcb *t, const struct tcp_io *io, uint32_t max_len,
		      struct tcp_segment *s)
{
	uint32_t len;
	bool fin;

	if ((t->flags & TCB_SEND_WINDOW_PROBE) && send_window_probe(t, io, s))
		return true;
	if ((t->flags & TCB_SEND_TAIL_PROBE) && send_tail_probe(t, io, s))
		return true;
	if (send_lost(t, io, max_len, s))
		return true;
	if (unsent(t, io) == 0 && !fin_unsent(t, io))
		return false;
	if (outstanding(t) == 0)
		congestion_idle(t, io);
	len = amount(t, io, max_len);
	fin = fin_unsent(t, io) && len == unsent(t, io) && usable(t) > (int32_t)len;
	if (len == 0 && !fin) {
		if (outstanding(t) == 0 && t->timer == TCB_TIMER_NONE) {
			t->progress_at = now_ms(io);
			timer_restart(t, io);
		}
		return false;
	}
	return send_new(t, io, s, len, fin);
}

bool tcp_poll(struct tcb *t, const struct tcp_io *io, uint32_t max_len, struct tcp_segment *s)
{
	memset(s, 0, sizeof(*s));
	if (t->flags & TCB_SEND_RST)
		return send_rst(t, io, s);
	if (t->state == TCPS_CLOSED || t->state == TCPS_LISTEN)
		return false;
	if (t->flags & TCB_SEND_SYN)
		return send_syn(t, io, s);
	/* SACK blocks would make a full segment too long. DEVIATION: they go alone, and first. */
	if ((t->flags & TCB_SEND_ACK) && (t->gaps != INDEX_NONE || (t->flags & TCB_SEND_DSACK)))
		return send_ack(t, io, s);
	if (is_synchronized(t) && t->state != TCPS_TIME_WAIT &&
	    send_text(t, io, max_u32(max_len, payload_max(t)), s))
		return true;
	if (t->flags & TCB_SEND_KEEPALIVE)
		return send_keepalive(t, io, s);
	if ((t->flags & TCB_SEND_ACK) || window_grew(t, io))
		return send_ack(t, io, s);
	return false;
}

/* next_plateau() - RFC 1191 7.1: what to try where a router has not said how much gets through. */
static uint32_t next_plateau(uint32_t below)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};

	for (unsigned i = 0; i < ARRAY_SIZE(plateaus); i++) {
		if (plateaus[i] < below)
			return plateaus[i];
	}
	return MTU_MIN_V4;
}

bool tcp_path_mtu(struct tcb *t, const struct tcp_io *io, uint32_t seq, uint32_t mtu)
{
	bool v6 = t->flags & TCB_V6;
	uint32_t headers = v6 ? 60 : 40, mss;
	struct tcp_flight *f = flight_of(t, io);

	if (!seq_between(seq, t->snd_una, outstanding(t)) || (v6 && mtu < MTU_MIN_V6))
		return false;
	if (mtu < MTU_MIN_V4)
		mtu = next_plateau(t->snd_mss + headers);
	mss = mtu > headers ? mtu - headers : 0;
	mss = max_u32(mss, max_u32(io->config->mss_min, TS_LEN + 1));
	if (mss >= t->snd_mss)
		return false;
	t->snd_mss = (uint16_t)mss;
	t->cwnd = max_u32(t->cwnd, payload_max(t));
	if (f) {
		/* RFC 1191 6.5: sent again at once, and no sign of congestion */
		flight_lose_all(t, f);
		if (!(t->flags & (TCB_RECOVERY | TCB_LOSS))) {
			t->flags |= TCB_RECOVERY;
			t->recover = t->snd_nxt;
			f->undo_cwnd = f->partial_acked = 0;
		}
	}
	return true;
}
