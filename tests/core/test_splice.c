/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The split handshake: from a cookie that came back to two established halves, and all that can go wrong. */
#include "fixture.h"

#define TICK (1u << TICK_SHIFT)

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

static bool goes_to(const struct pkt *p, struct seg_end e)
{
	return ip_addr_eq(&p->dst, &e.addr) && p->dport == e.port;
}

/* ---- the SYN to the server ---- */

enum { WITH_MSS = 1, WITH_WSCALE = 2, WITH_SACK = 4, WITH_TS = 8, WITH_ECN = 16, OFFERS = 32 };

START_TEST(the_servers_syn_carries_the_clients_options)
{
	struct segment synack = seg_synack(fx.server, fx.client, 1, 1);
	struct fx_conn c = fx_conn();
	struct segment syn = seg_bare(c.client, c.server, TCP_SYN, c.client_isn, 0), ack;
	unsigned which = (unsigned)_i;
	const struct pkt *p;

	seg_timestamps(&synack, 1, 1);
	synack.flags |= TCP_ECE;
	fx_teach(&synack);
	if (which & WITH_MSS)
		seg_mss(&syn, 1234);
	if (which & WITH_WSCALE)
		seg_wscale(&syn, 9);
	if (which & WITH_SACK)
		seg_sack_permitted(&syn);
	if (which & WITH_TS)
		seg_timestamps(&syn, c.client_ts, 0);
	if (which & WITH_ECN)
		syn.flags |= TCP_ECE | TCP_CWR;
	fx_challenge(&c, &syn);
	ack = fx_conn_ack(&c);
	ack.ttl = 57;
	ack.tos = 0xb9;
	ack.window = 100;
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	p = fx_sent(0);
	ck_assert(ip_addr_eq(&p->src, &c.client.addr) && goes_to(p, c.server));
	ck_assert_uint_eq(p->sport, c.client.port);
	ck_assert_uint_eq(p->seq, c.client_isn);
	ck_assert_uint_eq(p->ttl, 57);
	ck_assert_uint_eq(p->tos, 0xb8); /* its DSCP, and never ECN-capable */
	ck_assert_uint_eq(p->payload_len, 0);
	ck_assert_uint_eq(
		p->flags,
		TCP_SYN | ((which & WITH_TS) && (which & WITH_ECN) ? TCP_ECE | TCP_CWR : 0));
	ck_assert_uint_eq(p->opt.present, TCP_OPT_MSS | (which & WITH_WSCALE ? TCP_OPT_WSCALE : 0) |
						  (which & WITH_SACK ? TCP_OPT_SACK_PERMITTED : 0) |
						  (which & WITH_TS ? TCP_OPT_TIMESTAMPS : 0));
	ck_assert_uint_eq(p->opt.mss, !(which & WITH_MSS) ? 536 : which & WITH_TS ? 1234 : 1200);
	ck_assert_uint_eq(p->window, which & WITH_WSCALE ? 100 << 9 : 100);
	if (which & WITH_WSCALE)
		ck_assert_uint_eq(p->opt.wscale, 9);
	if (which & WITH_TS)
		ck_assert_uint_eq(p->opt.ts_val, c.client_ts + 1);
}
END_TEST

/* RFC 9293 3.7.1: who says nothing takes what everybody takes. */
START_TEST(a_client_without_an_mss)
{
	struct segment syn;
	struct fx_conn c;

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	syn = fx_conn_syn(&c);
	seg_without(&syn, TCP_OPT_MSS);
	fx_challenge(&c, &syn);
	ck_assert_uint_eq(fx_prove(&c)->opt.mss, _i ? 1220 : 536);
}
END_TEST

