/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * events: what the guards remember of what happened, ordered by time over all workers, and with
 * --follow what happens from then on. A follower has a place of its own in each worker's numbers, so
 * one that reads slowly is given later what it missed, or told how much that was.
 */
#include "ctl/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK	      64
#define COLLECT_MAX   65536 /* events of one worker in one step */
#define SHOWN_DEFAULT 100
#define SHOWN_MAX     100000

struct event_row {
	uint32_t source; /* a worker, or after the last of them the daemon itself */
	struct guard_event event;
};

struct events {
	bool begun, follow;
	uint32_t shown; /* how many of those remembered */
	uint32_t n_workers;
	uint64_t *next; /* [n_workers + 1]: number of the first event not yet seen */
	uint32_t n, cap;
	struct event_row *row;
	/* for the job */
	uint64_t from;
	uint32_t got;
	struct guard_event chunk[CHUNK];
};

const size_t ctl_events_state_bytes = sizeof(struct events);

void ctl_events_end(struct request *r)
{
	struct events *e = r->state;

	free(e->next);
	free(e->row);
}

static void job_events(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct events *e = arg;

	e->got = guard_report_events(g, e->from, e->chunk, CHUNK);
}

static int parse_count(struct events *e, const char *text)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end || n > SHOWN_MAX)
		return -EINVAL;
	e->shown = n;
	return 0;
}

static enum step begin(struct request *r, struct events *e)
{
	e->shown = SHOWN_DEFAULT;
	for (int i = 0; i < request_n_args(r); i++) {
		if (strcmp(request_arg(r, i), "--follow") == 0)
			e->follow = true;
		else if (parse_count(e, request_arg(r, i)))
			return request_fail(r,
					    "\"%.64s\" is neither --follow nor a number up to %d",
					    request_arg(r, i), SHOWN_MAX);
	}
	e->n_workers = r->ops->n_workers(r->ops->ctx);
	e->next = calloc(e->n_workers + 1, sizeof(*e->next));
	if (!e->next)
		return request_fail(r, "out of memory; try again");
	return STEP_MORE;
}

static bool append(struct events *e, uint32_t source, const struct guard_event *event)
{
	if (e->n == e->cap) {
		uint32_t cap = e->cap ? 2 * e->cap : CHUNK;
		struct event_row *row = realloc(e->row, cap * sizeof(*row));

		if (!row)
			return false;
		e->row = row;
		e->cap = cap;
	}
	e->row[e->n].source = source;
	e->row[e->n].event = *event;
	e->n++;
	return true;
}

/* write_source() - which worker; null: none of them. */
static void write_source(struct jw *j, const struct events *e, uint32_t source)
{
	if (source < e->n_workers)
		jw_u64(j, "worker", source);
	else
		jw_null(j, "worker");
}

static void write_lost(struct jw *j, const struct events *e, uint32_t source, uint64_t lost)
{
	jw_row_begin(j);
	write_source(j, e, source);
	jw_null(j, "number");
	jw_null(j, "time_ms");
	jw_null(j, "time_us");
	jw_str(j, "event", "lost");
	jw_str(j, "level", "notice");
	jw_str(j, "text", "events forgotten before they could be shown");
	jw_null(j, "service");
	jw_null(j, "attack");
	jw_null(j, "address");
	jw_u64(j, "value", lost);
	jw_str(j, "detail", "");
	jw_row_end(j);
}

/* fetch() - the next chunk of @source. Return: 0 or a negative errno. */
static int fetch(struct request *r, struct events *e, uint32_t source)
{
	e->from = e->next[source];
	e->got = 0;
	if (source < e->n_workers)
		return request_run(r, source, job_events, e);
	e->got = r->ops->own_events(r->ops->ctx, e->from, e->chunk, CHUNK);
	return 0;
}

/* gather() - what @source has from e->next[source] on. Return: 0 or a negative errno. */
static int gather(struct request *r, struct events *e, uint32_t source)
{
	uint32_t n = 0;

	do {
		if (fetch(r, e, source))
			return -ETIMEDOUT;
		if (e->got && e->from && e->chunk[0].number > e->from)
			write_lost(&r->out, e, source, e->chunk[0].number - e->from);
		for (uint32_t i = 0; i < e->got; i++) {
			if (!append(e, source, &e->chunk[i])) {
				request_fail(r, "out of memory; try again");
				return -ENOMEM;
			}
			e->next[source] = e->chunk[i].number + 1;
		}
		n += e->got;
	} while (e->got == CHUNK && n < COLLECT_MAX);
	if (e->next[source] == 0)
		e->next[source] = 1; /* nothing yet: from here on a gap is a loss */
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct event_row *a = pa, *b = pb;

	if (a->event.time != b->event.time)
		return a->event.time < b->event.time ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	return (a->event.number > b->event.number) - (a->event.number < b->event.number);
}

static const char *level_name(int level)
{
	static const char *const names[] = {"emerg",   "alert",	 "crit", "err",
					    "warning", "notice", "info", "debug"};

	return level >= 0 && level < (int)ARRAY_SIZE(names) ? names[level] : "notice";
}

/* unix_us() - the wall clock's time for @then on the guards' clock, which reads @now. */
static int64_t unix_us(usec_t now, usec_t then)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 - (int64_t)(now - then);
}

static void write_event(struct request *r, const struct events *events, usec_t now,
			const struct event_row *row)
{
	static const struct ip_addr none;
	const struct guard_event *e = &row->event;
	int64_t time_us = unix_us(now, e->time);
	uint64_t attack = 0;
	char text[IP_ENDPOINT_STRLEN];
	struct jw *j = &r->out;

	if (e->service[0])
		attack = r->ops->attack_number(r->ops->ctx, e->service, e->time);
	jw_row_begin(j);
	write_source(j, events, row->source);
	jw_u64(j, "number", e->number);
	jw_i64(j, "time_ms", time_us / (int64_t)USEC_PER_MSEC);
	jw_i64(j, "time_us", time_us);
	jw_str(j, "event", guard_event_key(e->kind));
	jw_str(j, "level", level_name(guard_event_level(e->kind)));
	jw_str(j, "text", guard_event_text(e->kind));
	jw_str(j, "service", e->service[0] ? e->service : NULL);
	if (attack)
		jw_u64(j, "attack", attack);
	else
		jw_null(j, "attack");
	if (ip_addr_eq(&e->addr, &none))
		jw_null(j, "address");
	else if (e->port)
		jw_str(j, "address", ip_endpoint_format(&e->addr, e->port, text));
	else
		jw_str(j, "address", ip_addr_format(&e->addr, text));
	jw_u64(j, "value", e->value);
	jw_str(j, "detail", e->detail);
	jw_row_end(j);
}

static void write_gathered(struct request *r, struct events *e, uint32_t max)
{
	usec_t now = r->ops->now(r->ops->ctx);

	if (e->n > 0)
		qsort(e->row, e->n, sizeof(*e->row), compare);
	for (uint32_t i = e->n > max ? e->n - max : 0; i < e->n; i++)
		write_event(r, e, now, &e->row[i]);
	e->n = 0;
}

enum step ctl_events(struct request *r)
{
	struct events *e = r->state;
	bool first = !e->begun;

	if (first && begin(r, e) == STEP_FAILED)
		return STEP_FAILED;
	e->begun = true;
	if (!first && r->stop)
		return STEP_DONE;
	for (uint32_t s = 0; s <= e->n_workers; s++)
		if (gather(r, e, s))
			return STEP_FAILED;
	write_gathered(r, e, first ? e->shown : UINT32_MAX);
	return e->follow ? STEP_WAIT : STEP_DONE;
}
