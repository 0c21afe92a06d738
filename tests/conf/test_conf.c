/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "conf/conf.h"

#ifndef EXAMPLE
#define EXAMPLE "etc/tcpguard.conf"
#endif

#define SERVICE "service \"web\" { listen = \"192.0.2.10:80\" }\n"

/* What was reported or printed, one line after the other. */
struct text {
	char *buf;
	size_t len, lines;
};

static void collect(void *arg, const char *line)
{
	struct text *t = arg;
	size_t n = strlen(line);

	ck_assert_uint_lt(n, CONF_LINE_MAX);
	ck_assert_ptr_null(strchr(line, '\n'));
	t->buf = realloc(t->buf, t->len + n + 2);
	memcpy(t->buf + t->len, line, n);
	strcpy(t->buf + t->len + n, "\n");
	t->len += n + 1;
	t->lines++;
}

/* load() - a configuration that must be right. */
static struct conf *load(const char *text)
{
	struct text errors = {0};
	struct conf *c;
	int ret = conf_parse(text, strlen(text), "f", &c, collect, &errors);

	ck_assert_msg(ret == 0, "%s", errors.buf);
	ck_assert_ptr_null(errors.buf);
	return c;
}

/* errors_of() - everything reported about a configuration that must be wrong; released with free(). */
static char *errors_of(const char *text)
{
	struct text errors = {0};
	struct conf *c = (struct conf *)text;

	ck_assert_int_eq(conf_parse(text, strlen(text), "f", &c, collect, &errors), -EINVAL);
	ck_assert_ptr_null(c);
	ck_assert_ptr_nonnull(errors.buf);
	return errors.buf;
}

/* refused() - @text gives exactly the lines @expected. */
static void refused(const char *text, const char *expected)
{
	char *errors = errors_of(text);

	ck_assert_str_eq(errors, expected);
	free(errors);
}

START_TEST(shortest_file_gets_defaults)
{
	struct conf *c = load("service \"web\" { listen = \"192.0.2.10:80\" }");
	struct guard_service_config s;
	struct guard_config *g = malloc(sizeof(*g));

	ck_assert_str_eq(c->path, "f");
	ck_assert_str_eq(c->control_socket, "/run/tcpguard/control.sock");
	ck_assert_str_eq(c->control_group, "");
	ck_assert_str_eq(c->state_dir, "/var/lib/tcpguard");
	ck_assert_str_eq(c->metrics, "off");
	ck_assert_ptr_null(conf_on_attack(c, 0));
	ck_assert_uint_eq(c->on_attack_timeout, 10 * USEC_PER_SEC);
	ck_assert(c->workers_auto);
	ck_assert_uint_ge(c->workers, 1);
	ck_assert_uint_le(c->workers, CONF_WORKERS_MAX);
	ck_assert_uint_eq(c->guard.workers, c->workers);
	ck_assert_uint_eq(c->queue, 100);
	ck_assert_int_eq(c->placement, CONF_PLACEMENT_AUTO);
	ck_assert_int_eq(c->firewall, CONF_FIREWALL_AUTO);
	ck_assert(c->anti_spoof);
	ck_assert_uint_eq(c->mark, 0x7c9d);
	ck_assert_int_eq(c->on_failure, CONF_ON_FAILURE_OPEN);
	ck_assert_uint_eq(c->max_flows, 262144);
	ck_assert_uint_eq(c->max_half_open, 65536);
	ck_assert_int_eq(c->log_level, LOG_INFO);
	ck_assert_int_eq(c->log_target, CONF_LOG_TARGET_AUTO);
	guard_config_defaults(g);
	ck_assert_mem_eq(&c->guard.timeouts, &g->timeouts, sizeof(g->timeouts));
	ck_assert_uint_eq(c->guard.cookie_rotate, g->cookie_rotate);
	guard_service_config_defaults(&s);
	strcpy(s.name, "web");
	ck_assert_uint_eq(c->guard.n_services, 1);
	ck_assert_mem_eq(&c->guard.service[0], &s, sizeof(s));
	ck_assert_uint_eq(c->guard.n_listens, 1);
	free(g);
	conf_free(c);
}
END_TEST

