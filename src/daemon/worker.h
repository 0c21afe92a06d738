/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker: a thread with its own queues, its own guard and its own event loop. Workers share the
 * (constant) configuration and the board; other threads reach a guard only by worker_run().
 */
#ifndef TCPGUARD_DAEMON_WORKER_H
#define TCPGUARD_DAEMON_WORKER_H

#include "conf/conf.h"
#include "core/adopt.h"
#include "ctl/ops.h"
#include "daemon/board.h"
#include "daemon/handover.h"
#include "datapath/tun.h"

struct worker;

/* Queues of each: the header queues of all workers come first, then the full ones, then the whole ones. */
#define WORKER_QUEUES CONF_WORKER_QUEUES

struct worker_config {
	uint32_t index, workers;
	uint16_t queue; /* first header queue of the daemon; this worker's is queue + index */
	uint32_t mark;
	struct guard_limits limits; /* of this worker */
	const struct guard_config *guard; /* borrowed until worker_run() configures another */
	struct board *board; /* borrowed until the worker is closed; NULL: it is alone */
	const uint8_t *seed; /* GUARD_SEED_BYTES, the same for all workers */
	struct handover
		*handover; /* what an earlier process has left; borrowed while it is opened */
};

/*
 * worker_new() - make a worker, which at once begins to adopt what an earlier process has left it.
 * @out: filled; NULL on failure. @why: filled with one sentence on failure.
 * Return: 0 or a negative errno.
 */
int worker_new(struct worker **out, const struct worker_config *c, char *why, size_t why_len);

/* worker_forget_queue() - tell who keeps it that queue @number is not to be kept any more. */
void worker_forget_queue(uint32_t number);

/* worker_settle() - wait until it has adopted that. */
void worker_settle(struct worker *w);

/* worker_open() - arena, guard, queues, sockets. Its thread does not run yet. Return: as worker_new(). */
int worker_open(struct worker *w, char *why, size_t why_len);

/* worker_start() - let it run. worker_stop() - it runs no more; 0, or -ETIMEDOUT: it does not listen. */
int worker_start(struct worker *w);
int worker_stop(struct worker *w);

/*
 * worker_adopted() - what it has taken over from an earlier process.
 * @fault: why not, if it has not, although something was there; else ARENA_NONE. Return: has it?
 */
bool worker_adopted(const struct worker *w, struct guard_adoption *done, enum arena_fault *fault);

/* worker_seed() - as guard_seed(), before it runs. */
void worker_seed(const struct worker *w, uint8_t seed[GUARD_SEED_BYTES]);

/* worker_bury() - as guard_bury(), before it runs. */
uint32_t worker_bury(struct worker *w, const void *old, size_t bytes);

/* worker_grave() - the arena that it has refused; NULL: none. The worker's, until worker_start(). */
const void *worker_grave(const struct worker *w, size_t *bytes);

/* worker_hand_over() - add to @h what another process needs to go on with it. Return: 0 or a negative errno. */
int worker_hand_over(const struct worker *w, struct handover *h);

/* worker_note_crash() - the process is about to crash. Safe in a signal handler. */
void worker_note_crash(struct worker *w);

/*
 * worker_run() - run @job on the worker's thread and wait for it. What it put into its outbox is
 * sent. One caller at a time.
 * Return: 0; -ETIMEDOUT if the worker did not take it within a second, then it never runs;
 * -ESRCH if the worker does not run.
 */
int worker_run(struct worker *w, ctl_job_fn *job, void *arg);

/* worker_stats() - from any thread, while the worker runs. */
void worker_stats(struct worker *w, struct ctl_worker_stats *s);

/*
 * worker_unconfined() - why the thread has not entered its sandbox; empty if it has. To be read once it has
 * taken a job.
 */
const char *worker_unconfined(const struct worker *w);

/*
 * worker_large_why() - does this worker have to cut long packets by itself? From any thread.
 * @why: filled with one sentence if it does.
 */
bool worker_large_why(const struct worker *w, char why[TUN_WHY_MAX]);

/*
 * worker_lost_queue() - has somebody taken one of its queues away?
 * @number, @owner: as nfqueue_lost() fills them.
 */
bool worker_lost_queue(const struct worker *w, uint16_t *number, uint32_t *owner);

/* worker_bind_again() - ask for a queue that was lost. Return: as worker_run(). */
int worker_bind_again(struct worker *w, uint16_t number);

/* worker_lost_device() - what has happened to the device for long packets; NULL: nothing. */
const char *worker_lost_device(const struct worker *w);

/* worker_wants_device() - would it have one if it could? */
bool worker_wants_device(const struct worker *w);

/*
 * worker_renew_device() - open the device again, from the main thread: the worker's own may not.
 * @why: filled with a sentence on failure. Return: 0 or a negative errno.
 */
int worker_renew_device(struct worker *w, char why[TUN_WHY_MAX]);

/* worker_idle() - nothing waits for a verdict in its queues. */
bool worker_idle(const struct worker *w);

/* worker_close() - stop the thread if it runs, and give everything back. NULL is fine. */
void worker_close(struct worker *w);

#endif
