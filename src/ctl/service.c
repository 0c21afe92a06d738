/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats, services: each service's figures, added up over the workers. */
#include "ctl/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/listens.h"

const char *ctl_attack_state_name(enum guard_attack_state state)
{
	return guard_attack_state_name(state);
}

/* parse_endpoint() - "192.0.2.10:443" or "[2001:db8::10]:443". Return: is it one? */
static bool parse_endpoint(const char *text, struct ip_addr *addr, uint16_t *port)
{
	char host[IP_ADDR_STRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	bool v6 = text[0] == '[';
	unsigned long n;
	char *end;

	if (len < 3 || len >= sizeof(host) || (v6 && text[len - 1] != ']') ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	n = strtoul(colon + 1, &end, 10);
	*port = (uint16_t)n;
	snprintf(host, sizeof(host), "%.*s", (int)(v6 ? len - 2 : len), text + v6);
	return n >= 1 && n <= UINT16_MAX && ip_addr_parse(addr, host) == 0 &&
	       ip_addr_is_v4(addr) != v6;
}

/* guarded_by() - the service that listens on @addr:@port, or -ENOENT. */
static int guarded_by(struct request *r, const char *text, const struct ip_addr *addr,
		      uint16_t port)
{
	struct listens *l = calloc(1, sizeof(*l));
	int index;

	if (!l) {
		request_fail(r, "out of memory; try again");
		return -ENOENT;
	}
	listens_build(l, r->ops->config(r->ops->ctx));
	index = listens_find(l, addr, port);
	free(l);
	if (index >= 0)
		return index;
	request_fail(r,
		     "no service guards %s: packets to it pass unseen; `services` lists what is "
		     "guarded",
		     text);
	return -ENOENT;
}

int request_service(struct request *r, const char *name)
{
	int index = guard_config_service(r->ops->config(r->ops->ctx), name);
	struct ip_addr addr;
	uint16_t port;

	if (index >= 0)
		return index;
	if (parse_endpoint(name, &addr, &port))
		return guarded_by(r, name, &addr, port);
	request_fail(r, "there is no service \"%.64s\"; `services` lists those there are", name);
	return -ENOENT;
}

static void job_services(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct service_sums *s = arg;

	s->n = 0;
	while (s->n < GUARD_SERVICES_MAX && guard_report_service(g, s->n, now, &s->row[s->n]))
		s->n++;
}

static void add_counters(struct guard_counters *sum, const struct guard_counters *one)
{
#define COUNTER(name, text) sum->name += one->name;
#include "core/counters.def"
#undef COUNTER
}

/* add_state() - the worst state counts, and how long any worker has been in it. */
static void add_state(struct service_report *sum, const struct service_report *one)
{
	if (one->state > sum->state) {
		sum->state = one->state;
		sum->class = one->class;
		sum->state_since = one->state_since;
	} else if (one->state == sum->state && one->state != GUARD_CALM) {
		sum->state_since =
			one->state_since < sum->state_since ? one->state_since : sum->state_since;
	} else if (one->state == sum->state && one->state_since > sum->state_since) {
		sum->state_since = one->state_since; /* calm since the last one became so */
	}
}

static void add_service(struct service_report *sum, const struct service_report *one)
{
	add_state(sum, one);
	sum->half_open += one->half_open;
	if (one->half_open_peak > sum->half_open_peak) /* each counts what all have */
		sum->half_open_peak = one->half_open_peak;
	sum->cookies_in_flight += one->cookies_in_flight;
	sum->flows += one->flows;
	sum->spliced_now += one->spliced_now;
	sum->terminated_now += one->terminated_now;
	sum->time_wait += one->time_wait;
	sum->syn_rate += one->syn_rate; /* only the worker that leads knows these three */
	sum->deficit += one->deficit;
	sum->baseline += one->baseline;
	add_counters(&sum->counters, &one->counters);
}

int ctl_sum_services(struct request *r, struct service_sums *sums)
{
	uint32_t workers = r->ops->n_workers(r->ops->ctx);
	struct service_sums *one = calloc(1, sizeof(*one));
	int error = 0;

	sums->n = 0;
	if (!one) {
		request_fail(r, "out of memory; try again");
		return -ENOMEM;
	}
	for (uint32_t w = 0; w < workers && !error; w++) {
		error = request_run(r, w, job_services, w == 0 ? sums : one);
		if (error || w == 0)
			continue;
		for (uint32_t i = 0; i < sums->n && i < one->n; i++)
			add_service(&sums->row[i], &one->row[i]);
	}
	free(one);
	return error;
}

const char *ctl_listen_format(const struct guard_listen *l, char buf[CTL_LISTEN_STRLEN])
{
	char addr[IP_ADDR_STRLEN], plen[8] = "", ports[16];
	bool v4 = ip_addr_is_v4(&l->prefix);

	ip_addr_format(&l->prefix, addr);
	if (l->plen < 128)
		snprintf(plen, sizeof(plen), "/%u", v4 ? l->plen - 96u : (unsigned)l->plen);
	if (l->port_low <= 1 && l->port_high == UINT16_MAX)
		snprintf(ports, sizeof(ports), "*");
	else if (l->port_low == l->port_high)
		snprintf(ports, sizeof(ports), "%u", l->port_low);
	else
		snprintf(ports, sizeof(ports), "%u-%u", l->port_low, l->port_high);
	snprintf(buf, CTL_LISTEN_STRLEN, v4 ? "%s%s:%s" : "[%s]%s:%s", addr, plen, ports);
	return buf;
}

/* write_head() - what `stats` and `services` begin with. */
static void write_head(struct request *r, const struct service_report *s)
{
	usec_t now = r->ops->now(r->ops->ctx);
	struct jw *j = &r->out;

	jw_str(j, "service", s->service);
	jw_str(j, "mode", guard_mode_name(s->mode));
	jw_str(j, "engine", guard_engine_name(s->engine));
	jw_str(j, "state", ctl_attack_state_name(s->state));
	jw_u64(j, "state_ms", now > s->state_since ? (now - s->state_since) / USEC_PER_MSEC : 0);
	jw_u64(j, "attack_start", s->attack_start);
	jw_u64(j, "attack_end", s->attack_end);
	jw_u64(j, "half_open", s->half_open);
	jw_u64(j, "flows", s->flows);
}

static void write_stats(struct request *r, uint32_t index, const struct service_report *s)
{
	const struct ctl_ops *ops = r->ops;
	struct jw *j = &r->out;

	jw_row_begin(j);
	write_head(r, s);
	/* when the counters were read, so that rates made of two answers are exact */
	jw_u64(j, "uptime_ms", (ops->now(ops->ctx) - ops->started(ops->ctx)) / USEC_PER_MSEC);
	jw_u64(j, "half_open_peak", s->half_open_peak);
	jw_u64(j, "cookies_in_flight", s->cookies_in_flight);
	jw_str(j, "class", attack_class_key(s->class));
	jw_u64(j, "syn_rate", s->syn_rate);
	jw_u64(j, "deficit", s->deficit);
	jw_u64(j, "baseline", s->baseline);
	jw_u64(j, "spliced_now", s->spliced_now);
	jw_u64(j, "terminated_now", s->terminated_now);
	jw_u64(j, "time_wait", s->time_wait);
#define COUNTER(name, text) jw_u64(j, #name, s->counters.name);
#include "core/counters.def"
#undef COUNTER
	jw_row_end(j);
}

static void write_service(struct request *r, uint32_t index, const struct service_report *s)
{
	const struct guard_config *config = r->ops->config(r->ops->ctx);
	char text[CTL_LISTEN_STRLEN];

	jw_row_begin(&r->out);
	write_head(r, s);
	jw_array_begin(&r->out, "listen");
	for (uint32_t i = 0; i < config->n_listens; i++)
		if (config->listen[i].service == index)
			jw_str(&r->out, NULL, ctl_listen_format(&config->listen[i], text));
	jw_array_end(&r->out);
	jw_row_end(&r->out);
}

/* each_service() - @write a row for the service that the request names, or for all of them. */
static enum step each_service(struct request *r, void (*write)(struct request *r, uint32_t index,
							       const struct service_report *s))
{
	const char *name = request_arg(r, 0);
	int only = name ? request_service(r, name) : -1;
	struct service_sums *sums;
	bool failed;

	if (name && only < 0)
		return STEP_FAILED;
	sums = calloc(1, sizeof(*sums));
	if (!sums)
		return request_fail(r, "out of memory; try again");
	failed = ctl_sum_services(r, sums) != 0;
	for (uint32_t i = 0; i < sums->n && !failed; i++)
		if (!name || i == (uint32_t)only)
			write(r, i, &sums->row[i]);
	free(sums);
	return failed ? STEP_FAILED : STEP_DONE;
}

enum step ctl_stats(struct request *r)
{
	return each_service(r, write_stats);
}

enum step ctl_services(struct request *r)
{
	return each_service(r, write_service);
}
