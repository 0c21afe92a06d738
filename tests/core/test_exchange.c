/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several guards, one view. */
#include <stdlib.h>

#include "core/internal.h"
#include "fixture.h"

#define MSEC   USEC_PER_MSEC
#define SEC    USEC_PER_SEC
#define GUARDS 2

static struct guard guard[GUARDS];
static void *arena[GUARDS];
static struct exchange *board;
static struct actions *out;
static usec_t now;
static uint32_t answered; /* packets that any guard has sent */

static void setup(void)
{
	size_t size;

	fx_open(GUARD_MODE_ADAPTIVE); /* for its configuration, segments and addresses */
	fx.config->workers = GUARDS;
	size = (guard_arena_size(&fx.limits) + 4095) / 4096 * 4096;
	board = aligned_alloc(4096, (exchange_size(GUARDS) + 4095) / 4096 * 4096);
	memset(board, 0, exchange_size(GUARDS));
	exchange_init(board, GUARDS);
	out = calloc(1, sizeof(*out));
	now = FX_START;
	answered = 0;
	for (uint32_t i = 0; i < GUARDS; i++) {
		arena[i] = aligned_alloc(4096, size);
		memset(arena[i], 0, size);
		ck_assert_int_eq(
			guard_init(&guard[i], arena[i], &fx.limits, fx.config, now, fx.seed), 0);
		guard_join(&guard[i], board, i);
	}
}

static void teardown(void)
{
	for (uint32_t i = 0; i < GUARDS; i++)
		free(arena[i]);
	free(board);
	free(out);
	fx_close();
}

static void expire(uint32_t g)
{
	out->n_tx = 0;
	guard_expire(&guard[g], now, out);
	answered += out->n_tx;
}

/* nudge() - as the daemon does after each batch. */
static void nudge(uint32_t g)
{
	uint64_t who = guard_nudges(&guard[g]);

	for (uint32_t i = 0; i < GUARDS; i++) {
		if (who >> i & 1)
			expire(i);
	}
}

static enum guard_verdict offer(uint32_t g, const struct segment *s)
{
	struct seg_packet p;

	p.len = seg_bytes(s, p.data, sizeof(p.data));
	p.error = pkt_parse(&p.pkt, p.data, p.len, p.len, PKT_CSUM_FULL);
	out->n_tx = 0;
	guard_input(&guard[g], now, &p.pkt, p.error, out);
	answered += out->n_tx;
	nudge(g);
	return out->verdict;
}

static void pass(usec_t duration)
{
	usec_t end = now + duration;

	for (;;) {
		usec_t due = USEC_NEVER;
		uint32_t next = 0;

		for (uint32_t i = 0; i < GUARDS; i++) {
			if (guard_deadline(&guard[i]) < due) {
				due = guard_deadline(&guard[i]);
				next = i;
			}
		}
		if (due > end)
			break;
		now = due > now ? due : now;
		expire(next);
		nudge(next);
	}
	now = end;
}

/* open_at() - a handshake that the server answers passes guard @g. */
static void open_at(uint32_t g, struct seg_end from)
{
	struct segment syn = fx_syn(from, 1), synack = seg_synack(fx.server, from, 9000, 2);

	if (offer(g, &syn) == GUARD_ACCEPT)
		offer(g, &synack);
}

static struct service_report report(uint32_t g)
{
	struct service_report r;

	ck_assert(guard_report_service(&guard[g], 0, now, &r));
	return r;
}

static uint32_t events(uint32_t g, enum guard_event_kind kind)
{
	struct guard_event e[64];
	uint32_t n = guard_report_events(&guard[g], 0, e, 64), found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += e[i].kind == kind;
	return found;
}

/* Forty here, forty there: neither has the threshold, together they are over it. */
START_TEST(together_they_are_a_flood)
{
	struct attack_report r;

	for (uint32_t i = 0; i < 80; i++) {
		open_at(_i < 2 ? i % 2 : (uint32_t)_i - 2, fx_forged());
		pass(MSEC / 4);
	}
	pass(150 * MSEC);
	for (uint32_t g = 0; g < GUARDS; g++) {
		ck_assert_int_eq(report(g).state, GUARD_ATTACK);
		ck_assert_uint_eq(report(g).attack_start, 64);
	}
	ck_assert_uint_eq(report(0).counters.attacks + report(1).counters.attacks, 1);
	ck_assert_uint_eq(events(0, GUARD_EVENT_ATTACK_BEGAN), 1);
	ck_assert_uint_eq(events(1, GUARD_EVENT_ATTACK_BEGAN), 0);
	ck_assert(guard_report_attack(&guard[0], 0, &r));
	ck_assert(!guard_report_attack(&guard[1], 0, &r));
	/* both answer with cookies now, whichever has seen the flood */
	for (uint32_t g = 0; g < GUARDS; g++) {
		struct segment syn = fx_syn(fx_forged(), 1);
		uint64_t cookies = report(g).counters.cookies_sent;

		ck_assert_int_eq(offer(g, &syn), GUARD_DROP);
		ck_assert_uint_eq(report(g).counters.cookies_sent, cookies + 1);
	}
	/* and it is over for both at once */
	pass(70 * SEC);
	for (uint32_t g = 0; g < GUARDS; g++)
		ck_assert_int_eq(report(g).state, GUARD_CALM);
	ck_assert_uint_eq(events(0, GUARD_EVENT_ATTACK_ENDED), 1);
	ck_assert_uint_eq(events(1, GUARD_EVENT_ATTACK_ENDED), 0);
}
END_TEST

