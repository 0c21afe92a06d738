/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/attacks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/history_file.h"

#define LEADER	    0 /* the worker whose guard keeps the records */
#define POLL_EVERY  USEC_PER_SEC
#define CHUNK	    32 /* services that one job looks at */
#define UPDATES_MAX 4 /* changes of one attack in one poll */

static struct history_now now(void)
{
	return (struct history_now){clock_now(), (int64_t)clock_of(CLOCK_REALTIME)};
}

/* ---- the operator's command ---- */

static void command_failed(void *arg, const char *subject, const char *why)
{
	events_note(arg, GUARD_EVENT_ON_ATTACK_FAILED, subject, why);
}

/* write_facts() - one row, for standard input. */
static void write_facts(struct jw *j, const struct attack_facts *facts, const char *event)
{
	jw_row_begin(j);
	jw_str(j, "event", event);
	facts_write(j, facts);
	jw_row_end(j);
}

static void call_command(struct daemon *d, const struct attack_facts *facts, const char *event)
{
	const char *service = facts->report->service;
	int index = guard_config_service(&d->conf->guard, service);
	const char *command = conf_on_attack(d->conf, index < 0 ? UINT32_MAX : (uint32_t)index);
	struct jw j = {0};
	char **env;

	if (!command)
		return;
	env = facts_env(facts, event);
	write_facts(&j, facts, event);
	if (env && !j.failed)
		runner_call(d->attacks.runner, &(struct runner_call){
						       .command = command,
						       .subject = service,
						       .key = facts->number,
						       .limit = d->conf->on_attack_timeout,
						       .env = env,
						       .text = j.data,
						       .text_len = j.len,
					       });
	else
		command_failed(d, service, "out of memory");
	facts_env_free(env);
	jw_free(&j);
}

static void tell(struct daemon *d, enum history_change change, const struct attack_facts *facts)
{
	static const char *const names[] = {
		[HISTORY_BEGAN] = "begin",
		[HISTORY_CLASS] = "class",
		[HISTORY_ENDED] = "end",
	};

	call_command(d, facts, names[change]);
}

/* ---- asking the guards ---- */

struct fetch {
	uint32_t from; /* index of a service */
	bool last; /* there are no more services */
	uint32_t n;
	struct attack_report row[CHUNK];
};

static void job_fetch(struct guard *g, usec_t at, struct actions *out, void *arg)
{
	struct fetch *f = arg;
	uint32_t end = f->from + CHUNK;

	f->n = 0;
	f->last = end >= g->config->n_services;
	for (; f->from < end; f->from++)
		if (guard_report_attack(g, f->from, &f->row[f->n]))
			f->n++;
}

static void take(struct daemon *d, const struct attack_report *r, const struct history_now *at)
{
	struct attack_facts facts;
	enum history_change change;

	for (int i = 0; i < UPDATES_MAX; i++) {
		change = history_update(d->attacks.history, r, at, &facts);
		if (change == HISTORY_SAME)
			return;
		tell(d, change, &facts);
	}
}

/* take_all() - Return: has the guard answered? */
static bool take_all(struct daemon *d)
{
	static struct fetch f; /* main thread only */
	struct history_now at;

	f.from = 0;
	do {
		if (worker_run(d->worker[LEADER], job_fetch, &f) < 0)
			return false;
		at = now();
		for (uint32_t i = 0; i < f.n; i++)
			take(d, &f.row[i], &at);
	} while (!f.last);
	return true;
}

void attacks_poll(struct daemon *d, bool at_once)
{
	struct attack_facts facts;
	struct history_now at = now();

	if (!d->attacks.history || (!at_once && at.guard - d->attacks.polled < POLL_EVERY))
		return;
	d->attacks.polled = at.guard;
	if (take_all(d)) {
		at = now();
		while (history_missing(d->attacks.history, &at, &facts))
			tell(d, HISTORY_ENDED, &facts);
	}
	history_flush(d->attacks.history, &at);
}

/* ---- looking ---- */

bool attacks_own_directory(const struct daemon *d)
{
	return history_owns_directory(d->attacks.history);
}

uint64_t attacks_number(const struct daemon *d, const char *service, usec_t at)
{
	return history_number(d->attacks.history, service, at);
}

uint64_t attacks_row(const struct daemon *d, uint64_t after, const char *service, struct jw *out)
{
	struct history_now at = now();

	return history_row(d->attacks.history, after, service, &at, out);
}

/* ---- the stage ---- */

static void on_trouble(void *arg, enum history_trouble trouble, const char *why)
{
	static const enum guard_event_kind kinds[] = {
		[HISTORY_LOST] = GUARD_EVENT_HISTORY_LOST,
		[HISTORY_BACK] = GUARD_EVENT_HISTORY_BACK,
		[HISTORY_DAMAGED] = GUARD_EVENT_STATE_DAMAGED,
	};

	events_note(arg, kinds[trouble], "", why);
}

int attacks_start(struct daemon *d, char *why, size_t why_len)
{
	d->attacks.runner = runner_new(d->base, command_failed, d);
	d->attacks.history = history_new(d->conf->state_dir, HISTORY_FILE_MAX, on_trouble, d);
	if (d->attacks.runner && d->attacks.history)
		return 0;
	snprintf(why, why_len, "out of memory");
	return -ENOMEM;
}

void attacks_open(struct daemon *d)
{
	struct history_now at = now();

	history_open(d->attacks.history, &at);
}

void attacks_stop(struct daemon *d)
{
	struct history_now at = now();

	runner_free(d->attacks.runner);
	history_free(d->attacks.history, &at);
	d->attacks = (struct attacks){0};
}
