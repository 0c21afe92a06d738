/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "base/addr.h"

static struct ip_addr addr(const char *text)
{
	struct ip_addr a;

	ck_assert_int_eq(ip_addr_parse(&a, text), 0);
	return a;
}

static const char *const texts[] = {
	"0.0.0.0",
	"192.0.2.1",
	"255.255.255.255",
	"::",
	"::1",
	"2001:db8::1",
	"2001:db8:1111:2222:3333:4444:5555:6666",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};

START_TEST(text_and_back)
{
	char buf[IP_ADDR_STRLEN];
	struct ip_addr a = addr(texts[_i]);

	ck_assert_str_eq(ip_addr_format(&a, buf), texts[_i]);
	ck_assert_int_eq(ip_addr_family(&a), strchr(texts[_i], ':') ? 6 : 4);
}
END_TEST

START_TEST(mapped_is_the_same_as_ipv4)
{
	struct ip_addr a = addr("192.0.2.1"), b = addr("::ffff:192.0.2.1"), c = addr("::192.0.2.1");

	ck_assert(ip_addr_eq(&a, &b));
	ck_assert(ip_addr_is_v4(&b));
	ck_assert(!ip_addr_is_v4(&c));
}
END_TEST

START_TEST(no_address)
{
	static const char *const wrong[] = {"",
					    "192.0.2",
					    "192.0.2.256",
					    "192.0.2.1:80",
					    "[::1]",
					    "::1%lo",
					    "1:2:3:4:5:6:7",
					    " 192.0.2.1",
					    "example.org",
					    "2001:db8::1::2",
					    "192.0.2.1/24"};
	struct ip_addr a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		ck_assert_msg(ip_addr_parse(&a, wrong[i]) == -EINVAL, "%s", wrong[i]);
}
END_TEST

START_TEST(endpoints)
{
	struct ip_addr v4 = addr("192.0.2.1"), v6 = addr("2001:db8::1");
	struct ip_addr longest = addr("2001:db8:1111:2222:3333:4444:5555:6666");
	char buf[IP_ENDPOINT_STRLEN];

	ck_assert_str_eq(ip_endpoint_format(&v4, 80, buf), "192.0.2.1:80");
	ck_assert_str_eq(ip_endpoint_format(&v6, 0, buf), "[2001:db8::1]:0");
	ck_assert_str_eq(ip_endpoint_format(&longest, 65535, buf),
			 "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
}
END_TEST

/* For every length: an address lies in its own prefix until the bit at the prefix' end differs. */
START_TEST(every_prefix_length)
{
	struct ip_addr prefix = addr(_i ? "2001:db8:1111:2222:3333:4444:5555:6666" : "192.0.2.1");
	unsigned plen, bit;

	for (plen = 0; plen <= 128; plen++) {
		ck_assert(ip_addr_in_prefix(&prefix, &prefix, plen));
		for (bit = 0; bit < 128; bit++) {
			struct ip_addr other = prefix;

			((uint8_t *)&other)[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			ck_assert_int_eq(ip_addr_in_prefix(&other, &prefix, plen), bit >= plen);
		}
	}
}
END_TEST

START_TEST(prefixes_as_written)
{
	struct ip_addr net = addr("192.0.2.0"), in = addr("192.0.2.77"), out = addr("192.0.3.1");
	struct ip_addr six = addr("::c000:0201");

	ck_assert(ip_addr_in_prefix(&in, &net, 96 + 24));
	ck_assert(!ip_addr_in_prefix(&out, &net, 96 + 24));
	ck_assert(!ip_addr_in_prefix(&six, &net, 96));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("addr");
	TCase *t = tcase_create("addr");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(t, text_and_back, 0, (int)ARRAY_SIZE(texts));
	tcase_add_test(t, mapped_is_the_same_as_ipv4);
	tcase_add_test(t, no_address);
	tcase_add_test(t, endpoints);
	tcase_add_loop_test(t, every_prefix_length, 0, 2);
	tcase_add_test(t, prefixes_as_written);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
