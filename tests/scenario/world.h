/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inside of a run: who belongs to the world, and what happens there. */
#ifndef TCPGUARD_SCENARIO_WORLD_H
#define TCPGUARD_SCENARIO_WORLD_H

#include "scene.h"

#define SERVER	    0xcb00710a /* 203.0.113.10, in the guarded 203.0.113.0/24, ports 1 to 1024 */
#define NET	    0xcb007100
#define NAT_ADDRESS 0x644f0101
#define SCANNER	    0x2d210909
#define PORT	    80
#define CONNS	    (1u << 17) /* what an ISN can name */
#define HELD_MAX    16384
#define RING	    (1u << 20)
#define HELD_FOR    (63 * SEC) /* a server gives a half-open up after five retransmissions ... */
#define REPEATS	    SEC /* ... of which the first comes after that time; the others are left out */
#define PATIENCE    (4 * SEC)
#define STEP	    (50 * MSEC) /* rates change no faster */

enum kind {
	EV_ARRIVE,
	EV_CONNECT,
	EV_SYN,
	EV_ACK,
	EV_FLOOD,
	EV_SCAN,
	EV_SPLICE,
	EV_SERVER,
	EV_CAPTURE
};

struct ev {
	usec_t at;
	uint32_t kind, who;
};

/* A client's connection, or a scanner's probe. */
struct conn {
	bool used, scanner, lossy, excused, spliced;
	uint8_t tries, lost;
	uint16_t port, dport;
	uint32_t addr, dst;
	uint32_t isn, ack, tsval;
	bool ts;
	usec_t begun, rtt;
	uint32_t next_free;
};

/* A half-open connection of the server. */
struct held {
	uint32_t addr, port;
	usec_t since;
	bool used;
};

struct world {
	const struct plan *p;
	struct outcome *o;
	struct rng rng;
	usec_t now, flood_began;
	bool flooding, verbose, down;
	struct guard guard;
	struct guard_config config;
	struct actions *out;
	struct conn *conn;
	uint32_t free_conn, serial;
	struct held held[HELD_MAX]; /* by hash, linear probing */
	uint32_t n_held;
	struct {
		uint32_t addr, port, isn;
		usec_t since;
	} ring[RING]; /* in order of time, those that are gone included */
	uint32_t ring_head, ring_n, ring_repeated; /* repeated: of n, the first */
	struct ev *heap;
	uint32_t n_heap, cap_heap;
	const struct captured *captured;
	size_t n_captured;
	uint64_t event_next;
};

/* ---- world.c ---- */

void at(struct world *w, usec_t when, enum kind kind, uint32_t who);
usec_t wait_for(struct world *w, double rate); /* exponential with the mean 1/@rate seconds */

/* ---- packets.c ---- */

struct pkt packet(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint16_t flags);
void with_options(struct pkt *p, uint32_t tsval, uint32_t tsecr);
bool offer(struct world *w, struct pkt *p); /* Return: does it pass? */
struct conn *conn_of(struct world *w, uint32_t isn, uint32_t addr, uint16_t port);
void look(struct world *w); /* is it noticed? */
void say_events(struct world *w);
void pass_time(struct world *w); /* for the guard */

/* ---- server.c ---- */

/* server_answers() - to a SYN that has passed the guard. Return: with a SYN-ACK? */
bool server_answers(struct world *w, uint32_t addr, uint16_t port, uint32_t dst, uint16_t dport,
		    uint32_t isn);
void server_forgets(struct world *w, uint32_t addr, uint32_t port);
void server_repeats(struct world *w); /* what was not acknowledged for a second */
void on_splice(struct world *w, uint32_t isn);
void on_server(struct world *w, uint32_t up);

/* ---- clients.c ---- */

struct conn *new_conn(struct world *w);
void end_conn(struct world *w, struct conn *c);
void conclude(struct world *w, struct conn *c, bool established);
void arrive(struct world *w);
void on_arrive(struct world *w, uint32_t who);
void on_syn(struct world *w, uint32_t who);
void on_ack(struct world *w, uint32_t who);

/* ---- trouble.c ---- */

void on_flood(struct world *w, uint32_t who);
void on_capture(struct world *w, uint32_t i);
void on_scan(struct world *w, uint32_t who);

#endif
