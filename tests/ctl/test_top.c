/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the live screen is drawn from: charts of a minute, and figures made of the daemon's rows. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpguardctl/top_model.h"

static uint8_t level[CHART_SECONDS];

/* ---- charts ---- */

START_TEST(a_chart_holds_a_minute)
{
	struct chart c = {0};

	ck_assert_uint_eq(chart_max(&c), 0);
	chart_levels(&c, 60, 8, level);
	ck_assert_int_eq(level[59], 0);
	for (uint64_t t = 100; t < 200; t++)
		chart_add(&c, t * 1000, t * 1000 + 1000, t);
	ck_assert_uint_eq(c.first, 140);
	ck_assert_uint_eq(c.end, 200);
	ck_assert_uint_eq(chart_max(&c), 199);
	chart_levels(&c, 60, 8, level);
	ck_assert_int_eq(level[59], 8);
	ck_assert_int_gt(level[0], 1);
	ck_assert_int_lt(level[0], 8);
}
END_TEST

START_TEST(intervals_of_about_a_second_leave_no_gaps)
{
	struct chart c = {0};
	uint64_t at = 5000, next;

	srand(7);
	for (int i = 0; i < 1000; i++, at = next) {
		next = at + 950 + (uint64_t)rand() % 100;
		chart_add(&c, at, next, 100);
		chart_levels(&c, 60, 8, level);
		for (int k = i < 60 ? 59 - i * 9 / 10 : 0; k < 60; k++)
			ck_assert_msg(level[k] == 8, "round %d, column %d: %d", i, k, level[k]);
	}
}
END_TEST

START_TEST(short_and_long_intervals)
{
	struct chart c = {0};

	for (uint64_t at = 0; at < 10000; at += 100)
		chart_add(&c, at, at + 100, at == 5200 ? 50 : 10);
	ck_assert_uint_eq(chart_max(&c), 50); /* a peak of a tenth of a second is not lost */
	chart_add(&c, 10000, 40000, 20);
	chart_levels(&c, 60, 8, level);
	ck_assert_int_eq(level[59], level[30]);
	ck_assert_int_gt(level[30], level[29]);
	chart_add(&c, 40000, 400000, 1); /* longer than a minute */
	ck_assert_uint_eq(c.end - c.first, 60);
	ck_assert_uint_eq(chart_max(&c), 1);
	chart_add(&c, 500000, 501000, 1); /* what was between is not known */
	ck_assert_uint_eq(c.end - c.first, 1);
	chart_add(&c, 501000, 501000, 9); /* no time has passed */
	chart_add(&c, 501000, 400000, 9);
	ck_assert_uint_eq(chart_max(&c), 1);
}
END_TEST

START_TEST(columns_show_their_largest)
{
	struct chart c = {0};

	for (uint64_t t = 0; t < 60; t++)
		chart_add(&c, t * 1000, t * 1000 + 1000, t == 33 ? 1000 : t < 30 ? 0 : 1);
	chart_levels(&c, 10, 24, level);
	ck_assert_int_eq(level[4], 1); /* zero */
	ck_assert_int_eq(level[5], 24);
	ck_assert_int_eq(level[6], 2); /* a little is more than nothing */
	ck_assert_str_eq(chart_glyph(24, 2, true), "█");
	ck_assert_str_eq(chart_glyph(2, 0, true), "▂");
	ck_assert_str_eq(chart_glyph(2, 1, true), " ");
	ck_assert_str_eq(chart_glyph(24, 0, false), "#");
	chart_levels(&c, 0, 8, level);
	chart_levels(&c, 7, 8, level); /* does not divide a minute */
	ck_assert_int_eq(level[6], 2);
}
END_TEST

/* ---- the model ---- */

static struct top_model model;

static void feed(void (*take)(struct top_model *m, const json_t *row), const char *text)
{
	json_t *row = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(row);
	take(&model, row);
	json_decref(row);
}

static void status(uint64_t uptime_ms)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"version\":\"1\",\"uptime_ms\":%llu,\"workers\":[{\"cpu_ms\":%llu}]}",
		 (unsigned long long)uptime_ms, (unsigned long long)uptime_ms / 4);
	feed(top_model_status, text);
}

