/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard does to some clients and not to others: lists, limits, rations. */
#include <stdlib.h>

#include "core/rules.h"
#include "fixture.h"

static struct rules *rules;

static void setup(void)
{
	rules = malloc(sizeof(*rules));
	rules_init(rules, 42);
	fx_prepare(GUARD_MODE_ALWAYS);
}

static void teardown(void)
{
	fx_close();
	free(rules);
}

static void rule(const char *prefix, unsigned plen, enum rule_action action, uint16_t service)
{
	struct rule r = {.plen = (uint8_t)plen,
			 .action = (uint8_t)action,
			 .service = service,
			 .slot = (uint16_t)rules->n,
			 .serial = 100 + rules->n,
			 .until = USEC_NEVER};

	ip_addr_parse(&r.prefix, prefix);
	ck_assert_int_eq(rules_add(rules, &r), 0);
	guard_set_rules(&fx.guard, rules);
}

static uint64_t packets_of(uint16_t slot)
{
	static uint64_t packets[RULES_MAX];

	memset(packets, 0, sizeof(packets));
	guard_report_rules(&fx.guard, packets);
	return packets[slot];
}

/* ---- lists ---- */

START_TEST(a_denied_client_gets_nothing)
{
	struct segment syn, ack;

	fx_start();
	rule("192.0.2.0", 120, RULE_DENY, RULE_ALL_SERVICES);
	syn = fx_syn(fx.client, 1);
	ack = seg_ack(fx.client, fx.server, 2, 3);
	fx_drop(&syn, GUARD_DROP_DENIED);
	fx_sent_nothing();
	fx_drop(&ack, GUARD_DROP_DENIED);
	fx_sent_nothing();
	ck_assert_uint_eq(packets_of(0), 2);
	ck_assert_uint_eq(fx_counters().denied, 2);
	ck_assert_uint_eq(fx_counters().dropped, 2);
	ck_assert_uint_eq(fx_counters().syn_received, 0);
	ck_assert_uint_eq(fx_report().drops[GUARD_DROP_DENIED], 2);
	guard_set_rules(&fx.guard, NULL);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
}
END_TEST

/* The list is about clients: what the server sends is never looked up. */
START_TEST(a_server_in_a_denied_prefix_still_answers)
{
	struct fx_conn c = fx_conn();

	fx.config->service[0].mode = GUARD_MODE_ADAPTIVE;
	fx_start();
	rule("198.51.100.0", 120, RULE_DENY, RULE_ALL_SERVICES);
	fx_pass(&c);
	fx_server_says(&c, TCP_ACK, 1, 1, 100);
}
END_TEST

START_TEST(a_connection_ends_with_the_denial)
{
	struct fx_conn c = fx_conn();
	struct segment s;

	fx_start();
	fx_teach_linux();
	fx_splice(&c);
	rule("192.0.2.1", 128, RULE_DENY, RULE_ALL_SERVICES);
	s = fx_from_client(&c, TCP_ACK, 1, 1, 10);
	fx_drop(&s, GUARD_DROP_DENIED);
	guard_set_rules(&fx.guard, NULL);
	fx_client_says(&c, TCP_ACK, 1, 1, 10);
}
END_TEST

START_TEST(denial_of_another_service_does_not_count)
{
	struct segment syn;

	fx_start();
	rule("192.0.2.0", 120, RULE_DENY, 1);
	syn = fx_syn(fx.client, 1);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	rule("192.0.2.0", 120, RULE_DENY, 0);
	fx_drop(&syn, GUARD_DROP_DENIED);
}
END_TEST

/* A packet that is asked for again is counted once. */
START_TEST(a_packet_counts_once)
{
	struct segment syn;

	fx_start();
	rule("192.0.2.0", 120, RULE_ALLOW, RULE_ALL_SERVICES);
	syn = fx_syn(fx.client, 1);
	syn.payload = (const uint8_t *)"0123456789";
	syn.payload_len = 10;
	ck_assert_int_eq(fx_offer_cut(&syn, 62), GUARD_WANT_FULL);
	ck_assert_uint_eq(packets_of(0), 0);
	fx_accept(&syn);
	ck_assert_uint_eq(packets_of(0), 1);
}
END_TEST

