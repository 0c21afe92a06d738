/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attacks, and what the daemon tells of itself. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

START_TEST(attacks_are_listed_by_number)
{
	struct reply r;

	start(2, 0, NULL);
	r = ask("attacks");
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 0);
	free(r.text);
	fake.n_attacks = 200; /* more than one step */
	r = ask("attacks");
	ck_assert_uint_eq(r.rows, 200);
	for (int i = 0; i < 200; i += 50) {
		json_t *j = row(&r, i);

		ck_assert_int_eq(number(j, "number"), i + 1);
		json_decref(j);
	}
	free(r.text);
	stop();
}
END_TEST

START_TEST(some_attacks_are_chosen)
{
	struct reply r;
	json_t *j;

	start(1, 0, NULL);
	fake.n_attacks = 99;
	r = ask("attacks mail --last 3");
	ck_assert_uint_eq(r.rows, 3);
	j = row(&r, 0);
	ck_assert_int_eq(number(j, "number"), 94);
	json_decref(j);
	free(r.text);
	r = ask("attacks --last=1000 --service=web");
	ck_assert_uint_eq(r.rows, 50);
	free(r.text);
	r = ask("attacks 7");
	ck_assert_uint_eq(r.rows, 1);
	j = row(&r, 0);
	ck_assert_int_eq(number(j, "number"), 7);
	ck_assert_str_eq(string(j, "service"), "web");
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	start(1, 0, NULL);
	fake.n_attacks = 9;
	expect_last("attacks 10", "error: attack 10 is not remembered");
	expect_last("attacks 0", "error: there is no service");
	expect_last("attacks 99999999999999999999999", "error: there is no service");
	expect_last("attacks nobody", "error: there is no service \"nobody\"");
	expect_last("attacks --last", "error: usage: attacks");
	expect_last("attacks --last 0", "error: \"0\" is no number of attacks");
	expect_last("attacks --last x", "error: \"x\" is no number of attacks");
	expect_last("attacks web mail", "error: usage: attacks");
	expect_last("attacks 1 web", "error: usage: attacks");
	expect_last("attacks 1 2", "error: usage: attacks");
	stop();
}
END_TEST

START_TEST(events_name_their_attack_and_the_microsecond)
{
	struct reply r;
	long long us;
	json_t *j;

	start(1, 0, NULL);
	fake.n_attacks = 3;
	fake_event(&fake, 0, FAKE_BASE_TIME - 7, GUARD_EVENT_ATTACK_BEGAN, "x");
	r = ask("events");
	j = row(&r, 0);
	ck_assert_int_eq(number(j, "attack"), 3);
	us = number(j, "time_us");
	ck_assert_int_eq(us / 1000, number(j, "time_ms"));
	ck_assert_int_le(llabs(us / 1000000 - (long long)time(NULL)), 3);
	json_decref(j);
	free(r.text);
	stop();
}
END_TEST

START_TEST(the_daemon_has_events_of_its_own)
{
	struct reply r;
	json_t *j;
	int fd;

	start(2, 0, NULL);
	fake_event(&fake, 1, FAKE_BASE_TIME - 2000, GUARD_EVENT_SERVER_UP, "first");
	fake_own_event(&fake, FAKE_BASE_TIME - 1000, GUARD_EVENT_HISTORY_LOST, "no room");
	r = ask("events");
	ck_assert_uint_eq(r.rows, 2);
	j = row(&r, 1);
	ck_assert_str_eq(string(j, "event"), "history_lost");
	ck_assert(json_is_null(json_object_get(j, "worker")));
	ck_assert(json_is_null(json_object_get(j, "attack")));
	json_decref(j);
	free(r.text);
	fd = dial();
	say(fd, "events --follow 0\n");
	usleep(100000);
	fake_own_event(&fake, FAKE_BASE_TIME, GUARD_EVENT_ON_ATTACK_FAILED, "status 22");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "event"), "on_attack_failed");
	ck_assert_str_eq(string(j, "detail"), "status 22");
	json_decref(j);
	/* more than are remembered */
	for (int i = 0; i < 5; i++)
		fake_own_event(&fake, FAKE_BASE_TIME, GUARD_EVENT_ON_ATTACK_FAILED, "again");
	for (int seen = 0, lost = 0; seen + lost < 5;) {
		j = next_row(fd);
		if (strcmp(string(j, "event"), "lost") == 0) {
			ck_assert(json_is_null(json_object_get(j, "worker")));
			lost += (int)number(j, "value");
		} else {
			seen++;
		}
		json_decref(j);
	}
	close(fd);
	stop();
}
END_TEST

void add_attacks(Suite *s)
{
	TCase *tc = new_case(s, "attacks");

	tcase_add_test(tc, attacks_are_listed_by_number);
	tcase_add_test(tc, some_attacks_are_chosen);
	tcase_add_test(tc, what_makes_no_sense_is_refused);
	tcase_add_test(tc, events_name_their_attack_and_the_microsecond);
	tcase_add_test(tc, the_daemon_has_events_of_its_own);
}
