/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guard that goes on with what another process has left, and one that must not. */
#include <stdlib.h>

#include "adopt_story.h"

static struct fx_conn splice(uint16_t port)
{
	struct fx_conn c = fx_conn();

	c.client.port = port;
	c.server_isn += port * 7919u;
	fx_splice(&c);
	return c;
}

static void translates(const struct fx_conn *c)
{
	const struct pkt *p = fx_server_says(c, TCP_ACK, 1, 1, 100);

	ck_assert_uint_eq(p->seq, c->cookie_isn + 1);
	p = fx_client_says(c, TCP_ACK, 1, 101, 0);
	ck_assert_uint_eq(p->ack, c->server_isn + 101);
}

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

/* ---- one that is good ---- */

START_TEST(connections_go_on)
{
	struct fx_conn c[50];

	for (uint16_t i = 0; i < 50; i++)
		c[i] = splice((uint16_t)(3000 + i));
	must_adopt();
	ck_assert_uint_eq(done.flows, 50);
	ck_assert_uint_eq(done.taken_back, 0);
	for (uint16_t i = 0; i < 50; i++)
		translates(&c[i]);
	ck_assert_uint_eq(fx_service().spliced_now, 50);
	ck_assert_uint_eq(fx_service().flows, 50);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TAKEN_OVER), 1);
}
END_TEST

START_TEST(one_that_waits_for_its_server_goes_on)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c), synack = fx_conn_synack(&c);

	fx_challenge(&c, &syn);
	fx_prove(&c);
	must_adopt();
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 2);
	translates(&c);
}
END_TEST

START_TEST(cookies_in_flight_stay_valid)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c), synack = fx_conn_synack(&c);

	fx_challenge(&c, &syn);
	must_adopt();
	fx_prove(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	translates(&c);
}
END_TEST

START_TEST(a_passed_connection_stays_known)
{
	struct fx_conn c = fx_conn();

	guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_ADAPTIVE);
	fx_pass(&c);
	must_adopt();
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_PASSED);
	ck_assert_uint_eq(fx_count_flows(), 1);
}
END_TEST

static void reopen_adaptive(void)
{
	fx_close();
	fx_open(GUARD_MODE_ADAPTIVE);
}

static void half_opens_time_out(void)
{
	fx_advance(fx.config->timeouts.syn_received + USEC_PER_SEC);
	ck_assert_uint_eq(arena()->half_open_used, 0);
}

START_TEST(half_opens_stay_in_the_order_of_their_age)
{
	struct fx_conn c = fx_conn();
	struct segment syn, ack = fx_conn_ack(&c);

	reopen_adaptive();
	for (int i = 0; i < 100; i++) {
		syn = fx_syn(fx_forged(), 1);
		fx_accept(&syn);
		fx_advance(300 * USEC_PER_MSEC);
	}
	syn = fx_conn_syn(&c);
	fx_accept(&syn);
	must_adopt();
	ck_assert_uint_eq(done.half_opens, 101);
	ck_assert_uint_eq(fx_service().half_open, 101);
	fx_advance(fx.config->timeouts.syn_received - 15 * USEC_PER_SEC);
	/* those of the first 15 of 30 seconds are gone, to a tenth of a second and what was already */
	ck_assert_uint_ge(fx_service().half_open, 49);
	ck_assert_uint_le(fx_service().half_open, 53);
	syn = fx_conn_synack(&c);
	fx_accept(&syn);
	c.cookie_isn = c.server_isn;
	ack = fx_conn_ack(&c);
	fx_accept(&ack);
	ck_assert_int_eq(fx_flow(c.client).kind, FLOW_PASSED);
}
END_TEST