START_TEST(counts_go_on_with_another_list)
{
	struct rules *other = malloc(sizeof(*other));
	struct segment syn;

	fx_start();
	rule("192.0.2.0", 120, RULE_DENY, RULE_ALL_SERVICES);
	syn = fx_syn(fx.client, 1);
	fx_drop(&syn, GUARD_DROP_DENIED);
	*other = *rules;
	guard_set_rules(&fx.guard, other);
	fx_drop(&syn, GUARD_DROP_DENIED);
	ck_assert_uint_eq(packets_of(0), 2);
	other->rule[0].serial++; /* another rule in the same slot */
	guard_set_rules(&fx.guard, other);
	ck_assert_uint_eq(packets_of(0), 0);
	free(other);
}
END_TEST

START_TEST(an_allowed_client_passes_as_in_calm)
{
	struct fx_conn c = fx_conn();

	fx_start();
	rule("192.0.2.0", 120, RULE_ALLOW, RULE_ALL_SERVICES);
	fx_pass(&c);
	ck_assert_uint_eq(fx_counters().allowed, 1);
	ck_assert_uint_eq(fx_counters().completed, 1);
	ck_assert_uint_eq(fx_counters().cookies_sent, 0);
	fx_client_says(&c, TCP_ACK, 1, 1, 10);
	ck_assert_uint_eq(packets_of(0), 3);
}
END_TEST

/* Half-opens of allowed clients begin no attack, and relief does not reset them. */
START_TEST(allowed_clients_are_no_attack)
{
	struct segment s;

	fx.config->service[0].mode = GUARD_MODE_ADAPTIVE;
	fx_start();
	rule("192.0.2.0", 120, RULE_ALLOW, RULE_ALL_SERVICES);
	for (uint32_t i = 0; i < 500; i++) {
		s = fx_syn(fx_stranger(), i);
		fx_accept(&s);
	}
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	ck_assert_uint_eq(fx_service().half_open, 500);
	fx_flood(100);
	fx_advance(FX_UNTIL_NOTICED);
	ck_assert_int_ne(fx_service().state, GUARD_CALM);
	fx_advance(5 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_service().half_open, 500);
	ck_assert_uint_gt(fx_counters().half_open_relieved, 0);
	fx_advance(60 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_service().half_open, 0);
}
END_TEST

/* ---- limit ---- */

/* offer_n() - @n SYNs of @from, each from another port, a millisecond apart; how many were dropped as @why. */
static uint32_t offer_n(const char *from, uint32_t n, enum guard_drop why)
{
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct segment s =
			fx_syn(seg_end(from, (uint16_t)(1024 + i)), fx.next_port++ * 7u + i);

		dropped += fx_offer(&s) == GUARD_DROP && fx.out->drop == why;
		fx.now += USEC_PER_MSEC;
	}
	return dropped;
}

static void limit(enum guard_limit_when when, uint32_t rate, uint32_t burst, uint32_t prefix4)
{
	struct guard_service_config *s = &fx.config->service[0];

	s->limit.when = when;
	s->limit.rate = rate;
	s->limit.burst = burst;
	s->limit.prefix4 = prefix4;
}

START_TEST(a_prefix_over_its_limit_is_dropped)
{
	limit(GUARD_LIMIT_ALWAYS, 100, 20, 24);
	fx.config->service[0].synack_limit = 0;
	fx_start();
	/* 1,000 a second for a second: 20 at once and 100 */
	ck_assert_uint_ge(offer_n("192.0.2.1", 500, GUARD_DROP_RATE_LIMIT) +
				  offer_n("192.0.2.77", 500, GUARD_DROP_RATE_LIMIT),
			  1000 - 121);
	ck_assert_uint_ge(fx_counters().limited, 1000 - 121);
	ck_assert_uint_le(fx_counters().limited, 1000 - 119);
	/* another one is not */
	ck_assert_uint_eq(offer_n("192.0.3.1", 20, GUARD_DROP_RATE_LIMIT), 0);
}
END_TEST

START_TEST(the_limit_is_off_unless_asked_for)
{
	fx.config->service[0].synack_limit = 0;
	fx_start();
	ck_assert_uint_eq(offer_n("192.0.2.1", 2000, GUARD_DROP_RATE_LIMIT), 0);
}
END_TEST

