/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/exchange.h"

#include <string.h>

/*
 * A guard without packets writes nothing; what its cohorts say is past after that time. What it has
 * pending stays until it says otherwise: its own deadlines see to that.
 */
#define LOOK_LIFE_MS	 300
#define SOURCES_LIFE	 (2 * USEC_PER_SEC)
#define SOURCES_INTERVAL (100 * USEC_PER_MSEC)

static size_t rows_end(uint32_t guards)
{
	size_t n = sizeof(struct exchange) +
		   (size_t)guards * GUARD_SERVICES_MAX * sizeof(struct exchange_row);

	return (n + 63) & ~(size_t)63;
}

size_t exchange_size(uint32_t guards)
{
	return rows_end(guards) +
	       (size_t)guards * GUARD_SERVICES_MAX * sizeof(struct exchange_sources);
}

void exchange_init(struct exchange *e, uint32_t guards)
{
	e->guards = guards; /* all the rest is zero: a clear flag, too */
}

uint32_t exchange_name(const char *service)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *service; service++)
		h = (h ^ (uint8_t)*service) * 16777619u;
	return h | 1;
}

static struct exchange_sources *sources_at(struct exchange *e, uint32_t guard, uint32_t service)
{
	struct exchange_sources *all = (void *)((char *)e + rows_end(e->guards));

	return &all[guard * GUARD_SERVICES_MAX + service];
}

static void put(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static uint32_t get(_Atomic uint32_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

/* put_words() / get_words() - @n words of a struct that consists of nothing else. */
static void put_words(_Atomic uint32_t *to, const void *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t word;

		memcpy(&word, (const char *)from + i * sizeof(word), sizeof(word));
		put(&to[i], word);
	}
}

static void get_words(void *to, _Atomic uint32_t *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t word = get(&from[i]);

		memcpy((char *)to + i * sizeof(word), &word, sizeof(word));
	}
}

void exchange_publish(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
		      usec_t now, const struct tally_totals *total, const struct tally_look *look)
{
	struct exchange_row *row = exchange_row(e, guard, service);

	put_words(row->total, total, EXCHANGE_TOTALS);
	put_words(row->look, look, EXCHANGE_LOOK);
	put(&row->stamp, (uint32_t)(now / USEC_PER_MSEC));
	atomic_store_explicit(&row->name, name, memory_order_release);
}

void exchange_add_look(struct tally_look *sum, const struct tally_look *one)
{
	sum->pending += one->pending;
	sum->opened += one->opened;
	sum->answered += one->answered;
	sum->open += one->open;
	sum->excess += one->excess;
	sum->variance += one->variance;
	sum->wide_excess += one->wide_excess;
	sum->wide_variance += one->wide_variance;
	sum->new_answered += one->new_answered;
	sum->new_excess += one->new_excess;
	sum->done_short += one->done_short;
	sum->done_long += one->done_long;
	sum->done_timed += one->done_timed;
	sum->done_late += one->done_late;
	sum->late_answered += one->late_answered;
	sum->late_open += one->late_open;
	sum->late_many += one->late_many;
	sum->slow_answered += one->slow_answered;
	sum->slow_open += one->slow_open;
	sum->flight += one->flight;
	sum->held += one->held;
}

static void add_totals(struct tally_totals *sum, const struct tally_totals *one)
{
#define TOTAL(name) sum->name += one->name;
	TALLY_TOTALS(TOTAL)
#undef TOTAL
}

static void read_row(struct exchange_row *row, usec_t now, struct tally_totals *total,
		     struct tally_look *look)
{
	int32_t age = (int32_t)((uint32_t)(now / USEC_PER_MSEC) - get(&row->stamp));

	get_words(total, row->total, EXCHANGE_TOTALS);
	get_words(look, row->look, EXCHANGE_LOOK);
	if (age > LOOK_LIFE_MS)
		*look = (struct tally_look){
			.pending = look->pending,
			.flight = look->flight,
			.held = look->held,
			.late_answered = look->late_answered,
			.late_open = look->late_open,
			.late_many = look->late_many,
			.slow_answered = look->slow_answered,
			.slow_open = look->slow_open,
		};
}

bool exchange_others(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
		     usec_t now, struct tally_totals *total, struct tally_look *look)
{
	struct tally_totals sum = {0}, t;
	struct tally_look looks = {0}, l;
	bool alarm = false;

	for (uint32_t g = 0; g < e->guards; g++) {
		struct exchange_row *row = exchange_row(e, g, service);

		if (g == guard || atomic_load_explicit(&row->name, memory_order_acquire) != name)
			continue;
		read_row(row, now, &t, &l);
		add_totals(&sum, &t);
		exchange_add_look(&looks, &l);
		alarm = alarm || get(&row->alarm);
	}
	if (total)
		*total = sum;
	if (look)
		*look = looks;
	return alarm;
}

void exchange_publish_sources(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
			      usec_t now, const struct sources *s)
{
	struct exchange_sources *to = sources_at(e, guard, service);

	if (to->name == name && now - to->stamp < SOURCES_INTERVAL)
		return; /* only this guard writes these two */
	if (atomic_flag_test_and_set_explicit(&to->busy, memory_order_acquire))
		return;
	to->copy = *s;
	to->name = name;
	to->stamp = now;
	atomic_flag_clear_explicit(&to->busy, memory_order_release);
}

void exchange_merge_sources(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
			    usec_t now, struct sources *into)
{
	for (uint32_t g = 0; g < e->guards; g++) {
		struct exchange_sources *from = sources_at(e, g, service);

		if (g == guard ||
		    atomic_flag_test_and_set_explicit(&from->busy, memory_order_acquire))
			continue;
		/* its clock may be ahead of this one, by a packet */
		if (from->name == name && (int64_t)(now - from->stamp) < (int64_t)SOURCES_LIFE)
			sources_merge(into, &from->copy);
		atomic_flag_clear_explicit(&from->busy, memory_order_release);
	}
}
