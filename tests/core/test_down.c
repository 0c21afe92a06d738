/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server that is down: its clients are told at once, and it is asked again. */
#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

/* neighbour() - a stranger with another address. */
static struct seg_end neighbour(uint8_t n)
{
	struct seg_end e = fx_stranger();

	e.addr.w[3] = htonl(ntohl(fx.client.addr.w[3]) + 1 + n);
	return e;
}

/* refused() - @client proves itself, and the server refuses it. */
static void refused(struct seg_end client)
{
	struct fx_conn c = fx_conn();
	struct segment syn, rst;

	c.client = client;
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx_prove(&c);
	rst = seg_rst_ack(fx.server, c.client, 0, c.client_isn + 1);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
}

/* the_server_refuses() - two clients, and has answered nobody for a while. */
static void the_server_refuses(void)
{
	fx_advance(2 * USEC_PER_SEC);
	refused(fx.client);
	refused(neighbour(0));
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_DOWN), 1);
}

START_TEST(a_server_known_to_be_down_is_refused_at_once)
{
	struct segment syn;

	the_server_refuses();
	fx_advance(USEC_PER_SEC / 2);
	syn = fx_syn(fx_stranger(), 4000);
	fx_drop(&syn, GUARD_DROP_SERVER_DOWN);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST | TCP_ACK);
	ck_assert_uint_eq(fx_sent(0)->seq, 0);
	ck_assert_uint_eq(fx_sent(0)->ack, 4001);
	ck_assert_uint_eq(fx_counters().refused, 1);
}
END_TEST

/*
 * A server that rejects one client by its own rules is not down. That client is refused, however
 * hard it tries, and the others are served.
 */
START_TEST(refused_to_one_is_not_down)
{
	struct seg_end banned = neighbour(0);
	struct segment syn, rst;

	fx_advance(2 * USEC_PER_SEC);
	refused(banned);
	for (int i = 0; i < 300; i++) { /* twenty SYNs a second for fifteen seconds */
		fx_advance(USEC_PER_SEC / 20);
		banned.port++;
		syn = fx_syn(banned, 4000);
		if (fx_offer(&syn) == GUARD_ACCEPT) {
			rst = seg_rst_ack(fx.server, banned, 0, 4001);
			fx_accept(&rst);
		} else {
			ck_assert_int_eq(fx.out->drop, GUARD_DROP_SERVER_DOWN);
		}
		syn = fx_syn(fx_stranger(), 5000);
		fx_drop(&syn, GUARD_DROP_ANSWERED);
	}
}
END_TEST

/* ... nor when there are two of them, as long as others are answered. */
START_TEST(refused_to_some_is_not_down)
{
	struct seg_end banned[] = {neighbour(0), neighbour(1)};
	struct segment syn;

	fx_advance(2 * USEC_PER_SEC);
	for (int i = 0; i < 20; i++) {
		struct fx_conn c = fx_conn();

		c.client = fx_stranger();
		fx_splice(&c);
		fx_advance(USEC_PER_SEC);
		for (int k = 0; k < 2; k++) {
			banned[k].port++;
			refused(banned[k]);
		}
		syn = fx_syn(fx_stranger(), 5000);
		fx_drop(&syn, GUARD_DROP_ANSWERED);
	}
}
END_TEST

START_TEST(one_syn_a_second_asks_it_again)
{
	struct seg_end curious = fx_stranger();
	struct segment syn, synack;
	uint32_t probes = 0, refused = 0;

	the_server_refuses();
	for (int i = 0; i < 50; i++) { /* ten SYNs a second for five seconds */
		fx_advance(USEC_PER_SEC / 10);
		syn = fx_syn(i == 49 ? curious : fx_stranger(), 4000);
		if (i == 49)
			fx_advance(USEC_PER_SEC);
		if (fx_offer(&syn) == GUARD_ACCEPT)
			probes++;
		else
			refused++;
	}
	ck_assert_uint_ge(probes, 3); /* the first to be refused waits a second longer */
	ck_assert_uint_le(probes, 6);
	ck_assert_uint_eq(refused, 50 - probes);
	/* when the server answers the last of them, it is up, and cookies are sent again; that client was
	 * refused, for the server had been silent */
	synack = seg_synack(fx.server, curious, 9000, 4001);
	seg_timestamps(&synack, 5, 5000);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_UP), 1);
	syn = fx_syn(fx_stranger(), 5000);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
}
END_TEST

/* the_server_is_silent() - nobody has heard of it since two clients proved themselves. */
static void the_server_is_silent(void)
{
	fx_advance(USEC_PER_SEC);
	for (uint8_t n = 0; n < 2; n++) {
		struct fx_conn c = fx_conn();
		struct segment syn;

		c.client = n ? neighbour(n) : fx.client;
		syn = fx_conn_syn(&c);
		fx_challenge(&c, &syn);
		fx_prove(&c);
		fx_advance(fx.config->timeouts.syn_sent + USEC_PER_SEC);
	}
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_SILENT), 1);
}

