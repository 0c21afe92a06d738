/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends: what the workers know of each server. Every worker learns on its own, so the tables are
 * read first (collect), and of the rows about one server the freshest is shown (emit). A worker that has
 * met a server's resets only knows none of its options; another one may.
 */
#include "ctl/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK	 64
#define ROWS_MAX 65536 /* of all workers together: bounds the memory of one request */

struct backends {
	bool collected;
	uint32_t worker, cursor; /* collecting */
	uint32_t n, cap;
	uint32_t next; /* emitting */
	struct backend_report *row;
	uint32_t got;
	struct backend_report chunk[CHUNK];
};

const size_t ctl_backends_state_bytes = sizeof(struct backends);

void ctl_backends_end(struct request *r)
{
	struct backends *b = r->state;

	free(b->row);
}

static void job_backends(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct backends *b = arg;

	b->got = guard_report_backends(g, now, &b->cursor, b->chunk, CHUNK);
}

/* same_server() - orders by service, address and port. */
static int same_server(const struct backend_report *a, const struct backend_report *b)
{
	int d = strcmp(a->service, b->service);

	if (d == 0)
		d = memcmp(&a->addr, &b->addr, sizeof(a->addr));
	if (d == 0)
		d = (a->port > b->port) - (a->port < b->port);
	return d;
}

/* compare() - by server, the freshest first. */
static int compare(const void *pa, const void *pb)
{
	const struct backend_report *a = pa, *b = pb;
	int d = same_server(a, b);

	return d ? d : (a->age > b->age) - (a->age < b->age);
}

static bool make_room(struct backends *b)
{
	uint32_t cap = b->cap ? 2 * b->cap : 4 * CHUNK;
	struct backend_report *row;

	if (b->n + CHUNK <= b->cap)
		return true;
	row = realloc(b->row, cap * sizeof(*row));
	if (!row)
		return false;
	b->row = row;
	b->cap = cap;
	return true;
}

static enum step collect(struct request *r, struct backends *b)
{
	if (b->worker >= r->ops->n_workers(r->ops->ctx) || b->n + CHUNK > ROWS_MAX) {
		if (b->n > 0)
			qsort(b->row, b->n, sizeof(*b->row), compare);
		b->collected = true;
		return STEP_MORE;
	}
	if (!make_room(b))
		return request_fail(r, "out of memory; try again");
	if (request_run(r, b->worker, job_backends, b))
		return STEP_FAILED;
	memcpy(b->row + b->n, b->chunk, b->got * sizeof(*b->row));
	b->n += b->got;
	if (b->cursor == INDEX_NONE) {
		b->cursor = 0;
		b->worker++;
	}
	return STEP_MORE;
}

/* is_freshest() - does the row @i come before all others about its server? */
static bool is_freshest(const struct backends *b, uint32_t i)
{
	return i == 0 || same_server(&b->row[i - 1], &b->row[i]) != 0;
}

/* learned() - of the rows about the server of row @i, the freshest that knows its options; NULL: none. */
static const struct backend_report *learned(const struct backends *b, uint32_t i)
{
	for (uint32_t k = i; k < b->n && same_server(&b->row[i], &b->row[k]) == 0; k++) {
		if (b->row[k].learned)
			return &b->row[k];
	}
	return NULL;
}

static const char *state_of(const struct backend_report *b, bool known)
{
	if (b->down)
		return "down";
	return known ? "up" : "unknown";
}

/* write_options() - @b: where they were learned; NULL: all are unknown. */
static void write_options(struct jw *j, const struct backend_report *b)
{
	static const char *const keys[] = {"mss", "wscale", "sack", "timestamps",
					   "ecn", "window", "ttl"};

	jw_bool(j, "learned", b != NULL);
	for (size_t i = 0; !b && i < ARRAY_SIZE(keys); i++)
		jw_null(j, keys[i]);
	if (!b)
		return;
	jw_u64(j, "mss", b->mss);
	if (b->wscale < 0)
		jw_null(j, "wscale");
	else
		jw_u64(j, "wscale", b->wscale);
	jw_bool(j, "sack", b->sack);
	jw_bool(j, "timestamps", b->timestamps);
	jw_bool(j, "ecn", b->ecn);
	jw_u64(j, "window", b->window);
	jw_u64(j, "ttl", b->ttl);
}

static void write_backend(struct jw *j, const struct backends *all, uint32_t i)
{
	const struct backend_report *b = &all->row[i], *options = learned(all, i);
	char server[IP_ENDPOINT_STRLEN];

	jw_row_begin(j);
	jw_str(j, "service", b->service);
	jw_str(j, "server", ip_endpoint_format(&b->addr, b->port, server));
	jw_str(j, "state", state_of(b, options));
	write_options(j, options);
	jw_u64(j, "age_ms", b->age / USEC_PER_MSEC);
	jw_row_end(j);
}

enum step ctl_backends(struct request *r)
{
	struct backends *b = r->state;

	if (!b->collected)
		return collect(r, b);
	for (uint32_t i = 0; i < CTL_FLOWS_CHUNK && b->next < b->n; i++, b->next++)
		if (is_freshest(b, b->next))
			write_backend(&r->out, b, b->next);
	return b->next < b->n ? STEP_MORE : STEP_DONE;
}

/* count() - one that nothing is known of counts nowhere. */
static void count(const struct backend_report *row, bool known, const struct service_sums *sums,
		  struct server_counts *counts)
{
	for (uint32_t i = 0; i < sums->n; i++) {
		if (strcmp(sums->row[i].service, row->service) != 0)
			continue;
		if (row->down)
			counts[i].down++;
		else if (known)
			counts[i].up++;
		return;
	}
}

int ctl_count_servers(struct request *r, const struct service_sums *sums,
		      struct server_counts counts[GUARD_SERVICES_MAX])
{
	struct backends *b = calloc(1, sizeof(*b));
	int error = 0;

	if (!b) {
		request_fail(r, "out of memory; try again");
		return -ENOMEM;
	}
	while (!b->collected && !error)
		error = collect(r, b) == STEP_FAILED ? -EIO : 0;
	memset(counts, 0, GUARD_SERVICES_MAX * sizeof(*counts));
	for (uint32_t i = 0; i < b->n && !error; i++)
		if (is_freshest(b, i))
			count(&b->row[i], learned(b, i), sums, counts);
	free(b->row);
	free(b);
	return error;
}
