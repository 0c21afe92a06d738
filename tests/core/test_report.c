/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Full tables, what the guard reports of itself, and the arena that holds all of it. */
#include <stdlib.h>

#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ADAPTIVE);
}

static void set_mode(enum guard_mode mode)
{
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, mode), 0);
}

static struct guard_config *other_config(void)
{
	struct guard_config *c = malloc(sizeof(*c));

	*c = *fx.config;
	return c;
}

static void flood(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct segment syn = fx_syn(fx_stranger(), i);

		fx_offer(&syn);
	}
}

/* ---- full tables ---- */

static void small_setup(void)
{
	fx_prepare(GUARD_MODE_ALWAYS);
	fx.limits = (struct guard_limits){.max_flows = 16, .max_half_open = 16};
	fx_start();
	fx_teach_linux();
}

/* Only spliced flows: none can be given up, so the next client is refused. */
START_TEST(spliced_flows_are_never_given_up)
{
	struct fx_conn c[17];
	struct segment syn, ack;

	for (int i = 0; i < 16; i++) {
		c[i] = fx_conn();
		c[i].client = fx_stranger();
		fx_splice(&c[i]);
	}
	c[16] = fx_conn();
	syn = fx_conn_syn(&c[16]);
	fx_challenge(&c[16], &syn);
	ack = fx_conn_ack(&c[16]);
	fx_drop(&ack, GUARD_DROP_TABLE_FULL);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c[16].cookie_isn + 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TABLE_FULL), 1);
	ck_assert_uint_eq(fx_client_says(&c[0], TCP_ACK, 1, 1, 5)->ack, c[0].server_isn + 1);
	ck_assert_uint_eq(fx_counters().flows_evicted, 0);
}
END_TEST

/* Somebody who keeps on knocking does not fill the event log. */
START_TEST(a_full_table_is_said_once)
{
	struct segment syn, ack;
	struct fx_conn c;

	for (int i = 0; i < 216; i++) {
		c = fx_conn();
		c.client = fx_stranger();
		if (i < 16) {
			fx_splice(&c);
			continue;
		}
		syn = fx_conn_syn(&c);
		fx_challenge(&c, &syn);
		ack = fx_conn_ack(&c);
		fx_drop(&ack, GUARD_DROP_TABLE_FULL);
	}
	ck_assert_uint_eq(fx_report().drops[GUARD_DROP_TABLE_FULL], 200);
	ck_assert_uint_le(fx_events(GUARD_EVENT_TABLE_FULL), 2);
}
END_TEST

/* Passed flows need the guard least, and those that are over not at all. */
START_TEST(others_give_way)
{
	struct fx_conn c;

	set_mode(GUARD_MODE_MONITOR);
	for (int i = 0; i < 15; i++) {
		c = fx_conn();
		c.client = fx_stranger();
		fx_pass(&c);
	}
	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < 16; i++) {
		c = fx_conn();
		c.client = fx_stranger();
		fx_splice(&c);
	}
	ck_assert_uint_eq(fx_counters().flows_evicted, 15);
	ck_assert_uint_eq(fx_service().flows, 16);
	ck_assert_uint_eq(fx_service().spliced_now, 16);
	/* one of them ends: its TIME-WAIT gives way to a new client */
	fx_client_says(&c, TCP_FIN | TCP_ACK, 1, 1, 0);
	fx_server_says(&c, TCP_FIN | TCP_ACK, 1, 2, 0);
	fx_client_says(&c, TCP_ACK, 2, 2, 0);
	c = fx_conn();
	c.client = fx_stranger();
	fx_splice(&c);
	ck_assert_uint_eq(fx_counters().flows_evicted, 16);
	ck_assert_uint_eq(fx_service().time_wait, 0);
}
END_TEST

/* ---- reports ---- */

START_TEST(the_events_ring)
{
	struct guard_event rows[EVENT_RING];
	uint32_t n;

	for (int i = 0; i < 1000; i++)
		set_mode(i % 2 ? GUARD_MODE_MONITOR : GUARD_MODE_ALWAYS);
	n = guard_report_events(&fx.guard, 0, rows, EVENT_RING);
	ck_assert_uint_eq(n, EVENT_RING);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_uint_eq(rows[i].number, 1001 - EVENT_RING + 1 + i);
		ck_assert_int_eq(rows[i].kind, GUARD_EVENT_MODE_CHANGED);
		ck_assert_str_eq(rows[i].service, "web");
	}
	/* from where one has read so far, in bites */
	ck_assert_uint_eq(guard_report_events(&fx.guard, 1000, rows, EVENT_RING), 2);
	ck_assert_uint_eq(rows[0].number, 1000);
	ck_assert_uint_eq(guard_report_events(&fx.guard, 1002, rows, EVENT_RING), 0);
	ck_assert_uint_eq(guard_report_events(&fx.guard, 900, rows, 7), 7);
	ck_assert_uint_eq(rows[6].number, 906);
}
END_TEST

