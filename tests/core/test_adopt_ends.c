/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guard that goes on with the terminated connections that another process has left. */
#include "adopt_story.h"
#include "terminate_story.h"

/* flow_here(), terminal_here() - the connection as the arena has it. */
static uint32_t flow_here(void)
{
	enum flow_dir dir;

	return flow_find(arena(), &c.client.addr, c.client.port, &c.server.addr, 80, &dir);
}

static struct terminal *terminal_here(void)
{
	return terminal_of(arena(), flow_at(arena(), flow_here()));
}

/* both_ways() - bytes from either side arrive at the other: @seq and @ack are where both are. */
static void both_ways(uint32_t seq, uint32_t ack)
{
	client(TCP_ACK, seq, ack, 100);
	fx_advance(USEC_PER_SEC);
	ck_assert_uint_gt(fx.n_sent, 0);
	server(TCP_ACK, ack, seq + 100, 50);
	client(TCP_ACK, seq + 100, ack + 50, 0);
	ck_assert_int_eq(fx_flow(c.client).client_state, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(c.client).recv_queue, 0);
	ck_assert_uint_eq(fx_flow(c.client).send_queue, 0);
}

START_TEST(two_ends_go_on)
{
	open_both();
	both_ways(1, 1);
	must_adopt();
	both_ways(101, 51);
	ck_assert_uint_eq(fx_service().terminated_now, 1);
}
END_TEST

START_TEST(two_ends_go_on_before_the_server_has_answered)
{
	prove(300); /* it waits */
	must_adopt();
	poll();
	answer();
	fx_advance(USEC_PER_SEC);
	server(TCP_ACK, 1, 301, 0);
	both_ways(301, 1);
}
END_TEST

START_TEST(what_is_in_flight_is_sent_again)
{
	open_both();
	client(TCP_ACK, 1, 1, 1000);
	must_adopt();
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_last_sent()->payload_len, 1000);
	ck_assert_uint_eq(fx_last_sent()->seq - c.client_isn, 1);
	server(TCP_ACK, 1, 1001, 0);
	both_ways(1001, 1);
}
END_TEST

START_TEST(what_came_out_of_order_is_kept)
{
	open_both();
	client(TCP_ACK, 501, 1, 500);
	must_adopt();
	client(TCP_ACK, 1, 1, 500);
	fx_advance(USEC_PER_SEC);
	server(TCP_ACK, 1, 1001, 0);
	both_ways(1001, 1);
}
END_TEST

/* What is missing may be all that would be in the first chunk. */
START_TEST(what_came_far_out_of_order_is_kept)
{
	open_both();
	both_ways(1, 1);
	client(TCP_ACK, 5001, 51, 500);
	must_adopt();
	ck_assert_uint_eq(flow_at(arena(), flow_here())->stream.high, 5500);
	ck_assert_uint_ne(terminal_here()->end[0].gaps, INDEX_NONE);
	both_ways(101, 51);
}
END_TEST

/* ... but not if the books are not of the same moment as the rest. */
START_TEST(a_torn_end_forgets_what_came_out_of_order)
{
	uint32_t i;

	open_both();
	client(TCP_ACK, 5001, 1, 500);
	i = flow_here();
	flow_keep(arena(), i);
	terminal_keep(arena(), flow_at(arena(), i));
	memset(terminal_here(), 0x77, sizeof(struct terminal));
	must_adopt();
	ck_assert_uint_eq(done.taken_back, 2);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
	client(TCP_ACK, 1, 1, 500);
	fx_advance(USEC_PER_SEC);
	server(TCP_ACK, 1, 501, 0);
	both_ways(501, 1);
}
END_TEST

START_TEST(ends_that_make_no_sense_are_reset)
{
	struct segment s;

	open_both();
	client(TCP_ACK, 1, 1, 500);
	flow_at(arena(), flow_here())->stream.head = 77; /* which was never taken */
	ck_assert_int_eq(adopt(), ARENA_NONE);
	ck_assert_uint_eq(done.lost, 1);
	ck_assert_uint_eq(arena()->terminals.pool.used, 0);
	ck_assert_uint_eq(arena()->terminals.used, 0);
	s = fx_from_server(&c, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_RST, TCP_RST);
}
END_TEST

/* What is sent is looked for in the stream by sequence number. */
START_TEST(ends_that_have_sent_what_is_not_there_are_reset)
{
	open_both();
	client(TCP_ACK, 1, 1, 500);
	terminal_here()->end[0].snd_nxt += 5000;
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

	open_both();
	client(TCP_ACK, 1, 1, 500);
	client(TCP_ACK, 1001, 1, 500);
	e = terminal_here();
	m.chunk[e->end[1].flight].flight.sent[0].end += 7;
	m.chunk[e->end[0].gaps].gaps.piece[0].right += 100000;
	must_adopt();
	client(TCP_ACK, 501, 1, 1000);
	fx_advance(USEC_PER_SEC);
	server(TCP_ACK, 1, 1501, 0);
	both_ways(1501, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("adopt_ends");
	TCase *t = tcase_create("ends");

	tcase_add_checked_fixture(t, setup, teardown);
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
