/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminate engine in the whole guard: how it begins, what it passes on, how it ends. */
#include <stdlib.h>

#include "terminate_story.h"

START_TEST(a_calm_service_answers_by_itself)
{
	const struct pkt *synack;
	struct segment syn = fx_conn_syn(&c);

	synack = fx_challenge(&c, &syn);
	ck_assert_uint_eq(synack->window, WINDOW);
	ck_assert_uint_eq(synack->opt.present & (TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED |
						 TCP_OPT_TIMESTAMPS | TCP_OPT_MSS),
			  TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS |
				  TCP_OPT_MSS);
	ck_assert_uint_eq(synack->opt.wscale, 4);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_counters().precautions, 0);
}
END_TEST

/* A client may say that it takes next to nothing; what goes to the server has room for data all the same. */
START_TEST(a_tiny_mss_is_no_trap)
{
	static const uint16_t mss[] = {0, 1, 11, 12, 13};
	struct segment syn = fx_conn_syn(&c);
	const struct pkt *p;

	seg_mss(&syn, mss[_i]);
	fx_challenge(&c, &syn);
	client(TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_sent(0)->opt.mss, mss[_i]);
	c.server_ts = 900000;
	answer();
	client(TCP_ACK | TCP_PSH, 1, 1, 300);
	p = fx_sent(0);
	ck_assert(ip_addr_eq(&p->dst, &c.server.addr));
	ck_assert_uint_eq(p->payload_len, 88 - 12); /* the least, less the timestamps */
}
END_TEST

START_TEST(an_open_handshake_calls_the_server)
{
	prove(0);
	ck_assert_uint_eq(fx.n_sent, 1);
	to_server(0, TCP_SYN, 0, 0, 0);
	ck_assert_uint_eq(fx_sent(0)->opt.mss, 1460);
	ck_assert(fx_sent(0)->opt.present & TCP_OPT_TIMESTAMPS);
	ck_assert_uint_eq(fx_sent(0)->ttl, 64);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
	answer();
	ck_assert_uint_eq(fx.n_sent, 1);
	to_server(0, TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_counters().terminated, 1);
	ck_assert_uint_eq(fx_service().terminated_now, 1);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_TERMINATED);
}
END_TEST

START_TEST(data_before_the_server_has_answered_is_kept)
{
	prove(700);
	ck_assert_uint_eq(fx.n_sent, 1); /* the ACK is delayed */
	client(TCP_ACK, 701, 1, 700);
	ck_assert_uint_eq(fx.n_sent, 1);
	to_client(0, TCP_ACK, 1, 1401, 0);
	answer();
	ck_assert_uint_eq(fx.n_sent, 1);
	to_server(0, TCP_ACK, 1, 1, 1400);
	ck_assert_uint_eq(fx_flow(c.client).bytes_in, 1400);
}
END_TEST

