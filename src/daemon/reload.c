/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another configuration comes into force; nothing that runs is interrupted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clients.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/retire.h"

/* keep() - an option that cannot change while the daemon runs keeps its value; who asked is told. */
static void keep(void *new, const void *old, size_t size, const char *name, conf_report_fn *note,
		 void *arg)
{
	char text[128];

	if (memcmp(new, old, size) == 0)
		return;
	memcpy(new, old, size);
	snprintf(text, sizeof(text), "the change of \"%s\" waits for a restart of tcpguardd", name);
	log_message(LOG_WARNING, "%s", text);
	if (note)
		note(arg, text);
}

#define KEEP(field, name) keep(&new->field, &old->field, sizeof(old->field), name, note, arg)

static void keep_fixed_options(struct conf *new, const struct conf *old, conf_report_fn *note,
			       void *arg)
{
	KEEP(workers, "workers");
	KEEP(queue, "queue");
	KEEP(mark, "mark");
	KEEP(max_flows, "max-flows");
	KEEP(max_half_open, "max-half-open");
	KEEP(max_terminated, "terminate.connections");
	KEEP(terminate_memory, "terminate.memory");
	KEEP(control_socket, "control-socket");
	KEEP(control_group, "control-group");
	KEEP(state_dir, "state-dir");
	new->workers_auto = old->workers_auto;
	new->guard.workers = old->guard.workers;
}

/* The services of the rules are indices into the configuration: the two go together. */
struct configuration {
	const struct guard_config *guard;
	const struct rules *rules;
};

static void job_configure(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	const struct configuration *c = arg;

	guard_configure(g, now, c->guard);
	guard_set_rules(g, c->rules);
}

/* change_rules() - Return: 0, or a negative errno with @why filled; then the old ones are there. */
static int change_rules(struct daemon *d, const struct conf *new, char *why, size_t why_len)
{
	static struct retired_listens before; /* main thread only */
	char ignored[DAEMON_WHY_MAX];
	int rc;

	before = d->retired;
	retire_listens(&d->retired, &d->conf->guard, &new->guard);
	rc = daemon_install_rules(d, new, why, why_len);
	if (rc < 0) {
		d->retired = before;
		daemon_install_rules(d, d->conf, ignored, sizeof(ignored));
	}
	return rc;
}

/* change_all() - what may be refused, so that all of it or nothing changes. Return: likewise. */
static int change_all(struct daemon *d, const struct conf *new, char *why, size_t why_len)
{
	char ignored[DAEMON_WHY_MAX];
	int rc = daemon_check_memory(new, why, why_len);

	if (rc == 0)
		rc = metrics_change(d, d->conf->metrics, new->metrics, why, why_len);
	if (rc < 0)
		return rc;
	rc = change_rules(d, new, why, why_len);
	if (rc < 0)
		metrics_change(d, new->metrics, d->conf->metrics, ignored, sizeof(ignored));
	return rc;
}

/* put_in_force() - @new is taken over. */
static void put_in_force(struct daemon *d, struct conf *new)
{
	struct rules *rules = clients_prepare(d, new);
	struct configuration c = {&new->guard, rules};
	struct conf *old = d->conf;
	bool all;

	d->conf = new;
	all = daemon_each(d, job_configure, &c) == 0;
	clients_given(d, rules, all);
	if (all)
		conf_free(old);
	else /* a worker may look at the old one still, so it must live on */
		log_message(LOG_ERR,
			    "a worker did not take the new configuration; restart the daemon");
	daemon_log_open(d, new);
	keep_rules_look(d);
}

int daemon_reload(struct daemon *d, bool apply, conf_report_fn *report, conf_report_fn *note,
		  void *arg)
{
	char why[DAEMON_WHY_MAX];
	struct conf *new;

	if (conf_load(d->conf->path, &new, report, arg) < 0)
		return -EINVAL;
	if (!apply) {
		conf_free(new);
		return 0;
	}
	notify_reloading();
	keep_fixed_options(new, d->conf, note, arg);
	if (change_all(d, new, why, sizeof(why)) < 0) {
		report(arg, why);
		conf_free(new);
		notify_ready();
		return -EINVAL;
	}
	put_in_force(d, new); /* after the rules, so that no new service is without them */
	log_message(LOG_NOTICE, "configuration reloaded from %s", new->path);
	notify_ready();
	return 0;
}

/* What job_modes() reads: the modes in force, which may have been changed at run time. */
struct modes {
	uint32_t n;
	enum guard_mode mode[GUARD_SERVICES_MAX];
};

static void job_modes(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct modes *m = arg;
	struct service_report r;

	for (m->n = 0; m->n < GUARD_SERVICES_MAX; m->n++) {
		if (!guard_report_service(g, m->n, now, &r))
			break;
		m->mode[m->n] = r.mode;
	}
}

struct conf *daemon_current_conf(struct daemon *d)
{
	struct conf *c = malloc(sizeof(*c));
	struct modes modes = {0};

	if (!c)
		return NULL;
	*c = *d->conf;
	if (worker_run(d->worker[0], job_modes, &modes) == 0) {
		for (uint32_t i = 0; i < modes.n && i < c->guard.n_services; i++)
			c->guard.service[i].mode = modes.mode[i];
	}
	return c;
}

int daemon_set(struct daemon *d, const char *key, const char *value, char *why, size_t why_len)
{
	struct conf *new = daemon_current_conf(d);
	int rc;

	if (!new) {
		snprintf(why, why_len, "out of memory; try again");
		return -ENOMEM;
	}
	rc = conf_set(new, key, value, why, why_len);
	if (rc < 0) {
		free(new);
		return -EINVAL;
	}
	put_in_force(d, new); /* no option that changes like this is in the rules */
	return 0;
}