START_TEST(the_whole_handshake)
{
	struct segment syn, synack;
	struct fx_conn c;
	const struct pkt *p;

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx_prove(&c);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
	ck_assert_str_eq(fx_flow(c.client).timer_name, "syn-sent");
	synack = fx_conn_synack(&c);
	synack.window = 500;
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx.n_sent, 2);
	/* the server gets its ACK */
	p = fx_sent(0);
	ck_assert(goes_to(p, c.server));
	ck_assert_uint_eq(p->flags, TCP_ACK);
	ck_assert_uint_eq(p->seq, c.client_isn + 1);
	ck_assert_uint_eq(p->ack, c.server_isn + 1);
	ck_assert_uint_eq(p->opt.ts_val, c.client_ts + 1);
	ck_assert_uint_eq(p->opt.ts_ecr, c.server_ts);
	ck_assert_uint_eq(p->window, 64240);
	/* and the client learns that it may send: 500 bytes unscaled, so three units of 128 */
	p = fx_sent(1);
	ck_assert(goes_to(p, c.client));
	ck_assert_uint_eq(p->flags, TCP_ACK);
	ck_assert_uint_eq(p->seq, c.cookie_isn + 1);
	ck_assert_uint_eq(p->ack, c.client_isn + 1);
	ck_assert_uint_eq(p->opt.ts_val, c.cookie_tsval);
	ck_assert_uint_eq(p->opt.ts_ecr, c.client_ts + 1);
	ck_assert_uint_eq(p->window, 3);
	ck_assert_uint_eq(fx_counters().spliced, 1);
	ck_assert_uint_eq(fx_counters().completed, 1);
	ck_assert_uint_eq(fx_counters().reconciled, 0);
	ck_assert_uint_eq(fx_service().spliced_now, 1);
	ck_assert_uint_eq(fx_flow(c.client).seq_delta, c.cookie_isn - c.server_isn);
	ck_assert_uint_eq(fx_flow(c.client).ts_delta, c.cookie_tsval - c.server_ts);
}
END_TEST

/* ---- a server that does not answer ---- */

static void begin(struct fx_conn *c)
{
	struct segment syn;

	*c = fx_conn();
	syn = fx_conn_syn(c);
	fx_challenge(c, &syn);
	fx_prove(c);
}

START_TEST(the_syn_is_repeated_with_back_off)
{
	static const usec_t expected[] = {250, 750, 1750, 3750, 7750};
	usec_t start = fx.now;
	uint32_t syns = 0;
	struct fx_conn c;

	begin(&c);
	fx_advance(14 * USEC_PER_SEC);
	for (uint32_t i = 0; i < fx.n_sent; i++) {
		usec_t late = fx.sent[i].at - start - expected[i] * USEC_PER_MSEC;

		ck_assert_uint_eq(fx_sent(i)->flags, TCP_SYN);
		ck_assert_uint_eq(fx_sent(i)->seq, c.client_isn);
		ck_assert(goes_to(fx_sent(i), c.server));
		ck_assert_uint_le(late, (i + 2) * TICK); /* ticks round up */
		syns++;
	}
	ck_assert_uint_eq(syns, ARRAY_SIZE(expected));
}
END_TEST

START_TEST(a_silent_server_is_given_up_in_time)
{
	struct fx_conn c;
	usec_t start;

	fx_advance(USEC_PER_SEC); /* since it was last heard */
	start = fx.now;
	begin(&c);
	fx_advance(14 * USEC_PER_SEC);
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx.n_sent, 2);
	ck_assert_uint_ge(fx.sent[0].at - start, 15 * USEC_PER_SEC - 2 * TICK);
	ck_assert_uint_le(fx.sent[0].at - start, 15 * USEC_PER_SEC + 3 * TICK);
	ck_assert(goes_to(fx_sent(0), c.client));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 1);
	ck_assert(goes_to(fx_sent(1), c.server));
	ck_assert_uint_eq(fx_sent(1)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn + 1);
	ck_assert_uint_eq(fx_counters().server_silent, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_SILENT), 1);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
	/* remembered for as long as its cookie could come back */
	fx_advance(59 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
}
END_TEST

/* It answered somebody else meanwhile: it is not down, this one client had bad luck. */
START_TEST(silent_to_one_is_not_down)
{
	struct fx_conn c, other;

	begin(&c);
	fx_advance(5 * USEC_PER_SEC);
	other = fx_conn();
	other.client = fx_stranger();
	fx_splice(&other);
	fx_advance(12 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_counters().server_silent, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_SILENT), 0);
}
END_TEST