/* What `ends` shows of them is what they are like. */
START_TEST(both_ends_can_be_seen)
{
	struct flow_report r;

	prove(700);
	r = fx_flow(c.client);
	ck_assert(r.has_ends);
	ck_assert_uint_eq(r.end[0].recv_queue, 700); /* the server's SYN takes none of them */
	ck_assert_uint_eq(r.end[0].send_queue, 0);
	ck_assert_str_eq(r.end[0].timer, "delack");
	ck_assert_uint_eq(r.end[0].cwnd, 10 * 1448);
	ck_assert_uint_eq(r.end[0].ssthresh, 0);
	ck_assert_uint_eq(r.end[1].send_queue, 700);
	ck_assert_uint_eq(r.end[1].srtt_us, 0);
	ck_assert_str_eq(r.end[1].timer, "rto");
	ck_assert_uint_eq(r.recv_queue, 700);
	fx_advance(20 * USEC_PER_MSEC);
	answer();
	r = fx_flow(c.client);
	ck_assert_uint_eq(r.end[0].recv_queue, 0);
	ck_assert_uint_eq(r.end[1].send_queue, 700);
	ck_assert_uint_eq(r.end[1].in_flight, 700);
	ck_assert_uint_eq(r.end[1].srtt_us, 20000);
	ck_assert_uint_eq(r.end[1].rttvar_us, 10000);
	ck_assert_uint_eq(r.end[1].rto_ms, 220);
	ck_assert_uint_eq(r.end[1].retransmits, 0);
	ck_assert_uint_eq(r.end[1].ssthresh, 0);
	ck_assert(r.end[1].timestamps && r.end[1].sack && r.end[1].wscale && !r.end[1].ecn);
	fx_advance(3 * USEC_PER_SEC);
	r = fx_flow(c.client);
	ck_assert_str_eq(r.end[1].timer, "rto");
	ck_assert_uint_gt(r.end[1].timer_in, 0);
	ck_assert_uint_gt(r.end[1].retransmits, 2);
	ck_assert_uint_eq(r.end[1].cwnd, 1448);
	ck_assert_uint_gt(r.end[1].ssthresh, 0);
	server(TCP_FIN | TCP_ACK, 1, 701, 300);
	r = fx_flow(c.client);
	ck_assert_uint_eq(r.end[1].send_queue, 0);
	ck_assert_uint_eq(r.end[1].in_flight, 0);
	ck_assert_uint_eq(r.end[1].recv_queue, 0); /* the FIN is no byte */
	ck_assert_uint_eq(r.end[0].send_queue, 300);
	ck_assert_uint_eq(r.send_queue, 300);
}
END_TEST

/* It must not reach the server, who would reset the connection. */
START_TEST(data_that_overtake_the_cookie_come_again)
{
	struct segment s;

	challenge();
	s = fx_from_client(&c, TCP_ACK, 1001, 1, 1000);
	fx_drop(&s, GUARD_DROP_EARLY_DATA);
	client(TCP_ACK, 1, 1, 1000);
	to_server(fx.n_sent - 1, TCP_SYN, 0, 0, 0);
	/* somebody else's pass: the connection may be older than the guard */
	c.client = fx_stranger();
	s = fx_from_client(&c, TCP_ACK, 1001, 1, 1000);
	fx_accept(&s);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
	open_both();
	client(TCP_ACK, 1, 1, 100);
	ck_assert_uint_eq(fx.n_sent, 1);
	to_server(0, TCP_ACK, 1, 1, 100);
	ck_assert(memcmp(fx_sent(0)->data + 52, "GET / HTTP/1.1\r\n", 16) == 0);
	server(TCP_ACK, 1, 101, 1448);
	ck_assert_uint_eq(fx.n_sent, 1);
	to_client(0, TCP_ACK, 1, 101, 1448);
	client(TCP_ACK, 101, 1449, 0);
	fx_advance(50 * USEC_PER_MSEC); /* the delayed ACK */
	to_server(0, TCP_ACK, 101, 1449, 0);
	ck_assert_uint_eq(fx.guard.arena->terminals.pool.used, 0);
	ck_assert_uint_eq(fx_flow(c.client).bytes_in, 100);
	ck_assert_uint_eq(fx_flow(c.client).bytes_out, 1448);
}
END_TEST

START_TEST(the_server_that_refuses_is_told_of)
{
	struct segment rst;

	prove(10);
	rst = seg_rst_ack(c.server, c.client, 0, c.client_isn + 1);
	take(&rst);
	poll();
	ck_assert_uint_eq(fx.n_sent, 1);
	to_client(0, TCP_RST | TCP_ACK, 1, 11, 0);
	ck_assert_uint_eq(fx_counters().server_refused, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_DOWN), 1);
	/* whoever has not heard of it is told again */
	rst = fx_from_client(&c, TCP_ACK, 11, 1, 10);
	fx_drop(&rst, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 1);
}
END_TEST

START_TEST(a_silent_server_is_given_up)
{
	prove(0);
	fx_advance(14 * USEC_PER_SEC);
	/* 250 ms, doubled each time */
	ck_assert_uint_eq(fx.n_sent, 5);
	for (uint32_t i = 0; i < fx.n_sent; i++)
		to_server(i, TCP_SYN, 0, 0, 0);
	fx_advance(10 * USEC_PER_SEC);
	ck_assert_uint_ge(fx.n_sent, 1);
	to_client(fx.n_sent - 1, TCP_RST | TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_counters().server_silent, 1);
	ck_assert_uint_eq(fx.guard.arena->terminals.used, 0);
}
END_TEST

