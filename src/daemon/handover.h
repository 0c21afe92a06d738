/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process leaves to the next one: arenas and queues, as open descriptors with names.
 *
 *	arena-0, arena-1, ...	the memory of each worker's guard (core/adopt.h)
 *	queue-100, queue-101...	the socket that has NFQUEUE of this number
 *
 * Two ways lead there, and both are always open:
 *  - the service manager keeps them, in systemd's words the fd store, and gives them to each process that
 *    it starts (LISTEN_FDS, LISTEN_FDNAMES; man sd_listen_fds). So they outlive a SIGKILL.
 *  - `tcpguardctl upgrade`: the process replaces itself by exec(), and TCPGUARD_FDS tells which
 *    descriptors it has left open for its own next self.
 *
 * As long as somebody holds a queue its packets wait in it, and are not let through unseen.
 */
#ifndef TCPGUARD_DAEMON_HANDOVER_H
#define TCPGUARD_DAEMON_HANDOVER_H

#include "base/types.h"
#include "conf/conf.h"

#define HANDOVER_NAME_MAX 32
#define HANDOVER_MAX	  (4 * CONF_WORKERS_MAX + 8)
#define HANDOVER_ENV	  "TCPGUARD_FDS"

struct handover {
	uint32_t n;
	struct handover_item {
		char name[HANDOVER_NAME_MAX];
		int fd; /* -1: taken */
	} item[HANDOVER_MAX];
};

/* handover_open() - gather what was left to this process. What others start does not get it. */
void handover_open(struct handover *h);

/* handover_take() - the descriptor of that name; the caller's from now on. Return: -1 if there is none. */
int handover_take(struct handover *h, const char *name);

/* handover_take_any() - any one whose name begins with @prefix. @name: filled. */
int handover_take_any(struct handover *h, const char *prefix, char name[HANDOVER_NAME_MAX]);

/* handover_has() - is there one that was not taken, whose name begins with @prefix? */
bool handover_has(const struct handover *h, const char *prefix);

/* handover_close() - what nobody has taken is of no use any more. */
void handover_close(struct handover *h);

/*
 * handover_add() - for handover_export(): another descriptor for the same thing, which outlives an exec().
 * Return: 0 or a negative errno.
 */
int handover_add(struct handover *h, const char *name, int fd);

/* handover_export() - tell the next self of what was added. Return: 0 or a negative errno. */
int handover_export(const struct handover *h);

#endif
