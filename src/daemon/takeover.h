/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one tcpguardd to the next, without losing a connection.
 *
 *	how it ends		who starts the next	rules, queues, arenas
 *	SIGTERM, SIGINT		-			removed, given back: a real stop
 *	SIGUSR2			service manager		left in place (RestartKillSignal= of the unit)
 *	upgrade			itself, by exec()	left in place
 *	SIGKILL, crash		service manager		left in place, for want of anybody
 *	it cannot start		service manager		rules and arenas left, queues let go
 *
 * The next one adopts what is left (daemon/handover.h, core/adopt.h) before it has put up any rules: those
 * of the one before still lead to the same queues.
 */
#ifndef TCPGUARD_DAEMON_TAKEOVER_H
#define TCPGUARD_DAEMON_TAKEOVER_H

#include "daemon/handover.h"

struct daemon;

struct takeover {
	char **argv; /* of main(), for the next self */
	char program[4096]; /* where this program is, or its successor; empty: unknown */
	struct handover left; /* by the process before; between begin and settle */
	bool leaving; /* another process goes on: nothing is to be given back */
	bool adopted; /* all workers go on with what was left */
	bool healthy;
	struct event *on_leave, *on_exec;
};

/* takeover_prepare() - first of all; @argv: of main(), borrowed. */
void takeover_prepare(struct takeover *t, char **argv);

/* takeover_start(), _stop() - a stage: what was left is at hand, and SIGUSR2 is listened to. */
int takeover_start(struct daemon *d, char *why, size_t why_len);
void takeover_stop(struct daemon *d);

/* takeover_seed() - @seed: what guards of this daemon are to be made from, if a worker that is open knows. */
void takeover_seed(struct daemon *d);

/*
 * takeover_give_up() - this process cannot start, and nobody knows when one will: the queues are let go,
 * so that on-failure decides about their packets. Connections are kept for whoever can start.
 * @d: as far as it came; NULL if there is no configuration.
 */
void takeover_give_up(struct daemon *d);

/* takeover_pause() - before the end of such a process: it is started again at once, each time. */
void takeover_pause(void);

/* takeover_workers() - all are open, none runs: end what cannot go on, keep what is new for the next one. */
void takeover_workers(struct daemon *d);

/* takeover_end_workers() - they are about to be closed: for good, unless the daemon is leaving. */
void takeover_end_workers(struct daemon *d);

/* takeover_check() - every second: once it has run for a while, crashes before count no more. */
void takeover_check(struct daemon *d);

/*
 * takeover_upgrade() - see whether the program that is installed now runs and likes the configuration; if
 * so, become it in a moment.
 * @said: its version, or on failure one sentence. Return: 0 or a negative errno.
 */
int takeover_upgrade(struct daemon *d, char *said, size_t len);

#endif