START_TEST(a_late_answer_is_still_good)
{
	struct segment synack;
	struct fx_conn c;

	begin(&c);
	fx_advance(10 * USEC_PER_SEC);
	synack = fx_conn_synack(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 2);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	fx_advance(20 * USEC_PER_SEC);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* ---- a server that says no ---- */

START_TEST(a_refusal_reaches_the_client)
{
	struct segment rst;
	struct fx_conn c;

	begin(&c);
	rst = seg_rst_ack(c.server, c.client, 0, c.client_isn + 2);
	fx_drop(&rst, GUARD_DROP_CONSUMED); /* not about our SYN */
	fx_sent_nothing();
	rst = seg_rst_ack(c.server, c.client, 0, c.client_isn + 1);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert(goes_to(fx_sent(0), c.client));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 1);
	ck_assert_uint_eq(fx_sent(0)->ack, c.client_isn + 1);
	ck_assert_uint_eq(fx_counters().server_refused, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_DOWN), 1);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

/* A segment of the client that was under way when it was refused does not open a second connection. */
START_TEST(a_straggler_opens_nothing)
{
	struct segment rst, late;
	struct fx_conn c;

	begin(&c);
	rst = seg_rst_ack(c.server, c.client, 0, c.client_isn + 1);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
	late = fx_conn_ack(&c);
	fx_offer(&late);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_counters().cookies_valid, 1);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

/* The server is in TIME-WAIT with an older connection of these ports and finds our SYN not new. */
START_TEST(a_wrong_ack_is_reset_and_asked_again)
{
	struct segment stale, synack;
	struct fx_conn c;

	begin(&c);
	stale = seg_ack(c.server, c.client, 55555, c.client_isn - 7777);
	fx_drop(&stale, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 2);
	ck_assert(goes_to(fx_sent(0), c.server));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn - 7777);
	ck_assert_uint_eq(fx_sent(1)->flags, TCP_SYN);
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn);
	synack = fx_conn_synack(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(wrong_acks_are_not_answered_for_ever)
{
	uint32_t answered = 0;
	struct segment stale;
	struct fx_conn c;

	begin(&c);
	for (uint32_t i = 0; i < 100; i++) {
		stale = seg_ack(c.server, c.client, 55555, c.client_isn - 7777 - i);
		fx_offer(&stale);
		answered += fx.n_sent > 0;
	}
	ck_assert_uint_ge(answered, 3);
	ck_assert_uint_le(answered, 10);
}
END_TEST

START_TEST(nonsense_of_the_server_is_nothing)
{
	struct segment s;
	struct fx_conn c;

	begin(&c);
	s = seg_bare(c.server, c.client, TCP_SYN, 5, 0); /* simultaneous open: not with us */
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	s = seg_ack(c.server, c.client, 5, c.client_isn + 1); /* an ACK, but no SYN */
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	s = seg_rst(c.server, c.client, 0); /* a RST that acknowledges nothing, RFC 9293 3.10.7.3 */
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
}
END_TEST

/* ---- the client meanwhile ---- */

START_TEST(the_client_gives_up)
{
	struct segment rst;
	struct fx_conn c;

	begin(&c);
	rst = seg_rst(c.client, c.server, c.client_isn + 2);
	fx_drop(&rst, GUARD_DROP_OUT_OF_WINDOW);
	fx_sent_nothing();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
	rst = seg_rst(c.client, c.server, c.client_isn + 1);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert(goes_to(fx_sent(0), c.server));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 1);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

START_TEST(early_data_is_neither_passed_nor_acknowledged)
{
	struct segment data;
	struct fx_conn c;

	begin(&c);
	data = fx_from_client(&c, TCP_ACK | TCP_PSH, 1, 1, 400);
	fx_drop(&data, GUARD_DROP_EARLY_DATA);
	fx_sent_nothing();
	ck_assert_int_eq(fx_offer_cut(&data, 60), GUARD_DROP);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
}
END_TEST

START_TEST(repeats_of_the_client_are_nothing_new)
{
	struct segment s;
	struct fx_conn c;

	begin(&c);
	s = fx_conn_ack(&c);
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	s = fx_conn_syn(&c);
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_report().flows_used, 1);
	ck_assert_uint_eq(fx_counters().cookies_valid, 1);
}
END_TEST

