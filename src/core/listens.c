/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/listens.h"

#include <string.h>

/* hash() - not secret: the table holds what the administrator wrote, and is three quarters empty. */
static uint32_t hash(const struct ip_addr *masked, unsigned plen)
{
	uint64_t h = ((uint64_t)masked->w[0] << 32 | masked->w[1]) * 0x9e3779b97f4a7c15u;

	h = (h ^ (h >> 31) ^ ((uint64_t)masked->w[2] << 32 | masked->w[3])) * 0xff51afd7ed558ccdu;
	h = (h ^ (h >> 29) ^ plen) * 0xc4ceb9fe1a85ec53u;
	return (uint32_t)(h >> 32);
}

/* find_bucket() - where the group of this prefix is, or the free place where it would be. */
static uint32_t find_bucket(const struct listens *l, const struct ip_addr *masked, unsigned plen)
{
	uint32_t i = hash(masked, plen) & (LISTENS_BUCKETS - 1);

	for (; l->bucket[i]; i = (i + 1) & (LISTENS_BUCKETS - 1)) {
		const struct listens_group *g = &l->group[l->bucket[i] - 1];

		if (g->plen == plen && ip_addr_eq(&g->prefix, masked))
			break;
	}
	return i;
}

/* add_length() - keep them sorted, so that the first match is the most specific one. */
static void add_length(struct listens *l, uint8_t plen, bool v4)
{
	uint32_t i = 0;

	while (i < l->n_lengths && l->length[i].plen > plen)
		i++;
	for (uint32_t k = i; k < l->n_lengths && l->length[k].plen == plen; k++) {
		if (l->length[k].v4 == v4)
			return;
	}
	memmove(&l->length[i + 1], &l->length[i], (l->n_lengths - i) * sizeof(l->length[0]));
	l->length[i] = (struct listens_length){plen, v4};
	l->n_lengths++;
}

/* group_of() - the group that @listen belongs to; made if it is the first. */
static uint16_t group_of(struct listens *l, const struct guard_listen *listen)
{
	struct ip_addr masked = ip_addr_mask(&listen->prefix, listen->plen);
	uint32_t b = find_bucket(l, &masked, listen->plen);

	if (!l->bucket[b]) {
		l->group[l->n_groups] =
			(struct listens_group){.prefix = masked, .plen = listen->plen};
		l->bucket[b] = ++l->n_groups;
		add_length(l, listen->plen, ip_addr_is_v4(&listen->prefix));
	}
	return (uint16_t)(l->bucket[b] - 1);
}

/* put_range() - as item @at of group @g. */
static void put_range(struct listens *l, struct listens_group *g, uint32_t at, uint32_t low,
		      uint32_t high, uint16_t service)
{
	struct listens_range *r = &l->range[g->first + at];

	memmove(r + 1, r, (g->n - at) * sizeof(*r));
	*r = (struct listens_range){(uint16_t)low, (uint16_t)high, service};
	g->n++;
}

/* add_ports() - what of the ports of @listen no earlier listen of the group has. */
static void add_ports(struct listens *l, struct listens_group *g, const struct guard_listen *listen)
{
	uint32_t low = listen->port_low, high = listen->port_high, i = 0;

	while (low <= high) {
		const struct listens_range *r = &l->range[g->first + i];

		if (i == g->n || r->low > high) {
			put_range(l, g, i, low, high, listen->service);
			return;
		}
		if (r->low > low) {
			put_range(l, g, i, low, r->low - 1u, listen->service);
			i++;
			r++;
		}
		if (r->high >= low)
			low = r->high + 1u;
		i++;
	}
}

void listens_build(struct listens *l, const struct guard_config *c)
{
	uint16_t group[GUARD_LISTENS_MAX], first = 0;

	memset(l, 0, sizeof(*l));
	for (uint32_t i = 0; i < c->n_listens; i++) {
		group[i] = group_of(l, &c->listen[i]);
		l->group[group[i]].n++;
	}
	for (uint32_t g = 0; g < l->n_groups; g++) {
		l->group[g].first = first;
		first += (uint16_t)(2 * l->group[g].n);
		l->group[g].n = 0;
	}
	for (uint32_t i = 0; i < c->n_listens; i++)
		add_ports(l, &l->group[group[i]], &c->listen[i]);
}

/* service_at() - binary search. Return: the service, or -1. */
static int service_at(const struct listens *l, const struct listens_group *g, uint16_t port)
{
	const struct listens_range *r = &l->range[g->first];
	uint32_t low = 0, high = g->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (port > r[mid].high)
			low = mid + 1;
		else if (port < r[mid].low)
			high = mid;
		else
			return r[mid].service;
	}
	return -1;
}

int listens_find(const struct listens *l, const struct ip_addr *addr, uint16_t port)
{
	bool v4 = ip_addr_is_v4(addr);

	for (uint32_t i = 0; i < l->n_lengths; i++) {
		unsigned plen = l->length[i].plen;
		struct ip_addr masked = *addr;
		uint32_t b;
		int service;

		if (l->length[i].v4 != v4)
			continue;
		if (plen < 128)
			masked = ip_addr_mask(addr, plen);
		b = find_bucket(l, &masked, plen);
		if (!l->bucket[b])
			continue;
		service = service_at(l, &l->group[l->bucket[b] - 1], port);
		if (service >= 0)
			return service;
	}
	return -1;
}
