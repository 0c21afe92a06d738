/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is it an attack? Handshakes offered to a guard in virtual time; doc/detection.md says what is expected. */
#include <stdlib.h>

#include "core/internal.h"
#include "fixture.h"

#define MSEC USEC_PER_MSEC
#define SEC  USEC_PER_SEC

static void setup(void)
{
	fx_open(GUARD_MODE_MONITOR); /* so that all handshakes are the server's */
}

static enum guard_attack_state state(void)
{
	return fx_service().state;
}

static struct attack_report attack(void)
{
	struct attack_report r;

	ck_assert(guard_report_attack(&fx.guard, 0, &r));
	return r;
}

static void syn(struct seg_end from, uint32_t isn)
{
	struct segment s = fx_syn(from, isn);

	ck_assert_int_ne(fx_offer(&s), GUARD_WANT_FULL);
}

static void synack(struct seg_end to, uint32_t isn)
{
	struct segment s = seg_synack(fx.server, to, 9000, isn + 1);

	fx_offer(&s);
}

static void ack(struct seg_end from, uint32_t isn)
{
	struct segment s = seg_ack(from, fx.server, isn + 1, 9001);

	fx_offer(&s);
}

static void rst(struct seg_end from, uint32_t isn)
{
	struct segment s = seg_rst(from, fx.server, isn + 1);

	fx_offer(&s);
}

static void refuse(struct seg_end to, uint32_t isn)
{
	struct segment s = seg_bare(fx.server, to, TCP_RST | TCP_ACK, 0, isn + 1);

	fx_offer(&s);
}

static void open_from(struct seg_end from)
{
	syn(from, 1);
	synack(from, 1);
}

/* clients() - @n of them shake hands, all at once, and answer after @rtt. */
static void clients(uint32_t n, usec_t rtt)
{
	struct seg_end *who = calloc(n, sizeof(*who));

	for (uint32_t i = 0; i < n; i++) {
		who[i] = fx_forged();
		open_from(who[i]);
	}
	fx_advance(rtt);
	for (uint32_t i = 0; i < n; i++)
		ack(who[i], 1);
	free(who);
}

/* ordinary() - @seconds of @n clients every 100 ms, who answer after 20 ms. */
static void ordinary(uint32_t seconds, uint32_t n)
{
	for (uint32_t i = 0; i < seconds * 10; i++) {
		clients(n, 20 * MSEC);
		fx_advance(80 * MSEC);
	}
}

/* forge() - SYNs at @rate a second for @duration that the server answers, evenly spaced. */
static void forge(uint32_t rate, usec_t duration)
{
	usec_t end = fx.now + duration;

	while (fx.now < end) {
		open_from(fx_forged());
		fx_advance(SEC / rate);
	}
}

START_TEST(asleep_until_something_happens)
{
	ck_assert_uint_eq(guard_deadline(&fx.guard), USEC_NEVER);
	clients(3, 10 * MSEC);
	ck_assert_uint_ne(guard_deadline(&fx.guard), USEC_NEVER);
	fx_advance(20 * SEC);
	ck_assert_uint_ge(guard_deadline(&fx.guard), fx.now + SEC); /* only the flows' timers */
}
END_TEST

/* Sixty-four forged ones at once: an attack, when clients would have answered; and not one less. */
START_TEST(hard_trigger_at_the_threshold)
{
	struct attack_report r;

	fx_flood(64 - (uint32_t)_i);
	ck_assert_int_eq(state(), GUARD_CALM);
	fx_advance(150 * MSEC);
	ck_assert_int_eq(state(), _i ? GUARD_CALM : GUARD_ATTACK);
	if (_i)
		return;
	ck_assert_int_eq(attack().trigger, DETECT_BY_HALF_OPEN);
	ck_assert_int_eq(attack().class, CLASS_SPOOFED_FLOOD);
	r = attack();
	ck_assert(ip_addr_eq(&r.server, &fx.server.addr));
	ck_assert_uint_eq(r.port, 80);
	ck_assert_ptr_nonnull(strstr(r.evidence, "64 handshakes are open, of as many clients "));
	ck_assert_ptr_nonnull(strstr(r.evidence, "threshold 64"));
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_BEGAN), 1);
}
END_TEST

