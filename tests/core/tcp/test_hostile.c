/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer that does anything: programs of segments around the edges of what is valid, time, and an
 * application that writes and closes. After every step the books must agree with each other, and at the
 * end all memory must be back. HOSTILE_SEED and HOSTILE_RUNS play others than those of `check`.
 */
#include <stdlib.h>

#include "base/seq.h"
#include "lone.h"
#include "sim/rng.h"

#define BATCHES 10
#define STEPS	120

static struct rng rng;

/* ---- what must always hold ---- */

static void check_flight(void)
{
	const struct tcb *t = &lone.tcb;
	const struct tcp_flight *f;
	uint32_t at = t->snd_una, sacked = 0, lost = 0;

	if (t->flight == INDEX_NONE)
		return;
	f = &lone.chunk[t->flight].flight;
	ck_assert_uint_le(f->n, TCP_SENT_MAX);
	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t len = f->sent[i].end - at;

		ck_assert_msg(len > 0 && len < 1u << 31, "run %u is empty", i);
		sacked += f->sent[i].flags & TCP_SENT_SACKED ? len : 0;
		lost += f->sent[i].flags & TCP_SENT_LOST ? len : 0;
		ck_assert((f->sent[i].flags & (TCP_SENT_SACKED | TCP_SENT_LOST)) !=
			  (TCP_SENT_SACKED | TCP_SENT_LOST));
		at = f->sent[i].end;
	}
	ck_assert_uint_eq(at, t->snd_nxt);
	ck_assert_uint_eq(f->sacked, sacked);
	ck_assert_uint_eq(f->lost, lost);
}

static void check_gaps(void)
{
	const struct tcb *t = &lone.tcb;
	const struct tcp_gaps *g;
	uint32_t at = t->rcv_nxt;

	if (t->gaps == INDEX_NONE)
		return;
	g = &lone.chunk[t->gaps].gaps;
	ck_assert_uint_le(g->n, TCP_GAPS_MAX);
	for (uint32_t i = 0; i < g->n; i++) {
		ck_assert(seq_gt(g->piece[i].left, at));
		ck_assert(seq_gt(g->piece[i].right, g->piece[i].left));
		at = g->piece[i].right;
	}
	ck_assert(seq_leq(at, t->rcv_adv));
}

static void check_all(void)
{
	const struct tcp_link *link = lone_io().memory.link;
	const struct tcb *t = &lone.tcb;
	uint32_t chunks = 0;

	if (t->state != TCPS_CLOSED) {
		ck_assert(seq_leq(t->snd_una, t->snd_nxt));
		ck_assert(t->state < TCPS_SYN_RECEIVED || seq_leq(t->rcv_nxt, t->rcv_adv));
		ck_assert(t->state < TCPS_ESTABLISHED || t->cwnd >= 64u);
		ck_assert_uint_le(t->rto_ms, lone.config.rto_max_ms);
		check_flight();
		check_gaps();
	}
	for (uint32_t i = lone.in.head; i != INDEX_NONE; i = link[i].next)
		chunks++;
	/* never more than the window, however it is cut: one chunk may be begun at each end */
	ck_assert_uint_le(chunks, lone.config.rcv_buf / TCP_CHUNK_BYTES + 3);
	for (uint32_t i = lone.out.head; i != INDEX_NONE; i = link[i].next)
		chunks++;
	chunks += (t->flight != INDEX_NONE) + (t->gaps != INDEX_NONE);
	ck_assert_uint_eq(chunks, lone.pool.used);
}

/* ---- what the peer does ---- */

/* near() - a number close to one of the edges. */
static uint32_t near(uint32_t a, uint32_t b)
{
	uint32_t edge = rng_pct(&rng, 50) ? a : b;

	if (rng_pct(&rng, 50))
		return edge;
	if (rng_pct(&rng, 3))
		return (uint32_t)rng_u64(&rng);
	return edge + (uint32_t)rng_below(&rng, 3001) - 1500;
}

static uint16_t some_flags(void)
{
	static const uint16_t often[] = {TCP_ACK,	    TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK,
					 TCP_SYN,	    TCP_SYN | TCP_ACK, TCP_ACK | TCP_URG,
					 TCP_ACK | TCP_ECE, TCP_ACK | TCP_CWR};

	if (rng_pct(&rng, 60))
		return TCP_ACK;
	if (rng_pct(&rng, 5))
		return TCP_RST | (rng_pct(&rng, 50) ? TCP_ACK : 0);
	if (rng_pct(&rng, 80))
		return often[rng_below(&rng, ARRAY_SIZE(often))];
	return (uint16_t)(rng_u64(&rng) & TCP_FLAGS_ALL & ~(rng_pct(&rng, 90) ? TCP_RST : 0));
}

