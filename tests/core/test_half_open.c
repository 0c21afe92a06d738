/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of half-open connections: sizes, repeats, time-outs, eviction, resets. */
#include "fixture.h"

static void setup(void)
{
	fx_prepare(GUARD_MODE_MONITOR);
	guard_service_config_defaults(&fx.config->service[1]);
	strcpy(fx.config->service[1].name, "mail");
	fx.config->service[1].mode = GUARD_MODE_MONITOR;
	fx.config->n_services = 2;
	fx.config->listen[2] = fx.config->listen[0];
	fx.config->listen[2].port_low = fx.config->listen[2].port_high = 25;
	fx.config->listen[2].service = 1;
	fx.config->n_listens = 3;
	fx.limits.max_half_open = 64;
	fx_start();
}

static struct seg_end mail(void)
{
	struct seg_end e = fx.server;

	e.port = 25;
	return e;
}

static uint32_t mail_half_opens(void)
{
	struct service_report r;

	ck_assert(guard_report_service(&fx.guard, 1, fx.now, &r));
	return r.half_open;
}

static void syn_to(struct seg_end from, struct seg_end to, uint32_t isn)
{
	struct segment s = seg_syn(from, to, isn);

	fx_accept(&s);
	fx_sent_nothing();
}

static void synack_to(struct seg_end client, uint32_t isn, uint32_t ack)
{
	struct segment s = seg_synack(fx.server, client, isn, ack);

	fx_accept(&s);
}

START_TEST(an_entry_costs_64_bytes)
{
	struct guard_report r = fx_report();

	ck_assert_uint_le(sizeof(struct half_open), 60);
	ck_assert_uint_le(r.half_open_entry_bytes, 64);
	ck_assert_uint_eq(r.half_open_max, 64);
}
END_TEST

START_TEST(a_syn_is_remembered)
{
	struct flow_report r;

	fx_family(_i ? 6 : 4);
	syn_to(fx.client, fx.server, 1000);
	r = fx_flow(fx.client);
	ck_assert_int_eq(r.kind, FLOW_HALF_OPEN);
	ck_assert(ip_addr_eq(&r.server, &fx.server.addr));
	ck_assert_uint_eq(r.server_port, 80);
	ck_assert_str_eq(r.service, "web");
	fx_states(fx.client, TCPS_SYN_RECEIVED, TCPS_SYN_SENT);
	synack_to(fx.client, 7000, 1001);
	fx_states(fx.client, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_service().half_open, 1);
	ck_assert_uint_eq(fx_counters().synack_seen, 1);
}
END_TEST

START_TEST(a_repeated_syn_is_the_same_one)
{
	syn_to(fx.client, fx.server, 1000);
	for (int i = 0; i < 20; i++)
		syn_to(fx.client, fx.server, 1000);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
	ck_assert_uint_eq(fx_counters().syn_received, 21);
	ck_assert_uint_eq(fx_counters().syn_retransmitted, 20);
}
END_TEST

/* The client has begun anew: the answer to the old SYN is nothing to the new one. */
START_TEST(a_new_isn_is_a_new_attempt)
{
	syn_to(fx.client, fx.server, 1000);
	synack_to(fx.client, 7000, 1001);
	syn_to(fx.client, fx.server, 555555);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
	fx_states(fx.client, TCPS_SYN_RECEIVED, TCPS_SYN_SENT);
	synack_to(fx.client, 7000, 1001);
	fx_states(fx.client, TCPS_SYN_RECEIVED, TCPS_SYN_SENT);
	synack_to(fx.client, 8000, 555556);
	fx_states(fx.client, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(forgotten_after_the_timeout_oldest_first)
{
	struct flow_report r;

	/* given ten half-opens, a second apart */
	for (uint16_t i = 0; i < 10; i++) {
		syn_to(fx_stranger(), fx.server, i);
		fx_advance(USEC_PER_SEC);
	}
	/* when a minute after the first has passed, they go one by one */
	fx_advance(49750 * USEC_PER_MSEC);
	for (uint16_t i = 0; i < 10; i++) {
		fx_advance(USEC_PER_SEC / 2);
		ck_assert_uint_eq(fx_report().half_open_used, 9u - i);
		ck_assert_uint_eq(fx_counters().half_open_timeouts, i + 1u);
		ck_assert(
			!fx_find_flow((struct seg_end){fx.client.addr, (uint16_t)(2000 + i)}, &r));
		fx_advance(USEC_PER_SEC / 2);
	}
	/* then nothing waits any more */
	fx_advance(60 * USEC_PER_SEC);
	ck_assert_uint_eq(guard_deadline(&fx.guard), USEC_NEVER);
}
END_TEST

START_TEST(the_timer_is_shown)
{
	syn_to(fx.client, fx.server, 1000);
	fx_advance(20 * USEC_PER_SEC);
	ck_assert_uint_ge(fx_flow(fx.client).timer, 39900 * USEC_PER_MSEC);
	ck_assert_uint_le(fx_flow(fx.client).timer, 40100 * USEC_PER_MSEC);
	ck_assert_str_eq(fx_flow(fx.client).timer_name, "syn-received");
	ck_assert_uint_ge(fx_flow(fx.client).age, 19900 * USEC_PER_MSEC);
}
END_TEST

/* Given a full table of one service, its next half-open costs the oldest one of its own. */
START_TEST(a_full_table_gives_up_the_oldest)
{
	struct flow_report r;

	for (uint16_t i = 0; i < 64; i++)
		syn_to(fx_stranger(), fx.server, i);
	ck_assert_uint_eq(fx_report().half_open_used, 64);
	for (uint16_t i = 0; i < 200; i++)
		syn_to(fx_stranger(), fx.server, i);
	ck_assert_uint_eq(fx_report().half_open_used, 64);
	ck_assert_uint_eq(fx_counters().half_open_evicted, 200);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_HALF_OPEN_FULL), 1);
	for (uint16_t i = 0; i < 264; i++) {
		struct seg_end e = {fx.client.addr, (uint16_t)(2000 + i)};

		ck_assert(fx_find_flow(e, &r) == (i >= 200));
	}
}
END_TEST

