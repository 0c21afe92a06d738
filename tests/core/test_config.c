/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/config.h"

START_TEST(defaults_are_the_documented_ones)
{
	struct guard_config *c = malloc(sizeof(*c));

	memset(c, 0xa5, sizeof(*c));
	guard_config_defaults(c);
	ck_assert_uint_eq(c->n_services, 0);
	ck_assert_uint_eq(c->n_listens, 0);
	ck_assert_uint_eq(c->timeouts.syn_received, 60 * USEC_PER_SEC);
	ck_assert_uint_eq(c->timeouts.syn_sent, 15 * USEC_PER_SEC);
	ck_assert_uint_eq(c->timeouts.established, 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(c->timeouts.half_closed, 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(c->timeouts.closing, 60 * USEC_PER_SEC);
	ck_assert_uint_eq(c->timeouts.reset, 10 * USEC_PER_SEC);
	ck_assert_uint_eq(c->msl, 30 * USEC_PER_SEC);
	ck_assert_uint_eq(c->cookie_rotate, 30 * USEC_PER_SEC);
	ck_assert_int_eq(c->fragments, GUARD_FRAGMENTS_PASS);
	ck_assert_uint_eq(c->workers, 1);
	free(c);
}
END_TEST

START_TEST(service_defaults_fit_an_ordinary_backlog)
{
	struct guard_service_config s;

	memset(&s, 0xa5, sizeof(s));
	guard_service_config_defaults(&s);
	ck_assert_str_eq(s.name, "");
	ck_assert_int_eq(s.mode, GUARD_MODE_ADAPTIVE);
	ck_assert_int_eq(s.engine, GUARD_ENGINE_RELAY);
	ck_assert_uint_lt(s.attack.start, 128);
	ck_assert_uint_eq(s.attack.start, 64);
	ck_assert_uint_eq(s.attack.end, 32);
	ck_assert_uint_eq(s.attack.hold, 60 * USEC_PER_SEC);
	ck_assert(s.refuse_when_down);
	ck_assert(s.relief);
}
END_TEST

START_TEST(services_are_found_by_name)
{
	struct guard_config *c = malloc(sizeof(*c));

	guard_config_defaults(c);
	ck_assert_int_eq(guard_config_service(c, "web"), -1);
	c->n_services = 2;
	strcpy(c->service[0].name, "web");
	strcpy(c->service[1].name, "mail");
	ck_assert_int_eq(guard_config_service(c, "web"), 0);
	ck_assert_int_eq(guard_config_service(c, "mail"), 1);
	ck_assert_int_eq(guard_config_service(c, "we"), -1);
	ck_assert_int_eq(guard_config_service(c, ""), -1);
	free(c);
}
END_TEST

START_TEST(modes_have_names)
{
	static const char *const names[GUARD_MODE_COUNT] = {"off", "monitor", "adaptive", "always"};

	for (int i = 0; i < GUARD_MODE_COUNT; i++) {
		ck_assert_str_eq(guard_mode_name(i), names[i]);
		ck_assert_int_eq(guard_mode_parse(names[i]), i);
	}
	ck_assert_int_eq(guard_mode_parse("Always"), -EINVAL);
	ck_assert_int_eq(guard_mode_parse(""), -EINVAL);
	ck_assert_str_eq(guard_mode_name(GUARD_MODE_COUNT), "unknown");
	ck_assert_str_eq(guard_engine_name(GUARD_ENGINE_RELAY), "relay");
	ck_assert_str_eq(guard_engine_name(GUARD_ENGINE_TERMINATE), "terminate");
	ck_assert_str_eq(guard_engine_name(GUARD_ENGINE_COUNT), "unknown");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/config");
	TCase *tc = tcase_create("config");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, defaults_are_the_documented_ones);
	tcase_add_test(tc, service_defaults_fit_an_ordinary_backlog);
	tcase_add_test(tc, services_are_found_by_name);
	tcase_add_test(tc, modes_have_names);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
