/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is it an attack? The detector alone, fed with handshakes window by window. */
#include "core/detect.h"
#include "fixture.h"

static struct detector d;
static const struct detect_config ordinary = {.start = 64, .end = 32, .hold = 60 * USEC_PER_SEC};
static struct detect_config limits;
static usec_t now;
static uint32_t half_open; /* seen passing */
static uint32_t began, ended;

static void setup(void)
{
	detect_init(&d);
	limits = ordinary;
	now = FX_START;
	half_open = began = ended = 0;
}

static void note(enum detect_change change)
{
	began += change == DETECT_BEGAN;
	ended += change == DETECT_ENDED;
}

static void open_one(bool cookie)
{
	if (!cookie)
		half_open++;
	detect_opened(&d, now, cookie);
	note(detect_check(&d, &limits, half_open, now));
}

static void complete_one(bool cookie)
{
	if (!cookie)
		half_open--;
	detect_completed(&d, cookie);
}

/* wait_for() - let time pass as the guard does, at each deadline. */
static void wait_for(usec_t duration)
{
	usec_t end = now + duration;

	while (detect_deadline(&d) <= end) {
		now = detect_deadline(&d);
		note(detect_expire(&d, &limits, half_open, now));
	}
	now = end;
}

/* window() - one of @opened handshakes and, evenly between them, @completed completions. */
static void window(uint32_t opened, uint32_t completed, bool cookie)
{
	uint32_t done = 0;

	for (uint32_t i = 0; i < opened; i++) {
		open_one(cookie);
		for (; done < completed * (i + 1) / opened; done++)
			complete_one(cookie);
	}
	for (; done < completed; done++)
		complete_one(cookie);
	wait_for(DETECT_WINDOW);
}

START_TEST(asleep_until_something_happens)
{
	ck_assert_uint_eq(detect_deadline(&d), USEC_NEVER);
	open_one(false);
	ck_assert_uint_eq(detect_deadline(&d), now + DETECT_WINDOW);
	complete_one(false);
	wait_for(10 * USEC_PER_SEC);
	ck_assert_uint_eq(detect_deadline(&d), USEC_NEVER);
}
END_TEST

/* Given 63 half-opens, nothing; the 64th is an attack, in that very packet. */
START_TEST(hard_trigger_at_the_threshold)
{
	for (int i = 0; i < 63; i++)
		open_one(false);
	ck_assert_uint_eq(began, 0);
	open_one(false);
	ck_assert_uint_eq(began, 1);
	ck_assert_int_eq(d.cause, DETECT_BY_HALF_OPEN);
	ck_assert(d.attack);
}
END_TEST

START_TEST(cookies_in_flight_count_as_half_open)
{
	for (int i = 0; i < 64; i++)
		open_one(true);
	ck_assert_uint_eq(began, 1);
	ck_assert_uint_eq(detect_pending(&d, 0), 64);
	ck_assert_uint_eq(detect_pending(&d, 10), 74);
	for (int i = 0; i < 70; i++) /* more than were sent: it does not go below nothing */
		complete_one(true);
	ck_assert_uint_eq(detect_pending(&d, 3), 3);
}
END_TEST

START_TEST(cookies_are_forgotten_after_the_ring)
{
	for (int i = 0; i < 40; i++)
		open_one(true);
	wait_for((DETECT_RING - 1) * DETECT_WINDOW);
	ck_assert_uint_eq(detect_pending(&d, 0), 40);
	wait_for(DETECT_WINDOW);
	ck_assert_uint_eq(detect_pending(&d, 0), 0);
}
END_TEST

/* What the comment promises: 200 SYN/s in the fifth window, and more of them sooner. */
START_TEST(cusum_sees_a_flood_in_time)
{
	static const struct {
		uint32_t rate; /* a window */
		int windows;
	} floods[] = {{100, 1}, {50, 2}, {25, 4}, {20, 5}, {10, 9}};
	int windows = 0;

	/* half-opens that the server clears at once, so that only the deficit tells */
	while (!began && windows < 100) {
		window(floods[_i].rate, 0, false);
		half_open = 0;
		windows++;
	}
	ck_assert_int_le(windows, floods[_i].windows);
}
END_TEST

START_TEST(cusum_over_busy_traffic)
{
	/* given 3,000 honest handshakes a second for a minute */
	for (int i = 0; i < 600; i++)
		window(300, 300, false);
	ck_assert_uint_eq(began, 0);
	/* when 500 forged SYN/s come on top, then it is noticed within 500 ms */
	for (int i = 0; i < 5; i++) {
		window(350, 300, false);
		half_open = 0;
	}
	ck_assert_uint_eq(began, 1);
}
END_TEST

/* Ordinary traffic that never completes some handshakes: learned, and no attack. */
START_TEST(harmless_deficit_is_learned)
{
	for (int i = 0; i < 3000; i++) {
		window(8, 6, false);
		half_open = 0;
	}
	ck_assert_uint_eq(began, 0);
}
END_TEST

/* Honest clients at any rate, completing a window later: only the first window has a deficit. */
START_TEST(honest_clients_are_no_attack)
{
	struct seg_random r = seg_random((uint64_t)_i + 1);
	uint32_t last = 0;

	for (int i = 0; i < 20000; i++) {
		uint32_t rate = seg_random_below(&r, 30); /* up to 300 a second, in bursts */

		window(rate, last, false);
		last = rate;
	}
	ck_assert_uint_eq(began, 0);
}
END_TEST

