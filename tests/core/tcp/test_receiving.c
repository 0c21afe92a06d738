/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receiving, opening and closing: reassembly, ACKs, windows, timestamps, blind attacks, every ending. */
#include "base/seq.h"
#include "lone.h"

static void given(enum tcp_state state)
{
	lone_reset();
	lone.shift = 0u - PEER - 300; /* the peer's numbers wrap inside of the window */
	lone_open(state);
}

static void data(uint32_t at, uint32_t len)
{
	lone_in(TCP_ACK, PEER + 1 + at, OURS + 1, len);
}

/* stream_is_right() - lone_in() sends the numbers themselves. */
static void stream_is_right(uint32_t len)
{
	struct tcp_io io = lone_io();
	uint8_t got[2000];

	ck_assert_uint_eq(tcp_stream_waiting(&lone.in), len);
	tcp_stream_copy(&lone.in, io.memory, 0, got, len);
	for (uint32_t i = 0; i < len; i++)
		ck_assert_uint_eq(got[i], (uint8_t)(PEER + 1 + i));
}

static void expect_ack(uint32_t bytes)
{
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.ack, PEER + 1 + bytes);
	ck_assert_uint_eq(lone.s.len, 0);
}

/* ---- reassembly, RFC 2018, 2883 ---- */

START_TEST(any_order_gives_the_stream)
{
	static const uint32_t order[] = {7, 3, 5, 1, 9, 0, 8, 2, 6, 4};

	given(TCPS_ESTABLISHED);
	for (unsigned i = 0; i < 10; i++) {
		data(order[i] * 90 - (order[i] > 0 ? 10 : 0), 110); /* they overlap */
		ck_assert(lone_out());
		lone_drain();
	}
	stream_is_right(910);
	ck_assert_uint_eq(lone.tcb.gaps, INDEX_NONE);
	lone_close();
}
END_TEST

START_TEST(the_first_bytes_win)
{
	struct tcp_io io;
	uint8_t got[30];
	struct tcp_segment s, reply;
	uint8_t other[30] = {0};

	given(TCPS_ESTABLISHED);
	io = lone_io();
	data(10, 10);
	s = (struct tcp_segment){.seq = PEER + 1 + lone.shift,
				 .ack = OURS + 1 + lone.shift,
				 .flags = TCP_ACK,
				 .window = 1000,
				 .len = 30,
				 .data = other};
	tcp_input(&lone.tcb, &io, &s, &reply);
	tcp_stream_copy(&lone.in, io.memory, 0, got, 30);
	for (uint32_t i = 0; i < 30; i++)
		ck_assert_uint_eq(got[i], i >= 10 && i < 20 ? (uint8_t)(PEER + 1 + i) : 0);
	lone_close();
}
END_TEST

START_TEST(the_newest_piece_is_told_first)
{
	lone.sack = true;
	lone_reset();
	lone.sack = true;
	lone_open(TCPS_ESTABLISHED);
	data(100, 10);
	data(300, 10);
	data(200, 10);
	lone_drain();
	data(305, 15);
	expect_ack(0);
	/* D-SACK of what came twice, then the piece it belongs to, then by age */
	ck_assert_uint_eq(lone.s.opt.n_sack, 4);
	ck_assert_uint_eq(lone.s.opt.sack[0].left, PEER + 1 + 305);
	ck_assert_uint_eq(lone.s.opt.sack[0].right, PEER + 1 + 310);
	ck_assert_uint_eq(lone.s.opt.sack[1].left, PEER + 1 + 300);
	ck_assert_uint_eq(lone.s.opt.sack[1].right, PEER + 1 + 320);
	ck_assert_uint_eq(lone.s.opt.sack[2].left, PEER + 1 + 200);
	ck_assert_uint_eq(lone.s.opt.sack[3].left, PEER + 1 + 100);
	lone_close();
}
END_TEST

START_TEST(pieces_are_bounded)
{
	lone_reset();
	lone.config.rcv_buf = 4000;
	lone_open(TCPS_ESTABLISHED);
	for (unsigned i = 0; i < 900; i++)
		data(1 + 4 * i, 1);
	ck_assert_uint_le(lone.pool.used, 2);
	ck_assert_uint_eq(lone.chunk[lone.tcb.gaps].gaps.n, TCP_GAPS_MAX);
	/* what is in order is taken nevertheless */
	data(0, 900);
	stream_is_right(900);
	lone_close();
}
END_TEST

