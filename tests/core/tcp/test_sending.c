/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending: time-outs, closed windows, silence, path MTU. Losses are in test_congestion. */
#include "sender.h"

/* ---- RFC 6298 ---- */

START_TEST(timeouts_double_up_to_the_bound)
{
	uint32_t expect, last;

	given(false, false);
	lone.config.user_timeout_ms = 0;
	in_flight(1);
	expect = lone.tcb.rto_ms;
	for (unsigned i = 0; i < 12; i++) {
		last = ms();
		ck_assert(lone_pass(200000));
		ck_assert_uint_eq(lone.s.seq, OURS + 1);
		ck_assert_uint_ge(ms() - last, expect);
		ck_assert_uint_le(ms() - last, expect + 2);
		expect = expect * 2 < lone.config.rto_max_ms ? expect * 2 : lone.config.rto_max_ms;
	}
	lone_close();
}
END_TEST

START_TEST(karn_what_was_sent_twice_is_not_measured)
{
	uint32_t srtt;

	given(false, false);
	in_flight(1);
	srtt = lone.tcb.srtt_us;
	ck_assert(lone_pass(10000));
	lone.now += 100000;
	ack(MSS);
	ck_assert_uint_eq(lone.tcb.srtt_us, srtt);
	ck_assert_uint_eq(lone.tcb.backoff, 1);
	/* the next one is sent once, and ends the back-off */
	lone_write(MSS);
	ck_assert(lone_out());
	lone.now += 100000;
	ack(2 * MSS);
	ck_assert_uint_gt(lone.tcb.srtt_us, srtt);
	ck_assert_uint_eq(lone.tcb.backoff, 0);
	lone_close();
}
END_TEST

START_TEST(a_timestamp_measures_even_that)
{
	given(false, true);
	lone_write(1000);
	ck_assert_uint_eq(lone_drain(), 1);
	ck_assert(lone_pass(10000));
	lone.opt.ts_ecr = lone.s.opt.ts_val;
	lone.now += 50000;
	ack(lone.s.len);
	ck_assert_uint_eq(lone.tcb.backoff, 0);
	ck_assert_uint_lt(lone.tcb.srtt_us, 10000);
	lone_close();
}
END_TEST

START_TEST(the_user_timeout_ends_it)
{
	uint32_t begin;

	given(false, false);
	lone.config.user_timeout_ms = 20000;
	in_flight(1);
	begin = ms();
	while (lone_pass(100000) && !(lone.s.flags & TCP_RST))
		;
	ck_assert(lone.s.flags & TCP_RST);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_TIMEOUT);
	ck_assert_uint_ge(ms() - begin, 20000);
	lone_close();
}
END_TEST

START_TEST(a_syn_is_tried_for_three_minutes)
{
	uint32_t begin, n = 0;

	lone_reset();
	lone_open(TCPS_SYN_SENT);
	begin = ms();
	while (lone_pass(300000))
		n++;
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_TIMEOUT);
	ck_assert_uint_ge(n, 6);
	ck_assert_uint_ge(ms() - begin, 180000);
	lone_close();
}
END_TEST

START_TEST(a_syn_ack_is_tried_for_a_minute)
{
	uint32_t begin, n = 0;

	lone_reset();
	lone_open(TCPS_SYN_RECEIVED);
	begin = ms();
	while (lone_pass(100000))
		n++;
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_TIMEOUT);
	ck_assert_uint_ge(n, 5);
	ck_assert_uint_ge(ms() - begin, 60000);
	ck_assert_uint_le(ms() - begin, 140000);
	lone_close();
}
END_TEST

START_TEST(syns_back_off_from_one_second)
{
	uint32_t expect = 1000;

	lone_reset();
	lone.config.syn_timeout_ms = 0;
	lone_open(TCPS_SYN_SENT);
	for (unsigned i = 0; i < 9; i++) {
		uint32_t begin = ms();

		ck_assert(lone_pass(100000));
		ck_assert_uint_eq(lone.s.flags, TCP_SYN);
		ck_assert_uint_ge(ms() - begin, expect);
		ck_assert_uint_le(ms() - begin, expect + 2);
		expect = expect < 30000 ? expect * 2 : 60000;
	}
	lone_close();
}
END_TEST

