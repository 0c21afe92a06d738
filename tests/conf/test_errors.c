/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations that are wrong, and what is said about each of their errors. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "texts.h"

/* One wrong file each, and everything that is said about it. */
static const struct {
	const char *text, *errors;
} wrong[] = {
	/* names */
	{"lgo = info\n" SERVICE, "f:1: unknown option \"lgo\", did you mean \"log\"?\n"},
	{SERVICE "zzz = 1\n", "f:2: unknown option \"zzz\", remove it or see tcpguard.conf(5)\n"},
	{SERVICE "zzz { a = { 1, 2 } b { } }\n",
	 "f:2: unknown option \"zzz\", remove it or see tcpguard.conf(5)\n"},
	{SERVICE "zzz \"title\" { a = 1 }\n",
	 "f:2: unknown option \"zzz\", remove it or see tcpguard.conf(5)\n"},
	{SERVICE "zzz\nlog = inf\n",
	 "f:2: unknown option \"zzz\", remove it or see tcpguard.conf(5)\n"
	 "f:3: log: \"inf\" is not known, did you mean \"info\"? (err, warning, notice, info or debug)\n"},
	{SERVICE "mode = off\n", "f:2: \"mode\" does not belong here, write it in service { }\n"},
	{"service w { listen = 1.2.3.4:5 log = info }",
	 "f:1: \"log\" does not belong into \"service\", write it outside of all braces\n"},
	{"service w { listen = 1.2.3.4:5 start = 5 }",
	 "f:1: \"start\" does not belong here, write it in attack { }\n"},
	{"log = info\nlog = debug\n" SERVICE,
	 "f:2: \"log\" is here twice (first on line 1), keep one of them\n"},
	{"service|listen = 1\n" SERVICE,
	 "f:1: unknown option \"service|listen\", remove it or see tcpguard.conf(5)\n"},
	{"include(\"/etc/passwd\")\n" SERVICE,
	 "f:1: unexpected \"(\", remove it or put the text in quotes\n"
	 "f:1: unexpected \")\", remove it or put the text in quotes\n"
	 "f:1: unknown option \"include\", remove it or see tcpguard.conf(5)\n"},
	/* shape */
	{"log info\n" SERVICE, "f:1: \"log\" lacks its \"=\", write log = VALUE\n"},
	{"log\n" SERVICE, "f:1: \"log\" lacks its \"=\", write log = VALUE\n"},
	{"log += info\n" SERVICE, "f:1: \"log\" lacks its \"=\", write log = VALUE\n"},
	{"log =\nqueue = 1\n" SERVICE, "f:1: \"log\" has no value, write one behind the \"=\"\n"},
	{"log =\n" SERVICE, "f:1: \"log\" has no value, write one behind the \"=\"\n"},
	{"${x} = 1\n" SERVICE,
	 "f:1: environment variables are not expanded, write the value itself\n"},
	{"log = { info }\n" SERVICE, "f:1: \"log\" takes one value, write it without braces\n"},
	{"log = info debug\n" SERVICE,
	 "f:1: unexpected debug behind the value of \"log\", remove it\n"},
	{"log = info, debug\n" SERVICE,
	 "f:1: unexpected , behind the value of \"log\", remove it\n"},
	{"\"log\" = info\n" SERVICE,
	 "f:1: unexpected \"log\", an option's name should stand here\n"
	 "f:1: unexpected =, an option's name should stand here\n"
	 "f:1: unknown option \"info\", remove it or see tcpguard.conf(5)\n"},
	{"cookie = { rotate = 15s }\n" SERVICE,
	 "f:1: \"cookie\" takes no \"=\", write cookie { ... }\n"},
	{"cookie \"x\" { rotate = 15s }\n" SERVICE,
	 "f:1: \"cookie\" takes no name, write cookie { ... }\n"},
	{"cookie = 15s\n" SERVICE, "f:1: \"cookie\" lacks its braces, write cookie { ... }\n"},
	{SERVICE "cookie {\nrotate = 15s\n",
	 "f:2: the { of \"cookie\" is not closed, add a } where it ends\n"},
	{SERVICE "}\n", "f:2: unexpected }, remove it or look for a missing { above\n"},
	{"{ log = info }\n" SERVICE, "f:1: unexpected {, an option's name should stand here\n"},
	{"service w {\nlisten = { 1.2.3.4:5, 1.2.3.4:6\nmode = off\n}\n",
	 "f:2: the list of \"listen\" is not closed, add a } at its end\n"},
	{"service w { listen = { 1.2.3.4:5 1.2.3.4:6 } }",
	 "f:1: a comma is missing before 1.2.3.4:6, add it\n"},
	{"service w { listen = 1.2.3.4:5, 1.2.3.4:6 }",
	 "f:1: unexpected , behind the value of \"listen\", write several values as { \"first\", \"second\" }\n"},
	{"service w { listen { 1.2.3.4:5 } }",
	 "f:1: \"listen\" lacks its \"=\", write listen = { \"192.0.2.10:80\" }\n"},
	{"log = \"info\n" SERVICE, "f:1: the string is not closed, add a \" at its end\n"},
	{"log = 'info\n" SERVICE, "f:1: the string is not closed, add a ' at its end\n"},
	{SERVICE "/* never\nclosed", "f:2: the comment is never closed, end it with */\n"},
	{"/* a comment\nof two lines */\nlog = x\n" SERVICE,
	 "f:3: log: \"x\" is not known, write err, warning, notice, info or debug\n"},
	{"state-dir = \"/a\\x41\"\n" SERVICE,
	 "f:1: backslashes have no meaning here, leave them out\n"},
	{"state-dir = \"${HOME}\"\n" SERVICE,
	 "f:1: environment variables are not expanded, write the value itself\n"},
	{"state-dir = ${HOME}\n" SERVICE,
	 "f:1: environment variables are not expanded, write the value itself\n"},
	/* values */
	{"workers = 17\n" SERVICE,
	 "f:1: workers: 17 is out of range, write a value from 0 to 16\n"},
	{"workers = many\n" SERVICE,
	 "f:1: workers: \"many\" is not a number, write it like 4096, 64k, 1M, "
	 "64Ki or 0x7c9d\n"},
	{"queue = 65536\n" SERVICE,
	 "f:1: queue: 65536 is out of range, write a value from 0 to 65535\n"},
	{"queue = 65531\nworkers = 2\n" SERVICE,
	 "f:1: queue: from 65531 on there are not three numbers up to 65535 for each of 2 workers, "
	 "write at most 65530\n"},
	{"mark = 0\n" SERVICE,
	 "f:1: mark: 0 is out of range, write a value from 1 to 4294967295\n"},
	{"max-flows = 255\n" SERVICE,
	 "f:1: max-flows: 255 is out of range, write a value from 256 to 16777214\n"},
	{"msl = 30\n" SERVICE,
	 "f:1: msl: \"30\" has no unit, write 30s if seconds are meant (us ms s m h d)\n"},
	{"cookie {\nrotate = 4s }\n" SERVICE,
	 "f:2: rotate: 4s is out of range, write a value from 5s to 5m\n"},
	{"cookie { rotate = 301s }\n" SERVICE,
	 "f:1: rotate: 301s is out of range, write a value from 5s to 5m\n"},
	{"fragments = keep\n" SERVICE,
	 "f:1: fragments: \"keep\" is not known, write pass or drop\n"},
	{"metrics = \"localhost:9464\"\n" SERVICE,
	 "f:1: metrics: \"localhost:9464\" is not an address with its port, write it like "
	 "\"127.0.0.1:9464\" or \"[::1]:9464\", or only the port\n"},
	{"control-socket = run/x\n" SERVICE,
	 "f:1: control-socket: \"run/x\" is not an absolute path, write one that starts with /\n"},
	{"control-socket = /0123456789012345678901234567890123456789012345678901234567890123456789"
	 "0123456789012345678901234567890123456\n" SERVICE,
	 "f:1: control-socket: the text is too long, it may have 107 characters\n"},
	{"control-group = \"no such\"\n" SERVICE,
	 "f:1: control-group: \"no such\" is not the name of a group, write one like adm\n"},
	{"control-group = no-such-group\n" SERVICE,
	 "f:1: control-group: there is no group \"no-such-group\", create it or name another\n"},
	{"service w { listen = 1.2.3.4:5 engine = termin }",
	 "f:1: engine: \"termin\" is not known, did you mean \"terminate\"? (relay or terminate)\n"},
	{"terminate { memory = 1M }\n" SERVICE,
	 "f:1: memory: 1M is out of range, write a value from 16777216 to 68719476736\n"},
	{"service w { listen = 1.2.3.4:5 keepalive { probes = 0 } }",
	 "f:1: probes: 0 is out of range, write a value from 1 to 100\n"},
	{"service w { listen = 1.2.3.4:5 mode = adaptiv }",
	 "f:1: mode: \"adaptiv\" is not known, did you mean \"adaptive\"? (off, monitor, adaptive or always)\n"},
	{"service w { listen = 1.2.3.4:5 relief = perhaps }",
	 "f:1: relief: \"perhaps\" is neither yes nor no, write one of them\n"},
	{"service w { listen = 1.2.3.4:5 relief = \"\" }",
	 "f:1: relief: \"\" is neither yes nor no, write one of them\n"},
	/* services */
	{"\nservice { listen = 1.2.3.4:5 mode = x }",
	 "f:2: the service has no name, write service \"web\" { ... }\n"
	 "f:2: mode: \"x\" is not known, write off, monitor, adaptive or always\n"},
	{"service \"\" { listen = 1.2.3.4:5 }",
	 "f:1: the service has no name, write service \"web\" { ... }\n"},
	{"service \"w\"\nlog = info",
	 "f:1: \"service\" lacks its braces, write service \"web\" { ... }\n"
	 "f:1: the service \"w\" listens nowhere, add listen = { \"192.0.2.10:80\" } with the server's address\n"},
	{"service \"a b\" { listen = 1.2.3.4:5 }",
	 "f:1: the service's name \"a b\" must begin with a letter or digit, use only letters, digits, and "
	 "- _ . behind it\n"},
	{"service a1234567890123456789012345678901 { listen = 1.2.3.4:5 }",
	 "f:1: the service's name \"a1234567890123456789012345678901...\" is too long, use at most 31 "
	 "characters\n"},
	{SERVICE "\nservice web { listen = 1.2.3.4:5 }",
	 "f:3: the service \"web\" is here twice (first on line 1), give one of them another name\n"},
	{"\nservice w {\n}\n",
	 "f:2: the service \"w\" listens nowhere, add listen = { \"192.0.2.10:80\" } with the server's address\n"},
	{"service w { listen = {} }",
	 "f:1: the list of \"listen\" is empty, write an address like \"192.0.2.10:80\"\n"},
	{"service w { listen = \"\" }",
	 "f:1: listen: \"\" lacks the address, write it like "
	 "\"192.0.2.10:80\" (in quotes when there is a comma in it)\n"},
	{"service w { listen = 1.2.3.4:5\nattack { start = 10 end = 10 } }",
	 "f:2: attack: end = 10 is not below start = 10, write end = 5\n"},
	{"service w { listen = 1.2.3.4:5 attack {\nend = 64 } }",
	 "f:2: attack: end = 64 is not below start = 64, write end = 32\n"},
	{"service w { listen = 1.2.3.4:5 attack { start = 1 } }",
	 "f:1: start: 1 is out of range, write a value from 2 to 16777214\n"},
	{"max-half-open = 256\nservice w { listen = 1.2.3.4:5 attack { start = 257 } }",
	 "f:2: attack: start = 257 can never be reached with max-half-open = 256, lower the one or raise "
	 "the other\n"},
	{"service a {\nlisten = 1.2.3.4:5-10\n}\nservice b {\nlisten = 1.2.3.4:10-20\n}\n",
	 "f:5: listen: \"1.2.3.4:10-20\" is guarded already by the service \"a\" (line 2), remove one of "
	 "them\n"},
	{"service a { listen = { 1.2.3.4:5,\n1.2.3.4:5 } }",
	 "f:2: listen: \"1.2.3.4:5\" is guarded already by line 1 of the same service, remove one of them\n"},
	{"on-attack = tell\n" SERVICE,
	 "f:1: on-attack: \"tell\" does not begin with the path of a file, write one like "
	 "\"/usr/local/sbin/on-attack\", or off\n"},
	{"on-attack = ''\n" SERVICE,
	 "f:1: on-attack: \"\" does not begin with the path of a file, write one like "
	 "\"/usr/local/sbin/on-attack\", or off\n"},
	{"on-attack-timeout = 1h\n" SERVICE,
	 "f:1: on-attack-timeout: 1h is out of range, write a value from 100ms to 5m\n"},
	{"deny = 203.0.113.7/24\n" SERVICE,
	 "f:1: deny: \"203.0.113.7/24\" has bits set behind its prefix, write 203.0.113.0/24\n"},
	{"deny = example.net\n" SERVICE,
	 "f:1: deny: \"example.net\" is not a prefix, write one like 203.0.113.0/24, 203.0.113.7 or "
	 "2001:db8::/32 (names are not looked up)\n"},
	{"allow = 10.0.0.0/33\n" SERVICE,
	 "f:1: allow: \"10.0.0.0/33\" has a wrong prefix length, it goes from 0 to 32\n"},
	{"allow = ::ffff:10.0.0.1\n" SERVICE,
	 "f:1: allow: \"::ffff:10.0.0.1\" is an IPv4 address in IPv6 dress, write it as 10.0.0.1\n"},
	{"allow = 10.0.0.0/8\ndeny = { 192.0.2.0/24,\n10.0.0.0/8 }\n" SERVICE,
	 "f:3: deny: \"10.0.0.0/8\" stands on line 1 already, remove one of them\n"},
	{"deny = {}\n" SERVICE,
	 "f:1: the list of \"deny\" is empty, write an address like \"203.0.113.0/24\"\n"},
	{"service a { listen = 1.2.3.4:5 limit { rate = 0/s } }",
	 "f:1: rate: 0/s is out of range, write a value from 1 to 1000000\n"},
	{"service a { listen = 1.2.3.4:5 limit { when = never } }",
	 "f:1: when: \"never\" is not known, write off, attack or always\n"},
	/* all at once, in the order of the lines */
	{"lgo = loud\n"
	 "service \"web\" {\n"
	 "	lisen = { \"0.0.0.0:80\",\n"
	 "		\"192.0.2.1/24:80\" }\n"
	 "	attack { start = 5 end = 7 hold = 5 }\n"
	 "	mode adaptive\n"
	 "}\n"
	 "servcie \"web\" { mode = on }\n",
	 "f:1: unknown option \"lgo\", did you mean \"log\"?\n"
	 "f:1: log: \"loud\" is not known, write err, warning, notice, info or debug\n"
	 "f:3: unknown option \"lisen\", did you mean \"listen\"?\n"
	 "f:3: listen: \"0.0.0.0:80\" is no server's address, name the server's own address, or write "
	 "\"0.0.0.0/0:PORT\" to guard this port of every address\n"
	 "f:4: listen: \"192.0.2.1/24:80\" has bits set behind its prefix, write 192.0.2.0/24:80\n"
	 "f:5: hold: \"5\" has no unit, write 5s if seconds are meant (us ms s m h d)\n"
	 "f:5: attack: end = 7 is not below start = 5, write end = 2\n"
	 "f:6: \"mode\" lacks its \"=\", write mode = VALUE\n"
	 "f:8: unknown option \"servcie\", did you mean \"service\"?\n"
	 "f:8: mode: \"on\" is not known, write off, monitor, adaptive or always\n"
	 "f:8: the service \"web\" is here twice (first on line 2), give one of them another name\n"
	 "f:8: the service \"web\" listens nowhere, add listen = { \"192.0.2.10:80\" } with the server's "
	 "address\n"},
};

