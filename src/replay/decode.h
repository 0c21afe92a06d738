/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a frame of a capture to a packet as the guard knows it. Pure. */
#ifndef TCPGUARD_REPLAY_DECODE_H
#define TCPGUARD_REPLAY_DECODE_H

#include "replay/capture.h"
#include "wire/packet.h"

struct decoder {
	uint8_t bytes[FRAME_BYTES_MAX]; /* a copy: the guard may write into its packets */
	uint64_t trouble[TROUBLE_COUNT];
};

/*
 * decode_frame() - find the IP packet in @f and parse it.
 * @p: filled; borrows @d->bytes until the next call.
 *
 * Checksums are taken for good: a capture of packets that the machine itself sent has them unfilled.
 * A TCP header that is cut off within its options is shortened to what is there, because of a SYN
 * everything but the options matters more; that is counted.
 *
 * Return: false if it is nothing for the guard; counted in @d->trouble.
 */
bool decode_frame(struct decoder *d, const struct frame *f, struct pkt *p);

/* link_name() - "Ethernet", "raw IP", ...; NULL for a type that decode_frame() does not know. */
const char *link_name(int link);

#endif
