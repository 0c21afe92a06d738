/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Denied clients as ranges that do not overlap, and what nft prints about them. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "datapath/kernel_set.h"

#define RANGES 4096

static struct rules *rules;
static struct kernel_range *range;

static void setup(void)
{
	rules = malloc(sizeof(*rules));
	range = calloc(RANGES, sizeof(*range));
	rules_init(rules, 7);
}

static void teardown(void)
{
	free(rules);
	free(range);
}

static void add(const char *prefix, unsigned plen, enum rule_action action, uint16_t service,
		usec_t until)
{
	struct rule r = {.action = (uint8_t)action,
			 .service = service,
			 .slot = (uint16_t)rules->n,
			 .serial = 1,
			 .until = until};

	ip_addr_parse(&r.prefix, prefix);
	r.plen = (uint8_t)(ip_addr_is_v4(&r.prefix) ? plen + 96 : plen);
	ck_assert_int_eq(rules_add(rules, &r), 0);
}

/* expect() - the ranges of @service as "low-high:slot low-high:slot". */
static void expect(uint16_t service, int family, const char *text)
{
	char got[1024] = "", low[IP_ADDR_STRLEN], high[IP_ADDR_STRLEN];
	int n = kernel_set_flatten(rules, service, family, 1000, range, RANGES);

	for (int i = 0; i < n; i++) {
		size_t len = strlen(got);

		snprintf(got + len, sizeof(got) - len, "%s%s-%s:%u", i ? " " : "",
			 ip_addr_format(&range[i].low, low), ip_addr_format(&range[i].high, high),
			 range[i].slot);
	}
	ck_assert_str_eq(got, text);
}

START_TEST(allowed_addresses_are_cut_out)
{
	add("203.0.113.0", 24, RULE_DENY, RULE_ALL_SERVICES, USEC_NEVER);
	add("203.0.113.7", 32, RULE_ALLOW, RULE_ALL_SERVICES, USEC_NEVER);
	expect(RULE_ALL_SERVICES, 4, "203.0.113.0-203.0.113.6:0 203.0.113.8-203.0.113.255:0");
	expect(RULE_ALL_SERVICES, 6, "");
}
END_TEST