/* Sixty clients at once that answer after a slow round trip: paid back, so it is no attack. */
START_TEST(a_burst_is_no_attack)
{
	for (int i = 0; i < 100; i++) {
		window(60, 0, false);
		window(0, 60, false);
		wait_for(USEC_PER_SEC);
	}
	ck_assert_uint_eq(began, 0);
}
END_TEST

START_TEST(a_lone_port_scan_is_no_attack)
{
	for (int i = 0; i < 1000; i++) {
		window(i % 10 == 0, 0, false); /* one SYN a second that nobody completes */
		if (half_open > 30)
			half_open--;
	}
	ck_assert_uint_eq(began, 0);
}
END_TEST

static void flood(int windows)
{
	for (int i = 0; i < windows; i++)
		window(100, 0, true);
}

START_TEST(leaving_takes_the_hold_time)
{
	usec_t quiet;

	flood(20);
	ck_assert_uint_eq(began, 1);
	/* when the flood stops: cookies count for 3.2 s, then the hold time runs */
	quiet = now;
	wait_for(60 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 0);
	wait_for(5 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 1);
	ck_assert(!d.attack);
	ck_assert_uint_ge(now - quiet, limits.hold);
	/* and then it sleeps */
	wait_for(10 * USEC_PER_SEC);
	ck_assert_uint_eq(detect_deadline(&d), USEC_NEVER);
	ck_assert_uint_eq(began, 1);
}
END_TEST

/* A flood that pauses for ten seconds between its bursts is one attack. */
START_TEST(pulsed_flood_is_one_attack)
{
	for (int burst = 0; burst < 30; burst++) {
		flood(10);
		wait_for(10 * USEC_PER_SEC);
	}
	ck_assert_uint_eq(began, 1);
	ck_assert_uint_eq(ended, 0);
	wait_for(70 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(half_opens_over_the_end_keep_it)
{
	flood(5);
	half_open = limits.end + 1;
	wait_for(200 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 0);
	half_open = limits.end;
	wait_for(61 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(a_trickle_of_forged_syns_keeps_it)
{
	flood(5);
	for (int i = 0; i < 3000; i++)
		window(8, 0, true); /* 80 a second, 256 in flight */
	ck_assert_uint_eq(ended, 0);
	ck_assert_uint_eq(began, 1);
}
END_TEST

/* Honest clients who complete do not keep an attack alive. */
START_TEST(honest_clients_let_it_end)
{
	flood(5);
	for (int i = 0; i < 700; i++)
		window(20, 20, true);
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_eq(began, 1);
}
END_TEST

/* ... nor do those whose round trip takes them into the next window. */
START_TEST(slow_honest_clients_let_it_end)
{
	struct seg_random r = seg_random((uint64_t)_i + 1);
	uint32_t last = 0;

	flood(5);
	for (int i = 0; i < 800; i++) {
		uint32_t rate = seg_random_below(&r, 30);

		window(rate, last, true);
		last = rate;
	}
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_eq(began, 1);
}
END_TEST

/* A flood too thin for the threshold `end` of a large service is seen in the sum, and keeps it. */
START_TEST(a_thin_flood_keeps_it)
{
	static const struct detect_config large = {
		.start = 1024, .end = 512, .hold = 60 * USEC_PER_SEC};

	limits = large;
	for (int i = 0; i < 20; i++)
		window(200, 0, true);
	ck_assert_uint_eq(began, 1);
	for (int i = 0; i < 3000; i++)
		window(10, 0, true); /* 320 in flight */
	ck_assert_uint_eq(ended, 0);
	wait_for(70 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

/* The caller slept for a day: it catches up in no time and comes to the same end. */
START_TEST(long_sleep_of_the_caller)
{
	uint32_t turns = 0;

	flood(5);
	now += 24 * 3600 * USEC_PER_SEC;
	while (detect_deadline(&d) <= now) {
		note(detect_expire(&d, &limits, half_open, now));
		ck_assert_uint_lt(turns++, 1000);
	}
	ck_assert_uint_eq(ended, 1);
	ck_assert_uint_eq(detect_pending(&d, 0), 0);
}
END_TEST

START_TEST(a_second_attack_is_a_second_attack)
{
	flood(5);
	wait_for(70 * USEC_PER_SEC);
	ck_assert_uint_eq(ended, 1);
	flood(5);
	ck_assert_uint_eq(began, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/detect");
	TCase *tc = tcase_create("detect");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, asleep_until_something_happens);
	tcase_add_test(tc, hard_trigger_at_the_threshold);
	tcase_add_test(tc, cookies_in_flight_count_as_half_open);
	tcase_add_test(tc, cookies_are_forgotten_after_the_ring);
	tcase_add_loop_test(tc, cusum_sees_a_flood_in_time, 0, 5);
	tcase_add_test(tc, cusum_over_busy_traffic);
	tcase_add_test(tc, harmless_deficit_is_learned);
	tcase_add_loop_test(tc, honest_clients_are_no_attack, 0, 4);
	tcase_add_test(tc, a_burst_is_no_attack);
	tcase_add_test(tc, a_lone_port_scan_is_no_attack);
	tcase_add_test(tc, leaving_takes_the_hold_time);
	tcase_add_test(tc, pulsed_flood_is_one_attack);
	tcase_add_test(tc, half_opens_over_the_end_keep_it);
	tcase_add_test(tc, a_trickle_of_forged_syns_keeps_it);
	tcase_add_test(tc, honest_clients_let_it_end);
	tcase_add_loop_test(tc, slow_honest_clients_let_it_end, 0, 8);
	tcase_add_test(tc, a_thin_flood_keeps_it);
	tcase_add_test(tc, long_sleep_of_the_caller);
	tcase_add_test(tc, a_second_attack_is_a_second_attack);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