/* A thousand a second, over nothing at all and over two hundred clients a second. */
START_TEST(a_flood_is_noticed_within_100_ms)
{
	usec_t start;

	ordinary(20, _i ? 20 : 0);
	start = fx.now;
	while (state() != GUARD_ATTACK && fx.now - start < SEC)
		forge(1000, MSEC);
	ck_assert_uint_le(fx.now - start, 100 * MSEC);
}
END_TEST

START_TEST(two_hundred_a_second_within_two_seconds)
{
	usec_t start = fx.now;

	while (state() != GUARD_ATTACK && fx.now - start < 5 * SEC)
		forge(200, 5 * MSEC);
	ck_assert_uint_le(fx.now - start, 2 * SEC);
}
END_TEST

/* Hundreds of clients at once who answer when their round trip is over are a crowd. */
START_TEST(a_crowd_is_no_attack)
{
	ordinary(50, 5);
	for (int i = 0; i < 150; i++)
		clients(500, 30 * MSEC);
	ck_assert_int_le(state(), GUARD_SUSPECT);
	ck_assert_uint_eq(fx_counters().attacks, 0);
	ck_assert_int_eq(fx_service().class, CLASS_FLASH_CROWD);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SUSPICION), 1);
	fx_advance(20 * SEC);
	ck_assert_int_eq(state(), GUARD_CALM);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SUSPICION_OVER), 1);
}
END_TEST

/* One client with fifty connections, however slow it is, or that goes away. */
START_TEST(one_client_is_no_attack)
{
	struct seg_end who = fx.client;

	ordinary(10, 5);
	for (uint16_t i = 0; i < 50; i++) {
		who.port = (uint16_t)(5000 + i);
		open_from(who);
	}
	fx_advance(300 * MSEC);
	for (uint16_t i = 0; i < 50 && _i == 0; i++) {
		who.port = (uint16_t)(5000 + i);
		ack(who, 1);
	}
	fx_advance(5 * SEC);
	ck_assert_int_eq(state(), GUARD_CALM);
	ck_assert_uint_eq(fx_counters().attacks, 0);
}
END_TEST

/* ... but if it goes on and on, that is an attack from a real source. */
START_TEST(one_source_that_goes_on)
{
	struct seg_end who = fx.client;

	for (uint32_t i = 0; i < 3000; i++) {
		who.port = (uint16_t)(1024 + i);
		open_from(who);
		fx_advance(2 * MSEC);
	}
	ck_assert_int_eq(state(), GUARD_ATTACK);
	ck_assert_int_eq(attack().class, CLASS_REAL_SOURCES);
}
END_TEST

/* A scanner resets what it has opened; it is not that, which makes a flood. */
START_TEST(a_scanner_is_no_attack)
{
	struct seg_end who = fx.client;

	for (uint32_t i = 0; i < 3000; i++) {
		who.port = (uint16_t)(1024 + i);
		open_from(who);
		fx_advance(MSEC);
		rst(who, 1);
	}
	ck_assert_uint_eq(fx_counters().attacks, 0);
	ck_assert_int_eq(fx_service().class, CLASS_PORT_SCAN);
}
END_TEST

/* A server that does not answer, or refuses: whatever its clients do, it is the server. */
START_TEST(a_dead_server_is_no_attack)
{
	ordinary(10, 20);
	for (uint32_t i = 0; i < 2000; i++) {
		struct seg_end who = fx_forged();

		syn(who, 1);
		fx_advance(5 * MSEC);
		if (_i)
			refuse(who, 1);
	}
	ck_assert_uint_eq(fx_counters().attacks, 0);
	ck_assert_int_eq(fx_service().class, CLASS_SERVER_DOWN);
}
END_TEST

/* RSTs that pass the guard and never reach the server hide nothing, neither before its answer nor after. */
START_TEST(forged_resets_hide_nothing)
{
	for (uint32_t i = 0; i < 200; i++) {
		struct seg_end who = fx_forged();

		syn(who, 1);
		if (_i)
			synack(who, 1);
		rst(who, 1);
		fx_advance(MSEC);
	}
	ck_assert_int_eq(state(), GUARD_ATTACK);
	ck_assert_uint_eq(fx_service().half_open, 0);
}
END_TEST

