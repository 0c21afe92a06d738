/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 * -------------------
 * What is done to some clients and not to others, in the order in which a packet meets it:
 *
 *   1. rules: a denied client's packets are dropped, whatever they are; the SYNs of an allowed one go to
 *      the server as in calm times and say nothing to the detector;
 *   2. limit: SYNs of one prefix over its rate are dropped;
 *   3. fingerprint: SYNs that look like the flood's, and like no client's that has completed;
 *   4. reflection: when the guard answers, SYN-ACKs toward one prefix are rationed until a client there
 *      completes a handshake; so are RSTs in the name of a server that is down. Half of the ration is kept for SYNs that were dropped before and are
 *      repeated later, for that is what a client does whose prefix somebody forges, and what a flood
 *      of random SYNs does not. The first handshake that is completed opens the prefix to all.
 *
 * What 2 to 4 drop while the service is under attack counts as opened and not completed: the attack
 * must not seem to be over only because its SYNs are dropped.
 */
#include <string.h>

#include "core/internal.h"

/* A prefix from which a handshake was completed is not rationed for that long. */
#define PROVEN_FOR (3600 * USEC_PER_SEC)

/* Reflection is a matter of networks, not of hosts: who forges one address of a net forges them all. */
#define NET_PLEN_V4 24
#define NET_PLEN_V6 64

/* What one owner has of them: an IPv4 /24 is one already, of IPv6 a /48 is to be had for nothing. */
#define SITE_PLEN_V6 48

#define WITHHELD_AGAIN (60 * USEC_PER_SEC) /* between two events that say so */

/* ---- rules ---- */

bool react_denies(struct turn *t, uint32_t slot, const struct pkt *in)
{
	if (!t->rules)
		return false;
	t->rule = rules_find(t->rules, &in->src, turn_service(t, slot)->config, t->now);
	if (t->rule == RULE_NONE || t->rules->rule[t->rule].action != RULE_DENY)
		return false;
	turn_service(t, slot)->counters.denied++;
	turn_drop(t, GUARD_DROP_DENIED);
	return true;
}

void react_count(struct turn *t)
{
	if (t->rule != RULE_NONE)
		arena_reactions(t->a)->rule[t->rules->rule[t->rule].slot].packets++;
}

/* ---- prefixes ---- */

/* prefix_hash() - of the network that @addr lies in; never 0. */
static uint64_t prefix_hash(const struct guard_arena *a, const struct ip_addr *addr, uint32_t plen4,
			    uint32_t plen6)
{
	struct ip_addr p = ip_addr_mask(addr, ip_addr_is_v4(addr) ? 96 + plen4 : plen6);

	return siphash_2words(&a->table_key, (uint64_t)p.w[0] << 32 | p.w[1],
			      (uint64_t)p.w[2] << 32 | p.w[3]) |
	       1ULL << 63;
}

static uint64_t net_hash(const struct guard_arena *a, const struct ip_addr *addr)
{
	return prefix_hash(a, addr, NET_PLEN_V4, NET_PLEN_V6);
}

static uint64_t site_hash(const struct guard_arena *a, const struct ip_addr *addr)
{
	return prefix_hash(a, addr, NET_PLEN_V4, SITE_PLEN_V6);
}

/* share() - of a rate of the whole daemon; at least 1. */
static uint32_t share(const struct turn *t, uint32_t rate)
{
	uint32_t n = t->config->workers > 1 ? rate / t->config->workers : rate;

	return n ? n : 1;
}

void react_configure(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	const struct guard_service_config *c = &t->config->service[s->config];
	uint32_t half = share(t, c->synack_limit) / 2;

	s->react.limit = bucket_rate(share(t, c->limit.rate), share(t, c->limit.burst));
	/* a burst of two seconds: clients behind one address may all come at once */
	s->react.synacks = bucket_rate(half ? half : 1, 2 * (half ? half : 1));
}

/* ---- limit ---- */

static bool limit_applies(const struct service *s, const struct guard_service_config *c)
{
	return c->limit.when == GUARD_LIMIT_ALWAYS ||
	       (c->limit.when == GUARD_LIMIT_ATTACK && s->detector.attack);
}

static bool over_limit(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);
	const struct guard_service_config *c = &t->config->service[s->config];
	uint64_t prefix;

	if (!limit_applies(s, c))
		return false;
	/* the services count apart */
	prefix = prefix_hash(t->a, &in->src, c->limit.prefix4, c->limit.prefix6) + slot;
	return !bucket_take(&limit_entry(&arena_reactions(t->a)->syns, prefix)->bucket[0],
			    &s->react.limit, t->now);
}

/* protects() - may SYNs of this service be dropped? */
static bool protects(const struct service *s)
{
	return s->config != UINT16_MAX &&
	       (s->mode == GUARD_MODE_ADAPTIVE || s->mode == GUARD_MODE_ALWAYS);
}

/* ---- fingerprint ---- */

