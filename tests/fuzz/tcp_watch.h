/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold of an endpoint whatever its peer does; a breach is an abort() with a sentence. */
#ifndef TCPGUARD_TESTS_FUZZ_TCP_WATCH_H
#define TCPGUARD_TESTS_FUZZ_TCP_WATCH_H

#include "core/tcp/tcp.h"

#define WATCHED_BYTES \
	(1u << 19) /* of a stream, from its beginning; behind that nothing is compared */

/* One endpoint, and what was seen of it so far. */
struct watch {
	const struct tcb *tcb;
	const struct tcp_config *config;
	bool adv_known, edge_known;
	uint32_t adv; /* right edge it has advertised */
	uint32_t edge; /* the farthest that it may send to */
	bool out_dirty; /* what it sends was forged by its writer: only compared with itself */
	uint32_t out_seen; /* bytes of @out that were sent once */
	uint8_t out[WATCHED_BYTES];
	uint8_t out_salt; /* of watch_byte() */
};

void watch_fail(const char *what) __attribute__((noreturn));

static inline void must(bool holds, const char *what)
{
	if (!holds)
		watch_fail(what);
}

/* watch_byte() - what belongs at @offset of the stream @salt. */
static inline uint8_t watch_byte(uint8_t salt, uint32_t offset)
{
	return (uint8_t)((offset * 2654435761u) >> 24 ^ offset ^ salt);
}

/* watch_books() - after anything: flight, gaps, edges. */
void watch_books(struct watch *w, struct tcp_memory m);

/* watch_sent() - the endpoint has given out @s. */
void watch_sent(struct watch *w, const struct tcp_io *io, const struct tcp_segment *s);

/* watch_stream() - Return: chunks that it owns. */
uint32_t watch_stream(const struct tcp_stream *s, struct tcp_memory m);

#endif
