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
#define DEFAULT_TTL	64
#define DOWN_AFTER	(2 * USEC_PER_SEC) /* without an answer to anybody: down for all */
#define PROBE_INTERVAL	USEC_PER_SEC /* how often a server that is down is asked again */
#define ASK_INTERVAL	(60 * USEC_PER_SEC) /* servers change their mind when they are restarted */

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

/* default_history() - what the servers of this service do, as far as any was seen. */
static struct promise_history default_history(const struct guard_arena *a, uint32_t service,
					      const struct ip_addr *addr)
{
	struct promise_history h = a->service[service].default_promise;

	if (!h.now)
		h.now = cautious_promise(addr);
	return h;
}

/* replace_promise() - promise something else from now on. */
static void replace_promise(struct promise_history *h, uint32_t promise, usec_t now)
{
	if ((h->now ^ promise) & PROMISE_AUTHENTICATED) {
		h->before[1] = h->before[0];
		h->replaced[1] = h->replaced[0];
		h->before[0] = h->now;
		h->replaced[0] = now;
	}
	h->now = promise;
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
		.promise = default_history(a, service, addr),
		.heard = now,
	};
	return p;
}

static struct promise_history history_of(struct guard_arena *a, uint32_t service,
					 const struct ip_addr *addr, uint16_t port)
{
	const struct profile *p = profile_find(a, addr, port);

	return p ? p->promise : default_history(a, service, addr);
}

uint32_t profile_promise(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			 uint16_t port)
{
	return history_of(a, service, addr, port).now;
}

unsigned profile_promises(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			  uint16_t port, usec_t now, uint32_t promises[PROMISES_MAX])
{
	struct promise_history h = history_of(a, service, addr, port);
	usec_t cookie_life = 2 * a->keys.rotate;
	unsigned n = 0;

	promises[n++] = h.now;
	for (unsigned i = 0; i < PROMISES_BEFORE; i++) {
		if (h.before[i] && now - h.replaced[i] <= cookie_life &&
		    ((h.before[i] ^ h.now) & PROMISE_AUTHENTICATED))
			promises[n++] = h.before[i];
	}
	return n;
}

bool profile_should_ask(struct profile *p, usec_t now)
{
	struct promise has;

	promise_unpack(p->promise.now, &has);
	if ((has.timestamps && has.sack && has.wscale != PROMISE_NO_WSCALE) || now < p->ask_at)
		return false;
	p->ask_at = now + ASK_INTERVAL;
	return true;
}

/*
 * looks_like_cookie() - so a Linux server answers with a SYN cookie of its own, when its backlog is
 * full: without a timestamp there is nowhere to hide window scale, SACK and ECN. It has them at other
 * times, so this must not be learned.
 */
static bool looks_like_cookie(const struct pkt *p, uint32_t offered)
{
	return !(offered & OFFER_TIMESTAMPS) &&
	       !(p->opt.present & (TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED));
}

/* observed() - what the SYN-ACK shows, given what the SYN offered and what was known before. */
static uint32_t observed(const struct pkt *p, uint32_t offered, uint32_t known)
{
	struct promise n;
	uint16_t has = p->opt.present;

	promise_unpack(known, &n);
	n.mss = has & TCP_OPT_MSS ? p->opt.mss : p->family == 4 ? 536 : 1220;
	if (looks_like_cookie(p, offered))
		return promise_pack(&n);
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

static void change_default(struct service *s, const struct ip_addr *addr, uint32_t promise,
			   usec_t now)
{
	if (!s->default_promise.now)
		s->default_promise.now = cautious_promise(addr);
	replace_promise(&s->default_promise, promise, now);
}

static uint32_t client_hash(const struct guard_arena *a, const struct ip_addr *client)
{
	return (uint32_t)arena_hash(a, client, 0, client, 0);
}

bool profile_found_down(struct guard_arena *a, struct profile *p, const struct ip_addr *client,
			usec_t now)
{
	uint32_t hash = client_hash(a, client);

	if (p->down) {
		if (hash != p->down_for && (!p->answered || now - p->answered >= DOWN_AFTER))
			p->down_for_all = true;
		return false;
	}
	p->down = true;
	p->down_for_all = false;
	p->down_for = hash;
	p->probe_at = now + PROBE_INTERVAL;
	return true;
}

bool profile_is_down(const struct guard_arena *a, const struct profile *p,
		     const struct ip_addr *client)
{
	return p->down && (p->down_for_all || p->down_for == client_hash(a, client));
}

void profile_asks(struct profile *p, usec_t now)
{
	p->asked = now;
	p->probe_at = now + PROBE_INTERVAL;
}

bool profile_may_ask(const struct guard_arena *a, struct profile *p, const struct ip_addr *client,
		     usec_t now, bool *silent)
{
	usec_t longer =
		p->down_for_all && p->down_for == client_hash(a, client) ? PROBE_INTERVAL : 0;

	if (now < p->probe_at + longer)
		return false;
	*silent = p->asked > p->heard;
	profile_asks(p, now);
	return true;
}

bool profile_may_prove(const struct profile *p, usec_t now)
{
	return now >= p->probe_at && p->asked <= p->heard;
}

enum profile_change profile_learn(struct guard_arena *a, uint32_t service, const struct pkt *p,
				  uint32_t offered, usec_t now, bool *was_down)
{
	struct profile *f = profile_get(a, service, &p->src, p->sport, now);
	uint32_t promise = observed(p, offered, f->promise.now);
	enum profile_change change = f->learned ? PROFILE_SAME : PROFILE_LEARNED;

	*was_down = f->down;
	f->down = false;
	f->heard = f->answered = now;
	if ((offered & OFFER_ALL) == OFFER_ALL)
		f->ask_at = now + ASK_INTERVAL;
	f->window = p->window;
	f->ttl = p->ttl;
	f->learned = true;
	if (promise != f->promise.now && change == PROFILE_SAME)
		change = PROFILE_CHANGED;
	replace_promise(&f->promise, promise, now);
	change_default(&a->service[service], &p->src, promise, now);
	return change;
}