/* A follower whose hard trigger goes off does not wait for the leader. */
START_TEST(a_follower_switches_at_once)
{
	usec_t start = now;

	while (report(1).state != GUARD_ATTACK && now - start < SEC) {
		open_at(1, fx_forged());
		pass(MSEC / 2);
	}
	ck_assert_uint_le(now - start, 130 * MSEC);
	ck_assert_int_eq(report(0).state, GUARD_ATTACK); /* nudged */
	pass(5 * SEC);
	ck_assert_int_eq(report(1).state, GUARD_ATTACK);
	ck_assert_uint_eq(report(0).counters.attacks, 1);
}
END_TEST

START_TEST(fifty_connections_of_one_client)
{
	for (uint16_t i = 0; i < 50; i++)
		open_at(1, seg_end("192.0.2.9", (uint16_t)(3000 + i)));
	pass(5 * SEC);
	ck_assert_uint_eq(report(0).counters.attacks, 0);
	ck_assert_int_eq(report(1).state, GUARD_CALM);
}
END_TEST

START_TEST(mode_off_is_off_for_each)
{
	for (uint32_t i = 0; i < 100; i++)
		open_at(i % 2, fx_forged());
	pass(200 * MSEC);
	ck_assert_int_eq(report(0).state, GUARD_ATTACK);
	for (uint32_t g = 0; g < GUARDS; g++) {
		guard_set_mode(&guard[g], now, 0, GUARD_MODE_OFF);
		ck_assert_int_eq(report(g).state, GUARD_CALM);
	}
	pass(SEC);
	ck_assert_int_eq(report(1).state, GUARD_CALM);
	for (uint32_t g = 0; g < GUARDS; g++)
		guard_set_mode(&guard[g], now, 0, GUARD_MODE_ADAPTIVE);
	pass(SEC);
	ck_assert_int_eq(report(0).state, GUARD_CALM);
	ck_assert_int_eq(report(1).state, GUARD_CALM);
}
END_TEST

/* The record knows of the SYNs and sources of all guards. */
/*
 * The workers are told one after the other: the flood goes on at the follower when the leader does not look
 * any more. What the follower cries then must not be believed when both look again, long after it.
 */
START_TEST(an_old_alarm_is_forgotten)
{
	for (uint32_t i = 0; i < 80; i++) {
		open_at(1, fx_forged());
		pass(MSEC);
	}
	pass(100 * MSEC);
	ck_assert_int_eq(report(0).state, GUARD_ATTACK);
	guard_set_mode(&guard[0], now, 0, GUARD_MODE_OFF);
	nudge(0);
	for (uint32_t i = 0; i < 80; i++) {
		open_at(1, fx_forged());
		pass(MSEC);
	}
	guard_set_mode(&guard[1], now, 0, GUARD_MODE_OFF);
	pass(200 * SEC);
	for (uint32_t i = 0; i < GUARDS; i++)
		guard_set_mode(&guard[i], now, 0, GUARD_MODE_ADAPTIVE);
	open_at(1, fx_forged());
	pass(SEC);
	ck_assert_int_eq(report(0).state, GUARD_CALM);
	ck_assert_int_eq(report(1).state, GUARD_CALM);
}
END_TEST

/* few_at() - one address opens 200 a second at guard @g for four seconds; the server has room for twelve. */
static void few_at(uint32_t g)
{
	static uint16_t port = 1024;
	struct seg_end who = fx.client;

	for (uint32_t i = 0; i < 800; i++) {
		struct segment syn;

		who.port = port++;
		syn = fx_syn(who, 1);
		if (i < 12)
			open_at(g, who);
		else
			offer(g, &syn);
		pass(5 * MSEC);
	}
}

/* What it has left is not learned as usual, though the guard that saw it has nothing to do any more. */
START_TEST(the_same_flood_again)
{
	fx.config->service[0].attack.hold = 2 * SEC;
	for (uint32_t i = 0; i < GUARDS; i++)
		guard_configure(&guard[i], now, fx.config);
	for (uint32_t i = 1; i <= 3; i++) {
		few_at(1);
		ck_assert_int_eq(report(0).state, GUARD_ATTACK);
		ck_assert_int_eq(report(1).state, GUARD_ATTACK);
		ck_assert_uint_eq(report(0).counters.attacks, i);
		pass(6 * SEC);
		ck_assert_int_eq(report(0).state, GUARD_CALM);
		ck_assert_int_eq(report(1).state, GUARD_CALM);
	}
}
END_TEST

