/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each command answers. */
#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* expect_service() - @request is answered by one row, of the service called @name. */
static void expect_service(const char *request, const char *name)
{
	struct reply r = ask(request);
	json_t *j;

	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "service"), name);
	json_decref(j);
	free(r.text);
}

START_TEST(status_adds_the_workers_up)
{
	struct reply r;
	json_t *j, *workers;

	start(2, 10, NULL);
	fake.worker[1].state = GUARD_ATTACK;
	r = ask("status");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	ck_assert_int_eq(number(j, "uptime_ms"), 60000);
	ck_assert_int_eq(number(j, "flows"), 20);
	ck_assert_int_eq(number(j, "flows_max"), 2000000);
	ck_assert_int_eq(number(j, "half_open"), 21);
	ck_assert_int_eq(number(j, "resident_bytes"), 15 << 20);
	ck_assert_int_eq(number(j, "arena_bytes"), 2 << 20);
	ck_assert_str_eq(string(j, "firewall"), "iptables");
	ck_assert_int_eq(number(j, "forged"), 12);
	ck_assert_str_eq(string(j, "rules_missing"), "");
	ck_assert_int_eq(number(j, "rules_repaired"), 3);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(j, "attacked"), 0)),
			 "web");
	workers = json_object_get(j, "workers");
	ck_assert_uint_eq(json_array_size(workers), 2);
	ck_assert_int_eq(number(json_array_get(workers, 1), "packets"), 2000);
	ck_assert_int_eq(number(json_array_get(workers, 1), "queue"), 101);
#define WORKER_COUNTER(name, text) \
	ck_assert(json_is_integer(json_object_get(json_array_get(workers, 1), #name)));
#include "ctl/worker.def"
#undef WORKER_COUNTER
	ck_assert_int_eq(number(json_array_get(workers, 0), "oversize"), 7);
	ck_assert_int_eq(number(json_array_get(workers, 0), "inject_refused"), 3);
	ck_assert_int_eq(number(json_array_get(workers, 1), "cpu_ms"), 2500);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(stats_are_sums_and_the_worst_state)
{
	static const char *const keys[] = {
		"half_open",   "half_open_peak", "cookies_in_flight", "flows",
		"spliced_now", "syn_rate",	 "deficit",	      "baseline",
		"time_wait",   "state_ms",	 "attack_start",      "attack_end",
#define COUNTER(name, text) #name,
#include "core/counters.def"
#undef COUNTER
	};
	struct reply r;
	json_t *j;

	start(3, 10, NULL);
	fake.worker[1].state = GUARD_ATTACK; /* for 2 s */
	fake.worker[2].state = GUARD_ATTACK; /* for 3 s */
	r = ask("stats web");
	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		number(j, keys[i]);
	ck_assert_str_eq(string(j, "service"), "web");
	ck_assert_str_eq(string(j, "mode"), "adaptive");
	ck_assert_str_eq(string(j, "engine"), "relay");
	ck_assert_str_eq(string(j, "state"), "attack");
	ck_assert_int_eq(number(j, "state_ms"), 3000);
	ck_assert_int_eq(number(j, "half_open"), 5 + 6 + 7);
	ck_assert_int_eq(number(j, "attack_start"), 32);
	ck_assert_int_eq(number(j, "packets_in"), 3000);
	json_decref(j);
	free(r.text);
	r = ask("stats");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "state"), "calm");
	ck_assert_int_eq(number(j, "state_ms"), 1000); /* since the last worker became calm */
	json_decref(j);
	free(r.text);
	expect_last("stats nobody", "error: there is no service \"nobody\"");
	expect_service("stats [2001:db8::10]:443", "web");
	expect_service("services 203.0.113.77:26", "mail");
	expect_last("stats 203.0.113.77:27", "error: no service guards 203.0.113.77:27: ");
	expect_last("services [2001:db8::11]:443", "error: no service guards [2001:db8::11]:443: ");
	expect_last("stats 203.0.113.77:", "error: there is no service \"203.0.113.77:\"");
	expect_last("stats 203.0.113.77:65536", "error: there is no service");
	expect_last("stats [203.0.113.77]:25", "error: there is no service");
	expect_last("stats 2001:db8::10:443", "error: there is no service");
	expect_last("stats ::", "error: there is no service");
	stop();
}
END_TEST

START_TEST(rules_are_listed_in_pieces)
{
	struct reply r;
	json_t *j;

	start(2, 0, NULL);
	fake.n_rules = 4096;
	r = ask("rules");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 4096);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "action"), "allow");
	ck_assert_str_eq(string(j, "prefix"), "10.0.0.0/24");
	ck_assert_str_eq(string(j, "from"), "file");
	ck_assert(json_is_null(json_object_get(j, "service")));
	ck_assert(json_is_null(json_object_get(j, "until_ms")));
	ck_assert(json_is_null(json_object_get(j, "packets_kernel")));
	ck_assert(json_is_false(json_object_get(j, "active")));
	json_decref(j);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "action"), "deny");
	ck_assert_str_eq(string(j, "prefix"), "10.0.1.0");
	ck_assert_str_eq(string(j, "service"), "web");
	ck_assert_int_eq(number(j, "left_ms"), 5000);
	ck_assert_int_eq(number(j, "packets"), 1);
	ck_assert_int_eq(number(j, "packets_kernel"), 7);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(lists_of_clients_are_changed)
{
	static const struct {
		const char *request, *rule;
	} good[] = {
		{"deny 203.0.113.0/24", "deny 203.0.113.0/24 for ever of all"},
		{"deny 203.0.113.0/24 for 1h", "deny 203.0.113.0/24 for 1h of all"},
		{"allow ::1 service web for 5m", "allow ::1 for 5m of web"},
		{"deny ::1 service [2001:db8::10]:443", "deny ::1 for ever of web"},
		{"undeny ::1 service 203.0.113.77:26", "undeny ::1 for ever of mail"},
		{"undeny 10.0.0.1 service gone", "undeny 10.0.0.1 for ever of gone"},
		{"unallow 10.0.0.1", "unallow 10.0.0.1 for ever of all"},
	};
	static const char *const bad[] = {
		"deny 10.0.0.1 for",
		"deny 10.0.0.1 since 1h",
		"deny 10.0.0.1 for 1h for 2h",
		"undeny 10.0.0.1 for 1h",
		"allow 10.0.0.1 service web service web",
	};
	struct reply r;

	start(1, 0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		expect_last(good[i].request, "ok");
		ck_assert_str_eq(fake.rule, good[i].rule);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_last(bad[i], "error: usage: ");
	expect_last("deny 10.0.0.1 service nobody", "error: there is no service \"nobody\"");
	fake.rule_result = 1;
	r = ask("deny 10.0.0.1");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 1);
	free(r.text);
	fake.rule_result = -EINVAL;
	expect_last("deny 10.0.0.1", "error: the disk is full");
	stop();
}
END_TEST

