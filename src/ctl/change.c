/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config, mode, set, kill, log: what changes the daemon, and the configuration as text. */
#include "ctl/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
	struct jw *j;
	const char *key;
	uint32_t n;
};

static void write_line(void *arg, const char *line)
{
	struct lines *l = arg;

	jw_row_begin(l->j);
	jw_str(l->j, l->key, line);
	jw_row_end(l->j);
	l->n++;
}

/* config_load() - check the file, and with @apply put it in force. */
static enum step config_load(struct request *r, bool apply)
{
	struct lines l = {&r->out, "problem", 0};
	const char *path = r->ops->config_path(r->ops->ctx);

	if (r->ops->reload(r->ops->ctx, apply, write_line, &l))
		return request_fail(r, "%s has %u error%s%s", path, l.n, l.n == 1 ? "" : "s",
				    apply ? "; the old configuration stays in force" : "");
	jw_row_begin(&r->out);
	jw_str(&r->out, "config", r->ops->config_path(r->ops->ctx));
	jw_str(&r->out, "result", apply ? "in force" : "no errors");
	jw_row_end(&r->out);
	return STEP_DONE;
}

enum step ctl_config(struct request *r)
{
	const char *what = request_arg(r, 0);
	struct lines l = {&r->out, "line", 0};

	if (strcmp(what, "show") == 0) {
		r->ops->config_show(r->ops->ctx, write_line, &l);
		return STEP_DONE;
	}
	if (strcmp(what, "check") == 0)
		return config_load(r, false);
	if (strcmp(what, "reload") == 0)
		return r->may_change ? config_load(r, true) : request_denied(r);
	return request_fail(r, "usage: config show|check|reload");
}

struct mode_job {
	uint32_t index;
	enum guard_mode mode;
	int error;
};

static void job_mode(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct mode_job *m = arg;

	m->error = guard_set_mode(g, now, m->index, m->mode);
}

enum step ctl_mode(struct request *r)
{
	uint32_t workers = r->ops->n_workers(r->ops->ctx);
	int index = request_service(r, request_arg(r, 0));
	int mode = guard_mode_parse(request_arg(r, 1));
	struct mode_job m;

	if (index < 0)
		return STEP_FAILED;
	if (mode < 0)
		return request_fail(r,
				    "unknown mode \"%.64s\"; use off, monitor, adaptive or always",
				    request_arg(r, 1));
	m = (struct mode_job){index, mode, 0};
	for (uint32_t w = 0; w < workers; w++) {
		if (request_run(r, w, job_mode, &m))
			return STEP_FAILED;
		if (m.error)
			return request_fail(r, "worker %u does not know the service \"%.64s\": %s",
					    w, request_arg(r, 0), strerror(-m.error));
	}
	return STEP_DONE;
}

enum step ctl_set(struct request *r)
{
	char why[400] = "";

	if (r->ops->set(r->ops->ctx, request_arg(r, 0), request_arg(r, 1), why, sizeof(why)))
		return request_fail(r, "%s", why[0] ? why : "that cannot be set");
	return STEP_DONE;
}

struct kill_job {
	uint32_t id;
	int error;
};

static void job_kill(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct kill_job *k = arg;

	k->error = guard_kill(g, now, k->id, out);
}

/* parse_flow() - "W:ID" as conns shows it. */
static int parse_flow(const char *text, uint32_t *worker, uint32_t *id)
{
	unsigned long long w, i;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	w = strtoull(text, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9')
		return -EINVAL;
	i = strtoull(end + 1, &end, 10);
	if (*end || w > UINT32_MAX || i > UINT32_MAX)
		return -EINVAL;
	*worker = w;
	*id = i;
	return 0;
}

enum step ctl_kill(struct request *r)
{
	const char *flow = request_arg(r, 0);
	struct kill_job k = {0};
	uint32_t worker;

	if (parse_flow(flow, &worker, &k.id))
		return request_fail(
			r, "\"%.64s\" is no flow; `conns` shows their ids, such as 0:12", flow);
	if (worker >= r->ops->n_workers(r->ops->ctx))
		return request_fail(r, "there is no worker %u", worker);
	if (request_run(r, worker, job_kill, &k))
		return STEP_FAILED;
	if (k.error)
		return request_fail(r, "there is no flow %.64s; it may have ended", flow);
	return STEP_DONE;
}

enum step ctl_log(struct request *r)
{
	if (r->ops->log_level(r->ops->ctx, request_arg(r, 0)))
		return request_fail(
			r, "unknown level \"%.64s\"; use err, warning, notice, info or debug",
			request_arg(r, 0));
	return STEP_DONE;
}

enum step ctl_upgrade(struct request *r)
{
	char said[512] = "";

	if (r->ops->upgrade(r->ops->ctx, said, sizeof(said)) < 0)
		return request_fail(r, "%s; nothing has changed", said);
	jw_row_begin(&r->out);
	jw_str(&r->out, "successor", said);
	jw_row_end(&r->out);
	return STEP_DONE;
}
