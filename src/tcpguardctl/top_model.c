/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/top_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpguardctl/text.h"
#include "tcpguardctl/view.h"

int top_model_init(struct top_model *m)
{
	memset(m, 0, sizeof(*m));
	m->service = calloc(TOP_SERVICES_MAX, sizeof(*m->service));
	return m->service ? 0 : -ENOMEM;
}

void top_model_free(struct top_model *m)
{
	free(m->service);
	m->service = NULL;
}

/* take_str() - a member as text that no terminal obeys. */
static void take_str(char *to, size_t size, const json_t *row, const char *key)
{
	text_clean(to, size, row_str(row, key));
}

#define TAKE_STR(field, row, key) take_str(field, sizeof(field), row, key)

/* forget() - another daemon answers: what was counted and charted is not of this one. */
static void forget(struct top_model *m)
{
	m->before_ms = 0;
	m->n_services = 0;
	m->n_workers = 0;
	memset(m->service, 0, TOP_SERVICES_MAX * sizeof(*m->service));
	memset(m->worker, 0, sizeof(m->worker));
}

static void take_workers(struct top_model *m, const json_t *workers)
{
	uint64_t passed = m->before_ms ? m->uptime_ms - m->before_ms : 0;
	size_t n = json_array_size(workers);

	m->n_workers = n < TOP_WORKERS_MAX ? (int)n : TOP_WORKERS_MAX;
	for (int i = 0; i < m->n_workers; i++) {
		const json_t *row = json_array_get(workers, (size_t)i);
		struct top_worker *w = &m->worker[i];
		uint64_t cpu_ms = row_u64(row, "cpu_ms");

		w->cpu_permille = 0;
		if (passed && cpu_ms >= w->cpu_ms)
			w->cpu_permille = (uint32_t)((cpu_ms - w->cpu_ms) * 1000 / passed);
		w->cpu_ms = cpu_ms;
		w->overruns = row_u64(row, "overruns");
		w->lost = row_u64(row, "kernel_dropped") + row_u64(row, "user_dropped");
	}
}

void top_model_status(struct top_model *m, const json_t *row)
{
	uint64_t uptime_ms = row_u64(row, "uptime_ms");

	m->before_ms = m->uptime_ms;
	m->uptime_ms = uptime_ms;
	if (uptime_ms < m->before_ms)
		forget(m);
	TAKE_STR(m->version, row, "version");
	m->flows = row_u64(row, "flows");
	m->flows_max = row_u64(row, "flows_max");
	m->half_open = row_u64(row, "half_open");
	m->half_open_max = row_u64(row, "half_open_max");
	take_workers(m, json_object_get(row, "workers"));
	for (int i = 0; i < m->n_services; i++)
		m->service[i].present = false;
	m->events_old = true;
}

static struct top_service *find(struct top_model *m, const char *name)
{
	for (int i = 0; i < m->n_services; i++)
		if (strcmp(m->service[i].name, name) == 0)
			return &m->service[i];
	return NULL;
}

static enum top_state state_of(const char *name)
{
	if (strcmp(name, "attack") == 0)
		return TOP_ATTACK;
	if (strcmp(name, "suspect") == 0)
		return TOP_SUSPECT;
	return strcmp(name, "recovering") == 0 ? TOP_RECOVERING : TOP_CALM;
}

/* counted_at() - the daemon's uptime when the counters in @row were read. */
static uint64_t counted_at(const struct top_model *m, const json_t *row)
{
	uint64_t uptime_ms = row_u64(row, "uptime_ms");

	return uptime_ms ? uptime_ms : m->uptime_ms;
}

static void take_rates(const struct top_model *m, struct top_service *s, const json_t *row)
{
	uint64_t at = counted_at(m, row);
	const uint64_t now[TOP_RATES] = {
		[TOP_SYN] = row_u64(row, "syn_received"),
		[TOP_COOKIES] = row_u64(row, "cookies_sent"),
		[TOP_COMPLETED] = row_u64(row, "completed"),
		[TOP_BYTES] = row_u64(row, "bytes_in") + row_u64(row, "bytes_out"),
	};
	uint64_t passed = s->counted_ms && at > s->counted_ms ? at - s->counted_ms : 0;

	for (int i = 0; i < TOP_RATES; i++) {
		uint64_t grown = now[i] >= s->counter[i] ? now[i] - s->counter[i] : 0;

		s->rate[i] = 0;
		if (passed) {
			s->rate[i] = (uint64_t)((double)grown * 1000 / (double)passed + 0.5);
			chart_add(&s->chart[i], s->counted_ms, at, s->rate[i]);
		}
		s->counter[i] = now[i];
	}
	s->counted_ms = at;
}

/* take_kind() - the class's key reads well enough without its underscores. */
static void take_kind(struct top_service *s, const char *key)
{
	text_clean(s->kind, sizeof(s->kind), strcmp(key, "none") == 0 ? "" : key);
	for (char *c = s->kind; *c; c++)
		if (*c == '_')
			*c = ' ';
}

