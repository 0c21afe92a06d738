/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/detect.h"

#include <string.h>

/*
 * CUSUM parameters, in handshakes per window of 100 ms. The allowance grows with the traffic: the
 * deficit of n completed handshakes a window fluctuates by about the square root of 2n.
 *
 * A burst of clients shows as a deficit, too, until they have had their round-trip time to answer;
 * then it is paid back. So the sum has to stay over the limit for CUSUM_WINDOWS windows. The limit
 * follows the service's own threshold, because a service made for a thousand half-opens sees bursts
 * of hundreds. With the default threshold a flood of 200 SYN/s (20 a window) is seen in the fifth
 * window; what is faster meets the hard trigger first.
 */
#define CUSUM_ALLOWANCE 2
#define CUSUM_LIMIT_MIN 40
#define CUSUM_WINDOWS	2
#define MEAN_SHIFT	6 /* the mean follows with 1/64 a window, 6.4 s */

static uint32_t cusum_limit(const struct detect_config *c)
{
	return c->start / 4 > CUSUM_LIMIT_MIN ? c->start / 4 : CUSUM_LIMIT_MIN;
}

void detect_init(struct detector *d)
{
	memset(d, 0, sizeof(*d));
}

static void wake(struct detector *d, usec_t now)
{
	if (d->window_ends == 0)
		d->window_ends = now + DETECT_WINDOW;
}

void detect_opened(struct detector *d, usec_t now, bool cookie)
{
	wake(d, now);
	d->opened++;
	if (cookie) {
		d->in_flight[d->ring_at]++;
		d->in_flight_sum++;
	}
}

void detect_completed(struct detector *d, bool cookie)
{
	d->completed++;
	if (cookie) {
		d->in_flight[d->ring_at]--;
		d->in_flight_sum--;
	}
}

uint32_t detect_pending(const struct detector *d, uint32_t half_open)
{
	return half_open + (d->in_flight_sum > 0 ? (uint32_t)d->in_flight_sum : 0);
}

static enum detect_change begin_attack(struct detector *d, enum detect_cause cause, usec_t now)
{
	d->attack = true;
	d->cause = cause;
	d->quiet_since = now;
	wake(d, now);
	return DETECT_BEGAN;
}

enum detect_change detect_check(struct detector *d, const struct detect_config *c,
				uint32_t half_open, usec_t now)
{
	if (d->attack || detect_pending(d, half_open) < c->start)
		return DETECT_NO_CHANGE;
	return begin_attack(d, DETECT_BY_HALF_OPEN, now);
}

/* excess() - by how much the deficit of this window is over what is ordinary; may be negative. */
static int32_t excess(const struct detector *d)
{
	int32_t deficit = (int32_t)d->opened - (int32_t)d->completed;
	int32_t allowance = CUSUM_ALLOWANCE + (int32_t)(d->completed / 8);

	return deficit - d->mean_x256 / 256 - allowance;
}

static void learn(struct detector *d)
{
	int32_t deficit = (int32_t)d->opened - (int32_t)d->completed;

	/* An attack that creeps in must not become ordinary: what counts is bounded. */
	if (deficit > CUSUM_LIMIT_MIN / 2)
		deficit = CUSUM_LIMIT_MIN / 2;
	if (deficit < 0)
		deficit = 0;
	d->mean_x256 += (deficit * 256 - d->mean_x256) >> MEAN_SHIFT;
}

static void next_window(struct detector *d)
{
	d->opened = d->completed = 0;
	d->ring_at = (d->ring_at + 1) % DETECT_RING;
	d->in_flight_sum -= d->in_flight[d->ring_at];
	d->in_flight[d->ring_at] = 0;
	d->window_ends += DETECT_WINDOW;
}

static enum detect_change close_window(struct detector *d, const struct detect_config *c,
				       uint32_t half_open)
{
	usec_t now = d->window_ends;
	int64_t sum = (int64_t)d->cusum + excess(d);
	uint32_t limit = cusum_limit(c), cap = limit + CUSUM_LIMIT_MIN;
	enum detect_change change = DETECT_NO_CHANGE;

	/* capped, so that it is over soon when the flood is: by the allowance alone in two seconds */
	d->cusum = sum < 0 ? 0 : sum > cap ? cap : (uint32_t)sum;
	d->windows_over = d->cusum > limit ? d->windows_over + 1 : 0;
	if (!d->attack) {
		learn(d);
		if (d->windows_over >= CUSUM_WINDOWS)
			change = begin_attack(d, DETECT_BY_CUSUM, now);
	} else if (d->cusum > limit || detect_pending(d, half_open) > c->end) {
		/* not each window's own excess: clients who answer in the next one have that, too */
		d->quiet_since = now;
	} else if (now - d->quiet_since >= c->hold) {
		d->attack = false;
		d->cusum = d->windows_over = 0;
		change = DETECT_ENDED;
	}
	next_window(d);
	return change;
}

/* idle() - would further windows without traffic change nothing? */
static bool idle(const struct detector *d)
{
	if (d->attack || d->cusum || d->opened || d->mean_x256 >= 256)
		return false;
	for (uint32_t i = 0; i < DETECT_RING; i++) {
		if (d->in_flight[i])
			return false;
	}
	return true;
}

enum detect_change detect_expire(struct detector *d, const struct detect_config *c,
				 uint32_t half_open, usec_t now)
{
	/* After a long sleep of the caller, windows beyond the ring and the hold time say nothing new. */
	usec_t reach = DETECT_RING * DETECT_WINDOW + c->hold + DETECT_WINDOW;

	if (d->window_ends && now > d->window_ends + reach)
		d->window_ends = now - reach;
	while (d->window_ends && d->window_ends <= now) {
		enum detect_change change = close_window(d, c, half_open);

		if (change != DETECT_NO_CHANGE)
			return change;
		if (idle(d))
			d->window_ends = 0;
	}
	return DETECT_NO_CHANGE;
}

usec_t detect_deadline(const struct detector *d)
{
	return d->window_ends ? d->window_ends : USEC_NEVER;
}
