/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guard that goes on with the terminated connections that another process has left. */
#include "adopt_story.h"

static struct fx_conn ends;

static void setup_ends(void)
{
	fx_prepare(GUARD_MODE_ADAPTIVE);
	fx.config->service[0].engine = GUARD_ENGINE_TERMINATE;
	fx.limits.max_terminated = 64;
	fx.limits.chunks = 1024;
	fx_start();
	ends = fx_conn();
}

static void teardown_ends(void)
{
	fx_advance(2 * 24 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(arena()->terminals.used, 0);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
	for (unsigned i = 0; i < TERMINAL_CLIENTS; i++)
		ck_assert_uint_eq(arena()->terminals.gaps[i], 0);
	fx_close();
}

static void take(const struct segment *s)
{
	fx_drop(s, GUARD_DROP_CONSUMED);
	fx_advance(0);
}

static void client_sends(uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_client(&ends, TCP_ACK, seq, ack, len);

	take(&s);
}

static void server_sends(uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_server(&ends, TCP_ACK, seq, ack, len);

	take(&s);
}

static void open_ends(void)
{
	struct segment syn = fx_conn_syn(&ends), synack = fx_conn_synack(&ends);

	fx_challenge(&ends, &syn);
	client_sends(1, 1, 0);
	take(&synack);
	ck_assert_int_eq(fx_flow(ends.client).server_state, TCPS_ESTABLISHED);
}

/* both_ways() - bytes from either side arrive at the other: @seq and @ack are where both are. */
static void both_ways(uint32_t seq, uint32_t ack)
{
	client_sends(seq, ack, 100);
	fx_advance(USEC_PER_SEC);
	ck_assert_uint_gt(fx.n_sent, 0);
	server_sends(ack, seq + 100, 50);
	client_sends(seq + 100, ack + 50, 0);
	ck_assert_int_eq(fx_flow(ends.client).client_state, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(ends.client).recv_queue, 0);
	ck_assert_uint_eq(fx_flow(ends.client).send_queue, 0);
}

START_TEST(two_ends_go_on)
{
	open_ends();
	both_ways(1, 1);
	must_adopt();
	both_ways(101, 51);
	ck_assert_uint_eq(fx_service().terminated_now, 1);
}
END_TEST

START_TEST(two_ends_go_on_before_the_server_has_answered)
{
	struct segment syn = fx_conn_syn(&ends), synack = fx_conn_synack(&ends);

	fx_challenge(&ends, &syn);
	client_sends(1, 1, 300); /* it waits */
	must_adopt();
	fx_advance(0);
	take(&synack);
	fx_advance(USEC_PER_SEC);
	server_sends(1, 301, 0);
	both_ways(301, 1);
}
END_TEST

START_TEST(what_is_in_flight_is_sent_again)
{
	open_ends();
	client_sends(1, 1, 1000);
	must_adopt();
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_last_sent()->payload_len, 1000);
	ck_assert_uint_eq(fx_last_sent()->seq - ends.client_isn, 1);
	server_sends(1, 1001, 0);
	both_ways(1001, 1);
}
END_TEST

START_TEST(what_came_out_of_order_is_kept)
{
	open_ends();
	client_sends(501, 1, 500);
	must_adopt();
	client_sends(1, 1, 500);
	fx_advance(USEC_PER_SEC);
	server_sends(1, 1001, 0);
	both_ways(1001, 1);
}
END_TEST

/* What is missing may be all that would be in the first chunk. */
START_TEST(what_came_far_out_of_order_is_kept)
{
	enum flow_dir dir;
	uint32_t i;

	open_ends();
	both_ways(1, 1);
	client_sends(5001, 51, 500);
	must_adopt();
	i = flow_find(arena(), &ends.client.addr, ends.client.port, &ends.server.addr, 80, &dir);
	ck_assert_uint_eq(flow_at(arena(), i)->stream.high, 5500);
	ck_assert_uint_ne(terminal_of(arena(), flow_at(arena(), i))->end[0].gaps, INDEX_NONE);
	both_ways(101, 51);
}
END_TEST