/* A half-open belongs to a service from its first SYN on; one of none would never be timed out. */
START_TEST(half_opens_of_no_service_are_lost)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);

	reopen_adaptive();
	fx_accept(&syn);
	syn = fx_syn(fx_forged(), 1);
	fx_accept(&syn);
	half_open_at(arena(), 0)->service = SERVICE_NONE;
	ck_assert_int_eq(adopt(), ARENA_NONE);
	ck_assert_uint_eq(done.lost, 1);
	ck_assert_uint_eq(done.half_opens, 1);
	half_opens_time_out();
}
END_TEST

/* That of a service that is configured no more, and whose slot a damaged count leaves out. */
START_TEST(half_opens_of_a_service_that_is_gone_time_out)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);

	reopen_adaptive();
	fx_accept(&syn);
	fx.config->n_services = 0;
	arena()->n_services = 0;
	must_adopt();
	ck_assert_uint_eq(done.half_opens, 1);
	half_opens_time_out();
}
END_TEST

START_TEST(counters_and_events_go_on)
{
	struct guard_counters before;
	struct fx_conn c = splice(3000);
	uint64_t events;

	before = fx_counters();
	events = arena()->events;
	must_adopt();
	ck_assert_uint_eq(fx_counters().spliced, before.spliced);
	ck_assert_uint_eq(fx_counters().syn_received, before.syn_received);
	ck_assert_uint_eq(arena()->events, events + 2); /* taken over, configured */
	translates(&c);
}
END_TEST

START_TEST(an_attack_is_still_one)
{
	struct segment syn;

	fx_close();
	fx_prepare(GUARD_MODE_ADAPTIVE);
	fx.config->service[0].attack.start = 100;
	fx.config->service[0].attack.end = 50;
	fx_start();
	fx_teach_linux();
	fx_flood(500);
	fx_advance(FX_UNTIL_NOTICED);
	fx_flood(10);
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	must_adopt();
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	ck_assert_uint_eq(fx_counters().attacks, 1);
	syn = fx_syn(fx_forged(), 5);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	fx_advance(200 * USEC_PER_SEC); /* and it ends as others do */
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_ENDED), 1);
}
END_TEST

START_TEST(time_outs_count_from_before)
{
	struct fx_conn c = splice(3000);

	fx_client_says(&c, TCP_ACK, 1, 1, 1);
	fx_advance(fx.config->timeouts.established - 10 * USEC_PER_SEC);
	fx.now += 5 * USEC_PER_SEC; /* nobody is there */
	must_adopt();
	fx_advance(4 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 0);
	fx_advance(2 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 1);
}
END_TEST

START_TEST(no_time_out_is_longer_than_the_longest)
{
	struct fx_conn c = splice(3000);
	enum flow_dir dir;
	uint32_t i = flow_find(arena(), &c.client.addr, 3000, &c.server.addr, 80, &dir);

	flow_at(arena(), i)->timer.due += 1u << 30; /* months */
	must_adopt();
	fx_advance(25 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_counters().idle_timeouts, 1);
}
END_TEST

START_TEST(what_was_due_meanwhile_is_done_at_once)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);

	fx_challenge(&c, &syn);
	fx_prove(&c);
	fx.now += 2 * USEC_PER_SEC;
	must_adopt();
	fx_advance(0);
	ck_assert_uint_eq(fx.n_sent, 1); /* the SYN to the server, again */
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_SYN, TCP_SYN);
}
END_TEST

START_TEST(a_service_that_is_gone_keeps_its_connections)
{
	struct fx_conn c = splice(3000);

	strcpy(fx.config->service[0].name, "other");
	must_adopt();
	translates(&c);
	ck_assert_uint_eq(fx_service().flows, 0);
}
END_TEST

/* ---- an unfinished turn ---- */

START_TEST(an_unfinished_turn_is_taken_back)
{
	struct fx_conn c = splice(3000);
	uint32_t i;
	enum flow_dir dir;

	i = flow_find(arena(), &c.client.addr, 3000, &c.server.addr, 80, &dir);
	flow_keep(arena(), i);
	memset(flow_at(arena(), i), 0x5a, sizeof(struct flow));
	must_adopt();
	ck_assert_uint_eq(done.taken_back, 1);
	ck_assert_uint_eq(done.flows, 1);
	translates(&c);
}
END_TEST

