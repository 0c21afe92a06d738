/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tally shows: how much is open, and how much of that ought to be. */
#include <string.h>

#include "core/tally.h"

/* Until that many were seen, what is assumed of clients is wide enough already. */
#define WIDE_LEARNED (4 * PRIOR_CLIENTS)

/* What is expected to be open, by age in ticks, in 1/1024: as learned, and stretched by a half. */
struct expected {
	uint32_t open[COHORTS], wide[COHORTS];
};

static void expect(const struct delays *d, struct expected *e)
{
	uint32_t longer = d->total;
	bool learned = d->total >= WIDE_LEARNED * CLIENT_WEIGHT;

	for (uint32_t age = 0; age < COHORTS; age++) {
		e->open[age] = (uint32_t)((uint64_t)longer * 1024 / d->total);
		e->wide[age] = age < WIDE_MIN ? 1024 : e->open[learned ? age * 2 / 3 : age];
		longer -= d->bin[age];
	}
}

/* A sum in 1/1024, its variance in the square of that. */
struct surplus {
	int64_t sum, variance;
};

static void add_surplus(struct surplus *s, const struct cohort *c, int64_t open)
{
	s->sum += ((int64_t)c->answered - c->completed) * 1024 - c->answered * open;
	s->variance += c->answered * open * (1024 - open);
}

static void look_at_lane(const struct lane *l, const struct delays *d, struct tally_look *look)
{
	struct surplus as_learned = {0}, wide = {0};
	struct expected e;
	int32_t open = 0;

	expect(d, &e);
	for (uint32_t age = 0; age < COHORTS; age++) {
		const struct cohort *c = &l->cohort[(l->head - age) % COHORTS];

		if (age == COHORTS / 2) {
			look->new_answered = look->answered;
			look->new_excess = (int32_t)(as_learned.sum / 1024);
		}
		look->opened += c->opened;
		look->answered += c->answered;
		open += c->answered - c->completed;
		add_surplus(&as_learned, c, e.open[age]);
		add_surplus(&wide, c, e.wide[age]);
	}
	look->open = open > 0 ? (uint32_t)open : 0;
	look->excess = (int32_t)(as_learned.sum / 1024);
	look->variance = (uint32_t)(as_learned.variance / (1024 * 1024));
	look->wide_excess = (int32_t)(wide.sum / 1024);
	look->wide_variance = (uint32_t)(wide.variance / (1024 * 1024));
}

/* look_at_done() - the current tick is not over, so it is left out. */
static void look_at_done(const struct tally *t, struct tally_look *look)
{
	for (uint32_t ago = 1; ago < COHORTS; ago++) {
		const struct done *d = &t->done[(t->all.head - ago) % COHORTS];

		look->done_long += d->all;
		look->done_timed += d->timed;
		look->done_late += d->late;
		if (ago <= COHORTS / 8)
			look->done_short += d->all;
	}
}

/*
 * doubt_cookies() - which of the cookies that came back are of these cohorts, and which of older ones, is as
 * uncertain as which of them are still under way: their part of the variance counts twice.
 */
static void doubt_cookies(const struct tally *t, struct tally_look *look)
{
	uint64_t done = 0, untimed = 0;

	for (uint32_t i = 0; i < COHORTS; i++) {
		done += t->done[i].all;
		untimed += t->done[i].all - t->done[i].timed;
	}
	if (!untimed)
		return;
	look->variance += (uint32_t)(look->variance * untimed / done);
	look->wide_variance += (uint32_t)(look->wide_variance * untimed / done);
}

static void look_at_second(const struct tally *t, uint32_t ago, struct tally_look *look)
{
	uint32_t i = (t->second - ago) % SLOW_SECONDS, answered = t->slow[i].answered;
	uint32_t open = answered > t->slow[i].done ? answered - t->slow[i].done : 0;

	look->late_answered += answered;
	look->late_open += open + t->slow[i].reset;
	if (t->slow[i].many_answered > t->slow[i].many_done)
		look->late_many += t->slow[i].many_answered - t->slow[i].many_done;
	if (ago < 5)
		return;
	look->slow_answered += answered;
	look->slow_open += open;
}

void tally_look(const struct tally *t, uint32_t half_open, uint32_t held, struct tally_look *look)
{
	memset(look, 0, sizeof(*look));
	look->held = held;
	look->flight = t->in_flight_sum > 0 ? (uint32_t)t->in_flight_sum : 0;
	look->pending = half_open + look->flight;
	look_at_lane(&t->all, &t->delays, look);
	doubt_cookies(t, look);
	look_at_done(t, look);
	for (uint32_t ago = 2; ago < 15; ago++)
		look_at_second(t, ago, look);
}

void tally_look_at(const struct tally *t, const struct destination *d, struct tally_look *look)
{
	memset(look, 0, sizeof(*look));
	look->pending = d->pending;
	look_at_lane(&d->lane, &t->delays, look);
	doubt_cookies(t, look);
}
