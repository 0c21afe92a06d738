/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transition table against figure 5 of RFC 9293, every cell; names and their parsing. */
#include <errno.h>

#include "core/state.h"
#include "fixture.h"

#define NO TCPS_COUNT /* nothing changes */

/* Written down once more, by hand, from RFC 9293 3.3.2 and 3.10.7: a row a state, a column an event. */
static const enum tcp_state expected[TCPS_COUNT][TCP_EVENT_COUNT] = {
#define ROW(state, snd_syn, rcv_syn, rcv_syn_ack, ack_of_syn, snd_fin, rcv_fin, ack_of_fin, \
	    timeout)                                                                        \
	[TCPS_##state] = {                                                                  \
		[TCP_EV_SND_SYN] = snd_syn,	      [TCP_EV_RCV_SYN] = rcv_syn,           \
		[TCP_EV_RCV_SYN_ACK] = rcv_syn_ack,   [TCP_EV_RCV_ACK_OF_SYN] = ack_of_syn, \
		[TCP_EV_SND_FIN] = snd_fin,	      [TCP_EV_RCV_FIN] = rcv_fin,           \
		[TCP_EV_RCV_ACK_OF_FIN] = ack_of_fin, [TCP_EV_TIMEOUT] = timeout}
	ROW(CLOSED, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, NO, NO, NO, NO, NO, NO),
	ROW(LISTEN, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, NO, NO, NO, NO, NO, NO),
	ROW(SYN_SENT, NO, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED, NO, NO, NO, NO, TCPS_CLOSED),
	ROW(SYN_RECEIVED, NO, NO, NO, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT, NO,
	    TCPS_CLOSED),
	ROW(ESTABLISHED, NO, NO, NO, NO, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT, NO, NO),
	ROW(FIN_WAIT_1, NO, NO, NO, NO, NO, TCPS_CLOSING, TCPS_FIN_WAIT_2, NO),
	ROW(FIN_WAIT_2, NO, NO, NO, NO, NO, TCPS_TIME_WAIT, NO, NO),
	ROW(CLOSE_WAIT, NO, NO, NO, NO, TCPS_LAST_ACK, NO, NO, NO),
	ROW(CLOSING, NO, NO, NO, NO, NO, NO, TCPS_TIME_WAIT, NO),
	ROW(LAST_ACK, NO, NO, NO, NO, NO, NO, TCPS_CLOSED, NO),
	/* the last two by RFC 6191: the ports are used again */
	ROW(TIME_WAIT, TCPS_SYN_SENT, TCPS_SYN_RECEIVED, NO, NO, NO, NO, NO, TCPS_CLOSED),
#undef ROW
};

START_TEST(every_cell)
{
	enum tcp_state state = (enum tcp_state)_i;

	for (int event = 0; event < TCP_EVENT_COUNT; event++) {
		enum tcp_state want = expected[state][event] == NO ? state : expected[state][event];

		ck_assert_msg(tcp_state_next(state, event) == want, "%s, event %d: %s, not %s",
			      tcp_state_name(state), event,
			      tcp_state_name(tcp_state_next(state, event)), tcp_state_name(want));
	}
}
END_TEST

static enum tcp_state after(enum tcp_state state, const enum tcp_event *events, size_t n)
{
	for (size_t i = 0; i < n; i++)
		state = tcp_state_next(state, events[i]);
	return state;
}

#define AFTER(state, ...) \
	after(state, (enum tcp_event[]){__VA_ARGS__}, ARRAY_SIZE(((enum tcp_event[]){__VA_ARGS__})))

START_TEST(whole_lives)
{
	/* the server's, closed by the client */
	ck_assert_int_eq(AFTER(TCPS_LISTEN, TCP_EV_RCV_SYN, TCP_EV_RCV_ACK_OF_SYN, TCP_EV_RCV_FIN,
			       TCP_EV_SND_FIN, TCP_EV_RCV_ACK_OF_FIN),
			 TCPS_CLOSED);
	/* the client's, closed by itself; FIN and its ACK apart, and in one segment */
	ck_assert_int_eq(AFTER(TCPS_CLOSED, TCP_EV_SND_SYN, TCP_EV_RCV_SYN_ACK, TCP_EV_SND_FIN,
			       TCP_EV_RCV_ACK_OF_FIN, TCP_EV_RCV_FIN, TCP_EV_TIMEOUT),
			 TCPS_CLOSED);
	/* simultaneous open and simultaneous close */
	ck_assert_int_eq(AFTER(TCPS_CLOSED, TCP_EV_SND_SYN, TCP_EV_RCV_SYN, TCP_EV_RCV_ACK_OF_SYN,
			       TCP_EV_SND_FIN, TCP_EV_RCV_FIN, TCP_EV_RCV_ACK_OF_FIN),
			 TCPS_TIME_WAIT);
}
END_TEST

START_TEST(names_as_netstat_spells_them)
{
	static const char *const names[TCPS_COUNT] = {
		[TCPS_CLOSED] = "CLOSE",
		[TCPS_LISTEN] = "LISTEN",
		[TCPS_SYN_SENT] = "SYN_SENT",
		[TCPS_SYN_RECEIVED] = "SYN_RECV",
		[TCPS_ESTABLISHED] = "ESTABLISHED",
		[TCPS_FIN_WAIT_1] = "FIN_WAIT1",
		[TCPS_FIN_WAIT_2] = "FIN_WAIT2",
		[TCPS_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCPS_CLOSING] = "CLOSING",
		[TCPS_LAST_ACK] = "LAST_ACK",
		[TCPS_TIME_WAIT] = "TIME_WAIT",
	};

	for (int i = 0; i < TCPS_COUNT; i++) {
		ck_assert_str_eq(tcp_state_name(i), names[i]);
		ck_assert_int_eq(tcp_state_parse(names[i]), i);
	}
	ck_assert_str_eq(tcp_state_name(TCPS_COUNT), "UNKNOWN");
}
END_TEST

START_TEST(parsing_takes_both_spellings)
{
	ck_assert_int_eq(tcp_state_parse("SYN-RECEIVED"), TCPS_SYN_RECEIVED);
	ck_assert_int_eq(tcp_state_parse("syn_recv"), TCPS_SYN_RECEIVED);
	ck_assert_int_eq(tcp_state_parse("fin-wait-1"), TCPS_FIN_WAIT_1);
	ck_assert_int_eq(tcp_state_parse("Time-Wait"), TCPS_TIME_WAIT);
	ck_assert_int_eq(tcp_state_parse("closed"), TCPS_CLOSED);
	ck_assert_int_eq(tcp_state_parse("close"), TCPS_CLOSED);
	ck_assert_int_eq(tcp_state_parse("clos"), -EINVAL);
	ck_assert_int_eq(tcp_state_parse("closedd"), -EINVAL);
	ck_assert_int_eq(tcp_state_parse("TIME WAIT"), -EINVAL);
	ck_assert_int_eq(tcp_state_parse(""), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/state");
	TCase *tc = tcase_create("state");

	tcase_add_loop_test(tc, every_cell, 0, TCPS_COUNT);
	tcase_add_test(tc, whole_lives);
	tcase_add_test(tc, names_as_netstat_spells_them);
	tcase_add_test(tc, parsing_takes_both_spellings);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