/* It begins anew with another ISN while the server has not answered: the new one takes its place. */
START_TEST(a_new_attempt_replaces_the_old)
{
	struct segment syn;
	struct fx_conn c;

	begin(&c);
	c.client_isn += 999999;
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	ck_assert_uint_eq(fx_prove(&c)->seq, c.client_isn);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	ck_assert_uint_eq(fx_service().flows, 1);
	ck_assert_uint_eq(fx_service().spliced_now, 1);
}
END_TEST

/* ---- after the server's SYN-ACK ---- */

START_TEST(a_repeated_synack_is_acknowledged_again)
{
	struct segment synack;
	struct fx_conn c = fx_conn();

	fx_splice(&c);
	synack = fx_conn_synack(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert(goes_to(fx_sent(0), c.server));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 1);
	ck_assert_uint_eq(fx_sent(0)->ack, c.server_isn + 1);
	/* and when data has passed: with what is right by now */
	fx_client_says(&c, TCP_ACK, 1, 1, 100);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 101);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(the_window_update_is_repeated)
{
	static const usec_t expected[] = {100, 300, 700};
	struct fx_conn c = fx_conn();
	usec_t start = fx.now;

	fx_splice(&c);
	ck_assert_str_eq(fx_flow(c.client).timer_name, "window");
	fx_advance(30 * USEC_PER_SEC);
	ck_assert_uint_eq(fx.n_sent, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert(goes_to(fx_sent(i), c.client));
		ck_assert_uint_eq(fx_sent(i)->flags, TCP_ACK);
		ck_assert_uint_eq(fx_sent(i)->seq, c.cookie_isn + 1);
		ck_assert_uint_eq(fx_sent(i)->window, 64240 >> 7);
		ck_assert_uint_ge(fx.sent[i].at - start, expected[i] * USEC_PER_MSEC - TICK);
		ck_assert_uint_le(fx.sent[i].at - start, expected[i] * USEC_PER_MSEC + 5 * TICK);
	}
	ck_assert_str_eq(fx_flow(c.client).timer_name, "idle");
}
END_TEST

