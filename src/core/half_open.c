/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/half_open.h"

#include "core/internal.h"
#include "wire/packet.h"

static struct half_open *entries(const struct guard_arena *a)
{
	return arena_at(a, a->at.half_opens);
}

static uint32_t *bucket_of(const struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
			   const struct ip_addr *dst, uint16_t dport)
{
	uint32_t *buckets = arena_at(a, a->at.half_open_buckets);

	return &buckets[arena_hash(a, src, sport, dst, dport) & a->at.half_open_mask];
}

struct half_open *half_open_at(struct guard_arena *a, uint32_t i)
{
	return &entries(a)[i];
}

void half_open_init(struct guard_arena *a)
{
	uint32_t *buckets = arena_at(a, a->at.half_open_buckets);

	for (uint32_t i = 0; i <= a->at.half_open_mask; i++)
		buckets[i] = HALF_OPEN_NONE;
	a->half_open_free = HALF_OPEN_NONE;
	a->half_open_fresh = 0;
	a->half_open_used = 0;
}

uint32_t half_open_find(const struct guard_arena *a, const struct ip_addr *client,
			uint16_t client_port, const struct ip_addr *server, uint16_t server_port)
{
	const struct half_open *all = entries(a);
	uint32_t i;

	if (a->half_open_used == 0)
		return HALF_OPEN_NONE;
	i = *bucket_of(a, client, client_port, server, server_port);
	while (i != HALF_OPEN_NONE) {
		const struct half_open *h = &all[i];

		if (h->client_port == client_port && h->server_port == server_port &&
		    ip_addr_eq(&h->client, client) && ip_addr_eq(&h->server, server))
			break;
		i = h->hash_next;
	}
	return i;
}

/* keep() - entry @i is about to change. */
static void keep(struct guard_arena *a, uint32_t i)
{
	arena_keep(a, half_open_at(a, i), sizeof(struct half_open));
}

static void list_append(struct guard_arena *a, struct half_open_list *l, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);

	h->next = HALF_OPEN_NONE;
	h->prev = l->tail;
	if (l->tail != HALF_OPEN_NONE)
		half_open_at(a, l->tail)->next = i;
	else
		l->head = i;
	l->tail = i;
	l->count++;
}

static void list_unlink(struct guard_arena *a, struct half_open_list *l, struct half_open *h)
{
	if (h->prev != HALF_OPEN_NONE)
		half_open_at(a, h->prev)->next = h->next;
	else
		l->head = h->next;
	if (h->next != HALF_OPEN_NONE)
		half_open_at(a, h->next)->prev = h->prev;
	else
		l->tail = h->prev;
	l->count--;
	l->exempt -= h->exempt && !h->reset;
	l->reset -= h->reset;
	l->answered -= h->answered && !h->reset;
	l->concentrated -= h->concentrated && !h->reset;
}

static void hash_unlink(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);
	uint32_t *bucket = bucket_of(a, &h->client, h->client_port, &h->server, h->server_port);
	uint32_t at = *bucket;

	if (at == i) {
		*bucket = h->hash_next;
		return;
	}
	while (half_open_at(a, at)->hash_next != i)
		at = half_open_at(a, at)->hash_next;
	half_open_at(a, at)->hash_next = h->hash_next;
}

void half_open_remove(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);

	keep(a, i);
	if (!h->reset)
		service_removed(a, h);
	hash_unlink(a, i);
	list_unlink(a, &a->service[h->service].half_opens, h);
	h->client_port = 0;
	h->hash_next = a->half_open_free;
	a->half_open_free = i;
	a->half_open_used--;
}

/* largest_list() - the service with the most half-opens; @service wins where it has its share. */
static uint32_t largest_list(struct guard_arena *a, uint32_t service)
{
	uint32_t best = service;

	if (a->service[service].half_opens.count > a->limits.max_half_open / 2)
		return service;
	for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
		if (a->service[i].half_opens.count > a->service[best].half_opens.count)
			best = i;
	}
	return best;
}

static uint32_t take_slot(struct guard_arena *a, uint32_t service, int *evicted)
{
	uint32_t i;

	if (a->half_open_free == HALF_OPEN_NONE && a->half_open_fresh < a->limits.max_half_open)
		return a->half_open_fresh++;
	if (a->half_open_free == HALF_OPEN_NONE) {
		uint32_t victim = largest_list(a, service);

		half_open_remove(a, a->service[victim].half_opens.head);
		*evicted = (int)victim;
	}
	i = a->half_open_free;
	a->half_open_free = half_open_at(a, i)->hash_next;
	return i;
}