START_TEST(errors_are_reported_with_line_and_advice)
{
	refused(wrong[_i].text, wrong[_i].errors);
}
END_TEST

/* command_of() - a file whose on-attack has @words words. */
static const char *command_of(int words)
{
	static char text[512];

	strcpy(text, "on-attack = \"/a");
	while (--words > 0)
		strcat(text, " b");
	return strcat(text, "\"\n" SERVICE);
}

START_TEST(a_command_has_so_many_words)
{
	char *errors;

	conf_free(load(command_of(CONF_COMMAND_WORDS_MAX)));
	errors = errors_of(command_of(CONF_COMMAND_WORDS_MAX + 1));
	ck_assert_ptr_nonnull(strstr(errors, "has more than 32 words"));
	free(errors);
}
END_TEST

START_TEST(an_unclosed_string_does_not_spoil_the_next_file)
{
	free(errors_of("log = \"info\n" SERVICE "state-dir = 'x"));
	conf_free(load(SERVICE));
	free(errors_of("/* never closed"));
	conf_free(load(SERVICE));
}
END_TEST

START_TEST(limits_hold)
{
	char *text = malloc(400000);
	size_t n = 0;
	struct conf *c;

	for (int i = 0; i < GUARD_SERVICES_MAX; i++)
		n += (size_t)sprintf(text + n, "service s%d { listen = 10.0.%d.1:1,2-3 }\n", i,
				     i % 256);
	/* an unquoted comma ends the value, so this must be refused in every line */
	free(errors_of(text));

	n = 0;
	for (int i = 0; i < GUARD_SERVICES_MAX; i++)
		n += (size_t)sprintf(text + n, "service s%d { listen = \"10.0.%d.1:1,3-4,6\" }\n",
				     i, i);
	c = load(text);
	ck_assert_uint_eq(c->guard.n_services, GUARD_SERVICES_MAX);
	ck_assert_uint_eq(c->guard.n_listens, 3 * GUARD_SERVICES_MAX);
	conf_free(c);
	round_trip(text);

	sprintf(text + n, "service over { listen = 1.2.3.4:5 }\nservice over2 { }\n");
	refused(text, "f:256: too many services, there may be 255: give one service several listen "
		      "addresses\n");

	n = (size_t)sprintf(text, "service a {\nlisten = {\n");
	for (int i = 0; i < GUARD_LISTENS_MAX; i++)
		n += (size_t)sprintf(text + n, "10.%d.%d.1:80,\n", i / 256, i % 256);
	strcpy(text + n, "}\n}\n");
	c = load(text);
	ck_assert_uint_eq(c->guard.n_listens, GUARD_LISTENS_MAX);
	conf_free(c);
	strcpy(text + n, "1.2.3.4:5, 1.2.3.4:6 }\n}\n");
	refused(text,
		"f:1027: listen: too many addresses and port ranges, there may be 1024 in the file: "
		"use ranges and prefixes\n");
	free(text);
}
END_TEST