/* What is dropped in an attack keeps it up: it must not end and begin again and again. */
START_TEST(a_limited_flood_is_still_one)
{
	limit(GUARD_LIMIT_ATTACK, 10, 10, 32);
	fx.config->service[0].mode = GUARD_MODE_ADAPTIVE;
	fx.config->service[0].attack.hold = USEC_PER_SEC;
	fx.config->service[0].synack_limit = 0;
	fx_start();
	ck_assert_uint_eq(offer_n("192.0.2.1", 60, GUARD_DROP_RATE_LIMIT), 0);
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	fx_flood(100);
	fx_advance(FX_UNTIL_NOTICED);
	for (int i = 0; i < 100; i++) {
		offer_n("192.0.2.1", 100, GUARD_DROP_RATE_LIMIT);
		fx_advance(0);
		ck_assert_int_ne(fx_service().state, GUARD_CALM);
	}
	ck_assert_uint_eq(fx_counters().attacks, 1);
	ck_assert_uint_ge(fx_counters().limited, 9000);
}
END_TEST

/* ... also what cannot be answered: in calm it goes to the server, which does not look that close. */
START_TEST(a_flood_with_bad_options_is_still_one)
{
	static const uint8_t options[] = {99, 0, 1, 1}; /* a length of nothing */

	fx.config->service[0].mode = GUARD_MODE_ADAPTIVE;
	fx.config->service[0].attack.hold = USEC_PER_SEC;
	fx_start();
	for (int i = 0; i < 10000; i++) {
		struct seg_end from = fx_forged();
		struct segment syn = seg_bare(from, fx.server, TCP_SYN, 1000, 0);

		fx.last.len = seg_bytes_raw(&syn, options, sizeof(options), fx.last.data,
					    sizeof(fx.last.data));
		if (fx_offer_bytes() == GUARD_ACCEPT) {
			struct segment synack = seg_synack(fx.server, from, 9000, 1001);

			fx_offer(&synack);
		} else {
			ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_OPTIONS);
		}
		fx_advance(USEC_PER_MSEC);
	}
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	ck_assert_uint_eq(fx_counters().attacks, 1);
	ck_assert_uint_le(fx_counters().synack_seen, 300);
}
END_TEST

START_TEST(monitor_limits_nobody)
{
	limit(GUARD_LIMIT_ALWAYS, 1, 1, 24);
	fx.config->service[0].mode = GUARD_MODE_MONITOR;
	fx_start();
	ck_assert_uint_eq(offer_n("192.0.2.1", 100, GUARD_DROP_RATE_LIMIT), 0);
}
END_TEST

START_TEST(an_allowed_client_has_no_limit)
{
	limit(GUARD_LIMIT_ALWAYS, 1, 1, 24);
	fx_start();
	rule("192.0.2.0", 120, RULE_ALLOW, RULE_ALL_SERVICES);
	ck_assert_uint_eq(offer_n("192.0.2.1", 100, GUARD_DROP_RATE_LIMIT), 0);
}
END_TEST

/* ---- fingerprint ---- */

/* A SYN of @from as the flood makes it: no options, another window than clients. */
static struct segment flood_syn(struct seg_end from, uint32_t isn)
{
	struct segment s = seg_bare(from, fx.server, TCP_SYN, isn, 0);

	s.window = 4321;
	return s;
}

/* flood_second() - 1,000 of them, from everywhere; how many are dropped for their looks. */
static uint32_t flood_second(void)
{
	static uint32_t x = 1;
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct seg_end from = fx.client;
		struct segment s;

		x = x * 1664525u + 1013904223u;
		from.addr = ip_addr_v4(htonl(0x14000000u | x >> 8));
		from.port = (uint16_t)(1024 + (x >> 20));
		s = flood_syn(from, x);
		dropped += fx_offer(&s) == GUARD_DROP && fx.out->drop == GUARD_DROP_FINGERPRINT;
		fx_advance(USEC_PER_MSEC);
	}
	return dropped;
}

static void open_for_fingerprints(void)
{
	fx.config->service[0].drop_fingerprint = true;
	fx_start();
	fx_teach_linux();
}

START_TEST(what_only_the_flood_looks_like_is_dropped)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);

	open_for_fingerprints();
	flood_second();
	ck_assert_uint_gt(flood_second(), 990);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_FINGERPRINT_DROPPED), 1);
	ck_assert_uint_gt(fx_counters().fingerprint_dropped, 990);
	/* others are served as ever */
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx_counters().attacks, 1);
}
END_TEST

START_TEST(it_is_off_unless_asked_for)
{
	open_for_fingerprints();
	fx.config->service[0].drop_fingerprint = false;
	flood_second();
	ck_assert_uint_eq(flood_second(), 0);
}
END_TEST

