/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chunks of memory that all endpoints share. A connection owns some only while data waits in it, while
 * data is in flight, or while there are gaps in what it has received; an idle one owns none.
 *
 * The pool lives in the caller's memory, by index and without pointers, so that it may outlive the
 * process. The last eighth of the chunks is kept for bookkeeping: what has been received can always be
 * sent on, so a full pool empties itself.
 *
 * What links the chunks lies apart from them, so that a chain can be followed without touching the data,
 * of which there may be more than the processor's cache holds.
 */
#ifndef TCPGUARD_CORE_TCP_POOL_H
#define TCPGUARD_CORE_TCP_POOL_H

#include <stddef.h>

#include "base/types.h"
#include "core/journal.h"
#include "core/tcp/books.h"

#define TCP_CHUNK_BYTES 4096 /* a power of two: places of bytes survive the wrap of 2^32 */

union tcp_chunk {
	uint8_t data[TCP_CHUNK_BYTES];
	struct tcp_flight flight;
	struct tcp_gaps gaps;
};

/* What is to be known of a chunk. */
struct tcp_link {
	uint32_t next; /* INDEX_NONE at the end */
	uint32_t offset; /* of its first byte in the stream; a multiple of TCP_CHUNK_BYTES */
};

_Static_assert(sizeof(union tcp_chunk) == TCP_CHUNK_BYTES, "a book must fit into a chunk");

struct tcp_pool {
	uint32_t n, used, peak;
	uint32_t free; /* chain of chunks given back */
	uint32_t limbo, limbo_last,
		n_limbo; /* chain of those given back in this turn; still used */
	uint32_t fresh; /* those from here on were never used */
	uint32_t reserve; /* of these, data may not take any */
	uint64_t refused; /* times that there was none to have */
};

/*
 * The pool and its chunks, borrowed for one call.
 *
 * With a journal (core/journal.h) a turn can be taken back: what links the chunks is kept in it before
 * it changes, and a chunk that is given back stays as it is until tcp_pool_commit().
 */
struct tcp_memory {
	struct tcp_pool *pool;
	union tcp_chunk *chunk;
	struct tcp_link *link;
	struct journal *journal; /* NULL: nobody takes anything back */
	uint64_t at; /* where the links are, as the journal counts */
};

enum tcp_chunk_use { TCP_CHUNK_DATA, TCP_CHUNK_BOOKS };

/* tcp_pool_init() - @n chunks, all free. */
void tcp_pool_init(struct tcp_pool *p, uint32_t n);

/* tcp_pool_bytes() - what @n chunks and their links take. */
static inline uint64_t tcp_pool_bytes(uint32_t n)
{
	return (uint64_t)n * (sizeof(union tcp_chunk) + sizeof(struct tcp_link));
}

/* tcp_memory_at() - of a pool whose tcp_pool_bytes() are at @block, without a journal. */
static inline struct tcp_memory tcp_memory_at(struct tcp_pool *p, void *block)
{
	return (struct tcp_memory){
		.pool = p,
		.chunk = block,
		.link = (struct tcp_link *)((union tcp_chunk *)block + p->n),
	};
}

/* tcp_chunk_take() - a chunk, its content undefined, or INDEX_NONE. */
uint32_t tcp_chunk_take(struct tcp_memory m, enum tcp_chunk_use use);

void tcp_chunk_give(struct tcp_memory m, uint32_t i);

/* tcp_pool_commit() - the turn is over: what was given back in it may be had by others. */
void tcp_pool_commit(struct tcp_memory m);

/* tcp_chunk_keep() - it is about to be linked to another one. */
static inline void tcp_chunk_keep(struct tcp_memory m, uint32_t i)
{
	if (m.journal)
		journal_keep(m.journal, m.at + (uint64_t)i * sizeof(struct tcp_link), &m.link[i],
			     sizeof(struct tcp_link));
}

/* tcp_pool_room() - bytes of data that the pool could still take. */
static inline uint64_t tcp_pool_room(const struct tcp_pool *p)
{
	uint32_t taken = p->used + p->reserve;

	return taken < p->n ? (uint64_t)(p->n - taken) * TCP_CHUNK_BYTES : 0;
}

#endif
