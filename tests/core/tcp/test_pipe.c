/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two endpoints back to back: back-pressure, and how each ending becomes one on the other side. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/tcp/pipe.h"

#define CHUNKS 256
#define CLIENT 0
#define SERVER 1
#define ISS(i) (1000u * ((i) + 1)) /* of the peer */
#define OUR(i) (5000u * ((i) + 1)) /* of our end */

static struct {
	struct tcp_pipe pipe;
	struct tcb end[2];
	struct tcp_stream stream[2];
	struct tcp_pool pool;
	void *chunk;
	struct tcp_config config;
	usec_t now;
	struct tcp_segment s, reply;
	unsigned from; /* the end that sent s */
} p;

static struct tcp_pipe_io io(void)
{
	return (struct tcp_pipe_io){&p.config, tcp_memory_at(&p.pool, p.chunk), p.now};
}

static bool out(void)
{
	struct tcp_pipe_io i = io();

	return tcp_pipe_poll(&p.pipe, &i, 0, &p.from, &p.s);
}

static void drain(void)
{
	while (out())
		;
}

/* in() - from the peer of that end; numbers count from its and our ISN. */
static void in(unsigned end, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static const uint8_t zeros[2000];
	struct tcp_pipe_io i = io();
	struct tcp_segment s = {.seq = ISS(end) + seq,
				.ack = OUR(end) + ack,
				.flags = flags,
				.window = 20000,
				.len = len,
				.data = zeros};

	s.opt.present = flags & TCP_SYN ? TCP_OPT_MSS : 0;
	s.opt.mss = 1460;
	tcp_pipe_input(&p.pipe, &i, end, &s, &p.reply);
}

/* given() - a client from a cookie; the server has not answered yet. */
static void given(void)
{
	struct tcp_agreed agreed = {.iss = OUR(CLIENT),
				    .irs = ISS(CLIENT),
				    .snd_wnd = 20000,
				    .rcv_wnd = 10000,
				    .mss = 1460,
				    .rcv_mss = 1460};
	struct tcp_offer offer = {.iss = OUR(SERVER), .rcv_mss = 1460};
	struct tcp_pipe_io i;
	struct tcp_io side;

	memset(&p, 0, sizeof(p));
	p.chunk = calloc(1, tcp_pool_bytes(CHUNKS));
	p.now = 1000 * USEC_PER_SEC;
	tcp_config_default(&p.config);
	p.config.rcv_buf = 10000;
	tcp_pool_init(&p.pool, CHUNKS);
	p.pipe = (struct tcp_pipe){{&p.end[0], &p.end[1]}, {&p.stream[0], &p.stream[1]}};
	tcp_pipe_init(&p.pipe);
	i = io();
	side = tcp_pipe_side(&p.pipe, &i, CLIENT);
	tcp_accept(&p.end[CLIENT], &side, &agreed);
	side = tcp_pipe_side(&p.pipe, &i, SERVER);
	tcp_connect(&p.end[SERVER], &side, &offer);
	ck_assert(out());
	ck_assert_uint_eq(p.s.flags & TCP_SYN, TCP_SYN);
}

static void given_open(void)
{
	given();
	in(SERVER, TCP_SYN | TCP_ACK, 0, 1, 0);
	drain();
}

static void over(void)
{
	ck_assert(tcp_pipe_is_over(&p.pipe));
	ck_assert_uint_eq(p.pool.used, 0);
	free(p.chunk);
}

START_TEST(what_comes_before_the_server_answers_is_kept)
{
	given();
	in(CLIENT, TCP_ACK, 1, 1, 100);
	drain();
	in(SERVER, TCP_SYN | TCP_ACK, 0, 1, 0);
	ck_assert(out());
	ck_assert_uint_eq(p.from, SERVER);
	ck_assert_uint_eq(p.s.seq, OUR(SERVER) + 1);
	ck_assert_uint_eq(p.s.len, 100);
	free(p.chunk);
}
END_TEST