/* A client that looks like the flood is late by one repetition, and from then on nobody is dropped. */
START_TEST(a_client_that_looks_like_the_flood_ends_it)
{
	struct fx_conn c = fx_conn();
	struct segment syn = flood_syn(c.client, c.client_isn), ack;

	open_for_fingerprints();
	flood_second();
	fx_drop(&syn, GUARD_DROP_FINGERPRINT);
	flood_second();
	fx_challenge(&c, &syn);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(flood_second(), 0);
}
END_TEST

/* Clients seen in calm times count, too: then it is never dropped at all. */
START_TEST(what_a_client_looked_like_in_calm_is_never_dropped)
{
	struct fx_conn c = fx_conn();
	struct segment syn = flood_syn(c.client, c.client_isn), synack, ack;

	open_for_fingerprints();
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_ADAPTIVE), 0);
	c.timestamps = false;
	fx_accept(&syn);
	synack = seg_synack(c.server, c.client, c.server_isn, c.client_isn + 1);
	fx_accept(&synack);
	ack = seg_ack(c.client, c.server, c.client_isn + 1, c.server_isn + 1);
	fx_accept(&ack);
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_ALWAYS), 0);
	flood_second();
	ck_assert_int_ne(fx_service().state, GUARD_CALM);
	ck_assert_uint_eq(flood_second(), 0);
}
END_TEST

/* complete() - a client with a SYN of its own with this window comes and goes. */
static void complete(uint16_t window)
{
	struct fx_conn c = fx_conn();
	struct segment syn, ack, synack;

	c.client = fx_stranger();
	syn = flood_syn(c.client, c.client_isn);
	syn.window = window;
	fx_challenge(&c, &syn);
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	synack = fx_conn_synack(&c);
	fx_drop(&synack, GUARD_DROP_CONSUMED); /* else the server would soon be down */
}

/* One host that completes handshakes with every fingerprint there is does not make clients' forgotten. */
START_TEST(clients_looks_are_not_driven_out)
{
	fx.limits.max_flows = 65536;
	open_for_fingerprints();
	for (int second = 0; second < 120; second++) {
		if (second % 30 == 0)
			complete(4321); /* a client, as the flood will look */
		for (uint16_t i = 0; i < 80; i++)
			complete((uint16_t)(10000 + second * 80 + i));
		fx_advance(USEC_PER_SEC);
	}
	flood_second();
	ck_assert_int_ne(fx_service().state, GUARD_CALM);
	ck_assert_uint_eq(flood_second(), 0);
}
END_TEST

/* Nor does he keep out a client whose looks were not known before the flood had them. */
START_TEST(a_clients_looks_are_let_in)
{
	struct fx_conn c = fx_conn();
	struct segment syn = flood_syn(c.client, c.client_isn), ack;

	open_for_fingerprints();
	for (uint16_t i = 0; i < 200; i++)
		complete((uint16_t)(10000 + i));
	flood_second();
	fx_drop(&syn, GUARD_DROP_FINGERPRINT);
	flood_second();
	fx_challenge(&c, &syn);
	complete(20000); /* takes the place of this second */
	ack = fx_conn_ack(&c);
	fx_drop(&ack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(flood_second(), 0);
}
END_TEST

/* ---- reflection ---- */

/* What reaches a network that somebody forges is the ration, for how long it may go on. */
START_TEST(the_guard_is_no_reflector)
{
	uint32_t kept = 0;

	fx.config->service[0].synack_limit = 200;
	fx_start();
	for (int i = 0; i < 20; i++) /* 1,000 a second, 20 s */
		kept += offer_n("192.0.2.1", 1000, GUARD_DROP_REFLECTION);
	ck_assert_uint_ge(kept, 20000 - 200 - 20 * 100 - 1);
	ck_assert_uint_eq(fx_counters().synacks_withheld, kept);
	ck_assert_uint_eq(fx_counters().synack_sent, 20000 - kept);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_SYNACKS_WITHHELD), 1);
	ck_assert_uint_eq(offer_n("192.0.3.1", 100, GUARD_DROP_REFLECTION), 0);
}
END_TEST

