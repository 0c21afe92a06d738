/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status, drops, version. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "ctl/commands.h"

#include <stdlib.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

enum step ctl_version(struct request *r)
{
	jw_row_begin(&r->out);
	jw_str(&r->out, "version", PACKAGE_VERSION);
	jw_row_end(&r->out);
	return STEP_DONE;
}

static void job_report(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	guard_report(g, arg);
}

int ctl_sum_reports(struct request *r, struct guard_report *sum)
{
	uint32_t workers = r->ops->n_workers(r->ops->ctx);

	*sum = (struct guard_report){0};
	for (uint32_t w = 0; w < workers; w++) {
		struct guard_report one = {0};
		int error = request_run(r, w, job_report, &one);

		if (error)
			return error;
		sum->arena_bytes += one.arena_bytes;
		sum->flows_max += one.flows_max;
		sum->flows_used += one.flows_used;
		sum->half_open_max += one.half_open_max;
		sum->half_open_used += one.half_open_used;
		sum->terminated_max += one.terminated_max;
		sum->terminated_used += one.terminated_used;
		sum->chunk_bytes_max += one.chunk_bytes_max;
		sum->chunk_bytes_used += one.chunk_bytes_used;
		sum->chunk_bytes_peak += one.chunk_bytes_peak;
		sum->half_open_entry_bytes = one.half_open_entry_bytes;
		sum->flow_entry_bytes = one.flow_entry_bytes;
		sum->unguarded += one.unguarded;
		for (int i = 0; i < GUARD_DROP_COUNT; i++)
			sum->drops[i] += one.drops[i];
	}
	return 0;
}

static void write_worker(struct request *r, uint32_t w)
{
	struct ctl_worker_stats s = {0};
	struct jw *j = &r->out;

	r->ops->worker_stats(r->ops->ctx, w, &s);
	jw_object_begin(j, NULL);
	jw_u64(j, "worker", w);
	jw_u64(j, "queue", s.queue);
#define WORKER_COUNTER(name, text) jw_u64(j, #name, s.name);
#include "ctl/worker.def"
#undef WORKER_COUNTER
	jw_u64(j, "cpu_ms", s.cpu / USEC_PER_MSEC);
	jw_object_end(j);
}

static void write_attacked(struct jw *j, const struct service_sums *sums)
{
	jw_u64(j, "services", sums->n);
	jw_array_begin(j, "attacked");
	for (uint32_t i = 0; i < sums->n; i++)
		if (sums->row[i].state >= GUARD_ATTACK)
			jw_str(j, NULL, sums->row[i].service);
	jw_array_end(j);
}

static void write_status(struct request *r, const struct guard_report *sum,
			 const struct service_sums *sums)
{
	const struct ctl_ops *ops = r->ops;
	uint32_t workers = ops->n_workers(ops->ctx);
	struct jw *j = &r->out;

	jw_row_begin(j);
	jw_str(j, "version", PACKAGE_VERSION);
	jw_u64(j, "uptime_ms", (ops->now(ops->ctx) - ops->started(ops->ctx)) / USEC_PER_MSEC);
	jw_str(j, "config", ops->config_path(ops->ctx));
	jw_str(j, "firewall", ops->firewall(ops->ctx));
	jw_str(j, "rules_missing", ops->rules_missing(ops->ctx));
	jw_u64(j, "rules_repaired", ops->rules_repaired(ops->ctx));
	write_attacked(j, sums);
	jw_u64(j, "flows", sum->flows_used);
	jw_u64(j, "flows_max", sum->flows_max);
	jw_u64(j, "half_open", sum->half_open_used);
	jw_u64(j, "half_open_max", sum->half_open_max);
	jw_u64(j, "terminated", sum->terminated_used);
	jw_u64(j, "terminated_max", sum->terminated_max);
	jw_u64(j, "data_bytes", sum->chunk_bytes_used);
	jw_u64(j, "data_bytes_peak", sum->chunk_bytes_peak);
	jw_u64(j, "data_bytes_max", sum->chunk_bytes_max);
	jw_u64(j, "resident_bytes", ops->resident(ops->ctx));
	jw_u64(j, "arena_bytes", sum->arena_bytes);
	jw_u64(j, "flow_entry_bytes", sum->flow_entry_bytes);
	jw_u64(j, "half_open_entry_bytes", sum->half_open_entry_bytes);
	jw_u64(j, "unguarded", sum->unguarded);
	jw_u64(j, "forged", ops->forged(ops->ctx));
	jw_array_begin(j, "workers");
	for (uint32_t w = 0; w < workers; w++)
		write_worker(r, w);
	jw_array_end(j);
	jw_row_end(j);
}

enum step ctl_status(struct request *r)
{
	struct service_sums *sums = calloc(1, sizeof(*sums));
	struct guard_report sum;
	enum step step = STEP_FAILED;

	if (!sums)
		return request_fail(r, "out of memory; try again");
	if (!ctl_sum_reports(r, &sum) && !ctl_sum_services(r, sums)) {
		write_status(r, &sum, sums);
		step = STEP_DONE;
	}
	free(sums);
	return step;
}

enum step ctl_drops(struct request *r)
{
	struct guard_report sum;

	if (ctl_sum_reports(r, &sum))
		return STEP_FAILED;
	for (int i = GUARD_DROP_NONE + 1; i < GUARD_DROP_COUNT; i++) {
		jw_row_begin(&r->out);
		jw_str(&r->out, "reason", guard_drop_key(i));
		jw_str(&r->out, "text", guard_drop_text(i));
		jw_u64(&r->out, "count", sum.drops[i]);
		jw_row_end(&r->out);
	}
	return STEP_DONE;
}
