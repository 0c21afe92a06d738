/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of each server address: learned from its own SYN-ACKs, so that a cookie can promise in
 * the server's name what the server will do, and nobody has to copy options by hand.
 *
 * A promise is what the guard's SYN-ACK says. When it changes, those before stay acceptable for the life
 * of a cookie.
 */
#ifndef TCPGUARD_CORE_PROFILE_H
#define TCPGUARD_CORE_PROFILE_H

#include "base/addr.h"
#include "base/types.h"

struct guard_arena;
struct pkt;

#define PROFILE_SETS 256
#define PROFILE_WAYS 4

#define PROMISE_NO_WSCALE 15

/*
 * The largest window scale promised to a client, whatever the server's own is. The promise may turn out
 * wrong, when the server was restarted with small buffers; then its windows are told in units of the
 * promised scale, rounded down, and a window of less than a unit is none. 1 KB is less than any receiver
 * lets its window shrink to without opening it again (RFC 9293 3.8.6.2.2: a segment or half the buffer);
 * 16 KB, by a scale of 14, is not. The price: of a server with scale 14 a client is told of 64 MB at most.
 */
#define PROMISE_WSCALE_MAX 10

/* What a SYN-ACK of the guard promises; packs into the 31 bits that a cookie authenticates. */
struct promise {
	uint16_t mss;
	uint8_t wscale; /* 0..14 or PROMISE_NO_WSCALE */
	bool sack, timestamps, ecn;
};

/* promise_wscale() - the scale that the SYN-ACK carries; @p has one. */
static inline uint8_t promise_wscale(const struct promise *p)
{
	return p->wscale < PROMISE_WSCALE_MAX ? p->wscale : PROMISE_WSCALE_MAX;
}

/* All of a packed promise but the MSS: what a cookie authenticates, because the translation needs it. */
#define PROMISE_AUTHENTICATED 0xffu

#define PROMISES_BEFORE 2
#define PROMISES_MAX	(1 + PROMISES_BEFORE)

/* The promise given now, 0 for none, and those before it with the time when they were replaced. */
struct promise_history {
	uint32_t now;
	uint32_t before[PROMISES_BEFORE]; /* the newest first; 0: none */
	usec_t replaced[PROMISES_BEFORE];
};

struct profile {
	struct ip_addr addr;
	uint16_t port;
	uint8_t service; /* slot */
	uint8_t ttl;
	bool used;
	bool learned; /* a SYN-ACK was seen: the promise is the server's own */
	bool down; /* refuses or does not answer */
	bool down_for_all; /* and not only the client that found out */
	uint16_t window;
	uint32_t down_for; /* that client, hashed */
	struct promise_history promise;
	usec_t heard; /* last SYN-ACK or RST */
	usec_t answered; /* last SYN-ACK */
	usec_t probe_at; /* while down: the next SYN that is let through to see */
	usec_t asked; /* the last of these, or of those that made it known to be silent */
	usec_t ask_at; /* when to ask again for options that it is not known to have */
};

uint32_t promise_pack(const struct promise *p);
void promise_unpack(uint32_t bits, struct promise *p);

void profile_init(struct guard_arena *a);

/* profile_find() - NULL if nothing is known of this address. */
struct profile *profile_find(struct guard_arena *a, const struct ip_addr *addr, uint16_t port);

/*
 * profile_get() - the profile of an address; a fresh one starts with what other addresses of the
 * service do, or cautious defaults. Evicts the one heard of longest ago.
 */
struct profile *profile_get(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			    uint16_t port, usec_t now);

/* profile_promise() - what to promise for this address, without making a profile. Packed. */
uint32_t profile_promise(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			 uint16_t port);

/*
 * profile_promises() - the promises that a cookie out there may have been made for.
 * @promises: filled, packed, today's first; they differ in what is authenticated.
 * Return: their number, 1 to PROMISES_MAX.
 */
unsigned profile_promises(struct guard_arena *a, uint32_t service, const struct ip_addr *addr,
			  uint16_t port, usec_t now, uint32_t promises[PROMISES_MAX]);

/*
 * profile_should_ask() - is there an option that this server is not known to have, and has it not been
 * asked for long? A client that was not promised timestamps sends none, so without asking nobody
 * would ever find out. Notes that it is asked now.
 */
bool profile_should_ask(struct profile *p, usec_t now);

/*
 * profile_found_down() - the server has refused @client, or not answered it.
 * One client proves nothing: the server may reject just that one. It is down for all when
 * another has the same to tell, and nobody was answered for a while.
 * Return: is it news?
 */
bool profile_found_down(struct guard_arena *a, struct profile *p, const struct ip_addr *client,
			usec_t now);

/* profile_is_down() - is it of any use for @client to try? */
bool profile_is_down(const struct guard_arena *a, const struct profile *p,
		     const struct ip_addr *client);

/*
 * profile_may_ask() - may a SYN of @client go to the server that is down, to ask it again? One a
 * second; the client that found out waits a second longer, so that others get a turn. Notes that
 * it asks.
 * @silent: set to whether nothing was heard of the server since it was asked before.
 */
bool profile_may_ask(const struct guard_arena *a, struct profile *p, const struct ip_addr *client,
		     usec_t now, bool *silent);

/*
 * profile_may_prove() - may clients prove themselves by cookie, so that one of them makes the guard ask the
 * server that is down? Not while it is silent: they would wait in vain. profile_asks() - one has.
 */
bool profile_may_prove(const struct profile *p, usec_t now);
void profile_asks(struct profile *p, usec_t now);

enum profile_change { PROFILE_SAME, PROFILE_LEARNED, PROFILE_CHANGED };

/*
 * profile_learn() - take in the server's SYN-ACK @p.
 * @offered: enum half_open_offer: only what the SYN offered can be missed in the answer.
 * @was_down: set to true if the server was thought to be down until now.
 */
enum profile_change profile_learn(struct guard_arena *a, uint32_t service, const struct pkt *p,
				  uint32_t offered, usec_t now, bool *was_down);

#endif
