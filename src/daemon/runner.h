/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the operator's commands beside the daemon, and never waits for them.
 *
 * Theory of operation: a call waits in a queue until it is its turn: at most RUNNER_RUNNING_MAX run
 * at a time, and those with the same key run one after the other in the order they were asked for,
 * so that "the attack is over" never overtakes "it has begun". A command gets its text on standard
 * input as a file in memory, so nobody has to feed it, and what it writes is read by the event loop:
 * the beginning is kept for the report of a failure, the rest is thrown away. Its end is seen on a
 * pidfd. It has a process group of its own; whatever is left of that group when the command ends, or
 * when its time is over, is killed.
 *
 * No shell is involved: the command line is words between blanks, the first is the path of a file.
 */
#ifndef TCPGUARD_DAEMON_RUNNER_H
#define TCPGUARD_DAEMON_RUNNER_H

#include <event2/event.h>

#include "base/types.h"

#define RUNNER_RUNNING_MAX 4
#define RUNNER_WAITING_MAX 64
#define RUNNER_WORDS_MAX   32
#define RUNNER_WHY_MAX	   320

struct runner_call {
	const char *command; /* words between blanks; not empty */
	const char *subject; /* for whom, given to the report; a service's name */
	uint64_t key; /* one after the other */
	usec_t limit; /* how long it may run */
	char *const *env; /* all of its environment, NULL-terminated */
	const char *text; /* for its standard input */
	size_t text_len;
};

/* A call that was not made, or did not end with status 0 in time; @why is one sentence. */
typedef void runner_failed_fn(void *arg, const char *subject, const char *why);

struct runner;

/*
 * runner_new() - @base's loop must run in the calling thread; borrowed.
 * Return: NULL if memory is out.
 */
struct runner *runner_new(struct event_base *base, runner_failed_fn *report, void *arg);

/* runner_call() - run it as soon as it is its turn; @c and what it points to is copied. */
void runner_call(struct runner *r, const struct runner_call *c);

/* runner_active() - calls that run or wait. */
unsigned runner_active(const struct runner *r);

/*
 * runner_free() - forget those that wait, give the others a second to end, kill them. Each is
 * reported. NULL is fine.
 */
void runner_free(struct runner *r);

#endif
