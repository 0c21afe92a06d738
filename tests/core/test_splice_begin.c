/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The split handshake where it begins otherwise: the third ACK is lost, or the server is unknown. */
#include "fixture.h"

static void setup_unknown(void)
{
	fx_open(GUARD_MODE_ALWAYS);
}

static void setup(void)
{
	setup_unknown();
	fx_teach_linux();
}

static void challenge(struct fx_conn *c, bool timestamps)
{
	struct segment syn;

	*c = fx_conn();
	c->timestamps = timestamps;
	syn = fx_conn_syn(c);
	fx_challenge(c, &syn);
}

/* ---- a server that nobody has shaken hands with ---- */

/* Nobody has shaken hands with this server: no client was promised timestamps, so none would show it. */
START_TEST(an_unknown_server_is_asked_for_its_options)
{
	struct segment syn, ack, synack;
	struct fx_conn c, next;
	struct pkt asked;

	challenge(&c, false);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	asked = *fx_sent(0);
	ck_assert_int_ne(asked.opt.present & TCP_OPT_TIMESTAMPS, 0);
	ck_assert_uint_ne(asked.seq, c.client_isn);

	/* it has them: it is reset, and the real SYN follows with what the client has agreed upon */
	synack = seg_synack(c.server, c.client, 5, asked.seq + 1);
	seg_timestamps(&synack, 1, asked.opt.ts_val);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, asked.seq + 1);
	ck_assert_uint_eq(fx_sent(1)->flags, TCP_SYN);
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn);
	ck_assert_uint_eq(fx_sent(1)->opt.present & TCP_OPT_TIMESTAMPS, 0);

	/* a late copy of the answer opens nothing */
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
	synack = fx_conn_synack(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);

	/* and the next client is promised timestamps */
	next = fx_conn();
	next.client = fx_stranger();
	syn = fx_conn_syn(&next);
	ck_assert_int_ne(fx_challenge(&next, &syn)->opt.present & TCP_OPT_TIMESTAMPS, 0);
}
END_TEST

/* The reset of what was asked got lost: the server finds the real SYN out of its window and says so. */
START_TEST(what_was_asked_is_reset_once_more)
{
	struct segment ack, synack;
	struct fx_conn c;
	struct pkt asked;

	challenge(&c, true);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	asked = *fx_sent(0);
	ack = seg_ack(c.server, c.client, 6, asked.seq + 1);
	fx_drop(&ack, GUARD_DROP_CONSUMED); /* nothing to say before the answer has come */
	fx_sent_nothing();
	synack = seg_synack(c.server, c.client, 5, asked.seq + 1);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, asked.seq + 1);
	ck_assert_uint_eq(fx_sent(1)->flags, TCP_SYN);
	ck_assert_uint_eq(fx_sent(1)->seq, c.client_isn);
}
END_TEST

START_TEST(a_server_that_refuses_to_be_asked_has_refused)
{
	struct segment ack, rst;
	struct fx_conn c;

	challenge(&c, false);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	rst = seg_rst_ack(c.server, c.client, 0, fx_sent(0)->seq + 1);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, c.cookie_isn + 1);
	ck_assert_uint_eq(fx_counters().server_refused, 1);
}
END_TEST

/* ---- the third ACK is lost ---- */

/* asks_the_server() - @s has brought a cookie that is valid. */
static void asks_the_server(const struct fx_conn *c, struct segment *s)
{
	fx_drop(s, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_SYN);
	ck_assert_uint_eq(fx_sent(0)->seq, c->client_isn);
}

START_TEST(data_brings_the_cookie)
{
	struct segment data;
	struct fx_conn c;

	challenge(&c, _i);
	data = fx_from_client(&c, TCP_ACK | TCP_PSH, 1, 1, 300);
	asks_the_server(&c, &data);
	ck_assert_uint_eq(fx_sent(0)->payload_len, 0);
}
END_TEST

START_TEST(a_zero_window_probe_brings_the_cookie)
{
	struct segment probe;
	struct fx_conn c;

	challenge(&c, true);
	probe = fx_from_client(&c, TCP_ACK, 0, 1, (uint32_t)_i); /* one below, nothing or a byte */
	asks_the_server(&c, &probe);
}
END_TEST

/* Without timestamps a probe is a second guess that nothing pays for: the SYN-ACK is sent again. */
START_TEST(a_probe_without_timestamps_is_answered)
{
	struct segment probe, ack;
	struct pkt synack;
	struct fx_conn c;

	challenge(&c, false);
	synack = *fx_sent(0);
	probe = fx_from_client(&c, TCP_ACK, 0, 1, (uint32_t)_i);
	fx_drop(&probe, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_SYN | TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, synack.seq);
	ck_assert_uint_eq(fx_sent(0)->ack, synack.ack);
	ck_assert_uint_eq(fx_sent(0)->window, 0);
	ck_assert_uint_eq(fx_sent(0)->opt.present, synack.opt.present);
	ck_assert_uint_eq(fx_sent(0)->opt.mss, synack.opt.mss);
	ck_assert_uint_eq(fx_sent(0)->opt.wscale, synack.opt.wscale);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_counters().cookies_invalid, 0);

	/* the ACK of a connection that stands: RFC 5961 4.2 */
	ack = fx_from_client(&c, TCP_ACK, 1, 1, 0);
	asks_the_server(&c, &ack);
}
END_TEST

START_TEST(a_fin_brings_the_cookie)
{
	struct segment fin;
	struct fx_conn c;

	challenge(&c, true);
	fin = fx_from_client(&c, TCP_FIN | TCP_ACK, 1, 1, 0);
	fx_drop(&fin, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_SYN);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT); /* the client will repeat its FIN */
}
END_TEST

/* A data segment that is cut needs no more than its headers, unless its checksum is to be verified. */
START_TEST(a_cut_cookie_is_verified_first)
{
	struct segment data;
	struct fx_conn c;

	challenge(&c, true);
	data = fx_from_client(&c, TCP_ACK | TCP_PSH, 1, 1, 300);
	ck_assert_int_eq(fx_offer_cut(&data, 64), GUARD_WANT_FULL);
	fx_drop(&data, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_counters().cookies_valid, 1);
}
END_TEST

START_TEST(a_corrupted_cookie_is_dropped)
{
	struct segment ack;
	struct fx_conn c;

	challenge(&c, true);
	ack = fx_conn_ack(&c);
	fx.csum = PKT_CSUM_UNVERIFIED;
	fx.last.len = seg_bytes(&ack, fx.last.data, sizeof(fx.last.data));
	fx.last.data[34] ^= 1; /* the window */
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_CHECKSUM);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/splice_begin");
	TCase *tc = tcase_create("unknown server");

	tcase_add_checked_fixture(tc, setup_unknown, fx_close);
	tcase_add_test(tc, an_unknown_server_is_asked_for_its_options);
	tcase_add_test(tc, what_was_asked_is_reset_once_more);
	tcase_add_test(tc, a_server_that_refuses_to_be_asked_has_refused);
	suite_add_tcase(suite, tc);

	tc = tcase_create("lost ACK");
	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_loop_test(tc, data_brings_the_cookie, 0, 2);
	tcase_add_loop_test(tc, a_zero_window_probe_brings_the_cookie, 0, 2);
	tcase_add_loop_test(tc, a_probe_without_timestamps_is_answered, 0, 2);
	tcase_add_test(tc, a_fin_brings_the_cookie);
	tcase_add_test(tc, a_cut_cookie_is_verified_first);
	tcase_add_test(tc, a_corrupted_cookie_is_dropped);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
