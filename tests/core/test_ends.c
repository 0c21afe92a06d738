/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How spliced flows end, and what comes on their ports afterwards: reuse, RST, idle time-outs, kill. */
#include "relay_story.h"

/* ---- the ports once more, RFC 6191 ---- */

/* again() - a SYN of the same ports with another ISN and clock. */
static enum guard_verdict again(int32_t seq_add, int32_t ts_add, bool timestamps)
{
	struct segment s = fx_conn_syn(&c);

	s.seq = c.client_isn + (uint32_t)seq_add;
	if (timestamps)
		seg_timestamps(&s, c.client_ts + (uint32_t)ts_add, 0);
	else
		seg_without(&s, TCP_OPT_TIMESTAMPS);
	return fx_offer(&s);
}

START_TEST(a_newer_syn_takes_the_ports)
{
	/* newer timestamp with an older ISN; newer ISN with an old timestamp or without one */
	static const struct {
		int32_t seq, ts;
		bool timestamps;
	} syns[] = {{-100000, 5000, true},
		    {100000, 5000, true},
		    {100000, -1000, true},
		    {100000, 0, false}};
	uint32_t old_delta;

	splice();
	close_all();
	old_delta = fx_flow(c.client).seq_delta;
	ck_assert_int_eq(again(syns[_i].seq, syns[_i].ts, syns[_i].timestamps), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_ANSWERED);
	states(TCPS_CLOSED,
	       TCPS_TIME_WAIT); /* nothing is kept of a SYN, and nothing is lost by it */
	/* when its cookie comes back, then the old flow is gone */
	c.client_isn += (uint32_t)syns[_i].seq;
	c.client_ts += (uint32_t)syns[_i].ts;
	c.timestamps = syns[_i].timestamps;
	c.cookie_isn = fx_sent(0)->seq;
	c.cookie_tsval = fx_sent(0)->opt.ts_val;
	fx_prove(&c);
	states(TCPS_ESTABLISHED, TCPS_SYN_SENT);
	c.server_isn += 1234567;
	{
		struct segment synack = fx_conn_synack(&c);

		fx_drop(&synack, GUARD_DROP_CONSUMED);
	}
	ck_assert_uint_eq(client_says(TCP_ACK, 1, 1, 5)->ack, c.server_isn + 1);
	ck_assert_uint_ne(fx_flow(c.client).seq_delta, old_delta);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	ck_assert_uint_eq(fx_service().flows, 1);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	ck_assert_uint_eq(fx_service().spliced_now, 1);
}
END_TEST

/*
 * The server closed first, and neither is newer: it is an old duplicate, and TIME-WAIT says where things
 * stand.
 */
START_TEST(an_older_syn_gets_an_ack)
{
	splice();
	server_says(FIN_ACK, 1, 1, 0);
	client_says(FIN_ACK, 1, 2, 0);
	server_says(TCP_ACK, 2, 2, 0);
	states(TCPS_TIME_WAIT, TCPS_CLOSED);
	ck_assert_int_eq(again(-1000, -1000, _i), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_STALE);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 2);
	ck_assert_uint_eq(fx_sent(0)->ack, c.client_isn + 2);
	states(TCPS_TIME_WAIT, TCPS_CLOSED);
}
END_TEST

/*
 * The client closed first: a server has nothing left then and takes any SYN. An address translator before
 * the client uses its ports again, with whatever ISN the next host behind it has.
 */
START_TEST(any_syn_is_new_once_the_client_closed_first)
{
	splice();
	close_all();
	ck_assert_int_eq(again(-1000, -1000, _i), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_ANSWERED);
	states(TCPS_CLOSED, TCPS_TIME_WAIT); /* until the cookie comes back */
}
END_TEST

/* ports_once_more() - a translated connection is over, and in @mode its ports begin another. */
static void ports_once_more(enum guard_mode mode)
{
	struct segment s;

	splice();
	close_all();
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, mode), 0);
	c.client_isn += 100000;
	c.client_ts += 100000;
	c.server_isn += 777777;
	s = fx_conn_syn(&c);
	fx_accept(&s);
}

/* In calm the new connection goes to the server directly. */
START_TEST(the_ports_once_more_in_calm)
{
	struct segment s;

	ports_once_more(GUARD_MODE_MONITOR);
	/* the server may still be in TIME-WAIT and challenge: in the old numbers */
	s = fx_conn_synack(&c);
	fx_accept(&s);
	c.cookie_isn = c.server_isn;
	c.cookie_tsval = c.server_ts;
	s = fx_conn_ack(&c);
	fx_accept(&s);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_PASSED);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	s = fx_from_server(&c, TCP_ACK, 1, 1, 10);
	fx_accept(&s);
	ck_assert_uint_eq(fx.last.pkt.seq, c.server_isn + 1);
	ck_assert_uint_eq(fx_service().time_wait, 0);
}
END_TEST