START_TEST(endless_errors_are_counted)
{
	char *text = malloc(100000);
	char *errors;
	size_t n = 0;

	for (int i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "wrong-%d = %d\n", i, i);
	errors = errors_of(text);
	ck_assert_ptr_nonnull(strstr(errors, "f:100: "));
	ck_assert_ptr_null(strstr(errors, "f:101: "));
	ck_assert_ptr_nonnull(strstr(errors, "f: 900 more errors, correct these first\n"));
	free(errors);
	free(text);
}
END_TEST

START_TEST(hostile_text_is_refused)
{
	static const char binary[] = "\x7f"
				     "ELF\0\1\2\xff\xfe\x1b[2J{}{}{\0\0\"";
	struct text errors = {0};
	char *deep = malloc(CONF_FILE_MAX + 1);
	struct conf *c;

	ck_assert_int_eq(conf_parse(binary, sizeof(binary), "f", &c, collect, &errors), -EINVAL);
	ck_assert_ptr_nonnull(
		strstr(errors.buf, "f:1: byte 0x7f does not belong into a text file"));
	for (const char *p = errors.buf; *p != '\0'; p++)
		ck_assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
	free(errors.buf);

	/* braces, quotes, list signs and names without end */
	for (const char *p = "{}\"'=,ax+($"; *p != '\0'; p++) {
		memset(deep, *p, CONF_FILE_MAX);
		ck_assert_int_eq(conf_parse(deep, CONF_FILE_MAX, "f", &c, NULL, NULL), -EINVAL);
	}
	for (int i = 0; i < CONF_FILE_MAX; i += 8)
		memcpy(deep + i, "attack {", 8);
	ck_assert_int_eq(conf_parse(deep, CONF_FILE_MAX, "f", &c, NULL, NULL), -EINVAL);
	for (int i = 0; i < CONF_FILE_MAX; i += 8)
		memcpy(deep + i, "service{", 8);
	ck_assert_int_eq(conf_parse(deep, CONF_FILE_MAX, "f", &c, NULL, NULL), -EINVAL);
	ck_assert_int_eq(conf_parse(deep, CONF_FILE_MAX + 1, "f", &c, NULL, NULL), -EFBIG);
	free(deep);
}
END_TEST