START_TEST(a_full_pool_refuses_disorder_first)
{
	given(TCPS_ESTABLISHED);
	lone.pool.used = LONE_CHUNKS * 7 / 10;
	data(100, 10);
	ck_assert_int_eq(lone.result, TCP_IN_NO_MEMORY);
	data(0, 10);
	ck_assert_int_eq(lone.result, TCP_IN_OK);
	lone.pool.used -= LONE_CHUNKS * 7 / 10;
	lone_close();
}
END_TEST

/* What has been received can always be sent on: data leave the last eighth to the books. */
START_TEST(a_full_pool_empties_itself)
{
	struct tcp_io io;
	uint32_t n = 0;

	given(TCPS_ESTABLISHED);
	io = lone_io();
	lone_write(10);
	while (tcp_chunk_take(io.memory, TCP_CHUNK_DATA) != INDEX_NONE)
		n++;
	ck_assert_uint_eq(n + 1, LONE_CHUNKS / 8 * 7);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.len, 10);
	lone.pool.used -= n;
	lone_close();
}
END_TEST

/* read_on() - the peer sends @n segments, each of which is read at once. Return: the window at last. */
static uint32_t read_on(uint32_t *at, uint32_t n)
{
	struct tcp_io io = lone_io();
	uint32_t window = 0;

	for (uint32_t i = 0; i < n; i++) {
		data(*at, 1000);
		*at += 1000;
		tcp_stream_release(&lone.in, io.memory, *at);
		while (lone_out())
			window = lone.s.window << lone.tcb.rcv_wscale;
	}
	return window;
}

START_TEST(the_window_is_a_quarter_of_what_is_free)
{
	const uint32_t taken = LONE_CHUNKS / 8 * 7 - 40;
	uint32_t at = 0;

	lone_reset();
	lone.config.rcv_buf = 400000;
	lone.wscale = true;
	lone_open(TCPS_ESTABLISHED);
	lone.pool.used += taken;
	ck_assert_uint_le(read_on(&at, 70), 40 * TCP_CHUNK_BYTES / 4);
	ck_assert_uint_gt(read_on(&at, 70), 30 * TCP_CHUNK_BYTES / 4);
	lone.pool.used -= taken;
	ck_assert_uint_gt(read_on(&at, 20), 100000);
	lone_close();
}
END_TEST

/* ---- RFC 9293 3.8.6.2, 3.8.6.3 ---- */

START_TEST(acks_are_delayed_but_not_for_long)
{
	uint32_t begin;

	lone_reset();
	lone.config.rcv_buf = 60000;
	lone.config.delack_ms = 40;
	lone_open(TCPS_ESTABLISHED);
	data(0, 1460);
	ck_assert(!lone_out());
	data(1460, 1460);
	expect_ack(2920);
	data(2920, 100);
	ck_assert(!lone_out());
	begin = (uint32_t)(lone.now / 1000);
	ck_assert(lone_pass(1000));
	ck_assert_uint_eq(lone.s.ack, PEER + 1 + 3020);
	ck_assert_uint_le((uint32_t)(lone.now / 1000) - begin, 45);
	lone_close();
}
END_TEST

/* 3.10.7.4: all that has come is looked at before anything is said. */
START_TEST(a_whole_batch_is_acknowledged_once)
{
	lone_reset();
	lone.config.rcv_buf = 60000;
	lone.config.delack_ms = 40;
	lone_open(TCPS_ESTABLISHED);
	for (uint32_t i = 0; i < 20; i++)
		data(1460 * i, 1460);
	expect_ack(20 * 1460);
	ck_assert(!lone_out());
	lone_close();
}
END_TEST