static uint64_t connection_hash(const struct turn *t, const struct pkt *in)
{
	return arena_hash(t->a, &in->src, in->sport, &in->dst, in->dport);
}

/* was_dropped() - is this SYN the repetition of one that was dropped? If not, it is remembered. */
static bool was_dropped(struct turn *t, const struct pkt *in)
{
	uint64_t syn = (connection_hash(t, in) ^ in->seq) * 0x9e3779b97f4a7c15ULL;

	return repeat_is(&arena_reactions(t->a)->repeats, syn ^ syn >> 32, t->now);
}

static uint32_t print_hash(const struct guard_arena *a, const struct syn_fingerprint *f)
{
	uint64_t words[2];

	_Static_assert(sizeof(words) == sizeof(*f), "a fingerprint is two words");
	memcpy(words, f, sizeof(words));
	return (uint32_t)siphash_2words(&a->table_key, words[0], words[1]) | 1;
}

/*
 * looks_like_flood() - is this SYN one of those that have the fingerprint of the flood and of no client?
 * One that is repeated is a client's, perhaps: let it through, and if it completes we know.
 */
static bool looks_like_flood(struct turn *t, struct service *s, const struct pkt *in)
{
	struct prints *prints = &arena_reactions(t->a)->prints;
	struct syn_fingerprint f = syn_fingerprint(in);
	uint32_t hash = print_hash(t->a, &f);
	char text[FINGERPRINT_TEXT_MAX];

	if (!s->detector.attack)
		s->react.vote = (struct print_vote){0};
	else if (print_vote(&s->react.vote, &f, hash, t->now) && !prints_known(prints, hash))
		arena_event(t->a, GUARD_EVENT_FINGERPRINT_DROPPED, s->name, NULL, 0, 0,
			    syn_fingerprint_text(&f, text, sizeof(text)));
	if (s->react.vote.flood == hash && !prints_known(prints, hash) && !was_dropped(t, in))
		return true;
	prints_pending(prints, connection_hash(t, in), hash);
	return false;
}

/* ---- limit and fingerprint ---- */

bool react_refuses(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);

	if (!protects(s))
		return false;
	if (over_limit(t, slot, in)) {
		s->counters.limited++;
		turn_drop(t, GUARD_DROP_RATE_LIMIT);
		if (s->detector.attack)
			service_opened(t, slot, in, HALF_OPEN_NONE);
		return true;
	}
	if (t->config->service[s->config].drop_fingerprint && looks_like_flood(t, s, in)) {
		s->counters.fingerprint_dropped++;
		turn_drop(t, GUARD_DROP_FINGERPRINT);
		service_opened(t, slot, in, HALF_OPEN_NONE);
		return true;
	}
	return false;
}

/* ---- reflection ---- */

/* ration_is_over() - of SYN-ACKs to the network of @in. */
static bool ration_is_over(struct turn *t, const struct service *s, const struct pkt *in)
{
	struct reactions *r = arena_reactions(t->a);
	uint64_t net = net_hash(t->a, &in->src);
	struct limit_entry *e;

	if (proven_is(&r->proven, site_hash(t->a, &in->src), net, turn_tick(t),
		      ticks_in(PROVEN_FOR)))
		return false;
	e = limit_entry(&r->synacks, net);
	if (bucket_take(&e->bucket[0], &s->react.synacks, t->now))
		return false;
	return !was_dropped(t, in) || !bucket_take(&e->bucket[1], &s->react.synacks, t->now);
}

static void say_withheld(struct turn *t, struct service *s, const struct pkt *in)
{
	struct ip_addr net =
		ip_addr_mask(&in->src, ip_addr_is_v4(&in->src) ? 96 + NET_PLEN_V4 : NET_PLEN_V6);

	if (s->react.withheld_said && t->now - s->react.withheld_said < WITHHELD_AGAIN)
		return;
	s->react.withheld_said = t->now;
	arena_event(t->a, GUARD_EVENT_SYNACKS_WITHHELD, s->name, &net, 0,
		    t->config->service[s->config].synack_limit,
		    "somebody may be forging the addresses of this network");
}

bool react_withholds(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);

	if (s->config == UINT16_MAX || t->config->service[s->config].synack_limit == 0 ||
	    !ration_is_over(t, s, in))
		return false;
	s->counters.synacks_withheld++;
	turn_drop(t, GUARD_DROP_REFLECTION);
	say_withheld(t, s, in);
	return true;
}

void react_completed(struct turn *t, uint32_t slot, const struct pkt *in)
{
	const struct service *s = turn_service(t, slot);
	struct reactions *r = arena_reactions(t->a);

	proven_note(&r->proven, site_hash(t->a, &in->src), net_hash(t->a, &in->src), turn_tick(t));
	if (s->config != UINT16_MAX && t->config->service[s->config].drop_fingerprint)
		prints_completed(&r->prints, connection_hash(t, in), s->react.vote.flood,
				 turn_tick(t));
}