/* random_text() - pieces of real configuration in no order. */
static size_t random_text(char *buf, size_t max)
{
	static const char *const pieces[] = {"service",
					     "\"web\"",
					     "{",
					     "}",
					     "=",
					     "+=",
					     ",",
					     "listen",
					     "192.0.2.1:80",
					     "\"[::1]:8,9\"",
					     "mode",
					     "off",
					     "attack",
					     "start",
					     "5",
					     "timeouts",
					     "cookie",
					     "rotate",
					     "15s",
					     "\n",
					     "# x\n",
					     "/*",
					     "*/",
					     "'",
					     "\"",
					     "zzz",
					     "log",
					     "info",
					     "${",
					     "\\",
					     "engine",
					     "lisen",
					     "\1",
					     "workers"};
	size_t n = 0;

	while (n + 20 < max) {
		const char *piece = pieces[(size_t)rand() % ARRAY_SIZE(pieces)];

		n += (size_t)sprintf(buf + n, "%s%s", piece, rand() % 4 ? " " : "");
	}
	return n;
}

START_TEST(random_text_is_survived)
{
	unsigned seed = (unsigned)_i * 7919 + 1;
	char buf[600];

	srand(seed);
	for (int i = 0; i < 500; i++) {
		struct text errors = {0};
		struct conf *c;
		size_t n = random_text(buf, (size_t)rand() % sizeof(buf));
		int ret = conf_parse(buf, n, "f", &c, collect, &errors);

		ck_assert_msg((ret == 0) == (errors.lines == 0) && (ret == 0) == (c != NULL),
			      "seed %u, round %d", seed, i);
		/* the scanner must leave nothing over which libconfuse stumbles */
		ck_assert_msg(errors.buf == NULL ||
				      strstr(errors.buf, "correct the syntax") == NULL,
			      "seed %u, round %d: %s\n%s", seed, i, errors.buf, buf);
		free(errors.buf);
		conf_free(c);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/errors");
	TCase *tc = tcase_create("conf");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_loop_test(tc, errors_are_reported_with_line_and_advice, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tc, a_command_has_so_many_words);
	tcase_add_test(tc, an_unclosed_string_does_not_spoil_the_next_file);
	tcase_add_test(tc, limits_hold);
	tcase_add_test(tc, endless_errors_are_counted);
	tcase_add_test(tc, hostile_text_is_refused);
	tcase_add_loop_test(tc, random_text_is_survived, 0, 8);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
