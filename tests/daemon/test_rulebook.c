/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists of clients as values: what replaces what, what is over, what is kept. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/values.h"
#include "daemon/rulebook.h"

static struct rulebook *book;
static struct guard_config *config;
static struct rules *rules;

static void setup(void)
{
	book = calloc(1, sizeof(*book));
	config = calloc(1, sizeof(*config));
	rules = calloc(1, sizeof(*rules));
	guard_config_defaults(config);
	config->n_services = 2;
	strcpy(config->service[0].name, "web");
	strcpy(config->service[1].name, "mail");
}

static void teardown(void)
{
	free(book);
	free(config);
	free(rules);
}

static struct rulebook_entry entry(const char *prefix, bool allow, const char *service,
				   int64_t until)
{
	struct rulebook_entry e = {.allow = allow, .until_ms = until};
	char why[CONF_WHY_MAX];

	ck_assert_msg(conf_prefix_parse(prefix, &e.prefix, &e.plen, why) == 0, "%s", why);
	snprintf(e.service, sizeof(e.service), "%s", service);
	return e;
}

static int put(const char *prefix, bool allow, const char *service, int64_t until)
{
	struct rulebook_entry e = entry(prefix, allow, service, until);

	return rulebook_put(book, &e);
}

static int take(const char *prefix, bool allow, const char *service)
{
	struct rulebook_entry e = entry(prefix, allow, service, 0);

	return rulebook_remove(book, &e);
}

static void in_file(const char *prefix, bool allow, uint16_t service)
{
	struct guard_clients *c = &config->clients[config->n_clients++];
	char why[CONF_WHY_MAX];

	ck_assert_int_eq(conf_prefix_parse(prefix, &c->prefix, &c->plen, why), 0);
	c->allow = allow;
	c->service = service;
}

/* action_for() - "allow", "deny", or "-" for nothing, of the compiled table. */
static const char *action_for(const char *client, uint16_t service, usec_t now)
{
	struct ip_addr a;
	uint16_t i;

	ip_addr_parse(&a, client);
	i = rules_find(rules, &a, service, now);
	return i == RULE_NONE ? "-" : rule_action_name(rules->rule[i].action);
}

static void compile(void)
{
	rulebook_compile(book, config, 1000 * USEC_PER_SEC, 5000000, 99, rules);
}

START_TEST(a_command_comes_before_the_file)
{
	in_file("203.0.113.0/24", false, UINT16_MAX);
	rulebook_configure(book, config);
	compile();
	ck_assert_str_eq(action_for("203.0.113.1", 0, 0), "deny");
	ck_assert_int_eq(put("203.0.113.0/24", true, "", 0), 0);
	ck_assert(rulebook_hides(book, 0, config));
	compile();
	ck_assert_str_eq(action_for("203.0.113.1", 0, 0), "allow");
	ck_assert_int_eq(take("203.0.113.0/24", true, ""), 0);
	ck_assert_int_eq(take("203.0.113.0/24", true, ""), -ENOENT);
	ck_assert_int_eq(take("203.0.113.0/24", false, ""), -EPERM);
	compile();
	ck_assert_str_eq(action_for("203.0.113.1", 0, 0), "deny");
}
END_TEST

/* A time that the guard's clock cannot count to, as somebody may write into the file. */
START_TEST(so_long_is_for_ever)
{
	ck_assert_int_eq(put("192.0.2.0/24", false, "", INT64_MAX), 0);
	ck_assert_int_eq(put("198.51.100.0/24", false, "", INT64_MAX / 1000 * 2), 0);
	compile();
	ck_assert_str_eq(action_for("192.0.2.1", 0, 2000 * USEC_PER_SEC), "deny");
	ck_assert_str_eq(action_for("198.51.100.1", 0, USEC_NEVER / 2), "deny");
}
END_TEST

START_TEST(another_time_is_the_same_rule)
{
	uint32_t serial;

	ck_assert_int_eq(put("192.0.2.0/24", false, "", 7000000), 0);
	serial = book->entry[0].serial;
	ck_assert_int_eq(put("192.0.2.0/24", false, "", 0), 0);
	ck_assert_uint_eq(book->n, 1);
	ck_assert_uint_eq(book->entry[0].serial, serial);
	ck_assert_int_eq(book->entry[0].until_ms, 0);
	ck_assert_int_eq(put("192.0.2.0/24", true, "", 0), 0);
	ck_assert_uint_eq(book->n, 1);
	ck_assert_uint_ne(book->entry[0].serial, serial);
}
END_TEST