/* Switched off, the guard sees nothing of it, so it must not translate it either. */
START_TEST(the_ports_once_more_when_off)
{
	struct segment s;

	ports_once_more(GUARD_MODE_OFF);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	s = fx_conn_synack(&c);
	fx_accept(&s);
	ck_assert_uint_eq(fx.last.pkt.seq, c.server_isn);
}
END_TEST

START_TEST(a_syn_after_a_rst_is_new)
{
	splice();
	client_says(TCP_RST, 1, 0, 0);
	ck_assert_int_eq(again(-5000, -5000, true), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_ANSWERED);
}
END_TEST

/* RFC 5961 4: a SYN never changes a synchronized connection; the server challenges it. */
START_TEST(a_syn_in_a_connection_goes_to_the_server)
{
	struct segment s;

	splice();
	client_says(TCP_ACK, 1, 1, 100);
	ck_assert_int_eq(again(50000, 50000, true), GUARD_REPLACE);
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	/* its challenge is translated, and if the client has begun anew, it resets */
	s = fx_from_server(&c, TCP_ACK, 1, 101, 0);
	ck_assert_uint_eq(fx_replaced(&s)->seq, c.cookie_isn + 1);
	client_says(TCP_RST, 101, 0, 0);
	states(TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

/* ---- RST, RFC 5961 ---- */

enum life { LIVE, CLIENT_FIN, SERVER_FIN, BOTH_FINS, LIVES };

/* live_to() - a connection in which each side has sent 100 bytes and got them acknowledged. */
static void live_to(enum life life)
{
	splice();
	client_says(TCP_ACK | TCP_PSH, 1, 1, 100);
	server_says(TCP_ACK | TCP_PSH, 1, 101, 100);
	client_says(TCP_ACK, 101, 101, 0);
	if (life == CLIENT_FIN || life == BOTH_FINS) {
		client_says(FIN_ACK, 101, 101, 0);
		server_says(TCP_ACK, 101, 102, 0);
	}
	if (life == SERVER_FIN) {
		server_says(FIN_ACK, 101, 101, 0);
		client_says(TCP_ACK, 101, 102, 0);
	}
	if (life == BOTH_FINS)
		server_says(FIN_ACK, 101, 102, 0);
}

static struct segment rst_from(int dir, uint32_t at)
{
	return dir ? seg_rst(c.server, c.client, c.server_isn + at)
		   : seg_rst(c.client, c.server, c.client_isn + at);
}

START_TEST(resets)
{
	enum life life = (enum life)(_i / 2);
	int dir = _i % 2;
	uint32_t fin, next;
	struct flow_report before;
	struct segment s;

	live_to(life);
	fin = dir ? life == SERVER_FIN || life == BOTH_FINS
		  : life == CLIENT_FIN || life == BOTH_FINS;
	next = 101 + fin;
	before = fx_flow(c.client);
	/* outside: dropped, changes nothing */
	s = rst_from(dir, next + 64240u * 128 + 1000);
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW);
	s = rst_from(dir, 50);
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW);
	s = rst_from(dir, next + 0x80000000);
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW);
	/* inside: the receiver challenges it; passed on, changes nothing */
	s = rst_from(dir, next + 1);
	ck_assert_uint_eq(fx_replaced(&s)->seq,
			  dir ? c.cookie_isn + next + 1 : c.client_isn + next + 1);
	s = rst_from(dir, next + 1000);
	fx_replaced(&s);
	states(before.client_state, before.server_state);
	/* exact: ends it, on both sides */
	s = rst_from(dir, next);
	fx_replaced(&s);
	states(TCPS_CLOSED, TCPS_CLOSED);
	ck_assert_str_eq(fx_flow(c.client).timer_name, "reset");
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	fx_sent_nothing();
	/* stragglers are still translated for a while */
	s = fx_from_client(&c, TCP_ACK, 101, 101, 0);
	ck_assert_uint_eq(fx_replaced(&s)->ack, c.server_isn + 101);
	fx_advance(60100 * USEC_PER_MSEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

/* Data on its way: the receiver has it or has it not, so both ends of it are exact. */
START_TEST(a_reset_behind_data_in_flight)
{
	splice();
	server_says(TCP_ACK, 1, 1, 500);
	if (_i)
		server_says(TCP_RST | TCP_ACK, 501, 1, 0);
	else
		server_says(TCP_RST | TCP_ACK, 1, 1, 0);
	states(TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

/* RFC 9293 3.4: whatever the window is. */
START_TEST(a_reset_at_a_closed_window)
{
	struct segment s;

	splice();
	s = _i ? fx_from_client(&c, TCP_ACK, 1, 1, 0) : fx_from_server(&c, TCP_ACK, 1, 1, 0);
	s.window = 0;
	fx_replaced(&s);
	s = rst_from(_i, 2000);
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW);
	s = rst_from(_i, 1);
	fx_replaced(&s);
	states(TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

START_TEST(a_corrupted_rst_ends_nothing)
{
	struct segment s;

	splice();
	s = rst_from(0, 1);
	fx.csum = PKT_CSUM_UNVERIFIED;
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[38] ^= 1;
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_CHECKSUM);
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* ---- idle ---- */

START_TEST(idle_limits_by_state)
{
	static const struct {
		enum life life;
		usec_t seconds;
		const char *timer;
	} limits[] = {{LIVE, 86400, "idle"},
		      {CLIENT_FIN, 3600, "closing"},
		      {SERVER_FIN, 3600, "closing"},
		      {BOTH_FINS, 60, "closing"}};

	live_to(limits[_i].life);
	ck_assert_str_eq(fx_flow(c.client).timer_name, limits[_i].timer);
	fx_advance(limits[_i].seconds * USEC_PER_SEC - USEC_PER_SEC);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_report().flows_used, 1);
	fx_advance(1100 * USEC_PER_MSEC);
	states(TCPS_CLOSED, TCPS_CLOSED);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 1);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	/* without the guard they cannot go on, so both are told */
	ck_assert_uint_eq(fx.n_sent, 2);
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_RST, TCP_RST);
	ck_assert_uint_eq(fx_sent(1)->flags & TCP_RST, TCP_RST);
}
END_TEST

/* Keepalives, which carry nothing new, keep it. */
START_TEST(keepalives_keep_it)
{
	live_to(LIVE);
	for (int i = 0; i < 30; i++) {
		fx_advance(7200 * USEC_PER_SEC);
		ck_assert_uint_eq(client_says(TCP_ACK, 100, 101, 0)->seq, c.client_isn + 100);
		ck_assert_uint_eq(server_says(TCP_ACK, 101, 101, 0)->seq, c.cookie_isn + 101);
	}
	states(TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(killed_by_request)
{
	const struct pkt *p;

	live_to(LIVE);
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	ck_assert_uint_eq(fx.n_sent, 2);
	p = fx_sent(0);
	ck_assert(ip_addr_eq(&p->dst, &c.client.addr));
	ck_assert_uint_eq(p->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(p->seq, c.cookie_isn + 101);
	p = fx_sent(1);
	ck_assert(ip_addr_eq(&p->dst, &c.server.addr));
	ck_assert_uint_eq(p->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(p->seq, c.client_isn + 101);
	ck_assert_uint_eq(p->ack, c.server_isn + 101);
	/* RFC 7323 3.2: a RST should have them, too */
	ck_assert_uint_eq(p->opt.present, TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(p->opt.ts_val, c.client_ts + 101);
	ck_assert_uint_eq(p->opt.ts_ecr, c.server_ts);
	states(TCPS_CLOSED, TCPS_CLOSED);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_FLOW_KILLED), 1);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
}
END_TEST

/* Who goes on all the same is told again, until the flow is forgotten. */
START_TEST(killed_and_not_heard_of)
{
	struct segment s;

	live_to(LIVE);
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	s = fx_from_client(&c, TCP_ACK | TCP_PSH, 101, 101, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert(ip_addr_eq(&fx_sent(0)->dst, &c.client.addr));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 101);
	s = fx_from_server(&c, TCP_ACK, 101, 101, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 101);
	fx_advance(61 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
}
END_TEST

START_TEST(killed_while_splicing)
{
	struct segment syn;

	c = fx_conn();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx_prove(&c);
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 1);
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn + 1);
	ck_assert_uint_eq(fx_sent(1)->flags, TCP_RST);
	states(TCPS_CLOSED, TCPS_CLOSED);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
}
END_TEST

static void add_again(TCase *tc)
{
	tcase_add_loop_test(tc, a_newer_syn_takes_the_ports, 0, 4);
	tcase_add_loop_test(tc, an_older_syn_gets_an_ack, 0, 2);
	tcase_add_loop_test(tc, any_syn_is_new_once_the_client_closed_first, 0, 2);
	tcase_add_test(tc, the_ports_once_more_in_calm);
	tcase_add_test(tc, the_ports_once_more_when_off);
	tcase_add_test(tc, a_syn_after_a_rst_is_new);
	tcase_add_test(tc, a_syn_in_a_connection_goes_to_the_server);
}

static void add_ends(TCase *tc)
{
	tcase_add_loop_test(tc, resets, 0, 2 * LIVES);
	tcase_add_loop_test(tc, a_reset_behind_data_in_flight, 0, 2);
	tcase_add_loop_test(tc, a_reset_at_a_closed_window, 0, 2);
	tcase_add_test(tc, a_corrupted_rst_ends_nothing);
	tcase_add_loop_test(tc, idle_limits_by_state, 0, 4);
	tcase_add_test(tc, keepalives_keep_it);
	tcase_add_test(tc, killed_by_request);
	tcase_add_test(tc, killed_and_not_heard_of);
	tcase_add_test(tc, killed_while_splicing);
}

int main(void)
{
	Suite *suite = suite_create("core/ends");
	TCase *reuse = tcase_create("again"), *end = tcase_create("ends");

	tcase_add_checked_fixture(reuse, setup, fx_close);
	add_again(reuse);
	tcase_add_checked_fixture(end, setup, fx_close);
	add_ends(end);
	suite_add_tcase(suite, reuse);
	suite_add_tcase(suite, end);
	return fx_run(suite);
}
