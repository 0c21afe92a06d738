/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A segment of the endpoint as the packets of at most one MSS that it is sent in. */
#ifndef TESTS_CORE_TCP_PIECES_H
#define TESTS_CORE_TCP_PIECES_H

#include "core/tcp/tcp.h"

struct pieces {
	const struct tcp_segment *whole; /* borrowed */
	uint32_t mss, at;
	bool more;
};

/* pieces_begin() - copy the payload of @s from the stream. One segment is cut at a time. */
void pieces_begin(struct pieces *p, const struct tcp_io *io, const struct tcp_segment *s);

/*
 * pieces_next() - @piece: filled; its data is valid until the next pieces_begin().
 * Return: was there another one? At least one is, also of a segment without payload.
 */
bool pieces_next(struct pieces *p, struct tcp_segment *piece);

#endif
