/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of listens says the same as trying them one by one. */
#include <check.h>
#include <stdlib.h>

#include "core/listens.h"

static struct guard_config config;
static struct listens listens;

static void add(const char *prefix, unsigned plen, uint16_t low, uint16_t high, uint16_t service)
{
	struct guard_listen *l = &config.listen[config.n_listens++];

	*l = (struct guard_listen){
		.plen = (uint8_t)plen, .port_low = low, .port_high = high, .service = service};
	ck_assert_int_eq(ip_addr_parse(&l->prefix, prefix), 0);
}

static void setup(void)
{
	config.n_listens = 0;
}

static int found(const char *addr, uint16_t port)
{
	struct ip_addr a;

	ck_assert_int_eq(ip_addr_parse(&a, addr), 0);
	return listens_find(&listens, &a, port);
}

START_TEST(nothing_listens)
{
	listens_build(&listens, &config);
	ck_assert_int_eq(found("192.0.2.1", 80), -1);
	ck_assert_int_eq(found("::", 80), -1);
}
END_TEST

START_TEST(the_most_specific_counts)
{
	add("0.0.0.0", 96, 1, 65535, 0);
	add("192.0.2.0", 120, 80, 90, 1);
	add("192.0.2.7", 128, 80, 80, 2);
	listens_build(&listens, &config);
	ck_assert_int_eq(found("192.0.2.7", 80), 2);
	ck_assert_int_eq(found("192.0.2.7", 81), 1);
	ck_assert_int_eq(found("192.0.2.7", 91), 0);
	ck_assert_int_eq(found("192.0.2.8", 80), 1);
	ck_assert_int_eq(found("192.0.3.8", 80), 0);
	ck_assert_int_eq(found("192.0.3.8", 0), -1);
}
END_TEST

START_TEST(families_are_apart)
{
	add("::", 0, 80, 80, 0);
	add("0.0.0.0", 96, 81, 81, 1);
	listens_build(&listens, &config);
	ck_assert_int_eq(found("2001:db8::1", 80), 0);
	ck_assert_int_eq(found("192.0.2.1", 80), -1);
	ck_assert_int_eq(found("192.0.2.1", 81), 1);
	ck_assert_int_eq(found("2001:db8::1", 81), -1);
}
END_TEST

START_TEST(of_equal_ones_the_first_counts)
{
	add("192.0.2.1", 128, 100, 200, 0);
	add("192.0.2.1", 128, 50, 150, 1);
	add("192.0.2.1", 128, 1, 65535, 2);
	add("192.0.2.1", 128, 300, 300, 3);
	listens_build(&listens, &config);
	ck_assert_int_eq(found("192.0.2.1", 99), 1);
	ck_assert_int_eq(found("192.0.2.1", 100), 0);
	ck_assert_int_eq(found("192.0.2.1", 200), 0);
	ck_assert_int_eq(found("192.0.2.1", 201), 2);
	ck_assert_int_eq(found("192.0.2.1", 300), 2);
	ck_assert_int_eq(found("192.0.2.1", 49), 2);
	ck_assert_int_eq(found("192.0.2.1", 65535), 2);
	ck_assert_int_eq(found("192.0.2.1", 0), -1);
}
END_TEST

/* The definition, as in core/config.h. */
static int one_by_one(const struct ip_addr *addr, uint16_t port)
{
	int best = -1, best_plen = -1;

	for (uint32_t i = 0; i < config.n_listens; i++) {
		const struct guard_listen *l = &config.listen[i];

		if (l->plen > best_plen && port >= l->port_low && port <= l->port_high &&
		    ip_addr_is_v4(addr) == ip_addr_is_v4(&l->prefix) &&
		    ip_addr_in_prefix(addr, &l->prefix, l->plen)) {
			best = l->service;
			best_plen = l->plen;
		}
	}
	return best;
}

static uint32_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

/* random_address() - from so few that prefixes and addresses meet. */
static struct ip_addr random_address(void)
{
	struct ip_addr a = ip_addr_v4(htonl(0xc0000200u + rnd(16) * 16 + rnd(4)));

	if (rnd(2))
		a = (struct ip_addr){{htonl(0x20010db8u), rnd(2), 0, htonl(rnd(8))}};
	return a;
}

static void random_listen(uint32_t ports)
{
	struct guard_listen *l = &config.listen[config.n_listens++];
	uint32_t low = rnd(ports), high = low + (rnd(2) ? 0 : rnd(ports / 4 + 1));

	l->prefix = random_address();
	l->plen = (uint8_t)(rnd(3) ? 128 : ip_addr_is_v4(&l->prefix) ? 96 + rnd(33) : rnd(129));
	l->port_low = (uint16_t)low;
	l->port_high = (uint16_t)(high > 65535 ? 65535 : high);
	l->service = (uint16_t)rnd(GUARD_SERVICES_MAX);
}

START_TEST(same_as_one_by_one)
{
	static const uint32_t sizes[] = {1, 3, 20, 200, GUARD_LISTENS_MAX};
	uint32_t n = sizes[_i % ARRAY_SIZE(sizes)], ports = _i % 2 ? 64 : 65536;

	random_state = (uint32_t)_i;
	for (uint32_t i = 0; i < n; i++)
		random_listen(ports);
	listens_build(&listens, &config);
	for (uint32_t i = 0; i < 3000; i++) {
		struct ip_addr a = random_address();
		uint16_t port = (uint16_t)rnd(ports);
		int is = listens_find(&listens, &a, port), should = one_by_one(&a, port);

		ck_assert_msg(is == should, "seed %d, lookup %u: %d, not %d", _i, i, is, should);
	}
}
END_TEST

/* The worst for the array of ranges: each listen splits another. */
START_TEST(as_many_parts_as_can_be)
{
	for (uint32_t i = 0; i + 1 < GUARD_LISTENS_MAX; i++)
		add("192.0.2.1", 128, (uint16_t)(2 * i + 1), (uint16_t)(2 * i + 1), 1);
	add("192.0.2.1", 128, 0, 65535, 2);
	listens_build(&listens, &config);
	for (uint32_t port = 0; port <= 65535; port++)
		ck_assert_int_eq(found("192.0.2.1", (uint16_t)port),
				 port % 2 && port < 2 * GUARD_LISTENS_MAX - 2 ? 1 : 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("listens");
	TCase *tc = tcase_create("listens");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nothing_listens);
	tcase_add_test(tc, the_most_specific_counts);
	tcase_add_test(tc, families_are_apart);
	tcase_add_test(tc, of_equal_ones_the_first_counts);
	tcase_add_loop_test(tc, same_as_one_by_one, 0, 60);
	tcase_add_test(tc, as_many_parts_as_can_be);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
