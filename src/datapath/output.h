/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way out for all that the guard sends itself: raw sockets for what fits one segment, a TUN device
 * for what is longer, and where that cannot be had the raw sockets, after cutting.
 *
 * One per worker: no locks. Packets leave in the order of the outbox, within each family.
 */
#ifndef TCPGUARD_DATAPATH_OUTPUT_H
#define TCPGUARD_DATAPATH_OUTPUT_H

#include "datapath/inject.h"
#include "datapath/tun.h"

struct output_stats {
	uint64_t large; /* packets that went out whole, for others to cut */
	uint64_t cut; /* packets that had to be cut here */
	uint64_t large_errors; /* packets that the device did not take; they were cut, too */
};

struct output {
	struct inject raw;
	struct tun tun;
	struct output_stats stats; /* may be read by another thread; then each field may lag */
	uint8_t *payload; /* IP_LENGTH_MAX bytes, in one piece */
};

/*
 * output_open() - without a way for large packets.
 * @mark: SO_MARK of what goes through the raw sockets.
 * Return: as inject_open().
 */
int output_open(struct output *o, uint32_t mark);

/*
 * output_open_large() - get the TUN device, too. Again does nothing.
 * @first_queue, @index: as tun_open().
 * Return: 0 or a negative errno; then everything goes through the raw sockets, and tun_why() says why.
 */
int output_open_large(struct output *o, uint16_t first_queue, uint16_t index);

void output_close(struct output *o);

/* output_send() - send what is in @out, and empty it. Never blocks. */
void output_send(struct output *o, struct actions *out, usec_t now);

#endif
