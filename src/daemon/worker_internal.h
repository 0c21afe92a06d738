/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What worker.c (making a worker, asking it, ending it) and worker_loop.c (its thread) share. */
#ifndef TCPGUARD_DAEMON_WORKER_INTERNAL_H
#define TCPGUARD_DAEMON_WORKER_INTERNAL_H

#include <pthread.h>

#include "daemon/sandbox.h"
#include "daemon/worker.h"
#include "datapath/nfqueue.h"
#include "datapath/output.h"

struct event;
struct event_base;

/* A job travels through these states under the lock; only MAIL_POSTED can be taken back. */
enum mail { MAIL_EMPTY, MAIL_POSTED, MAIL_RUNNING, MAIL_DONE };

struct mailbox {
	int fd; /* eventfd that wakes the worker */
	pthread_mutex_t lock;
	pthread_cond_t done;
	enum mail state;
	ctl_job_fn *job;
	void *arg;
};

struct worker {
	struct worker_config config;
	struct guard guard;
	void *arena;
	size_t arena_bytes;
	int arena_fd;
	int left_arena; /* of an earlier process, while it is adopted */
	bool adopting; /* on @thread, which is free until the worker runs */
	bool adopted; /* from an earlier process */
	enum arena_fault fault; /* why not */
	struct guard_adoption adoption;
	void *grave; /* what was refused */
	size_t grave_bytes;
	struct nfqueue *queue;
	struct output output;
	struct event_base *base;
	struct event *on_header, *on_full, *on_whole, *on_timer, *on_mail;
	usec_t now; /* of the batch that is judged, or of the last look at the clock */
	usec_t armed; /* when the timer will fire */
	pthread_t thread;
	bool running;
	struct mailbox mail;
	bool silent; /* it has not answered the last job in time, and that was told */
	uint32_t unanswered; /* packets since guard_poll() */
	struct actions out;
	char unconfined[SANDBOX_WHY_MAX]; /* why it is not in its sandbox; empty: it is */
};

/*
 * worker_sends_large() - does it send packets longer than a segment, or will it? Those of a relayed
 * connection whose server lacks what its client was promised are, whatever the configuration says.
 */
bool worker_sends_large(const struct worker *w);

/* worker_judges: what the queues call on the worker's thread, with the worker as argument. */
extern const struct nfqueue_ops worker_judges;

/*
 * worker_open_loop() - the event loop over the queues and the mailbox, which are open.
 * @why: filled with one sentence on failure. Return: 0 or a negative errno.
 */
int worker_open_loop(struct worker *w, char *why, size_t why_len);

/* worker_close_loop() - also one that worker_open_loop() has not made, or not wholly. */
void worker_close_loop(struct worker *w);

/* worker_thread() - the thread's function; @arg: the worker. It ends with the event loop. */
void *worker_thread(void *arg);

#endif
