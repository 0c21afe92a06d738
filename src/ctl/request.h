/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request under way.
 *
 * Theory of operation: a command is a step function. The client's loop calls it again and again; each
 * call writes some rows into @out and says how it goes on. Between two calls the event loop has
 * control and the rows are on their way, so a dump of a million flows needs the memory of one step,
 * several dumps take turns, and a client that does not read is simply not stepped.
 */
#ifndef TCPGUARD_CTL_REQUEST_H
#define TCPGUARD_CTL_REQUEST_H

#include "ctl/json.h"
#include "ctl/ops.h"
#include "ctl/words.h"

enum step {
	STEP_MORE, /* call again */
	STEP_WAIT, /* call again after a while: nothing is there at the moment */
	STEP_DONE, /* "ok" */
	STEP_FAILED, /* @why says what is wrong */
};

struct request {
	const struct ctl_ops *ops; /* borrowed */
	const struct command *command;
	bool may_change; /* the peer may change things, not only look */
	bool stop; /* the peer wants a command that waits to end */
	struct words words;
	struct jw out;
	void *state; /* the command's own, zeroed at first; freed after command->end() */
	char why[512];
};

struct command {
	const char *name;
	const char *args; /* for `help` */
	const char *what;
	int min, max; /* words behind the name */
	bool change; /* only for those who may change things */
	enum step (*step)(struct request *r);
	const size_t *state_bytes; /* NULL: it needs none */
	void (*end)(struct request *r); /* give back what @state holds; may be NULL */
};

/*
 * request_begin() - parse @line and find its command.
 * @r: ops and may_change set, everything else zero.
 * Return: 0, then step it until it is done and call request_end(). Or a negative errno with @r->why
 * filled; then request_end() is needed, too.
 */
int request_begin(struct request *r, const char *line, size_t len);

/* request_step() - one step; never STEP_MORE or STEP_WAIT when memory ran out. */
enum step request_step(struct request *r);

void request_end(struct request *r);

/* For commands. */

/* request_arg() - the word @i behind the command's name, or NULL. */
const char *request_arg(const struct request *r, int i);
int request_n_args(const struct request *r);

/* request_fail() - fill @r->why. Return: STEP_FAILED. */
enum step request_fail(struct request *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* request_denied() - fail because the peer may only look. */
enum step request_denied(struct request *r);

/* request_run() - ops->run(). Return: 0, or a negative errno with @r->why filled. */
int request_run(struct request *r, uint32_t worker, ctl_job_fn *job, void *arg);

/*
 * request_service() - index of the service called @name, or of the one that guards the address and port
 * "192.0.2.10:443", "[2001:db8::10]:443"; or -ENOENT with @r->why filled.
 */
int request_service(struct request *r, const char *name);

#endif
