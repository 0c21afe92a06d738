/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tcp/pool.h"

void tcp_pool_init(struct tcp_pool *p, uint32_t n)
{
	*p = (struct tcp_pool){.n = n, .free = INDEX_NONE, .reserve = n / 8};
}

uint32_t tcp_chunk_take(struct tcp_memory m, enum tcp_chunk_use use)
{
	struct tcp_pool *p = m.pool;
	uint32_t i = p->free;

	if (p->used >= p->n || (use == TCP_CHUNK_DATA && p->used + p->reserve >= p->n)) {
		p->refused++;
		return INDEX_NONE;
	}
	if (i != INDEX_NONE)
		p->free = m.chunk[i].next;
	else
		i = p->fresh++;
	if (++p->used > p->peak)
		p->peak = p->used;
	m.chunk[i].next = INDEX_NONE;
	return i;
}

void tcp_chunk_give(struct tcp_memory m, uint32_t i)
{
	m.chunk[i].next = m.pool->free;
	m.pool->free = i;
	m.pool->used--;
}