START_TEST(an_early_fin_waits_for_the_server)
{
	challenge();
	client(TCP_ACK | TCP_FIN, 1, 1, 20);
	to_client(0, TCP_ACK, 1, 22, 0);
	answer();
	to_server(0, TCP_ACK | TCP_FIN, 1, 1, 20);
	fx_states(c.client, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	server(TCP_ACK | TCP_FIN, 1, 22, 0);
	fx_states(c.client, TCPS_LAST_ACK, TCPS_TIME_WAIT);
	client(TCP_ACK, 22, 2, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_TIME_WAIT);
}
END_TEST

static void close_by_server(void)
{
	open_both();
	server(TCP_ACK | TCP_FIN, 1, 1, 0);
	to_client(0, TCP_ACK | TCP_FIN, 1, 1, 0);
	fx_states(c.client, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT);
	client(TCP_ACK | TCP_FIN, 1, 2, 0);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_LAST_ACK);
	server(TCP_ACK, 2, 2, 0);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_CLOSED);
}

START_TEST(time_wait_needs_no_terminal)
{
	struct segment s;

	close_by_server();
	ck_assert_uint_eq(fx.guard.arena->terminals.used, 0);
	ck_assert_uint_eq(fx_service().time_wait, 1);
	ck_assert_uint_eq(fx_service().terminated_now, 0);
	/* a late FIN is acknowledged once more, and 2 MSL begin anew */
	fx_advance(50 * USEC_PER_SEC);
	s = fx_from_client(&c, TCP_ACK | TCP_FIN, 1, 2, 0);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	to_client(0, TCP_ACK, 2, 2, 0);
	ck_assert(fx_sent(0)->opt.present & TCP_OPT_TIMESTAMPS);
	fx_advance(50 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 1);
	/* RFC 1337 */
	s = seg_rst(c.client, c.server, c.client_isn + 2);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	fx_sent_nothing();
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_CLOSED);
	/* the server's half is closed: RST, as from any closed port */
	s = fx_from_server(&c, TCP_ACK, 2, 2, 5);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	fx_advance(20 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
}
END_TEST

START_TEST(ports_in_time_wait_are_used_again)
{
	struct segment syn;

	close_by_server();
	/* an old duplicate: neither number nor timestamp is newer */
	c.client_ts -= 100;
	syn = fx_conn_syn(&c);
	fx_drop(&syn, GUARD_DROP_NO_FLOW);
	to_client(0, TCP_ACK, 2, 2, 0);
	c.client_ts += 1000;
	c.client_isn += 5000;
	open_both();
	ck_assert_uint_eq(fx_count_flows(), 1);
	ck_assert_uint_eq(fx_counters().terminated, 2);
}
END_TEST

/* close_half() - the client's end is in TIME-WAIT, the server has not taken @len bytes and the FIN. */
static void close_half(uint32_t len)
{
	open_both();
	server(TCP_ACK | TCP_FIN, 1, 1, 0);
	client(TCP_ACK | TCP_FIN, 1, 2, len);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_LAST_ACK);
}

START_TEST(ports_with_one_half_in_time_wait_are_used_again)
{
	struct segment syn;

	close_half(0);
	c.client_ts -= 100; /* an old duplicate */
	syn = fx_conn_syn(&c);
	fx_drop(&syn, GUARD_DROP_OUT_OF_WINDOW);
	poll();
	to_client(0, TCP_ACK, 2, 2, 0);
	fx_advance(2 * USEC_PER_SEC); /* the server has its FIN, or is gone */
	c.client_ts += 3000;
	c.client_isn += 5000;
	open_both();
	ck_assert_uint_eq(fx_count_flows(), 1);
	ck_assert_uint_eq(fx_counters().terminated, 2);
}
END_TEST

