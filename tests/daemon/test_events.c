/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of the guards on their way to the log: none is lost without a word. */
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"

static struct daemon *d;
static struct guard guard;
static char said[1024];
static uint32_t logged;

/* ---- what the daemon has around it ---- */

int worker_run(struct worker *w, ctl_job_fn *job, void *arg)
{
	job(&guard, 0, NULL, arg);
	return 0;
}

int daemon_each(struct daemon *daemon, ctl_job_fn *job, void *arg)
{
	return 0;
}

void attacks_poll(struct daemon *daemon, bool at_once)
{
}

uint64_t attacks_number(const struct daemon *daemon, const char *service, usec_t at)
{
	return 0;
}

void notify_status(const char *status)
{
}

void log_event(int level, const struct log_fields *fields, const char *format, ...)
{
	logged++;
}

void log_message(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

bool log_limit_pass(struct log_limit *l, usec_t now, uint64_t *swallowed)
{
	*swallowed = 0;
	return true;
}

uint64_t log_limit_flush(struct log_limit *l, usec_t now)
{
	return 0;
}

static void setup(void)
{
	d = calloc(1, sizeof(*d));
	guard.arena = calloc(1, sizeof(*guard.arena));
	d->n_workers = 1;
	logged = 0;
	said[0] = '\0';
}

static void teardown(void)
{
	free(guard.arena);
	free(d);
}

static void happen(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		arena_event(guard.arena, GUARD_EVENT_SERVER_DOWN, NULL, NULL, 0, 0, NULL);
}

START_TEST(all_are_logged)
{
	happen(3);
	events_poll(d);
	happen(EVENT_RING);
	events_poll(d);
	events_poll(d);
	ck_assert_uint_eq(logged, 3 + EVENT_RING);
	ck_assert_uint_eq(d->events.count[GUARD_EVENT_SERVER_DOWN], 3 + EVENT_RING);
	ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(a_gap_is_told)
{
	uint32_t seen = _i ? 3 : 0;

	happen(seen);
	events_poll(d);
	happen(EVENT_RING + 7);
	events_poll(d);
	ck_assert_uint_eq(logged, seen + EVENT_RING);
	ck_assert_ptr_nonnull(strstr(said, "7 events were forgotten"));
	said[0] = '\0';
	happen(1);
	events_poll(d);
	ck_assert_str_eq(said, ""); /* once */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("daemon/events");
	TCase *tc = tcase_create("events");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_are_logged);
	tcase_add_loop_test(tc, a_gap_is_told, 0, 2);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