/* A flood against one service takes nothing from another one, though that fills its own part. */
START_TEST(a_flood_takes_its_own)
{
	for (uint16_t i = 0; i < 500; i++)
		syn_to(fx_stranger(), fx.server, i);
	for (uint16_t i = 0; i < 30; i++)
		syn_to(fx_stranger(), mail(), i);
	ck_assert_uint_eq(mail_half_opens(), 30);
	ck_assert_uint_eq(fx_service().half_open, 34);
	for (uint16_t i = 0; i < 500; i++)
		syn_to(fx_stranger(), fx.server, i);
	ck_assert_uint_eq(mail_half_opens(), 30);
	/* but nobody gets more than half at the other's cost */
	for (uint16_t i = 0; i < 500; i++)
		syn_to(fx_stranger(), mail(), i);
	ck_assert_uint_ge(fx_service().half_open, 31);
	ck_assert_uint_eq(fx_report().half_open_used, 64);
}
END_TEST

START_TEST(a_rst_of_the_client_ends_it)
{
	struct segment rst;

	/* given an answered one, a RST with another sequence number changes nothing */
	syn_to(fx.client, fx.server, 1000);
	synack_to(fx.client, 7000, 1001);
	rst = seg_rst(fx.client, fx.server, 1002);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
	/* and the right one ends it; it passes in any case */
	rst = seg_rst(fx.client, fx.server, 1001);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	ck_assert_uint_eq(fx_counters().half_open_timeouts, 0);
}
END_TEST

/*
 * A server in SYN-RECEIVED ignores any RST but that of its RCV.NXT. So the guard must not forget a
 * half-open for less, or a flood would hide itself by a RST behind each SYN.
 */
START_TEST(a_rst_that_the_server_ignores_hides_nothing)
{
	for (uint32_t i = 0; i < 50; i++) {
		struct seg_end from = fx_stranger();
		struct segment rst = seg_rst(from, fx.server, 1000);

		syn_to(from, fx.server, 1000);
		fx_accept(&rst);
	}
	ck_assert_uint_eq(fx_report().half_open_used, 50);
}
END_TEST

/* ... and once the server has shown that it still holds it, no more RSTs are believed. */
START_TEST(a_server_that_repeats_itself_was_not_reset)
{
	struct segment s = fx_syn(fx.client, 1000),
		       answer = seg_synack(fx.server, fx.client, 7, 1001);
	struct segment rst = seg_rst(fx.client, fx.server, 1001);
	struct segment ack = seg_ack(fx.client, fx.server, 1001, 8);

	fx_offer(&s);
	if (_i)
		fx_offer(&answer);
	fx_offer(&rst);
	ck_assert_uint_eq(fx_service().half_open, 0);
	if (!_i) /* they may have crossed each other */
		fx_offer(&answer);
	ck_assert_uint_eq(fx_service().half_open, 0);
	fx_advance(USEC_PER_SEC);
	fx_offer(&answer);
	ck_assert_uint_eq(fx_service().half_open, 1);
	fx_offer(&rst);
	ck_assert_uint_eq(fx_service().half_open, 1);
	fx_offer(&ack);
	ck_assert_uint_eq(fx_service().half_open, 0);
	ck_assert_uint_eq(fx_counters().passed, 1);
}
END_TEST