static void some_options(void)
{
	const struct tcb *t = &lone.tcb;

	lone.opt = (struct tcp_options){0};
	if (lone.timestamps && rng_pct(&rng, 90))
		lone.opt.ts_val = near((uint32_t)(lone.now / 1000), t->ts_recent);
	lone.opt.ts_ecr = near((uint32_t)(lone.now / 1000), 0);
	if (rng_pct(&rng, 40)) {
		lone.opt.present |= TCP_OPT_SACK;
		lone.opt.n_sack = (uint8_t)rng_range(&rng, 0, TCP_SACK_MAX);
		for (unsigned i = 0; i < lone.opt.n_sack; i++) {
			uint32_t left = near(t->snd_una, t->snd_nxt) - lone.shift;

			lone.opt.sack[i].left = left;
			lone.opt.sack[i].right = rng_pct(&rng, 80) ? left + rng_size(&rng, 3000)
								   : near(t->snd_una, t->snd_nxt);
		}
	}
}

static void attack(void)
{
	const struct tcb *t = &lone.tcb;
	uint32_t seq = near(t->rcv_nxt, t->rcv_adv) - lone.shift;
	uint32_t ack = near(t->snd_una, t->snd_nxt) - lone.shift;

	some_options();
	lone.window = rng_pct(&rng, 20) ? 0 : rng_size(&rng, 65535);
	lone_in(some_flags(), seq, ack, rng_pct(&rng, 50) ? rng_size(&rng, 3000) : 0);
}

static void application(void)
{
	struct tcp_io io = lone_io();
	uint32_t n = rng_size(&rng, 20000);
	uint8_t byte = 0;

	switch (rng_below(&rng, 6)) {
	case 0:
	case 1:
		if (!(lone.out.flags & TCP_STREAM_FIN))
			while (n-- && tcp_stream_waiting(&lone.out) < 100000)
				if (!tcp_stream_append(&lone.out, io.memory, &byte, 1))
					break;
		break;
	case 2:
		if (rng_pct(&rng, 10))
			lone_shutdown();
		break;
	case 3:
		if (rng_pct(&rng, 5))
			tcp_close_reading(&lone.tcb, &io);
		break;
	case 4:
		tcp_path_mtu(&lone.tcb, &io, near(lone.tcb.snd_una, lone.tcb.snd_nxt),
			     (uint32_t)rng_range(&rng, 0, 2000));
		break;
	default:
		n = tcp_stream_waiting(&lone.in);
		tcp_stream_release(&lone.in, io.memory,
				   lone.in.start + (uint32_t)rng_below(&rng, n + 1));
		break;
	}
}

static void let_time_pass(void)
{
	usec_t until = lone.now + rng_size(&rng, 30000000);

	for (unsigned n = 0; tcp_deadline(&lone.tcb, lone.now) <= until; n++) {
		struct tcp_io io;

		ck_assert_msg(n < 10000, "timers without end");
		lone.now = tcp_deadline(&lone.tcb, lone.now);
		io = lone_io();
		tcp_expire(&lone.tcb, &io);
		lone_drain();
		check_all();
	}
	lone.now = until;
}

static void program(uint64_t seed)
{
	rng_seed(&rng, seed, 7);
	lone.shift = rng_pct(&rng, 30) ? 0u - PEER - (uint32_t)rng_below(&rng, 5000)
				       : (uint32_t)rng_u64(&rng);
	lone_reset();
	lone.config.rcv_buf = (uint32_t)rng_range(&rng, 1000, 100000);
	lone.config.delack_ms = 40;
	lone.config.keepalive_idle_ms = rng_pct(&rng, 20) ? 5000 : 0;
	lone.config.congestion = rng_pct(&rng, 50) ? TCP_CUBIC : TCP_NEWRENO;
	lone.config.ecn = true;
	lone.offer.ecn = rng_pct(&rng, 50);
	lone.sack = rng_pct(&rng, 70);
	lone.timestamps = rng_pct(&rng, 50);
	lone.wscale = rng_pct(&rng, 50);
	lone_open((enum tcp_state)rng_range(&rng, TCPS_LISTEN, TCPS_TIME_WAIT));
	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = (unsigned)rng_below(&rng, 10);

		if (what < 6)
			attack();
		else if (what < 8)
			application();
		else
			let_time_pass();
		check_all();
		if (rng_pct(&rng, 70))
			lone_drain();
		check_all();
	}
	lone_close();
}

START_TEST(anything)
{
	const char *seed = getenv("HOSTILE_SEED"), *runs = getenv("HOSTILE_RUNS");
	uint64_t n = runs ? strtoull(runs, NULL, 0) : 100;
	uint64_t first = (seed ? strtoull(seed, NULL, 0) : 1) + (uint64_t)_i * n;

	for (uint64_t k = first; k < first + n; k++)
		program(k);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/hostile");
	TCase *tc = tcase_create("programs");

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, anything, 0, BATCHES);
	suite_add_tcase(suite, tc);
	return lone_run(suite);
}
