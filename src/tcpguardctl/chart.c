/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/chart.h"

#include <string.h>

/* put() - the second @t has @value. What is older than a minute then is forgotten. */
static void put(struct chart *c, uint64_t t, uint64_t value)
{
	uint64_t *slot = &c->slot[t % CHART_SECONDS];

	if (t < c->end) {
		if (*slot < value)
			*slot = value;
		return;
	}
	*slot = value;
	c->end = t + 1;
	if (c->end - c->first > CHART_SECONDS)
		c->first = c->end - CHART_SECONDS;
}

void chart_add(struct chart *c, uint64_t from_ms, uint64_t to_ms, uint64_t value)
{
	/* rounded, so that intervals of about a second fill one slot each, none twice */
	uint64_t from = (from_ms + 500) / 1000, end = (to_ms + 500) / 1000;

	if (to_ms <= from_ms)
		return;
	if (end == from)
		end++;
	if (end - from > CHART_SECONDS)
		from = end - CHART_SECONDS;
	if (c->end == 0 || from > c->end) /* what was between is not known: begin again */
		c->first = c->end = from;
	if (from < c->first)
		from = c->first;
	for (uint64_t t = from; t < end; t++)
		put(c, t, value);
}

uint64_t chart_max(const struct chart *c)
{
	uint64_t max = 0;

	for (uint64_t t = c->first; t < c->end; t++)
		if (c->slot[t % CHART_SECONDS] > max)
			max = c->slot[t % CHART_SECONDS];
	return max;
}

/* largest() - of the seconds @from <= t < @to. Return: false if none is known. */
static bool largest(const struct chart *c, int64_t from, int64_t to, uint64_t *value)
{
	bool known = false;

	*value = 0;
	for (int64_t t = from; t < to; t++) {
		if (t < (int64_t)c->first || t >= (int64_t)c->end)
			continue;
		known = true;
		if (c->slot[t % CHART_SECONDS] > *value)
			*value = c->slot[t % CHART_SECONDS];
	}
	return known;
}

void chart_levels(const struct chart *c, int columns, int steps, uint8_t *level)
{
	uint64_t max = chart_max(c), value;
	int64_t width, end;

	if (columns <= 0)
		return;
	memset(level, 0, (size_t)columns);
	width = (CHART_SECONDS + columns - 1) / columns;
	/* columns begin at multiples of their width, so that a value does not change its company */
	end = ((int64_t)c->end + width - 1) / width * width;
	for (int i = 0; i < columns; i++) {
		int64_t from = end - (columns - i) * width;

		if (!largest(c, from, from + width, &value))
			continue;
		level[i] = 1;
		/* at least one step above zero, and the top for the largest */
		if (value > 0)
			level[i] += (uint8_t)(1 + (double)value / (double)max * (steps - 2) + 0.01);
	}
}

const char *chart_glyph(int level, int line, bool utf8)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", "_", ".", ",", "-", "=", "+", "*", "#"};

	level -= line * CHART_STEPS;
	if (level < 0)
		level = 0;
	if (level > CHART_STEPS)
		level = CHART_STEPS;
	return utf8 ? blocks[level] : ascii[level];
}
