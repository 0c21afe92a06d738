/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tcp/stream.h"

#include <string.h>

#include "base/seq.h"

#define CHUNK_MASK (TCP_CHUNK_BYTES - 1)

void tcp_stream_init(struct tcp_stream *s)
{
	*s = (struct tcp_stream){.head = INDEX_NONE, .tail = INDEX_NONE, .cursor = INDEX_NONE};
}

/* last_not_after() - the last chunk that begins at or before @base; INDEX_NONE if there is none. */
static uint32_t last_not_after(const struct tcp_stream *s, struct tcp_memory m, uint32_t base)
{
	uint32_t i = s->head;

	if (i == INDEX_NONE || seq_gt(m.link[i].offset, base))
		return INDEX_NONE;
	if (seq_leq(m.link[s->tail].offset, base))
		return s->tail;
	if (s->cursor != INDEX_NONE && seq_leq(m.link[s->cursor].offset, base))
		i = s->cursor;
	while (seq_leq(m.link[m.link[i].next].offset, base))
		i = m.link[i].next;
	return i;
}

/* chunk_for() - the chunk of the byte at @offset, made if it is not there; INDEX_NONE: no memory. */
static uint32_t chunk_for(struct tcp_stream *s, struct tcp_memory m, uint32_t offset)
{
	uint32_t base = offset & ~(uint32_t)CHUNK_MASK;
	uint32_t before = last_not_after(s, m, base);
	uint32_t i;

	/* The end is found without the cursor, which is left to whoever reads in the middle. */
	if (before != INDEX_NONE && m.link[before].offset == base)
		return before;
	i = tcp_chunk_take(m, TCP_CHUNK_DATA);
	if (i == INDEX_NONE)
		return i;
	m.link[i].offset = base;
	if (before == INDEX_NONE) {
		m.link[i].next = s->head;
		s->head = i;
	} else {
		tcp_chunk_keep(m, before);
		m.link[i].next = m.link[before].next;
		m.link[before].next = i;
	}
	if (s->tail == before)
		s->tail = i;
	return i;
}

uint32_t tcp_stream_put(struct tcp_stream *s, struct tcp_memory m, uint32_t offset,
			const uint8_t *data, uint32_t len)
{
	uint32_t done = 0;

	while (done < len) {
		uint32_t i = chunk_for(s, m, offset + done);
		uint32_t at = (offset + done) & CHUNK_MASK;
		uint32_t n = TCP_CHUNK_BYTES - at;

		if (i == INDEX_NONE)
			break;
		if (n > len - done)
			n = len - done;
		memcpy(m.chunk[i].data + at, data + done, n);
		done += n;
	}
	if (done > 0)
		s->high = seq_max(s->high, offset + done);
	return done;
}

uint32_t tcp_stream_append(struct tcp_stream *s, struct tcp_memory m, const uint8_t *data,
			   uint32_t len)
{
	uint32_t done = tcp_stream_put(s, m, s->end, data, len);

	s->end += done;
	return done;
}

void tcp_stream_copy(struct tcp_stream *s, struct tcp_memory m, uint32_t offset, uint8_t *to,
		     uint32_t len)
{
	uint32_t i = len ? last_not_after(s, m, offset & ~(uint32_t)CHUNK_MASK) : INDEX_NONE;

	while (len > 0 && i != INDEX_NONE) {
		uint32_t at = offset & CHUNK_MASK;
		uint32_t n = TCP_CHUNK_BYTES - at < len ? TCP_CHUNK_BYTES - at : len;

		s->cursor = i;
		memcpy(to, m.chunk[i].data + at, n);
		to += n;
		offset += n;
		len -= n;
		i = m.link[i].next;
	}
}

uint32_t tcp_stream_piece(struct tcp_stream *s, struct tcp_memory m, uint32_t offset, uint32_t len,
			  const uint8_t **data)
{
	uint32_t i = last_not_after(s, m, offset & ~(uint32_t)CHUNK_MASK);
	uint32_t at = offset & CHUNK_MASK;

	if (i == INDEX_NONE)
		return 0;
	s->cursor = i;
	*data = m.chunk[i].data + at;
	return TCP_CHUNK_BYTES - at < len ? TCP_CHUNK_BYTES - at : len;
}

static void drop_head(struct tcp_stream *s, struct tcp_memory m)
{
	uint32_t i = s->head;

	s->head = m.link[i].next;
	if (s->head == INDEX_NONE)
		s->tail = INDEX_NONE;
	if (s->cursor == i)
		s->cursor = INDEX_NONE;
	tcp_chunk_give(m, i);
}

void tcp_stream_release(struct tcp_stream *s, struct tcp_memory m, uint32_t offset)
{
	s->start = offset;
	/* a chunk half used goes as well when nothing is left in it */
	while (s->head != INDEX_NONE &&
	       (s->start == s->high || seq_leq(m.link[s->head].offset + TCP_CHUNK_BYTES, s->start)))
		drop_head(s, m);
}

void tcp_stream_clear(struct tcp_stream *s, struct tcp_memory m)
{
	while (s->head != INDEX_NONE)
		drop_head(s, m);
	s->start = s->high = s->end;
}