START_TEST(a_rst_of_the_server_is_a_refusal)
{
	struct segment rst;

	syn_to(fx.client, fx.server, 1000);
	rst = seg_rst_ack(fx.server, fx.client, 0, 1002);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
	rst = seg_rst_ack(fx.server, fx.client, 0, 1001);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	ck_assert_uint_eq(fx_counters().server_refused, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_DOWN), 1);
	/* it says so to everybody, but that is one event */
	syn_to(fx.client, fx.server, 2000);
	rst = seg_rst_ack(fx.server, fx.client, 0, 2001);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_counters().server_refused, 2);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_DOWN), 1);
	/* until it answers */
	syn_to(fx.client, fx.server, 3000);
	synack_to(fx.client, 9000, 3001);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_UP), 1);
}
END_TEST

/* A server that answers first and resets then gives up this one client only. */
START_TEST(a_rst_behind_the_synack_is_no_refusal)
{
	struct segment rst;

	syn_to(fx.client, fx.server, 1000);
	synack_to(fx.client, 7000, 1001);
	rst = seg_rst_ack(fx.server, fx.client, 7001, 1001);
	fx_accept(&rst);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	ck_assert_uint_eq(fx_counters().server_refused, 0);
}
END_TEST

/* Random SYNs, answers, resets and ends: lists, hash chains and counts agree all the time. */
START_TEST(the_table_stays_whole)
{
	struct seg_random r = seg_random((uint64_t)_i + 1);

	for (int n = 0; n < 20000; n++) {
		struct seg_end client = {fx.client.addr, (uint16_t)(1 + seg_random_below(&r, 150))};
		struct seg_end server = seg_random_below(&r, 3) ? fx.server : mail();
		uint32_t isn = client.port;
		struct segment s;

		switch (seg_random_below(&r, 6)) {
		case 0:
			s = seg_rst(client, server, isn + 1);
			break;
		case 1:
			s = seg_synack(server, client, 5, isn + 1);
			break;
		case 2:
			s = seg_ack(client, server, isn + 1, 6);
			break;
		default:
			s = seg_syn(client, server, isn);
		}
		fx_offer(&s);
		if (seg_random_below(&r, 50) == 0)
			fx_advance(seg_random_below(&r, 20) * USEC_PER_SEC);
		if (fx_report().half_open_used != fx_service().half_open + mail_half_opens())
			ck_abort_msg("step %d: counts differ", n);
	}
	ck_assert_uint_eq(fx_count_flows(), fx_report().half_open_used + fx_report().flows_used);
	fx_advance(100 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
}
END_TEST

/* A SYN with data needs more than its headers to be verified; until then it has not been seen. */
START_TEST(a_cut_syn_is_not_counted_twice)
{
	struct segment s = seg_syn(fx.client, fx.server, 1000);

	s.payload = "data";
	s.payload_len = 4;
	ck_assert_int_eq(fx_offer_cut(&s, 52), GUARD_WANT_FULL);
	fx_accept(&s);
	ck_assert_uint_eq(fx_counters().syn_received, 1);
	ck_assert_uint_eq(fx_counters().packets_in, 1);
}
END_TEST

START_TEST(a_wrong_checksum_opens_nothing)
{
	struct segment s = seg_syn(fx.client, fx.server, 1000);

	fx.csum = PKT_CSUM_UNVERIFIED;
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[36] ^= 1; /* checksum */
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_CHECKSUM);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	fx_accept(&s);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/half_open");
	TCase *tc = tcase_create("half_open");

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, an_entry_costs_64_bytes);
	tcase_add_loop_test(tc, a_syn_is_remembered, 0, 2);
	tcase_add_test(tc, a_repeated_syn_is_the_same_one);
	tcase_add_test(tc, a_new_isn_is_a_new_attempt);
	tcase_add_test(tc, forgotten_after_the_timeout_oldest_first);
	tcase_add_test(tc, the_timer_is_shown);
	tcase_add_test(tc, a_full_table_gives_up_the_oldest);
	tcase_add_test(tc, a_flood_takes_its_own);
	tcase_add_test(tc, a_rst_of_the_client_ends_it);
	tcase_add_test(tc, a_rst_that_the_server_ignores_hides_nothing);
	tcase_add_loop_test(tc, a_server_that_repeats_itself_was_not_reset, 0, 2);
	tcase_add_test(tc, a_rst_of_the_server_is_a_refusal);
	tcase_add_test(tc, a_rst_behind_the_synack_is_no_refusal);
	tcase_add_loop_test(tc, the_table_stays_whole, 0, 4);
	tcase_add_test(tc, a_cut_syn_is_not_counted_twice);
	tcase_add_test(tc, a_wrong_checksum_opens_nothing);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