START_TEST(a_flow_that_was_being_made_is_free_again)
{
	struct fx_conn c = splice(3000);
	struct seg_end other = fx_stranger();

	ck_assert_uint_ne(flow_add(arena(), &other.addr, other.port, &c.server.addr, 80),
			  INDEX_NONE);
	must_adopt();
	ck_assert_uint_eq(done.flows, 1);
	ck_assert_uint_eq(fx_count_flows(), 1);
	translates(&c);
}
END_TEST

START_TEST(a_torn_entry_costs_no_other_one)
{
	struct fx_conn c[3] = {splice(3000), splice(3001), splice(3002)};
	enum flow_dir dir;
	uint32_t i = flow_find(arena(), &c[1].client.addr, 3001, &c[1].server.addr, 80, &dir);

	flow_at(arena(), i)->client_state = 200; /* by no turn: nobody knows how it was */
	ck_assert_int_eq(adopt(), ARENA_NONE);
	ck_assert_uint_eq(done.lost, 1);
	ck_assert_uint_eq(done.flows, 2);
	translates(&c[0]);
	translates(&c[2]);
}
END_TEST

/* ---- bad ones ---- */

static void refused_as(enum arena_fault why)
{
	enum arena_fault fault = adopt();

	ck_assert_msg(fault == why, "the arena %s, and not: %s", arena_fault_text(fault),
		      arena_fault_text(why));
}

START_TEST(too_short)
{
	ck_assert_int_eq(adopt_bytes(0), ARENA_FOREIGN);
	ck_assert_int_eq(adopt_bytes(100), ARENA_FOREIGN);
	ck_assert_int_eq(adopt_bytes(sizeof(struct arena_head)), ARENA_SHORT);
	ck_assert_int_eq(adopt_bytes(guard_arena_size(&fx.limits) - 1), ARENA_SHORT);
}
END_TEST

START_TEST(zeros)
{
	memset(fx.arena, 0, guard_arena_size(&fx.limits));
	refused_as(ARENA_FOREIGN);
}
END_TEST

START_TEST(random_bytes)
{
	size_t size = guard_arena_size(&fx.limits);

	srand(1);
	for (size_t i = 0; i < size; i++)
		((uint8_t *)fx.arena)[i] = (uint8_t)rand();
	refused_as(ARENA_FOREIGN);
	ck_assert_uint_eq(guard_bury(&fx.guard, fx.now, fx.arena, size), 0);
}
END_TEST

START_TEST(another_version)
{
	arena()->head.version++;
	refused_as(ARENA_OTHER_VERSION);
}
END_TEST

START_TEST(another_layout)
{
	arena()->head.layout ^= 1;
	refused_as(ARENA_LAYOUT);
}
END_TEST

START_TEST(other_limits)
{
	fx.limits.max_flows++;
	refused_as(ARENA_LIMITS);
}
END_TEST

START_TEST(other_workers)
{
	guard_share(&fx.guard, 0, 2);
	refused_as(ARENA_WORKERS);
	guard_share(&fx.guard, 1, 1);
	refused_as(ARENA_WORKERS);
}
END_TEST

START_TEST(damaged)
{
	arena()->at.flows += 64;
	refused_as(ARENA_DAMAGED);
	arena()->at.flows -= 64;
	arena()->now = fx.now + 1;
	refused_as(ARENA_DAMAGED);
	arena()->now = fx.now;
	arena()->journal.used = JOURNAL_WORDS + 1;
	refused_as(ARENA_DAMAGED);
	arena()->journal.used = 4;
	arena()->journal.log[0] = 0; /* the head itself is never kept */
	arena()->journal.log[1] = 16;
	refused_as(ARENA_DAMAGED);
	arena()->journal.log[0] = arena()->at.size;
	refused_as(ARENA_DAMAGED);
	refused_as(ARENA_CRASHES); /* three times nobody got through */
}
END_TEST