/* few() - SYNs of three addresses at 500 a second; the server has room for @room. @reset: a RST follows. */
static void few(usec_t duration, uint32_t *room, bool reset)
{
	static uint16_t port;
	usec_t end = fx.now + duration;
	struct seg_end held[64];
	uint32_t n = 0;

	while (fx.now < end) {
		struct seg_end who = {ip_addr_v4(htonl(0xc6120001 + port % 3 * 65536)),
				      (uint16_t)(1024 + port)};

		port++;
		syn(who, 1);
		if (*room) {
			synack(who, 1);
			--*room;
			held[n++] = who;
		}
		if (reset)
			rst(who, 1);
		fx_advance(2 * MSEC);
	}
	for (uint32_t i = 0; i < n; i++) /* who has not got the RST goes on trying */
		synack(held[i], 1);
}

/* A server with room for twelve is full before anything else can be seen; forged RSTs make no difference. */
START_TEST(few_sources_fill_a_small_backlog)
{
	uint32_t room = 12;

	ordinary(10, 2);
	for (int second = 0; second < 5; second++)
		few(SEC, &room, _i);
	ck_assert_int_eq(state(), GUARD_ATTACK);
	ck_assert_int_eq(attack().trigger, DETECT_BY_CHOKED);
	ck_assert_int_eq(attack().class, CLASS_REAL_SOURCES);
}
END_TEST

/* The same three, who complete what is answered: the server is dead, nothing else. */
START_TEST(few_clients_of_a_dead_server)
{
	uint32_t room = 0;

	for (uint32_t i = 0; i < 600; i++) {
		struct seg_end who = {ip_addr_v4(htonl(0xc6120001 + i % 3 * 65536)),
				      (uint16_t)(30000 + i)};

		open_from(who);
		fx_advance(2 * MSEC);
		ack(who, 1);
	}
	few(5 * SEC, &room, false);
	ck_assert_uint_eq(fx_counters().attacks, 0);
}
END_TEST

/* An office that comes to work: one address, 2,000 connections a second, 40 ms away. */
START_TEST(a_crowd_of_one_address)
{
	struct seg_end who[80];

	ordinary(10, 5);
	for (uint32_t i = 0; i < 3000; i++) {
		uint32_t old = i % ARRAY_SIZE(who);

		if (i >= ARRAY_SIZE(who))
			ack(who[old], 1);
		who[old] = (struct seg_end){fx.client.addr, (uint16_t)(1024 + i)};
		open_from(who[old]);
		fx_advance(SEC / 2000);
	}
	ck_assert_uint_eq(fx_counters().attacks, 0);
}
END_TEST

START_TEST(a_pulsed_flood_is_one_attack)
{
	for (int burst = 0; burst < 10; burst++) {
		forge(1000, SEC);
		fx_advance(10 * SEC);
	}
	ck_assert_uint_eq(fx_counters().attacks, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_ENDED), 0);
	fx_advance(140 *
		   SEC); /* nobody relieves the table in this mode: a minute and the hold time */
	ck_assert_int_eq(state(), GUARD_CALM);
	ck_assert_uint_eq(fx_counters().attacks, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_ENDED), 1);
	ck_assert(attack().over);
	ck_assert_uint_ge(attack().syns, 9000);
	ck_assert_uint_ge(attack().peak_rate, 900);
}
END_TEST

START_TEST(a_second_attack_is_a_second_attack)
{
	for (int i = 0; i < 2; i++) {
		fx_flood(100);
		fx_advance(200 * SEC);
	}
	ck_assert_uint_eq(fx_counters().attacks, 2);
	ck_assert_uint_eq(attack().number, 2);
}
END_TEST

/* With a short hold time an attack is over while what it left open is still young enough to be counted. */
START_TEST(what_it_leaves_is_no_second_one)
{
	fx_close();
	fx_prepare(GUARD_MODE_ADAPTIVE);
	fx.config->service[0].attack.hold = (usec_t)(3 + 2 * _i) * SEC;
	fx_start();
	forge(5000, 3 * SEC);
	ck_assert_int_eq(state(), GUARD_ATTACK);
	fx_advance(60 * SEC);
	ck_assert_int_eq(state(), GUARD_CALM);
	ck_assert_uint_eq(fx_counters().attacks, 1);
}
END_TEST

