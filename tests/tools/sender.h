/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending hand-made IP packets, many at once.
 *
 * Two ways: a raw IP socket, where the kernel routes each packet (needed for loopback), and a
 * packet socket on the interface that leads to the destination, with the next hop's MAC address
 * looked up once, which is cheaper and cannot be stopped by the sender's own packet filter.
 */
#ifndef TCPGUARD_TESTS_TOOLS_SENDER_H
#define TCPGUARD_TESTS_TOOLS_SENDER_H

#include "util.h"

#define SENDER_BATCH 64

struct sender {
	int fd;
	struct endpoint dst;
	uint8_t ethernet[14]; /* written before each packet */
	unsigned ethernet_len; /* 0 for raw IP */
	uint64_t sent, failed;
	uint64_t first_us, last_us; /* monotonic: before the first and after the last packet */
	uint64_t first_realtime_us;
};

enum sender_way { SENDER_AUTO, SENDER_RAW, SENDER_PACKET };

/* sender_open() - find the way to @dst; exits with a sentence when there is none. */
void sender_open(struct sender *s, const struct endpoint *dst, enum sender_way way, bool bypass);

/*
 * sender_send() - hand @n (<= SENDER_BATCH) whole IP packets to the kernel.
 * A full transmit queue is waited out; what the kernel refuses otherwise is counted as failed.
 */
void sender_send(struct sender *s, uint8_t *const packets[], const uint32_t lengths[], unsigned n);

/* sender_report() - one JSON line: {"sent":,"failed":,"first_us":,"last_us":,...} */
void sender_report(const struct sender *s, const char *extra);

/* csum_add() - running one's complement sum; csum_done() - folded and complemented. */
uint64_t csum_add(uint64_t sum, const void *data, unsigned len);
uint16_t csum_done(uint64_t sum);

#endif
