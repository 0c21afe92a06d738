/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending, a test case an RFC: time-outs, losses, congestion, closed windows, silence. */
#include "base/seq.h"
#include "lone.h"

#define MSS 1460u

static void given(bool sack, bool timestamps)
{
	lone.shift = 0u - OURS - 3000; /* our numbers wrap in the third segment */
	lone_reset();
	lone.sack = sack;
	lone.timestamps = timestamps;
	lone_open(TCPS_ESTABLISHED);
}

/* in_flight() - write and send @n full segments. */
static void in_flight(uint32_t n)
{
	lone_write(n * MSS);
	ck_assert_uint_eq(lone_drain(), n);
}

static void ack(uint32_t bytes)
{
	lone_in(TCP_ACK, PEER + 1, OURS + 1 + bytes, 0);
}

static void sack(uint32_t bytes, uint32_t left, uint32_t right)
{
	lone.opt.present = TCP_OPT_SACK;
	lone.opt.n_sack = 1;
	lone.opt.sack[0] = (struct tcp_sack_block){OURS + 1 + left, OURS + 1 + right};
	ack(bytes);
	lone.opt = (struct tcp_options){0};
}

static uint32_t ms(void)
{
	return (uint32_t)(lone.now / 1000);
}

static const struct tcp_flight *flight(void)
{
	return &lone.chunk[lone.tcb.flight].flight;
}

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

int main(void)
{
	Suite *suite = suite_create("core/tcp/sending");
	TCase *rto = tcase_create("RFC 6298"), *cc = tcase_create("RFC 5681, 6582, 9438"),
	      *rack = tcase_create("RFC 6675, 8985"), *window = tcase_create("RFC 9293 3.8");

	tcase_add_test(rto, timeouts_double_up_to_the_bound);
	tcase_add_test(rto, karn_what_was_sent_twice_is_not_measured);
	tcase_add_test(rto, a_timestamp_measures_even_that);
	tcase_add_test(rto, the_user_timeout_ends_it);
	tcase_add_test(rto, a_syn_is_tried_for_three_minutes);
	suite_add_tcase(suite, rto);
	tcase_add_test(cc, the_initial_window_is_ten);
	tcase_add_test(cc, the_third_duplicate_sends_again);
	tcase_add_test(cc, a_timeout_begins_with_one_segment);
	tcase_add_test(cc, after_a_pause_it_begins_anew);
	tcase_add_test(cc, cubic_follows_its_curve);
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
	tcase_add_test(window, a_closed_window_is_probed_with_one_byte);
	tcase_add_test(window, a_stall_has_an_end);
	tcase_add_test(window, no_silly_segments);
	tcase_add_test(window, the_edge_does_not_move_with_an_old_window);
	tcase_add_test(window, keepalives);
	tcase_add_test(window, a_smaller_path);
	suite_add_tcase(suite, window);
	return lone_run(suite);
}
