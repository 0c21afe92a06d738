/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending packets of up to 64 KB: a TUN device whose kernel side cuts them, as late as it can (the
 * network card, if that does it), and fills in their checksums.
 *
 * Theory of operation
 * -------------------
 * What is written to the device has arrived by it, for the kernel: it passes PREROUTING, is looked up,
 * and is then forwarded or delivered here. So
 *  - the firewall rules let through what comes in by this device (firewall_config.device);
 *  - the device itself permits sources that are routed elsewhere (loose reverse path filter), or are
 *    this host's own (accept_local), and forwarding on a host that is no router. It is configured over
 *    netlink, which needs CAP_NET_ADMIN but no writable /proc/sys;
 *  - somebody's rules in FORWARD, or in PREROUTING, may drop all of it. Nobody would tell us, so the
 *    device carries a route to an address that exists nowhere: a probe is sent there by the way of all
 *    other packets, and what comes back from the device has passed. Until one has, and from when none
 *    does, tun_usable() says no and tun_why() why.
 *
 * The device is there as long as somebody has it open: nothing is left of a process that was killed.
 * Workers open it by the same name, each gets a queue of its own.
 */
#ifndef TCPGUARD_DATAPATH_TUN_H
#define TCPGUARD_DATAPATH_TUN_H

#include <stdio.h>
#include <sys/uio.h>

#include "core/actions.h"

#define TUN_NAME_MAX 16 /* IFNAMSIZ */
#define TUN_WHY_MAX  160

/* One address family's way through the kernel. */
struct tun_path {
	bool usable;
	bool probing; /* a probe is on its way */
	uint32_t serial; /* of the probe */
	usec_t probed; /* when it was sent; 0: never */
};

struct tun {
	int fd; /* -1: not open */
	uint16_t id,
		queue; /* which address the probes go to; of several queues, their source port */
	char name[TUN_NAME_MAX];
	char why[TUN_WHY_MAX]; /* it is not open */
	int broken; /* somebody has set it down (EIO) or deleted it (EBADFD); 0: it works */
	struct tun_path path[2]; /* IPv4, IPv6 */
};

/* tun_name() - the device of the daemon whose first queue is @queue. */
static inline void tun_name(char name[TUN_NAME_MAX], uint16_t queue)
{
	snprintf(name, TUN_NAME_MAX, "tcpguard%u", queue);
}

/*
 * tun_open() - make the device, or get another queue of it.
 * @first_queue: of the daemon, names the device; @index: of the worker.
 * Return: 0 or a negative errno, then tun_why() has a sentence; tun_close() may be called anyway.
 */
int tun_open(struct tun *t, uint16_t first_queue, uint16_t index);

void tun_close(struct tun *t);

/*
 * tun_usable() - may packets like @tx be written now? Sends a probe when it is time for one.
 * @now: of CLOCK_MONOTONIC.
 */
bool tun_usable(struct tun *t, const struct guard_tx *tx, usec_t now);

/* tun_broken() - what has happened to a device that was open: "is down", "was deleted"; NULL: nothing. */
const char *tun_broken(const struct tun *t);

/* tun_why() - one sentence about why nothing of @family is sent this way; "" if it is. */
const char *tun_why(const struct tun *t, int family, char why[TUN_WHY_MAX]);

/*
 * tun_send() - write @tx, whose headers are made by segment_headers(), with @piece for its payload of
 * @len bytes.
 * Return: 0 or a negative errno.
 */
int tun_send(struct tun *t, const struct guard_tx *tx, const struct guard_piece *piece,
	     uint32_t len);

#endif