/* A server that does not answer is asked again in a client's name, but no client waits for that. */
START_TEST(nobody_waits_for_a_silent_server)
{
	struct seg_end last = neighbour(9);
	struct segment syn, synack;
	uint32_t asked = 0;

	the_server_is_silent();
	for (int i = 0; i < 50; i++) { /* ten SYNs a second for five seconds */
		fx_advance(USEC_PER_SEC / 10);
		syn = fx_syn(fx_stranger(), 4000);
		asked += fx_offer(&syn) == GUARD_ACCEPT;
		ck_assert_uint_eq(fx.n_sent, 1);
		ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST | TCP_ACK);
		ck_assert_uint_eq(fx_sent(0)->ack, 4001);
	}
	ck_assert_uint_ge(asked, 3);
	ck_assert_uint_le(asked, 6);
	ck_assert_uint_eq(fx_service().half_open, 0); /* these are the guard's own */
	/* when the server answers one of them, it is up, and its half-open goes */
	fx_advance(USEC_PER_SEC);
	syn = fx_syn(last, 7000);
	ck_assert_int_eq(fx_offer(&syn), GUARD_ACCEPT);
	synack = seg_synack(fx.server, last, 9000, 7001);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, 7001);
	ck_assert(ip_addr_eq(&fx_sent(0)->dst, &fx.server.addr));
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SERVER_UP), 1);
	syn = fx_syn(fx_stranger(), 5000);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
}
END_TEST

/* One that refuses again has a voice: who asks it hears it himself, from the next time on. */
START_TEST(silent_and_then_refusing)
{
	struct seg_end one = neighbour(9), other = neighbour(10);
	struct segment syn, rst;

	the_server_is_silent();
	fx_advance(USEC_PER_SEC);
	syn = fx_syn(one, 7000);
	ck_assert_int_eq(fx_offer(&syn), GUARD_ACCEPT);
	ck_assert_uint_eq(fx.n_sent, 1);
	rst = seg_rst_ack(fx.server, one, 0, 7001);
	fx_drop(&rst, GUARD_DROP_CONSUMED);
	fx_sent_nothing();
	fx_advance(USEC_PER_SEC);
	syn = fx_syn(other, 8000);
	fx_accept(&syn);
	fx_sent_nothing();
	rst = seg_rst_ack(fx.server, other, 0, 8001);
	fx_accept(&rst);
}
END_TEST

/* ... and of one that has stopped to refuse and is silent now, one client finds out. */
START_TEST(refusing_and_then_silent)
{
	struct segment syn;

	the_server_refuses();
	fx_advance(2 * USEC_PER_SEC);
	syn = fx_syn(neighbour(9), 7000);
	fx_accept(&syn);
	fx_sent_nothing();
	fx_advance(USEC_PER_SEC);
	syn = fx_syn(neighbour(10), 8000);
	ck_assert_int_eq(fx_offer(&syn), GUARD_ACCEPT);
	ck_assert_uint_eq(fx.n_sent, 1);
}
END_TEST

/* The guard is no reflector of RSTs, either. */
START_TEST(refusals_to_a_forged_network_are_rationed)
{
	uint32_t refusals = 0;

	fx.config->service[0].synack_limit = 200;
	guard_configure(&fx.guard, fx.now, fx.config);
	the_server_refuses();
	for (uint32_t i = 0; i < 10000; i++) { /* 1,000 a second */
		struct segment s = fx_syn(seg_end("203.0.113.5", (uint16_t)(1024 + i)), i);

		fx_offer(&s);
		refusals += fx.out->drop == GUARD_DROP_SERVER_DOWN;
		fx.now += USEC_PER_MSEC;
	}
	ck_assert_uint_le(refusals, 10 * 100 + 2 * 100 + 1);
	ck_assert_uint_ge(refusals, 10 * 100);
	ck_assert_uint_eq(fx_service().state, GUARD_CALM); /* nobody takes that for an attack */
}
END_TEST

START_TEST(refusing_can_be_switched_off)
{
	struct segment syn;

	fx.config->service[0].refuse_when_down = false;
	the_server_refuses();
	syn = fx_syn(fx_stranger(), 4000);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/down");
	TCase *tc = tcase_create("down");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, a_server_known_to_be_down_is_refused_at_once);
	tcase_add_test(tc, refused_to_one_is_not_down);
	tcase_add_test(tc, refused_to_some_is_not_down);
	tcase_add_test(tc, one_syn_a_second_asks_it_again);
	tcase_add_test(tc, nobody_waits_for_a_silent_server);
	tcase_add_test(tc, silent_and_then_refusing);
	tcase_add_test(tc, refusing_and_then_silent);
	tcase_add_test(tc, refusals_to_a_forged_network_are_rationed);
	tcase_add_test(tc, refusing_can_be_switched_off);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
