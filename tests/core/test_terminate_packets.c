/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminate engine and what lies around the stream: checksums, IP headers, options, ICMP, batches. */
#include "terminate_story.h"
#include "wire/bytes.h"

#define UNREACHABLE   3
#define SOURCE_QUENCH 4
#define TIME_EXCEEDED 11
#define BAD_PARAMETER 12

/* ---- checksum, RFC 9293 3.1 ---- */

START_TEST(a_corrupted_segment_does_nothing)
{
	struct segment s;

	open_both();
	s = _i ? fx_from_server(&c, TCP_ACK, 1, 1, 50) : fx_from_client(&c, TCP_ACK, 1, 1, 50);
	fx.csum = PKT_CSUM_UNVERIFIED;
	for (uint32_t bit = 24 * 8; bit < 36 * 8; bit++) { /* SEQ, ACK, flags, window */
		fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
		fx.last.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
		poll();
		fx_sent_nothing();
	}
	ck_assert_uint_ge(fx_report().drops[GUARD_DROP_BAD_CHECKSUM], 80);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_flow(c.client).bytes_in + fx_flow(c.client).bytes_out, 0);
	take(&s); /* unverified is not wrong */
	poll();
	ck_assert_uint_eq(fx_sent(0)->payload_len, 50);
}
END_TEST

/* The sum of a GSO packet is that of its pseudo header: nobody has computed it, so it is not wrong. */
START_TEST(a_checksum_that_is_still_to_come_is_no_wrong_one)
{
	struct segment s;

	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1000);
	fx.csum = PKT_CSUM_PARTIAL;
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[36] ^= 1;
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	poll();
	to_server(fx.n_sent - 1, TCP_ACK, 1, 1, 1000);
}
END_TEST

/* ---- the IP header, RFC 9293 3.9.1 and 3.9.2 ---- */

START_TEST(ttl_and_dscp_are_the_others)
{
	struct segment ack, synack;

	challenge();
	ack = fx_from_client(&c, TCP_ACK, 1, 1, 0);
	ack.ttl = 57;
	ack.tos = 0xb9;
	take(&ack);
	poll();
	ck_assert_uint_eq(fx_sent(0)->ttl, 57);
	ck_assert_uint_eq(fx_sent(0)->tos, 0xb8); /* never ECN-capable */
	c.server_ts = 900000;
	synack = fx_conn_synack(&c);
	synack.tos = 0x2a;
	take(&synack);
	poll();
	client(TCP_ACK, 1, 1, 10);
	to_server(0, TCP_ACK, 1, 1, 10);
	ck_assert_uint_eq(fx_sent(0)->ttl, 57);
	ck_assert_uint_eq(fx_sent(0)->tos, 0xb8);
	server(TCP_ACK, 1, 11, 10);
	to_client(0, TCP_ACK, 1, 11, 10);
	ck_assert_uint_eq(fx_sent(0)->ttl, 64);
	ck_assert_uint_eq(fx_sent(0)->tos, 0x28);
}
END_TEST

/* with_ip_options() - offer @s with a record of its route, a loose source route or something unknown. */
static enum guard_verdict with_ip_options(const struct segment *s, int which)
{
	static const uint8_t options[3][12] = {
		{7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0},
		{131, 11, 4, 203, 0, 113, 1, 203, 0, 113, 2},
		{0x9e, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	};

	fx.last.len = seg_bytes(s, fx.last.data, sizeof(fx.last.data));
	fx.last.len = seg_insert_ipv4(fx.last.data, fx.last.len, options[which], 12);
	return fx_offer_bytes();
}

START_TEST(ip_options_change_nothing)
{
	struct segment s = fx_conn_syn(&c);

	ck_assert_int_eq(with_ip_options(&s, _i), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx_sent(0)->data[0], 0x45); /* and none are sent */
	open_both();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 100);
	ck_assert_int_eq(with_ip_options(&s, _i), GUARD_DROP);
	poll();
	to_server(0, TCP_ACK, 1, 1, 100);
	ck_assert_uint_eq(fx_sent(0)->data[0], 0x45);
}
END_TEST

/* ---- TCP options, RFC 9293 3.1 ---- */

/* odd() - offer 10 bytes of the client from @seq on, with these bytes for options. */
static enum guard_verdict odd(uint32_t seq, const uint8_t *options, uint32_t n)
{
	struct segment s = fx_from_client(&c, TCP_ACK, seq, 1, 10);

	fx.last.len = seg_bytes_raw(&s, options, n, fx.last.data, sizeof(fx.last.data));
	return fx_offer_bytes();
}