/* Nobody looks any more: there is no attack to be told of. */
START_TEST(mode_off_ends_it_at_once)
{
	fx_flood(100);
	fx_advance(200 * MSEC);
	ck_assert_int_eq(state(), GUARD_ATTACK);
	guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_OFF);
	ck_assert_int_eq(state(), GUARD_CALM);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_ENDED), 1);
	ck_assert(attack().over);
}
END_TEST

/* Two forged SYNs a second fill a backlog in a minute. */
START_TEST(low_and_slow)
{
	forge(2, 60 * SEC);
	ck_assert_int_eq(state(), GUARD_ATTACK);
	ck_assert_int_eq(attack().class, CLASS_SLOW);
	forge(2, 300 * SEC);
	ck_assert_uint_eq(fx_counters().attacks, 1);
}
END_TEST

/* A large threshold is not reached by fifty a second in the minute that the table remembers. */
START_TEST(under_the_threshold)
{
	fx_close();
	fx_prepare(GUARD_MODE_ADAPTIVE);
	fx.config->service[0].attack.start = 4096;
	fx.config->service[0].attack.end = 2048;
	fx_start();
	forge(50, 60 * SEC);
	ck_assert_int_ge(state(), GUARD_ATTACK);
	forge(50, 300 * SEC);
	ck_assert_uint_eq(fx_counters().attacks, 1);
}
END_TEST

/* SYN-ACKs and RSTs that nobody has asked for: an attack, but cookies would help nobody. */
START_TEST(segments_of_nothing)
{
	uint64_t cookies;

	fx_close();
	fx_open(GUARD_MODE_ADAPTIVE);
	for (uint32_t i = 0; i < 4000; i++) {
		struct seg_end who = fx_forged();
		struct segment s =
			_i ? seg_rst(who, fx.server, 5) : seg_synack(who, fx.server, 5, 6);

		fx_accept(&s);
		fx_advance(MSEC / 4);
	}
	ck_assert_int_eq(state(), GUARD_ATTACK);
	ck_assert_int_eq(attack().class, _i ? CLASS_ACK_RST_FLOOD : CLASS_SYNACK_REFLECTION);
	clients(1, MSEC);
	ck_assert_uint_eq(fx_counters().passed, 1);
	/* and when a SYN flood comes on top, they are */
	fx_flood(100);
	fx_advance(200 * MSEC);
	cookies = fx_counters().cookies_sent;
	syn(fx_forged(), 1);
	ck_assert_uint_eq(fx_counters().cookies_sent, cookies + 1);
	ck_assert_uint_eq(fx_counters().attacks, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_TURNED), 1);
}
END_TEST

/* What it is called is what it was while it lasted. */
START_TEST(a_flood_of_nothing_keeps_its_name)
{
	for (uint32_t i = 0; i < 4000; i++) {
		struct seg_end who = fx_forged();
		struct segment s =
			_i ? seg_rst(who, fx.server, 5) : seg_synack(who, fx.server, 5, 6);

		fx_accept(&s);
		fx_advance(MSEC / 2);
	}
	fx_advance(120 * SEC);
	ck_assert(attack().over);
	ck_assert_int_eq(attack().class, _i ? CLASS_ACK_RST_FLOOD : CLASS_SYNACK_REFLECTION);
	ck_assert_uint_ge(attack().peak_stray, 1800);
	ck_assert_uint_eq(attack().peak_rate, 0);
	ck_assert_uint_eq(attack().port, 0);
}
END_TEST

/* Slow is what begins slowly, until it is slow no longer. */
START_TEST(slow_no_longer)
{
	forge(2, 60 * SEC);
	ck_assert_int_eq(attack().class, CLASS_SLOW);
	forge(2000, 3 * SEC);
	ck_assert_int_eq(attack().class, CLASS_SPOOFED_FLOOD);
	ck_assert_int_eq(attack().trigger, DETECT_BY_SLOW);
	ck_assert_uint_eq(fx_counters().attacks, 1);
	fx_advance(10 * SEC);
	ck_assert_int_eq(attack().class, CLASS_SPOOFED_FLOOD);
}
END_TEST