START_TEST(what_the_server_still_takes_goes_before_a_new_connection)
{
	struct segment syn;

	close_half(100);
	c.client_ts += 1000;
	c.client_isn += 5000;
	syn = fx_conn_syn(&c);
	take(&syn);
	poll();
	c.client_isn -= 5000;
	to_client(0, TCP_ACK, 2, 102, 0);
	server(TCP_ACK, 2, 102, 0);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_CLOSED);
	c.client_isn += 5000;
	open_both();
}
END_TEST

/* Nobody may be kept out for as long as a server can be silent. */
START_TEST(a_server_that_is_gone_holds_no_ports)
{
	close_half(100);
	fx_advance(2 * USEC_PER_SEC);
	c.client_ts += 2000;
	c.client_isn += 5000;
	open_both();
	ck_assert_uint_eq(fx_count_flows(), 1);
}
END_TEST

START_TEST(a_reset_becomes_a_reset)
{
	struct segment s;

	open_both();
	s = seg_rst(c.client, c.server, c.client_isn + 50);
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW); /* RFC 5961: in the window, but not exact */
	poll();
	to_client(0, TCP_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	s = seg_rst(c.client, c.server, c.client_isn + 1);
	take(&s);
	poll();
	ck_assert_uint_eq(fx.n_sent, 1);
	to_server(0, TCP_RST | TCP_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
	ck_assert_uint_eq(fx.guard.arena->terminals.used, 0);
	/* a straggler gets a RST, and its cookie is not redeemed twice */
	s = fx_from_client(&c, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
}
END_TEST

START_TEST(killed_on_both_sides)
{
	open_both();
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	poll();
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_RST | TCP_ACK, 1, 1, 0);
	to_server(1, TCP_RST | TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_FLOW_KILLED), 1);
}
END_TEST

START_TEST(out_of_order_pieces_are_put_together)
{
	open_both();
	client(TCP_ACK, 501, 1, 500);
	ck_assert_uint_eq(fx.n_sent, 1);
	to_client(0, TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_sent(0)->opt.n_sack, 1);
	client(TCP_ACK, 1, 1, 500);
	to_server(fx.n_sent - 1, TCP_ACK, 1, 1, 1000);
}
END_TEST

START_TEST(a_client_may_not_hold_too_much_out_of_order)
{
	struct segment s;

	fx.config->client_gaps = 3500; /* from the first gap to the end */
	open_both();
	for (uint32_t i = 0; i < 3; i++)
		client(TCP_ACK, 1001 + 1000 * i, 1, 1000);
	s = fx_from_client(&c, TCP_ACK, 5001, 1, 1000);
	fx_drop(&s, GUARD_DROP_NO_MEMORY);
	client(TCP_ACK, 1, 1, 1000); /* but what is next is always taken */
	to_server(fx.n_sent - 1, TCP_ACK, 2897, 1, 1104);
}
END_TEST

START_TEST(no_room_for_another_one)
{
	struct segment ack;

	for (uint32_t i = 0; i < 64; i++) {
		c = fx_conn();
		c.client = fx_stranger();
		prove(0);
	}
	c = fx_conn();
	challenge();
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_TABLE_FULL);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TERMINATED_FULL), 1);
	ck_assert_uint_eq(fx_count_flows(), 64);
}
END_TEST

static void given_little_memory(void)
{
	fx_close();
	fx_prepare(GUARD_MODE_ALWAYS);
	fx.config->service[0].engine = GUARD_ENGINE_TERMINATE;
	fx.limits.max_terminated = 4;
	fx.limits.chunks = 16;
	fx_start();
}

/* leave_unread() - the server offers @n segments, and the client takes nothing of those that there was room for. */
static void leave_unread(int n)
{
	uint32_t at = 1;

	for (int i = 0; i < n; i++) {
		struct segment s = fx_from_server(&c, TCP_ACK, at, 1, 1400);

		if (fx_offer(&s) == GUARD_DROP && fx.out->drop == GUARD_DROP_CONSUMED)
			at += 1400;
		poll();
	}
}