/* RFC 5681 4.2 */
START_TEST(a_gap_that_closes_is_told_at_once)
{
	lone_reset();
	lone.config.rcv_buf = 60000;
	lone.config.delack_ms = 40;
	lone_open(TCPS_ESTABLISHED);
	data(2000, 100);
	expect_ack(0);
	data(0, 500); /* a part of it */
	expect_ack(500);
	data(500, 1500); /* all of it */
	expect_ack(2100);
	data(2100, 500); /* nothing is missing: it may wait */
	ck_assert(!lone_out());
	lone_close();
}
END_TEST

START_TEST(the_window_opens_in_large_steps)
{
	struct tcp_io io;

	given(TCPS_ESTABLISHED);
	data(0, 1000);
	expect_ack(1000);
	ck_assert_uint_eq(lone.s.window, 0);
	io = lone_io();
	tcp_stream_release(&lone.in, io.memory, 100);
	ck_assert(!lone_out());
	tcp_stream_release(&lone.in, io.memory, 1000);
	ck_assert(!lone_out() || lone.s.window == 1000);
	lone_close();
}
END_TEST

START_TEST(single_bytes_do_not_open_the_window_for_ever)
{
	uint32_t at = 0;

	lone_reset();
	lone.config.rcv_buf = 100000;
	lone.wscale = true;
	lone_open(TCPS_ESTABLISHED);
	ck_assert_uint_gt(lone.tcb.rcv_wscale, 0);
	while (lone.tcb.rcv_adv != lone.tcb.rcv_nxt && at < 300000) {
		data(at++, 1);
		lone_drain();
	}
	ck_assert_uint_le(tcp_stream_waiting(&lone.in), 150001);
	lone_close();
}
END_TEST

START_TEST(a_probe_of_a_closed_window_is_answered)
{
	given(TCPS_ESTABLISHED);
	data(0, 1000);
	lone_drain();
	lone_write(10);
	lone_drain();
	/* its byte is not taken, its ACK is */
	lone_in(TCP_ACK, PEER + 1001, OURS + 11, 1);
	expect_ack(1000);
	ck_assert_uint_eq(lone.tcb.snd_una, OURS + 11 + lone.shift);
	lone_close();
}
END_TEST

/* 3.4: neither to RST nor to URG */
START_TEST(a_closed_window_is_not_deaf)
{
	given(TCPS_ESTABLISHED);
	data(0, 1000);
	lone_drain();
	ck_assert_uint_eq(lone.tcb.rcv_adv, lone.tcb.rcv_nxt);
	lone.urgent = 4;
	lone_in(TCP_ACK | TCP_URG, PEER + 1001, OURS + 1, 0);
	ck_assert(lone.in.flags & TCP_STREAM_URGENT);
	ck_assert_uint_eq(lone.in.urgent, 1004);
	lone_in(TCP_RST, PEER + 1002, 0, 0);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	lone_in(TCP_RST, PEER + 1001, 0, 0);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_RESET);
	lone_close();
}
END_TEST

/* ---- RFC 7323 ---- */

START_TEST(old_timestamps_are_refused)
{
	lone_reset();
	lone.timestamps = true;
	lone_open(TCPS_ESTABLISHED);
	lone.now += USEC_PER_SEC;
	data(0, 10);
	lone_drain();
	lone.opt.ts_val = (uint32_t)(lone.now / 1000) - 500;
	data(10, 10);
	ck_assert_int_eq(lone.result, TCP_IN_PAWS);
	expect_ack(10);
	/* after 24 days nobody knows any more */
	lone.now += 25 * 24 * 3600 * USEC_PER_SEC;
	data(10, 10);
	ck_assert_int_eq(lone.result, TCP_IN_OK);
	lone.timestamps = false;
	data(20, 10);
	ck_assert_int_eq(lone.result, TCP_IN_NO_TIMESTAMP);
	lone_close();
}
END_TEST

/* Somebody begins anew on these ports, and has no timestamps: RFC 5961 4 knows of no exception. */
START_TEST(a_syn_without_a_timestamp_is_challenged)
{
	lone_reset();
	lone.timestamps = true;
	lone_open(_i ? TCPS_TIME_WAIT : TCPS_ESTABLISHED);
	lone.timestamps = false;
	lone_in(TCP_SYN, PEER + 1 - 70000, 0, 0);
	ck_assert_int_eq(lone.result, TCP_IN_BLIND_SYN);
	expect_ack(_i);
	lone_in(TCP_SYN, PEER + 1 + _i, 0, 0);
	ck_assert_int_eq(lone.result, TCP_IN_BLIND_SYN);
	expect_ack(_i);
	lone_close();
}
END_TEST

