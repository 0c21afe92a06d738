/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hearing of it when addresses of this host come or go (rtnetlink). */
#ifndef TCPGUARD_DATAPATH_ADDR_WATCH_H
#define TCPGUARD_DATAPATH_ADDR_WATCH_H

#include <stdbool.h>

struct addr_watch;

/* addr_watch_open() - Return: 0 with @out filled, or a negative errno. */
int addr_watch_open(struct addr_watch **out);

/* addr_watch_fd() - readable when there is news. */
int addr_watch_fd(const struct addr_watch *w);

/*
 * addr_watch_read() - take all news; never blocks. Where some was lost (overrun) there may have been any.
 * Return: may the set of addresses be another one than at the last call?
 */
bool addr_watch_read(struct addr_watch *w);

/* addr_watch_close() - NULL is fine. */
void addr_watch_close(struct addr_watch *w);

#endif