/* 5.7: nothing could be measured, and the path may be slow; RFC 5681 3.1: or full. */
START_TEST(after_a_lost_syn_it_begins_with_care)
{
	lone_reset();
	lone_open(TCPS_SYN_SENT);
	ck_assert(lone_pass(2000));
	lone.now += 100 * USEC_PER_MSEC;
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	lone_drain();
	ck_assert_uint_eq(lone.tcb.rto_ms, 3000);
	lone_write(5 * MSS);
	ck_assert_uint_eq(lone_drain(), 1);
	lone_close();
}
END_TEST

/* 5.3 */
START_TEST(the_timer_begins_anew_with_what_is_acknowledged)
{
	uint32_t begin, rto;

	given(false, false);
	in_flight(3);
	lone.now += (lone.tcb.rto_ms - 10) * USEC_PER_MSEC;
	ack(MSS);
	begin = ms();
	rto = lone.tcb.rto_ms;
	ck_assert(lone_pass(100000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + MSS);
	ck_assert_uint_ge(ms() - begin, rto);
	lone_close();
}
END_TEST

/* ---- RFC 9293 3.8.6.1 ---- */

START_TEST(a_closed_window_is_probed_with_one_byte)
{
	uint32_t last = 0, gap = 0;

	given(false, false);
	lone.window = 0;
	ack(0);
	lone_write(5000);
	ck_assert(!lone_out());
	for (unsigned i = 0; i < 5; i++) {
		uint32_t begin = ms();

		ck_assert(lone_pass(200000));
		ck_assert_uint_eq(lone.s.seq, OURS + 1);
		ck_assert_uint_eq(lone.s.len, 1);
		gap = ms() - begin;
		ck_assert(i == 0 || (gap >= 2 * last - 3 && gap <= 2 * last + 3));
		last = gap;
		ack(0);
	}
	lone.window = 60000;
	ack(1);
	ck_assert_uint_ge(lone_drain(), 4);
	lone_close();
}
END_TEST

START_TEST(a_stall_has_an_end)
{
	unsigned probes = 0;

	given(false, false);
	lone.config.stall_ms = 120000;
	lone.window = 0;
	ack(0);
	lone_write(5000);
	lone_drain();
	/* it even takes the probes: sockstress */
	while (lone_pass(200000) && !(lone.s.flags & TCP_RST)) {
		ack(++probes);
		ck_assert_uint_lt(probes, 1000);
	}
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_STALLED);
	lone_close();
}
END_TEST

/* A window that is opened for a byte at a time is as good as closed. */
START_TEST(single_bytes_are_a_stall)
{
	unsigned taken = 0;

	given(false, false);
	lone.config.stall_ms = 120000;
	lone.window = _i;
	ack(0);
	lone_write(50000);
	lone_drain();
	while (lone_pass(200000) && !(lone.s.flags & TCP_RST)) {
		taken += lone.s.len;
		ack(taken);
		ck_assert_uint_lt(taken, 40000);
	}
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_STALLED);
	lone_close();
}
END_TEST

/* A small buffer is no stall: it is opened by half. */
START_TEST(a_small_buffer_is_no_stall)
{
	unsigned taken = 0;

	given(false, false);
	lone.config.stall_ms = 120000;
	lone.tcb.max_snd_wnd = 200;
	lone.window = 100;
	ack(0);
	lone_write(50000);
	while (taken < 50000) {
		ck_assert(lone_pass(200000));
		ck_assert(!(lone.s.flags & TCP_RST));
		taken += lone.s.len;
		lone.now += USEC_PER_SEC;
		ack(taken);
	}
	lone_close();
}
END_TEST

/* Probes of a closed window that nobody answers are like anything else that is not acknowledged. */
START_TEST(a_closed_window_may_be_a_dead_peer)
{
	uint32_t begin;

	given(false, false);
	lone.config.user_timeout_ms = 20000;
	lone.config.stall_ms = 0;
	lone.now += 3600 * USEC_PER_SEC;
	lone.window = 0;
	ack(0);
	lone.now += 3600 * USEC_PER_SEC;
	lone_write(5000);
	ck_assert(!lone_out());
	begin = ms();
	while (lone_pass(200000) && !(lone.s.flags & TCP_RST))
		ck_assert_uint_le(ms() - begin, 20000);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_TIMEOUT);
	ck_assert_uint_ge(ms() - begin, 20000);
	lone_close();
}
END_TEST