/* ... but not if the books are not of the same moment as the rest. */
START_TEST(a_torn_end_forgets_what_came_out_of_order)
{
	enum flow_dir dir;
	uint32_t i;

	open_ends();
	client_sends(5001, 1, 500);
	i = flow_find(arena(), &ends.client.addr, ends.client.port, &ends.server.addr, 80, &dir);
	flow_keep(arena(), i);
	terminal_keep(arena(), flow_at(arena(), i));
	memset(terminal_of(arena(), flow_at(arena(), i)), 0x77, sizeof(struct terminal));
	must_adopt();
	ck_assert_uint_eq(done.taken_back, 2);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
	client_sends(1, 1, 500);
	fx_advance(USEC_PER_SEC);
	server_sends(1, 501, 0);
	both_ways(501, 1);
}
END_TEST

START_TEST(ends_that_make_no_sense_are_reset)
{
	enum flow_dir dir;
	struct segment s;
	uint32_t i;

	open_ends();
	client_sends(1, 1, 500);
	i = flow_find(arena(), &ends.client.addr, ends.client.port, &ends.server.addr, 80, &dir);
	flow_at(arena(), i)->stream.head = 77; /* which was never taken */
	ck_assert_int_eq(adopt(), ARENA_NONE);
	ck_assert_uint_eq(done.lost, 1);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
	ck_assert_uint_eq(arena()->terminals.used, 0);
	s = fx_from_server(&ends, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_RST, TCP_RST);
}
END_TEST

/* What is sent is looked for in the stream by sequence number. */
START_TEST(ends_that_have_sent_what_is_not_there_are_reset)
{
	enum flow_dir dir;
	uint32_t i;

	open_ends();
	client_sends(1, 1, 500);
	i = flow_find(arena(), &ends.client.addr, ends.client.port, &ends.server.addr, 80, &dir);
	terminal_of(arena(), flow_at(arena(), i))->end[0].snd_nxt += 5000;
	ck_assert_int_eq(adopt(), ARENA_NONE);
	ck_assert_uint_eq(done.lost, 1);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
}
END_TEST

/* ... but a book may be wrong: the flight is begun anew, and what was out of order comes again. */
START_TEST(books_that_make_no_sense_are_not_believed)
{
	struct tcp_memory m = terminal_memory(arena());
	struct terminal *e;
	enum flow_dir dir;
	uint32_t i;

	open_ends();
	client_sends(1, 1, 500);
	client_sends(1001, 1, 500);
	i = flow_find(arena(), &ends.client.addr, ends.client.port, &ends.server.addr, 80, &dir);
	e = terminal_of(arena(), flow_at(arena(), i));
	m.chunk[e->end[1].flight].flight.sent[0].end += 7;
	m.chunk[e->end[0].gaps].gaps.piece[0].right += 100000;
	must_adopt();
	client_sends(501, 1, 1000);
	fx_advance(USEC_PER_SEC);
	server_sends(1, 1501, 0);
	both_ways(1501, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("adopt_ends");
	TCase *t = tcase_create("ends");

	tcase_add_checked_fixture(t, setup_ends, teardown_ends);
	suite_add_tcase(s, t);
	tcase_add_test(t, two_ends_go_on);
	tcase_add_test(t, two_ends_go_on_before_the_server_has_answered);
	tcase_add_test(t, what_is_in_flight_is_sent_again);
	tcase_add_test(t, what_came_out_of_order_is_kept);
	tcase_add_test(t, what_came_far_out_of_order_is_kept);
	tcase_add_test(t, a_torn_end_forgets_what_came_out_of_order);
	tcase_add_test(t, ends_that_make_no_sense_are_reset);
	tcase_add_test(t, ends_that_have_sent_what_is_not_there_are_reset);
	tcase_add_test(t, books_that_make_no_sense_are_not_believed);
	return fx_run(s);
}
