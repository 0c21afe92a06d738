/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last minute of a rate, and its shape in a few columns. Pure. */
#ifndef TCPGUARD_TCPGUARDCTL_CHART_H
#define TCPGUARD_TCPGUARDCTL_CHART_H

#include <stdbool.h>
#include <stdint.h>

#define CHART_SECONDS 60
#define CHART_STEPS   8 /* heights that one line of characters can show */

/* A slot for each second; the one of second t is slot[t % CHART_SECONDS]. Everything zero: empty. */
struct chart {
	uint64_t first, end; /* seconds that are known: first <= t < end */
	uint64_t slot[CHART_SECONDS];
};

/*
 * chart_add() - the rate was @value from @from_ms to @to_ms, on a clock that only grows.
 * Of several values in one second the largest stays.
 */
void chart_add(struct chart *c, uint64_t from_ms, uint64_t to_ms, uint64_t value);

/* chart_max() - the largest value of the last minute. */
uint64_t chart_max(const struct chart *c);

/*
 * chart_levels() - the last minute in @columns columns, the newest last; each shows its largest value.
 * @columns: at most CHART_SECONDS.
 * @steps: height of the whole chart, a multiple of CHART_STEPS. Filled into @level: 0 where nothing is
 * known, 1 for the value zero, up to @steps for chart_max().
 */
void chart_levels(const struct chart *c, int columns, int steps, uint8_t *level);

/*
 * chart_glyph() - what stands for @level, as chart_levels() made it, in the line @line of a chart,
 * 0 being the lowest. Static.
 */
const char *chart_glyph(int level, int line, bool utf8);

#endif
