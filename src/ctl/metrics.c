/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "ctl/metrics.h"

#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ctl/commands.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* What one answer is made of. */
struct figures {
	const struct ctl_ops *ops;
	struct evbuffer *out;
	struct guard_report sum;
	struct service_sums services;
	struct server_counts servers[GUARD_SERVICES_MAX];
	uint32_t n_workers;
	struct ctl_worker_stats *worker; /* [n_workers] */
};

/* ---- the format ---- */

/* family() - the lines before the samples of a metric. @unit: its last word, or NULL. */
static void family(struct evbuffer *out, const char *name, const char *type, const char *unit,
		   const char *help)
{
	evbuffer_add_printf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		evbuffer_add_printf(out, "# UNIT %s %s\n", name, unit);
	evbuffer_add_printf(out, "# HELP %s %s.\n", name, help);
}

/* quoted() - @text as the value of a label. */
static const char *quoted(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; *text && n + 3 < size; text++) {
		if (*text == '"' || *text == '\\' || *text == '\n')
			buf[n++] = '\\';
		buf[n++] = *text == '\n' ? 'n' : *text;
	}
	buf[n] = '\0';
	return buf;
}

/* labelled() - one sample: name{label="value"} number */
static void labelled(struct evbuffer *out, const char *name, const char *label, const char *value,
		     uint64_t number)
{
	char buf[2 * GUARD_SERVICE_NAME_MAX + 2];

	evbuffer_add_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
			    quoted(value, buf, sizeof(buf)), number);
}

static void single(struct evbuffer *out, const char *name, const char *type, const char *unit,
		   const char *help, uint64_t number)
{
	bool counter = type[0] == 'c';

	family(out, name, type, unit, help);
	evbuffer_add_printf(out, "%s%s %" PRIu64 "\n", name, counter ? "_total" : "", number);
}

/* ---- of services ---- */

/* IS_U32() - 0, or an error of the compiler: gauges are read as 32 bits below. */
#define IS_U32(field) (0 * sizeof(char[sizeof(field) == sizeof(uint32_t) ? 1 : -1]))

static const struct {
	const char *name, *text;
	size_t offset;
} service_counters[] =
	{
#define COUNTER(name, text) {"tcpguard_" #name, text, offsetof(struct guard_counters, name)},
#include "core/counters.def"
#undef COUNTER
},
  service_gauges[] = {
#define GAUGE(name, text)                                                  \
	{                                                                  \
		"tcpguard_" #name, text,                                   \
			offsetof(struct service_report, name) +            \
				IS_U32(((struct service_report *)0)->name) \
	}
	  GAUGE(half_open, "Connections half open now, seen passing"),
	  GAUGE(half_open_peak,
		"Most half-open connections at once, cookies in flight included, summed over workers"),
	  GAUGE(cookies_in_flight, "Cookies sent that may still come back"),
	  GAUGE(deficit, "Handshakes that clients owe: answered and beyond their time"),
	  GAUGE(baseline, "SYNs that are usual in a second, as learned in calm"),
	  GAUGE(flows, "Connections now"),
	  GAUGE(spliced_now, "Connections translated and not yet closed"),
	  GAUGE(terminated_now, "Connections of the terminate engine, not yet closed"),
	  GAUGE(time_wait, "Connections in TIME-WAIT"),
	  GAUGE(attack_start, "Half-open connections at which an attack is assumed"),
	  GAUGE(attack_end, "Half-open connections below which an attack may be over"),
#undef GAUGE
};

static void write_service_counters(const struct figures *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(service_counters); i++) {
		char sample[64];

		snprintf(sample, sizeof(sample), "%s_total", service_counters[i].name);
		family(f->out, service_counters[i].name, "counter", NULL, service_counters[i].text);
		for (uint32_t s = 0; s < f->services.n; s++) {
			const char *counters = (const char *)&f->services.row[s].counters;

			labelled(f->out, sample, "service", f->services.row[s].service,
				 *(const uint64_t *)(counters + service_counters[i].offset));
		}
	}
}

static void write_service_gauges(const struct figures *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(service_gauges); i++) {
		family(f->out, service_gauges[i].name, "gauge", NULL, service_gauges[i].text);
		for (uint32_t s = 0; s < f->services.n; s++) {
			const char *row = (const char *)&f->services.row[s];

			labelled(f->out, service_gauges[i].name, "service",
				 f->services.row[s].service,
				 *(const uint32_t *)(row + service_gauges[i].offset));
		}
	}
}

