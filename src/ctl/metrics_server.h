/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GET /metrics over HTTP, on the daemon's main thread and never on a worker's.
 *
 * Theory of operation: whoever can connect may be slow or hostile. The workers are asked at most once a
 * second, however many scrape. There are few connections; each is for one request and has seconds to
 * live, and when one more comes the oldest of them goes, so that those who hold connections open cannot
 * keep out who asks in earnest. libevent's server has no limits of this kind, so the connections' sockets
 * are remembered here and shut down; the server then sees their end and frees what belongs to them.
 */
#ifndef TCPGUARD_CTL_METRICS_SERVER_H
#define TCPGUARD_CTL_METRICS_SERVER_H

#include <event2/event.h>

#include "base/addr.h"
#include "ctl/ops.h"

struct metrics_server;

/*
 * metrics_server_new() - serve on @addr and @port from @base's loop.
 * @base, @ops: borrowed until metrics_server_free(); used by the thread of @base's loop only.
 * Return: the server, or NULL with @why filled: one sentence that says what, and what to do.
 */
struct metrics_server *metrics_server_new(struct event_base *base, const struct ctl_ops *ops,
					  const struct ip_addr *addr, uint16_t port, char *why,
					  size_t why_len);

/* metrics_server_free() - hang up, stop listening. NULL is fine. */
void metrics_server_free(struct metrics_server *s);

#endif