/* Who answers, with a window that is open, but takes nothing, is no stall: the user timeout ends it, or nothing. */
START_TEST(talk_is_no_progress)
{
	uint32_t begin;

	given(false, false);
	lone.config.user_timeout_ms = _i ? 0 : 20000;
	lone.config.stall_ms = 10000;
	in_flight(1);
	begin = ms();
	while (ms() - begin < 60000 && lone.tcb.state == TCPS_ESTABLISHED) {
		lone_pass(1000);
		ack(0);
	}
	ck_assert_int_eq(lone.tcb.error, _i ? TCP_ERROR_NONE : TCP_ERROR_TIMEOUT);
	ck_assert_uint_ge(ms() - begin, 20000);
	lone_close();
}
END_TEST

/* While there is no memory to write down what is sent, it is not the peer that we wait for. */
START_TEST(a_lack_of_memory_is_not_the_peers_fault)
{
	uint32_t taken[LONE_CHUNKS], n = 0;
	struct tcp_io io;

	given(false, false);
	lone.now += 3600 * USEC_PER_SEC;
	lone_write(5000);
	io = lone_io();
	while ((taken[n] = tcp_chunk_take(io.memory, TCP_CHUNK_BOOKS)) != INDEX_NONE)
		n++;
	ck_assert(!lone_out());
	ck_assert(!lone_pass(60000));
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	while (n > 0)
		tcp_chunk_give(io.memory, taken[--n]);
	ck_assert(lone_pass(60000));
	ck_assert_uint_eq(lone.s.len, MSS);
	lone_close();
}
END_TEST

START_TEST(no_silly_segments)
{
	given(false, false);
	lone.window = 3000;
	lone.tcb.max_snd_wnd = 3000;
	ack(0);
	lone_write(10000);
	ck_assert_uint_eq(lone_drain(), 2); /* 80 bytes of window stay unused */
	ck_assert_uint_eq(lone.tcb.snd_nxt - lone.tcb.snd_una, 2 * MSS);
	lone_close();
}
END_TEST

/* 3.8.6.2.1: of a window that is small and stays so something is made after a while. */
START_TEST(a_small_window_is_used_at_last)
{
	given(false, false);
	lone.window = 500;
	ack(0);
	lone_write(5000);
	ck_assert(!lone_out());
	ck_assert(lone_pass(10000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert_uint_eq(lone.s.len, 500);
	lone_close();
}
END_TEST

START_TEST(a_window_taken_back_is_survived)
{
	given(false, false);
	in_flight(10);
	lone.window = 2 * MSS;
	ack(MSS);
	lone_write(MSS);
	ck_assert(!lone_out());
	/* what is old is sent again, and whatever of it arrives counts */
	ck_assert(lone_pass(10000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + MSS);
	lone.window = 60000;
	ack(10 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 10 * MSS);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	lone_close();
}
END_TEST

/* 3.7.4: Nagle's algorithm is off. 3.9.1.2: and the end of what there is carries PSH. */
START_TEST(small_pieces_go_at_once)
{
	given(false, false);
	for (uint32_t i = 0; i < 3; i++) {
		lone_write(10);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.len, 10);
		ck_assert_uint_eq(lone.s.flags, TCP_ACK | TCP_PSH);
	}
	lone_write(3 * MSS);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.flags, i < 2 ? TCP_ACK : TCP_ACK | TCP_PSH);
	}
	lone_close();
}
END_TEST

START_TEST(the_edge_does_not_move_with_an_old_window)
{
	given(false, false);
	lone.window = 4 * MSS;
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	lone_write(10 * MSS);
	ck_assert_uint_eq(lone_drain(), 4);
	/* a newer segment, then an older one that acknowledges more */
	lone_in(TCP_ACK, PEER + 11, OURS + 1, 10);
	lone_in(TCP_ACK, PEER + 1, OURS + 1 + 2 * MSS, 0);
	ck_assert_uint_eq(lone.tcb.snd_una + lone.tcb.snd_wnd, OURS + 1 + 4 * MSS + lone.shift);
	lone_close();
}
END_TEST

/* ---- RFC 9293 3.8.4, 1191 ---- */