static uint32_t offers(const struct pkt *syn)
{
	uint32_t o = 0;

	if (syn->opt.present & TCP_OPT_WSCALE)
		o |= OFFER_WSCALE;
	if (syn->opt.present & TCP_OPT_SACK_PERMITTED)
		o |= OFFER_SACK;
	if (syn->opt.present & TCP_OPT_TIMESTAMPS)
		o |= OFFER_TIMESTAMPS;
	/* with AE it is AccECN that is asked for, and the answer says nothing about RFC 3168 */
	if ((syn->flags & (TCP_AE | TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR))
		o |= OFFER_ECN;
	return o;
}

uint32_t half_open_add(struct guard_arena *a, uint32_t service, const struct pkt *syn,
		       uint32_t tick, int *evicted)
{
	uint32_t i = take_slot(a, service, evicted);
	uint32_t *bucket = bucket_of(a, &syn->src, syn->sport, &syn->dst, syn->dport);
	struct half_open *h = half_open_at(a, i);

	h->client_port = 0;
	keep(a, i);
	*h = (struct half_open){
		.client = syn->src,
		.server = syn->dst,
		.client_port = syn->sport,
		.server_port = syn->dport,
		.client_isn = syn->seq,
		.born = tick,
		.service = service & 0xff,
		.offered = offers(syn) & 0xf,
		.data = syn->payload_len > 0,
		.hash_next = *bucket & HALF_OPEN_NONE,
	};
	*bucket = i;
	list_append(a, &a->service[service].half_opens, i);
	a->half_open_used++;
	return i;
}

void half_open_exempt(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);

	h->exempt = 1;
	a->service[h->service].half_opens.exempt++;
}

void half_open_answered(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);

	keep(a, i);
	a->service[h->service].half_opens.answered += !h->answered && !h->reset;
	h->answered = 1;
}

void half_open_ask(struct guard_arena *a, uint32_t i)
{
	half_open_exempt(a, i);
	half_open_reset(a, i);
	half_open_at(a, i)->asks = 1;
}

void half_open_reset(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);
	struct half_open_list *l = &a->service[h->service].half_opens;

	if (h->reset)
		return;
	service_removed(a, h);
	l->concentrated -= h->concentrated;
	l->exempt -= h->exempt;
	l->answered -= h->answered;
	h->reset = 1;
	l->reset++;
}

void half_open_disproved(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);
	struct half_open_list *l = &a->service[h->service].half_opens;

	h->disproved = 1;
	if (!h->reset)
		return;
	h->reset = 0;
	l->reset--;
	l->concentrated += h->concentrated;
	l->exempt += h->exempt;
	l->answered += h->answered;
}

/* ---- after another process ---- */

#define AGE_BITS 14 /* of ticks: two minutes; who is older is not told from others of that age */

static bool is_sane(const struct guard_arena *a, const struct half_open *h)
{
	return h->server_port != 0 && a->service[h->service].name[0];
}

/* sort_by_age() - into the hash buckets, which are empty, and each a chain of entries of one age. */
static uint32_t sort_by_age(struct guard_arena *a, uint32_t *by_age)
{
	uint32_t now = tick_of(a->now), last = a->at.half_open_mask, shift = 0, insane = 0;

	while (last << shift < 1u << AGE_BITS)
		shift++;
	for (uint32_t i = a->half_open_fresh; i-- > 0;) {
		struct half_open *h = half_open_at(a, i);
		uint32_t age = (now - h->born) >> shift;

		if (h->client_port == 0 || !is_sane(a, h)) {
			insane += h->client_port != 0;
			h->client_port = 0;
			h->hash_next = a->half_open_free & HALF_OPEN_NONE;
			a->half_open_free = i;
			continue;
		}
		if (now - h->born > UINT32_MAX / 2) { /* of the future */
			h->born = now;
			age = 0;
		}
		if (age > last)
			age = last;
		h->next = by_age[age] & HALF_OPEN_NONE;
		by_age[age] = i;
	}
	return insane;
}

static void list_again(struct guard_arena *a, uint32_t i)
{
	struct half_open *h = half_open_at(a, i);
	struct half_open_list *l = &a->service[h->service].half_opens;

	list_append(a, l, i);
	l->exempt += h->exempt && !h->reset;
	l->reset += h->reset;
	l->answered += h->answered && !h->reset;
	l->concentrated += h->concentrated && !h->reset;
	a->half_open_used++;
	if (!h->reset)
		service_kept(a, h);
}

uint32_t half_open_rebuild(struct guard_arena *a)
{
	uint32_t *buckets = arena_at(a, a->at.half_open_buckets);
	uint32_t fresh = a->half_open_fresh, insane;

	if (fresh > a->limits.max_half_open)
		fresh = a->limits.max_half_open;
	half_open_init(a);
	a->half_open_fresh = fresh;
	insane = sort_by_age(a, buckets);
	for (uint32_t age = a->at.half_open_mask + 1; age-- > 0;) {
		for (uint32_t i = buckets[age], next; i != HALF_OPEN_NONE; i = next) {
			next = half_open_at(a, i)->next;
			list_again(a, i);
		}
		buckets[age] = HALF_OPEN_NONE;
	}
	for (uint32_t i = 0; i < fresh; i++) {
		struct half_open *h = half_open_at(a, i);
		uint32_t *bucket;

		if (h->client_port == 0)
			continue;
		bucket = bucket_of(a, &h->client, h->client_port, &h->server, h->server_port);
		h->hash_next = *bucket & HALF_OPEN_NONE;
		*bucket = i;
	}
	return insane;
}