START_TEST(odd_options_are_survived)
{
	/* what is unknown, at odd places; what has a wrong length; what ends too soon */
	static const uint8_t behind[][8] = {{253, 6, 1, 2, 3, 4, 1, 1}, {1, 172, 5, 1, 2, 3, 0, 99},
					    {2, 0, 1, 1, 1, 1, 1, 1},	{3, 1, 1, 1, 1, 1, 1, 1},
					    {8, 41, 1, 1, 1, 1, 1, 1},	{5, 3, 1, 1, 1, 1, 1, 1},
					    {0, 3, 3, 3, 3, 3, 3, 3}};
	uint8_t options[20] = {1, 8, 10};

	open_both();
	for (uint32_t i = 0; i < ARRAY_SIZE(behind); i++) {
		store32(options + 3, c.client_ts + 10 + i);
		store32(options + 7, c.cookie_tsval);
		options[11] = 1;
		memcpy(options + 12, behind[i], 8);
		ck_assert_int_eq(odd(1 + 10 * i, options, 20), GUARD_DROP);
		ck_assert_int_eq(fx.out->drop, GUARD_DROP_CONSUMED);
		poll();
		to_server(fx.n_sent - 1, TCP_ACK, 1 + 10 * i, 1, 10);
	}
	/* a wrong length hides the timestamp, without which the segment is not taken */
	options[2] = 9;
	ck_assert_int_eq(odd(71, options, 20), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_OUT_OF_WINDOW);
	poll();
	fx_sent_nothing();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(a_server_without_an_mss)
{
	struct segment synack;

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	prove(0);
	synack = fx_conn_synack(&c);
	seg_without(&synack, TCP_OPT_MSS);
	take(&synack);
	poll();
	client(TCP_ACK, 1, 1, 1400);
	to_server(0, TCP_ACK, 1, 1, (_i ? 1220 : 536) - 12);
}
END_TEST

START_TEST(urgent_data_goes_on)
{
	struct segment s;

	open_both();
	s = fx_from_client(&c, TCP_ACK | TCP_URG, 1, 1, 10);
	s.urgent = 4;
	take(&s);
	poll();
	to_server(0, TCP_ACK | TCP_URG, 1, 1, 10);
	ck_assert_uint_eq(fx_sent(0)->urgent, 4);
}
END_TEST

/* ---- ICMP, RFC 9293 3.9.2.2, RFC 5927 ---- */

/* complain() - an ICMP error about the packet that was sent first. What the guard does with it. */
static void complain(const struct pkt *about, uint8_t type, uint8_t code, uint32_t rest)
{
	const char *router = about->family == 4 ? "203.0.113.1" : "2001:db8:ff::1";

	fx.last.len =
		seg_icmp_error(seg_end(router, 0).addr, type, code, rest, about->data,
			       about->family == 4 ? 60 : 100, fx.last.data, sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	poll();
}

/* one_says() - it goes on to the other side at once. */
static void one_says(bool by_server, uint32_t at, uint32_t len)
{
	if (by_server) {
		server(TCP_ACK, at, 1, len);
		to_client(0, TCP_ACK, at, 1, len);
	} else {
		client(TCP_ACK, at, 1, len);
		to_server(fx.n_sent - 1, TCP_ACK, at, 1, len);
	}
}

START_TEST(a_corrupted_error_is_not_believed)
{
	static struct fx_tx sent;
	uint32_t flip = _i ? 40 + 6 : 20 + 6; /* in the MTU */

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	open_both();
	one_says(true, 1, 1428);
	sent = fx.sent[0];
	sent.pkt.data = sent.data;
	fx.csum = PKT_CSUM_UNVERIFIED;
	for (int good = 0; good < 2; good++) {
		fx.last.len = seg_icmp_error(seg_end(_i ? "2001:db8::99" : "203.0.113.1", 0).addr,
					     _i ? 2 : UNREACHABLE, _i ? 0 : 4, 1400, sent.data, 100,
					     fx.last.data, sizeof(fx.last.data));
		fx.last.data[flip] ^= good ? 0 : 1;
		ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
		ck_assert_int_eq(fx.out->drop,
				 good ? GUARD_DROP_CONSUMED : GUARD_DROP_BAD_CHECKSUM);
		poll();
		ck_assert_int_eq(fx.n_sent > 0, good);
	}
}
END_TEST

START_TEST(errors_do_not_end_a_connection)
{
	static const struct {
		uint8_t type, code;
	} errors[] = {{UNREACHABLE, 0},	  {UNREACHABLE, 1},   {UNREACHABLE, 2},
		      {UNREACHABLE, 3},	  {UNREACHABLE, 5},   {UNREACHABLE, 13},
		      {SOURCE_QUENCH, 0}, {TIME_EXCEEDED, 0}, {TIME_EXCEEDED, 1},
		      {BAD_PARAMETER, 0}, {BAD_PARAMETER, 1}};
	static struct fx_tx sent;

	open_both();
	one_says(_i, 1, 1000);
	sent = fx.sent[0];
	sent.pkt.data = sent.data;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		complain(&sent.pkt, errors[i].type, errors[i].code, 0);
		fx_sent_nothing();
		fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	}
	/* nor slow it down: nine more of the ten that an endpoint begins with */
	for (uint32_t i = 1; i < 10; i++)
		one_says(_i, 1 + 1000 * i, 1000);
}
END_TEST

START_TEST(soft_errors_do_not_end_a_call)
{
	static const struct {
		uint8_t type, code;
	} errors[] = {{UNREACHABLE, 0},	  {UNREACHABLE, 1},   {UNREACHABLE, 5},
		      {SOURCE_QUENCH, 0}, {TIME_EXCEEDED, 0}, {BAD_PARAMETER, 0}};
	static struct fx_tx sent;

	prove(0);
	sent = fx.sent[0];
	sent.pkt.data = sent.data;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		complain(&sent.pkt, errors[i].type, errors[i].code, 0);
		fx_sent_nothing();
	}
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
	answer();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

/* RFC 8201 4: no path of IPv6 carries less than 1280 bytes. */
START_TEST(a_path_of_ipv6_that_is_too_small_to_be_true)
{
	static struct fx_tx sent;

	fx_family(6);
	c = fx_conn();
	open_both();
	server(TCP_ACK, 1, 1, 1428);
	to_client(0, TCP_ACK, 1, 1, 1428);
	sent = fx.sent[0];
	sent.pkt.data = sent.data;
	complain(&sent.pkt, 2, 0, 1200);
	fx_sent_nothing();
	complain(&sent.pkt, 2, 0, 1280);
	to_client(0, TCP_ACK, 1, 1, 1280 - 60 - 12);
}
END_TEST

/* ---- batches, RFC 9293 3.10.7.4 ---- */

START_TEST(what_comes_at_once_is_acknowledged_at_once)
{
	unsigned acks = 0;

	open_both();
	for (uint32_t i = 0; i < 10; i++) {
		struct segment s = fx_from_client(&c, TCP_ACK, 1 + 1000 * i, 1, 1000);

		take(&s);
		fx_sent_nothing();
	}
	poll();
	for (uint32_t i = 0; i < fx.n_sent; i++)
		acks += ip_addr_eq(&fx_sent(i)->dst, &c.client.addr);
	ck_assert_uint_eq(acks, 1);
	for (uint32_t i = 0; i < fx.n_sent; i++) {
		if (ip_addr_eq(&fx_sent(i)->dst, &c.client.addr))
			to_client(i, TCP_ACK, 1, 10001, 0);
	}
}
END_TEST

/* ---- beginning anew, and at the same time ---- */

/* A client that has crashed, or another one behind its address; RFC 9293 3.5.1. */
START_TEST(who_begins_anew_resets_what_was)
{
	struct segment syn, rst;

	open_both();
	syn = fx_conn_syn(&c);
	syn.seq += 70000 * (uint32_t)(1 + _i);
	if (_i)
		seg_without(&syn, TCP_OPT_TIMESTAMPS);
	fx_drop(&syn, GUARD_DROP_OUT_OF_WINDOW);
	poll();
	to_client(0, TCP_ACK, 1, 1, 0);
	rst = seg_rst(c.client, c.server, fx_sent(0)->ack); /* as from SYN-SENT */
	take(&rst);
	poll();
	to_server(0, TCP_RST | TCP_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_CLOSED, TCPS_CLOSED);
}
END_TEST

/* RFC 9293 figure 8: the server calls the client at the same moment. */
START_TEST(the_server_calls_at_the_same_time)
{
	struct segment s;

	prove(0);
	s = fx_conn_synack(&c);
	s.flags = TCP_SYN;
	s.ack = 0;
	seg_timestamps(&s, c.server_ts, 0);
	take(&s);
	poll();
	to_server(0, TCP_SYN | TCP_ACK, 0, 1, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_RECEIVED);
	if (_i)
		answer();
	else
		server(TCP_ACK, 1, 1, 0);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
	ck_assert_uint_eq(fx_counters().terminated, 1);
	client(TCP_ACK, 1, 1, 10);
	to_server(0, TCP_ACK, 1, 1, 10);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core/terminate_packets");
	TCase *t = tcase_create("packets");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_corrupted_segment_does_nothing, 0, 2);
	tcase_add_test(t, a_checksum_that_is_still_to_come_is_no_wrong_one);
	tcase_add_test(t, ttl_and_dscp_are_the_others);
	tcase_add_loop_test(t, ip_options_change_nothing, 0, 3);
	tcase_add_test(t, odd_options_are_survived);
	tcase_add_loop_test(t, a_server_without_an_mss, 0, 2);
	tcase_add_test(t, urgent_data_goes_on);
	tcase_add_loop_test(t, a_corrupted_error_is_not_believed, 0, 2);
	tcase_add_loop_test(t, errors_do_not_end_a_connection, 0, 2);
	tcase_add_test(t, soft_errors_do_not_end_a_call);
	tcase_add_test(t, a_path_of_ipv6_that_is_too_small_to_be_true);
	tcase_add_test(t, what_comes_at_once_is_acknowledged_at_once);
	tcase_add_loop_test(t, who_begins_anew_resets_what_was, 0, 2);
	tcase_add_loop_test(t, the_server_calls_at_the_same_time, 0, 2);
	suite_add_tcase(s, t);
	return fx_run(s);
}
