/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events, and those who follow them. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

START_TEST(events_are_ordered_by_time)
{
	static const char *const order[] = {"first", "second", "third", "fourth"};
	struct reply r;

	start(2, 0, NULL);
	fake_event(&fake, 0, FAKE_BASE_TIME - 4000, GUARD_EVENT_ATTACK_BEGAN, "first");
	fake_event(&fake, 1, FAKE_BASE_TIME - 3000, GUARD_EVENT_SERVER_UP, "second");
	fake_event(&fake, 1, FAKE_BASE_TIME - 2000, GUARD_EVENT_SERVER_UP, "third");
	fake_event(&fake, 0, FAKE_BASE_TIME - 1000, GUARD_EVENT_ATTACK_ENDED, "fourth");
	r = ask("events");
	ck_assert_uint_eq(r.rows, 4);
	for (int i = 0; i < 4; i++) {
		json_t *j = row(&r, i);
		time_t t = number(j, "time_ms") / 1000;

		ck_assert_str_eq(string(j, "detail"), order[i]);
		ck_assert_int_le(labs((long)(time(NULL) - t)), 3);
		json_decref(j);
	}
	free(r.text);
	r = ask("events 1");
	ck_assert_uint_eq(r.rows, 1);
	ck_assert_ptr_nonnull(strstr(r.text, "fourth"));
	free(r.text);
	expect_last("events many", "error: \"many\" is neither");
	expect_last("events -1", "error: \"-1\" is neither");
	stop();
}
END_TEST

START_TEST(a_follower_hears_what_happens)
{
	struct ctl_limits limits = default_limits();
	json_t *j;
	int fd;
	struct reply r;

	start(2, 0, &limits);
	fake_event(&fake, 0, FAKE_BASE_TIME - 4000, GUARD_EVENT_ATTACK_BEGAN, "before");
	fd = dial();
	say(fd, "events --follow 10\n");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "detail"), "before");
	json_decref(j);
	fake_event(&fake, 1, FAKE_BASE_TIME, GUARD_EVENT_SERVER_UP, "after");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "detail"), "after");
	ck_assert_int_eq(number(j, "worker"), 1);
	json_decref(j);
	/* when it says something, it no longer follows */
	say(fd, "version\n");
	r = listen_to(fd);
	ck_assert_str_eq(r.last, "ok");
	ck_assert_uint_eq(r.rows, 0);
	free(r.text);
	r = listen_to(fd);
	ck_assert_uint_eq(r.rows, 1);
	free(r.text);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_follower_is_told_what_it_missed)
{
	struct ctl_limits limits = default_limits();
	json_t *j;
	int fd;

	limits.follow_ms = 1000;
	start(1, 0, &limits);
	fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_ATTACK_BEGAN, "before");
	fd = dial();
	say(fd, "events --follow\n");
	json_decref(next_row(fd));
	for (int i = 0; i < FAKE_EVENTS_MAX + 7; i++)
		fake_event(&fake, 0, FAKE_BASE_TIME, GUARD_EVENT_SERVER_UP, "many");
	j = next_row(fd);
	ck_assert_str_eq(string(j, "event"), "lost");
	ck_assert_int_eq(number(j, "value"), 7);
	json_decref(j);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_follower_that_goes_is_forgotten)
{
	struct ctl_limits limits = default_limits();
	int fd;

	start(1, 0, &limits);
	fd = dial();
	say(fd, "events --follow\n");
	ck_assert(clients_become(1, 2000));
	close(fd);
	ck_assert(clients_become(0, 2000));
	/* and one that has asked more than is read before it ends */
	fd = dial();
	say(fd, "events --follow\n");
	for (int i = 0; i < 1000; i++)
		say(fd, "version\n");
	close(fd);
	ck_assert(clients_become(0, 5000));
	stop();
}
END_TEST

void add_events(Suite *s)
{
	TCase *tc = new_case(s, "events");

	tcase_add_test(tc, events_are_ordered_by_time);
	tcase_add_test(tc, a_follower_hears_what_happens);
	tcase_add_test(tc, a_follower_is_told_what_it_missed);
	tcase_add_test(tc, a_follower_that_goes_is_forgotten);
}