/* A reload moves the service to another row; one guard gets no packets for a while and says nothing. */
START_TEST(a_moved_service_keeps_its_baseline)
{
	struct guard_config *c = malloc(sizeof(*c));
	uint32_t before;

	for (uint32_t i = 0; i < 600; i++) {
		struct seg_end who = fx_forged();
		struct segment ack = seg_ack(who, fx.server, 2, 9001);

		open_at(i % 2, who);
		pass(20 * MSEC);
		offer(i % 2, &ack);
		pass(80 * MSEC);
	}
	before = report(0).baseline;
	ck_assert_uint_le(before, 20);
	*c = *fx.config;
	c->service[1] = c->service[0];
	strcpy(c->service[0].name, "first");
	c->n_services = 2;
	for (uint32_t i = 0; i < c->n_listens; i++)
		c->listen[i].service = 1;
	for (uint32_t g = 0; g < GUARDS; g++) {
		guard_configure(&guard[g], now, c);
		nudge(g);
	}
	for (uint32_t i = 0; i < 30; i++) {
		struct service_report r;

		pass(100 * MSEC);
		ck_assert(guard_report_service(&guard[0], 1, now, &r));
		ck_assert_str_eq(r.service, "web");
		ck_assert_uint_le(r.baseline, before);
	}
	free(c);
}
END_TEST

START_TEST(sources_are_merged)
{
	struct attack_report r;

	for (uint32_t i = 0; i < 6000; i++) {
		open_at(i % 2, fx_forged());
		pass(MSEC / 2);
	}
	ck_assert(guard_report_attack(&guard[0], 0, &r));
	ck_assert_uint_ge(r.syns, 5500);
	ck_assert_uint_ge(r.peak_rate, 1900);
	ck_assert_uint_le(r.peak_rate, 2100);
	ck_assert_uint_ge(r.sources.syns, 1200); /* more than one of them has seen */
	ck_assert_uint_ge(r.sources.distinct, 1200);
}
END_TEST

/* Clocks are read packet by packet: another guard's may be ahead by some. */
START_TEST(sources_of_a_moment_ahead_are_merged)
{
	uint32_t name = exchange_name("web");
	static struct sources mine, theirs;
	struct sources_report r;
	struct seg_packet p;
	struct segment s = fx_syn(fx.client, 1);

	seg_packet(&p, &s);
	sources_init(&mine, &(struct siphash_key){1, 2});
	sources_init(&theirs, &(struct siphash_key){1, 2});
	for (uint32_t i = 0; i < 10; i++)
		sources_syn(&theirs, &p.pkt, 0);
	exchange_publish_sources(board, 1, 0, name, now + MSEC, &theirs);
	exchange_merge_sources(board, 0, 0, name, now, &mine);
	sources_report(&mine, &r);
	ck_assert_uint_eq(r.syns, 10);
	exchange_merge_sources(board, 0, 0, name, now + 3 * SEC,
			       &mine); /* and what is old is not */
	sources_report(&mine, &r);
	ck_assert_uint_eq(r.syns, 10);
}
END_TEST

/* While a reload is under way a row may be of another service. */
START_TEST(rows_of_another_name_are_not_read)
{
	struct tally_totals total = {.opened = 5};
	struct tally_look look = {.pending = 100};

	exchange_publish(board, 1, 0, exchange_name("other"), now, &total, &look);
	ck_assert(!exchange_others(board, 0, 0, exchange_name("web"), now, &total, &look));
	ck_assert_uint_eq(look.pending, 0);
	exchange_publish(board, 1, 0, exchange_name("web"), now, &total,
			 &(struct tally_look){.pending = 7, .excess = 7});
	exchange_others(board, 0, 0, exchange_name("web"), now, &total, &look);
	ck_assert_uint_eq(look.pending, 7);
	ck_assert_int_eq(look.excess, 7);
	/* what the cohorts of a silent guard said is soon past */
	exchange_others(board, 0, 0, exchange_name("web"), now + SEC, &total, &look);
	ck_assert_uint_eq(look.pending, 7);
	ck_assert_int_eq(look.excess, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/exchange");
	TCase *tc = tcase_create("exchange");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, together_they_are_a_flood, 0, 4);
	tcase_add_test(tc, a_follower_switches_at_once);
	tcase_add_test(tc, fifty_connections_of_one_client);
	tcase_add_test(tc, mode_off_is_off_for_each);
	tcase_add_test(tc, an_old_alarm_is_forgotten);
	tcase_add_test(tc, a_moved_service_keeps_its_baseline);
	tcase_add_test(tc, the_same_flood_again);
	tcase_add_test(tc, sources_are_merged);
	tcase_add_test(tc, sources_of_a_moment_ahead_are_merged);
	tcase_add_test(tc, rows_of_another_name_are_not_read);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