START_TEST(time_runs_on_the_wall)
{
	struct rulebook_entry gone;

	put("192.0.2.0/24", false, "", 5000000 + 3000);
	put("192.0.3.0/24", false, "", 5000000);
	compile();
	ck_assert_uint_eq(rules->n, 1);
	ck_assert_str_eq(action_for("192.0.2.1", 0, 1003 * USEC_PER_SEC - 1), "deny");
	ck_assert_str_eq(action_for("192.0.2.1", 0, 1003 * USEC_PER_SEC), "-");
	ck_assert(rulebook_expire(book, 5000000, &gone));
	ck_assert(!rulebook_expire(book, 5000000, &gone));
	ck_assert_uint_eq(book->n, 1);
	ck_assert(rulebook_expire(book, 5003000, &gone));
	ck_assert_uint_eq(book->n, 0);
}
END_TEST

START_TEST(services_are_known_by_name)
{
	put("192.0.2.0/24", false, "mail", 0);
	put("192.0.3.0/24", false, "gone", 0);
	compile();
	ck_assert_str_eq(action_for("192.0.2.1", 1, 0), "deny");
	ck_assert_str_eq(action_for("192.0.2.1", 0, 0), "-");
	ck_assert(rulebook_hides(book, 1, config));
	strcpy(config->service[0].name, "mail"); /* a reload in another order */
	strcpy(config->service[1].name, "gone");
	compile();
	ck_assert_str_eq(action_for("192.0.2.1", 0, 0), "deny");
	ck_assert_str_eq(action_for("192.0.3.1", 1, 0), "deny");
}
END_TEST

START_TEST(a_reload_keeps_what_stays)
{
	uint32_t serial;

	in_file("203.0.113.0/24", false, UINT16_MAX);
	in_file("198.51.100.0/24", true, 1);
	rulebook_configure(book, config);
	serial = book->entry[1].serial;
	config->n_clients = 0;
	in_file("198.51.100.0/24", true, 1);
	in_file("2001:db8::/32", false, 0);
	rulebook_configure(book, config);
	ck_assert_uint_eq(book->n, 2);
	ck_assert_uint_eq(book->entry[0].serial, serial);
	ck_assert_str_eq(book->entry[0].service, "mail");
	ck_assert_str_eq(book->entry[1].service, "web");
}
END_TEST

START_TEST(slots_are_never_shared)
{
	bool seen[RULES_MAX] = {false};
	char text[32];

	for (uint32_t i = 0; i < RULES_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		ck_assert_int_eq(put(text, false, "", 0), 0);
	}
	ck_assert_int_eq(put("192.0.2.1", false, "", 0), -ENOSPC);
	for (uint32_t i = 0; i < RULES_MAX; i += 3) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		ck_assert_int_eq(take(text, false, ""), 0);
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		ck_assert_int_eq(put(text, true, "", 0), 0);
	}
	for (uint32_t i = 0; i < book->n; i++) {
		ck_assert(!seen[book->entry[i].slot]);
		seen[book->entry[i].slot] = true;
	}
	compile();
	ck_assert_uint_eq(rules->n, RULES_MAX);
}
END_TEST

START_TEST(what_is_written_is_read)
{
	struct rulebook *again = calloc(1, sizeof(*again));
	uint32_t left_out;
	char why[256], *text;
	size_t len;

	in_file("203.0.113.0/24", false, UINT16_MAX);
	rulebook_configure(book, config);
	put("192.0.2.0/24", false, "", 12345678901234);
	put("2001:db8::/32", true, "web", 0);
	text = rulebook_to_json(book, &len);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(rulebook_from_json(again, text, len, &left_out, why, sizeof(why)), 0);
	ck_assert_uint_eq(left_out, 0);
	ck_assert_uint_eq(again->n, 2); /* the file's are in the file */
	ck_assert_int_eq(again->entry[0].until_ms, 12345678901234);
	ck_assert_uint_eq(again->entry[1].plen, 32);
	ck_assert(again->entry[1].allow);
	ck_assert_str_eq(again->entry[1].service, "web");
	free(text);
	free(again);
}
END_TEST

