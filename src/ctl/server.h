/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a Unix stream on the daemon's main thread.
 *
 * A request is one line of words, the reply is rows of JSON, one object a line, and a last line
 * "ok" or "error: what, and what to do"; doc/control-protocol.md is the whole contract.
 */
#ifndef TCPGUARD_CTL_SERVER_H
#define TCPGUARD_CTL_SERVER_H

#include <event2/event.h>

#include "ctl/ops.h"
#include "ctl/protocol.h"

struct ctl_server;

/* What clients may take; ctl_server_new() starts with the defaults of ctl/protocol.h. */
struct ctl_limits {
	uint32_t
		clients; /* at once, at most CTL_CLIENTS_MAX; the next one takes the place of another,
			     or gets an error line; an eighth of them is for those only who may
			     change things */
	uint32_t
		spare_ms; /* a client that asks and takes nothing for so long gives its place away */
	uint32_t idle_ms; /* a client that asks nothing for so long is dropped */
	uint32_t stall_ms; /* a client that takes nothing of its reply for so long is dropped */
	uint32_t follow_ms; /* how often followers are given what is new */
	size_t output_bytes; /* unsent reply at which no more rows are made */
};

/*
 * ctl_server_new() - listen on @socket_path and serve clients from @base's loop.
 * @base: borrowed; its loop must run in the thread that calls this.
 * @socket_path: its directory is made if only the last component is missing. The socket of a dead
 *	daemon is replaced, a live one is an error.
 * @group: who may connect besides the daemon's user and root, and only read; NULL or "": the
 *	daemon's own group. Giving the socket to another group needs CAP_CHOWN or membership.
 * @ops: borrowed until ctl_server_free(). Called from @base's loop only.
 * @why: on failure one sentence that says what, and what to do.
 *
 * SIGPIPE is set to be ignored if it had its default action.
 *
 * Return: the server, or NULL with @why filled.
 */
struct ctl_server *ctl_server_new(struct event_base *base, const char *socket_path,
				  const char *group, const struct ctl_ops *ops, char *why,
				  size_t why_len);

/* ctl_server_limits() - change the limits, for clients that come from now on. */
void ctl_server_limits(struct ctl_server *s, const struct ctl_limits *limits);

/* ctl_server_clients() - how many are connected. */
uint32_t ctl_server_clients(const struct ctl_server *s);

/*
 * ctl_server_free() - drop all clients, stop listening, remove the socket (only if it is still the
 * one that was made here). NULL is fine. Call it before @base is freed and before workers end.
 */
void ctl_server_free(struct ctl_server *s);

#endif