START_TEST(a_server_that_refuses_resets_the_client)
{
	given();
	in(CLIENT, TCP_ACK, 1, 1, 100);
	drain();
	in(SERVER, TCP_RST | TCP_ACK, 0, 1, 0);
	ck_assert(out());
	ck_assert_uint_eq(p.from, CLIENT);
	ck_assert(p.s.flags & TCP_RST);
	ck_assert_uint_eq(p.s.seq, OUR(CLIENT) + 1);
	over();
}
END_TEST

START_TEST(a_slow_server_closes_the_clients_window)
{
	given_open();
	for (uint32_t at = 0; at < 10000; at += 1000) {
		in(CLIENT, TCP_ACK, 1 + at, 1, 1000);
		drain();
	}
	ck_assert_uint_eq(p.end[CLIENT].rcv_adv, p.end[CLIENT].rcv_nxt);
	ck_assert_uint_eq(tcp_stream_waiting(&p.stream[CLIENT]), 10000);
	/* its acknowledgement opens it, and the client is told */
	in(SERVER, TCP_ACK, 1, 1 + 6000, 0);
	ck_assert(out());
	ck_assert_uint_eq(p.from, CLIENT);
	ck_assert_uint_eq(p.s.window, 6000);
	ck_assert_uint_eq(p.s.ack, ISS(CLIENT) + 10001);
	free(p.chunk);
}
END_TEST

START_TEST(fin_becomes_fin_and_half_stays_open)
{
	given_open();
	in(CLIENT, TCP_FIN | TCP_ACK, 1, 1, 100);
	drain();
	ck_assert_int_eq(p.end[CLIENT].state, TCPS_CLOSE_WAIT);
	ck_assert_int_eq(p.end[SERVER].state, TCPS_FIN_WAIT_1);
	in(SERVER, TCP_ACK, 1, 102, 500);
	drain();
	ck_assert_int_eq(p.end[SERVER].state, TCPS_FIN_WAIT_2);
	in(SERVER, TCP_FIN | TCP_ACK, 501, 102, 0);
	drain();
	ck_assert_int_eq(p.end[CLIENT].state, TCPS_LAST_ACK);
	ck_assert_int_eq(p.end[SERVER].state, TCPS_TIME_WAIT);
	in(CLIENT, TCP_ACK, 102, 502, 0);
	ck_assert_int_eq(p.end[CLIENT].state, TCPS_CLOSED);
	p.now += 61 * USEC_PER_SEC;
	{
		struct tcp_pipe_io i = io();

		tcp_pipe_expire(&p.pipe, &i);
	}
	over();
}
END_TEST

START_TEST(rst_becomes_rst_from_either_side)
{
	unsigned end = (unsigned)_i;

	given_open();
	in(!end, TCP_ACK, 1, 1, 100); /* still on its way when the reset comes */
	drain();
	in(end, TCP_RST, 1, 0, 0);
	ck_assert(out());
	ck_assert_uint_eq(p.from, !end);
	ck_assert(p.s.flags & TCP_RST);
	ck_assert(!out());
	over();
}
END_TEST

START_TEST(a_client_that_is_gone_resets_the_server)
{
	bool reset = false;

	given_open();
	in(SERVER, TCP_ACK, 1, 1, 100);
	drain();
	for (unsigned n = 0; n < 1000 && !tcp_pipe_is_over(&p.pipe); n++) {
		struct tcp_pipe_io i;

		p.now = tcp_pipe_deadline(&p.pipe, p.now);
		i = io();
		tcp_pipe_expire(&p.pipe, &i);
		while (out())
			reset |= p.from == SERVER && (p.s.flags & TCP_RST);
	}
	ck_assert(reset);
	ck_assert_int_eq(p.end[CLIENT].error, TCP_ERROR_TIMEOUT);
	over();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/pipe");
	TCase *tc = tcase_create("pipe");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, what_comes_before_the_server_answers_is_kept);
	tcase_add_test(tc, a_server_that_refuses_resets_the_client);
	tcase_add_test(tc, a_slow_server_closes_the_clients_window);
	tcase_add_test(tc, fin_becomes_fin_and_half_stays_open);
	tcase_add_loop_test(tc, rst_becomes_rst_from_either_side, 0, 2);
	tcase_add_test(tc, a_client_that_is_gone_resets_the_server);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