static const struct {
	const char *text;
	int ret;
	uint32_t n, left_out;
} damaged[] = {
	{"", -EINVAL, 0, 0},
	{"{\"version\":1,\"rules\":[{\"action\":", -EINVAL, 0, 0},
	{"[]", -EINVAL, 0, 0},
	{"{\"version\":2,\"rules\":[]}", -EINVAL, 0, 0},
	{"{\"version\":1,\"rules\":{}}", -EINVAL, 0, 0},
	{"{\"version\":1,\"rules\":[]}", 0, 0, 0},
	{"{\"version\":1,\"rules\":[1,null,{},{\"action\":\"deny\"},"
	 "{\"action\":\"deny\",\"prefix\":\"x\"},{\"action\":\"shoot\",\"prefix\":\"10.0.0.1\"},"
	 "{\"action\":\"deny\",\"prefix\":\"10.0.0.1\",\"until_ms\":-5},"
	 "{\"action\":\"deny\",\"prefix\":\"10.0.0.1\",\"service\":\"\"},"
	 "{\"action\":\"deny\",\"prefix\":\"10.0.0.1\",\"service\":\"0123456789012345678901234567890123\"},"
	 "{\"action\":\"deny\",\"prefix\":\"10.0.0.1\"}]}",
	 0, 1, 9},
};

START_TEST(a_damaged_list_is_survived)
{
	uint32_t left_out;
	char why[256];

	ck_assert_int_eq(rulebook_from_json(book, damaged[_i].text, strlen(damaged[_i].text),
					    &left_out, why, sizeof(why)),
			 damaged[_i].ret);
	ck_assert_uint_eq(book->n, damaged[_i].n);
	ck_assert_uint_eq(left_out, damaged[_i].left_out);
}
END_TEST

/* An hour is an hour, whatever is done to the wall clock meanwhile. */
START_TEST(the_clock_is_set)
{
	struct rulebook_entry gone;
	char *text, why[CONF_WHY_MAX];
	uint32_t left_out;
	size_t len;

	ck_assert_int_eq(put("203.0.113.1", false, "", 5000000), 0);
	ck_assert_int_eq(put("203.0.113.2", false, "", RULEBOOK_FOR_EVER), 0);
	ck_assert(rulebook_shift(book, 1000000000));
	ck_assert(!rulebook_expire(book, 1000000000 + 4999999, &gone));
	ck_assert(rulebook_shift(book, -1000000000));
	ck_assert(!rulebook_expire(book, 4999999, &gone));
	ck_assert(rulebook_expire(book, 5000000, &gone));
	ck_assert(!rulebook_shift(book, 1000)); /* for ever is for ever */
	/* set back to before there was time: it does not become one for ever */
	ck_assert_int_eq(put("203.0.113.1", false, "", 5000000), 0);
	ck_assert(rulebook_shift(book, -6000000));
	ck_assert(rulebook_expire(book, 1, &gone));
	/* what an earlier process was given ends when it said */
	ck_assert_int_eq(put("203.0.113.3", false, "", 5000000), 0);
	text = rulebook_to_json(book, &len);
	teardown();
	setup();
	ck_assert_int_eq(rulebook_from_json(book, text, len, &left_out, why, sizeof(why)), 0);
	ck_assert(!rulebook_shift(book, 1000000));
	ck_assert(rulebook_expire(book, 5000000, &gone));
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon/rulebook");
	TCase *tc = tcase_create("rulebook");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_command_comes_before_the_file);
	tcase_add_test(tc, another_time_is_the_same_rule);
	tcase_add_test(tc, so_long_is_for_ever);
	tcase_add_test(tc, time_runs_on_the_wall);
	tcase_add_test(tc, services_are_known_by_name);
	tcase_add_test(tc, a_reload_keeps_what_stays);
	tcase_add_test(tc, slots_are_never_shared);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, the_clock_is_set);
	tcase_add_loop_test(tc, a_damaged_list_is_survived, 0, ARRAY_SIZE(damaged));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