/* hoard() - the server has sent all that the guard can hold, and the client takes nothing of it. */
static void hoard(void)
{
	given_little_memory();
	open_both();
	leave_unread(60);
	ck_assert_uint_eq(tcp_pool_room(&fx.guard.arena->terminals.pool), 0);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TERMINATED_RESET), 0);
}

START_TEST(whoever_hoards_memory_without_reading_goes)
{
	struct fx_conn hog;
	struct segment s;

	hoard();
	hog = c;
	c = fx_conn();
	c.client = fx_stranger();
	fx_advance(2 * USEC_PER_SEC);
	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1400);
	fx_drop(&s, GUARD_DROP_NO_MEMORY);
	poll();
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TERMINATED_RESET), 1);
	ck_assert_uint_eq(fx_counters().terminated_reset, 1);
	for (uint32_t i = 0; i < 2; i++) { /* both sides are told */
		const struct pkt *rst = fx_sent(fx.n_sent - 2 + i);

		ck_assert_uint_eq(rst->flags, TCP_RST | TCP_ACK);
		ck_assert(ip_addr_eq(&rst->dst, i ? &hog.server.addr : &hog.client.addr));
	}
	fx_states(hog.client, TCPS_CLOSED, TCPS_CLOSED);
	/* and nobody else is: what was dropped comes again */
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	client(TCP_ACK, 1, 1, 1400);
	to_server(fx.n_sent - 1, TCP_ACK, 1, 1, 1400);
}
END_TEST

/* In whichever order they came. */
START_TEST(the_greatest_hoard_goes)
{
	struct fx_conn conn[2];
	unsigned lesser = (unsigned)_i;
	struct segment s;

	given_little_memory();
	for (unsigned i = 0; i < 2; i++) {
		c.client = fx_stranger();
		open_both();
		conn[i] = c;
		c = fx_conn();
	}
	c = conn[lesser];
	leave_unread(1);
	c = conn[!lesser];
	leave_unread(60);
	fx_advance(2 * USEC_PER_SEC);
	c = fx_conn();
	c.client = fx_stranger();
	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1400);
	fx_drop(&s, GUARD_DROP_NO_MEMORY);
	poll();
	fx_states(conn[!lesser].client, TCPS_CLOSED, TCPS_CLOSED);
	fx_states(conn[lesser].client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* Who reads, if slowly, is no hog. */
START_TEST(whoever_reads_may_fill_the_memory)
{
	struct fx_conn reader;
	struct segment s;

	hoard();
	reader = c;
	fx_advance(2 * USEC_PER_SEC);
	client(TCP_ACK, 1, 1401, 0);
	c = fx_conn();
	c.client = fx_stranger();
	fx_advance(USEC_PER_SEC / 2);
	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1400);
	fx_drop(&s, GUARD_DROP_NO_MEMORY);
	poll();
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TERMINATED_RESET), 0);
	fx_states(reader.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(a_server_in_time_wait_is_reset_and_asked_again)
{
	struct segment s;

	prove(0);
	s = seg_ack(c.server, c.client, 777, c.client_isn - 1000); /* of an earlier connection */
	fx_drop(&s, GUARD_DROP_OUT_OF_WINDOW);
	to_server(0, TCP_RST, (uint32_t)-1000, 0, 0);
	poll();
	to_server(0, TCP_SYN, 0, 0, 0);
	answer();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(a_header_alone_is_not_enough)
{
	struct segment s;

	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1000);
	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_WANT_FULL);
	s = fx_from_client(&c, TCP_ACK, 1, 1, 0);
	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_DROP);
}
END_TEST

START_TEST(keepalive_finds_a_peer_that_is_gone)
{
	fx.config->service[0].keepalive.idle = 60 * USEC_PER_SEC;
	fx.config->service[0].keepalive.interval = 10 * USEC_PER_SEC;
	fx.config->service[0].keepalive.probes = 3;
	guard_configure(&fx.guard, fx.now, fx.config);
	open_both();
	fx_advance(59 * USEC_PER_SEC);
	fx_sent_nothing();
	fx_advance(5 * USEC_PER_SEC);
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_ACK, 0, 1, 0);
	to_server(1, TCP_ACK, 0, 1, 0);
	server(TCP_ACK, 1, 1, 0); /* the server lives */
	fx_advance(40 * USEC_PER_SEC);
	to_server(fx.n_sent - 1, TCP_RST | TCP_ACK, 1, 1, 0);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TERMINATED_RESET), 1);
	ck_assert_uint_eq(fx_counters().terminated_reset, 1);
}
END_TEST