static void service(const char *name, const char *state, uint64_t syns)
{
	char text[256];

	snprintf(text, sizeof(text), "{\"service\":\"%s\",\"state\":\"%s\",\"syn_received\":%llu}",
		 name, state, (unsigned long long)syns);
	feed(top_model_service, text);
}

static void begin(void)
{
	ck_assert_int_eq(top_model_init(&model), 0);
}

static void end(void)
{
	top_model_free(&model);
}

START_TEST(rates_are_by_the_daemons_clock)
{
	status(10000);
	service("web", "calm", 1000);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 0);
	status(12000);
	service("web", "calm", 1500);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 250);
	ck_assert_uint_eq(model.worker[0].cpu_permille, 250);
	status(13000); /* an answer that broke off behind the status */
	status(14000);
	service("web", "calm", 1700);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 100);
	status(14000); /* no time has passed */
	service("web", "calm", 1800);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 0);
	status(15000); /* and the counters were read half a second later */
	feed(top_model_service, "{\"service\":\"web\",\"uptime_ms\":15500,\"syn_received\":3300}");
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 1000);
}
END_TEST

START_TEST(another_daemon_begins_at_zero)
{
	status(10000);
	service("web", "attack", 1000000);
	top_model_end(&model);
	status(100);
	service("web", "calm", 5);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 0);
	status(1100);
	service("web", "calm", 10);
	top_model_end(&model);
	ck_assert_uint_eq(model.service[0].rate[TOP_SYN], 5);
	ck_assert_uint_eq(chart_max(&model.service[0].chart[TOP_SYN]), 5);
}
END_TEST

START_TEST(the_worst_stands_first)
{
	static const char *const wanted[] = {"c", "f", "b", "e", "a", "d"};

	status(1000);
	service("a", "calm", 0);
	service("b", "suspect", 0);
	service("c", "attack", 0);
	service("d", "unheard-of", 0);
	service("e", "recovering", 0);
	service("f", "attack", 0);
	top_model_end(&model);
	for (int i = 0; i < 6; i++)
		ck_assert_str_eq(model.service[model.order[i]].name, wanted[i]);
	status(2000);
	service("e", "calm", 0);
	service("a", "calm", 0);
	top_model_end(&model);
	ck_assert_int_eq(model.n_services, 2);
	ck_assert_str_eq(model.service[model.order[0]].name, "a");
}
END_TEST

START_TEST(there_may_be_too_much)
{
	char name[16];

	status(1000);
	for (int i = 0; i < TOP_SERVICES_MAX + 10; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		service(name, "calm", 0);
	}
	for (int i = 0; i < 3 * TOP_EVENTS_MAX; i++) {
		snprintf(name, sizeof(name), "{\"text\":\"%d\"}", i);
		feed(top_model_event, name);
	}
	top_model_end(&model);
	ck_assert_int_eq(model.n_services, TOP_SERVICES_MAX);
	ck_assert_int_eq(model.n_events, TOP_EVENTS_MAX);
	ck_assert_str_eq(model.event[TOP_EVENTS_MAX - 1].text, "191");
	status(2000);
	top_model_end(&model);
	ck_assert_int_eq(model.n_services, 0);
	ck_assert_int_eq(model.n_events, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("top");
	TCase *charts = tcase_create("charts"), *figures = tcase_create("model");
	SRunner *sr;
	int failed;

	tcase_add_test(charts, a_chart_holds_a_minute);
	tcase_add_test(charts, intervals_of_about_a_second_leave_no_gaps);
	tcase_add_test(charts, short_and_long_intervals);
	tcase_add_test(charts, columns_show_their_largest);
	suite_add_tcase(s, charts);
	tcase_add_checked_fixture(figures, begin, end);
	tcase_add_test(figures, rates_are_by_the_daemons_clock);
	tcase_add_test(figures, another_daemon_begins_at_zero);
	tcase_add_test(figures, the_worst_stands_first);
	tcase_add_test(figures, there_may_be_too_much);
	suite_add_tcase(s, figures);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
