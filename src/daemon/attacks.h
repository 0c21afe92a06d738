/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon does about attacks besides defending: it remembers them, and calls the operator's
 * command when one begins, changes its class, and ends. On the main thread; packets never wait for
 * it, and nothing that fails here is more than an event.
 */
#ifndef TCPGUARD_DAEMON_ATTACKS_H
#define TCPGUARD_DAEMON_ATTACKS_H

#include "ctl/json.h"
#include "daemon/history.h"
#include "daemon/runner.h"

struct daemon;

struct attacks {
	struct history *history;
	struct runner *runner;
	usec_t polled; /* guards' clock */
};

/* attacks_start() - a stage. Only a lack of memory is an error. */
int attacks_start(struct daemon *d, char *why, size_t why_len);

/* attacks_open() - all stages are up: read the history, and own the state directory from now on. */
void attacks_open(struct daemon *d);
void attacks_stop(struct daemon *d);

/* attacks_poll() - ask the guards for news, @at_once, else if a second has passed. */
void attacks_poll(struct daemon *d, bool at_once);

/* attacks_own_directory() - is the state directory ours, so that we may write there? */
bool attacks_own_directory(const struct daemon *d);

/* attacks_number() - of the attack on @service at @at of the guards' clock; 0: none. */
uint64_t attacks_number(const struct daemon *d, const char *service, usec_t at);

/* attacks_row() - see ctl/ops.h. */
uint64_t attacks_row(const struct daemon *d, uint64_t after, const char *service, struct jw *out);

#endif
