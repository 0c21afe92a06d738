/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/keep_datapath.h"

#include <stdio.h>

#include "daemon/clock.h"
#include "daemon/daemon.h"

#define REPAIRS_MAX  5
#define WORKERS_EACH 4 /* whose queues are looked at in one second: /proc is slow to read */
#define REPAIR_EVERY (60 * USEC_PER_SEC)

static const struct bucket_rate repair_rate = {
	.interval_ns = 1000 * REPAIR_EVERY,
	.depth_ns = 1000 * REPAIR_EVERY * REPAIRS_MAX,
};

static void __attribute__((format(printf, 3, 4)))
tell(struct daemon *d, enum guard_event_kind kind, const char *format, ...)
{
	char text[DAEMON_WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	events_note(d, kind, "", text);
}

/* ---- queues ---- */

/* mend_queue() - of worker @w. Return: was one missing? */
static bool mend_queue(struct daemon *d, struct worker *w)
{
	uint32_t owner, ignored;
	uint16_t number, other;

	if (!worker_lost_queue(w, &number, &owner))
		return false;
	if (!bucket_take(&d->datapath.queues, &repair_rate, clock_now())) {
		if (!d->datapath.queue_said)
			tell(d, GUARD_EVENT_QUEUE_LOST,
			     "number %u; this happens again and again, so it is tried once a minute",
			     number);
		d->datapath.queue_said = true;
		return true;
	}
	worker_bind_again(w, number);
	if (!worker_lost_queue(w, &other, &ignored) || other != number)
		tell(d, GUARD_EVENT_QUEUE_LOST, "number %u; taken again", number);
	else if (owner)
		tell(d, GUARD_EVENT_QUEUE_LOST,
		     "number %u; it belongs to another process now (netlink port %u): end that, or "
		     "set \"queue\" to another number and restart",
		     number, owner);
	else
		tell(d, GUARD_EVENT_QUEUE_LOST, "number %u; it cannot be had again", number);
	return true;
}

static void check_queues(struct daemon *d)
{
	uint32_t n = d->n_workers < WORKERS_EACH ? d->n_workers : WORKERS_EACH;
	bool lost = false;

	for (uint32_t i = 0; i < n; i++)
		lost |= mend_queue(d, d->worker[d->datapath.next++ % d->n_workers]);
	if (!lost)
		d->datapath.queue_said = false;
}

/* ---- the device ---- */

/* lost_device() - what has happened to any worker's; NULL: nothing. @wanted: one has none yet. */
static const char *lost_device(const struct daemon *d, bool *wanted)
{
	const char *what = NULL;

	*wanted = false;
	for (uint32_t i = 0; i < d->n_workers; i++) {
		*wanted |= worker_wants_device(d->worker[i]);
		if (!what)
			what = worker_lost_device(d->worker[i]);
	}
	return what;
}

/* renew_devices() - of all workers: it is one device with a queue for each. */
static int renew_devices(struct daemon *d, char why[TUN_WHY_MAX])
{
	int rc = 0;

	for (uint32_t i = 0; i < d->n_workers && rc == 0; i++)
		rc = worker_renew_device(d->worker[i], why);
	return rc;
}

static void check_device(struct daemon *d)
{
	char name[TUN_NAME_MAX], why[TUN_WHY_MAX] = "";
	bool wanted;
	const char *what = lost_device(d, &wanted);
	int rc;

	if (!what && !wanted) {
		d->datapath.device_said = false;
		return;
	}
	tun_name(name, d->conf->queue);
	if (!bucket_take(&d->datapath.devices, &repair_rate, clock_now())) {
		if (what && !d->datapath.device_said)
			tell(d, GUARD_EVENT_DEVICE_LOST,
			     "%s %s; this happens again and again, so it is tried once a minute; long "
			     "packets are cut here meanwhile",
			     name, what);
		d->datapath.device_said = true;
		return;
	}
	rc = renew_devices(d, why);
	if (what && rc == 0)
		tell(d, GUARD_EVENT_DEVICE_LOST, "%s %s; made anew", name, what);
	else if (what)
		tell(d, GUARD_EVENT_DEVICE_LOST,
		     "%s %s and cannot be made anew: %s; long packets are cut here, which costs time",
		     name, what, why);
}

void keep_datapath(struct daemon *d)
{
	check_queues(d);
	check_device(d);
}