/* write_choice() - 1 for what is, 0 for what else could be. */
static void write_choice(const struct figures *f, const char *name, const char *label,
			 const char *help, int count, const char *(*text)(int),
			 int (*is)(const struct service_report *r))
{
	family(f->out, name, "gauge", NULL, help);
	for (uint32_t s = 0; s < f->services.n; s++) {
		const struct service_report *r = &f->services.row[s];
		char service[2 * GUARD_SERVICE_NAME_MAX + 2];

		quoted(r->service, service, sizeof(service));
		for (int i = 0; i < count; i++)
			evbuffer_add_printf(f->out, "%s{service=\"%s\",%s=\"%s\"} %d\n", name,
					    service, label, text(i), is(r) == i);
	}
}

#define CHOICE(what, field, type, name_of)                   \
	static const char *what##_text(int i)                \
	{                                                    \
		return name_of((type)i);                     \
	}                                                    \
	static int what##_of(const struct service_report *r) \
	{                                                    \
		return (int)r->field;                        \
	}
CHOICE(state, state, enum guard_attack_state, guard_attack_state_name)
CHOICE(class, class, enum attack_class, attack_class_key)
CHOICE(mode, mode, enum guard_mode, guard_mode_name)
#undef CHOICE

static void write_choices(const struct figures *f)
{
	write_choice(f, "tcpguard_state", "state",
		     "1 for the state that the service is in, 0 for the others",
		     GUARD_ATTACK_STATE_COUNT, state_text, state_of);
	write_choice(f, "tcpguard_attack_class", "class",
		     "1 for what the detector takes it for, 0 for everything else", CLASS_COUNT,
		     class_text, class_of);
	write_choice(f, "tcpguard_mode", "mode",
		     "1 for the mode that the service is in, 0 for the others", GUARD_MODE_COUNT,
		     mode_text, mode_of);
}

static void write_servers(const struct figures *f)
{
	family(f->out, "tcpguard_servers", "gauge", NULL,
	       "Servers of the service whose options are known, by whether they answer");
	for (uint32_t s = 0; s < f->services.n; s++) {
		const char *service = f->services.row[s].service;
		char buf[2 * GUARD_SERVICE_NAME_MAX + 2];

		quoted(service, buf, sizeof(buf));
		evbuffer_add_printf(f->out,
				    "tcpguard_servers{service=\"%s\",state=\"up\"} %u\n"
				    "tcpguard_servers{service=\"%s\",state=\"down\"} %u\n",
				    buf, f->servers[s].up, buf, f->servers[s].down);
	}
}

/* ---- of the daemon and its workers ---- */

static void write_drops(const struct figures *f)
{
	family(f->out, "tcpguard_drops", "counter", NULL, "Packets not let through, by reason");
	for (int i = GUARD_DROP_NONE + 1; i < GUARD_DROP_COUNT; i++)
		labelled(f->out, "tcpguard_drops_total", "reason", guard_drop_key(i),
			 f->sum.drops[i]);
}

static void write_events(const struct figures *f)
{
	family(f->out, "tcpguard_events", "counter", NULL, "Events, by kind");
	for (int i = 0; i < GUARD_EVENT_COUNT; i++)
		labelled(f->out, "tcpguard_events_total", "event", guard_event_key(i),
			 f->ops->event_count(f->ops->ctx, i));
}

static void write_tables(const struct figures *f)
{
	const struct guard_report *r = &f->sum;

	single(f->out, "tcpguard_flow_entries", "gauge", NULL, "Entries used of the flow tables",
	       r->flows_used);
	single(f->out, "tcpguard_flow_entries_max", "gauge", NULL, "Entries of the flow tables",
	       r->flows_max);
	single(f->out, "tcpguard_half_open_entries", "gauge", NULL,
	       "Entries used of the half-open tables", r->half_open_used);
	single(f->out, "tcpguard_half_open_entries_max", "gauge", NULL,
	       "Entries of the half-open tables", r->half_open_max);
	single(f->out, "tcpguard_terminated_entries", "gauge", NULL,
	       "Terminated connections that are not over", r->terminated_used);
	single(f->out, "tcpguard_terminated_entries_max", "gauge", NULL,
	       "Terminated connections for which there is room", r->terminated_max);
	single(f->out, "tcpguard_data_bytes", "gauge", "bytes",
	       "Memory with data of terminated connections", r->chunk_bytes_used);
	single(f->out, "tcpguard_data_max_bytes", "gauge", "bytes",
	       "Memory for data of terminated connections", r->chunk_bytes_max);
	single(f->out, "tcpguard_resident_bytes", "gauge", "bytes", "Memory in use",
	       f->ops->resident(f->ops->ctx));
	single(f->out, "tcpguard_arena_bytes", "gauge", "bytes", "Memory set aside for the tables",
	       r->arena_bytes);
	single(f->out, "tcpguard_rules_in_force", "gauge", NULL,
	       "1 if the firewall rules are as they should be, 0 if somebody has changed them",
	       *f->ops->rules_missing(f->ops->ctx) == '\0');
	single(f->out, "tcpguard_rules_repaired", "counter", NULL,
	       "How often firewall rules were put back that somebody had taken away",
	       f->ops->rules_repaired(f->ops->ctx));
	single(f->out, "tcpguard_forged", "counter", NULL,
	       "Packets dropped because they were forged in a server's name",
	       f->ops->forged(f->ops->ctx));
	single(f->out, "tcpguard_unguarded", "counter", NULL, "Packets of no service",
	       r->unguarded);
}