START_TEST(silence_ends_it_some_day)
{
	open_both();
	fx_advance(23 * 3600 * USEC_PER_SEC);
	fx_sent_nothing();
	fx_advance(2 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(fx.n_sent, 2);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 1);
}
END_TEST

START_TEST(path_mtu_is_believed_if_it_quotes_what_is_in_flight)
{
	uint8_t quote[60];
	struct pkt p;

	open_both();
	server(TCP_ACK, 1, 1, 1448);
	p = *fx_sent(0);
	memcpy(quote, p.data, sizeof(quote));
	fx.last.len = seg_icmp_error(seg_end("203.0.113.1", 0).addr, 3, 4, 1400, quote,
				     sizeof(quote), fx.last.data, sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	poll();
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_ACK, 1, 1, 1348);
	to_client(1, TCP_ACK, 1349, 1, 100);
}
END_TEST

START_TEST(a_link_that_carries_less_is_heeded)
{
	static struct actions ignored;
	struct pkt p;

	open_both();
	server(TCP_ACK, 1, 1, 1448);
	p = *fx_sent(0);
	p.seq -= 100; /* of something else */
	guard_path_mtu(&fx.guard, fx.now, &p, 1400, &ignored);
	poll();
	ck_assert_uint_eq(fx.n_sent, 0);
	p.seq += 100;
	guard_path_mtu(&fx.guard, fx.now, &p, 1400, &ignored);
	poll();
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_ACK, 1, 1, 1348);
	to_client(1, TCP_ACK, 1349, 1, 100);
}
END_TEST

START_TEST(a_closed_port_that_says_so_by_icmp)
{
	uint8_t quote[60];

	prove(0);
	memcpy(quote, fx_sent(0)->data, sizeof(quote));
	fx.last.len = seg_icmp_error(seg_end("203.0.113.1", 0).addr, 3, 3, 0, quote, sizeof(quote),
				     fx.last.data, sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	poll();
	ck_assert_uint_eq(fx.n_sent, 1);
	to_client(0, TCP_RST | TCP_ACK, 1, 1, 0);
}
END_TEST

START_TEST(off_and_monitor_do_not_terminate)
{
	struct segment syn = fx_conn_syn(&c);

	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	fx_accept(&syn);
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_OFF), 0);
	c.client = fx_stranger();
	syn = fx_conn_syn(&c);
	fx_accept(&syn);
}
END_TEST

START_TEST(a_server_without_the_promised_timestamps)
{
	struct segment synack;

	/* a relay service that has learned of timestamps */
	fx_close();
	fx_prepare(GUARD_MODE_ALWAYS);
	fx.limits.max_terminated = 4;
	fx.limits.chunks = 64;
	fx_start();
	c = fx_conn();
	fx_teach_linux();
	challenge();
	ck_assert(c.timestamps);
	fx_prove(&c);
	synack = fx_conn_synack(&c);
	seg_without(&synack, TCP_OPT_TIMESTAMPS);
	take(&synack);
	poll();
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_TERMINATED);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	ck_assert_uint_eq(fx_service().terminated_now, 1);
	ck_assert_uint_eq(fx_counters().reconciled, 1);
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_ACK, 1, 1, 0); /* the window */
	ck_assert(fx_sent(0)->opt.present & TCP_OPT_TIMESTAMPS);
	ck_assert_uint_gt(fx_sent(0)->window, 0);
	to_server(1, TCP_ACK, 1, 1, 0);
	client(TCP_ACK, 1, 1, 100);
	to_server(fx.n_sent - 1, TCP_ACK, 1, 1, 100);
	ck_assert_uint_eq(fx_last_sent()->opt.present & TCP_OPT_TIMESTAMPS, 0);
}
END_TEST