START_TEST(a_bad_ack_sets_no_timestamp)
{
	lone_reset();
	lone.timestamps = true;
	lone_open(TCPS_ESTABLISHED);
	lone.opt.ts_val = (uint32_t)(lone.now / 1000) + 100000000;
	lone_in(TCP_ACK, PEER + 1, OURS + 70000, 10);
	ck_assert_int_eq(lone.result, TCP_IN_BAD_ACK);
	lone.opt.ts_val = 0;
	data(0, 10);
	ck_assert_int_eq(lone.result, TCP_IN_OK);
	lone_close();
}
END_TEST

/* ---- RFC 5961 ---- */

START_TEST(challenges_are_limited)
{
	unsigned n = 0;

	given(TCPS_ESTABLISHED);
	for (unsigned i = 0; i < 1000; i++) {
		lone_in(TCP_RST, PEER + 2 + i % 900, 0, 0);
		n += lone_drain();
	}
	ck_assert_uint_le(n, 10);
	lone.now += USEC_PER_SEC;
	lone_in(TCP_SYN, PEER + 7, 0, 0);
	ck_assert_uint_eq(lone_drain(), 1);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	lone_close();
}
END_TEST

START_TEST(acks_must_be_near)
{
	given(TCPS_ESTABLISHED);
	lone_in(TCP_ACK, PEER + 1, OURS + 2, 10);
	ck_assert_int_eq(lone.result, TCP_IN_BAD_ACK);
	lone_in(TCP_ACK, PEER + 1, OURS + 1 - 60001, 10);
	ck_assert_int_eq(lone.result, TCP_IN_BAD_ACK);
	lone_in(TCP_ACK, PEER + 1, OURS + 1 - 60000, 10);
	ck_assert_int_eq(lone.result, TCP_IN_OK);
	lone_close();
}
END_TEST

/* ---- opening ---- */

START_TEST(simultaneous_open)
{
	lone_reset();
	lone_open(TCPS_SYN_SENT);
	lone_in(TCP_SYN, PEER, 0, 0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags, TCP_SYN | TCP_ACK);
	ck_assert_uint_eq(lone.s.seq, OURS);
	/* RFC 9293 figure 8 */
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	expect_ack(0);
	lone_close();
}
END_TEST

START_TEST(a_syn_that_comes_again_is_answered_again)
{
	given(TCPS_SYN_RECEIVED);
	lone_in(TCP_SYN, PEER, 0, 0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags, TCP_SYN | TCP_ACK);
	lone_close();
}
END_TEST

START_TEST(a_wrong_ack_in_syn_received_is_reset)
{
	given(TCPS_SYN_RECEIVED);
	lone_in(TCP_ACK, PEER + 1, OURS + 2, 0);
	ck_assert_uint_eq(lone.reply.flags, TCP_RST);
	ck_assert_uint_eq(lone.reply.seq, OURS + 2);
	ck_assert_int_eq(lone.tcb.state, TCPS_SYN_RECEIVED);
	lone_close();
}
END_TEST

START_TEST(a_wrong_ack_in_syn_sent_is_reset)
{
	lone_reset();
	lone_open(TCPS_SYN_SENT);
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS, 0);
	ck_assert_uint_eq(lone.reply.flags, TCP_RST);
	ck_assert_int_eq(lone.tcb.state, TCPS_SYN_SENT);
	lone_in(TCP_RST, PEER, 0, 0);
	ck_assert_int_eq(lone.tcb.state, TCPS_SYN_SENT);
	lone_in(TCP_RST | TCP_ACK, PEER, OURS + 1, 0);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_REFUSED);
	lone_close();
}
END_TEST

