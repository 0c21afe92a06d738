/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/profile.h"

#include <string.h>

#include "core/arena.h"
#include "wire/packet.h"

/*
 * What to promise for a server never heard of: what nearly every server does and what the relay can
 * make up for where it does not. Windows can be rescaled and SACK blanked; timestamps cannot be
 * invented, so they are not promised.
 */
#define CAUTIOUS_WSCALE 7
#define CAUTIOUS_MSS_V4 1460
#define CAUTIOUS_MSS_V6 1440
#define DEFAULT_TTL 64

uint32_t promise_pack(const struct promise *p)
{
	return (uint32_t)p->mss << 8 | (uint32_t)(p->wscale & 15) << 4 | (p->sack ? 4u : 0) |
	       (p->timestamps ? 2u : 0) | (p->ecn ? 1u : 0);
}

void promise_unpack(uint32_t bits, struct promise *p)
{
	p->mss = (uint16_t)(bits >> 8);
	p->wscale = bits >> 4 & 15;
	p->sack = bits >> 2 & 1;
	p->timestamps = bits >> 1 & 1;
	p->ecn = bits & 1;
}

static uint32_t cautious_promise(const struct ip_addr *addr)
{
	struct promise p = {
		.mss = ip_addr_is_v4(addr) ? CAUTIOUS_MSS_V4 : CAUTIOUS_MSS_V6,
		.wscale = CAUTIOUS_WSCALE,
		.sack = true,
	};

	return promise_pack(&p);
}

void profile_init(struct guard_arena *a)
{
	memset(a->profile, 0, sizeof(a->profile));
}

static struct profile *set_of(struct guard_arena *a, const struct ip_addr *addr, uint16_t port)
{
	uint64_t h = arena_hash(a, addr, port, addr, port);

	return &a->profile[h % PROFILE_SETS * PROFILE_WAYS];
}

struct profile *profile_find(struct guard_arena *a, const struct ip_addr *addr, uint16_t port)
{
	struct profile *set = set_of(a, addr, port);

	for (int i = 0; i < PROFILE_WAYS; i++) {
		if (set[i].used && set[i].port == port && ip_addr_eq(&set[i].addr, addr))
			return &set[i];
	}
	return NULL;
}

/* default_promise() - what the servers of this service do, as far as any was seen. */
static uint32_t default_promise(struct guard_arena *a, uint32_t service, const struct ip_addr *addr)
{
	uint32_t promise = a->service[service].default_promise;

	return promise ? promise : cautious_promise(addr);
}

/* cookie_life() - how long a promise may live on in a cookie. */
static usec_t cookie_life(const struct guard_arena *a)
{
	return 2 * a->keys.rotate;
}

static uint32_t default_before(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			       usec_t now)
{
	const struct service *s = &a->service[service];

	if (s->default_promise && now - s->default_promise_changed <= cookie_life(a))
		return s->default_promise_before ? s->default_promise_before
						 : cautious_promise(addr);
	return default_promise(a, service, addr);
}

struct profile *profile_get(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			    uint16_t port, usec_t now)
{
	struct profile *p = profile_find(a, addr, port);
	struct profile *set = set_of(a, addr, port);

	if (p) {
		p->service = (uint8_t)service; /* it may have been another one before a reload */
		return p;
	}
	p = &set[0];
	for (int i = 0; i < PROFILE_WAYS; i++) {
		if (!set[i].used) {
			p = &set[i];
			break;
		}
		if (set[i].heard < p->heard)
			p = &set[i];
	}
	*p = (struct profile){
		.addr = *addr,
		.port = port,
		.service = (uint8_t)service,
		.ttl = DEFAULT_TTL,
		.used = true,
		.promise = default_promise(a, service, addr),
		.promise_before = default_before(a, service, addr, now),
		.changed = now,
		.heard = now,
	};
	return p;
}

uint32_t profile_promise(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			 uint16_t port, usec_t now, uint32_t *before)
{
	const struct profile *p = profile_find(a, addr, port);

	if (!p) {
		*before = default_before(a, service, addr, now);
		return default_promise(a, service, addr);
	}
	*before = now - p->changed <= cookie_life(a) ? p->promise_before : p->promise;
	return p->promise;
}

/* observed() - what the SYN-ACK shows, given what the SYN offered and what was known before. */
static uint32_t observed(const struct pkt *p, uint32_t offered, uint32_t known)
{
	struct promise n;
	uint16_t has = p->opt.present;

	promise_unpack(known, &n);
	n.mss = has & TCP_OPT_MSS ? p->opt.mss : p->family == 4 ? 536 : 1220;
	if (has & TCP_OPT_WSCALE)
		n.wscale = p->opt.wscale;
	else if (offered & OFFER_WSCALE)
		n.wscale = PROMISE_NO_WSCALE;
	if (offered & OFFER_SACK)
		n.sack = has & TCP_OPT_SACK_PERMITTED;
	if (offered & OFFER_TIMESTAMPS)
		n.timestamps = has & TCP_OPT_TIMESTAMPS;
	if (offered & OFFER_ECN)
		n.ecn = (p->flags & (TCP_ECE | TCP_CWR)) == TCP_ECE;
	return promise_pack(&n);
}

static void change_default(struct service *s, uint32_t promise, usec_t now)
{
	if (s->default_promise == promise)
		return;
	s->default_promise_before = s->default_promise;
	s->default_promise = promise;
	s->default_promise_changed = now;
}

enum profile_change profile_learn(struct guard_arena *a, uint32_t service, const struct pkt *p,
				  uint32_t offered, usec_t now, bool *was_down)
{
	struct profile *f = profile_get(a, service, &p->src, p->sport, now);
	uint32_t promise = observed(p, offered, f->promise);
	enum profile_change change = f->learned ? PROFILE_SAME : PROFILE_LEARNED;

	*was_down = f->down;
	f->down = false;
	f->heard = f->answered = now;
	f->window = p->window;
	f->ttl = p->ttl;
	f->learned = true;
	if (promise != f->promise) {
		f->promise_before = f->promise;
		f->promise = promise;
		f->changed = now;
		if (change == PROFILE_SAME)
			change = PROFILE_CHANGED;
	}
	change_default(&a->service[service], promise, now);
	return change;
}
