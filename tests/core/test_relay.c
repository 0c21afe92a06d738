/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spliced flows: what is translated, what is left alone, and how both halves close. */
#include "relay_story.h"

/* ---- translation ---- */

/* Sequence numbers of both sides and both clocks just before their wrap. */
static void splice_at_the_wrap(void)
{
	c = fx_conn();
	c.client_isn = 0xffffff00;
	c.server_isn = 0xfffffe00;
	c.client_ts = 0xfffffff0;
	c.server_ts = 0xffffff80;
	fx_splice(&c);
}

START_TEST(numbers_of_the_client)
{
	const struct pkt *p;

	splice_at_the_wrap();
	for (uint32_t at = 1; at < 2000; at += 100) {
		struct segment s = fx_from_client(&c, TCP_ACK | TCP_PSH, at, at, 100);

		seg_sack(&s, c.cookie_isn + at + 300, c.cookie_isn + at + 400);
		seg_sack(&s, c.cookie_isn + at + 500, c.cookie_isn + at + 900);
		server_says(TCP_ACK, at, at, 100);
		p = fx_replaced(&s);
		ck_assert_uint_eq(p->seq, c.client_isn + at);
		ck_assert_uint_eq(p->ack, c.server_isn + at);
		ck_assert_uint_eq(p->opt.ts_val, c.client_ts + at);
		ck_assert_uint_eq(p->opt.ts_ecr, c.server_ts + at - 1);
		ck_assert_uint_eq(p->opt.n_sack, 2);
		ck_assert_uint_eq(p->opt.sack[0].left, c.server_isn + at + 300);
		ck_assert_uint_eq(p->opt.sack[0].right, c.server_isn + at + 400);
		ck_assert_uint_eq(p->opt.sack[1].right, c.server_isn + at + 900);
		ck_assert_uint_eq(p->payload_len, 100);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(c.client).recv_queue, 100);
}
END_TEST

START_TEST(numbers_of_the_server)
{
	const struct pkt *p;

	splice_at_the_wrap();
	for (uint32_t at = 1; at < 2000; at += 100) {
		struct segment s = fx_from_server(&c, TCP_ACK, at, at, 100);

		seg_sack(&s, c.client_isn + at + 300, c.client_isn + at + 400);
		p = fx_replaced(&s);
		ck_assert_uint_eq(p->seq, c.cookie_isn + at);
		ck_assert_uint_eq(p->ack, c.client_isn + at);
		ck_assert_uint_eq(p->opt.ts_val, c.cookie_tsval + at - 1);
		ck_assert_uint_eq(p->opt.ts_ecr, c.client_ts + at);
		ck_assert_uint_eq(p->opt.sack[0].left, c.client_isn + at + 300);
		client_says(TCP_ACK | TCP_PSH, at, at + 100, 100);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(c.client).send_queue, 0);
	ck_assert_uint_eq(fx_flow(c.client).bytes_out, 2000);
	ck_assert_uint_eq(fx_flow(c.client).bytes_in, 2000);
}
END_TEST

START_TEST(of_either_family)
{
	fx_family(_i ? 6 : 4);
	splice();
	ck_assert_uint_eq(client_says(TCP_ACK, 1, 1, 10)->ack, c.server_isn + 1);
	ck_assert_uint_eq(server_says(TCP_ACK, 1, 11, 10)->seq, c.cookie_isn + 1);
}
END_TEST

/* A GSO packet comes with the sum of its pseudo header only, and must leave with a whole one. */
START_TEST(partial_checksums_are_completed)
{
	struct segment s;

	splice();
	for (int dir = 0; dir < 2; dir++) {
		s = dir ? fx_from_server(&c, TCP_ACK, 1, 1, 1460)
			: fx_from_client(&c, TCP_ACK, 1, 1, 1460);
		fx.csum = PKT_CSUM_PARTIAL;
		fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
		memset(fx.last.data + 36, 0x5a, 2);
		ck_assert_int_eq(fx_offer_bytes(),
				 GUARD_REPLACE); /* the fixture verifies the sum */
		ck_assert_int_eq(fx.last.pkt.csum, PKT_CSUM_FULL);
	}
}
END_TEST