START_TEST(the_edges_of_the_world)
{
	add("0.0.0.0", 0, RULE_DENY, RULE_ALL_SERVICES, USEC_NEVER);
	add("255.255.255.255", 32, RULE_ALLOW, RULE_ALL_SERVICES, USEC_NEVER);
	add("0.0.0.0", 32, RULE_ALLOW, RULE_ALL_SERVICES, USEC_NEVER);
	expect(RULE_ALL_SERVICES, 4, "0.0.0.1-255.255.255.254:0");
	add("::", 0, RULE_DENY, RULE_ALL_SERVICES, USEC_NEVER);
	add("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", 120, RULE_DENY, RULE_ALL_SERVICES,
	    USEC_NEVER);
	expect(RULE_ALL_SERVICES, 6,
	       "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:feff:3 "
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:4");
}
END_TEST

START_TEST(a_service_has_its_own_and_the_common_rules)
{
	add("10.0.0.0", 24, RULE_DENY, RULE_ALL_SERVICES, USEC_NEVER);
	add("10.0.0.0", 24, RULE_ALLOW, 3, USEC_NEVER);
	add("10.0.0.128", 25, RULE_DENY, 3, USEC_NEVER);
	add("10.1.0.0", 16, RULE_DENY, 4, USEC_NEVER);
	expect(RULE_ALL_SERVICES, 4, "10.0.0.0-10.0.0.255:0");
	expect(3, 4, "10.0.0.128-10.0.0.255:2");
	expect(4, 4, "10.0.0.0-10.0.0.255:0 10.1.0.0-10.1.255.255:3");
}
END_TEST

START_TEST(what_is_over_is_left_out)
{
	add("10.0.0.0", 8, RULE_DENY, RULE_ALL_SERVICES, USEC_NEVER);
	add("10.1.0.0", 16, RULE_ALLOW, RULE_ALL_SERVICES, 1000);
	add("10.2.0.0", 16, RULE_DENY, RULE_ALL_SERVICES, 5000);
	expect(RULE_ALL_SERVICES, 4,
	       "10.0.0.0-10.1.255.255:0 10.2.0.0-10.2.255.255:2 10.3.0.0-10.255.255.255:0");
	ck_assert_uint_eq(range[1].left, 4000);
	ck_assert_uint_eq(range[0].left, USEC_NEVER);
}
END_TEST

/* Against the guards' own look-up, address by address: they must drop the same, for the same rule. */
START_TEST(the_kernel_drops_what_the_guards_would)
{
	static const uint8_t lengths[] = {96 + 18, 96 + 22, 96 + 25, 96 + 29, 128};
	uint32_t x = (uint32_t)_i + 1;
	int n, at = 0;

	for (int k = 0; k < 400; k++) {
		struct ip_addr a;
		struct rule r = {.slot = (uint16_t)rules->n, .serial = 1, .until = USEC_NEVER};

		x = x * 1664525u + 1013904223u;
		a = ip_addr_v4(htonl(0x0a000000 | (x >> 10 & 0xffff)));
		r.plen = lengths[(x >> 27) % 5];
		r.prefix = ip_addr_mask(&a, r.plen);
		r.action = x >> 30 & 1 ? RULE_DENY : RULE_ALLOW;
		r.service = x >> 28 & 1 ? RULE_ALL_SERVICES : 0;
		rules_add(rules, &r);
	}
	n = kernel_set_flatten(rules, 0, 4, 0, range, RANGES);
	ck_assert_int_gt(n, 0);
	for (uint32_t i = 0; i < 65536; i++) {
		struct ip_addr a = ip_addr_v4(htonl(0x0a000000 | i));
		uint16_t rule = rules_find(rules, &a, 0, 0);
		bool denied = rule != RULE_NONE && rules->rule[rule].action == RULE_DENY, in;

		while (at < n && memcmp(&range[at].high, &a, sizeof(a)) < 0)
			at++;
		in = at < n && memcmp(&range[at].low, &a, sizeof(a)) <= 0;
		ck_assert_msg(in == denied, "seed %d: 10.0.%u.%u", _i + 1, i / 256, i % 256);
		if (in)
			ck_assert_uint_eq(range[at].slot, rules->rule[rule].slot);
	}
	ck_assert_int_eq(kernel_set_flatten(rules, 0, 4, 0, range, (uint32_t)n - 1), -ENOSPC);
}
END_TEST

START_TEST(what_nft_prints_is_counted)
{
	static const char text[] =
		"table inet tcpguard_deny {\n"
		"\tset s0_4 {\n\t\ttype ipv4_addr\n\t\tflags interval,timeout\n\t\tcounter\n"
		"\t\telements = { 203.0.113.0/29 counter packets 5 bytes 300 timeout 1h expires 59m59s,\n"
		"\t\t\t     203.0.113.8-203.0.113.255 counter packets 70 bytes 4200 }\n\t}\n\n"
		"\tset s0_6 {\n\t\ttype ipv6_addr\n\t\tflags interval,timeout\n\t\tcounter\n\t}\n\n"
		"\tset s1_4 {\n\t\ttype ipv4_addr\n\t\tcounter\n"
		"\t\telements = { 198.51.100.1 counter packets 900 bytes 1 }\n\t}\n"
		"\tchain pre {\n\t}\n}\n";
	struct kernel_set *k = calloc(1, sizeof(*k));
	static struct kernel_range r[3];

	ip_addr_parse(&r[0].low, "203.0.113.0");
	ip_addr_parse(&r[1].low, "203.0.113.8");
	ip_addr_parse(&r[2].low, "198.51.100.1");
	r[0].slot = r[1].slot = 11;
	r[2].slot = 12;
	r[2].group = 1;
	k->range = r;
	k->n_ranges = 3;
	kernel_set_parse(k, text);
	ck_assert_uint_eq(k->count[11].now, 75);
	ck_assert_uint_eq(k->count[12].now, 900);
	kernel_set_parse(k, "nothing of this kind");
	kernel_set_parse(k, "\tset s0_4 {\n elements = { ");
	free(k);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("datapath/kernel_set");
	TCase *tc = tcase_create("kernel_set");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, allowed_addresses_are_cut_out);
	tcase_add_test(tc, the_edges_of_the_world);
	tcase_add_test(tc, a_service_has_its_own_and_the_common_rules);
	tcase_add_test(tc, what_is_over_is_left_out);
	tcase_add_loop_test(tc, the_kernel_drops_what_the_guards_would, 0, 5);
	tcase_add_test(tc, what_nft_prints_is_counted);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
