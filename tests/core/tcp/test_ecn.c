/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explicit congestion notification, RFC 3168 6.1: how it is agreed on, echoed, and answered. */
#include "lone.h"

#define MSS 1460u

static void prepare(void)
{
	lone_reset();
	lone.config.ecn = lone.offer.ecn = true;
}

/* given() - a peer has asked for ECN, and both are in ESTABLISHED. */
static void given(void)
{
	prepare();
	lone_open(TCPS_LISTEN);
	lone_in(TCP_SYN | TCP_ECE | TCP_CWR, PEER, 0, 0);
	lone_drain();
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 0);
	ck_assert_int_eq(lone.tcb.state, TCPS_ESTABLISHED);
	ck_assert(lone.tcb.flags & TCB_ECN);
}

static void ack(uint16_t flags, uint32_t bytes)
{
	lone_in(TCP_ACK | flags, PEER + 1, OURS + 1 + bytes, 0);
}

/* ---- 6.1.1: the handshake ---- */

START_TEST(a_call_asks_for_it)
{
	static const struct {
		uint16_t flags;
		bool agreed;
	} answers[] = {{TCP_ECE, true}, {0, false}, {TCP_ECE | TCP_CWR, false}, {TCP_CWR, false}};

	prepare();
	lone_call();
	ck_assert_uint_eq(lone.s.flags, TCP_SYN | TCP_ECE | TCP_CWR);
	ck_assert(!lone.s.ect);
	lone_in(TCP_SYN | TCP_ACK | answers[_i].flags, PEER, OURS + 1, 0);
	lone_write(100);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.len, 100);
	ck_assert_int_eq(lone.s.ect, answers[_i].agreed);
	ck_assert_uint_eq(lone.s.flags & (TCP_ECE | TCP_CWR), 0);
	/* 6.1.5: what is sent again says nothing of the path it took before */
	ck_assert(lone_pass(5000));
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert(!lone.s.ect);
	lone_close();
}
END_TEST

/* 6.1.1.1: perhaps it was lost for its flags. */
START_TEST(a_repeated_syn_does_not_ask)
{
	prepare();
	lone_call();
	ck_assert(lone_pass(5000));
	ck_assert_uint_eq(lone.s.flags, TCP_SYN);
	lone_close();
}
END_TEST

START_TEST(both_flags_ask_for_it)
{
	static const struct {
		uint16_t flags;
		bool agreed;
	} asks[] = {{TCP_ECE | TCP_CWR, true},
		    {TCP_AE | TCP_ECE | TCP_CWR, true},
		    {TCP_ECE, false},
		    {TCP_CWR, false},
		    {0, false}};

	prepare();
	lone_open(TCPS_LISTEN);
	lone_in(TCP_SYN | asks[_i].flags, PEER, 0, 0);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags, TCP_SYN | TCP_ACK | (asks[_i].agreed ? TCP_ECE : 0));
	ck_assert(!lone.s.ect);
	lone_close();
}
END_TEST

START_TEST(who_has_not_agreed_ignores_marks)
{
	lone_reset();
	lone_open(TCPS_ESTABLISHED);
	lone.ce = true;
	lone_in(TCP_ACK, PEER + 1, OURS + 1, 10);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags, TCP_ACK);
	lone_close();
}
END_TEST

/* ---- 6.1.3: the receiver ---- */

START_TEST(a_mark_is_echoed_until_it_is_answered)
{
	static const struct {
		bool ce;
		uint16_t flags;
		bool echo;
	} steps[] = {{false, 0, false},	      {true, 0, true},	     {false, 0, true},
		     {false, TCP_CWR, false}, {true, TCP_CWR, true}, /* marked anew */
		     {false, TCP_CWR, false}};

	given();
	for (uint32_t i = 0; i < ARRAY_SIZE(steps); i++) {
		lone.ce = steps[i].ce;
		lone_in(TCP_ACK | steps[i].flags, PEER + 1 + 10 * i, OURS + 1, 10);
		ck_assert(lone_out());
		ck_assert_uint_eq(lone.s.flags, TCP_ACK | (steps[i].echo ? TCP_ECE : 0));
		ck_assert(!lone.s.ect); /* 6.1.4 */
	}
	lone_close();
}
END_TEST

/* ---- 6.1.2: the sender ---- */

START_TEST(an_echo_reduces_the_window_once)
{
	uint32_t before;

	given();
	lone_write(14 * MSS);
	ck_assert_uint_eq(lone_drain(), 10);
	before = lone.tcb.cwnd;
	ack(TCP_ECE, MSS);
	ck_assert_uint_lt(lone.tcb.cwnd, before);
	before = lone.tcb.cwnd;
	ack(TCP_ECE, 2 * MSS);
	ck_assert_uint_ge(lone.tcb.cwnd, before);
	ck_assert(!lone_out()); /* nothing is lost, nothing is sent again */
	ack(0, 5 * MSS);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1 + 10 * MSS);
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, TCP_CWR);
	ck_assert(lone.s.ect);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, 0);
	lone_drain();
	/* a round trip later it is news */
	ack(0, 10 * MSS);
	lone_drain();
	before = lone.tcb.cwnd;
	ack(TCP_ECE, 11 * MSS);
	ck_assert_uint_lt(lone.tcb.cwnd, before);
	lone_close();
}
END_TEST

/* Else the peer, who has marks of the same round trip to tell of, would never stop telling. */
START_TEST(a_loss_is_told_as_well)
{
	bool timeout = _i;

	given();
	lone_write(timeout ? MSS : 10 * MSS);
	lone_drain();
	for (unsigned i = 0; i < 3 && !timeout; i++)
		ack(0, 0);
	ck_assert(timeout ? lone_pass(5000) : lone_out());
	ck_assert_uint_eq(lone.s.seq, OURS + 1);
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, 0); /* not what is sent again */
	ck_assert(!lone.s.ect);
	ack(0, timeout ? MSS : 10 * MSS);
	lone_write(10);
	ck_assert(lone_out());
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, TCP_CWR);
	lone_close();
}
END_TEST

/* 6.1.6: nobody would notice that it was dropped, or that the other one did not hear of it. */
START_TEST(a_window_probe_says_nothing)
{
	given();
	lone_write(MSS);
	ck_assert(lone_out());
	lone.window = 0;
	ack(TCP_ECE, MSS);
	lone_write(100);
	ck_assert(!lone_out());
	ck_assert(lone_pass(60000));
	ck_assert_uint_eq(lone.s.len, 1);
	ck_assert(!lone.s.ect);
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, 0);
	lone.window = 60000;
	ack(0, MSS + 1);
	ck_assert(lone_out());
	ck_assert(lone.s.ect);
	ck_assert_uint_eq(lone.s.flags & TCP_CWR, TCP_CWR);
	lone_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tcp/ecn");
	TCase *tc = tcase_create("RFC 3168");

	tcase_add_loop_test(tc, a_call_asks_for_it, 0, 4);
	tcase_add_test(tc, a_repeated_syn_does_not_ask);
	tcase_add_loop_test(tc, both_flags_ask_for_it, 0, 5);
	tcase_add_test(tc, who_has_not_agreed_ignores_marks);
	tcase_add_test(tc, a_mark_is_echoed_until_it_is_answered);
	tcase_add_test(tc, an_echo_reduces_the_window_once);
	tcase_add_loop_test(tc, a_loss_is_told_as_well, 0, 2);
	tcase_add_test(tc, a_window_probe_says_nothing);
	suite_add_tcase(suite, tc);
	return lone_run(suite);
}