START_TEST(services_show_their_listens)
{
	struct reply r;
	json_t *j, *l;

	start(1, 0, NULL);
	r = ask("services");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 0);
	l = json_object_get(j, "listen");
	ck_assert_uint_eq(json_array_size(l), 3);
	ck_assert_str_eq(json_string_value(json_array_get(l, 0)), "192.0.2.10:80");
	ck_assert_str_eq(json_string_value(json_array_get(l, 2)), "[2001:db8::10]:443");
	json_decref(j);
	j = row(&r, 1);
	l = json_object_get(j, "listen");
	ck_assert_str_eq(json_string_value(json_array_get(l, 0)), "203.0.113.0/24:25-26");
	ck_assert_str_eq(json_string_value(json_array_get(l, 1)), "[2001:db8:1::]/64:25");
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(backends_are_shown_once_the_freshest)
{
	struct reply r;
	json_t *j;

	start(3, 0, NULL);
	r = ask("backends");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, FAKE_BACKENDS);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "server"), "192.0.2.0:80");
	ck_assert_str_eq(string(j, "state"), "up"); /* only the stale worker thinks it down */
	ck_assert_int_eq(number(j, "age_ms"), 8000);
	ck_assert(json_is_true(json_object_get(j, "learned")));
	ck_assert_int_eq(number(j, "mss"), 1460);
	ck_assert(json_is_null(json_object_get(j, "wscale")));
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(backends_that_never_answered_are_unknown)
{
	struct reply r;
	json_t *j;

	start(3, 0, NULL);
	r = ask("backends");
	j = row(&r, FAKE_BACKENDS - 1);
	ck_assert_str_eq(string(j, "state"), "unknown");
	ck_assert(json_is_false(json_object_get(j, "learned")));
	ck_assert(json_is_null(json_object_get(j, "mss")));
	ck_assert(json_is_null(json_object_get(j, "sack")));
	ck_assert(json_is_null(json_object_get(j, "ttl")));
	json_decref(j);
	j = row(&r, FAKE_BACKENDS - 2);
	ck_assert_str_eq(string(j, "state"), "up");
	ck_assert_int_eq(number(j, "age_ms"), 8000);
	ck_assert_int_eq(number(j, "mss"), 1460); /* another worker has learned it */
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(drops_help_version_answer)
{
	struct reply r;
	json_t *j;

	start(2, 0, NULL);
	r = ask("drops");
	ck_assert_uint_eq(r.rows, GUARD_DROP_COUNT - 1);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "reason"), "answered");
	ck_assert_int_eq(number(j, "count"), 201);
	string(j, "text");
	json_decref(j);
	free(r.text);
	r = ask("version");
	j = row(&r, 0);
	string(j, "version");
	json_decref(j);
	free(r.text);
	r = ask("help");
	ck_assert_uint_eq(r.rows, 23);
	free(r.text);
	stop();
}
END_TEST

