/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts that need no socket: words, JSON, rights, and tcpguardctl's texts. */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/request.h"
#include "fake.h"
#include "tcpguardctl/text.h"

/* ---- words ---- */

static struct words words;
static char why[512];

static int split(const char *line)
{
	return words_split(&words, line, strlen(line), why, sizeof(why));
}

START_TEST(words_come_apart_at_blanks)
{
	ck_assert_int_eq(split("  mode\tweb  off "), 0);
	ck_assert_int_eq(words.n, 3);
	ck_assert_str_eq(words.word[0], "mode");
	ck_assert_str_eq(words.word[1], "web");
	ck_assert_str_eq(words.word[2], "off");
	ck_assert_int_eq(split(""), 0);
	ck_assert_int_eq(words.n, 0);
}
END_TEST

START_TEST(quotes_keep_blanks_together)
{
	ck_assert_int_eq(split("set \"a \\\"b\\\\\" x\"y z\" \"\""), 0);
	ck_assert_int_eq(words.n, 4);
	ck_assert_str_eq(words.word[1], "a \"b\\");
	ck_assert_str_eq(words.word[2], "xy z");
	ck_assert_str_eq(words.word[3], "");
	ck_assert_int_eq(split("set \"a"), -EINVAL);
	ck_assert_int_eq(split("set \"a\\"), -EINVAL);
}
END_TEST

START_TEST(what_is_no_line_of_words_is_refused)
{
	char many[2 * CTL_WORDS_MAX + 3] = "", longer[CTL_LINE_MAX + 2];

	ck_assert_int_eq(split("caf\xc3\xa9"), -EINVAL);
	ck_assert_int_eq(split("a\x1b[31m"), -EINVAL);
	ck_assert_int_eq(words_split(&words, "a\0b", 3, why, sizeof(why)), -EINVAL);
	for (int i = 0; i <= CTL_WORDS_MAX; i++)
		memcpy(many + 2 * i, "a ", 2);
	ck_assert_int_eq(split(many), -EINVAL);
	many[2 * CTL_WORDS_MAX] = '\0';
	ck_assert_int_eq(split(many), 0);
	ck_assert_int_eq(words.n, CTL_WORDS_MAX);
	memset(longer, 'a', sizeof(longer));
	ck_assert_int_eq(words_split(&words, longer, CTL_LINE_MAX + 1, why, sizeof(why)), -EINVAL);
	ck_assert_int_eq(words_split(&words, longer, CTL_LINE_MAX, why, sizeof(why)), 0);
}
END_TEST

/* ---- JSON ---- */

START_TEST(json_is_what_another_reader_reads)
{
	struct jw j = {0};
	json_t *row;

	jw_row_begin(&j);
	jw_str(&j, "s", "a\"b\\c\n\x01\x7f");
	jw_str(&j, "utf8", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	jw_str(&j, "null", NULL);
	jw_u64(&j, "u", INT64_MAX);
	jw_i64(&j, "i", INT64_MIN);
	jw_bool(&j, "yes", true);
	jw_array_begin(&j, "a");
	jw_u64(&j, NULL, 1);
	jw_object_begin(&j, NULL);
	jw_object_end(&j);
	jw_object_begin(&j, NULL);
	jw_u64(&j, "x", 0);
	jw_object_end(&j);
	jw_array_end(&j);
	jw_array_begin(&j, "empty");
	jw_array_end(&j);
	jw_bool(&j, "no", false);
	jw_row_end(&j);
	ck_assert_int_eq(j.data[j.len - 1], '\n');
	row = json_loadb(j.data, j.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(json_string_value(json_object_get(row, "s")), "a\"b\\c\n\x01\x7f");
	ck_assert_str_eq(json_string_value(json_object_get(row, "utf8")),
			 "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	ck_assert(json_is_null(json_object_get(row, "null")));
	ck_assert_int_eq(json_integer_value(json_object_get(row, "u")), INT64_MAX);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "i")), INT64_MIN);
	ck_assert_uint_eq(json_array_size(json_object_get(row, "a")), 3);
	ck_assert_uint_eq(json_array_size(json_object_get(row, "empty")), 0);
	json_decref(row);
	jw_free(&j);
}
END_TEST

START_TEST(any_bytes_become_valid_json)
{
	unsigned seed = 7;
	struct jw j = {0};

	for (int i = 0; i < 20000; i++) {
		char bytes[24];
		json_t *row;

		for (size_t k = 0; k < sizeof(bytes) - 1; k++)
			bytes[k] = (char)(rand_r(&seed) >> 8 | (i & 0x80));
		bytes[sizeof(bytes) - 1] = '\0';
		jw_clear(&j);
		jw_row_begin(&j);
		jw_str(&j, "x", bytes);
		jw_row_end(&j);
		row = json_loadb(j.data, j.len, 0, NULL);
		if (!row)
			ck_abort_msg("seed 7, round %d: %.*s", i, (int)j.len, j.data);
		json_decref(row);
	}
	jw_free(&j);
}
END_TEST

/* ---- rights ---- */

static enum step run(const char *line, bool may_change)
{
	static struct fake fake;
	struct request r = {.ops = &fake.ops, .may_change = may_change};
	enum step step = STEP_FAILED;

	fake_init(&fake, 1, 10);
	if (request_begin(&r, line, strlen(line)) == 0) {
		do {
			step = request_step(&r);
		} while (step == STEP_MORE);
	}
	snprintf(why, sizeof(why), "%s", r.why);
	request_end(&r);
	return step;
}

