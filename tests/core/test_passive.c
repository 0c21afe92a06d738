/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calm: connections pass untouched, and the guard knows all about them. */
#include <errno.h>

#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ADAPTIVE);
}

static struct backend_report backend(void)
{
	struct backend_report r;
	uint32_t cursor = 0;

	while (cursor != INDEX_NONE) {
		if (guard_report_backends(&fx.guard, fx.now, &cursor, &r, 1) &&
		    ip_addr_eq(&r.addr, &fx.server.addr))
			return r;
	}
	ck_abort_msg("no such backend");
}

/* ---- what is learned ---- */

START_TEST(the_profile_is_what_the_server_says)
{
	struct segment s = seg_synack(fx.server, fx.client, 1, 1);
	struct backend_report r;
	unsigned which = (unsigned)_i;

	/* given a server with this set of options */
	s.opt.present = TCP_OPT_MSS;
	s.opt.mss = (uint16_t)(1000 + which);
	s.ttl = 60;
	s.window = 29200;
	if (which & 1)
		seg_wscale(&s, (uint8_t)(which & 14));
	if (which & 2)
		seg_sack_permitted(&s);
	if (which & 4)
		seg_timestamps(&s, 1, 2);
	if (which & 8)
		s.flags |= TCP_ECE;
	fx_teach(&s);
	r = backend();
	ck_assert_str_eq(r.service, "web");
	ck_assert_uint_eq(r.port, 80);
	ck_assert_uint_eq(r.mss, 1000 + which);
	ck_assert_int_eq(r.wscale, which & 1 ? (int)(which & 14) : -1);
	ck_assert_int_eq(r.sack, (which & 2) != 0);
	ck_assert_int_eq(r.timestamps, (which & 4) != 0);
	ck_assert_int_eq(r.ecn, (which & 8) != 0);
	ck_assert_uint_eq(r.window, 29200);
	ck_assert_uint_eq(r.ttl, 60);
	ck_assert(!r.down);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_LEARNED), 1);
	/* the same once more is no news */
	fx_teach(&s);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_LEARNED), 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_CHANGED), 0);
}
END_TEST

/* A client that offers nothing teaches nothing about what the server would have answered. */
START_TEST(a_plain_client_unteaches_nothing)
{
	struct segment syn = seg_bare(fx.client, fx.server, TCP_SYN, 1000, 0);
	struct segment synack = seg_bare(fx.server, fx.client, TCP_SYN | TCP_ACK, 7000, 1001);

	fx_teach_linux();
	fx_accept(&syn);
	seg_mss(&synack, 1460);
	fx_accept(&synack);
	ck_assert_int_eq(backend().wscale, 7);
	ck_assert(backend().sack);
	ck_assert(backend().timestamps);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_CHANGED), 0);
}
END_TEST

/* A server with a full backlog answers with cookies of its own, and has its options again later. */
START_TEST(a_server_s_own_cookies_unteach_nothing)
{
	struct segment syn = seg_syn(fx.client, fx.server, 1000);
	struct segment synack = seg_bare(fx.server, fx.client, TCP_SYN | TCP_ACK, 7000, 1001);

	fx_teach_linux();
	seg_without(&syn, TCP_OPT_TIMESTAMPS);
	fx_accept(&syn);
	seg_mss(&synack, 1460);
	fx_accept(&synack);
	ck_assert_int_eq(backend().wscale, 7);
	ck_assert(backend().sack);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_CHANGED), 0);
}
END_TEST

START_TEST(a_server_without_mss_gets_the_default)
{
	struct segment s = seg_synack(fx.server, fx.client, 1, 1);

	fx_family(_i ? 6 : 4);
	s = seg_synack(fx.server, fx.client, 1, 1);
	seg_without(&s, TCP_OPT_MSS);
	fx_teach(&s);
	ck_assert_uint_eq(backend().mss, _i ? 1220 : 536);
}
END_TEST