/* Whatever is behind a good head: it is taken or refused, and lived with. */
START_TEST(good_head_random_rest)
{
	size_t size = guard_arena_size(&fx.limits), first = sizeof(struct arena_head);
	struct guard_arena *good = malloc(size);

	ck_assert_ptr_nonnull(good);
	for (int i = 0; i < 20; i++)
		splice((uint16_t)(3000 + i));
	memcpy(good, fx.arena, size);
	srand((unsigned)_i);
	for (int round = 0; round < 20; round++) {
		uint8_t *bytes = fx.arena;
		struct segment s;

		memcpy(fx.arena, good, size);
		for (int i = 0; i < 1 + rand() % 100000; i++) {
			size_t at =
				first + ((size_t)rand() * 4096 + (size_t)rand()) % (size - first);

			bytes[at] = (uint8_t)rand();
		}
		arena()->limits = good->limits;
		arena()->at = good->at;
		arena()->now = good->now;
		if (adopt() != ARENA_NONE)
			continue;
		for (int i = 0; i < 20; i++) {
			s = fx_syn(fx_forged(), (uint32_t)rand());
			fx_offer(&s);
		}
		fx.n_sent = 0;
		for (int i = 0; i < 100; i++) {
			fx.now += USEC_PER_SEC;
			fx.out->n_tx = 0;
			guard_expire(&fx.guard, fx.now, fx.out);
		}
		fx.now -= 100 * USEC_PER_SEC;
	}
	free(good);
}
END_TEST

/* ---- crashes ---- */

START_TEST(three_crashes_in_a_row)
{
	arena_note_crash(fx.arena);
	must_adopt();
	guard_is_settled(&fx.guard);
	arena_note_crash(fx.arena);
	must_adopt();
	ck_assert_uint_eq(done.crashes, 2);
	arena_note_crash(fx.arena);
	refused_as(ARENA_CRASHES);
}
END_TEST

START_TEST(those_who_are_killed_have_not_crashed)
{
	for (int i = 0; i < 20; i++) {
		must_adopt();
		guard_is_settled(&fx.guard);
	}
	ck_assert_uint_eq(done.crashes, 0);
}
END_TEST

START_TEST(who_does_not_get_through_the_start_has)
{
	must_adopt();
	must_adopt();
	must_adopt();
	refused_as(ARENA_CRASHES);
}
END_TEST

START_TEST(crashes_long_ago_are_forgotten)
{
	for (int i = 0; i < 10; i++) {
		arena_note_crash(fx.arena);
		must_adopt();
		guard_is_settled(&fx.guard);
		guard_is_healthy(&fx.guard);
	}
}
END_TEST

/* ---- what cannot go on is ended ---- */

