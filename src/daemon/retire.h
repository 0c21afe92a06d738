/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listens that a reload took out of the configuration.
 *
 * A spliced connection lives on the guard's translation, so its packets must be queued for as long
 * as it lives, even when its service is gone: the core goes on translating it, and lets new
 * connections pass. The rules of such a listen stay until no worker has a spliced connection to it.
 */
#ifndef TCPGUARD_DAEMON_RETIRE_H
#define TCPGUARD_DAEMON_RETIRE_H

#include "daemon/daemon.h"

/* retire_listens() - @new comes into force: remember the listens of @old that it does not have. */
void retire_listens(struct retired_listens *r, const struct guard_config *old,
		    const struct guard_config *new);

/* retire_check() - now and then: take away the rules that nobody needs any more. */
void retire_check(struct daemon *d);

#endif