void top_model_service(struct top_model *m, const json_t *row)
{
	char name[TOP_NAME_MAX];
	struct top_service *s;

	TAKE_STR(name, row, "service");
	s = find(m, name);
	if (!s && m->n_services == TOP_SERVICES_MAX)
		return;
	if (!s) {
		s = &m->service[m->n_services++];
		memset(s, 0, sizeof(*s));
		memcpy(s->name, name, sizeof(name));
	}
	s->present = true;
	TAKE_STR(s->mode, row, "mode");
	TAKE_STR(s->engine, row, "engine");
	TAKE_STR(s->state_name, row, "state");
	take_kind(s, row_str(row, "class"));
	s->state = state_of(s->state_name);
	s->state_ms = row_u64(row, "state_ms");
	s->half_open = row_u64(row, "half_open");
	s->cookies_in_flight = row_u64(row, "cookies_in_flight");
	s->flows = row_u64(row, "flows");
	s->attack_start = row_u64(row, "attack_start");
	s->attack_end = row_u64(row, "attack_end");
	take_rates(m, s, row);
}

static void take_prefixes(struct top_attack *a, const json_t *heavy, uint64_t syns)
{
	size_t n = json_array_size(heavy);

	a->n_prefixes = n < TOP_PREFIXES_MAX ? (int)n : TOP_PREFIXES_MAX;
	for (int i = 0; i < a->n_prefixes; i++) {
		const json_t *row = json_array_get(heavy, (size_t)i);
		struct top_prefix *p = &a->prefix[i];

		TAKE_STR(p->text, row, "prefix");
		p->syns = row_u64(row, "syns");
		p->completed = row_u64(row, "completed");
		p->permille = syns ? (uint32_t)(p->syns * 1000 / syns) : 0;
	}
}

/* take_fingerprint() - what most SYNs look like, and how many of them. */
static void take_fingerprint(struct top_attack *a, const json_t *sources)
{
	unsigned permille = (unsigned)row_u64(sources, "fingerprint_permille");
	char text[sizeof(a->fingerprint)];

	a->fingerprint[0] = '\0';
	if (!*row_str(sources, "fingerprint"))
		return;
	snprintf(text, sizeof(text), "%u.%u%%: %s", permille / 10, permille % 10,
		 row_str(sources, "fingerprint"));
	text_clean(a->fingerprint, sizeof(a->fingerprint), text);
}

/* top_model_attack() - of several attacks on a service the last one is shown. */
void top_model_attack(struct top_model *m, const json_t *row)
{
	const json_t *sources = json_object_get(row, "sources");
	struct top_service *s = find(m, row_str(row, "service"));
	struct top_attack *a = s ? &s->attack : NULL;

	if (!a || row_u64(row, "number") < a->number)
		return;
	a->known = true;
	a->number = row_u64(row, "number");
	a->over = json_is_true(json_object_get(row, "over"));
	a->duration_ms = row_u64(row, "duration_ms");
	a->began_ms = json_integer_value(json_object_get(row, "began_ms"));
	a->peak_rate = row_u64(row, "peak_rate");
	a->distinct = row_u64(sources, "distinct");
	TAKE_STR(a->kind, row, "class_name");
	TAKE_STR(a->evidence, row, "evidence");
	take_fingerprint(a, sources);
	take_prefixes(a, json_object_get(sources, "heavy"), row_u64(sources, "syns"));
}

void top_model_event(struct top_model *m, const json_t *row)
{
	const char *level = row_str(row, "level"), *detail = row_str(row, "detail");
	const char *service = row_str(row, "service"), *address = row_str(row, "address");
	struct top_event *e;
	char text[512];

	if (m->events_old)
		m->n_events = 0;
	m->events_old = false;
	if (m->n_events == TOP_EVENTS_MAX)
		memmove(m->event, m->event + 1, sizeof(m->event[0]) * (size_t)--m->n_events);
	e = &m->event[m->n_events++];
	e->time_ms = json_integer_value(json_object_get(row, "time_ms"));
	e->warns = strcmp(level, "warning") == 0 || strcmp(level, "err") == 0;
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", service, *service && *address ? " " : "",
		 address, *service || *address ? ": " : "", row_str(row, "text"),
		 *detail ? ": " : "", detail);
	text_clean(e->text, sizeof(e->text), text);
}

/* drop_absent() - services that the daemon no longer has. */
static void drop_absent(struct top_model *m)
{
	int n = 0;

	for (int i = 0; i < m->n_services; i++) {
		if (!m->service[i].present)
			continue;
		if (n != i)
			m->service[n] = m->service[i];
		n++;
	}
	m->n_services = n;
}

/* sort() - the worst first, and else as the daemon has them: insertion, since it hardly ever changes. */
static void sort(struct top_model *m)
{
	for (int i = 0; i < m->n_services; i++) {
		int at = i;

		for (; at > 0 && m->service[m->order[at - 1]].state < m->service[i].state; at--)
			m->order[at] = m->order[at - 1];
		m->order[at] = i;
	}
}

void top_model_end(struct top_model *m)
{
	drop_absent(m);
	sort(m);
	if (m->events_old)
		m->n_events = 0;
	m->filled = true;
}