START_TEST(looking_is_free_changing_is_not)
{
	static const char *const changing[] = {"mode web off", "set msl 1", "kill 0:1", "log debug",
					       "config reload"};
	static const char *const looking[] = {"status",	     "stats",	     "services", "backends",
					      "conns",	     "netstat",	     "events",	 "drops",
					      "config show", "config check", "help",	 "version"};

	for (size_t i = 0; i < ARRAY_SIZE(changing); i++) {
		ck_assert_int_eq(run(changing[i], false), STEP_FAILED);
		ck_assert_msg(strncmp(why, "permission denied: ", 19) == 0, "%s", why);
		ck_assert_int_eq(run(changing[i], true), STEP_DONE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(looking); i++)
		ck_assert_int_eq(run(looking[i], false), STEP_DONE);
	ck_assert_int_eq(run("events --follow", false), STEP_WAIT);
}
END_TEST

/* ---- tcpguardctl's texts ---- */

static void netstat_is(const char *proto, int64_t recv_q, int64_t send_q, const char *local,
		       const char *foreign, const char *state, const char *line)
{
	char buf[256];

	text_netstat(buf, sizeof(buf), proto, recv_q, send_q, local, foreign, state);
	ck_assert_str_eq(buf, line);
}

START_TEST(netstat_lines_are_those_of_netstat)
{
	ck_assert_str_eq(NETSTAT_HEADER,
			 "Active Internet connections (servers and established)\n"
			 "Proto Recv-Q Send-Q Local Address           Foreign Address         "
			 "State      \n");
	/* lines as net-tools 2.10 printed them */
	netstat_is("tcp", 0, 0, "127.0.0.1:45992", "0.0.0.0:*", "LISTEN",
		   "tcp        0      0 127.0.0.1:45992         0.0.0.0:*               LISTEN     "
		   "\n");
	netstat_is("tcp6", 0, 0, "[::]:45991", "[::]:*", "LISTEN",
		   "tcp6       0      0 :::45991                :::*                    LISTEN     "
		   "\n");
	netstat_is("tcp6", 100, 0, "[::1]:45991", "[::1]:57880", "ESTABLISHED",
		   "tcp6     100      0 ::1:45991               ::1:57880               ESTABLISHED"
		   "\n");
	/* as with -W, long addresses are not cut */
	netstat_is("tcp6", 0, 1234567, "[2001:db8:1111:2222:3333:4444:5555:6666]:443",
		   "[2001:db8::1]:1024", "FIN_WAIT2",
		   "tcp6       0 1234567 2001:db8:1111:2222:3333:4444:5555:6666:443 "
		   "2001:db8::1:1024        FIN_WAIT2  \n");
}
END_TEST

START_TEST(numbers_read_well)
{
	char buf[TEXT_NUMBER_MAX];

	ck_assert_str_eq(text_exact(0, buf), "0");
	ck_assert_str_eq(text_exact(999, buf), "999");
	ck_assert_str_eq(text_exact(1000, buf), "1,000");
	ck_assert_str_eq(text_exact(UINT64_MAX, buf), "18,446,744,073,709,551,615");
	ck_assert_str_eq(text_count(999, buf), "999");
	ck_assert_str_eq(text_count(1000, buf), "1.0k");
	ck_assert_str_eq(text_count(12345678, buf), "12M");
	ck_assert_str_eq(text_count(UINT64_MAX, buf), "18446744T");
	ck_assert_str_eq(text_bytes(1023, buf), "1023 B");
	ck_assert_str_eq(text_bytes(1536, buf), "1.5 KiB");
	ck_assert_str_eq(text_bytes(UINT64_MAX, buf), "16383 PiB");
	ck_assert_str_eq(text_duration(999, buf), "999ms");
	ck_assert_str_eq(text_duration(12345, buf), "12.3s");
	ck_assert_str_eq(text_duration(312000, buf), "5m12s");
	ck_assert_str_eq(text_duration(7980000, buf), "2h13m");
	ck_assert_str_eq(text_duration(UINT64_C(86400000) * 3, buf), "3d0h");
}
END_TEST

START_TEST(a_terminal_is_told_nothing)
{
	char buf[64], small[4];

	ck_assert_str_eq(text_clean(buf, sizeof(buf), "a\x1b[31mb\nc\x7f"), "a?[31mb?c?");
	ck_assert_str_eq(text_clean(buf, sizeof(buf), "x\xc2\x9by\xe2\x80\xaez"), "x?y?z");
	ck_assert_str_eq(text_clean(buf, sizeof(buf), "caf\xc3\xa9"), "caf\xc3\xa9");
	ck_assert_str_eq(text_clean(small, sizeof(small), "abcdef"), "abc");
	ck_assert_uint_eq(text_width("caf\xc3\xa9"), 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl parts");
	TCase *tc = tcase_create("parts");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, words_come_apart_at_blanks);
	tcase_add_test(tc, quotes_keep_blanks_together);
	tcase_add_test(tc, what_is_no_line_of_words_is_refused);
	tcase_add_test(tc, json_is_what_another_reader_reads);
	tcase_add_test(tc, any_bytes_become_valid_json);
	tcase_add_test(tc, looking_is_free_changing_is_not);
	tcase_add_test(tc, netstat_lines_are_those_of_netstat);
	tcase_add_test(tc, numbers_read_well);
	tcase_add_test(tc, a_terminal_is_told_nothing);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