/* Every flow and half-open once, in bites of any size, and an end. */
START_TEST(the_walk_is_complete)
{
	struct flow_report rows[64];
	bool seen[200] = {false};
	uint32_t bite = (uint32_t)_i, cursor = 0, n = 0, calls = 0;
	struct fx_conn c;

	set_mode(GUARD_MODE_MONITOR);
	for (uint16_t i = 0; i < 100; i++) { /* passed flows, with holes between them */
		c = fx_conn();
		c.client.port = (uint16_t)(3000 + i);
		fx_pass(&c);
		if (i % 4 == 0)
			fx_client_says(&c, TCP_RST, 1, 0, 0);
	}
	fx_advance(70 * USEC_PER_SEC);
	for (uint16_t i = 100; i < 200; i++) { /* and half-opens, likewise */
		struct segment s, rst;

		c.client.port = (uint16_t)(3000 + i);
		s = fx_conn_syn(&c);
		rst = seg_rst(c.client, c.server, c.client_isn + 1);
		fx_accept(&s);
		if (i % 4 == 0)
			fx_accept(&rst);
	}
	while (cursor != INDEX_NONE) {
		uint32_t got = guard_report_flows(&fx.guard, fx.now, &cursor, rows, bite);

		ck_assert_uint_le(got, bite);
		ck_assert_uint_lt(calls++, 1000);
		for (uint32_t i = 0; i < got; i++, n++) {
			ck_assert(!seen[rows[i].client_port - 3000]);
			seen[rows[i].client_port - 3000] = true;
		}
	}
	ck_assert_uint_eq(n, 150);
	ck_assert_uint_eq(guard_report_flows(&fx.guard, fx.now, &cursor, rows, bite), 0);
	ck_assert_uint_eq(cursor, INDEX_NONE);
}
END_TEST

START_TEST(keys_and_names)
{
	for (int i = 0; i < GUARD_DROP_COUNT; i++)
		ck_assert(guard_drop_key(i)[0] && guard_drop_text(i)[0]);
	for (int i = 0; i < GUARD_EVENT_COUNT; i++) {
		ck_assert(guard_event_key(i)[0] && guard_event_text(i)[0]);
		ck_assert_int_ge(guard_event_level(i), 3);
		ck_assert_int_le(guard_event_level(i), 7);
	}
	ck_assert_str_eq(flow_kind_name(FLOW_HALF_OPEN), "half-open");
	ck_assert_str_eq(flow_kind_name(FLOW_PASSED), "passed");
	ck_assert_str_eq(flow_kind_name(FLOW_SPLICED), "relay");
	ck_assert_str_eq(flow_kind_name(FLOW_KIND_COUNT), "unknown");
	ck_assert_str_eq(guard_drop_key(GUARD_DROP_COUNT), "unknown");
	ck_assert_str_eq(guard_event_key(GUARD_EVENT_COUNT), "unknown");
}
END_TEST