/* Nor is it when the forger repeats each SYN as a client would. */
START_TEST(nor_by_repeating)
{
	uint32_t answered = 0;

	fx.config->service[0].synack_limit = 200;
	fx_start();
	for (int second = 0; second < 10; second++) {
		for (uint32_t i = 0; i < 1000; i++) {
			struct segment s = fx_syn(seg_end("192.0.2.1", (uint16_t)(1024 + i)), i);

			fx_offer(&s);
			answered += fx.out->drop == GUARD_DROP_ANSWERED;
			fx.now += USEC_PER_MSEC;
		}
	}
	ck_assert_uint_le(answered, 10 * 200 + 2 * 200);
}
END_TEST

/*
 * A client in a network that is forged at 5,000 SYNs a second, from which nobody ever completed: its
 * first SYN has little chance, its first repetition gets the answer, and then the whole net is free.
 */
START_TEST(a_client_in_a_forged_network_gets_through)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);
	bool answered = false;

	fx_start();
	offer_n("192.0.2.99", 1000, GUARD_DROP_REFLECTION);
	for (int try = 0; try < 2 && !answered; try++) {
		fx_offer(&syn);
		answered = fx.out->drop == GUARD_DROP_ANSWERED;
		if (!answered)
			offer_n("192.0.2.99", 1000, GUARD_DROP_REFLECTION);
	}
	ck_assert(answered);
	c.cookie_isn = fx_sent(0)->seq;
	c.timestamps = fx_sent(0)->opt.present & TCP_OPT_TIMESTAMPS;
	c.cookie_tsval = c.timestamps ? fx_sent(0)->opt.ts_val : 0;
	fx_prove(&c);
	ck_assert_uint_eq(offer_n("192.0.2.98", 2000, GUARD_DROP_REFLECTION), 0);
}
END_TEST

/* Thousands of clients behind one address, all at once when the attack begins. */
START_TEST(a_crowd_behind_one_address_is_served)
{
	struct fx_conn c = fx_conn();
	struct segment syn = fx_conn_syn(&c);

	fx.config->service[0].mode = GUARD_MODE_ADAPTIVE;
	fx_start();
	fx_pass(&c); /* one of them was there in calm times */
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_ALWAYS), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		syn = fx_syn(seg_end("192.0.2.1", (uint16_t)(3000 + i)), i);
		fx_drop(&syn, GUARD_DROP_ANSWERED);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("react");
	TCase *lists = tcase_create("lists"), *limits = tcase_create("limits"),
	      *prints = tcase_create("fingerprint"), *reflection = tcase_create("reflection");

	tcase_add_checked_fixture(lists, setup, teardown);
	tcase_add_test(lists, a_denied_client_gets_nothing);
	tcase_add_test(lists, a_server_in_a_denied_prefix_still_answers);
	tcase_add_test(lists, a_connection_ends_with_the_denial);
	tcase_add_test(lists, denial_of_another_service_does_not_count);
	tcase_add_test(lists, a_packet_counts_once);
	tcase_add_test(lists, counts_go_on_with_another_list);
	tcase_add_test(lists, an_allowed_client_passes_as_in_calm);
	tcase_add_test(lists, allowed_clients_are_no_attack);
	suite_add_tcase(s, lists);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(limits, a_prefix_over_its_limit_is_dropped);
	tcase_add_test(limits, the_limit_is_off_unless_asked_for);
	tcase_add_test(limits, a_limited_flood_is_still_one);
	tcase_add_test(limits, a_flood_with_bad_options_is_still_one);
	tcase_add_test(limits, monitor_limits_nobody);
	tcase_add_test(limits, an_allowed_client_has_no_limit);
	suite_add_tcase(s, limits);
	tcase_add_checked_fixture(prints, setup, teardown);
	tcase_add_test(prints, what_only_the_flood_looks_like_is_dropped);
	tcase_add_test(prints, it_is_off_unless_asked_for);
	tcase_add_test(prints, a_client_that_looks_like_the_flood_ends_it);
	tcase_add_test(prints, what_a_client_looked_like_in_calm_is_never_dropped);
	suite_add_tcase(s, prints);
	tcase_add_test(prints, clients_looks_are_not_driven_out);
	tcase_add_test(prints, a_clients_looks_are_let_in);
	tcase_add_checked_fixture(reflection, setup, teardown);
	tcase_add_test(reflection, the_guard_is_no_reflector);
	tcase_add_test(reflection, nor_by_repeating);
	tcase_add_test(reflection, a_client_in_a_forged_network_gets_through);
	tcase_add_test(reflection, a_crowd_behind_one_address_is_served);
	suite_add_tcase(s, reflection);
	return s;
}

int main(void)
{
	return fx_run(suite());
}
