/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this service under attack? The deficit of completed handshakes tells.
 *
 * Counts what is opened (SYN passed, or cookie sent) and what is completed (valid ACK), in windows of
 * 100 ms. A forged source cannot complete, so the deficit cannot be faked from outside. Two triggers:
 *  - hard, on each packet: half-open connections at or over the threshold `start`;
 *  - CUSUM, each window: the sum of (deficit - its learned mean - an allowance) stays over a limit.
 * Leaving needs half-opens (cookies in flight included) at or below `end`, the CUSUM within its limit,
 * and that for the hold time without interruption. Integers only, constant memory.
 */
#ifndef TCPGUARD_CORE_DETECT_H
#define TCPGUARD_CORE_DETECT_H

#include "core/attack.h"

#define DETECT_WINDOW (100 * USEC_PER_MSEC)
#define DETECT_RING   32 /* windows a cookie counts as in flight: 3.2 s */

struct detect_config {
	uint32_t start, end; /* half-opens */
	usec_t hold;
};

enum detect_change { DETECT_NO_CHANGE, DETECT_BEGAN, DETECT_ENDED };

struct detector {
	usec_t window_ends; /* 0: asleep, the next packet wakes it */
	usec_t quiet_since; /* in an attack: since when the conditions for leaving hold */
	uint32_t opened, completed; /* in this window */
	int32_t mean_x256; /* learned deficit a window, calm times only */
	uint32_t cusum, windows_over; /* windows in a row with the sum over its limit */
	int32_t in_flight[DETECT_RING]; /* cookies sent less cookies returned, by window */
	int32_t in_flight_sum;
	uint32_t ring_at;
	bool attack;
	uint8_t cause; /* enum detect_cause of the current or last attack */
};

void detect_init(struct detector *d);

/* A handshake was opened; @cookie: by a cookie of ours, so that nothing but this knows of it. */
void detect_opened(struct detector *d, usec_t now, bool cookie);
void detect_completed(struct detector *d, bool cookie);

/* detect_pending() - half-opens and cookies in flight together. */
uint32_t detect_pending(const struct detector *d, uint32_t half_open);

/* detect_check() - the hard trigger; call after each detect_opened(). */
enum detect_change detect_check(struct detector *d, const struct detect_config *c,
				uint32_t half_open, usec_t now);

/* detect_expire() - close windows that are over. */
enum detect_change detect_expire(struct detector *d, const struct detect_config *c,
				 uint32_t half_open, usec_t now);

/* detect_deadline() - end of the current window, USEC_NEVER while asleep. */
usec_t detect_deadline(const struct detector *d);

#endif
