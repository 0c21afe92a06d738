/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/retire.h"

#define CHECK_EVERY 10 /* calls of retire_check(), one a second */
#define ROWS	    256

static bool same(const struct guard_listen *a, const struct guard_listen *b)
{
	return a->plen == b->plen && a->port_low == b->port_low && a->port_high == b->port_high &&
	       ip_addr_eq(&a->prefix, &b->prefix);
}

static bool listed(const struct guard_listen *l, const struct guard_listen *list, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (same(l, &list[i]))
			return true;
	}
	return false;
}

void retire_listens(struct retired_listens *r, const struct guard_config *old,
		    const struct guard_config *new)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < r->n; i++) { /* some may have come back */
		if (!listed(&r->listen[i], new->listen, new->n_listens))
			r->listen[kept++] = r->listen[i];
	}
	r->n = kept;
	for (uint32_t i = 0; i < old->n_listens && r->n < GUARD_LISTENS_MAX; i++) {
		const struct guard_listen *l = &old->listen[i];

		if (!listed(l, new->listen, new->n_listens) && !listed(l, r->listen, r->n))
			r->listen[r->n++] = *l;
	}
}

/* One step of looking through a worker's flows. */
struct search {
	const struct retired_listens *retired;
	uint32_t cursor;
	bool found;
	struct flow_report row[ROWS];
};

static bool is_retired(const struct retired_listens *r, const struct flow_report *f)
{
	for (uint32_t i = 0; i < r->n; i++) {
		const struct guard_listen *l = &r->listen[i];

		if (f->server_port >= l->port_low && f->server_port <= l->port_high &&
		    ip_addr_in_prefix(&f->server, &l->prefix, l->plen))
			return true;
	}
	return false;
}

static void job_search(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct search *s = arg;
	uint32_t n = guard_report_flows(g, now, &s->cursor, s->row, ROWS);

	for (uint32_t i = 0; i < n && !s->found; i++)
		s->found = s->row[i].kind == FLOW_SPLICED && is_retired(s->retired, &s->row[i]);
}

/* in_use() - does any worker still translate for a retired listen? True if in doubt. */
static bool in_use(struct daemon *d)
{
	static struct search s; /* too large for the stack; main thread only */

	for (uint32_t i = 0; i < d->n_workers; i++) {
		s.retired = &d->retired;
		s.cursor = 0;
		s.found = false;
		while (!s.found && s.cursor != INDEX_NONE) {
			if (worker_run(d->worker[i], job_search, &s) < 0)
				return true;
		}
		if (s.found)
			return true;
	}
	return false;
}

void retire_check(struct daemon *d)
{
	char why[DAEMON_WHY_MAX];
	uint32_t n = d->retired.n;

	if (n == 0 || ++d->retired.waited < CHECK_EVERY)
		return;
	d->retired.waited = 0;
	if (in_use(d))
		return;
	d->retired.n = 0;
	if (daemon_install_rules(d, d->conf, why, sizeof(why)) < 0) {
		d->retired.n = n;
		log_message(LOG_WARNING, "%s", why);
		return;
	}
	log_message(LOG_INFO, "the last spliced connection of a removed listen is over");
}
