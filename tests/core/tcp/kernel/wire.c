/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A wire that loses, doubles, delays, reorders and has a rate; and the bytes that go over it. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

struct wire_packet {
	usec_t at;
	uint64_t serial;
	uint32_t len;
	uint8_t data[];
};

usec_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

const uint8_t *pattern_at(unsigned salt, uint64_t offset)
{
	/* a prime, so that nothing that is shifted by whole segments or pages looks right */
	enum { LENGTH = 65521 };
	static uint8_t table[LENGTH + PATTERN_MAX];
	static bool made;

	for (uint32_t i = 0; !made && i < sizeof(table); i++)
		table[i] = (uint8_t)(mix64(i % LENGTH) >> 13);
	made = true;
	return table + (offset + salt * 1000003ull) % LENGTH;
}

static bool before(const struct wire_packet *a, const struct wire_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void heap_add(struct lane *l, struct wire_packet *p)
{
	uint32_t i;

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 1024;
		l->heap = realloc(l->heap, l->room * sizeof(struct wire_packet *));
		if (!l->heap)
			abort();
	}
	for (i = l->n++; i > 0 && before(p, l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		l->heap[i] = l->heap[(i - 1) / 2];
	l->heap[i] = p;
}

static struct wire_packet *heap_take(struct lane *l)
{
	struct wire_packet *first = l->heap[0], *last = l->heap[--l->n];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= l->n)
			break;
		if (child + 1 < l->n && before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!before(l->heap[child], last))
			break;
		l->heap[i] = l->heap[child];
		i = child;
	}
	l->heap[i] = last;
	return first;
}

void lane_open(struct lane *l, const struct wire_plan *plan, uint64_t seed, int fd)
{
	*l = (struct lane){.plan = *plan, .fd = fd};
	rng_seed(&l->loss, seed, 11);
	rng_seed(&l->other, seed, 12);
}

void lane_close(struct lane *l)
{
	while (l->n > 0)
		free(heap_take(l));
	free(l->heap);
	l->heap = NULL;
}

static void arrive(struct lane *l, uint8_t *data, uint32_t len)
{
	if (l->take)
		l->take(l->arg, data, len);
	else if (write(l->fd, data, len) < 0)
		l->overflown++;
}

static void launch(struct lane *l, const uint8_t *data, uint32_t len, usec_t now)
{
	const struct wire_plan *plan = &l->plan;
	struct wire_packet *p;
	usec_t at = now;

	if (plan->bits_per_second) {
		if (l->free_at < now)
			l->free_at = now;
		if ((l->free_at - now) * plan->bits_per_second / 8 / USEC_PER_SEC > plan->queue) {
			l->overflown++;
			return;
		}
		/* in nanoseconds it would be exact; here it rounds up by less than a microsecond */
		l->free_at += ((usec_t)len * 8 * USEC_PER_SEC + plan->bits_per_second - 1) /
			      plan->bits_per_second;
		at = l->free_at;
	}
	p = malloc(sizeof(*p) + len);
	if (!p)
		abort();
	p->at = at + plan->delay + rng_below(&l->other, plan->jitter + 1);
	if (rng_chance(&l->other, plan->reorder_ppm))
		p->at += rng_below(&l->other, 2 * plan->delay + 1000);
	p->serial = l->serial++;
	p->len = len;
	memcpy(p->data, data, len);
	heap_add(l, p);
}

void lane_send(struct lane *l, const uint8_t *data, uint32_t len, usec_t now)
{
	unsigned copies = 1;

	l->packets++;
	if (rng_chance(&l->loss, l->plan.loss_ppm)) {
		l->lost++;
		return;
	}
	if (rng_chance(&l->other, l->plan.dup_ppm))
		copies++;
	while (copies--)
		launch(l, data, len, now);
}

void lane_deliver(struct lane *l, usec_t now)
{
	while (l->n > 0 && l->heap[0]->at <= now) {
		struct wire_packet *p = heap_take(l);

		arrive(l, p->data, p->len);
		free(p);
	}
}

usec_t lane_deadline(const struct lane *l)
{
	return l->n > 0 ? l->heap[0]->at : USEC_NEVER;
}
