/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that is counted, as OpenMetrics text 1.0.
 *
 * Names: tcpguard_ and the key that `stats --json` has, with _total behind what only grows; labels are
 * service, reason, worker, state and the like, never an address, so that no flood makes series.
 */
#ifndef TCPGUARD_CTL_METRICS_H
#define TCPGUARD_CTL_METRICS_H

#include "ctl/ops.h"

#define METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct evbuffer;

/*
 * metrics_write() - ask all workers and write what they say into @out.
 * Return: 0, or a negative errno with @why filled; then @out holds a part that is of no use.
 */
int metrics_write(const struct ctl_ops *ops, struct evbuffer *out, char *why, size_t why_len);

#endif
