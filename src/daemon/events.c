/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guards' events, collected from all workers, become log messages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"

#define ROWS   32
#define ROUNDS 8 /* of ROWS events a worker and call; the rest waits for the next call */

struct fetch {
	uint64_t from;
	uint32_t n;
	struct guard_event row[ROWS];
};

static void job_fetch(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct fetch *f = arg;

	f->n = guard_report_events(g, f->from, f->row, ROWS);
}

/* subject() - "web 192.0.2.1:80: " or less. */
static const char *subject(const struct guard_event *e, const char *endpoint, char *buf, size_t len)
{
	bool service = e->service[0] != '\0', address = endpoint[0] != '\0';

	if (service || address)
		snprintf(buf, len, "%s%s%s: ", e->service, service && address ? " " : "", endpoint);
	else
		buf[0] = '\0';
	return buf;
}

static void log_swallowed(enum guard_event_kind kind, uint64_t n)
{
	struct log_fields fields = {.event = guard_event_key(kind)};

	if (n > 0)
		log_event(guard_event_level(kind), &fields,
			  "%" PRIu64 " more messages \"%s\" were left out", n,
			  guard_event_text(kind));
}

static void log_guard_event(struct daemon *d, uint32_t worker, const struct guard_event *e)
{
	static const struct ip_addr none;
	char endpoint[IP_ENDPOINT_STRLEN] = "",
	     buf[GUARD_SERVICE_NAME_MAX + IP_ENDPOINT_STRLEN + 4], by[24] = "";
	struct log_fields fields = {
		.event = guard_event_key(e->kind),
		.service = e->service,
		.address = endpoint,
		.detail = e->detail,
		.attack = attacks_number(d, e->service, e->time),
		.value = e->value,
		.of_worker = true,
		.worker = worker,
	};
	int level = guard_event_level(e->kind);
	uint64_t swallowed;

	d->events.count[e->kind]++;
	if (e->kind == GUARD_EVENT_CONFIGURED) /* the daemon says so itself */
		return;
	if (e->kind == GUARD_EVENT_MODE_CHANGED && worker > 0) /* in all of them at once */
		return;
	if (!log_limit_pass(&d->events.limit[e->kind], clock_now(), &swallowed))
		return;
	log_swallowed(e->kind, swallowed);
	if (!ip_addr_eq(&e->addr, &none))
		ip_endpoint_format(&e->addr, e->port, endpoint);
	if (d->n_workers > 1 && e->kind != GUARD_EVENT_MODE_CHANGED)
		snprintf(by, sizeof(by), " (worker %u)", worker);
	log_event(level, &fields, "%s%s%s%s%s", subject(e, endpoint, buf, sizeof(buf)),
		  guard_event_text(e->kind), e->detail[0] ? ": " : "", e->detail, by);
}

/* log_all_swallowed() - also when no other message of its kind follows. */
static void log_all_swallowed(struct daemon *d)
{
	usec_t now = clock_now();

	for (int kind = 0; kind < GUARD_EVENT_COUNT; kind++)
		log_swallowed(kind, log_limit_flush(&d->events.limit[kind], now));
}

/* note_lost() - a worker's events come numbered: are there some between @from and the first one? */
static void note_lost(struct daemon *d, uint64_t from, uint64_t first)
{
	uint64_t messages;

	if (from == 0) /* none was seen before */
		from = 1;
	if (first > from)
		d->events.lost += first - from;
	if (d->events.lost == 0 || !log_limit_pass(&d->events.lost_limit, clock_now(), &messages))
		return;
	log_message(LOG_WARNING,
		    "%" PRIu64
		    " events were forgotten before they could be logged: too many at once",
		    d->events.lost);
	d->events.lost = 0;
}

void events_poll(struct daemon *d)
{
	static struct fetch f; /* main thread only */

	for (uint32_t w = 0; w < d->n_workers; w++) {
		for (int round = 0; round < ROUNDS; round++) {
			f.from = d->events.next[w];
			if (worker_run(d->worker[w], job_fetch, &f) < 0)
				break;
			attacks_poll(d, f.n > 0); /* first, so that events know their attack */
			note_lost(d, f.from, f.n > 0 ? f.row[0].number : 0);
			for (uint32_t i = 0; i < f.n; i++)
				log_guard_event(d, w, &f.row[i]);
			if (f.n > 0)
				d->events.next[w] = f.row[f.n - 1].number + 1;
			if (f.n < ROWS)
				break;
		}
	}
	log_all_swallowed(d);
}

void events_note(struct daemon *d, enum guard_event_kind kind, const char *service,
		 const char *detail)
{
	struct guard_event *e = &d->events.own[++d->events.n_own % OWN_EVENTS_MAX];
	struct log_fields fields = {
		.event = guard_event_key(kind), .service = service, .detail = detail};
	uint64_t swallowed;

	d->events.count[kind]++;
	*e = (struct guard_event){.number = d->events.n_own, .time = clock_now(), .kind = kind};
	snprintf(e->service, sizeof(e->service), "%s", service);
	snprintf(e->detail, sizeof(e->detail), "%s", detail);
	if (!log_limit_pass(&d->events.limit[kind], clock_now(), &swallowed))
		return;
	log_swallowed(kind, swallowed);
	log_event(guard_event_level(kind), &fields, "%s%s%s%s%s", service, *service ? ": " : "",
		  guard_event_text(kind), *detail ? ": " : "", detail);
}

uint32_t events_own(const struct daemon *d, uint64_t from, struct guard_event *rows, uint32_t max)
{
	uint64_t last = d->events.n_own;
	uint64_t first = last > OWN_EVENTS_MAX ? last - OWN_EVENTS_MAX + 1 : 1;
	uint32_t n = 0;

	for (uint64_t i = from > first ? from : first; i <= last && n < max; i++)
		rows[n++] = d->events.own[i % OWN_EVENTS_MAX];
	return n;
}

/* Services under attack, as any worker sees it. */
struct attacked {
	bool service[GUARD_SERVICES_MAX];
};

static void job_attacked(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct attacked *a = arg;
	struct service_report r;

	for (uint32_t i = 0; i < GUARD_SERVICES_MAX; i++) {
		if (!guard_report_service(g, i, now, &r))
			break;
		a->service[i] = a->service[i] || r.state >= GUARD_ATTACK;
	}
}

void events_status(struct daemon *d)
{
	const struct guard_config *c = &d->conf->guard;
	struct attacked a = {0};
	char text[sizeof(d->events.status)];
	int len = snprintf(text, sizeof(text), "%u service%s, ", c->n_services,
			   c->n_services == 1 ? "" : "s");
	uint32_t n = 0;

	daemon_each(d, job_attacked, &a);
	for (uint32_t i = 0; i < c->n_services; i++) {
		if (!a.service[i])
			continue;
		len += snprintf(text + len, sizeof(text) - (size_t)len, "%s%s",
				n++ ? ", " : "under attack: ", c->service[i].name);
		if ((size_t)len >= sizeof(text))
			break;
	}
	if (n == 0)
		snprintf(text + len, sizeof(text) - (size_t)len, "calm");
	if (strcmp(text, d->events.status) == 0)
		return;
	memcpy(d->events.status, text, sizeof(text));
	notify_status(text);
}
