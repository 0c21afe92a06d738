/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the endpoint share with each other and with nobody else. */
#ifndef TCPGUARD_CORE_TCP_INTERNAL_H
#define TCPGUARD_CORE_TCP_INTERNAL_H

#include "base/seq.h"
#include "core/tcp/tcp.h"

#define MSS_DEFAULT    536 /* RFC 9293 MUST-15 */
#define MSS_DEFAULT_V6 1220
#define TS_LEN	       12 /* of the timestamps in every segment, padded */
#define DUP_THRESH     3 /* RFC 5681 3.2 */

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint32_t now_ms(const struct tcp_io *io)
{
	return (uint32_t)(io->now / USEC_PER_MSEC);
}

static inline uint32_t now_us(const struct tcp_io *io)
{
	return (uint32_t)io->now;
}

/* ms_from_now() - the time after at least @delay; the clock may be about to tick. */
static inline uint32_t ms_from_now(const struct tcp_io *io, uint32_t delay)
{
	return now_ms(io) + delay + 1;
}

/* move() - to the next state of state.def. */
static inline void move(struct tcb *t, enum tcp_event event)
{
	t->state = (uint8_t)tcp_state_next(t->state, event);
}

static inline bool is_synchronized(const struct tcb *t)
{
	return t->state >= TCPS_ESTABLISHED;
}

static inline bool is_bare_fin(const struct tcp_segment *s)
{
	return (s->flags & (TCP_FIN | TCP_SYN | TCP_RST)) == TCP_FIN && s->len == 0;
}

/* Sequence numbers of stream offsets, and back. */
static inline uint32_t out_seq(const struct tcb *t, uint32_t offset)
{
	return t->iss + 1 + offset;
}

static inline uint32_t out_offset(const struct tcb *t, uint32_t seq)
{
	return seq - t->iss - 1;
}

static inline uint32_t in_offset(const struct tcb *t, uint32_t seq)
{
	return seq - t->irs - 1;
}

/* payload_max() - of one segment, RFC 6691: options count. */
static inline uint32_t payload_max(const struct tcb *t)
{
	return t->snd_mss - (t->flags & TCB_TIMESTAMPS ? TS_LEN : 0);
}

static inline uint32_t snd_edge(const struct tcb *t)
{
	return t->snd_una + t->snd_wnd;
}

/*
 * is_shut() - is the peer's window closed, or opened by less than its TCP would of itself (RFC 9293
 * 3.8.6.2.2)? Who takes a byte at a time makes no progress. Beyond mss_min a window may be small for good.
 */
static inline bool is_shut(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t half = max_u32(t->max_snd_wnd / 2, io->config->mss_min);

	return t->snd_wnd < min_u32(payload_max(t), half);
}

static inline uint32_t outstanding(const struct tcb *t)
{
	return t->snd_nxt - t->snd_una;
}

/* ts_clock() - TSval of now. */
static inline uint32_t ts_clock(const struct tcb *t, const struct tcp_io *io)
{
	return now_ms(io) + t->ts_offset;
}

/*
 * syn_window() - in a SYN, which does not scale it: what a scaled field can repeat exactly, since a SYN
 * may have to be sent once more after an ACK.
 */
static inline uint32_t syn_window(const struct tcb *t)
{
	return min_u32(t->rcv_buf, UINT16_MAX) & ~((1u << t->rcv_wscale) - 1);
}

/* ---- open.c ---- */

/* options_agree() - take in the options of the peer's SYN. */
void options_agree(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *syn);

/* ---- flight.c ---- */

static inline struct tcp_flight *flight_of(const struct tcb *t, const struct tcp_io *io)
{
	return t->flight == INDEX_NONE ? NULL : &io->memory.chunk[t->flight].flight;
}

/* flight_open() - have a book of what is in flight. Return: NULL without memory. */
struct tcp_flight *flight_open(struct tcb *t, const struct tcp_io *io);
void flight_close(struct tcb *t, const struct tcp_io *io);

/* flight_start() - where run @i begins. */
static inline uint32_t flight_start(const struct tcb *t, const struct tcp_flight *f, uint32_t i)
{
	return i ? f->sent[i - 1].end : t->snd_una;
}

/* flight_sent() - new data up to @end has been sent. */
void flight_sent(struct tcp_flight *f, uint32_t end, uint32_t at_us);

/* flight_split() - make @seq, inside of run @i, a boundary. @spare: places to leave free. */
bool flight_split(struct tcp_flight *f, uint32_t i, uint32_t seq, uint32_t spare);

/* flight_mark() - set flag LOST or SACKED of run @i, and count. */
void flight_mark(const struct tcb *t, struct tcp_flight *f, uint32_t i, enum tcp_sent_flag flag);
void flight_unmark(const struct tcb *t, struct tcp_flight *f, uint32_t i, enum tcp_sent_flag flag);

/* flight_resent() - [start of run i, end) has been sent again. */
void flight_resent(struct tcb *t, struct tcp_flight *f, uint32_t i, uint32_t end, uint32_t at_us);

/* flight_lose_first() - one segment at snd_una is to be sent again. */
void flight_lose_first(const struct tcb *t, struct tcp_flight *f);

