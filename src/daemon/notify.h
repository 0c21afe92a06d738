/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the service manager is told, by the protocol of sd_notify(3): systemd, or tcpguardd --supervise.
 * Nothing happens where there is none.
 */
#ifndef TCPGUARD_DAEMON_NOTIFY_H
#define TCPGUARD_DAEMON_NOTIFY_H

#include "base/types.h"

void notify_ready(void);
/*
 * notify_reloading() - until notify_ready(), of this process or of what it becomes by exec(), nothing is heard
 * of it, so the watchdog waits as long as for a start.
 */
void notify_reloading(void);
void notify_stopping(void);
void notify_status(const char *status);
void notify_alive(void);

/* notify_watchdog() - how often notify_alive() is expected at least; 0: never. */
usec_t notify_watchdog(void);

/*
 * notify_keep() - keep the descriptor for whoever comes after this process, under this name and no matter
 * what is to be read from it. Another one of the name is forgotten.
 */
void notify_keep(const char *name, int fd);

/* notify_forget() - do not keep what has the name. */
void notify_forget(const char *name);

#endif
