/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cutting a packet with a long payload into segments, for what cannot do it itself. */
#ifndef TCPGUARD_DATAPATH_CUT_H
#define TCPGUARD_DATAPATH_CUT_H

#include "core/actions.h"

/* A cut that goes on; zero but for the members that cut_begin() fills. */
struct cut {
	const struct guard_tx *tx;
	const uint8_t *payload; /* in one piece */
	uint32_t len, at;
};

/* A segment of it. */
struct cut_segment {
	uint8_t headers[SEGMENT_HEADERS_MAX];
	uint16_t headers_len;
	const uint8_t *payload;
	uint32_t len;
};

/*
 * cut_begin() - @payload: @len bytes, all that @tx carries, borrowed.
 */
void cut_begin(struct cut *c, const struct guard_tx *tx, const uint8_t *payload, uint32_t len);

/* cut_next() - the next segment with its checksums. Return: false if there is none. */
bool cut_next(struct cut *c, struct cut_segment *s);

#endif
