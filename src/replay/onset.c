/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay/onset.h"

#include <math.h>
#include <stdlib.h>

#define ROWS_AT_ONCE 256

/*
 * A span shorter than this is taken for this long: network cards deliver packets in bursts, and the
 * last burst before the alarm is no change of rate.
 */
#define SPAN_MIN_US 2000.0
/* The flood brings at least so many of the SYNs; fewer do not raise an alarm. */
#define FLOOD_MIN 16
/* How much likelier than "no change" the change must be: e^10, or chance finds one now and then. */
#define GAIN_MIN 10.0

void onset_remember(struct onset_ring *r, usec_t now, const struct pkt *p)
{
	r->syn[r->n++ % ONSET_RING] = (struct onset_syn){
		.client = p->src,
		.server = p->dst,
		.client_port = p->sport,
		.server_port = p->dport,
		.time = now,
	};
}

/* log_likelihood() - of @n events in @span microseconds at their own mean rate. */
static double log_likelihood(double n, double span)
{
	if (n < 1)
		return 0;
	return n * log(n / (span < SPAN_MIN_US ? SPAN_MIN_US : span));
}

uint32_t onset_split(const usec_t *time, uint32_t n, usec_t begin, usec_t end)
{
	double flat, best = 0;
	uint32_t at = 0;

	if (n < FLOOD_MIN + 1)
		return 0;
	flat = log_likelihood(n, (double)(end - begin));
	for (uint32_t k = 0; k + FLOOD_MIN <= n; k++) {
		double before = (double)(time[k] - begin), behind = (double)(end - time[k]);
		double gain = log_likelihood(k, before) + log_likelihood(n - k, behind) - flat;

		/* only a rise: a flood that has paused is not over */
		if (gain > best && (n - k) * before > k * behind) {
			best = gain;
			at = k;
		}
	}
	return best >= GAIN_MIN ? at : 0;
}

/* Half-opens of one service, to be looked up. */
struct half_opens {
	struct onset_syn *row;
	uint32_t n, room;
};

static int compare(const void *a, const void *b)
{
	const struct onset_syn *x = a, *y = b;

	/* neither the time nor what lies before it for its alignment */
	return memcmp(x, y, offsetof(struct onset_syn, server_port) + sizeof(x->server_port));
}

static bool add(struct half_opens *all, const struct flow_report *f)
{
	struct onset_syn *row = all->row;

	if (all->n == all->room) {
		all->room = all->room ? 2 * all->room : 1024;
		row = realloc(all->row, all->room * sizeof(*row));
		if (!row)
			return false;
		all->row = row;
	}
	memset(&row[all->n], 0, sizeof(*row));
	row[all->n].client = f->client;
	row[all->n].server = f->server;
	row[all->n].client_port = f->client_port;
	row[all->n].server_port = f->server_port;
	all->n++;
	return true;
}

static void collect(struct half_opens *all, const struct guard *g, const char *service, usec_t now)
{
	struct flow_report *rows = calloc(ROWS_AT_ONCE, sizeof(*rows));
	uint32_t cursor = 0;
	bool more = rows != NULL;

	while (more && cursor != INDEX_NONE) {
		uint32_t n = guard_report_flows(g, now, &cursor, rows, ROWS_AT_ONCE);

		for (uint32_t i = 0; i < n && more; i++) {
			if (rows[i].kind == FLOW_HALF_OPEN && !strcmp(rows[i].service, service))
				more = add(all, &rows[i]);
		}
	}
	free(rows);
	if (all->n)
		qsort(all->row, all->n, sizeof(*all->row), compare);
}

/*
 * watched_since() - when the oldest half-open that may be there was born: @first is the first one's
 * birth, @ring that of the oldest SYN remembered.
 */
static usec_t watched_since(const struct guard *g, usec_t first, usec_t ring, usec_t now)
{
	usec_t life = g->config->timeouts.syn_received, since = now > life ? now - life : 0;

	since = since > ring ? since : ring;
	return since < first ? since : first;
}

bool onset_find(const struct onset_ring *r, const struct guard *g, const char *service, usec_t now,
		struct onset *o)
{
	uint64_t from = r->n > ONSET_RING ? r->n - ONSET_RING : 0;
	usec_t *time = malloc(ONSET_RING * sizeof(*time));
	struct half_opens all = {0};
	uint32_t n = 0, at;

	collect(&all, g, service, now);
	for (uint64_t i = from; time && i < r->n; i++) {
		const struct onset_syn *s = &r->syn[i % ONSET_RING];

		if (all.n && bsearch(s, all.row, all.n, sizeof(*s), compare))
			time[n++] = s->time;
	}
	if (n) {
		usec_t ring = from ? r->syn[from % ONSET_RING].time : r->began;

		at = onset_split(time, n, watched_since(g, time[0], ring, now),
				 now > time[n - 1] ? now : time[n - 1]);
		*o = (struct onset){.first = time[at], .syns = n - at};
	}
	free(all.row);
	free(time);
	return n > 0;
}
