/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tcp/pool.h"

void tcp_pool_init(struct tcp_pool *p, uint32_t n)
{
	*p = (struct tcp_pool){.n = n, .free = INDEX_NONE, .limbo = INDEX_NONE, .reserve = n / 8};
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
		p->free = m.link[i].next;
	else
		i = p->fresh++;
	if (++p->used > p->peak)
		p->peak = p->used;
	m.link[i].next = INDEX_NONE;
	return i;
}

void tcp_chunk_give(struct tcp_memory m, uint32_t i)
{
	struct tcp_pool *p = m.pool;

	tcp_chunk_keep(m, i);
	if (!m.journal) {
		m.link[i].next = p->free;
		p->free = i;
		p->used--;
		return;
	}
	if (p->limbo == INDEX_NONE)
		p->limbo_last = i;
	m.link[i].next = p->limbo;
	p->limbo = i;
	p->n_limbo++;
}

void tcp_pool_commit(struct tcp_memory m)
{
	struct tcp_pool *p = m.pool;

	if (p->limbo == INDEX_NONE)
		return;
	m.link[p->limbo_last].next = p->free;
	p->free = p->limbo;
	p->used -= p->n_limbo;
	p->limbo = INDEX_NONE;
	p->n_limbo = 0;
}