static const struct {
	const char *name, *text;
	size_t offset;
} worker_counters[] = {
#define WORKER_COUNTER(name, text) \
	{"tcpguard_worker_" #name, text, offsetof(struct ctl_worker_stats, name)},
#include "ctl/worker.def"
#undef WORKER_COUNTER
};

static void write_workers(const struct figures *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(worker_counters); i++) {
		family(f->out, worker_counters[i].name, "counter", NULL, worker_counters[i].text);
		for (uint32_t w = 0; w < f->n_workers; w++) {
			const char *stats = (const char *)&f->worker[w];

			evbuffer_add_printf(f->out, "%s_total{worker=\"%u\"} %" PRIu64 "\n",
					    worker_counters[i].name, w,
					    *(const uint64_t *)(stats + worker_counters[i].offset));
		}
	}
	family(f->out, "tcpguard_worker_cpu_seconds", "counter", "seconds",
	       "CPU time of the worker's thread");
	for (uint32_t w = 0; w < f->n_workers; w++)
		evbuffer_add_printf(f->out,
				    "tcpguard_worker_cpu_seconds_total{worker=\"%u\"} %" PRIu64
				    ".%06" PRIu64 "\n",
				    w, f->worker[w].cpu / USEC_PER_SEC,
				    f->worker[w].cpu % USEC_PER_SEC);
}

static void write_daemon(const struct figures *f)
{
	usec_t up = f->ops->now(f->ops->ctx) - f->ops->started(f->ops->ctx);

	family(f->out, "tcpguard_build", "info", NULL, "The program that runs");
	evbuffer_add_printf(f->out, "tcpguard_build_info{version=\"%s\",firewall=\"%s\"} 1\n",
			    PACKAGE_VERSION, f->ops->firewall(f->ops->ctx));
	family(f->out, "tcpguard_uptime_seconds", "gauge", "seconds", "Time since the start");
	evbuffer_add_printf(f->out, "tcpguard_uptime_seconds %" PRIu64 ".%03" PRIu64 "\n",
			    up / USEC_PER_SEC, up % USEC_PER_SEC / USEC_PER_MSEC);
}

/* ---- all of it ---- */

/* collect() - the control socket's own sums, so that both say the same. */
static int collect(struct figures *f, struct request *r)
{
	int error = ctl_sum_reports(r, &f->sum);

	if (!error)
		error = ctl_sum_services(r, &f->services);
	if (!error)
		error = ctl_count_servers(r, &f->services, f->servers);
	for (uint32_t w = 0; w < f->n_workers && !error; w++)
		f->ops->worker_stats(f->ops->ctx, w, &f->worker[w]);
	return error;
}

static void write_all(const struct figures *f)
{
	write_daemon(f);
	write_choices(f);
	write_service_gauges(f);
	write_servers(f);
	write_service_counters(f);
	write_drops(f);
	write_events(f);
	write_tables(f);
	write_workers(f);
	evbuffer_add_printf(f->out, "# EOF\n");
}

int metrics_write(const struct ctl_ops *ops, struct evbuffer *out, char *why, size_t why_len)
{
	struct request r = {.ops = ops}; /* that nobody sent */
	struct figures *f = calloc(1, sizeof(*f));
	int error = -ENOMEM;

	snprintf(why, why_len, "out of memory; try again");
	if (!f)
		return error;
	f->ops = ops;
	f->out = out;
	f->n_workers = ops->n_workers(ops->ctx);
	f->worker = calloc(f->n_workers, sizeof(*f->worker));
	if (f->worker) {
		error = collect(f, &r);
		if (error)
			snprintf(why, why_len, "%s", r.why);
		else
			write_all(f);
	}
	free(f->worker);
	free(f);
	return error;
}