START_TEST(a_cut_segment_changes_nothing)
{
	static const uint16_t flags[] = {TCP_ACK, TCP_ACK | TCP_PSH, FIN_ACK, TCP_RST | TCP_ACK,
					 TCP_SYN};
	struct segment s;

	splice();
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		s = fx_from_client(&c, flags[i], 1, 1, 500);
		ck_assert_int_eq(fx_offer_cut(&s, 80), GUARD_WANT_FULL);
		s = fx_from_server(&c, flags[i], 1, 1, 500);
		ck_assert_int_eq(fx_offer_cut(&s, 80), GUARD_WANT_FULL);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* What was corrupted on the way says nothing about the connection, whatever it seems to say. */
START_TEST(a_corrupted_segment_moves_nothing)
{
	struct segment s;
	uint32_t len;

	splice();
	for (int dir = 0; dir < 2; dir++) {
		s = dir ? fx_from_server(&c, TCP_ACK, 1, 1, 50)
			: fx_from_client(&c, TCP_ACK, 1, 1, 50);
		fx.csum = PKT_CSUM_UNVERIFIED;
		len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
		for (uint32_t bit = 24 * 8; bit < 34 * 8; bit++) { /* SEQ, ACK, flags */
			fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
			fx.last.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
			fx_sent_nothing();
		}
		ck_assert_uint_eq(len, fx.last.len);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(c.client).recv_queue, 0);
	ck_assert_uint_eq(fx_flow(c.client).send_queue, 0);
	/* and it goes on to its end */
	client_says(FIN_ACK, 1, 1, 0);
	server_says(FIN_ACK, 1, 2, 0);
	client_says(TCP_ACK, 2, 2, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
}
END_TEST

/* ---- what is left alone ---- */

START_TEST(ecn_reserved_and_urgent_pass)
{
	static const uint16_t bits[] = {TCP_ECE, TCP_CWR, TCP_AE,  0x200,
					0x400,	 0x800,	  TCP_URG, TCP_PSH};
	struct segment s;

	splice();
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		for (int dir = 0; dir < 2; dir++) {
			s = dir ? fx_from_server(&c, TCP_ACK | bits[i], 1, 1, 1)
				: fx_from_client(&c, TCP_ACK | bits[i], 1, 1, 1);
			s.tos = 0xb8 | (i & 3); /* ECT(1), ECT(0), CE */
			s.urgent = (uint16_t)(1000 + i);
			s.ttl = (uint8_t)(60 + i);
			fx_replaced(&s);
			ck_assert_uint_eq(fx.last.pkt.flags, TCP_ACK | bits[i]);
			ck_assert_uint_eq(fx.last.pkt.tos, 0xb8 | (i & 3));
			ck_assert_uint_eq(fx.last.pkt.urgent, 1000 + i);
			ck_assert_uint_eq(fx.last.pkt.ttl, 60 + i);
		}
	}
}
END_TEST

START_TEST(unknown_options_pass)
{
	static const uint8_t options[] = {1, 253, 6, 1, 2,  3, 4,    172,
					  5, 9,	  8, 7, 30, 4, 0xab, 0xcd};
	struct segment s;

	splice();
	for (int dir = 0; dir < 2; dir++) {
		s = dir ? fx_from_server(&c, TCP_ACK, 1, 1, 10)
			: fx_from_client(&c, TCP_ACK, 1, 1, 10);
		fx.last.len = seg_bytes_raw(&s, options, sizeof(options), fx.last.data,
					    sizeof(fx.last.data));
		ck_assert_int_eq(fx_offer_bytes(), GUARD_REPLACE);
		ck_assert_int_eq(memcmp(fx.last.data + 40, options, sizeof(options)), 0);
	}
}
END_TEST

/* A RST without ACK has an acknowledgement field that means nothing. */
START_TEST(no_ack_is_no_ack)
{
	struct segment s;

	splice();
	s = seg_rst(c.client, c.server, c.client_isn + 1);
	s.ack = 0;
	ck_assert_uint_eq(fx_replaced(&s)->ack, 0);
}
END_TEST

START_TEST(windows_pass_where_the_promise_was_true)
{
	struct segment s;

	splice();
	for (uint32_t w = 0; w < 65536; w += 4369) {
		s = fx_from_client(&c, TCP_ACK, 1, 1, 0);
		s.window = (uint16_t)w;
		ck_assert_uint_eq(fx_replaced(&s)->window, w);
		s = fx_from_server(&c, TCP_ACK, 1, 1, 0);
		s.window = (uint16_t)w;
		ck_assert_uint_eq(fx_replaced(&s)->window, w);
	}
}
END_TEST

START_TEST(impossible_flags_are_dropped)
{
	static const uint16_t bad[] = {0, TCP_FIN, TCP_PSH, TCP_FIN | TCP_PSH | TCP_URG};
	struct segment s;

	splice();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = fx_from_client(&c, bad[i], 1, 1, 0);
		fx_drop(&s, GUARD_DROP_BAD_FLAGS);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* ---- closing ---- */

START_TEST(client_closes_first)
{
	splice();
	client_says(FIN_ACK, 1, 1, 100);
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	server_says(TCP_ACK, 1, 101, 0); /* the data, not the FIN */
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	server_says(TCP_ACK, 1, 102, 0);
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_2);
	server_says(TCP_ACK, 1, 102, 1000); /* half-closed: the server goes on */
	client_says(TCP_ACK, 102, 1001, 0);
	server_says(FIN_ACK, 1001, 102, 0);
	states(TCPS_LAST_ACK, TCPS_TIME_WAIT);
	client_says(TCP_ACK, 102, 1002, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	ck_assert_uint_eq(fx_service().time_wait, 1);
}
END_TEST

START_TEST(server_closes_first)
{
	splice();
	client_says(TCP_ACK, 1, 1, 10);
	server_says(FIN_ACK, 1, 11, 500);
	states(TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT);
	client_says(TCP_ACK, 11, 502, 0);
	states(TCPS_FIN_WAIT_2, TCPS_CLOSE_WAIT);
	client_says(FIN_ACK, 11, 502, 0);
	states(TCPS_TIME_WAIT, TCPS_LAST_ACK);
	server_says(TCP_ACK, 502, 12, 0);
	states(TCPS_TIME_WAIT, TCPS_CLOSED);
}
END_TEST

START_TEST(both_close_at_once)
{
	splice();
	server_says(FIN_ACK, 1, 1, 0);
	client_says(FIN_ACK, 1, 1, 0);
	states(TCPS_CLOSING, TCPS_LAST_ACK);
	if (_i) {
		client_says(TCP_ACK, 2, 2, 0);
		states(TCPS_TIME_WAIT, TCPS_LAST_ACK);
		server_says(TCP_ACK, 2, 2, 0);
	} else {
		server_says(TCP_ACK, 2, 2, 0);
		states(TCPS_CLOSING, TCPS_CLOSED);
		client_says(TCP_ACK, 2, 2, 0);
	}
	states(TCPS_TIME_WAIT, TCPS_CLOSED);
}
END_TEST

/* FIN first, then the lost data before it: the end is where the FIN is. */
START_TEST(a_fin_ahead_of_lost_data)
{
	splice();
	client_says(FIN_ACK, 101, 1, 0);
	server_says(TCP_ACK, 1, 1, 0);
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	client_says(TCP_ACK, 1, 1, 100);
	server_says(TCP_ACK, 1, 102, 0);
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_2);
}
END_TEST

/*
 * Given a client that has sent a request and its FIN, of which the request was lost behind the guard: the
 * repeated request still carries the numbers of its cookie, but it is no new connection.
 */
START_TEST(repeats_behind_a_fin_open_nothing)
{
	splice();
	client_says(TCP_ACK | TCP_PSH, 1, 1, 200);
	client_says(FIN_ACK, 201, 1, 0);
	ck_assert_uint_eq(client_says(TCP_ACK | TCP_PSH, 1, 1, 200)->ack, c.server_isn + 1);
	client_says(FIN_ACK, 201, 1, 0);
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	ck_assert_uint_eq(fx_counters().spliced, 1);
	ck_assert_uint_eq(fx_counters().cookies_valid, 1);
}
END_TEST

/* The same with a client that says nothing at all and closes: its FIN is where the cookie was. */
START_TEST(a_repeated_lone_fin_opens_nothing)
{
	splice();
	client_says(FIN_ACK, 1, 1, 0);
	client_says(FIN_ACK, 1, 1, 0);
	client_says(TCP_ACK, 0, 1, 0); /* nor does a keepalive */
	states(TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	ck_assert_uint_eq(fx_counters().cookies_valid, 1);
}
END_TEST

START_TEST(fins_out_of_the_window_change_nothing)
{
	splice();
	server_says(TCP_ACK, 1, 1, 0);
	client_says(FIN_ACK, 64240u * 128 + 1000, 1, 0);
	client_says(FIN_ACK, 0x80000000, 1, 0);
	client_says(FIN_ACK, 0u - 5000, 1, 0);
	server_says(FIN_ACK, 64240u * 128 + 1000, 1, 0);
	server_says(FIN_ACK, 0u - 5000, 1, 0);
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* ---- TIME-WAIT ---- */

START_TEST(time_wait_lasts_2_msl)
{
	splice();
	close_all();
	ck_assert_str_eq(fx_flow(c.client).timer_name, "time-wait");
	fx_advance(59 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	fx_advance(1100 * USEC_PER_MSEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 0);
	fx_sent_nothing();
}
END_TEST

/* The last ACK was lost: the FIN comes again, is translated, and so is its ACK; 2 MSL from then. */
START_TEST(a_late_fin_is_acknowledged_through_the_guard)
{
	splice();
	close_all();
	fx_advance(40 * USEC_PER_SEC);
	ck_assert_uint_eq(server_says(FIN_ACK, 1, 2, 0)->seq, c.cookie_isn + 1);
	ck_assert_uint_eq(client_says(TCP_ACK, 2, 2, 0)->ack, c.server_isn + 2);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
	fx_advance(59 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

START_TEST(a_rst_does_not_cut_time_wait_short)
{
	splice();
	close_all();
	client_says(TCP_RST, 2, 0, 0);
	server_says(TCP_RST, 2, 0, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
	fx_advance(50 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 1);
}
END_TEST

/* ---- windows and losses as they happen ---- */

/* Given a receiver that takes a window back, the data sent on the old promise is still followed. */
START_TEST(a_shrunk_window_loses_no_track)
{
	struct segment s;

	splice();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 0);
	s.window = 0;
	fx_replaced(&s);
	/* sent before the server heard of it */
	for (uint32_t at = 1; at < 10000; at += 1000)
		server_says(TCP_ACK, at, 1, 1000);
	client_says(TCP_ACK, 1, 10001, 0);
	server_says(FIN_ACK, 10001, 1, 0);
	states(TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT);
	client_says(TCP_ACK, 1, 10002, 0);
	states(TCPS_FIN_WAIT_2, TCPS_CLOSE_WAIT);
}
END_TEST

START_TEST(a_flow_without_timestamps)
{
	const struct pkt *p;

	c = fx_conn();
	c.timestamps = false;
	fx_splice(&c);
	p = client_says(TCP_ACK | TCP_PSH, 1, 1, 100);
	ck_assert_uint_eq(p->opt.present, 0);
	ck_assert_uint_eq(p->ack, c.server_isn + 1);
	p = server_says(TCP_ACK, 1, 101, 100);
	ck_assert_uint_eq(p->seq, c.cookie_isn + 1);
	client_says(FIN_ACK, 101, 101, 0);
	server_says(FIN_ACK, 101, 102, 0);
	client_says(TCP_ACK, 102, 102, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
}
END_TEST

static void add_translate(TCase *tc)
{
	tcase_add_test(tc, numbers_of_the_client);
	tcase_add_test(tc, numbers_of_the_server);
	tcase_add_loop_test(tc, of_either_family, 0, 2);
	tcase_add_test(tc, partial_checksums_are_completed);
	tcase_add_test(tc, a_cut_segment_changes_nothing);
	tcase_add_test(tc, a_corrupted_segment_moves_nothing);
	tcase_add_test(tc, ecn_reserved_and_urgent_pass);
	tcase_add_test(tc, unknown_options_pass);
	tcase_add_test(tc, no_ack_is_no_ack);
	tcase_add_test(tc, windows_pass_where_the_promise_was_true);
	tcase_add_test(tc, impossible_flags_are_dropped);
	tcase_add_test(tc, a_shrunk_window_loses_no_track);
	tcase_add_test(tc, a_flow_without_timestamps);
}

static void add_close(TCase *tc)
{
	tcase_add_test(tc, client_closes_first);
	tcase_add_test(tc, server_closes_first);
	tcase_add_loop_test(tc, both_close_at_once, 0, 2);
	tcase_add_test(tc, a_fin_ahead_of_lost_data);
	tcase_add_test(tc, repeats_behind_a_fin_open_nothing);
	tcase_add_test(tc, a_repeated_lone_fin_opens_nothing);
	tcase_add_test(tc, fins_out_of_the_window_change_nothing);
	tcase_add_test(tc, time_wait_lasts_2_msl);
	tcase_add_test(tc, a_late_fin_is_acknowledged_through_the_guard);
	tcase_add_test(tc, a_rst_does_not_cut_time_wait_short);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = {{"translate", add_translate}, {"close", add_close}};
	Suite *suite = suite_create("core/relay");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		TCase *tc = tcase_create(cases[i].name);

		tcase_add_checked_fixture(tc, setup, fx_close);
		cases[i].add(tc);
		suite_add_tcase(suite, tc);
	}
	return fx_run(suite);
}
