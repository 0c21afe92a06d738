/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the service manager is told; nothing happens where there is none. */
#ifndef TCPGUARD_DAEMON_NOTIFY_H
#define TCPGUARD_DAEMON_NOTIFY_H

#include "base/types.h"

void notify_ready(void);
void notify_reloading(void); /* notify_ready() ends it */
void notify_stopping(void);
void notify_status(const char *text);
void notify_alive(void);

/* notify_watchdog() - how often notify_alive() is expected at least; 0: never. */
usec_t notify_watchdog(void);

#endif
