/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Metrics over HTTP, served where the configuration says. */
#ifndef TCPGUARD_DAEMON_METRICS_H
#define TCPGUARD_DAEMON_METRICS_H

#include "daemon/daemon.h"

/* metrics_start(), metrics_stop() - a stage of the daemon. An address that is taken is no failure. */
int metrics_start(struct daemon *d, char *why, size_t why_len);
void metrics_stop(struct daemon *d);

/* metrics_check() - once a second: try again if need be. */
void metrics_check(struct daemon *d);

/*
 * metrics_change() - serve where @to says instead of where @from does.
 * Return: 0, or a negative errno with @why filled; then it is served where it was.
 */
int metrics_change(struct daemon *d, const char *from, const char *to, char *why, size_t why_len);

#endif
