/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both SYNs agree on, and what all later segments carry because of it: MSS, RFC 7323, 2018. */
#include "base/seq.h"
#include "lone.h"

static void with_all_options(void)
{
	lone_reset();
	lone.sack = lone.timestamps = lone.wscale = true;
}

static void data(uint32_t at, uint32_t len)
{
	lone_in(TCP_ACK, PEER + 1 + at, OURS + 1, len);
}

/* opened() - to ESTABLISHED, by the peer's SYN or by ours. */
static void opened(bool by_us)
{
	if (!by_us) {
		lone_open(TCPS_ESTABLISHED);
		return;
	}
	lone_open(TCPS_SYN_SENT);
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	lone_drain();
}

/* first_len() - of a segment when there is more than enough to send. */
static uint32_t first_len(void)
{
	lone_write(5000);
	ck_assert(lone_out());
	return lone.s.len;
}

/* ---- MSS, RFC 9293 3.7.1, RFC 6691 ---- */

START_TEST(without_an_mss_it_is_what_everybody_takes)
{
	bool v6 = _i & 1;

	lone_reset();
	lone.mss = 0;
	lone.timestamps = true;
	lone.offer.v6 = v6;
	opened(_i & 2);
	ck_assert_uint_eq(first_len(), (v6 ? 1220 : 536) - 12);
	lone_close();
}
END_TEST

START_TEST(options_count_as_a_part_of_it)
{
	lone_reset();
	lone.mss = 1100;
	lone.timestamps = true;
	opened(_i);
	ck_assert_uint_eq(first_len(), 1088);
	ck_assert_uint_eq(lone.s.mss, 1088); /* where somebody else cuts it */
	lone_close();
}
END_TEST

START_TEST(it_is_heard_in_a_syn_only)
{
	lone_reset();
	lone_open(TCPS_ESTABLISHED);
	lone.opt.present = TCP_OPT_MSS;
	lone.opt.mss = 300;
	data(0, 10);
	ck_assert_uint_eq(first_len(), 1460);
	lone_close();
}
END_TEST

START_TEST(it_is_said_in_a_syn_only_and_without_options)
{
	with_all_options();
	lone_call();
	ck_assert_uint_eq(lone.s.opt.mss, 1460);
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	first_len();
	ck_assert_uint_eq(lone.s.opt.present, TCP_OPT_TIMESTAMPS);
	lone_close();
}
END_TEST

/* ---- agreeing ---- */

START_TEST(what_the_peer_lacks_is_not_used)
{
	with_all_options();
	lone_open(TCPS_LISTEN);
	lone.sack = lone.timestamps = lone.wscale = false;
	lone_in(TCP_SYN, PEER, 0, 0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.opt.present, TCP_OPT_MSS);
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	data(100, 10);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.opt.present, 0); /* no SACK either */
	ck_assert_uint_eq(lone.tcb.snd_wnd, 60000);
	lone_close();
}
END_TEST

START_TEST(what_we_do_not_offer_is_not_used)
{
	lone_reset();
	lone_call();
	ck_assert_uint_eq(lone.s.opt.present, TCP_OPT_MSS);
	lone.sack = lone.timestamps = lone.wscale = true;
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	lone.timestamps = false;
	data(100, 10);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.opt.present, 0);
	ck_assert_uint_eq(lone.tcb.snd_wnd, 60000);
	lone_close();
}
END_TEST

/* ---- window scale, RFC 7323 2 ---- */

START_TEST(a_syn_does_not_scale_its_window)
{
	uint32_t edge;

	lone_reset();
	lone.config.rcv_buf = 200000;
	lone.wscale = true;
	lone_call();
	ck_assert_uint_eq(lone.s.opt.wscale, 2);
	ck_assert_uint_eq(lone.s.window, 65532);
	lone.window = 500;
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	ck_assert_uint_eq(lone.tcb.snd_wnd, 500);
	edge = PEER + 1 + 65532;
	/* what is behind a SYN is scaled, and takes nothing back */
	ck_assert(lone_out());
	ck_assert_uint_ge(lone.s.ack + (lone.s.window << 2), edge);
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	ck_assert_uint_eq(lone.tcb.snd_wnd, 500 << 7);
	lone_close();
}
END_TEST

/* RFC 9293 3.1: never negative, however large; RFC 7323 2.3: there is none larger. */
START_TEST(the_largest_window)
{
	lone_reset();
	lone.wscale = true;
	lone.shift_count = 14;
	lone_open(TCPS_ESTABLISHED);
	lone.window = 65535;
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	ck_assert_uint_eq(lone.tcb.snd_wnd, 65535u << 14);
	lone_write(14600);
	ck_assert_uint_eq(lone_drain(), 10);
	lone_close();
}
END_TEST