START_TEST(conns_have_every_documented_key)
{
	struct reply r;
	json_t *j;

	start(2, 5, NULL);
	r = ask("conns");
	ck_assert_uint_eq(r.rows, 10);
	j = row(&r, 0); /* a half-open: no timer */
	ck_assert_str_eq(string(j, "id"), "0:2147483648");
	ck_assert_str_eq(string(j, "engine"), "half-open");
	ck_assert(json_is_null(json_object_get(j, "timer")));
	ck_assert(json_is_null(json_object_get(j, "timer_ms")));
	json_decref(j);
	j = row(&r, 9);
	ck_assert_str_eq(string(j, "id"), "1:2147483652");
	ck_assert_str_eq(string(j, "proto"), "tcp6");
	ck_assert_str_eq(string(j, "client"), "[2001:db8::4]:1028");
	ck_assert_str_eq(string(j, "server"), "[2001:db8::10]:443");
	ck_assert_str_eq(string(j, "client_state"), "CLOSE");
	ck_assert_str_eq(string(j, "server_state"), "SYN_RECV");
	ck_assert_str_eq(string(j, "service"), "mail");
	ck_assert_int_eq(number(j, "age_ms"), 5);
	ck_assert_int_eq(number(j, "idle_ms"), 0);
	ck_assert_int_eq(number(j, "bytes_in"), 4);
	ck_assert_int_eq(number(j, "bytes_out"), 8);
	ck_assert_int_eq(number(j, "recv_q"), 1);
	ck_assert_int_eq(number(j, "send_q"), 1);
	json_decref(j);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "timer"), "idle");
	ck_assert_int_eq(number(j, "timer_ms"), 5000);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(ends_have_every_documented_key)
{
	static const char *const keys[] = {"recv_q",   "send_q",    "timer_ms",	   "rto_ms",
					   "srtt_us",  "rttvar_us", "mss",	   "cwnd",
					   "ssthresh", "in_flight", "retransmits", "snd_wnd",
					   "rcv_wnd",  "snd_wscale"};
	struct reply r;
	json_t *j;

	start(1, 5, NULL);
	r = ask("ends");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "id"), "0:3");
	ck_assert_str_eq(string(j, "toward"), "client");
	ck_assert_str_eq(string(j, "state"), "ESTABLISHED");
	ck_assert_str_eq(string(j, "local"), "192.0.2.10:80");
	ck_assert_str_eq(string(j, "peer"), "10.0.0.3:1027");
	ck_assert_str_eq(string(j, "timer"), "probe");
	for (int i = 0; i < (int)ARRAY_SIZE(keys); i++)
		ck_assert_msg(number(j, keys[i]) == i + 1, "%s is %d", keys[i],
			      (int)number(j, keys[i]));
	ck_assert_int_eq(number(j, "rcv_wscale"), 1);
	ck_assert(json_is_true(json_object_get(j, "wscale")));
	ck_assert(json_is_true(json_object_get(j, "sack")));
	ck_assert(json_is_false(json_object_get(j, "timestamps")));
	ck_assert(json_is_false(json_object_get(j, "ecn")));
	json_decref(j);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "toward"), "server");
	ck_assert_str_eq(string(j, "state"), "CLOSE_WAIT");
	ck_assert_str_eq(string(j, "local"), "10.0.0.3:1027");
	ck_assert_str_eq(string(j, "peer"), "192.0.2.10:80");
	ck_assert_int_eq(number(j, "recv_q"), 21);
	ck_assert_int_eq(number(j, "send_q"), 22);
	ck_assert(json_is_null(json_object_get(j, "timer")));
	ck_assert(json_is_null(json_object_get(j, "timer_ms")));
	ck_assert(json_is_true(json_object_get(j, "timestamps")));
	ck_assert(json_is_true(json_object_get(j, "ecn")));
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(netstat_begins_with_the_listens)
{
	struct reply r;
	json_t *j;

	start(1, 2, NULL);
	r = ask("netstat");
	ck_assert_uint_eq(r.rows, 5 + 2);
	j = row(&r, 2);
	ck_assert_str_eq(string(j, "proto"), "tcp6");
	ck_assert_str_eq(string(j, "state"), "LISTEN");
	ck_assert_str_eq(string(j, "local"), "[2001:db8::10]:443");
	ck_assert_str_eq(string(j, "foreign"), "[::]:*");
	json_decref(j);
	j = row(&r, 5); /* the client half is closed: the server half's state counts */
	ck_assert_str_eq(string(j, "state"), "SYN_RECV");
	ck_assert_str_eq(string(j, "local"), "192.0.2.10:80");
	ck_assert_str_eq(string(j, "foreign"), "10.0.0.0:1024");
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

static size_t rows_of(const char *request)
{
	struct reply r = ask(request);

	ck_assert_msg(strcmp(r.last, "ok") == 0, "%s: %s", request, r.last);
	free(r.text);
	return r.rows;
}

START_TEST(filters_choose_flows)
{
	start(1, 1000, NULL);
	ck_assert_uint_eq(rows_of("conns"), 1000);
	ck_assert_uint_eq(rows_of("conns --state SYN_RECV"), 250);
	ck_assert_uint_eq(rows_of("conns --state=syn-received,established"), 1000);
	ck_assert_uint_eq(rows_of("conns --engine half-open,relay"), 750);
	ck_assert_uint_eq(rows_of("conns --service mail"), 200);
	ck_assert_uint_eq(rows_of("conns --src 10.0.0.0/24"), 256 - 51);
	ck_assert_uint_eq(rows_of("conns --src 10.0.0.1"), 1);
	ck_assert_uint_eq(rows_of("conns --src 2001:db8::/32"), 200);
	ck_assert_uint_eq(rows_of("conns --src 0.0.0.0/0"), 800);
	ck_assert_uint_eq(rows_of("conns --src ::/0"), 1000); /* IPv4 is mapped */
	ck_assert_uint_eq(rows_of("conns --service web --engine passed --state ESTABLISHED"), 200);
	ck_assert_uint_eq(rows_of("netstat --state LISTEN"), 5);
	ck_assert_uint_eq(rows_of("netstat --state SYN_RECV"), 250);
	ck_assert_uint_eq(rows_of("netstat --state CLOSE"), 0);
	ck_assert_uint_eq(rows_of("conns --state CLOSE"), 250);
	ck_assert_uint_eq(rows_of("netstat --service mail"), 2 + 200);
	expect_last("conns --state FOO", "error: unknown state \"FOO\"; use");
	expect_last("conns --state \"\"", "error: unknown state \"\"");
	expect_last("conns --engine x",
		    "error: unknown engine \"x\"; use half-open, passed, relay");
	expect_last("conns --service x", "error: there is no service \"x\"");
	expect_last("conns --src 10.0.0.0/33", "error: \"10.0.0.0/33\" is no prefix");
	expect_last("conns --src 10.0.0.0/", "error: \"10.0.0.0/\" is no prefix");
	expect_last("conns --src 10.0.0.0/+8", "error: \"10.0.0.0/+8\" is no prefix");
	expect_last("conns --src x", "error: \"x\" is no prefix");
	expect_last("conns --src", "error: --src needs a value");
	expect_last("conns --stateful x", "error: unknown filter");
	stop();
}
END_TEST

START_TEST(changes_reach_every_worker)
{
	start(2, 10, NULL);
	expect_last("mode mail always", "ok");
	ck_assert_int_eq(fake.worker[0].mode[1], GUARD_MODE_ALWAYS);
	ck_assert_int_eq(fake.worker[1].mode[1], GUARD_MODE_ALWAYS);
	ck_assert_int_eq(fake.worker[1].mode[0], GUARD_MODE_ADAPTIVE);
	expect_last("mode mail sometimes", "error: unknown mode \"sometimes\"");
	expect_last("mode nobody off", "error: there is no service");
	expect_last("mode mail", "error: usage: mode SERVICE MODE");
	expect_last("kill 1:3", "ok");
	ck_assert_uint_eq(fake.worker[1].killed, 3);
	ck_assert_uint_eq(fake.worker[0].killed, 0);
	expect_last("kill 1:2147483652", "ok");
	expect_last("kill 1:11", "error: there is no flow 1:11");
	expect_last("kill 2:1", "error: there is no worker 2");
	expect_last("kill 1", "error: \"1\" is no flow");
	expect_last("kill 0:-1", "error: \"0:-1\" is no flow");
	expect_last("kill 0:99999999999", "error: \"0:99999999999\" is no flow");
	expect_last("set msl \"10 s\"", "ok");
	ck_assert_str_eq(fake.set, "msl=10 s");
	expect_last("set x 1", "error: there is no option \"x\"");
	expect_last("log debug", "ok");
	ck_assert_str_eq(fake.level, "debug");
	expect_last("log loud", "error: unknown level \"loud\"");
	stop();
}
END_TEST

START_TEST(configuration_is_shown_checked_and_loaded)
{
	struct reply r;
	json_t *j;

	start(1, 0, NULL);
	r = ask("config show");
	ck_assert_uint_eq(r.rows, 3);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "line"), "\tmode = adaptive");
	json_decref(j);
	free(r.text);
	expect_last("config check", "ok");
	ck_assert_uint_eq(fake.reloads, 0);
	expect_last("config reload", "ok");
	ck_assert_uint_eq(fake.reloads, 1);
	fake.problems = 2;
	r = ask("config reload");
	ck_assert_uint_eq(r.rows, 2);
	ck_assert_str_eq(r.last, "error: /etc/tcpguard/tcpguard.conf has 2 errors; the old "
				 "configuration stays in force");
	j = row(&r, 0);
	ck_assert_str_eq(string(j, "problem"), "tcpguard.conf:3: unknown option \"x\"; remove it");
	json_decref(j);
	free(r.text);
	expect_last("config", "error: usage: config");
	expect_last("config eat", "error: usage: config");
	stop();
}
END_TEST

