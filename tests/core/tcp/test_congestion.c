/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Losses and congestion, a test case an RFC: what is sent again, and how much may be on the way. */
#include "sender.h"

/* ---- RFC 5681, 6582 ---- */

START_TEST(the_initial_window_is_ten)
{
	given(false, false);
	lone_write(30 * MSS);
	ck_assert_uint_eq(lone_drain(), 10);
	/* slow start: two more for each that is acknowledged */
	ack(MSS);
	ck_assert_uint_eq(lone_drain(), 2);
	lone_close();
}
END_TEST

START_TEST(the_third_duplicate_sends_again)
{
	uint32_t cwnd;

	given(false, false);
	in_flight(8);
	cwnd = lone.tcb.cwnd;
	for (unsigned i = 0; i < 2; i++) {
		ack(0);
		ck_assert(!lone_out());
	}
	ack(0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert_uint_eq(lone.s.len, MSS);
	ck_assert_uint_lt(lone.tcb.cwnd, cwnd);
	ck_assert(lone.tcb.flags & TCB_RECOVERY);
	/* a partial ACK: the next hole at once, and still the same recovery */
	cwnd = lone.tcb.cwnd;
	ack(3 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 3 * MSS);
	ck_assert_uint_eq(lone.tcb.cwnd, cwnd);
	ack(8 * MSS);
	ck_assert(!(lone.tcb.flags & TCB_RECOVERY));
	lone_close();
}
END_TEST

/* RFC 5681 3.2, 3: at once. There may be no further duplicates that would make room for it. */
START_TEST(however_much_is_on_the_way)
{
	given(false, false);
	lone.config.congestion = (uint8_t)_i;
	lone.tcb.cwnd = 40 * MSS;
	in_flight(40);
	for (unsigned i = 0; i < 3; i++)
		ack(0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert(!lone_out());
	/* RFC 6582 3.2, 3: and so is the next hole */
	ack(5 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 5 * MSS);
	ck_assert(!lone_out());
	lone_close();
}
END_TEST

/*
 * RFC 6582 3.2, 3: a partial ACK a round trip mends one loss a round trip. When there are many, the time-out,
 * which sends all of them again, is to come.
 */
START_TEST(only_the_first_partial_ack_delays_the_timeout)
{
	uint32_t begin, rto;

	given(false, false);
	in_flight(10);
	for (unsigned i = 0; i < 3; i++)
		ack(0);
	lone_drain();
	lone.now += 100 * USEC_PER_MSEC;
	ack(2 * MSS);
	lone_drain();
	begin = ms();
	rto = lone.tcb.rto_ms;
	for (uint32_t i = 3; i < 5; i++) {
		lone.now += 50 * USEC_PER_MSEC;
		ack(i * MSS);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.seq, OURS + 1 + i * MSS);
	}
	ck_assert(lone_pass(10000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 4 * MSS);
	ck_assert_uint_ge(ms() - begin, rto);
	ck_assert_uint_le(ms() - begin, rto + 2);
	lone_close();
}
END_TEST

/* RFC 3042: the first two duplicates let a new segment go each, so that a third one may come. */
START_TEST(the_first_duplicates_let_new_data_go)
{
	bool with_sack = _i;
	uint32_t cwnd;

	given(with_sack, false);
	lone_write(20 * MSS);
	ck_assert_uint_eq(lone_drain(), 10);
	cwnd = lone.tcb.cwnd;
	lone.now += USEC_PER_MSEC;
	for (uint32_t i = 0; i < 2; i++) {
		if (with_sack)
			sack(0, MSS, (2 + i) * MSS);
		else
			ack(0);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.seq, OURS + 1 + (10 + i) * MSS);
		ck_assert_uint_eq(lone.s.len, MSS);
		ck_assert(!lone_out());
		ck_assert_uint_eq(lone.tcb.cwnd, cwnd);
	}
	if (with_sack)
		sack(0, MSS, 4 * MSS);
	else
		ack(0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	lone_close();
}
END_TEST

START_TEST(a_giant_ack_opens_the_window_by_eight)
{
	given(false, false);
	lone_write(30 * MSS);
	ck_assert_uint_eq(lone_drain(), 10);
	ack(10 * MSS);
	ck_assert_uint_eq(lone.tcb.cwnd, 18 * MSS);
	lone_close();
}
END_TEST

START_TEST(the_threshold_is_two_segments_at_least)
{
	given(false, false);
	lone.config.congestion = (uint8_t)_i;
	lone.tcb.cwnd = 2 * MSS;
	in_flight(2);
	ck_assert(lone_pass(10000));
	ck_assert_uint_eq(lone.tcb.ssthresh, 2 * MSS);
	ck_assert_uint_eq(lone.tcb.cwnd, MSS);
	lone_close();
}
END_TEST

START_TEST(a_timeout_begins_with_one_segment)
{
	given(true, false);
	in_flight(6);
	/* the tail loss probe comes first, RFC 8985 7 */
	ck_assert(lone_pass(5000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 5 * MSS);
	ck_assert(lone_pass(5000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert(!lone_out());
	ck_assert_uint_eq(lone.tcb.cwnd, MSS);
	ck_assert_uint_ge(lone.tcb.ssthresh, 2 * MSS);
	lone_close();
}
END_TEST

START_TEST(after_a_pause_it_begins_anew)
{
	given(false, false);
	for (unsigned i = 0; i < 10; i++) {
		lone_write(2 * MSS);
		lone.tcb.cwnd = 40 * MSS;
		lone_drain();
		ack((i + 1) * 2 * MSS);
	}
	lone.now += 30 * USEC_PER_SEC;
	lone_write(45000);
	ck_assert_uint_eq(lone_drain(), 10);
	lone_close();
}
END_TEST

/* ---- RFC 6675, 8985 ---- */

START_TEST(only_the_hole_is_sent_again)
{
	given(true, false);
	in_flight(8);
	lone.now += 1000;
	sack(0, MSS, 4 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert_uint_eq(lone.s.len, MSS);
	ck_assert(!lone_out());
	sack(MSS * 4, 5 * MSS, 8 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 4 * MSS);
	ck_assert(!lone_out());
	ack(8 * MSS);
	ck_assert_uint_eq(lone.tcb.flight, INDEX_NONE);
	lone_close();
}
END_TEST

START_TEST(one_that_overtakes_is_given_time)
{
	given(true, false);
	lone.now += 100000;
	in_flight(4);
	lone.now += 100000;
	sack(0, 3 * MSS, 4 * MSS);
	/* less than three segments are SACKed: not lost yet, but after a quarter of a round trip */
	ck_assert(!lone_out());
	ck_assert_int_eq(lone.tcb.timer, TCB_TIMER_REORDER);
	ck_assert(lone_pass(lone.tcb.min_rtt_us / 4000 + 2));
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	lone_close();
}
END_TEST

START_TEST(needless_retransmissions_widen_the_window)
{
	given(true, false);
	in_flight(8);
	lone.now += 1000;
	sack(0, MSS, 4 * MSS);
	ck_assert(lone_out());
	/* D-SACK: the peer has got the first one twice */
	sack(8 * MSS, 0, MSS);
	ck_assert_uint_eq(lone.tcb.reo_wnd_mult, 2);
	lone_close();
}
END_TEST

/*
 * What overtook was taken for a loss; that it was none is seen by the answer: sooner than any, or, after a
 * round trip, with the timestamp of the first transmission.
 */
START_TEST(a_needless_reduction_is_taken_back)
{
	uint32_t cwnd, first_ts;

	for (unsigned by_timestamp = 0; by_timestamp < 2; by_timestamp++) {
		given(true, true);
		lone.tcb.min_rtt_us = 50000;
		cwnd = lone.tcb.cwnd;
		lone_write(6 * MSS);
		ck_assert(lone_out());
		first_ts = lone.s.opt.ts_val;
		lone_drain();
		lone.now += 60 * USEC_PER_MSEC;
		sack(0, MSS, 5 * MSS);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.seq, OURS + 1);
		ck_assert_uint_lt(lone.tcb.cwnd, cwnd);
		lone_drain();
		lone.now += (by_timestamp ? 70 : 10) * USEC_PER_MSEC;
		lone.opt.ts_ecr = first_ts + !by_timestamp * 1000;
		lone.opt.ts_val = ms();
		ack(5 * MSS);
		lone.opt = (struct tcp_options){0};
		ck_assert_uint_ge(lone.tcb.cwnd, cwnd);
		ck_assert_uint_gt(lone.tcb.ssthresh, cwnd);
		ck_assert(lone.tcb.flags & TCB_REORDERED);
		ck_assert(!(lone.tcb.flags & TCB_RECOVERY));
		lone_close();
	}
}
END_TEST

START_TEST(a_needed_reduction_stays)
{
	uint32_t cwnd;

	given(true, true);
	lone.tcb.min_rtt_us = 50000;
	cwnd = lone.tcb.cwnd;
	lone_write(6 * MSS);
	lone_drain();
	lone.now += 60 * USEC_PER_MSEC;
	sack(0, MSS, 5 * MSS);
	lone_drain();
	lone.now += 60 * USEC_PER_MSEC;
	ack(6 * MSS);
	ck_assert(!(lone.tcb.flags & TCB_RECOVERY));
	ck_assert_uint_lt(lone.tcb.cwnd, cwnd);
	lone_close();
}
END_TEST

/* A full book loses exactness, but by no more than what lies between a few segments. */
START_TEST(a_large_flight_measures_round_trips_all_the_same)
{
	lone.wscale = true;
	given(true, false);
	lone.wscale = false;
	lone.tcb.min_rtt_us = lone.tcb.srtt_us = 1000000;
	lone.tcb.snd_wnd = lone.tcb.max_snd_wnd = lone.tcb.cwnd = 2000000;
	for (unsigned i = 0; i < 500; i++) {
		in_flight(1);
		lone.now += 100;
	}
	ack(MSS);
	ck_assert_uint_ge(lone.tcb.min_rtt_us, 49000);
	lone_close();
}
END_TEST

START_TEST(a_peer_may_renege)
{
	given(true, false);
	in_flight(8);
	sack(0, MSS, 8 * MSS);
	lone_drain();
	/* after the second time-out, what it had SACKed is not believed any more */
	while (lone.tcb.backoff < 2)
		ck_assert(lone_pass(10000));
	ck_assert_uint_eq(flight()->sacked, 0);
	lone_close();
}
END_TEST

START_TEST(sacks_of_what_was_not_sent_say_nothing)
{
	given(true, false);
	in_flight(4);
	sack(0, 3 * MSS, 5 * MSS);
	sack(0, 2 * MSS, MSS);
	sack(0, 0u - 70000, 0u - 60000);
	ck_assert_uint_eq(flight()->sacked, 0);
	lone_close();
}
END_TEST

/* ---- RFC 9438 ---- */

START_TEST(cubic_follows_its_curve)
{
	uint32_t acked = 0, w_max = 60 * MSS, at_k;

	given(false, false);
	lone.tcb.cwnd = lone.tcb.ssthresh = w_max * 7 / 10;
	lone.tcb.w_max = w_max;
	lone.config.user_timeout_ms = 0;
	/* K = cbrt(W_max (1 - beta) / C) = cbrt(60 * 0.3 / 0.4) = 3.56 s */
	for (unsigned i = 0; i < 18; i++) {
		uint32_t n;

		while (tcp_stream_waiting(&lone.out) < 100000)
			lone_write(10000);
		lone.window = 65535;
		lone.tcb.snd_wnd = 1 << 20;
		lone_drain();
		lone.tcb.min_rtt_us = 200000;
		lone.now += 200000;
		n = lone.tcb.snd_nxt - lone.tcb.snd_una;
		for (uint32_t done = 0; done < n; done += 2 * MSS) {
			acked += n - done < 2 * MSS ? n - done : 2 * MSS;
			ack(acked);
		}
	}
	at_k = lone.tcb.cwnd;
	/* at K it is back at W_max */
	ck_assert_uint_ge(at_k, w_max * 93 / 100);
	ck_assert_uint_le(at_k, w_max * 107 / 100);
	lone_close();
}
END_TEST

/* lose() - @n segments are in flight, and the first is lost. */
static void lose(uint32_t n, uint32_t acked)
{
	in_flight(n);
	for (unsigned i = 0; i < 3; i++)
		ack(acked);
	ck_assert(lone.tcb.flags & TCB_RECOVERY);
	lone_drain();
	ack(acked + n * MSS);
	ck_assert(!(lone.tcb.flags & TCB_RECOVERY));
}

/* RFC 9438 4.6: to seven tenths, RFC 5681 3.1: to a half. */
START_TEST(what_a_loss_costs)
{
	static const uint32_t tenths[] = {[TCP_CUBIC] = 7, [TCP_NEWRENO] = 5};

	given(false, false);
	lone.config.congestion = (uint8_t)_i;
	lose(10, 0);
	ck_assert_uint_eq(lone.tcb.ssthresh, tenths[_i] * MSS);
	ck_assert_uint_eq(lone.tcb.cwnd, tenths[_i] * MSS);
	lone_close();
}
END_TEST

/* 4.7: who loses below the old maximum aims lower the next time. */
START_TEST(cubic_leaves_room_for_others)
{
	uint32_t cwnd;

	given(false, false);
	lose(10, 0);
	ck_assert_uint_eq(lone.tcb.w_max, 10 * MSS);
	cwnd = lone.tcb.cwnd;
	lose(5, 10 * MSS);
	ck_assert_uint_eq(lone.tcb.w_max, cwnd * 17 / 20);
	lone_close();
}
END_TEST

/* a_round_trip() - of 10 ms; everything is acknowledged, every second segment by its own ACK. */
static uint32_t a_round_trip(uint32_t acked)
{
	uint32_t n;

	while (tcp_stream_waiting(&lone.out) < 70000)
		lone_write(10000);
	lone_drain();
	lone.now += 10 * USEC_PER_MSEC;
	n = lone.tcb.snd_nxt - lone.tcb.snd_una;
	for (uint32_t done = 0; done < n; done += 2 * MSS)
		ack(acked + (done + 2 * MSS < n ? done + 2 * MSS : n));
	return acked + n;
}

/*
 * RFC 5681 3.1: one segment a round trip. RFC 9438 4.3: on short ones CUBIC, whose curve takes seconds,
 * grows like that, too, but by 9/17.
 */
START_TEST(avoidance_grows_by_a_segment_a_round_trip)
{
	static const uint32_t least[] = {[TCP_CUBIC] = 16, [TCP_NEWRENO] = 25};
	static const uint32_t most[] = {[TCP_CUBIC] = 19, [TCP_NEWRENO] = 28};
	uint32_t acked = 0;

	given(false, false);
	lone.config.congestion = (uint8_t)_i;
	lone.tcb.cwnd = lone.tcb.ssthresh = 7 * MSS;
	lone.tcb.w_max = 10 * MSS;
	for (unsigned i = 0; i < 20; i++)
		acked = a_round_trip(acked);
	ck_assert_uint_ge(lone.tcb.cwnd, least[_i] * MSS);
	ck_assert_uint_le(lone.tcb.cwnd, most[_i] * MSS);
	lone_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/congestion");
	TCase *cc = tcase_create("RFC 5681, 6582, 9438"), *rack = tcase_create("RFC 6675, 8985");

	tcase_add_test(cc, the_initial_window_is_ten);
	tcase_add_test(cc, a_giant_ack_opens_the_window_by_eight);
	tcase_add_test(cc, the_third_duplicate_sends_again);
	tcase_add_loop_test(cc, however_much_is_on_the_way, 0, 2);
	tcase_add_test(cc, only_the_first_partial_ack_delays_the_timeout);
	tcase_add_loop_test(cc, the_first_duplicates_let_new_data_go, 0, 2);
	tcase_add_test(cc, a_timeout_begins_with_one_segment);
	tcase_add_loop_test(cc, the_threshold_is_two_segments_at_least, 0, 2);
	tcase_add_test(cc, after_a_pause_it_begins_anew);
	tcase_add_loop_test(cc, what_a_loss_costs, 0, 2);
	tcase_add_test(cc, cubic_follows_its_curve);
	tcase_add_test(cc, cubic_leaves_room_for_others);
	tcase_add_loop_test(cc, avoidance_grows_by_a_segment_a_round_trip, 0, 2);
	suite_add_tcase(suite, cc);
	tcase_add_test(rack, only_the_hole_is_sent_again);
	tcase_add_test(rack, one_that_overtakes_is_given_time);
	tcase_add_test(rack, needless_retransmissions_widen_the_window);
	tcase_add_test(rack, a_needless_reduction_is_taken_back);
	tcase_add_test(rack, a_needed_reduction_stays);
	tcase_add_test(rack, a_large_flight_measures_round_trips_all_the_same);
	tcase_add_test(rack, a_peer_may_renege);
	tcase_add_test(rack, sacks_of_what_was_not_sent_say_nothing);
	suite_add_tcase(suite, rack);
	return lone_run(suite);
}
