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
	uint32_t worker;
	struct guard_event event;
};

struct events {
	bool begun, follow;
	uint32_t shown; /* how many of those remembered */
	uint32_t n_workers;
	uint64_t *next; /* [n_workers]: number of the first event not yet seen */
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
	e->next = calloc(e->n_workers, sizeof(*e->next));
	if (!e->next)
		return request_fail(r, "out of memory; try again");
	return STEP_MORE;
}

static bool append(struct events *e, uint32_t worker, const struct guard_event *event)
{
	if (e->n == e->cap) {
		uint32_t cap = e->cap ? 2 * e->cap : CHUNK;
		struct event_row *row = realloc(e->row, cap * sizeof(*row));

		if (!row)
			return false;
		e->row = row;
		e->cap = cap;
	}
	e->row[e->n].worker = worker;
	e->row[e->n].event = *event;
	e->n++;
	return true;
}

static void write_lost(struct jw *j, uint32_t worker, uint64_t lost)
{
	jw_row_begin(j);
	jw_u64(j, "worker", worker);
	jw_null(j, "number");
	jw_null(j, "time_ms");
	jw_str(j, "event", "lost");
	jw_str(j, "level", "notice");
	jw_str(j, "text", "events forgotten before they could be shown");
	jw_null(j, "service");
	jw_null(j, "address");
	jw_u64(j, "value", lost);
	jw_str(j, "detail", "");
	jw_row_end(j);
}

/* gather() - what @worker has from e->next[worker] on. Return: 0 or a negative errno. */
static int gather(struct request *r, struct events *e, uint32_t worker)
{
	uint32_t n = 0;

	do {
		e->from = e->next[worker];
		e->got = 0;
		if (request_run(r, worker, job_events, e))
			return -ETIMEDOUT;
		if (e->got && e->from && e->chunk[0].number > e->from)
			write_lost(&r->out, worker, e->chunk[0].number - e->from);
		for (uint32_t i = 0; i < e->got; i++) {
			if (!append(e, worker, &e->chunk[i])) {
				request_fail(r, "out of memory; try again");
				return -ENOMEM;
			}
			e->next[worker] = e->chunk[i].number + 1;
		}
		n += e->got;
	} while (e->got == CHUNK && n < COLLECT_MAX);
	if (e->next[worker] == 0)
		e->next[worker] = 1; /* nothing yet: from here on a gap is a loss */
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct event_row *a = pa, *b = pb;

	if (a->event.time != b->event.time)
		return a->event.time < b->event.time ? -1 : 1;
	if (a->worker != b->worker)
		return a->worker < b->worker ? -1 : 1;
	return (a->event.number > b->event.number) - (a->event.number < b->event.number);
}

static const char *level_name(int level)
{
	static const char *const names[] = {"emerg",   "alert",	 "crit", "err",
					    "warning", "notice", "info", "debug"};

	return level >= 0 && level < (int)ARRAY_SIZE(names) ? names[level] : "notice";
}

/* unix_ms() - the wall clock's time for @then on the guards' clock, which reads @now. */
static int64_t unix_ms(usec_t now, usec_t then)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000 -
	       (int64_t)(now - then) / (int64_t)USEC_PER_MSEC;
}

static void write_event(struct jw *j, usec_t now, const struct event_row *row)
{
	static const struct ip_addr none;
	const struct guard_event *e = &row->event;
	char text[IP_ENDPOINT_STRLEN];

	jw_row_begin(j);
	jw_u64(j, "worker", row->worker);
	jw_u64(j, "number", e->number);
	jw_i64(j, "time_ms", unix_ms(now, e->time));
	jw_str(j, "event", guard_event_key(e->kind));
	jw_str(j, "level", level_name(guard_event_level(e->kind)));
	jw_str(j, "text", guard_event_text(e->kind));
	jw_str(j, "service", e->service[0] ? e->service : NULL);
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
		write_event(&r->out, now, &e->row[i]);
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
	for (uint32_t w = 0; w < e->n_workers; w++)
		if (gather(r, e, w))
			return STEP_FAILED;
	write_gathered(r, e, first ? e->shown : UINT32_MAX);
	return e->follow ? STEP_WAIT : STEP_DONE;
}
