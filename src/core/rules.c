/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/rules.h"

#include <errno.h>

/* Odd, with about as many ones as zeros; the secret is in rules.key. */
#define MIX_1 0x9e3779b97f4a7c15ULL
#define MIX_2 0xc2b2ae3d27d4eb4fULL

void rules_init(struct rules *r, uint64_t key)
{
	memset(r, 0, sizeof(*r));
	memset(r->bucket, 0xff, sizeof(r->bucket));
	r->key = key;
}

/* bucket_of() - where to begin to look. Not SipHash: this runs for each packet, several times. */
static uint32_t bucket_of(const struct rules *r, const struct ip_addr *prefix, unsigned plen,
			  uint16_t service)
{
	uint64_t high = (uint64_t)prefix->w[0] << 32 | prefix->w[1];
	uint64_t low = (uint64_t)prefix->w[2] << 32 | prefix->w[3];
	uint64_t h = (high ^ r->key) * MIX_1;

	h ^= h >> 32;
	h = (h + low + ((uint64_t)service << 8 | plen)) * (r->key | 1);
	h ^= h >> 29;
	return (uint32_t)((h * MIX_2) >> 40) % RULES_BUCKETS;
}

/* look_up() - the rule of just this prefix and service, or RULE_NONE; @at: its bucket. */
static uint16_t look_up(const struct rules *r, const struct ip_addr *prefix, unsigned plen,
			uint16_t service, uint32_t *at)
{
	uint32_t b = bucket_of(r, prefix, plen, service);

	for (; r->bucket[b] != RULE_NONE; b = (b + 1) % RULES_BUCKETS) {
		const struct rule *rule = &r->rule[r->bucket[b]];

		if (rule->plen == plen && rule->service == service &&
		    ip_addr_eq(&rule->prefix, prefix))
			break;
	}
	*at = b;
	return r->bucket[b];
}

/* note_length() - keep the lengths in use, longest first. */
static void note_length(uint8_t *lengths, uint8_t *n, uint8_t plen)
{
	uint8_t at = 0;

	while (at < *n && lengths[at] > plen)
		at++;
	if (at < *n && lengths[at] == plen)
		return;
	memmove(&lengths[at + 1], &lengths[at], (size_t)(*n - at));
	lengths[at] = plen;
	++*n;
}

int rules_add(struct rules *r, const struct rule *rule)
{
	struct ip_addr masked = ip_addr_mask(&rule->prefix, rule->plen);
	uint16_t i;
	uint32_t at;

	if (rule->plen > 128 || !ip_addr_eq(&masked, &rule->prefix))
		return -EINVAL;
	i = look_up(r, &rule->prefix, rule->plen, rule->service, &at);
	if (i == RULE_NONE) {
		if (r->n == RULES_MAX)
			return -ENOSPC;
		i = (uint16_t)r->n++;
		r->bucket[at] = i;
	}
	r->rule[i] = *rule;
	if (rule->service != RULE_ALL_SERVICES)
		r->of_services = true;
	/* an IPv4 prefix lies in the mapped space, so that no IPv6 prefix holds an IPv4 address */
	if (rule->plen >= 96 && ip_addr_is_v4(&rule->prefix))
		note_length(r->length_v4, &r->n_lengths_v4, rule->plen);
	else
		note_length(r->length_v6, &r->n_lengths_v6, rule->plen);
	return 0;
}

static uint16_t find_exact(const struct rules *r, const struct ip_addr *prefix, unsigned plen,
			   uint16_t service, usec_t now)
{
	uint32_t at;
	uint16_t i = look_up(r, prefix, plen, service, &at);

	return i != RULE_NONE && now < r->rule[i].until ? i : RULE_NONE;
}

uint16_t rules_find(const struct rules *r, const struct ip_addr *client, uint16_t service,
		    usec_t now)
{
	bool v4 = ip_addr_is_v4(client);
	const uint8_t *length = v4 ? r->length_v4 : r->length_v6;
	unsigned n = v4 ? r->n_lengths_v4 : r->n_lengths_v6;

	for (unsigned k = 0; k < n; k++) {
		struct ip_addr prefix = ip_addr_mask(client, length[k]);
		uint16_t i = RULE_NONE;

		if (r->of_services && service != RULE_ALL_SERVICES)
			i = find_exact(r, &prefix, length[k], service, now);
		if (i == RULE_NONE)
			i = find_exact(r, &prefix, length[k], RULE_ALL_SERVICES, now);
		if (i != RULE_NONE)
			return i;
	}
	return RULE_NONE;
}

const char *rule_action_name(enum rule_action action)
{
	return action == RULE_ALLOW ? "allow" : "deny";
}