/* ---- timestamps, RFC 7323 3 and 4 ---- */

/* echoes() - is there a timestamp, of now, that echoes @ecr? */
static void echoes(uint32_t ecr)
{
	ck_assert_uint_ne(lone.s.opt.present & TCP_OPT_TIMESTAMPS, 0);
	ck_assert_uint_eq(lone.s.opt.ts_val, (uint32_t)(lone.now / 1000));
	ck_assert_uint_eq(lone.s.opt.ts_ecr, ecr);
}

START_TEST(every_segment_has_a_timestamp)
{
	struct tcp_io io;

	lone_reset();
	lone.timestamps = true;
	lone.opt.ts_val = 77;
	lone_call();
	echoes(0); /* without ACK there is nothing to echo */
	lone_in(TCP_SYN | TCP_ACK, PEER, OURS + 1, 0);
	ck_assert(lone_out());
	echoes(77);
	lone_write(100);
	ck_assert(lone_out());
	echoes(77);
	ck_assert(lone_pass(10000)); /* sent again */
	echoes(77);
	lone.window = 0;
	lone_in(TCP_ACK, PEER + 1, OURS + 101, 0);
	lone_write(10);
	ck_assert(!lone_out());
	ck_assert(lone_pass(100000)); /* a probe */
	echoes(77);
	lone.window = 60000;
	lone_in(TCP_ACK, PEER + 1, OURS + 102, 0);
	lone_shutdown();
	ck_assert(lone_out());
	ck_assert_uint_ne(lone.s.flags & TCP_FIN, 0);
	echoes(77);
	io = lone_io();
	tcp_abort(&lone.tcb, &io, TCP_ERROR_ABORTED);
	ck_assert(lone_out());
	ck_assert_uint_ne(lone.s.flags & TCP_RST, 0);
	echoes(77);
	lone_close();
}
END_TEST

/* Else round trips would be measured too short, and old duplicates would shut out what is new. */
START_TEST(what_is_echoed_is_what_was_waited_for)
{
	lone_reset();
	lone.timestamps = true;
	lone.config.delack_ms = 40;
	lone.config.rcv_buf = 60000;
	lone.opt.ts_val = 1000;
	lone_open(TCPS_ESTABLISHED);
	lone.opt.ts_val = 1001;
	data(0, 1000);
	ck_assert(!lone_out());
	lone.opt.ts_val = 1005;
	data(1000, 1000);
	ck_assert(lone_out());
	echoes(1001); /* of two that one ACK answers, the first */
	lone.opt.ts_val = 1050;
	data(3000, 1000);
	ck_assert(lone_out());
	echoes(1001); /* not of what is behind a gap */
	lone.opt.ts_val = 1060;
	data(2000, 1000);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.ack, PEER + 4001);
	echoes(1060);
	lone_close();
}
END_TEST

/* ---- SACK, RFC 2018 ---- */

START_TEST(as_many_blocks_as_there_is_room_for)
{
	with_all_options();
	lone.timestamps = _i;
	lone_open(TCPS_ESTABLISHED);
	for (uint32_t i = 1; i <= 6; i++) {
		data(100 * i, 10);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.opt.n_sack, i < 3 + !_i ? i : 3 + !_i);
		ck_assert_uint_eq(lone.s.opt.sack[0].left, PEER + 1 + 100 * i);
	}
	lone_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/options");
	TCase *syn = tcase_create("SYN"), *rest = tcase_create("RFC 7323, 2018");

	tcase_add_loop_test(syn, without_an_mss_it_is_what_everybody_takes, 0, 4);
	tcase_add_loop_test(syn, options_count_as_a_part_of_it, 0, 2);
	tcase_add_test(syn, it_is_heard_in_a_syn_only);
	tcase_add_test(syn, it_is_said_in_a_syn_only_and_without_options);
	tcase_add_test(syn, what_the_peer_lacks_is_not_used);
	tcase_add_test(syn, what_we_do_not_offer_is_not_used);
	suite_add_tcase(suite, syn);
	tcase_add_test(rest, a_syn_does_not_scale_its_window);
	tcase_add_test(rest, the_largest_window);
	tcase_add_test(rest, every_segment_has_a_timestamp);
	tcase_add_test(rest, what_is_echoed_is_what_was_waited_for);
	tcase_add_loop_test(rest, as_many_blocks_as_there_is_room_for, 0, 2);
	suite_add_tcase(suite, rest);
	return lone_run(suite);
}