/* Honest clients let an attack end, under cookies, too. */
START_TEST(honest_clients_let_it_end)
{
	fx_close();
	fx_open(GUARD_MODE_ADAPTIVE);
	fx_teach_linux();
	fx_flood(100);
	fx_advance(200 * MSEC);
	ck_assert_int_eq(state(), GUARD_ATTACK);
	for (int i = 0; i < 700 && state() != GUARD_CALM; i++) {
		struct fx_conn c = fx_conn();

		c.client = fx_forged();
		fx_splice(&c);
		fx_advance(100 * MSEC);
	}
	ck_assert_int_eq(state(), GUARD_CALM);
}
END_TEST

START_TEST(baselines_come_back)
{
	struct guard_baseline b;

	ordinary(60, 20);
	ck_assert(guard_baseline_get(&fx.guard, 0, &b));
	ck_assert_str_eq(b.service, "web");
	ck_assert_uint_gt(b.learned, 1000);
	ck_assert_uint_ge(fx_service().baseline, 150);
	fx_close();
	setup();
	ck_assert_uint_eq(fx_service().baseline, 0);
	guard_baseline_put(&fx.guard, &b);
	ck_assert_uint_ge(fx_service().baseline, 150);
	/* rubbish from a damaged file must do no harm */
	memset(b.figure, 0xff, sizeof(b.figure));
	guard_baseline_put(&fx.guard, &b);
	ordinary(5, 20);
	memset(b.figure, 0, sizeof(b.figure));
	guard_baseline_put(&fx.guard, &b);
	ordinary(5, 20);
	b.version++;
	guard_baseline_put(&fx.guard, &b);
}
END_TEST

/* lossy() - @seconds of twelve clients a second, of whom two never complete. */
static void lossy(uint32_t seconds)
{
	while (seconds-- > 0) {
		open_from(fx_forged());
		open_from(fx_forged());
		ordinary(1, 1);
	}
}

/* What its server usually holds open is known after a restart: so if that server dies, it is no flood. */
START_TEST(what_is_held_comes_back)
{
	struct guard_baseline b;

	lossy(120);
	ck_assert(guard_baseline_get(&fx.guard, 0, &b));
	fx_close();
	setup();
	guard_baseline_put(&fx.guard, &b);
	lossy(14);
	for (uint32_t i = 0; i < 200; i++) {
		syn(fx_forged(), 1);
		fx_advance(5 * MSEC);
	}
	ck_assert_uint_eq(fx_counters().attacks, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/detect");
	TCase *tc = tcase_create("detect");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, asleep_until_something_happens);
	tcase_add_loop_test(tc, hard_trigger_at_the_threshold, 0, 2);
	tcase_add_loop_test(tc, a_flood_is_noticed_within_100_ms, 0, 2);
	tcase_add_test(tc, two_hundred_a_second_within_two_seconds);
	tcase_add_test(tc, a_crowd_is_no_attack);
	tcase_add_loop_test(tc, one_client_is_no_attack, 0, 2);
	tcase_add_test(tc, one_source_that_goes_on);
	tcase_add_test(tc, a_scanner_is_no_attack);
	tcase_add_loop_test(tc, a_dead_server_is_no_attack, 0, 2);
	tcase_add_loop_test(tc, forged_resets_hide_nothing, 0, 2);
	tcase_add_loop_test(tc, few_sources_fill_a_small_backlog, 0, 2);
	tcase_add_test(tc, few_clients_of_a_dead_server);
	tcase_add_test(tc, a_crowd_of_one_address);
	tcase_add_test(tc, a_pulsed_flood_is_one_attack);
	tcase_add_test(tc, a_second_attack_is_a_second_attack);
	tcase_add_loop_test(tc, what_it_leaves_is_no_second_one, 0, 3);
	tcase_add_test(tc, mode_off_ends_it_at_once);
	tcase_add_test(tc, low_and_slow);
	tcase_add_test(tc, under_the_threshold);
	tcase_add_loop_test(tc, segments_of_nothing, 0, 2);
	tcase_add_loop_test(tc, a_flood_of_nothing_keeps_its_name, 0, 2);
	tcase_add_test(tc, slow_no_longer);
	tcase_add_test(tc, honest_clients_let_it_end);
	tcase_add_test(tc, baselines_come_back);
	tcase_add_test(tc, what_is_held_comes_back);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
