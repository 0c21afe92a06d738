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

#include "texts.h"

#ifndef EXAMPLE
#define EXAMPLE "etc/tcpguard.conf"
#endif

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
	ck_assert(c->repair_rules);
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
	"repair-rules = no\n"
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
	"terminate { connections = 1000 memory = 64Mi client-gaps = 1Mi }\n"
	"service web {\n"
	"	listen = {\"192.0.2.10:80,443\", \"[2001:db8::10]:443\",}\n"
	"	listen += { 203.0.113.0/24:8000-8100 }\n"
	"	mode = always\n"
	"	engine = terminate user-timeout = 1m stall-timeout = 2m\n"
	"	keepalive { idle = 2h interval = 1m probes = 3 }\n"
	"	attack { start = 1024 end = 512 hold = 90s }\n"
	"	refuse-when-down = no\n"
	"	allow = { \"[2001:db8:5::]/64\" } deny = 0.0.0.0/0\n"
	"	synack-limit = 50/s drop-fingerprint = yes\n"
	"	limit { when = attack rate = 20/s burst = 40 prefix4 = 32 prefix6 = 56 }\n"
	"	relief = off on-attack = /bin/page on-failure = open\n"
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

START_TEST(every_option_of_the_daemon_is_taken)
{
	char *text = right_full();
	struct conf *c = load(text);

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
	ck_assert(!c->repair_rules);
	ck_assert_uint_eq(c->mark, 0x10);
	ck_assert_int_eq(c->on_failure, CONF_ON_FAILURE_CLOSED);
	ck_assert(conf_fails_open(c, 0));
	ck_assert(!conf_fails_open(c, 1)); /* as it is said for all */
	ck_assert(!conf_fails_open(c, UINT32_MAX));
	ck_assert_int_eq(c->log_level, LOG_DEBUG);
	ck_assert_int_eq(c->log_target, CONF_LOG_TARGET_STDERR);
	ck_assert_uint_eq(c->on_attack_timeout, 3 * USEC_PER_SEC);
	ck_assert(c->kernel_set);
	conf_free(c);
	free(text);
}
END_TEST

START_TEST(every_option_of_the_core_is_taken)
{
	char *text = right_full();
	struct conf *c = load(text);

	ck_assert_uint_eq(c->max_flows, 1000000);
	ck_assert_uint_eq(c->max_half_open, 65536);
	ck_assert_int_eq(c->guard.fragments, GUARD_FRAGMENTS_DROP);
	ck_assert_uint_eq(c->guard.msl, 500000);
	ck_assert_uint_eq(c->guard.timeouts.syn_received, 1 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.syn_sent, 2 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.established, 180 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.half_closed, 4 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.closing, 5 * USEC_PER_SEC);
	ck_assert_uint_eq(c->guard.timeouts.reset, 60000);
	ck_assert_uint_eq(c->guard.cookie_rotate, 15 * USEC_PER_SEC);
	ck_assert_uint_eq(c->max_terminated, 1000);
	ck_assert_uint_eq(c->terminate_memory, 64 << 20);
	ck_assert_uint_eq(c->guard.client_gaps, 1 << 20);
	conf_free(c);
	free(text);
}
END_TEST

START_TEST(every_client_is_taken)
{
	char *text = right_full();
	struct conf *c = load(text);

	ck_assert_uint_eq(c->guard.n_clients, 5);
	ck_assert(c->guard.clients[0].allow && c->guard.clients[0].plen == 128);
	ck_assert(!c->guard.clients[1].allow && c->guard.clients[1].plen == 120);
	ck_assert(!c->guard.clients[2].allow && c->guard.clients[2].plen == 48);
	ck_assert_uint_eq(c->guard.clients[2].service, UINT16_MAX);
	ck_assert(c->guard.clients[3].allow && c->guard.clients[3].plen == 64);
	ck_assert_uint_eq(c->guard.clients[3].service, 0);
	ck_assert(!c->guard.clients[4].allow && c->guard.clients[4].plen == 96);
	conf_free(c);
	free(text);
}
END_TEST

START_TEST(every_option_of_a_service_is_taken)
{
	char *text = right_full();
	struct conf *c = load(text);
	const struct guard_service_config *web = &c->guard.service[0], *mail = &c->guard.service[1];

	ck_assert_str_eq(conf_on_attack(c, 0), "/bin/page");
	ck_assert_str_eq(conf_on_attack(c, 1), "/usr/local/bin/tell --to ops@example.net");
	ck_assert_uint_eq(web->synack_limit, 50);
	ck_assert(web->drop_fingerprint);
	ck_assert_int_eq(web->limit.when, GUARD_LIMIT_ATTACK);
	ck_assert_uint_eq(web->limit.rate, 20);
	ck_assert_uint_eq(web->limit.burst, 40);
	ck_assert_uint_eq(web->limit.prefix4, 32);
	ck_assert_uint_eq(web->limit.prefix6, 56);
	ck_assert_int_eq(mail->limit.when, GUARD_LIMIT_OFF);
	ck_assert_uint_eq(mail->synack_limit, 200);
	ck_assert_int_eq(web->engine, GUARD_ENGINE_TERMINATE);
	ck_assert_uint_eq(web->user_timeout, 60 * USEC_PER_SEC);
	ck_assert_uint_eq(web->stall_timeout, 120 * USEC_PER_SEC);
	ck_assert_uint_eq(web->keepalive.idle, 7200 * USEC_PER_SEC);
	ck_assert_uint_eq(web->keepalive.interval, 60 * USEC_PER_SEC);
	ck_assert_uint_eq(web->keepalive.probes, 3);
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

START_TEST(different_prefixes_may_nest)
{
	struct conf *c = load("service a { listen = { 203.0.113.0/24:80, \"[::]/0:80\" } }\n"
			      "service b { listen = { 203.0.113.7:80, 0.0.0.0/0:80 } }\n");

	ck_assert_uint_eq(c->guard.n_listens, 4);
	conf_free(c);
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
	ck_assert_ptr_nonnull(strstr(errors.buf, "it must be a regular file"));
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
	tcase_add_test(tc, every_option_of_the_daemon_is_taken);
	tcase_add_test(tc, every_option_of_the_core_is_taken);
	tcase_add_test(tc, every_client_is_taken);
	tcase_add_test(tc, every_option_of_a_service_is_taken);
	tcase_add_test(tc, what_is_shown_parses_to_the_same);
	tcase_add_test(tc, show_names_defaults);
	tcase_add_test(tc, a_service_may_have_no_command_of_its_own_or_none_at_all);
	tcase_add_test(tc, different_prefixes_may_nest);
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
