/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody has taken away from a worker, given back from the main thread. */
#include <string.h>

#include "daemon/worker_internal.h"

/* ---- queues ---- */

struct binding {
	struct worker *worker;
	uint16_t number;
};

static void job_bind(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	const struct binding *b = arg;

	nfqueue_bind_again(b->worker->queue, b->number);
}

bool worker_lost_queue(const struct worker *w, uint16_t *number, uint32_t *owner)
{
	return nfqueue_lost(w->queue, number, owner);
}

int worker_bind_again(struct worker *w, uint16_t number)
{
	struct binding b = {w, number};

	return worker_run(w, job_bind, &b);
}

/* ---- the device for long packets ---- */

struct renewal {
	struct worker *worker;
	struct tun tun; /* the new one; then the old one */
};

static void job_renew(struct guard *g, usec_t now, struct actions *out, void *arg)
{
	struct renewal *r = arg;
	struct tun old = r->worker->output.tun;

	r->worker->output.tun = r->tun;
	r->tun = old;
}

const char *worker_lost_device(const struct worker *w)
{
	return tun_broken(&w->output.tun);
}

bool worker_wants_device(const struct worker *w)
{
	return w->output.tun.fd < 0 && worker_sends_large(w);
}

int worker_renew_device(struct worker *w, char why[TUN_WHY_MAX])
{
	struct renewal r = {.worker = w};
	int rc = tun_open(&r.tun, w->config.queue, (uint16_t)w->config.index);

	if (rc < 0)
		tun_why(&r.tun, 4, why);
	else
		rc = worker_run(w, job_renew, &r);
	if (rc < 0 && r.tun.fd >= 0)
		snprintf(why, TUN_WHY_MAX, "a worker does not answer");
	tun_close(&r.tun);
	return rc;
}
