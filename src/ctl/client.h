/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to the control socket. */
#ifndef TCPGUARD_CTL_CLIENT_H
#define TCPGUARD_CTL_CLIENT_H

#include <sys/queue.h>

#include "ctl/server.h"

struct ctl_client;

LIST_HEAD(ctl_client_list, ctl_client);

struct ctl_server {
	struct event_base *base;
	const struct ctl_ops *ops;
	struct ctl_limits limits;
	struct evconnlistener *listener;
	struct event *retry; /* accepts again after descriptors ran out */
	struct ctl_client_list clients;
	uint32_t n_clients;
	char *path;
	uint64_t dev, ino; /* of the socket, so that no other one is removed */
};

/*
 * ctl_client_new() - serve the connection @fd; taken.
 * Return: 0, or -ENOMEM with @fd closed.
 */
int ctl_client_new(struct ctl_server *s, int fd, bool may_change);

/*
 * ctl_client_idlest() - who has been idle, or has not taken what it asked for, for the longest time, but at
 * least for limits.spare_ms; NULL: none.
 * @privileged: the place is for somebody who may change things, so it may be taken from such a one, and
 * from anybody else even if he is not idle. Else it may be taken only from those who may not.
 */
struct ctl_client *ctl_client_idlest(const struct ctl_server *s, bool privileged);

/* ctl_client_busiest() - who has asked most, but at least CTL_GREEDY times; NULL: none. */
struct ctl_client *ctl_client_busiest(const struct ctl_server *s);

/* ctl_client_free() - drop it, whatever it is doing. */
void ctl_client_free(struct ctl_client *c);

#endif