START_TEST(isns_advance_and_cannot_be_computed)
{
	struct siphash_key key = {1, 2}, other = {1, 3};

	/* RFC 6528: the same connection, 4 ms later */
	ck_assert_uint_eq(tcp_isn(&key, 7, 4000000) - tcp_isn(&key, 7, 3996000), 1000);
	ck_assert_uint_ne(tcp_isn(&key, 7, 0), tcp_isn(&key, 8, 0));
	ck_assert_uint_ne(tcp_isn(&key, 7, 0), tcp_isn(&other, 7, 0));
}
END_TEST

/* ---- closing ---- */

START_TEST(fin_and_ack_in_one_goes_straight_to_time_wait)
{
	given(TCPS_FIN_WAIT_1);
	lone_in(TCP_FIN | TCP_ACK, PEER + 1, OURS + 2, 0);
	ck_assert_int_eq(lone.tcb.state, TCPS_TIME_WAIT);
	lone_close();
}
END_TEST

START_TEST(time_wait_lasts_two_msl_from_the_last_fin)
{
	given(TCPS_TIME_WAIT);
	lone.now += 59 * USEC_PER_SEC;
	lone_in(TCP_FIN | TCP_ACK, PEER + 1, OURS + 2, 0);
	expect_ack(1);
	lone_pass(59000);
	ck_assert_int_eq(lone.tcb.state, TCPS_TIME_WAIT);
	lone_pass(2000);
	ck_assert_int_eq(lone.tcb.state, TCPS_CLOSED);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_NONE);
	lone_close();
}
END_TEST

START_TEST(half_closed_for_hours)
{
	given(TCPS_FIN_WAIT_2);
	lone_pass(5 * 3600 * 1000);
	lone_in(TCP_ACK, PEER + 1, OURS + 2, 10);
	expect_ack(10);
	ck_assert_int_eq(lone.tcb.state, TCPS_FIN_WAIT_2);
	lone_close();

	given(TCPS_CLOSE_WAIT);
	lone_pass(5 * 3600 * 1000);
	lone_write(10);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.len, 10);
	lone_close();
}
END_TEST

START_TEST(a_fin_waits_for_what_is_missing)
{
	given(TCPS_ESTABLISHED);
	lone_in(TCP_FIN | TCP_ACK, PEER + 1 + 20, OURS + 1, 10);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	/* nothing can stand behind it, and it stays where it was */
	data(30, 10);
	lone_in(TCP_FIN | TCP_ACK, PEER + 1 + 25, OURS + 1, 0);
	data(0, 20);
	ck_assert_int_eq(lone.tcb.state, TCPS_CLOSE_WAIT);
	expect_ack(31);
	stream_is_right(30);
	lone_close();
}
END_TEST

START_TEST(a_fin_that_probes_a_closed_window_is_taken)
{
	given(TCPS_ESTABLISHED);
	data(0, 1000);
	lone_drain();
	ck_assert_uint_eq(lone.tcb.rcv_adv, lone.tcb.rcv_nxt);
	/* with text, which may not be taken, its FIN waits too */
	lone_in(TCP_FIN | TCP_ACK, PEER + 1001, OURS + 1, 1);
	expect_ack(1000);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	lone_in(TCP_FIN | TCP_ACK, PEER + 1001, OURS + 1, 0);
	expect_ack(1001);
	ck_assert_int_eq(lone.tcb.state, TCPS_CLOSE_WAIT);
	stream_is_right(1000);
	lone_close();

	given(TCPS_ESTABLISHED);
	lone_in(TCP_FIN | TCP_ACK, PEER + 1001, OURS + 1, 0);
	expect_ack(0);
	data(0, 1000);
	ck_assert_int_eq(lone.tcb.state, TCPS_CLOSE_WAIT);
	lone_close();
}
END_TEST

START_TEST(data_that_nobody_reads_is_a_reset)
{
	struct tcp_io io;

	given(TCPS_FIN_WAIT_2);
	io = lone_io();
	tcp_close_reading(&lone.tcb, &io);
	ck_assert_int_eq(lone.tcb.state, TCPS_FIN_WAIT_2);
	lone_in(TCP_ACK, PEER + 1, OURS + 2, 10);
	ck_assert(lone_out());
	ck_assert(lone.s.flags & TCP_RST);
	lone_close();

	given(TCPS_ESTABLISHED);
	io = lone_io();
	data(0, 10);
	tcp_close_reading(&lone.tcb, &io);
	ck_assert(lone_out());
	ck_assert(lone.s.flags & TCP_RST);
	lone_close();
}
END_TEST

