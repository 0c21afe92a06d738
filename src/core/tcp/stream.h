/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of one direction, from the endpoint (or application) that writes them to the one that reads.
 *
 *	released      waiting, in order         gaps and pieces
 *	---------|---------------------------|-------------------|
 *	       start                        end                 high
 *
 * Offsets count from the first byte of the direction, modulo 2^32: sequence number = ISN + 1 + offset,
 * whichever endpoint's ISN it is. So what one endpoint reassembles here, another one sends from here,
 * and retransmits, without a copy; its peer's acknowledgements release it, which opens the first one's
 * window. A chunk holds the bytes whose offsets share its upper bits; chunks without a byte are not there.
 */
#ifndef TCPGUARD_CORE_TCP_STREAM_H
#define TCPGUARD_CORE_TCP_STREAM_H

#include "core/tcp/pool.h"

enum tcp_stream_flag {
	TCP_STREAM_FIN = 1 << 0, /* there will be nothing behind end */
	TCP_STREAM_URGENT = 1 << 1, /* @urgent counts */
};

struct tcp_stream {
	uint32_t head, tail; /* chunks, ascending */
	uint32_t cursor; /* the chunk found last */
	uint32_t start, end, high;
	uint32_t urgent; /* offset of the byte behind the urgent ones, RFC 6093 */
	uint32_t flags;
};

void tcp_stream_init(struct tcp_stream *s);

/* tcp_stream_waiting() - bytes in order that were not released. */
static inline uint32_t tcp_stream_waiting(const struct tcp_stream *s)
{
	return s->end - s->start;
}

/*
 * tcp_stream_put() - store @len bytes at @offset, at or behind end, overwriting what is there.
 * Return: bytes stored, fewer only when the pool has no more chunks. end does not move.
 */
uint32_t tcp_stream_put(struct tcp_stream *s, struct tcp_memory m, uint32_t offset,
			const uint8_t *data, uint32_t len);

/* tcp_stream_append() - an application writes. Return: bytes taken. */
uint32_t tcp_stream_append(struct tcp_stream *s, struct tcp_memory m, const uint8_t *data,
			   uint32_t len);

/* tcp_stream_copy() - copy out @len bytes from @offset on; all must lie between start and end. */
void tcp_stream_copy(struct tcp_stream *s, struct tcp_memory m, uint32_t offset, uint8_t *to,
		     uint32_t len);

/*
 * tcp_stream_piece() - where the bytes from @offset on lie, at most @len of them, between start and end.
 * @data: set; they stay there until they are released.
 * Return: how many lie there in one piece.
 */
uint32_t tcp_stream_piece(struct tcp_stream *s, struct tcp_memory m, uint32_t offset, uint32_t len,
			  const uint8_t **data);

/* tcp_stream_release() - forget everything before @offset, which is at most end. */
void tcp_stream_release(struct tcp_stream *s, struct tcp_memory m, uint32_t offset);

/* tcp_stream_clear() - give all chunks back; nothing waits any more. */
void tcp_stream_clear(struct tcp_stream *s, struct tcp_memory m);

#endif
