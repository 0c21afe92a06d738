/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of sequence numbers: what arrived out of order, what the peer said it holds. */
#include "host.h"

#include "base/seq.h"

/* ranges_add() - false when there is no room for another piece; then nothing changes. */
bool ranges_add(struct ranges *x, uint32_t l, uint32_t r)
{
	uint32_t i = 0, j;

	while (i < x->n && seq_lt(x->v[i].r, l))
		i++;
	for (j = i; j < x->n && seq_leq(x->v[j].l, r); j++) {
		if (seq_lt(x->v[j].l, l))
			l = x->v[j].l;
		if (seq_gt(x->v[j].r, r))
			r = x->v[j].r;
	}
	if (i == j && x->n == RANGES_MAX)
		return false;
	memmove(&x->v[i + 1], &x->v[j], (x->n - j) * sizeof(x->v[0]));
	x->n = x->n - (j - i) + 1;
	x->v[i].l = l;
	x->v[i].r = r;
	return true;
}

void ranges_trim(struct ranges *x, uint32_t below)
{
	uint32_t i = 0;

	while (i < x->n && seq_leq(x->v[i].r, below))
		i++;
	memmove(&x->v[0], &x->v[i], (x->n - i) * sizeof(x->v[0]));
	x->n -= i;
	if (x->n && seq_lt(x->v[0].l, below))
		x->v[0].l = below;
}

bool ranges_has(const struct ranges *x, uint32_t l, uint32_t r)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (seq_leq(x->v[i].l, l) && seq_leq(r, x->v[i].r))
			return true;
	return false;
}

/* ranges_skip() - the first number from @seq on that is not in the set. */
uint32_t ranges_skip(const struct ranges *x, uint32_t seq)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (seq_leq(x->v[i].l, seq) && seq_lt(seq, x->v[i].r))
			return x->v[i].r;
	return seq;
}

/* ranges_next() - where the gap that begins at @seq ends, at most @limit. */
uint32_t ranges_next(const struct ranges *x, uint32_t seq, uint32_t limit)
{
	for (uint32_t i = 0; i < x->n; i++)
		if (seq_gt(x->v[i].l, seq) && seq_lt(x->v[i].l, limit))
			return x->v[i].l;
	return limit;
}