START_TEST(a_changed_server_is_news)
{
	struct segment s = seg_synack(fx.server, fx.client, 1, 1);

	fx_teach_linux();
	seg_wscale(&s, 9);
	fx_teach(&s);
	ck_assert_int_eq(backend().wscale, 9);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_CHANGED), 1);
}
END_TEST

/* AccECN clients (AE|CWR|ECE) and RFC 3168 clients take turns at a server that knows AccECN. */
START_TEST(accecn_handshakes_do_not_confuse)
{
	struct segment syn, synack;

	for (uint32_t i = 0; i < 4; i++) {
		struct seg_end client = fx_stranger();

		syn = seg_syn(client, fx.server, 1000);
		synack = seg_synack(fx.server, client, 7000, 1001);
		syn.flags |= TCP_ECE | TCP_CWR | (i & 1 ? TCP_AE : 0);
		synack.flags |= i & 1 ? TCP_CWR : TCP_ECE; /* "AccECN, Not-ECT seen" or "ECN" */
		fx_accept(&syn);
		fx_accept(&synack);
		ck_assert_uint_eq(fx.last.pkt.flags, synack.flags);
	}
	ck_assert(backend().ecn);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_PROFILE_CHANGED), 0);
}
END_TEST

/* ---- completing ---- */

START_TEST(a_completed_handshake_is_a_passed_flow)
{
	struct fx_conn c;
	struct flow_report r;

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	fx_pass(&c);
	r = fx_flow(c.client);
	ck_assert_int_eq(r.kind, FLOW_PASSED);
	ck_assert_str_eq(r.service, "web");
	ck_assert_uint_eq(r.seq_delta, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_counters().passed, 1);
	ck_assert_uint_eq(fx_counters().completed, 1);
	ck_assert_uint_eq(fx_service().half_open, 0);
	ck_assert_uint_eq(fx_service().flows, 1);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
}
END_TEST

START_TEST(data_may_complete_it)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c), synack = fx_conn_synack(&c), data;

	fx_accept(&syn);
	fx_accept(&synack);
	c.cookie_isn = c.server_isn;
	data = fx_from_client(&c, TCP_ACK | TCP_PSH, 1, 1, 300);
	fx_accept(&data);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_PASSED);
	ck_assert_uint_eq(fx_flow(c.client).recv_queue, 300);
	ck_assert_uint_eq(fx_flow(c.client).bytes_in, 300);
}
END_TEST

START_TEST(forged_acks_do_not_complete)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c), synack = fx_conn_synack(&c), ack;

	c.cookie_isn = c.server_isn;
	/* before the server has answered nothing completes */
	fx_accept(&syn);
	ack = seg_ack(c.client, c.server, c.client_isn + 1, 1);
	fx_accept(&ack);
	ck_assert_uint_eq(fx_counters().completed, 0);
	fx_accept(&synack);
	for (unsigned bit = 0; bit < 32; bit++) { /* a wrong ACK */
		ack = fx_conn_ack(&c);
		ack.ack ^= 1u << bit;
		fx_accept(&ack);
	}
	for (unsigned bit = 17; bit < 32; bit++) { /* far out of the window */
		ack = fx_conn_ack(&c);
		ack.seq ^= 1u << bit;
		fx_accept(&ack);
	}
	ack = fx_conn_ack(&c); /* no ACK at all: no segment, and not for the server */
	ack.flags = TCP_PSH;
	fx_drop(&ack, GUARD_DROP_BAD_FLAGS);
	ck_assert_uint_eq(fx_counters().completed, 0);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

START_TEST(a_header_only_copy_is_enough_where_there_is_no_data)
{
	struct fx_conn c = fx_conn();
	struct segment s = fx_conn_syn(&c);

	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_ACCEPT);
	s = fx_conn_synack(&c);
	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_ACCEPT);
	c.cookie_isn = c.server_isn;
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1000); /* completes, with data: must be verified */
	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_WANT_FULL);
	fx_accept(&s);
	s = fx_from_client(&c, TCP_ACK, 1001, 1, 1000);
	ck_assert_int_eq(fx_offer_cut(&s, 128), GUARD_ACCEPT);
	ck_assert_uint_eq(fx_flow(c.client).recv_queue, 2000);
}
END_TEST

