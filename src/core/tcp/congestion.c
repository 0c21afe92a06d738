/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much may be in flight: RFC 5681, 6928, and behind one interface NewReno and CUBIC (RFC 9438). */
#include "core/tcp/internal.h"

/*
 * Segments that one ACK may add in slow start. DEVIATION: RFC 5681 3.1 has one. ACKs come for batches;
 * this is the L that RFC 9406 4.2 gives to senders without pacing.
 */
#define SLOW_START_LIMIT 8

static const struct congestion *algorithm(const struct tcp_io *io)
{
	return io->config->congestion == TCP_NEWRENO ? &congestion_newreno : &congestion_cubic;
}

static uint32_t at_least_two(const struct tcb *t, uint32_t bytes)
{
	return max_u32(bytes, 2 * payload_max(t));
}

/* ---- NewReno ---- */

static void newreno_acked(struct tcb *t, const struct tcp_io *io, uint32_t bytes)
{
	uint64_t add = (uint64_t)bytes * payload_max(t) / t->cwnd;

	t->cwnd += add ? (uint32_t)add : 1;
}

/*
 * newreno_lost() - DEVIATION: RFC 5681 3.1 halves what is in flight, here it is the window, which grows
 * only while it is used up: RFC 9438 4.6 allows that.
 */
static uint32_t newreno_lost(struct tcb *t, const struct tcp_io *io)
{
	return at_least_two(t, t->cwnd / 2);
}

const struct congestion congestion_newreno = {newreno_acked, newreno_lost};

/* ---- CUBIC ---- */

/* cube_root() - the largest x with x^3 <= @a. */
static uint32_t cube_root(uint64_t a)
{
	uint64_t x = 0;

	for (int bit = 20; bit >= 0; bit--) {
		uint64_t y = x | (uint64_t)1 << bit;

		if (y * y * y <= a)
			x = y;
	}
	return (uint32_t)x;
}

/*
 * cubic_window() - W_cubic(t) = C (t - K)^3 + W_max, RFC 9438 figure 1, C = 0.4 segments a second^3.
 * In bytes and milliseconds: 0.4 * mss / 10^9 is mss / 2500 / 10^6.
 */
static uint32_t cubic_window(const struct tcb *t, uint32_t t_ms)
{
	bool before = t_ms < t->k_ms;
	uint64_t d = min_u32(before ? t->k_ms - t_ms : t_ms - t->k_ms, 1000000);
	uint64_t bytes = d * d * d / 1000000 * payload_max(t) / 2500;

	if (before)
		return bytes < t->w_max ? (uint32_t)(t->w_max - bytes) : 0;
	return bytes < TCP_CWND_MAX - t->w_max ? (uint32_t)(t->w_max + bytes) : TCP_CWND_MAX;
}

/* cubic_begin() - a new epoch, at the distance from W_max that the window has now. */
static void cubic_begin(struct tcb *t, const struct tcp_io *io)
{
	t->flags |= TCB_EPOCH;
	t->epoch_at = now_ms(io);
	t->w_est = t->cwnd;
	t->w_est_part = 0;
	t->w_max = max_u32(t->w_max, t->cwnd);
	t->k_ms = cube_root((uint64_t)(t->w_max - t->cwnd) * 2500000000 / payload_max(t));
}

/*
 * cubic_friendly() - W_est of RFC 9438 4.3: what Reno would have on average; alpha is 9/17.
 * DEVIATION: also beyond cwnd_prior, where the RFC has alpha rise to 1: on a lossy path that takes a sixth more
 * than the CUBIC of the kernels it shares the path with.
 */
static uint32_t cubic_friendly(struct tcb *t, uint32_t bytes)
{
	uint64_t add = ((uint64_t)min_u32(bytes, TCP_CWND_MAX) << 16) / t->cwnd * payload_max(t);

	add = add * 9 / 17 + t->w_est_part;
	t->w_est = min_u32(t->w_est + (uint32_t)(add >> 16), TCP_CWND_MAX);
	t->w_est_part = (uint16_t)add;
	return t->w_est;
}

static void cubic_acked(struct tcb *t, const struct tcp_io *io, uint32_t bytes)
{
	uint32_t elapsed, target, friendly;

	if (!(t->flags & TCB_EPOCH))
		cubic_begin(t, io);
	elapsed = now_ms(io) - t->epoch_at;
	friendly = cubic_friendly(t, bytes);
	if (cubic_window(t, elapsed) < friendly) {
		t->cwnd = max_u32(t->cwnd, friendly);
		return;
	}
	target = cubic_window(t, elapsed + t->srtt_us / 1000);
	target = min_u32(target, t->cwnd + t->cwnd / 2);
	if (target > t->cwnd)
		t->cwnd += (uint32_t)((uint64_t)(target - t->cwnd) * bytes / t->cwnd);
}

static uint32_t cubic_lost(struct tcb *t, const struct tcp_io *io)
{
	/* 4.7, fast convergence: who lost before reaching the old maximum leaves room for others */
	t->w_max = t->cwnd < t->w_max ? (uint32_t)((uint64_t)t->cwnd * 17 / 20) : t->cwnd;
	t->flags &= ~(uint32_t)TCB_EPOCH;
	return at_least_two(t, (uint32_t)((uint64_t)t->cwnd * 7 / 10));
}

const struct congestion congestion_cubic = {cubic_acked, cubic_lost};

/* ---- common to both ---- */

uint32_t initial_window(const struct tcb *t, const struct tcp_io *io)
{
	uint32_t n = max_u32(io->config->initial_segments, 1), mss = payload_max(t);

	/* RFC 5681 3.1: one segment if the SYN was lost */
	if (t->flags & TCB_SYN_LOST)
		return mss;
	return min_u32(n * mss, max_u32(2 * mss, n * 1460));
}

void congestion_init(struct tcb *t, const struct tcp_io *io)
{
	t->cwnd = initial_window(t, io);
	t->ssthresh = TCP_CWND_MAX;
	t->w_max = 0;
}

void congestion_acked(struct tcb *t, const struct tcp_io *io, uint32_t bytes)
{
	if (t->cwnd < t->ssthresh)
		t->cwnd += min_u32(bytes, SLOW_START_LIMIT * payload_max(t));
	else
		algorithm(io)->acked(t, io, bytes);
	t->cwnd = min_u32(t->cwnd, TCP_CWND_MAX);
}

/* reduced() - RFC 3168 6.1.2: the peer is told, whatever the reason, and stops telling us. */
static void reduced(struct tcb *t)
{
	if (t->flags & TCB_ECN)
		t->flags |= TCB_SEND_CWR;
}

void congestion_fast(struct tcb *t, const struct tcp_io *io)
{
	reduced(t);
	t->ssthresh = algorithm(io)->lost(t, io);
	t->cwnd = t->ssthresh;
}

void congestion_timeout(struct tcb *t, const struct tcp_io *io)
{
	reduced(t);
	/* RFC 5681 3.1: a time-out of what was sent again already does not lower ssthresh any more */
	if (!(t->flags & (TCB_LOSS | TCB_RECOVERY)))
		t->ssthresh = algorithm(io)->lost(t, io);
	t->cwnd = payload_max(t);
}

/* congestion_idle() - RFC 5681 4.1: after a pause the old window says nothing. */
void congestion_idle(struct tcb *t, const struct tcp_io *io)
{
	if (seq_leq(now_ms(io), t->sent_at + t->rto_ms))
		return;
	t->cwnd = min_u32(t->cwnd, initial_window(t, io));
	t->flags &= ~(uint32_t)TCB_EPOCH;
}