START_TEST(a_dead_worker_is_named)
{
	start(2, 10, NULL);
	fake.dead_worker = 1;
	expect_last("status", "error: worker 1 does not answer");
	expect_last("stats", "error: worker 1 does not answer");
	expect_last("conns", "error: worker 1 does not answer");
	expect_last("events", "error: worker 1 does not answer");
	expect_last("backends", "error: worker 1 does not answer");
	expect_last("mode web off", "error: worker 1 does not answer");
	expect_last("version", "ok");
	stop();
}
END_TEST

void add_answers(Suite *s)
{
	TCase *tc = new_case(s, "answers");

	tcase_add_test(tc, status_adds_the_workers_up);
	tcase_add_test(tc, stats_are_sums_and_the_worst_state);
	tcase_add_test(tc, rules_are_listed_in_pieces);
	tcase_add_test(tc, lists_of_clients_are_changed);
	tcase_add_test(tc, services_show_their_listens);
	tcase_add_test(tc, backends_are_shown_once_the_freshest);
	tcase_add_test(tc, backends_that_never_answered_are_unknown);
	tcase_add_test(tc, drops_help_version_answer);
	tcase_add_test(tc, conns_have_every_documented_key);
	tcase_add_test(tc, ends_have_every_documented_key);
	tcase_add_test(tc, netstat_begins_with_the_listens);
	tcase_add_test(tc, filters_choose_flows);
	tcase_add_test(tc, changes_reach_every_worker);
	tcase_add_test(tc, configuration_is_shown_checked_and_loaded);
	tcase_add_test(tc, a_dead_worker_is_named);
}
