/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables by themselves: lists of clients, token buckets, what is remembered of prefixes. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "core/limit.h"
#include "core/rules.h"

static struct rules *rules;

static void setup(void)
{
	rules = malloc(sizeof(*rules));
	rules_init(rules, 0x1234567890abcdefULL);
}

static void teardown(void)
{
	free(rules);
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	ck_assert_int_eq(ip_addr_parse(&a, text), 0);
	return a;
}

/* add() - @plen in the family's own length. */
static int add(const char *prefix, unsigned plen, enum rule_action action, uint16_t service)
{
	struct ip_addr a = addr(prefix);

	return rules_add(rules,
			 &(struct rule){.prefix = a,
					.plen = (uint8_t)(ip_addr_is_v4(&a) ? plen + 96 : plen),
					.action = (uint8_t)action,
					.service = service,
					.slot = (uint16_t)rules->n,
					.serial = rules->n + 1,
					.until = USEC_NEVER});
}

/* decides() - the rule added as number @n (RULE_NONE: none) decides about @client of service 0. */
static void decides(const char *client, uint16_t n)
{
	struct ip_addr a = addr(client);

	ck_assert_uint_eq(rules_find(rules, &a, 0, 1000), n);
}

START_TEST(nobody_is_in_an_empty_list)
{
	decides("192.0.2.1", RULE_NONE);
	decides("2001:db8::1", RULE_NONE);
}
END_TEST

START_TEST(the_longest_prefix_decides)
{
	ck_assert_int_eq(add("203.0.113.0", 12, RULE_DENY, RULE_ALL_SERVICES), -EINVAL);
	ck_assert_int_eq(add("203.0.0.0", 16, RULE_DENY, RULE_ALL_SERVICES), 0);
	ck_assert_int_eq(add("203.0.113.7", 32, RULE_DENY, RULE_ALL_SERVICES), 0);
	ck_assert_int_eq(add("203.0.113.0", 24, RULE_ALLOW, RULE_ALL_SERVICES), 0);
	decides("203.0.5.5", 0);
	decides("203.0.113.7", 1);
	decides("203.0.113.8", 2);
	decides("203.1.0.0", RULE_NONE);
}
END_TEST

START_TEST(families_are_kept_apart)
{
	ck_assert_int_eq(add("::", 0, RULE_DENY, RULE_ALL_SERVICES), 0);
	decides("192.0.2.1", RULE_NONE);
	decides("2001:db8::1", 0);
	ck_assert_int_eq(add("0.0.0.0", 0, RULE_DENY, RULE_ALL_SERVICES), 0);
	decides("192.0.2.1", 1);
	ck_assert_int_eq(add("2001:db8::", 32, RULE_ALLOW, RULE_ALL_SERVICES), 0);
	decides("2001:db8::1", 2);
	decides("2001:db9::1", 0);
}
END_TEST

START_TEST(the_services_own_rule_comes_first)
{
	ck_assert_int_eq(add("192.0.2.0", 24, RULE_DENY, RULE_ALL_SERVICES), 0);
	ck_assert_int_eq(add("192.0.2.0", 24, RULE_ALLOW, 0), 0);
	ck_assert_int_eq(add("192.0.2.0", 25, RULE_DENY, 1), 0);
	decides("192.0.2.1", 1);
	ck_assert_uint_eq(rules_find(rules, &(struct ip_addr){{0}}, 0, 0), RULE_NONE);
	struct ip_addr a = addr("192.0.2.1");
	ck_assert_uint_eq(rules_find(rules, &a, 1, 0), 2);
	ck_assert_uint_eq(rules_find(rules, &a, 2, 0), 0);
}
END_TEST

START_TEST(a_rule_replaces_its_like)
{
	ck_assert_int_eq(add("192.0.2.0", 24, RULE_DENY, RULE_ALL_SERVICES), 0);
	ck_assert_int_eq(add("192.0.2.0", 24, RULE_ALLOW, RULE_ALL_SERVICES), 0);
	ck_assert_uint_eq(rules->n, 1);
	ck_assert_uint_eq(rules->rule[0].action, RULE_ALLOW);
}
END_TEST

START_TEST(what_is_over_is_not_there)
{
	struct ip_addr a = addr("192.0.2.1");

	ck_assert_int_eq(add("192.0.0.0", 16, RULE_DENY, RULE_ALL_SERVICES), 0);
	ck_assert_int_eq(add("192.0.2.0", 24, RULE_ALLOW, RULE_ALL_SERVICES), 0);
	rules->rule[1].until = 5000;
	ck_assert_uint_eq(rules_find(rules, &a, 0, 4999), 1);
	ck_assert_uint_eq(rules_find(rules, &a, 0, 5000), 0);
}
END_TEST

