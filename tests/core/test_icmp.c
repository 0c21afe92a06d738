/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP errors about a translated flow quote it as one side knows it and go to the other side. */
#include "fixture.h"
#include "wire/bytes.h"

#define UNREACHABLE_V4 3
#define FRAG_NEEDED    4
#define TOO_BIG_V6     2

static struct fx_conn c;

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

/* in_flight() - each side has sent 1000 bytes that nobody has acknowledged. */
static void in_flight(void)
{
	c = fx_conn();
	fx_splice(&c);
	fx_client_says(&c, TCP_ACK, 1, 1, 1000);
	fx_server_says(&c, TCP_ACK, 1, 1, 1000);
}

static struct ip_addr router(void)
{
	return seg_end(ip_addr_is_v4(&fx.client.addr) ? "203.0.113.1" : "2001:db8:ff::1", 1).addr;
}

/* complain() - an error about @s; @n bytes of it are quoted. What the guard does with it. */
static enum guard_verdict complain(const struct segment *s, uint32_t n)
{
	bool v4 = ip_addr_is_v4(&s->src);
	uint8_t quote[2000];
	uint32_t len = seg_bytes(s, quote, sizeof(quote));

	fx.last.len =
		seg_icmp_error(router(), v4 ? UNREACHABLE_V4 : TOO_BIG_V6, v4 ? FRAG_NEEDED : 0,
			       1400, quote, n < len ? n : len, fx.last.data, sizeof(fx.last.data));
	return fx_offer_bytes();
}

/* icmp_checksum_good() - of the packet as the guard left it. */
static bool icmp_checksum_good(void)
{
	const struct pkt *p = &fx.last.pkt;
	uint8_t *icmp = fx.last.data + p->l4_off;
	uint16_t check = load16(icmp + 2);

	store16(icmp + 2, 0);
	return seg_checksum(&p->src, &p->dst, p->protocol, icmp, fx.last.len - p->l4_off) == check;
}

static uint32_t quoted_ack(void)
{
	return load32(fx.last.data + fx.last.pkt.quote.tcp_off + 8);
}

/* The server's segment, as the client knows it, was too big: the server hears of it in its own numbers. */
START_TEST(about_the_servers_segment)
{
	struct segment s;

	fx_family(_i ? 6 : 4);
	in_flight();
	s = fx_from_server(&c, TCP_ACK, 1, 1, 1000);
	s.seq = c.cookie_isn + 1;
	ck_assert_int_eq(complain(&s, 200), GUARD_REPLACE);
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.server_isn + 1);
	seg_parse(&fx.last); /* the bytes say what the fields say */
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.server_isn + 1);
	ck_assert_uint_eq(quoted_ack(), c.client_isn + 1);
	ck_assert(icmp_checksum_good());
	ck_assert_uint_eq(fx_counters().icmp_translated, 1);
}
END_TEST

/* The client's segment, as the server knows it: its ACK is the server's number. */
START_TEST(about_the_clients_segment)
{
	struct segment s;

	fx_family(_i ? 6 : 4);
	in_flight();
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1000);
	s.ack = c.server_isn + 1;
	ck_assert_int_eq(complain(&s, 200), GUARD_REPLACE);
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.client_isn + 1);
	ck_assert_uint_eq(quoted_ack(), c.cookie_isn + 1);
	ck_assert(icmp_checksum_good());
}
END_TEST

/* RFC 792 asks for eight bytes of the segment only: enough for ports and SEQ. */
START_TEST(of_a_short_quote)
{
	struct segment s;

	in_flight();
	s = fx_from_server(&c, TCP_ACK, 1, 1, 1000);
	s.seq = c.cookie_isn + 501;
	ck_assert_int_eq(complain(&s, 28), GUARD_REPLACE);
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.server_isn + 501);
	ck_assert(icmp_checksum_good());
	s = fx_from_client(&c, TCP_ACK, 1, 1, 1000);
	ck_assert_int_eq(complain(&s, 28), GUARD_REPLACE);
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.client_isn + 1);
	ck_assert(icmp_checksum_good());
}
END_TEST

