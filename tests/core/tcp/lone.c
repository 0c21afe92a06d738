/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lone.h"

#include <stdlib.h>
#include <string.h>

struct lone lone;

struct tcp_io lone_io(void)
{
	return (struct tcp_io){&lone.config, tcp_memory_at(&lone.pool, lone.chunk), &lone.in,
			       &lone.out, lone.now};
}

void lone_reset(void)
{
	uint32_t shift = lone.shift;
	union tcp_chunk *chunk = lone.chunk;

	memset(&lone, 0, sizeof(lone));
	lone.shift = shift;
	lone.chunk = chunk ? chunk : calloc(1, tcp_pool_bytes(LONE_CHUNKS));
	tcp_config_default(&lone.config);
	lone.config.rcv_buf = 1000;
	lone.config.delack_ms = 0;
	lone.config.ecn = false;
	lone.offer.rcv_mss = 1460;
	lone.window = 60000;
	lone.mss = 1460;
	lone.shift_count = 7;
	lone.now = 5000 * USEC_PER_SEC;
}

void lone_close(void)
{
	struct tcp_io io = lone_io();

	tcp_abort(&lone.tcb, &io, TCP_ERROR_ABORTED);
	tcp_stream_clear(&lone.in, io.memory);
	tcp_stream_clear(&lone.out, io.memory);
	ck_assert_uint_eq(lone.pool.used, 0);
}

static void to_wire(uint32_t *value)
{
	*value += lone.shift;
}

static void from_wire(struct tcp_segment *s)
{
	s->seq -= lone.shift;
	s->ack -= lone.shift;
	for (unsigned i = 0; i < s->opt.n_sack; i++) {
		s->opt.sack[i].left -= lone.shift;
		s->opt.sack[i].right -= lone.shift;
	}
}

enum tcp_result lone_in(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static uint8_t data[70000];
	struct tcp_io io = lone_io();
	struct tcp_segment s = {
		.seq = seq,
		.ack = flags & TCP_ACK ? ack : 0u - lone.shift,
		.flags = flags,
		.window = (uint16_t)lone.window,
		.urgent = lone.urgent,
		.ce = lone.ce,
		.len = len,
		.data = data,
		.opt = lone.opt,
	};

	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(seq + i);
	to_wire(&s.seq);
	to_wire(&s.ack);
	for (unsigned i = 0; i < s.opt.n_sack; i++) {
		to_wire(&s.opt.sack[i].left);
		to_wire(&s.opt.sack[i].right);
	}
	if (flags & TCP_SYN) {
		s.opt.present |= (lone.mss ? TCP_OPT_MSS : 0) |
				 (lone.sack ? TCP_OPT_SACK_PERMITTED : 0) |
				 (lone.wscale ? TCP_OPT_WSCALE : 0);
		s.opt.mss = lone.mss;
		s.opt.wscale = lone.shift_count;
	}
	if (lone.timestamps) {
		s.opt.present |= TCP_OPT_TIMESTAMPS;
		if (s.opt.ts_val == 0)
			s.opt.ts_val = (uint32_t)(lone.now / 1000);
		if (s.opt.ts_ecr == 0)
			s.opt.ts_ecr = (uint32_t)(lone.now / 1000);
	}
	lone.result = tcp_input(&lone.tcb, &io, &s, &lone.reply);
	from_wire(&lone.reply);
	return lone.result;
}

bool lone_out(void)
{
	struct tcp_io io = lone_io();

	if (!tcp_poll(&lone.tcb, &io, 0, &lone.s))
		return false;
	from_wire(&lone.s);
	return true;
}

unsigned lone_drain(void)
{
	unsigned n = 0;

	while (lone_out())
		ck_assert_uint_lt(n++, 10000);
	return n;
}

void lone_write(uint32_t n)
{
	static const uint8_t zeros[70000];
	struct tcp_io io = lone_io();

	ck_assert_uint_eq(tcp_stream_append(&lone.out, io.memory, zeros, n), n);
}

void lone_shutdown(void)
{
	lone.out.flags |= TCP_STREAM_FIN;
}

bool lone_pass(uint32_t ms)
{
	usec_t until = lone.now + ms * USEC_PER_MSEC;

	for (;;) {
		usec_t next = tcp_deadline(&lone.tcb, lone.now);
		struct tcp_io io;

		if (next > until) {
			lone.now = until;
			return lone_out();
		}
		lone.now = next;
		io = lone_io();
		tcp_expire(&lone.tcb, &io);
		if (lone_out())
			return true;
	}
}

static void prepare(void)
{
	tcp_pool_init(&lone.pool, LONE_CHUNKS);
	tcp_stream_init(&lone.in);
	tcp_stream_init(&lone.out);
	lone.offer.iss = OURS + lone.shift;
	lone.offer.sack = lone.sack;
	lone.offer.timestamps = lone.timestamps;
	lone.offer.wscale = lone.wscale;
	lone.offer.ts_val = (uint32_t)(lone.now / 1000);
}

static void begin(enum tcp_state state)
{
	struct tcp_io io;

	prepare();
	io = lone_io();
	if (state == TCPS_SYN_SENT)
		tcp_connect(&lone.tcb, &io, &lone.offer);
	else
		tcp_listen(&lone.tcb, &io, &lone.offer);
	lone_drain();
}

void lone_call(void)
{
	struct tcp_io io;

	prepare();
	io = lone_io();
	tcp_connect(&lone.tcb, &io, &lone.offer);
	ck_assert(lone_out());
}

void lone_open(enum tcp_state state)
{
	struct tcp_io io;

	begin(state);
	io = lone_io();
	if (state == TCPS_CLOSED)
		tcp_abort(&lone.tcb, &io, TCP_ERROR_NONE);
	if (state == TCPS_CLOSED || state == TCPS_LISTEN || state == TCPS_SYN_SENT)
		return;
	lone_in(TCP_SYN, PEER, 0, 0);
	lone_drain();
	if (state == TCPS_SYN_RECEIVED)
		return;
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	if (state == TCPS_CLOSE_WAIT || state == TCPS_LAST_ACK)
		lone_in(TCP_FIN | TCP_ACK, PEER + 1, OURS + 1, 0);
	lone_drain();
	if (state == TCPS_ESTABLISHED || state == TCPS_CLOSE_WAIT) {
		ck_assert_int_eq(lone.tcb.state, state);
		return;
	}
	lone_shutdown();
	lone_drain();
	if (state == TCPS_CLOSING)
		lone_in(TCP_FIN | TCP_ACK, PEER + 1, OURS + 1, 0);
	if (state == TCPS_FIN_WAIT_2)
		lone_in(TCP_ACK, PEER + 1, OURS + 2, 0);
	if (state == TCPS_TIME_WAIT)
		lone_in(TCP_FIN | TCP_ACK, PEER + 1, OURS + 2, 0);
	lone_drain();
	ck_assert_int_eq(lone.tcb.state, state);
}

int lone_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	free(lone.chunk);
	lone.chunk = NULL;
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