START_TEST(nothing_is_left_dangling)
{
	struct fx_conn a = splice(3000), b = splice(3001), over = splice(3002);
	size_t size = guard_arena_size(&fx.limits);
	struct arena_head *old = malloc(size);
	struct segment s;

	ck_assert_ptr_nonnull(old);
	s = fx_from_client(&over, TCP_RST, 1, 1, 0);
	ck_assert_int_eq(fx_offer(&s), GUARD_REPLACE);
	memcpy(old, fx.arena, size);
	old->version = 77; /* a version that nobody knows */
	old->layout = 1;
	memset(fx.arena, 0, size);
	ck_assert_int_eq(guard_init(&fx.guard, fx.arena, &fx.limits, fx.config, fx.now, fx.seed),
			 0);
	ck_assert_uint_eq(guard_bury(&fx.guard, fx.now, old, size), 2);
	s = fx_from_client(&a, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_RST, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, a.cookie_isn + 1);
	s = fx_from_server(&b, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_NO_FLOW);
	ck_assert_uint_eq(fx_sent(0)->flags & TCP_RST, TCP_RST);
	ck_assert_uint_eq(fx_sent(0)->seq, b.client_isn + 1);
	fx_advance(fx.config->timeouts.established + 10 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
	free(old);
}
END_TEST

START_TEST(what_cannot_be_read_is_left_alone)
{
	size_t size = guard_arena_size(&fx.limits);
	struct arena_head *old = malloc(size);

	ck_assert_ptr_nonnull(old);
	splice(3000);
	for (int i = 0; i < 7; i++) {
		memcpy(old, fx.arena, size);
		old->flow_bytes = i == 0 ? 0 : old->flow_bytes;
		old->flow_bytes = i == 1 ? UINT32_MAX : old->flow_bytes;
		old->flow_count = i == 2 ? UINT32_MAX : old->flow_count;
		old->flows = i == 3 ? UINT64_MAX - 8 : old->flows;
		old->flow_states = i == 4 ? UINT32_MAX : old->flow_states;
		old->flow_flags = i == 5 ? UINT32_MAX : old->flow_flags;
		old->magic = i == 6 ? 0 : old->magic;
		ck_assert_uint_eq(guard_bury(&fx.guard, fx.now, old, size), 0);
	}
	free(old);
}
END_TEST

START_TEST(the_seed_is_handed_on)
{
	uint8_t seed[GUARD_SEED_BYTES];

	guard_seed(&fx.guard, seed);
	ck_assert_mem_eq(seed, fx.seed, sizeof(seed));
}
END_TEST

static TCase *tcase(Suite *s, const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, fx_close);
	suite_add_tcase(s, t);
	return t;
}

int main(void)
{
	Suite *s = suite_create("adopt");
	TCase *t = tcase(s, "good");

	tcase_add_test(t, connections_go_on);
	tcase_add_test(t, one_that_waits_for_its_server_goes_on);
	tcase_add_test(t, cookies_in_flight_stay_valid);
	tcase_add_test(t, a_passed_connection_stays_known);
	tcase_add_test(t, half_opens_stay_in_the_order_of_their_age);
	tcase_add_test(t, half_opens_of_no_service_are_lost);
	tcase_add_test(t, half_opens_of_a_service_that_is_gone_time_out);
	tcase_add_test(t, counters_and_events_go_on);
	tcase_add_test(t, an_attack_is_still_one);
	tcase_add_test(t, time_outs_count_from_before);
	tcase_add_test(t, no_time_out_is_longer_than_the_longest);
	tcase_add_test(t, what_was_due_meanwhile_is_done_at_once);
	tcase_add_test(t, a_service_that_is_gone_keeps_its_connections);
	t = tcase(s, "torn");
	tcase_add_test(t, an_unfinished_turn_is_taken_back);
	tcase_add_test(t, a_flow_that_was_being_made_is_free_again);
	tcase_add_test(t, a_torn_entry_costs_no_other_one);
	t = tcase(s, "bad");
	tcase_add_test(t, too_short);
	tcase_add_test(t, zeros);
	tcase_add_test(t, random_bytes);
	tcase_add_test(t, another_version);
	tcase_add_test(t, another_layout);
	tcase_add_test(t, other_limits);
	tcase_add_test(t, other_workers);
	tcase_add_test(t, damaged);
	tcase_add_loop_test(t, good_head_random_rest, 0, 8);
	t = tcase(s, "crashes");
	tcase_add_test(t, three_crashes_in_a_row);
	tcase_add_test(t, those_who_are_killed_have_not_crashed);
	tcase_add_test(t, who_does_not_get_through_the_start_has);
	tcase_add_test(t, crashes_long_ago_are_forgotten);
	t = tcase(s, "end");
	tcase_add_test(t, nothing_is_left_dangling);
	tcase_add_test(t, what_cannot_be_read_is_left_alone);
	tcase_add_test(t, the_seed_is_handed_on);
	return fx_run(s);
}