START_TEST(keepalives)
{
	unsigned n = 0;

	given(false, false);
	lone.config.keepalive_idle_ms = 7200 * 1000;
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 1);
	lone_drain();
	lone_close();
	lone_reset();
	lone.config.keepalive_idle_ms = 7200 * 1000;
	lone_open(TCPS_ESTABLISHED);
	while (lone_pass(8000000) && !(lone.s.flags & TCP_RST)) {
		ck_assert_uint_eq(lone.s.seq, OURS);
		ck_assert_uint_eq(lone.s.len, 0);
		n++;
		if (n == 5)
			ack(0); /* it lives */
	}
	ck_assert_uint_eq(n, 5 + 9);
	ck_assert_int_eq(lone.tcb.error, TCP_ERROR_VANISHED);
	lone_close();
}
END_TEST

START_TEST(no_keepalives_unless_asked_for)
{
	given(false, false);
	ck_assert(!lone_pass(20u * 24 * 3600 * 1000));
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	lone_close();
}
END_TEST

START_TEST(a_smaller_path)
{
	struct tcp_io io;

	given(true, false);
	in_flight(4);
	io = lone_io();
	/* blind: not in flight */
	ck_assert(!tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_nxt + 1, 1000));
	ck_assert(!tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una - 1, 1000));
	ck_assert(tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 1000));
	ck_assert(!tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 1400));
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert_uint_eq(lone.s.len, 960);
	lone_close();
}
END_TEST

/* RFC 1191 5: old routers say "too big", but not how big; 7.1 has what is tried then. */
START_TEST(a_path_that_does_not_say_how_small_it_is)
{
	static const uint32_t lengths[] = {1452, 966, 468, 256};
	struct tcp_io io;

	given(true, false);
	in_flight(4);
	io = lone_io();
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		ck_assert(tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 0));
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.len, lengths[i]);
	}
	lone_close();
}
END_TEST

/* RFC 8201 4: there is no smaller one, so whoever speaks of it lies. */
START_TEST(a_path_of_ipv6_carries_1280)
{
	struct tcp_io io;

	lone_reset();
	lone.offer.v6 = true;
	lone_open(TCPS_ESTABLISHED);
	in_flight(4);
	io = lone_io();
	ck_assert(!tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 1279));
	ck_assert(!tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 0));
	ck_assert(!lone_out());
	ck_assert(tcp_path_mtu(&lone.tcb, &io, lone.tcb.snd_una, 1280));
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.len, 1220);
	lone_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/sending");
	TCase *rto = tcase_create("RFC 6298"), *window = tcase_create("RFC 9293 3.8"),
	      *path = tcase_create("path MTU");

	tcase_add_test(rto, timeouts_double_up_to_the_bound);
	tcase_add_test(rto, karn_what_was_sent_twice_is_not_measured);
	tcase_add_test(rto, a_timestamp_measures_even_that);
	tcase_add_test(rto, the_user_timeout_ends_it);
	tcase_add_test(rto, a_syn_is_tried_for_three_minutes);
	tcase_add_test(rto, a_syn_ack_is_tried_for_a_minute);
	tcase_add_test(rto, syns_back_off_from_one_second);
	tcase_add_test(rto, after_a_lost_syn_it_begins_with_care);
	tcase_add_test(rto, the_timer_begins_anew_with_what_is_acknowledged);
	suite_add_tcase(suite, rto);
	tcase_add_test(window, a_closed_window_is_probed_with_one_byte);
	tcase_add_test(window, a_stall_has_an_end);
	tcase_add_loop_test(window, single_bytes_are_a_stall, 0, 3);
	tcase_add_test(window, a_small_buffer_is_no_stall);
	tcase_add_test(window, a_closed_window_may_be_a_dead_peer);
	tcase_add_loop_test(window, talk_is_no_progress, 0, 2);
	tcase_add_test(window, a_lack_of_memory_is_not_the_peers_fault);
	tcase_add_test(window, no_silly_segments);
	tcase_add_test(window, a_small_window_is_used_at_last);
	tcase_add_test(window, a_window_taken_back_is_survived);
	tcase_add_test(window, small_pieces_go_at_once);
	tcase_add_test(window, the_edge_does_not_move_with_an_old_window);
	tcase_add_test(window, keepalives);
	tcase_add_test(window, no_keepalives_unless_asked_for);
	suite_add_tcase(suite, window);
	tcase_add_test(path, a_smaller_path);
	tcase_add_test(path, a_path_that_does_not_say_how_small_it_is);
	tcase_add_test(path, a_path_of_ipv6_carries_1280);
	suite_add_tcase(suite, path);
	return lone_run(suite);
}