START_TEST(no_window_update_once_something_is_heard)
{
	struct fx_conn c = fx_conn();

	fx_splice(&c);
	if (_i)
		fx_client_says(&c, TCP_ACK, 1, 1, 100);
	else
		fx_server_says(&c, TCP_ACK, 1, 1, 100);
	fx_advance(30 * USEC_PER_SEC);
	fx_sent_nothing();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* ---- when the truth differs from the promise ---- */

static void splice_with(struct fx_conn *c, uint16_t missing)
{
	struct segment syn, synack;

	*c = fx_conn();
	syn = fx_conn_syn(c);
	fx_challenge(c, &syn);
	fx_prove(c);
	synack = fx_conn_synack(c);
	seg_without(&synack, missing);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
}

START_TEST(timestamps_are_blanked_where_the_server_has_none)
{
	struct segment s;
	struct fx_conn c;

	splice_with(&c, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(fx_counters().reconciled, 1);
	ck_assert_uint_eq(fx_sent(0)->opt.present & TCP_OPT_TIMESTAMPS, 0);
	s = fx_from_client(&c, TCP_ACK | TCP_PSH, 1, 1, 100);
	ck_assert_uint_eq(fx_replaced(&s)->opt.present, 0);
	ck_assert_uint_eq(fx.last.pkt.tcp_hdr_len, 32);
	s = fx_from_server(&c, TCP_ACK, 1, 101, 100);
	seg_without(&s, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(fx_replaced(&s)->seq, c.cookie_isn + 1);
}
END_TEST

START_TEST(sack_is_blanked_where_the_server_has_none)
{
	struct segment s;
	struct fx_conn c;

	splice_with(&c, TCP_OPT_SACK_PERMITTED);
	ck_assert_uint_eq(fx_counters().reconciled, 1);
	s = fx_from_client(&c, TCP_ACK, 1, 1, 0);
	seg_sack(&s, c.cookie_isn + 100, c.cookie_isn + 200);
	ck_assert_uint_eq(fx_replaced(&s)->opt.present, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(fx.last.pkt.opt.ts_ecr, c.server_ts);
}
END_TEST

/* The promise changed between the guard's SYN-ACK and the client's ACK: the old one counts. */
START_TEST(a_changed_promise_is_remembered)
{
	struct segment syn, synack = seg_synack(fx.server, fx.client, 1, 1), s;
	struct fx_conn c = fx_conn();

	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn); /* promised: a scale of seven */
	fx_advance(20 * USEC_PER_SEC);
	seg_wscale(&synack, 9);
	seg_timestamps(&synack, 1, 1);
	fx_teach(&synack);
	fx_prove(&c);
	synack = fx_conn_synack(&c);
	seg_wscale(&synack, 9);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	s = fx_from_server(&c, TCP_ACK, 1, 1, 0);
	s.window = 100;
	ck_assert_uint_eq(fx_replaced(&s)->window, 400);
	ck_assert_uint_eq(fx_counters().reconciled, 1);
}
END_TEST

/* Two changes within the life of a cookie, as when one address has servers of three kinds behind it. */
START_TEST(a_promise_changed_twice_is_remembered)
{
	struct segment syn, synack = seg_synack(fx.server, fx.client, 1, 1);
	struct fx_conn c = fx_conn();

	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	seg_timestamps(&synack, 1, 1);
	seg_wscale(&synack, 9);
	fx_teach(&synack);
	fx_advance(USEC_PER_SEC);
	seg_wscale(&synack, 3);
	fx_teach(&synack);
	fx_advance(USEC_PER_SEC);
	fx_prove(&c);
}
END_TEST

/* What was promised too long ago does not count: its cookies are too old. */
START_TEST(a_promise_of_long_ago_is_forgotten)
{
	struct segment synack = seg_synack(fx.server, fx.client, 1, 1), syn, ack;
	struct fx_conn c = fx_conn();

	seg_wscale(&synack, 9);
	seg_timestamps(&synack, 1, 1);
	fx_teach(&synack);
	fx_advance(61 * USEC_PER_SEC);
	syn = fx_conn_syn(&c);
	ck_assert_uint_eq(fx_challenge(&c, &syn)->opt.wscale, 9);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
}
END_TEST

static void add_server(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, the_syn_is_repeated_with_back_off);
	tcase_add_test(tc, a_silent_server_is_given_up_in_time);
	tcase_add_test(tc, silent_to_one_is_not_down);
	tcase_add_test(tc, a_late_answer_is_still_good);
	tcase_add_test(tc, a_refusal_reaches_the_client);
	tcase_add_test(tc, a_straggler_opens_nothing);
	tcase_add_test(tc, a_wrong_ack_is_reset_and_asked_again);
	tcase_add_test(tc, wrong_acks_are_not_answered_for_ever);
	tcase_add_test(tc, nonsense_of_the_server_is_nothing);
}

static void add_client(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, the_client_gives_up);
	tcase_add_test(tc, early_data_is_neither_passed_nor_acknowledged);
	tcase_add_test(tc, repeats_of_the_client_are_nothing_new);
	tcase_add_test(tc, a_new_attempt_replaces_the_old);
}

static void add_open(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, a_repeated_synack_is_acknowledged_again);
	tcase_add_test(tc, the_window_update_is_repeated);
	tcase_add_loop_test(tc, no_window_update_once_something_is_heard, 0, 2);
	tcase_add_test(tc, timestamps_are_blanked_where_the_server_has_none);
	tcase_add_test(tc, sack_is_blanked_where_the_server_has_none);
	tcase_add_test(tc, a_changed_promise_is_remembered);
	tcase_add_test(tc, a_promise_changed_twice_is_remembered);
	tcase_add_test(tc, a_promise_of_long_ago_is_forgotten);
}

int main(void)
{
	Suite *suite = suite_create("core/splice");
	TCase *syn = tcase_create("syn"), *server = tcase_create("server");
	TCase *client = tcase_create("client"), *open = tcase_create("open");

	tcase_add_checked_fixture(syn, setup, fx_close);
	tcase_add_loop_test(syn, the_servers_syn_carries_the_clients_options, 0, OFFERS);
	tcase_add_loop_test(syn, a_client_without_an_mss, 0, 2);
	tcase_add_loop_test(syn, the_whole_handshake, 0, 2);
	add_server(server);
	add_client(client);
	add_open(open);
	suite_add_tcase(suite, syn);
	suite_add_tcase(suite, server);
	suite_add_tcase(suite, client);
	suite_add_tcase(suite, open);
	return fx_run(suite);
}