/* ---- the states of a passed flow ---- */

#define FIN_ACK (TCP_FIN | TCP_ACK)

START_TEST(queues_and_bytes)
{
	struct fx_conn c = fx_conn();
	struct flow_report r;

	fx_pass(&c);
	fx_client_says(&c, TCP_ACK, 1, 1, 500);
	fx_server_says(&c, TCP_ACK, 1, 501, 1000);
	fx_server_says(&c, TCP_ACK, 1001, 501, 1000);
	r = fx_flow(c.client);
	ck_assert_uint_eq(r.recv_queue, 0);
	ck_assert_uint_eq(r.send_queue, 2000);
	ck_assert_uint_eq(r.bytes_in, 500);
	ck_assert_uint_eq(r.bytes_out, 2000);
	fx_client_says(&c, TCP_ACK, 501, 1001, 0);
	ck_assert_uint_eq(fx_flow(c.client).send_queue, 1000);
	ck_assert_uint_eq(fx_counters().bytes_in, 500);
	ck_assert_uint_eq(fx_counters().bytes_out, 2000);
}
END_TEST

START_TEST(client_closes_first)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	fx_client_says(&c, FIN_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1);
	fx_server_says(&c, TCP_ACK, 1, 2, 0);
	fx_states(c.client, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_2);
	fx_server_says(&c, FIN_ACK, 1, 2, 0);
	fx_states(c.client, TCPS_LAST_ACK, TCPS_TIME_WAIT);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	fx_client_says(&c, TCP_ACK, 2, 2, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_TIME_WAIT);
	ck_assert_uint_eq(fx_service().time_wait, 1);
}
END_TEST

START_TEST(server_closes_first)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	fx_server_says(&c, FIN_ACK, 1, 1, 100);
	fx_states(c.client, TCPS_FIN_WAIT_1, TCPS_CLOSE_WAIT);
	fx_client_says(&c, TCP_ACK, 1, 102, 0);
	fx_states(c.client, TCPS_FIN_WAIT_2, TCPS_CLOSE_WAIT);
	fx_client_says(&c, TCP_ACK, 1, 102, 50); /* half-closed: it may go on */
	fx_client_says(&c, FIN_ACK, 51, 102, 0);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_LAST_ACK);
	fx_server_says(&c, TCP_ACK, 102, 51, 0); /* the data, not the FIN */
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_LAST_ACK);
	fx_server_says(&c, TCP_ACK, 102, 52, 0);
	fx_states(c.client, TCPS_TIME_WAIT, TCPS_CLOSED);
}
END_TEST

START_TEST(fin_acknowledges_fin)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	fx_client_says(&c, FIN_ACK, 1, 1, 0);
	fx_server_says(&c, FIN_ACK, 1, 2, 0);
	fx_states(c.client, TCPS_LAST_ACK, TCPS_TIME_WAIT);
	fx_client_says(&c, TCP_ACK, 2, 2, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_TIME_WAIT);
}
END_TEST

START_TEST(both_close_at_once)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	fx_client_says(&c, FIN_ACK, 1, 1, 0);
	fx_server_says(&c, FIN_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_LAST_ACK, TCPS_CLOSING);
	fx_client_says(&c, TCP_ACK, 2, 2, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSING);
	fx_server_says(&c, TCP_ACK, 2, 2, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_TIME_WAIT);
	ck_assert_uint_eq(fx_service().time_wait, 1);
}
END_TEST