/* RFC 5927 4.1: an error about what is not under way is made up. */
START_TEST(about_nothing_that_is_under_way)
{
	static const uint32_t wrong[] = {0, 0u - 1000, 1002, 0x80000000};
	struct segment s;

	in_flight();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s = fx_from_server(&c, TCP_ACK, 1, 1, 10);
		s.seq = c.cookie_isn + wrong[i];
		ck_assert_int_eq(complain(&s, 200), GUARD_DROP);
		ck_assert_int_eq(fx.out->drop, GUARD_DROP_OUT_OF_WINDOW);
		s = fx_from_client(&c, TCP_ACK, wrong[i], 1, 10);
		ck_assert_int_eq(complain(&s, 200), GUARD_DROP);
	}
	/* what has been acknowledged is not under way any more */
	fx_server_says(&c, TCP_ACK, 1001, 1001, 0);
	s = fx_from_client(&c, TCP_ACK, 1, 1, 10);
	ck_assert_int_eq(complain(&s, 200), GUARD_DROP);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED); /* and none ends a connection */
}
END_TEST

START_TEST(about_an_unknown_flow)
{
	struct segment s = seg_data(fx.client, fx.server, 1, 1, "x", 1);

	ck_assert_int_eq(complain(&s, 200), GUARD_NOT_MINE);
	s = seg_data(seg_end("192.0.2.9", 5), seg_end("203.0.113.7", 6), 1, 1, "x", 1);
	ck_assert_int_eq(complain(&s, 200), GUARD_NOT_MINE);
}
END_TEST

START_TEST(about_a_passed_flow)
{
	struct segment s;

	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	c = fx_conn();
	fx_pass(&c);
	s = fx_from_server(&c, TCP_ACK, 1, 1, 10);
	ck_assert_int_eq(complain(&s, 200), GUARD_ACCEPT);
	ck_assert_uint_eq(fx.last.pkt.quote.seq, c.server_isn + 1);
}
END_TEST

START_TEST(while_splicing)
{
	struct segment syn, s;

	c = fx_conn();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx_prove(&c);
	/* about our SYN-ACK: the server knows nothing of it */
	s = seg_synack(c.server, c.client, c.cookie_isn, c.client_isn + 1);
	ck_assert_int_eq(complain(&s, 200), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_CONSUMED);
	/* about our SYN: the client may know */
	ck_assert_int_eq(complain(&syn, 200), GUARD_ACCEPT);
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_SYN_SENT);
}
END_TEST

START_TEST(a_cut_error_is_wanted_whole)
{
	struct segment s;
	uint8_t quote[2000];
	uint32_t len;

	in_flight();
	s = fx_from_server(&c, TCP_ACK, 1, 1, 1000);
	s.seq = c.cookie_isn + 1;
	len = seg_bytes(&s, quote, sizeof(quote));
	fx.last.len = seg_icmp_error(router(), UNREACHABLE_V4, FRAG_NEEDED, 1400, quote, len,
				     fx.last.data, sizeof(fx.last.data));
	fx.last.error = pkt_parse(&fx.last.pkt, fx.last.data, 128, fx.last.len, PKT_CSUM_FULL);
	guard_input(&fx.guard, fx.now, &fx.last.pkt, fx.last.error, fx.out);
	ck_assert_int_eq(fx.out->verdict, GUARD_WANT_FULL);
	ck_assert_uint_eq(fx_counters().icmp_translated, 0);
	ck_assert_int_eq(fx_offer_bytes(), GUARD_REPLACE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/icmp");
	TCase *tc = tcase_create("icmp");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_loop_test(tc, about_the_servers_segment, 0, 2);
	tcase_add_loop_test(tc, about_the_clients_segment, 0, 2);
	tcase_add_test(tc, of_a_short_quote);
	tcase_add_test(tc, about_nothing_that_is_under_way);
	tcase_add_test(tc, about_an_unknown_flow);
	tcase_add_test(tc, about_a_passed_flow);
	tcase_add_test(tc, while_splicing);
	tcase_add_test(tc, a_cut_error_is_wanted_whole);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