/* The profile of an address belongs to the service that has it now. */
START_TEST(backends_follow_their_service)
{
	struct guard_config *c = other_config();
	struct fx_conn conn = fx_conn();
	struct backend_report r;
	uint32_t cursor = 0, n = 0;

	fx_pass(&conn); /* a flow that keeps the old name's place */
	strcpy(c->service[0].name, "shop");
	guard_configure(&fx.guard, fx.now, c);
	fx_teach_linux();
	while (cursor != INDEX_NONE)
		n += guard_report_backends(&fx.guard, fx.now, &cursor, &r, 1);
	ck_assert_uint_eq(n, 1);
	cursor = 0;
	while (!guard_report_backends(&fx.guard, fx.now, &cursor, &r, 1))
		ck_assert_uint_ne(cursor, INDEX_NONE);
	ck_assert_str_eq(r.service, "shop");
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

START_TEST(the_peak_is_kept)
{
	set_mode(GUARD_MODE_MONITOR);
	flood(50);
	fx_advance(100 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_service().half_open, 0);
	ck_assert_uint_eq(fx_service().half_open_peak, 50);
}
END_TEST

/* ---- the arena ---- */

/* Copied byte by byte to another place, everything goes on: no pointer is in it. */
START_TEST(the_arena_may_move)
{
	size_t size = guard_arena_size(&fx.limits);
	struct fx_conn spliced = fx_conn(), splicing = fx_conn(), half = fx_conn(),
		       cookie = fx_conn();
	struct segment s;
	void *moved = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	/* given a flow, a splice, a half-open and a cookie on its way */
	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	fx_splice(&spliced);
	splicing.client = fx_stranger();
	s = fx_conn_syn(&splicing);
	fx_challenge(&splicing, &s);
	fx_prove(&splicing);
	cookie.client = fx_stranger();
	s = fx_conn_syn(&cookie);
	fx_challenge(&cookie, &s);
	set_mode(GUARD_MODE_MONITOR);
	half.client = fx_stranger();
	s = fx_conn_syn(&half);
	fx_accept(&s);
	/* when the arena moves and the old place is wiped */
	memcpy(moved, fx.arena, size);
	memset(fx.arena, 0xff, size);
	free(fx.arena);
	fx.arena = moved;
	fx.guard.arena = moved;
	/* then each of them goes on where it was */
	ck_assert_uint_eq(fx_client_says(&spliced, TCP_ACK, 1, 1, 5)->ack, spliced.server_isn + 1);
	s = fx_conn_synack(&splicing);
	fx_drop(&s, GUARD_DROP_CONSUMED);
	fx_states(splicing.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	fx_prove(&cookie);
	s = fx_conn_synack(&half);
	fx_accept(&s);
	half.cookie_isn = half.server_isn;
	s = fx_conn_ack(&half);
	fx_accept(&s);
	fx_states(half.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_count_flows(), 4);
	fx_advance(2 * 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
}
END_TEST

/* A fleet: what one has promised another one keeps, if both were given one seed. */
START_TEST(guards_of_one_seed_accept_each_others_cookies)
{
	struct guard_arena *first;
	struct guard g;
	struct fx_conn c = fx_conn();
	struct segment syn, other;

	/* given a cookie from one guard */
	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	/* and a second guard, which has sent a cookie, too, so that it looks at all */
	first = fx.arena;
	fx.arena = aligned_alloc(4096, (guard_arena_size(&fx.limits) + 4095) / 4096 * 4096);
	memset(fx.arena, 0, guard_arena_size(&fx.limits));
	if (_i)
		fx.seed[0] ^= 1;
	ck_assert_int_eq(guard_init(&g, fx.arena, &fx.limits, fx.config, fx.now, fx.seed), 0);
	fx.guard = g;
	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	other = fx_syn(fx_stranger(), 4);
	fx_drop(&other, GUARD_DROP_ANSWERED);
	if (_i) { /* another seed: it is a stranger's */
		other = fx_conn_ack(&c);
		fx_accept(&other);
		ck_assert_uint_eq(fx_counters().cookies_invalid, 1);
	} else {
		fx_prove(&c);
	}
	free(first);
}
END_TEST

/* The same packets at the same times, twice: the same bytes in the arena. */
START_TEST(the_same_seed_the_same_bytes)
{
	size_t size = guard_arena_size(&fx.limits);
	void *first = malloc(size);

	for (int round = 0; round < 2; round++) {
		struct fx_conn c;

		fx_close();
		setup();
		set_mode(GUARD_MODE_ALWAYS);
		fx_teach_linux();
		c = fx_conn();
		fx_splice(&c);
		flood(100);
		fx_advance(3 * USEC_PER_SEC);
		if (round == 0)
			memcpy(first, fx.arena, size);
	}
	ck_assert_int_eq(memcmp(first, fx.arena, size), 0);
	free(first);
}
END_TEST

static void add_report(TCase *tc)
{
	tcase_add_test(tc, the_events_ring);
	tcase_add_loop_test(tc, the_walk_is_complete, 1, 12);
	tcase_add_test(tc, keys_and_names);
	tcase_add_test(tc, backends_follow_their_service);
	tcase_add_test(tc, the_peak_is_kept);
	tcase_add_test(tc, the_arena_may_move);
	tcase_add_loop_test(tc, guards_of_one_seed_accept_each_others_cookies, 0, 2);
	tcase_add_test(tc, the_same_seed_the_same_bytes);
}

int main(void)
{
	Suite *suite = suite_create("core/report");
	TCase *full = tcase_create("full"), *report = tcase_create("report");

	tcase_add_checked_fixture(full, small_setup, fx_close);
	tcase_add_test(full, spliced_flows_are_never_given_up);
	tcase_add_test(full, a_full_table_is_said_once);
	tcase_add_test(full, others_give_way);
	tcase_add_checked_fixture(report, setup, fx_close);
	add_report(report);
	suite_add_tcase(suite, full);
	suite_add_tcase(suite, report);
	return fx_run(suite);
}