START_TEST(a_reload_changes_the_engine_with_cookies_out)
{
	challenge();
	fx.config->service[0].engine = GUARD_ENGINE_RELAY;
	fx.config->service[0].mode = GUARD_MODE_ALWAYS;
	guard_configure(&fx.guard, fx.now, fx.config);
	client(TCP_ACK, 1, 1, 100);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_TERMINATED);
	answer();
	/* and the other way round */
	fx_teach_linux();
	c = fx_conn();
	c.client = fx_stranger();
	challenge();
	fx.config->service[0].engine = GUARD_ENGINE_TERMINATE;
	guard_configure(&fx.guard, fx.now, fx.config);
	client(TCP_ACK, 1, 1, 0);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_TERMINATED);
	ck_assert_uint_eq(fx.n_sent, 2);
	to_client(0, TCP_ACK, 1, 1, 0);
	ck_assert_uint_gt(fx_sent(0)->window, 0);
}
END_TEST

START_TEST(what_an_idle_connection_takes)
{
	size_t without =
		guard_arena_size(&(struct guard_limits){.max_flows = 65536, .max_half_open = 16});
	size_t with = guard_arena_size(&(struct guard_limits){
		.max_flows = 65536, .max_half_open = 16, .max_terminated = 65536});

	ck_assert_uint_le(sizeof(struct flow) + 4 + (with - without) / 65536, 512);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("terminate");
	TCase *t = tcase_create("terminate");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_calm_service_answers_by_itself);
	tcase_add_test(t, an_open_handshake_calls_the_server);
	tcase_add_loop_test(t, a_tiny_mss_is_no_trap, 0, 5);
	tcase_add_test(t, data_before_the_server_has_answered_is_kept);
	tcase_add_test(t, both_ends_can_be_seen);
	tcase_add_test(t, data_that_overtake_the_cookie_come_again);
	tcase_add_test(t, bytes_go_both_ways);
	tcase_add_test(t, the_server_that_refuses_is_told_of);
	tcase_add_test(t, a_silent_server_is_given_up);
	tcase_add_test(t, an_early_fin_waits_for_the_server);
	tcase_add_test(t, time_wait_needs_no_terminal);
	tcase_add_test(t, ports_in_time_wait_are_used_again);
	tcase_add_test(t, ports_with_one_half_in_time_wait_are_used_again);
	tcase_add_test(t, what_the_server_still_takes_goes_before_a_new_connection);
	tcase_add_test(t, a_server_that_is_gone_holds_no_ports);
	tcase_add_test(t, a_reset_becomes_a_reset);
	tcase_add_test(t, killed_on_both_sides);
	tcase_add_test(t, out_of_order_pieces_are_put_together);
	tcase_add_test(t, a_client_may_not_hold_too_much_out_of_order);
	tcase_add_test(t, no_room_for_another_one);
	tcase_add_test(t, whoever_hoards_memory_without_reading_goes);
	tcase_add_loop_test(t, the_greatest_hoard_goes, 0, 2);
	tcase_add_test(t, whoever_reads_may_fill_the_memory);
	tcase_add_test(t, a_server_in_time_wait_is_reset_and_asked_again);
	tcase_add_test(t, a_header_alone_is_not_enough);
	tcase_add_test(t, keepalive_finds_a_peer_that_is_gone);
	tcase_add_test(t, silence_ends_it_some_day);
	tcase_add_test(t, path_mtu_is_believed_if_it_quotes_what_is_in_flight);
	tcase_add_test(t, a_link_that_carries_less_is_heeded);
	tcase_add_test(t, a_closed_port_that_says_so_by_icmp);
	tcase_add_test(t, off_and_monitor_do_not_terminate);
	tcase_add_test(t, a_server_without_the_promised_timestamps);
	tcase_add_test(t, a_reload_changes_the_engine_with_cookies_out);
	tcase_add_test(t, what_an_idle_connection_takes);
	suite_add_tcase(s, t);
	return fx_run(s);
}