START_TEST(the_list_is_bounded)
{
	struct rule r = {.plen = 128, .service = RULE_ALL_SERVICES, .until = USEC_NEVER};

	for (uint32_t i = 0; i < RULES_MAX; i++) {
		r.prefix = ip_addr_v4(htonl(0x0a000000 + i));
		r.slot = (uint16_t)i;
		ck_assert_int_eq(rules_add(rules, &r), 0);
	}
	r.prefix = ip_addr_v4(htonl(0x0b000000));
	ck_assert_int_eq(rules_add(rules, &r), -ENOSPC);
	for (uint32_t i = 0; i < RULES_MAX; i++) {
		r.prefix = ip_addr_v4(htonl(0x0a000000 + i));
		ck_assert_uint_eq(rules_find(rules, &r.prefix, 0, 0), i);
	}
	r.prefix = ip_addr_v4(htonl(0x0a000000 + RULES_MAX));
	ck_assert_uint_eq(rules_find(rules, &r.prefix, 0, 0), RULE_NONE);
}
END_TEST

/* Against the plainest of searches: random rules of few lengths in a small space, so that they nest. */
START_TEST(it_finds_what_a_search_finds)
{
	static const uint8_t lengths[] = {96 + 16, 96 + 20, 96 + 24, 96 + 28, 128};
	uint32_t x = (uint32_t)_i + 1;

	for (int n = 0; n < 500; n++) {
		struct ip_addr a;
		uint8_t plen;

		x = x * 1664525u + 1013904223u;
		plen = lengths[(x >> 8) % 5];
		a = ip_addr_v4(htonl(0x0a000000 | (x >> 12 & 0xffff)));
		rules_add(rules, &(struct rule){.prefix = ip_addr_mask(&a, plen),
						.plen = plen,
						.service = RULE_ALL_SERVICES,
						.until = USEC_NEVER});
	}
	for (uint32_t i = 0; i < 65536; i += 7) {
		struct ip_addr a = ip_addr_v4(htonl(0x0a000000 | i));
		uint16_t best = RULE_NONE, found = rules_find(rules, &a, 0, 0);

		for (uint32_t k = 0; k < rules->n; k++)
			if (ip_addr_in_prefix(&a, &rules->rule[k].prefix, rules->rule[k].plen) &&
			    (best == RULE_NONE || rules->rule[k].plen > rules->rule[best].plen))
				best = (uint16_t)k;
		ck_assert_msg(found == best, "seed %d: %u, not %u", _i + 1, found, best);
	}
}
END_TEST

/* ---- buckets ---- */

START_TEST(a_bucket_keeps_its_rate)
{
	struct bucket_rate r = bucket_rate(100, 10);
	struct bucket b = {0};
	uint32_t taken = 0;

	for (int i = 0; i < 20; i++)
		taken += bucket_take(&b, &r, 1000000);
	ck_assert_uint_eq(taken, 10); /* the burst */
	for (usec_t now = 1000000; now < 11000000; now += 100)
		taken += bucket_take(&b, &r, now);
	ck_assert_uint_ge(taken, 10 + 999);
	ck_assert_uint_le(taken, 10 + 1000);
	taken = 0;
	for (int i = 0; i < 20; i++)
		taken += bucket_take(&b, &r, 60000000);
	ck_assert_uint_eq(taken, 10); /* full again, and not more than full */
}
END_TEST

START_TEST(odd_rates_are_kept_too)
{
	static const uint32_t rates[] = {1, 3, 7, 999, 12345};

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct bucket_rate r = bucket_rate(rates[i], 4);
		struct bucket b = {0};
		uint32_t taken = 0;

		for (usec_t now = 1; now <= 10000000; now++)
			taken += bucket_take(&b, &r, now);
		ck_assert_uint_le(taken, 10 * rates[i] + 4);
		ck_assert_uint_ge(taken, 10 * rates[i] - 1 - rates[i] / 50);
	}
}
END_TEST

/* ---- prefixes ---- */

static uint64_t hash(uint64_t x)
{
	x = (x + 1) * 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
	return (x ^ x >> 32) | 1ULL << 63;
}

/* One prefix sends 1,000 SYNs a second, and 199,000 others come once each: the one stays limited. */
START_TEST(a_million_strangers_do_not_hide_one)
{
	struct limit_table *t = calloc(1, sizeof(*t));
	struct bucket_rate r = bucket_rate(100, 100);
	uint32_t taken = 0, strangers = 0;
	usec_t now = 0;

	for (uint32_t i = 0; i < 2000000; i++, now += 5) {
		if (i % 200 == 0)
			taken += bucket_take(&limit_entry(t, hash(0))->bucket[0], &r, now);
		else
			strangers += bucket_take(&limit_entry(t, hash(i + 1))->bucket[0], &r, now);
	}
	ck_assert_uint_eq(strangers, 2000000 - 2000000 / 200);
	ck_assert_uint_le(taken, 100 + 1000 + 100);
	free(t);
}
END_TEST