START_TEST(a_reset_ends_it)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	if (_i)
		fx_client_says(&c, TCP_RST, 1, 0, 0);
	else
		fx_server_says(&c, TCP_RST | TCP_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
	fx_advance(11 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

START_TEST(far_out_of_the_window_changes_nothing)
{
	struct fx_conn c = fx_conn();

	/* a passed flow's window scale is not known: what lies 2^30 ahead is certainly outside */
	fx_pass(&c);
	fx_client_says(&c, FIN_ACK, 0x60000000, 1, 0);
	fx_client_says(&c, TCP_RST, 0x60000000, 1, 0);
	fx_server_says(&c, FIN_ACK, 0x60000000, 1, 0);
	fx_server_says(&c, TCP_RST, 0x60000000, 1, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(a_blind_rst_in_the_window_changes_nothing)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	fx_client_says(&c, TCP_RST, 2, 1, 0);
	fx_server_says(&c, TCP_RST, 2, 1, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(idle_flows_go_quietly)
{
	struct fx_conn c = fx_conn();

	fx.config->timeouts.established = 100 * USEC_PER_SEC;
	fx_pass(&c);
	fx_advance(90 * USEC_PER_SEC);
	fx_client_says(&c, TCP_ACK, 1, 1, 10); /* it lives */
	fx_advance(90 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	fx_advance(11 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 1);
	fx_sent_nothing(); /* it may go on without the guard */
}
END_TEST

/* Given a guard that forgot a passed flow, its segments go on as ever. */
START_TEST(an_unknown_flow_passes)
{
	struct fx_conn c = fx_conn();
	struct segment s;

	c.cookie_isn = c.server_isn;
	s = fx_from_client(&c, TCP_ACK, 500, 700, 100);
	fx_accept(&s);
	s = fx_from_server(&c, TCP_ACK, 700, 600, 100);
	fx_accept(&s);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

/* Ports used again before the guard has seen the old connection end in full. */
START_TEST(ports_used_again)
{
	struct fx_conn c = fx_conn(), again;

	fx_pass(&c);
	fx_client_says(&c, FIN_ACK, 1, 1, 0);
	fx_server_says(&c, FIN_ACK, 1, 2, 0);
	again = c;
	again.client_isn += 100000;
	again.server_isn += 999999;
	fx_pass(&again);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_report().flows_used, 1);
	ck_assert_uint_eq(fx_counters().passed, 2);
}
END_TEST

/* Fast Open in calm: the server takes the data of the SYN and acknowledges it with the SYN. */
START_TEST(data_of_a_syn_is_acknowledged_with_it)
{
	static const uint8_t request[100];
	struct segment s = seg_syn(fx.client, fx.server, 1000);

	s.payload = request;
	s.payload_len = sizeof(request);
	fx_accept(&s);
	s = seg_synack(fx.server, fx.client, 7000, 1001 + 65536); /* nothing that was sent */
	fx_accept(&s);
	s = seg_synack(fx.server, fx.client, 7000, 1101);
	fx_accept(&s);
	ck_assert_uint_eq(fx_counters().synack_seen, 1);
	s = seg_ack(fx.client, fx.server, 1101, 7001);
	fx_accept(&s);
	fx_states(fx.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	ck_assert_uint_eq(fx_counters().passed, 1);
}
END_TEST

/* Given an established flow, a SYN on its ports is the server's business. */
START_TEST(a_syn_in_an_established_flow_passes)
{
	struct fx_conn c = fx_conn();
	struct segment syn;

	fx_pass(&c);
	syn = fx_conn_syn(&c);
	syn.seq += 12345;
	fx_accept(&syn);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
}
END_TEST

START_TEST(killed_by_request)
{
	struct fx_conn c = fx_conn();
	struct segment s;

	fx_pass(&c);
	fx_client_says(&c, TCP_ACK, 1, 1, 100);
	fx_server_says(&c, TCP_ACK, 1, 101, 0);
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	ck_assert_uint_eq(fx.n_sent, 2);
	ck_assert(ip_addr_eq(&fx_sent(0)->dst, &c.client.addr));
	ck_assert_uint_eq(fx_sent(0)->seq, c.server_isn + 1);
	ck_assert(ip_addr_eq(&fx_sent(1)->dst, &c.server.addr));
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn + 101);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
	/* who has not heard of it is told again, exactly where it stands */
	s = fx_from_server(&c, TCP_ACK, 1, 101, 50);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert(ip_addr_eq(&fx_sent(0)->dst, &c.server.addr));
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 101);
	s = fx_from_client(&c, TCP_RST, 101, 1, 0);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	fx_sent_nothing();
	fx_advance(70 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
}
END_TEST

/* Killed again it goes, and what is not there cannot be killed. */
START_TEST(killed_twice)
{
	struct fx_conn c = fx_conn();

	fx_pass(&c);
	ck_assert_int_eq(fx_kill(0), 0);
	ck_assert_int_eq(fx_kill(0), 0);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	ck_assert_int_eq(fx_kill(0), -ENOENT);
	ck_assert_int_eq(fx_kill(12345678), -ENOENT);
}
END_TEST

/* A half-open can be killed, too: the server forgets it, and so does a client that was answered. */
START_TEST(a_killed_half_open)
{
	struct fx_conn c = fx_conn();
	struct segment s = fx_conn_syn(&c);

	fx_accept(&s);
	if (_i) {
		s = fx_conn_synack(&c);
		fx_accept(&s);
	}
	ck_assert_int_eq(fx_kill(fx_flow(c.client).id), 0);
	ck_assert_uint_eq(fx.n_sent, 1 + (unsigned)_i);
	ck_assert(ip_addr_eq(&fx_sent(0)->dst, &c.server.addr));
	ck_assert_uint_eq(fx_sent(0)->seq, c.client_isn + 1);
	if (_i)
		ck_assert_uint_eq(fx_sent(1)->seq, c.server_isn + 1);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_int_eq(fx_kill(0x80000000u), -ENOENT);
	ck_assert_int_eq(fx_kill(0xffffffffu), -ENOENT);
}
END_TEST

static void add_flows(TCase *tc)
{
	tcase_add_test(tc, queues_and_bytes);
	tcase_add_test(tc, client_closes_first);
	tcase_add_test(tc, server_closes_first);
	tcase_add_test(tc, fin_acknowledges_fin);
	tcase_add_test(tc, both_close_at_once);
	tcase_add_loop_test(tc, a_reset_ends_it, 0, 2);
	tcase_add_test(tc, far_out_of_the_window_changes_nothing);
	tcase_add_test(tc, a_blind_rst_in_the_window_changes_nothing);
	tcase_add_test(tc, idle_flows_go_quietly);
	tcase_add_test(tc, an_unknown_flow_passes);
	tcase_add_test(tc, ports_used_again);
	tcase_add_test(tc, a_syn_in_an_established_flow_passes);
	tcase_add_test(tc, killed_by_request);
	tcase_add_test(tc, killed_twice);
	tcase_add_loop_test(tc, a_killed_half_open, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("core/passive");
	TCase *learn = tcase_create("learn"), *open = tcase_create("complete");
	TCase *flows = tcase_create("flows");

	tcase_add_checked_fixture(learn, setup, fx_close);
	tcase_add_loop_test(learn, the_profile_is_what_the_server_says, 0, 16);
	tcase_add_test(learn, a_plain_client_unteaches_nothing);
	tcase_add_test(learn, a_server_s_own_cookies_unteach_nothing);
	tcase_add_loop_test(learn, a_server_without_mss_gets_the_default, 0, 2);
	tcase_add_test(learn, a_changed_server_is_news);
	tcase_add_test(learn, accecn_handshakes_do_not_confuse);
	tcase_add_checked_fixture(open, setup, fx_close);
	tcase_add_loop_test(open, a_completed_handshake_is_a_passed_flow, 0, 2);
	tcase_add_test(open, data_may_complete_it);
	tcase_add_test(open, data_of_a_syn_is_acknowledged_with_it);
	tcase_add_test(open, forged_acks_do_not_complete);
	tcase_add_test(open, a_header_only_copy_is_enough_where_there_is_no_data);
	tcase_add_checked_fixture(flows, setup, fx_close);
	add_flows(flows);
	suite_add_tcase(suite, learn);
	suite_add_tcase(suite, open);
	suite_add_tcase(suite, flows);
	return fx_run(suite);
}
