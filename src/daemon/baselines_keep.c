/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saving what was learned, and giving it back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/baselines.h"
#include "daemon/clock.h"
#include "daemon/daemon.h"
#include "daemon/state_file.h"

#define LEADER	 0 /* the worker whose guard knows what all have learned */
#define FILE_MAX (256 * 1024)

/* Of all services, or the part of them that the guard has. */
struct rows {
	uint32_t n;
	struct guard_baseline row[GUARD_SERVICES_MAX];
};

static void job_get(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct rows *r = arg;

	r->n = 0;
	for (uint32_t i = 0; i < g->config->n_services; i++)
		if (guard_baseline_get(g, i, &r->row[r->n]) && r->row[r->n].learned > 0)
			r->n++;
}

static void job_put(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	const struct rows *r = arg;

	for (uint32_t i = 0; i < r->n; i++)
		guard_baseline_put(g, &r->row[i]);
}

/* save() - Return: 0 or a negative errno with @why filled. */
static int save(struct daemon *d, struct rows *r, char *why, size_t why_len)
{
	struct jw j = {0};
	int rc;

	if (worker_run(d->worker[LEADER], job_get, r) < 0 || r->n == 0)
		return 0; /* nothing that would be worth more than what is there */
	baselines_write(&j, r->row, r->n);
	if (j.failed) {
		snprintf(why, why_len, "out of memory");
		rc = -ENOMEM;
	} else {
		rc = state_file_write(d->conf->state_dir, BASELINES_FILE, j.data, j.len, why,
				      why_len);
	}
	jw_free(&j);
	return rc;
}

static void save_and_tell(struct daemon *d)
{
	struct rows *r = malloc(sizeof(*r));
	char why[DAEMON_WHY_MAX] = "out of memory";
	bool lost = !r || save(d, r, why, sizeof(why)) < 0;

	free(r);
	if (lost && !d->baselines_lost)
		events_note(d, GUARD_EVENT_BASELINES_LOST, "", why);
	d->baselines_lost = lost;
}

void baselines_check(struct daemon *d)
{
	if (clock_now() < d->baselines_due)
		return;
	d->baselines_due = clock_now() + BASELINES_PERIOD;
	if (attacks_own_directory(d))
		save_and_tell(d);
}

/* set_aside() - name a damaged file once; who wonders finds it under another name. */
static void set_aside(const struct daemon *d)
{
	char from[STATE_FILE_PATH_MAX], to[STATE_FILE_PATH_MAX + 16];

	snprintf(from, sizeof(from), "%s/%s", d->conf->state_dir, BASELINES_FILE);
	snprintf(to, sizeof(to), "%s.damaged", from);
	if (attacks_own_directory(d))
		(void)!rename(from, to); /* if not, it is named again */
}

static void restore(struct daemon *d, const char *text, size_t len, struct rows *r)
{
	char reason[160], why[DAEMON_WHY_MAX];
	int n = baselines_read(text, len, r->row, reason, sizeof(reason));

	if (n >= 0) {
		r->n = (uint32_t)n;
		daemon_each(d, job_put, r); /* each takes what it needs to judge its own part */
		return;
	}
	snprintf(why, sizeof(why), "%s/%s: %s; what was learned has to be learned again",
		 d->conf->state_dir, BASELINES_FILE, reason);
	events_note(d, GUARD_EVENT_STATE_DAMAGED, "", why);
	set_aside(d);
}

void baselines_restore(struct daemon *d)
{
	struct rows *r = malloc(sizeof(*r));
	char text[DAEMON_WHY_MAX], *data;
	size_t len;
	int rc;

	if (!r)
		return;
	rc = state_file_read(d->conf->state_dir, BASELINES_FILE, FILE_MAX, &data, &len, text,
			     sizeof(text));
	if (rc == 0)
		restore(d, data, len, r);
	else if (rc != -ENOENT)
		events_note(d, GUARD_EVENT_STATE_DAMAGED, "", text);
	free(data);
	free(r);
}

int baselines_start(struct daemon *d, char *why, size_t why_len)
{
	d->baselines_due = clock_now() + BASELINES_PERIOD;
	return 0;
}

void baselines_stop(struct daemon *d)
{
	if (attacks_own_directory(d))
		save_and_tell(d);
}