static const char full[] =
	"# everything, with comments of each kind\n"
	"control-socket = /tmp/guard.sock   // the socket\n"
	"control-group = adm\n"
	"state-dir = '/var/tmp/guard'\n"
	"workers = 4 queue = 200\n"
	"placement = gateway /* one\n"
	"  two */ firewall = iptables\n"
	"anti-spoof = no\n"
	"mark = 0x10\n"
	"on-failure = closed\n"
	"max-flows = 1M\r\n"
	"max-half-open = 64Ki\n"
	"log = debug\n"
	"log-target = stderr\n"
	"metrics = off\n"
	"on-attack = \"/usr/local/bin/tell --to ops@example.net\" on-attack-timeout = 3s\n"
	"fragments = drop\n"
	"kernel-set = yes allow = 198.51.100.7 deny = { \"203.0.113.0/24\", \"2001:db8:bad::/48\" }\n"
	"msl = 500ms\n"
	"timeouts { syn-received = 1s syn-sent = 2s established = 3m half-closed = 4h\n"
	"closing = 5s reset = 6ms0 }\n"
	"cookie { rotate = 15s }\n"
	"service web {\n"
	"	listen = {\"192.0.2.10:80,443\", \"[2001:db8::10]:443\",}\n"
	"	listen += { 203.0.113.0/24:8000-8100 }\n"
	"	mode = always\n"
	"	engine = relay\n"
	"	attack { start = 1024 end = 512 hold = 90s }\n"
	"	refuse-when-down = no\n"
	"	allow = { \"[2001:db8:5::]/64\" } deny = 0.0.0.0/0\n"
	"	synack-limit = 50/s drop-fingerprint = yes\n"
	"	limit { when = attack rate = 20/s burst = 40 prefix4 = 32 prefix6 = 56 }\n"
	"	relief = off on-attack = /bin/page\n"
	"}\n"
	"service 'mail-2.x' { listen = 192.0.2.11:25 mode = monitor attack { start = 10 } }\n";

/* right_full() - the text above without its one mistake; released with free(). */
static char *right_full(void)
{
	char *text = strdup(full);
	char *wrong = strstr(text, "6ms0");

	memcpy(wrong, "60ms", 4);
	return text;
}

START_TEST(every_option_is_taken)
{
	char *text = right_full();
	struct conf *c = load(text);
	const struct guard_service_config *web = &c->guard.service[0], *mail = &c->guard.service[1];

	ck_assert_str_eq(c->control_socket, "/tmp/guard.sock");
	ck_assert_str_eq(c->control_group, "adm");
	ck_assert_str_eq(c->state_dir, "/var/tmp/guard");
	ck_assert_uint_eq(c->workers, 4);
	ck_assert(!c->workers_auto);
	ck_assert_uint_eq(c->guard.workers, 4);
	ck_assert_uint_eq(c->queue, 200);
	ck_assert_int_eq(c->placement, CONF_PLACEMENT_GATEWAY);
	ck_assert_int_eq(c->firewall, CONF_FIREWALL_IPTABLES);
	ck_assert(!c->anti_spoof);
	ck_assert_uint_eq(c->mark, 0x10);
	ck_assert_int_eq(c->on_failure, CONF_ON_FAILURE_CLOSED);
	ck_assert_uint_eq(c->max_flows, 1000000);
	ck_assert_uint_eq(c->max_half_open, 65536);
	ck_assert_int_eq(c->log_level, LOG_DEBUG);
	ck_assert_int_eq(c->log_target, CONF_LOG_TARGET_STDERR);
	ck_assert_uint_eq(c->on_attack_timeout, 3 * USEC_PER_SEC);
	ck_assert_str_eq(conf_on_attack(c, 0), "/bin/page");
	ck_assert_str_eq(conf_on_attack(c, 1), "/usr/local/bin/tell --to ops@example.net");
	ck_assert_int_eq(c->guard.fragments, GUARD_FRAGMENTS_DROP);
	ck_assert(c->kernel_set);
	ck_assert_uint_eq(c->guard.n_clients, 5);
	ck_assert(c->guard.clients[0].allow && c->guard.clients[0].plen == 128);
	ck_assert(!c->guard.clients[1].allow && c->guard.clients[1].plen == 120);
	ck_assert(!c->guard.clients[2].allow && c->guard.clients[2].plen == 48);
	ck_assert_uint_eq(c->guard.clients[2].service, UINT16_MAX);
	ck_assert(c->guard.clients[3].allow && c->guard.clients[3].plen == 64);
	ck_assert_uint_eq(c->guard.clients[3].service, 0);
	ck_assert(!c->guard.clients[4].allow && c->guard.clients[4].plen == 96);
	ck_assert_uint_eq(c->guard.service[0].synack_limit, 50);
	ck_assert(c->guard.service[0].drop_fingerprint);
	ck_assert_int_eq(c->guard.service[0].limit.when, GUARD_LIMIT_ATTACK);
	ck_assert_uint_eq(c->guard.service[0].limit.rate, 20);
	ck_assert_uint_eq(c->guard.service[0].limit.burst, 40);
	ck_assert_uint_eq(c->guard.service[0].limit.prefix4, 32);
	ck_assert_uint_eq(c->guard.service[0].limit.prefix6, 56);
	ck_assert_int_eq(c->guard.service[1].limit.when, GUARD_LIMIT_OFF);
	ck_assert_uint_eq(c->guard.service[1].synack_limit, 200);
	ck_assert_uint_eq(c->guard.msl, 500000);
	ck_assert_uint_eq(c->guard.timeouts.syn_received, 1 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.syn_sent, 2 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.established, 180 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.half_closed, 4 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.closing, 5 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.reset, 60000);
	ck_assert_uint_eq(c->guard.cookie_rotate, 15 * USEC_PER_SEC);
	ck_assert_str_eq(web->name, "web");
	ck_assert_int_eq(web->mode, GUARD_MODE_ALWAYS);
	ck_assert_uint_eq(web->attack.start, 1024);
	ck_assert_uint_eq(web->attack.end, 512);
	ck_assert_uint_eq(web->attack.hold, 90 * USEC_PER_SEC);
	ck_assert(!web->refuse_when_down);
	ck_assert(!web->relief);
	ck_assert_str_eq(mail->name, "mail-2.x");
	ck_assert_int_eq(mail->mode, GUARD_MODE_MONITOR);
	ck_assert_uint_eq(mail->attack.start, 10);
	ck_assert_uint_eq(mail->attack.end, 5); /* half, where only start is given */
	ck_assert_uint_eq(c->guard.n_listens, 5);
	ck_assert_uint_eq(c->guard.listen[3].service, 0);
	ck_assert_uint_eq(c->guard.listen[3].port_high, 8100);
	ck_assert_uint_eq(c->guard.listen[4].service, 1);
	ck_assert_uint_eq(c->guard.listen[4].port_low, 25);
	conf_free(c);
	free(text);
}
END_TEST

