/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spliced flows: what is translated, what is left alone, and how both halves live and end. */
#include <errno.h>

#include "fixture.h"

#define FIN_ACK (TCP_FIN | TCP_ACK)

static struct fx_conn c; /* the connection that the story is about */

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

static void splice(void)
{
	c = fx_conn();
	fx_splice(&c);
}

static void states(enum tcp_state client, enum tcp_state server)
{
	fx_states(c.client, client, server);
}

static const struct pkt *client_says(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	return fx_client_says(&c, flags, seq, ack, len);
}

static const struct pkt *server_says(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	return fx_server_says(&c, flags, seq, ack, len);
}

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

static void close_all(void)
{
	client_says(FIN_ACK, 1, 1, 0);
	server_says(FIN_ACK, 1, 2, 0);
	client_says(TCP_ACK, 2, 2, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
}

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

/* Neither is newer: it is an old duplicate, and TIME-WAIT says where things stand. */
START_TEST(an_older_syn_gets_an_ack)
{
	splice();
	close_all();
	ck_assert_int_eq(again(-1000, -1000, _i), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_STALE);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 2);
	ck_assert_uint_eq(fx_sent(0)->ack, c.client_isn + 2);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
}
END_TEST

/* In calm the new connection goes to the server directly. */
START_TEST(the_ports_once_more_in_calm)
{
	struct segment s;

	splice();
	close_all();
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	c.client_isn += 100000;
	c.client_ts += 100000;
	c.server_isn += 777777;
	s = fx_conn_syn(&c);
	fx_accept(&s);
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

static void add_again(TCase *tc)
{
	tcase_add_loop_test(tc, a_newer_syn_takes_the_ports, 0, 4);
	tcase_add_loop_test(tc, an_older_syn_gets_an_ack, 0, 2);
	tcase_add_test(tc, the_ports_once_more_in_calm);
	tcase_add_test(tc, a_syn_after_a_rst_is_new);
	tcase_add_test(tc, a_syn_in_a_connection_goes_to_the_server);
}

static void add_ends(TCase *tc)
{
	tcase_add_loop_test(tc, resets, 0, 2 * LIVES);
	tcase_add_loop_test(tc, a_reset_behind_data_in_flight, 0, 2);
	tcase_add_test(tc, a_corrupted_rst_ends_nothing);
	tcase_add_loop_test(tc, idle_limits_by_state, 0, 4);
	tcase_add_test(tc, keepalives_keep_it);
	tcase_add_test(tc, killed_by_request);
	tcase_add_test(tc, killed_and_not_heard_of);
	tcase_add_test(tc, killed_while_splicing);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*add)(TCase *tc);
	} cases[] = {{"translate", add_translate},
		     {"close", add_close},
		     {"again", add_again},
		     {"ends", add_ends}};
	Suite *suite = suite_create("core/relay");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		TCase *tc = tcase_create(cases[i].name);

		tcase_add_checked_fixture(tc, setup, fx_close);
		cases[i].add(tc);
		suite_add_tcase(suite, tc);
	}
	return fx_run(suite);
}