/* Whoever has a site of many networks drives out four others at most. */
START_TEST(a_large_site_does_not_crowd_out_the_others)
{
	struct proven_table *t = calloc(1, sizeof(*t));
	uint32_t kept = 0;

	for (uint32_t i = 1; i <= 1000; i++)
		proven_note(t, hash(i), hash(i), 100);
	for (uint32_t i = 0; i < 65536; i++)
		proven_note(t, hash(5000), hash(10000 + i), 200);
	for (uint32_t i = 1; i <= 1000; i++)
		kept += proven_is(t, hash(i), hash(i), 300, 1000);
	ck_assert_uint_ge(kept, 1000 - PROVEN_WAYS);
	ck_assert(proven_is(t, hash(5000), hash(10000 + 65535), 300, 1000));
	free(t);
}
END_TEST

START_TEST(who_has_proven_itself_is_remembered)
{
	struct proven_table *t = calloc(1, sizeof(*t));
	uint32_t kept = 0;

	ck_assert(!proven_is(t, hash(1), hash(1), 100, 1000));
	proven_note(t, hash(1), hash(1), 100);
	ck_assert(proven_is(t, hash(1), hash(1), 100, 1000));
	ck_assert(proven_is(t, hash(1), hash(1), 1100, 1000));
	ck_assert(!proven_is(t, hash(1), hash(1), 1101, 1000));
	ck_assert(!proven_is(t, hash(2), hash(2), 100, 1000));
	for (uint32_t i = 0; i < PROVEN_SETS; i++)
		proven_note(t, hash(i), hash(i), 200);
	for (uint32_t i = 0; i < PROVEN_SETS; i++)
		kept += proven_is(t, hash(i), hash(i), 200, 1000);
	ck_assert_uint_ge(kept, PROVEN_SETS * 99 / 100);
	free(t);
}
END_TEST

START_TEST(a_repeated_syn_is_recognised)
{
	struct repeat_table *t = calloc(1, sizeof(*t));

	ck_assert(!repeat_is(t, hash(7), 1000000));
	ck_assert(!repeat_is(t, hash(7), 1000100)); /* by the network */
	ck_assert(!repeat_is(t, hash(8), 2000000));
	ck_assert(repeat_is(t, hash(7), 2000000));
	ck_assert(repeat_is(t, hash(7), 4000000)); /* and again */
	free(t);
}
END_TEST

/* The promise of doc/reactions.md: of R dropped SYNs a second, e^(-R/262144) are still known after one. */
START_TEST(repeats_are_found_under_a_flood)
{
	static const struct {
		uint32_t rate, permille;
	} cases[] = {{1000, 975}, {20000, 900}, {100000, 650}, {200000, 430}};
	struct repeat_table *t = calloc(1, sizeof(*t));

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		uint32_t found = 0;
		usec_t now = (10 + 100 * c) * USEC_PER_SEC;
		uint64_t base = (uint64_t)c << 40;

		memset(t, 0, sizeof(*t));
		for (uint32_t i = 0; i < 1000; i++)
			repeat_is(t, hash(base + i), now);
		for (uint32_t i = 0; i < cases[c].rate; i++)
			repeat_is(t, hash(base + 10000 + i), now + i % USEC_PER_SEC);
		for (uint32_t i = 0; i < 1000; i++)
			found += repeat_is(t, hash(base + i), now + USEC_PER_SEC);
		ck_assert_msg(found >= cases[c].permille, "at %u/s %u of 1000 repeats are found",
			      cases[c].rate, found);
	}
	free(t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rules");
	TCase *lists = tcase_create("lists"), *limits = tcase_create("limits");

	tcase_add_checked_fixture(lists, setup, teardown);
	tcase_add_test(lists, nobody_is_in_an_empty_list);
	tcase_add_test(lists, the_longest_prefix_decides);
	tcase_add_test(lists, families_are_kept_apart);
	tcase_add_test(lists, the_services_own_rule_comes_first);
	tcase_add_test(lists, a_rule_replaces_its_like);
	tcase_add_test(lists, what_is_over_is_not_there);
	tcase_add_test(lists, the_list_is_bounded);
	tcase_add_loop_test(lists, it_finds_what_a_search_finds, 0, 10);
	suite_add_tcase(s, lists);
	tcase_add_test(limits, a_bucket_keeps_its_rate);
	tcase_add_test(limits, odd_rates_are_kept_too);
	tcase_add_test(limits, a_million_strangers_do_not_hide_one);
	tcase_add_test(limits, a_large_site_does_not_crowd_out_the_others);
	tcase_add_test(limits, who_has_proven_itself_is_remembered);
	tcase_add_test(limits, a_repeated_syn_is_recognised);
	tcase_add_test(limits, repeats_are_found_under_a_flood);
	suite_add_tcase(s, limits);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