static void round_trip(const char *text)
{
	struct text first = {0}, second = {0};
	struct conf *c = load(text), *again;

	conf_show(c, collect, &first);
	again = load(first.buf);
	conf_show(again, collect, &second);
	ck_assert_str_eq(first.buf, second.buf);
	ck_assert_mem_eq(&c->guard, &again->guard, sizeof(c->guard));
	ck_assert_mem_eq(c, again, sizeof(*c));
	free(first.buf);
	free(second.buf);
	conf_free(c);
	conf_free(again);
}

START_TEST(what_is_shown_parses_to_the_same)
{
	char *text = right_full();

	round_trip(SERVICE);
	round_trip(text);
	free(text);
}
END_TEST

START_TEST(show_names_defaults)
{
	struct text shown = {0};
	struct conf *c = load("workers = 1\n" SERVICE);

	conf_show(c, collect, &shown);
	ck_assert_ptr_nonnull(
		strstr(shown.buf, "control-socket = \"/run/tcpguard/control.sock\"\n"));
	ck_assert_ptr_nonnull(strstr(shown.buf, "workers = 1\n"));
	ck_assert_ptr_nonnull(strstr(shown.buf, "mark = 0x7c9d\n"));
	ck_assert_ptr_nonnull(strstr(shown.buf, "timeouts {\n\tsyn-received = 1m\n"));
	ck_assert_ptr_nonnull(
		strstr(shown.buf, "service \"web\" {\n\tlisten = {\n\t\t\"192.0.2.10:80\",\n"));
	ck_assert_ptr_nonnull(strstr(shown.buf, "\tattack {\n\t\tstart = 64\n\t\tend = 32\n"));
	free(shown.buf);
	conf_free(c);
}
END_TEST

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
	{"queue = 65533\nworkers = 2\n" SERVICE,
	 "f:1: queue: from 65533 on there are not two numbers up to 65535 for each of 2 workers, "
	 "write at most 65532\n"},
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
	{"service w { listen = 1.2.3.4:5 engine = terminate }",
	 "f:1: engine: \"terminate\" is not available yet in this version, use relay\n"},
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