/* Of a peer that has nobody to talk to, nobody waits for the FIN. */
START_TEST(without_a_reader_half_closed_is_not_for_long)
{
	struct tcp_io io;

	given(TCPS_FIN_WAIT_2);
	io = lone_io();
	tcp_close_reading(&lone.tcb, &io);
	lone_pass(59000);
	ck_assert_int_eq(lone.tcb.state, TCPS_FIN_WAIT_2);
	lone_pass(2000);
	ck_assert_int_eq(lone.tcb.state, TCPS_CLOSED);
	lone_close();
}
END_TEST

START_TEST(urgent_data_is_told_on)
{
	given(TCPS_ESTABLISHED);
	lone.urgent = 4;
	lone_in(TCP_ACK | TCP_URG, PEER + 1, OURS + 1, 10);
	ck_assert(lone.in.flags & TCP_STREAM_URGENT);
	ck_assert_uint_eq(lone.in.urgent, 4);
	lone_drain();
	/* sent: the pointer counts from the segment */
	lone.out.flags |= TCP_STREAM_URGENT;
	lone.out.urgent = 7;
	lone_write(20);
	ck_assert(lone_out());
	ck_assert(lone.s.flags & TCP_URG);
	ck_assert_uint_eq(lone.s.urgent, 7);
	lone_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/receiving");
	TCase *text = tcase_create("text and windows"), *guard = tcase_create("RFC 7323, 5961"),
	      *life = tcase_create("opening and closing");

	tcase_add_test(text, any_order_gives_the_stream);
	tcase_add_test(text, the_first_bytes_win);
	tcase_add_test(text, the_newest_piece_is_told_first);
	tcase_add_test(text, pieces_are_bounded);
	tcase_add_test(text, a_full_pool_refuses_disorder_first);
	tcase_add_test(text, a_full_pool_empties_itself);
	tcase_add_test(text, the_window_is_a_quarter_of_what_is_free);
	tcase_add_test(text, acks_are_delayed_but_not_for_long);
	tcase_add_test(text, a_whole_batch_is_acknowledged_once);
	tcase_add_test(text, a_gap_that_closes_is_told_at_once);
	tcase_add_test(text, the_window_opens_in_large_steps);
	tcase_add_test(text, single_bytes_do_not_open_the_window_for_ever);
	tcase_add_test(text, a_probe_of_a_closed_window_is_answered);
	tcase_add_test(text, a_closed_window_is_not_deaf);
	tcase_add_test(text, urgent_data_is_told_on);
	suite_add_tcase(suite, text);
	tcase_add_test(guard, old_timestamps_are_refused);
	tcase_add_loop_test(guard, a_syn_without_a_timestamp_is_challenged, 0, 2);
	tcase_add_test(guard, a_bad_ack_sets_no_timestamp);
	tcase_add_test(guard, challenges_are_limited);
	tcase_add_test(guard, acks_must_be_near);
	suite_add_tcase(suite, guard);
	tcase_add_test(life, simultaneous_open);
	tcase_add_test(life, a_syn_that_comes_again_is_answered_again);
	tcase_add_test(life, a_wrong_ack_in_syn_received_is_reset);
	tcase_add_test(life, a_wrong_ack_in_syn_sent_is_reset);
	tcase_add_test(life, isns_advance_and_cannot_be_computed);
	tcase_add_test(life, fin_and_ack_in_one_goes_straight_to_time_wait);
	tcase_add_test(life, time_wait_lasts_two_msl_from_the_last_fin);
	tcase_add_test(life, half_closed_for_hours);
	tcase_add_test(life, a_fin_waits_for_what_is_missing);
	tcase_add_test(life, a_fin_that_probes_a_closed_window_is_taken);
	tcase_add_test(life, data_that_nobody_reads_is_a_reset);
	tcase_add_test(life, without_a_reader_half_closed_is_not_for_long);
	suite_add_tcase(suite, life);
	return lone_run(suite);
}
