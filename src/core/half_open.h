/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of half-open connections seen passing.
 *
 * It is a table of its own, so that a flood can evict nothing but half-open connections. Entries of
 * one service form a list in the order of their first SYN: the head is the oldest, which is the
 * first to time out, to be evicted and to be reset toward the server.
 *
 *   SYN seen ---> SYN-ACK seen ---> completing ACK: removed, becomes a flow
 *        \________________\_______> RST of the server, time-out, eviction: removed
 *
 * One that the client has reset is half-open no more and is not reported as such, but it stays in the
 * table: who forges a RST whose TTL ends between guard and server leaves the server with what the guard
 * would have forgotten, and could not take off it when an attack begins. A server that has got the RST never
 * repeats its SYN-ACK; one that does disproves it, and the entry is half-open again.
 */
#ifndef TCPGUARD_CORE_HALF_OPEN_H
#define TCPGUARD_CORE_HALF_OPEN_H

#include "base/addr.h"
#include "base/seq.h"
#include "base/types.h"

struct guard_arena;
struct pkt;

#define HALF_OPEN_NONE 0xffffffu /* "no entry" in the 24-bit links */
#define HALF_OPEN_MAX  (HALF_OPEN_NONE - 1)

enum half_open_offer { /* what the client's SYN offered */
		       OFFER_WSCALE = 1,
		       OFFER_SACK = 2,
		       OFFER_TIMESTAMPS = 4,
		       OFFER_ECN = 8,
};

#define OFFER_ALL \
	(OFFER_WSCALE | OFFER_SACK | OFFER_TIMESTAMPS) /* what the guard asks servers for */

struct half_open {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint32_t client_isn;
	uint32_t server_isn; /* once answered */
	uint32_t born; /* tick of the first SYN */
	uint32_t hash_next : 24, service : 8;
	uint32_t next : 24, answered : 1, retransmits : 3, exempt : 1, concentrated : 1, asks : 1,
		disproved : 1;
	uint32_t prev : 24, offered : 4, data : 1, reset : 1, spare2 : 2;
};

/* With the four bytes of its hash bucket an entry costs 64 bytes. */
_Static_assert(sizeof(struct half_open) == 60, "a half-open entry must stay small");

/* half_open_acked() - does the server's @ack acknowledge the SYN, with its data (RFC 7413) or not? */
static inline bool half_open_acked(const struct half_open *h, uint32_t ack)
{
	return seq_between(ack, h->client_isn + 1, h->data ? 65536 : 1);
}

/* The entries of one service, oldest first. */
struct half_open_list {
	uint32_t head, tail; /* HALF_OPEN_NONE when empty */
	uint32_t count;
	uint32_t concentrated; /* of them, those beyond the share of one source, core/tally.h */
	uint32_t reset; /* of them, those that the client has reset */
	uint32_t answered; /* of them, those in the server's backlog: answered, and not reset */
	uint32_t exempt; /* of them, those of allowed clients: they say nothing about an attack */
};

struct half_open *half_open_at(struct guard_arena *a, uint32_t i);

void half_open_init(struct guard_arena *a);

/* half_open_find() - the entry of a connection, or HALF_OPEN_NONE. */
uint32_t half_open_find(const struct guard_arena *a, const struct ip_addr *client,
			uint16_t client_port, const struct ip_addr *server, uint16_t server_port);

/*
 * half_open_add() - a new entry for the SYN @syn (client to server) of @service. When the table is full,
 * the oldest entry of the service with the most of them goes.
 * @evicted: set to the service that lost an entry, or left alone.
 * Return: its index; never fails.
 */
uint32_t half_open_add(struct guard_arena *a, uint32_t service, const struct pkt *syn,
		       uint32_t tick, int *evicted);

void half_open_remove(struct guard_arena *a, uint32_t i);

/* half_open_answered() - the server has answered it. */
void half_open_answered(struct guard_arena *a, uint32_t i);

/* half_open_reset() - the client has reset it, or somebody in its name. */
void half_open_reset(struct guard_arena *a, uint32_t i);

/*
 * half_open_ask() - a fresh entry is of a SYN that only asks a server that is down: its client has been
 * refused, so the answer is for the guard alone, and it says nothing about an attack.
 */
void half_open_ask(struct guard_arena *a, uint32_t i);

/* half_open_disproved() - a reset one is open all the same; resets of it are not believed any more. */
void half_open_disproved(struct guard_arena *a, uint32_t i);

/* half_open_exempt() - a fresh entry is of an allowed client. */
void half_open_exempt(struct guard_arena *a, uint32_t i);

/* half_open_rebuild() - as flow_rebuild(). The lists are in the order of age again, to a tenth of a second. */
uint32_t half_open_rebuild(struct guard_arena *a);

/* half_open_suspects() - entries that count for the detector. */
static inline uint32_t half_open_suspects(const struct half_open_list *l)
{
	return l->count - l->exempt - l->reset;
}

#endif
