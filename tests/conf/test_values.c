/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "conf/values.h"

static char why[CONF_WHY_MAX];

/* number(), usec() - the value of a text that must be right; UINT64_MAX if it was refused. */
static uint64_t number(const char *text)
{
	uint64_t v;

	return conf_number_parse(text, &v, why) == 0 ? v : UINT64_MAX;
}

static uint64_t usec(const char *text)
{
	usec_t v;

	return conf_time_parse(text, &v, why) == 0 ? v : UINT64_MAX;
}

START_TEST(numbers_take_units)
{
	ck_assert_uint_eq(number("0"), 0);
	ck_assert_uint_eq(number("1024"), 1024);
	ck_assert_uint_eq(number("64k"), 64000);
	ck_assert_uint_eq(number("2M"), 2000000);
	ck_assert_uint_eq(number("64Ki"), 65536);
	ck_assert_uint_eq(number("1Mi"), 1048576);
	ck_assert_uint_eq(number("0x7c9d"), 0x7c9d);
	ck_assert_uint_eq(number("0XFFffFFff"), UINT32_MAX);
}
END_TEST

START_TEST(wrong_numbers_are_refused)
{
	static const char *const wrong[] = {"",
					    "k",
					    "-1",
					    "+1",
					    " 1",
					    "1 ",
					    "1K",
					    "1kk",
					    "1.5k",
					    "1G",
					    "0x",
					    "0xg",
					    "0x1k",
					    "0x12345678123456789",
					    "one",
					    "18446744073709551616",
					    "18446744073709551615k",
					    "99999999999999999999999999"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(number(wrong[i]) == UINT64_MAX, "%s was accepted", wrong[i]);
	number("1.5k");
	ck_assert_str_eq(why,
			 "\"1.5k\" is not a number, write it like 4096, 64k, 1M, 64Ki or 0x7c9d");
}
END_TEST

START_TEST(times_take_units)
{
	ck_assert_uint_eq(usec("7us"), 7);
	ck_assert_uint_eq(usec("500ms"), 500000);
	ck_assert_uint_eq(usec("60s"), 60 * USEC_PER_SEC);
	ck_assert_uint_eq(usec("5m"), 300 * USEC_PER_SEC);
	ck_assert_uint_eq(usec("24h"), 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(usec("1d"), 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(usec("0s"), 0);
}
END_TEST

START_TEST(wrong_times_are_refused)
{
	static const char *const wrong[] = {"",	    "s",     "-1s",  "1 s", "1S",
					    "1sec", "1m30s", "1.5s", "1ns", "18446744073709551615d",
					    "60"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(usec(wrong[i]) == UINT64_MAX, "%s was accepted", wrong[i]);
	ck_assert_str_eq(why, "\"60\" has no unit, write 60s if seconds are meant (us ms s m h d)");
}
END_TEST

START_TEST(times_are_printed_in_the_largest_unit)
{
	static const char *const same[] = {"0s", "7us", "1500ms", "90s", "5m", "25h", "2d"};
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		ck_assert_str_eq(conf_time_format(usec(same[i]), buf, sizeof(buf)), same[i]);
	ck_assert_str_eq(conf_time_format(60 * USEC_PER_SEC, buf, sizeof(buf)), "1m");
	ck_assert_str_eq(conf_time_format(UINT64_MAX, buf, sizeof(buf)), "18446744073709551615us");
}
END_TEST

START_TEST(yes_has_several_spellings)
{
	bool b;

	ck_assert_int_eq(conf_bool_parse("yes", &b, why), 0);
	ck_assert(b);
	ck_assert_int_eq(conf_bool_parse("OFF", &b, why), 0);
	ck_assert(!b);
	ck_assert_int_eq(conf_bool_parse("true", &b, why), 0);
	ck_assert(b);
	ck_assert_int_eq(conf_bool_parse("1", &b, why), -EINVAL);
	ck_assert_str_eq(why, "\"1\" is neither yes nor no, write one of them");
}
END_TEST

/* Every accepted form, and how it is printed, entry after entry. */
static const struct {
	const char *text;
	const char *entries[4];
} listens[] = {
	{"192.0.2.10:80", {"192.0.2.10:80"}},
	{"192.0.2.10:80,443", {"192.0.2.10:80", "192.0.2.10:443"}},
	{"192.0.2.10:8000-8100", {"192.0.2.10:8000-8100"}},
	{"192.0.2.10:22,8000-8100,1", {"192.0.2.10:22", "192.0.2.10:8000-8100", "192.0.2.10:1"}},
	{"192.0.2.10:1-65535", {"192.0.2.10:1-65535"}},
	{"192.0.2.10:7-7", {"192.0.2.10:7"}},
	{"203.0.113.0/24:443", {"203.0.113.0/24:443"}},
	{"192.0.2.10/32:80", {"192.0.2.10:80"}},
	{"0.0.0.0/0:443", {"0.0.0.0/0:443"}},
	{"127.0.0.1:80", {"127.0.0.1:80"}},
	{"[2001:db8::10]:443", {"[2001:db8::10]:443"}},
	{"[2001:db8::10]:80,443", {"[2001:db8::10]:80", "[2001:db8::10]:443"}},
	{"[2001:db8::]/64:443", {"[2001:db8::]/64:443"}},
	{"[2001:DB8:0::10]/128:443", {"[2001:db8::10]:443"}},
	{"[::1]:80", {"[::1]:80"}},
	{"[::]/0:443", {"[::]/0:443"}},
};

START_TEST(listens_take_every_form)
{
	struct guard_listen l[8];
	char buf[CONF_LISTEN_STRLEN];
	int n = conf_listen_parse(listens[_i].text, l, ARRAY_SIZE(l), why);

	ck_assert_msg(n > 0, "%s: %s", listens[_i].text, why);
	for (int i = 0; i < n; i++)
		ck_assert_str_eq(conf_listen_format(&l[i], buf, sizeof(buf)),
				 listens[_i].entries[i]);
	ck_assert_ptr_null(listens[_i].entries[n]);
}
END_TEST

START_TEST(listens_give_ranges)
{
	struct guard_listen l;
	struct ip_addr inside, outside;

	ck_assert_int_eq(conf_listen_parse("203.0.113.0/24:8000-8100", &l, 1, why), 1);
	ck_assert_uint_eq(l.plen, 120);
	ck_assert_uint_eq(l.port_low, 8000);
	ck_assert_uint_eq(l.port_high, 8100);
	ip_addr_parse(&inside, "203.0.113.255");
	ip_addr_parse(&outside, "203.0.114.0");
	ck_assert(ip_addr_in_prefix(&inside, &l.prefix, l.plen));
	ck_assert(!ip_addr_in_prefix(&outside, &l.prefix, l.plen));
	ck_assert_int_eq(conf_listen_parse("1.2.3.4:1,2", &l, 1, why), -ENOSPC);
}
END_TEST

static const struct {
	const char *text;
	const char *why; /* a part of the message */
} wrong_listens[] = {
	{"", "lacks the address"},
	{"80", "lacks the address"},
	{":80", "lacks the address"},
	{"192.0.2.10", "lacks the port"},
	{"192.0.2.10/24", "lacks the port"},
	{"[2001:db8::1]", "lacks the port"},
	{"[]:80", "lacks the port"},
	{"2001:db8::1:80", "in brackets"},
	{"[2001:db8::1:80", "closing bracket"},
	{"[2001:db8::1]x:80", "is not an address with its port"},
	{"[2001:db8::/64]:80", "is not an IP address"},
	{"[192.0.2.1]:80", "is not an IP address"},
	{"www.example.org:80", "names are not looked up"},
	{"192.0.2:80", "is not an IP address"},
	{"192.0.2.256:80", "is not an IP address"},
	{"192.0.2.10:", "wrong port"},
	{"192.0.2.10:0", "wrong port"},
	{"192.0.2.10:65536", "wrong port"},
	{"192.0.2.10:http", "wrong port"},
	{"192.0.2.10:-80", "wrong port"},
	{"192.0.2.10:80-", "wrong port"},
	{"192.0.2.10:80,", "behind port 80"},
	{"192.0.2.10:80 443", "behind port 80"},
	{"192.0.2.10:80,,443", "wrong port"},
	{"192.0.2.10:100-80", "write 80-100"},
	{"192.0.2.10/33:80", "from 0 to 32"},
	{"192.0.2.10/:80", "from 0 to 32"},
	{"192.0.2.10/24x:80", "from 0 to 32"},
	{"[2001:db8::]/129:80", "from 0 to 128"},
	{"203.0.113.5/24:443", "write 203.0.113.0/24:443"},
	{"203.0.113.5/0:443", "write 0.0.0.0/0:443"},
	{"[2001:db8::10]/64:443", "write [2001:db8::]/64:443"},
	{"[8000::]/0:443", "write [::]/0:443"},
	{"224.0.0.1:80", "multicast"},
	{"239.0.0.0/8:80", "multicast"},
	{"[ff02::1]:80", "multicast"},
	{"255.255.255.255:80", "broadcast"},
	{"0.0.0.0:80", "\"0.0.0.0/0:PORT\""},
	{"0.0.0.0/8:80", "\"0.0.0.0/0:PORT\""},
	{"[::]:80", "\"[::]/0:PORT\""},
	{"[::ffff:192.0.2.1]:80", "write it as \"192.0.2.1\""},
	{"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80",
	 "is not an address"},
};

START_TEST(wrong_listens_are_refused)
{
	struct guard_listen l[8];
	int n = conf_listen_parse(wrong_listens[_i].text, l, ARRAY_SIZE(l), why);

	ck_assert_msg(n == -EINVAL, "%s gave %d", wrong_listens[_i].text, n);
	ck_assert_msg(strstr(why, wrong_listens[_i].why) != NULL, "%s gave: %s",
		      wrong_listens[_i].text, why);
}
END_TEST

START_TEST(endpoints_are_an_address_and_a_port)
{
	static const struct {
		const char *text, *wanted;
	} right[] = {
		{"9464", "127.0.0.1:9464"}, {"127.0.0.1:9464", "127.0.0.1:9464"},
		{"0.0.0.0:1", "0.0.0.0:1"}, {"[::1]:65535", "[::1]:65535"},
		{"[::]:9464", "[::]:9464"}, {"192.0.2.1:080", "192.0.2.1:80"},
	};
	static const char *const wrong[] = {
		"",
		"0",
		"65536",
		"127.0.0.1",
		"127.0.0.1:",
		":9464",
		"127.0.0.1:0",
		"::1:9464",
		"[::1]",
		"[::1]9464",
		"[::1:80",
		"127.0.0.1:80-81",
		"127.0.0.1/32:80",
		"1.2.3:80",
		"localhost:80",
		"[1.2.3.4]:80",
		"[::ffff:1.2.3.4]:80",
		"-1",
		"127.0.0.1:80 ",
		"1.2.3.4:80,81",
		"99999999999999999999999",
	};
	char text[IP_ENDPOINT_STRLEN];
	struct ip_addr addr;
	uint16_t port;

	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		ck_assert_int_eq(conf_endpoint_parse(right[i].text, &addr, &port, why), 0);
		ck_assert_str_eq(ip_endpoint_format(&addr, port, text), right[i].wanted);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(conf_endpoint_parse(wrong[i], &addr, &port, why) == -EINVAL,
			      "\"%s\" is taken", wrong[i]);
}
END_TEST

START_TEST(misspelt_words_are_recognised)
{
	static const char *const names[] = {"off", "monitor", "adaptive", "always", NULL};

	ck_assert_uint_eq(conf_distance("listen", "listen"), 0);
	ck_assert_uint_eq(conf_distance("lisen", "listen"), 1);
	ck_assert_uint_eq(conf_distance("lgo", "log"), 1);
	ck_assert_uint_eq(conf_distance("", "log"), 3);
	ck_assert_uint_eq(conf_distance("a word that is longer than all options there are", "x"),
			  99);
	ck_assert_str_eq(conf_closest("adaptiv", names), "adaptive");
	ck_assert_str_eq(conf_closest("allways", names), "always");
	ck_assert_ptr_null(conf_closest("on", names));
	ck_assert_ptr_null(conf_closest("", names));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/values");
	TCase *tc = tcase_create("values");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, numbers_take_units);
	tcase_add_test(tc, wrong_numbers_are_refused);
	tcase_add_test(tc, times_take_units);
	tcase_add_test(tc, wrong_times_are_refused);
	tcase_add_test(tc, times_are_printed_in_the_largest_unit);
	tcase_add_test(tc, yes_has_several_spellings);
	tcase_add_loop_test(tc, listens_take_every_form, 0, ARRAY_SIZE(listens));
	tcase_add_test(tc, listens_give_ranges);
	tcase_add_loop_test(tc, wrong_listens_are_refused, 0, ARRAY_SIZE(wrong_listens));
	tcase_add_test(tc, endpoints_are_an_address_and_a_port);
	tcase_add_test(tc, misspelt_words_are_recognised);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
