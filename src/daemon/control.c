/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the control socket may ask of the daemon. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/clients.h"
#include "daemon/clock.h"
#include "daemon/daemon.h"

static uint32_t n_workers(void *ctx)
{
	return ((struct daemon *)ctx)->n_workers;
}

static int run(void *ctx, uint32_t w, ctl_job_fn *job, void *arg)
{
	return worker_run(((struct daemon *)ctx)->worker[w], job, arg);
}

static void stats(void *ctx, uint32_t w, struct ctl_worker_stats *s)
{
	worker_stats(((struct daemon *)ctx)->worker[w], s);
}

static const struct guard_config *config(void *ctx)
{
	return &((struct daemon *)ctx)->conf->guard;
}

static const char *config_path(void *ctx)
{
	return ((struct daemon *)ctx)->conf->path;
}

static int reload(void *ctx, bool apply, void (*report)(void *arg, const char *line), void *arg)
{
	return daemon_reload(ctx, apply, report, report, arg);
}

static int upgrade(void *ctx, char *said, size_t len)
{
	return takeover_upgrade(ctx, said, len);
}

static void config_show(void *ctx, void (*print)(void *arg, const char *line), void *arg)
{
	struct daemon *d = ctx;
	struct conf *current = daemon_current_conf(d);

	conf_show(current ? current : d->conf, print, arg);
	conf_free(current);
}

static int set(void *ctx, const char *key, const char *value, char *why, size_t why_len)
{
	return daemon_set(ctx, key, value, why, why_len);
}

static int log_level(void *ctx, const char *level)
{
	struct daemon *d = ctx;
	int value = conf_log_level_parse(level);

	if (value < 0)
		return -EINVAL;
	d->conf->log_level = value;
	log_set_level(value);
	return 0;
}

static usec_t now(void *ctx)
{
	return clock_now();
}

static usec_t started(void *ctx)
{
	return ((struct daemon *)ctx)->started;
}

static uint64_t event_count(void *ctx, enum guard_event_kind kind)
{
	return ((struct daemon *)ctx)->events.count[kind];
}

static uint32_t own_events(void *ctx, uint64_t from, struct guard_event *rows, uint32_t max)
{
	return events_own(ctx, from, rows, max);
}

static uint64_t attack_number(void *ctx, const char *service, usec_t at)
{
	return attacks_number(ctx, service, at);
}

static uint64_t attack_row(void *ctx, uint64_t after, const char *service, struct jw *out)
{
	return attacks_row(ctx, after, service, out);
}

static const char *firewall(void *ctx)
{
	return firewall_name(&((struct daemon *)ctx)->firewall);
}

static const char *rules_missing(void *ctx)
{
	return keep_rules_missing(ctx);
}

static uint64_t rules_repaired(void *ctx)
{
	return ((struct daemon *)ctx)->rules.repaired;
}

static uint64_t forged(void *ctx)
{
	return firewall_forged(&((struct daemon *)ctx)->firewall);
}

/* resident() - what is reserved costs nothing until it is used, so the arena's size says little. */
static uint64_t resident(void *ctx)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int rule_change(void *ctx, const struct ctl_rule_change *change, char *why, size_t why_len)
{
	return clients_change(ctx, change, why, why_len);
}

static int rules(void *ctx, struct ctl_rule *rows, char *why, size_t why_len)
{
	return clients_list(ctx, rows, why, why_len);
}

void control_fill(struct daemon *d)
{
	d->ops = (struct ctl_ops){
		.ctx = d,
		.n_workers = n_workers,
		.run = run,
		.worker_stats = stats,
		.config = config,
		.config_path = config_path,
		.reload = reload,
		.upgrade = upgrade,
		.config_show = config_show,
		.set = set,
		.log_level = log_level,
		.rule_change = rule_change,
		.rules = rules,
		.now = now,
		.started = started,
		.event_count = event_count,
		.own_events = own_events,
		.attack_number = attack_number,
		.attack_row = attack_row,
		.firewall = firewall,
		.rules_missing = rules_missing,
		.rules_repaired = rules_repaired,
		.forged = forged,
		.resident = resident,
	};
}