/* flight_tidy() - make room by merging what needs not be told apart any more. */
void flight_tidy(struct tcp_flight *f);

/* flight_lose_all() - all that was not SACKed is to be sent again. */
void flight_lose_all(const struct tcb *t, struct tcp_flight *f);

/* flight_lost() - the first run that is to be sent again, or INDEX_NONE. */
uint32_t flight_lost(const struct tcp_flight *f);

/* pipe_bytes() - what is thought to be on the way, RFC 6675 4. */
uint32_t pipe_bytes(const struct tcb *t, const struct tcp_io *io);

/* ---- ack.c ---- */

/* ack_input() - SND.UNA =< SEG.ACK =< SND.NXT of an established connection. */
void ack_input(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s);

/* undo_prepare() - before the window is reduced: keep what there was. */
void undo_prepare(const struct tcb *t, struct tcp_flight *f);

/* loss_found() - after runs were marked lost: reduce the window, once for all that is in flight. */
void loss_found(struct tcb *t, const struct tcp_io *io);

/* ---- rack.c ---- */

/* What one ACK has delivered. */
struct delivery {
	uint32_t bytes; /* acknowledged or SACKed for the first time */
	uint32_t acked; /* cumulatively */
	uint32_t rtt_us; /* 0: not measured */
	uint32_t ts_ecr;
	bool in_order; /* what is being looked at was acknowledged, not SACKed */
	bool has_ts, any_resent, new_sack, dsack;
};

/* rack_delivered() - the @len bytes of @r have arrived, and nobody knew yet. */
void rack_delivered(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
		    const struct tcp_sent *r, uint32_t len, struct delivery *d);

/* rack_detect() - mark what is lost. Return: microseconds until there may be more, or 0. */
uint32_t rack_detect(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f);

void rack_dsack(struct tcb *t, const struct tcp_io *io);
void rack_recovered(struct tcb *t);

/* tail_probe_ms() - time-out of a tail loss probe, or 0 if there shall be none. */
uint32_t tail_probe_ms(const struct tcb *t, const struct tcp_io *io);
void tail_probe_acked(struct tcb *t, const struct tcp_io *io, struct tcp_flight *f,
		      const struct tcp_segment *s, const struct delivery *d);

/* ---- rtt.c ---- */

void rtt_measured(struct tcb *t, const struct tcp_io *io, uint32_t rtt_us);
uint32_t rto_backed_off(const struct tcb *t, const struct tcp_io *io);

/* ---- congestion.c ---- */

/* The small interface behind which the algorithms are. */
struct congestion {
	/* in congestion avoidance, @bytes were delivered */
	void (*acked)(struct tcb *t, const struct tcp_io *io, uint32_t bytes);
	/* a loss: Return: the new ssthresh */
	uint32_t (*lost)(struct tcb *t, const struct tcp_io *io);
};
extern const struct congestion congestion_newreno, congestion_cubic;

uint32_t initial_window(const struct tcb *t, const struct tcp_io *io);
void congestion_init(struct tcb *t, const struct tcp_io *io);
void congestion_acked(struct tcb *t, const struct tcp_io *io, uint32_t bytes);
void congestion_fast(struct tcb *t, const struct tcp_io *io); /* loss, or ECE */
void congestion_timeout(struct tcb *t, const struct tcp_io *io);
void congestion_idle(struct tcb *t, const struct tcp_io *io);

/* ---- receive.c ---- */

static inline struct tcp_gaps *gaps_of(const struct tcb *t, const struct tcp_io *io)
{
	return t->gaps == INDEX_NONE ? NULL : &io->memory.chunk[t->gaps].gaps;
}

/* receive_text() - payload and FIN, trimmed to the window. Return: TCP_IN_OK or TCP_IN_NO_MEMORY. */
enum tcp_result receive_text(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *s);
void receive_duplicate(struct tcb *t, uint32_t left, uint32_t right);
void gaps_close(struct tcb *t, const struct tcp_io *io);

/* window_field() - the window to advertise now, as on the wire; moves rcv_adv. */
uint16_t window_field(struct tcb *t, const struct tcp_io *io);

/* window_grew() - by enough to tell the peer of it, RFC 9293 3.8.6.2.2? */
bool window_grew(const struct tcb *t, const struct tcp_io *io);

void put_sack(const struct tcb *t, const struct tcp_io *io, struct tcp_options *o);

/* ---- timer.c ---- */

/* timer_restart() - (re)arm the retransmission timer for what is in flight or blocked now. */
void timer_restart(struct tcb *t, const struct tcp_io *io);
void timer_sent(struct tcb *t, const struct tcp_io *io, bool new_data);
void timer_reorder(struct tcb *t, const struct tcp_io *io, uint32_t delay_us);
void idle_restart(struct tcb *t, const struct tcp_io *io);
void time_wait(struct tcb *t, const struct tcp_io *io);

/* challenge() - owe an ACK to a segment that may be forged, not too often, RFC 5961 7. */
void challenge(struct tcb *t, const struct tcp_io *io);

/* ---- input.c ---- */

/* end() - CLOSED; everything is given back. */
void end(struct tcb *t, const struct tcp_io *io, enum tcp_error why);

#endif