START_TEST(a_service_may_have_no_command_of_its_own_or_none_at_all)
{
	struct conf *c = load("on-attack = /bin/page\n"
			      "service a { listen = 192.0.2.1:80 on-attack = off }\n"
			      "service b { listen = 192.0.2.2:80 on-attack = '' }\n");

	ck_assert_ptr_null(conf_on_attack(c, 0));
	ck_assert_str_eq(conf_on_attack(c, 1), "/bin/page");
	conf_free(c);
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

START_TEST(different_prefixes_may_nest)
{
	struct conf *c = load("service a { listen = { 203.0.113.0/24:80, \"[::]/0:80\" } }\n"
			      "service b { listen = { 203.0.113.7:80, 0.0.0.0/0:80 } }\n");

	ck_assert_uint_eq(c->guard.n_listens, 4);
	conf_free(c);
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

/* load_error() - what conf_load() says of @path. */
static int load_error(const char *path, struct text *errors)
{
	struct conf *c;
	int ret;

	free(errors->buf);
	*errors = (struct text){0};
	ret = conf_load(path, &c, collect, errors);
	ck_assert_ptr_null(c);
	ck_assert_uint_ge(errors->lines, 1);
	return ret;
}

START_TEST(files_are_read_or_refused)
{
	char dir[] = "/tmp/test_conf.XXXXXX";
	char path[64], expected[128];
	struct text errors = {0};
	struct conf *c;
	FILE *f;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.conf", dir);
	ck_assert_int_eq(load_error(path, &errors), -ENOENT);
	snprintf(expected, sizeof(expected),
		 "%s: No such file or directory, create it or name another with -c\n", path);
	ck_assert_str_eq(errors.buf, expected);
	ck_assert_int_eq(load_error(dir, &errors), -EISDIR);

	f = fopen(path, "w");
	fputs("service web {\n\tlisten = 1.2.3.4:5\n}", f); /* no final newline */
	fclose(f);
	ck_assert_int_eq(conf_load(path, &c, NULL, NULL), 0);
	ck_assert_str_eq(c->path, path);
	conf_free(c);

	ck_assert_int_eq(truncate(path, 2 * CONF_FILE_MAX), 0);
	ck_assert_int_eq(load_error(path, &errors), -EFBIG);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(load_error(path, &errors), -ENODATA);
	ck_assert_ptr_nonnull(strstr(errors.buf, "it is empty"));
	unlink(path);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(load_error(path, &errors), -EINVAL);
	unlink(path);
	ck_assert_int_eq(load_error("/dev/zero", &errors), -EINVAL);
	rmdir(dir);
	free(errors.buf);
}
END_TEST

START_TEST(unreadable_file_is_refused)
{
	char path[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(path);
	struct text errors = {0};
	int ret;

	ck_assert_int_eq(fchmod(fd, 0), 0);
	/* root reads everything; each test is a process of its own, so it may give that up */
	if (geteuid() == 0)
		ck_assert_int_eq(fchown(fd, 65534, 65534) | seteuid(65533), 0);
	ret = load_error(path, &errors);
	ck_assert_int_eq(seteuid(getuid()), 0);
	unlink(path);
	close(fd);
	ck_assert_int_eq(ret, -EACCES);
	ck_assert_ptr_nonnull(strstr(errors.buf, "run as root or make the file readable"));
	free(errors.buf);
}
END_TEST

START_TEST(options_change_at_run_time)
{
	struct conf *c = load("service web { listen = 1.2.3.4:5 }\n"
			      "service web.x { listen = 1.2.3.4:6 }\n");
	char why[200] = "";

	ck_assert_int_eq(conf_set(c, "log", "debug", why, sizeof(why)), 0);
	ck_assert_int_eq(c->log_level, LOG_DEBUG);
	ck_assert_int_eq(conf_set(c, "timeouts.established", "2h", why, sizeof(why)), 0);
	ck_assert_uint_eq(c->guard.timeouts.established, 7200 * USEC_PER_SEC);
	ck_assert_int_eq(conf_set(c, "web.mode", "always", why, sizeof(why)), 0);
	ck_assert_int_eq(c->guard.service[0].mode, GUARD_MODE_ALWAYS);
	ck_assert_int_eq(conf_set(c, "web.x.attack.start", "1k", why, sizeof(why)), 0);
	ck_assert_uint_eq(c->guard.service[1].attack.start, 1000);
	ck_assert_uint_eq(c->guard.service[0].attack.start, 64);
	ck_assert_str_eq(why, "");

	ck_assert_int_eq(conf_set(c, "web.attack.end", "64", why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(why, "attack: end = 64 is not below start = 64, write end = 32");
	ck_assert_uint_eq(c->guard.service[0].attack.end, 32);
	ck_assert_int_eq(conf_set(c, "msl", "30", why, sizeof(why)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "has no unit"));
	ck_assert_int_eq(conf_set(c, "queue", "3", why, sizeof(why)), -EPERM);
	ck_assert_int_eq(conf_set(c, "web.listen", "1.2.3.4:9", why, sizeof(why)), -EPERM);
	ck_assert_int_eq(conf_set(c, "service", "x", why, sizeof(why)), -EPERM);
	ck_assert_int_eq(conf_set(c, "mail.mode", "off", why, sizeof(why)), -ENOENT);
	ck_assert_int_eq(conf_set(c, "service.mode", "off", why, sizeof(why)), -ENOENT);
	ck_assert_int_eq(conf_set(c, "web.", "off", why, sizeof(why)), -ENOENT);
	ck_assert_int_eq(conf_set(c, "", "", why, sizeof(why)), -ENOENT);
	conf_free(c);
}
END_TEST

START_TEST(words_have_names)
{
	ck_assert_int_eq(conf_log_level_parse("warning"), LOG_WARNING);
	ck_assert_int_eq(conf_log_level_parse("loud"), -EINVAL);
	ck_assert_str_eq(conf_log_level_name(LOG_ERR), "err");
	ck_assert_str_eq(conf_log_level_name(LOG_DEBUG), "debug");
	ck_assert_str_eq(conf_log_level_name(LOG_EMERG), "unknown");
	ck_assert_str_eq(conf_placement_name(CONF_PLACEMENT_HOST), "host");
	ck_assert_str_eq(conf_firewall_name(CONF_FIREWALL_NONE), "none");
	ck_assert_str_eq(conf_on_failure_name(CONF_ON_FAILURE_CLOSED), "closed");
}
END_TEST

START_TEST(a_file_without_services_guards_nothing)
{
	static const char *const texts[] = {"", "# nothing yet\n", "log = info\n"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct conf *c = load(texts[i]);

		ck_assert_uint_eq(c->guard.n_services, 0);
		ck_assert_uint_eq(c->guard.n_listens, 0);
		conf_free(c);
	}
}
END_TEST

/* uncommented() - the example with its service; released with free(). */
static char *uncommented(void)
{
	FILE *f = fopen(EXAMPLE, "r");
	char *text = calloc(1, 65536), line[256];
	bool inside = false;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		inside = inside || strcmp(line, "#service \"web\" {\n") == 0;
		strcat(text, inside ? line + 1 : line);
		inside = inside && strcmp(line, "#}\n") != 0;
	}
	fclose(f);
	return text;
}

START_TEST(the_example_is_right)
{
	struct text errors = {0};
	struct conf *c;
	int ret = conf_load(EXAMPLE, &c, collect, &errors);
	char *text = uncommented();

	ck_assert_msg(ret == 0, "%s", errors.buf);
	ck_assert_uint_eq(c->guard.n_services, 0);
	conf_free(c);
	c = load(text);
	ck_assert_uint_eq(c->guard.n_services, 1);
	ck_assert_str_eq(c->guard.service[0].name, "web");
	conf_free(c);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf/conf");
	TCase *tc = tcase_create("conf");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, shortest_file_gets_defaults);
	tcase_add_test(tc, every_option_is_taken);
	tcase_add_test(tc, what_is_shown_parses_to_the_same);
	tcase_add_test(tc, show_names_defaults);
	tcase_add_loop_test(tc, errors_are_reported_with_line_and_advice, 0, ARRAY_SIZE(wrong));
	tcase_add_test(tc, a_service_may_have_no_command_of_its_own_or_none_at_all);
	tcase_add_test(tc, a_command_has_so_many_words);
	tcase_add_test(tc, an_unclosed_string_does_not_spoil_the_next_file);
	tcase_add_test(tc, different_prefixes_may_nest);
	tcase_add_test(tc, limits_hold);
	tcase_add_test(tc, endless_errors_are_counted);
	tcase_add_test(tc, hostile_text_is_refused);
	tcase_add_loop_test(tc, random_text_is_survived, 0, 8);
	tcase_add_test(tc, files_are_read_or_refused);
	tcase_add_test(tc, unreadable_file_is_refused);
	tcase_add_test(tc, options_change_at_run_time);
	tcase_add_test(tc, words_have_names);
	tcase_add_test(tc, a_file_without_services_guards_nothing);
	tcase_add_test(tc, the_example_is_right);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
