/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending the packets that the guard makes itself, through raw sockets.
 *
 * The kernel routes each packet by its destination; the source may be anybody's. The packets carry
 * the mark, by which the firewall rules let them through. One injector per worker: no locks.
 */
#ifndef TCPGUARD_DATAPATH_INJECT_H
#define TCPGUARD_DATAPATH_INJECT_H

#include "datapath/cut.h"

struct inject_stats {
	uint64_t sent;
	uint64_t errors; /* all that were not sent */
	uint64_t no_route; /* of these: ENETUNREACH, EHOSTUNREACH, EINVAL (no route, bad address) */
	uint64_t refused; /* of these: EPERM, EACCES (a firewall rule in OUTPUT drops them) */
	uint64_t no_room; /* of these: ENOBUFS, EAGAIN, ENOMEM (send buffer, device queue) */
	uint64_t too_big; /* of these: EMSGSIZE (longer than the link carries) */
};

/* A packet that is longer than what the link of its route carries. */
struct inject_too_big {
	uint32_t mtu; /* of that link */
	uint16_t len; /* bytes at data: headers at least, at most what there is of the packet */
	uint32_t whole; /* length of the packet */
	uint8_t data[SEGMENT_HEADERS_MAX];
};

#define INJECT_TOO_BIG_MAX 16 /* told at once; of others the next try will tell */

struct inject {
	int fd4, fd6; /* -1: the family is missing in this kernel */
	uint32_t n_too_big; /* who looks at them sets it to 0 */
	struct inject_too_big too_big[INJECT_TOO_BIG_MAX];
	struct inject_stats stats; /* may be read by another thread; then each field may lag */
};

/*
 * inject_open() - @mark: SO_MARK of everything that is sent.
 * Return: 0; -EPERM without CAP_NET_RAW (and CAP_NET_ADMIN for the mark); another negative errno.
 */
int inject_open(struct inject *in, uint32_t mark);

void inject_close(struct inject *in);

/*
 * inject_send() - send @n packets without pieces, in order within each family. Never blocks; a packet that cannot
 * be sent is counted and skipped.
 * Return: packets sent.
 */
uint32_t inject_send(struct inject *in, const struct guard_tx *tx, uint32_t n);

/* inject_segments() - the same for @n pieces of a packet of @family. */
uint32_t inject_segments(struct inject *in, int family, const struct cut_segment *s, uint32_t n);

#endif
