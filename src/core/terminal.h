/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Terminals: what a terminated flow needs beyond its entry in the flow table, and only while it lives.
 *
 *	struct flow ........ addresses, timer, stream from client to server, and an index:
 *	struct terminal .... the TCBs of both ends, stream from server to client
 *	chunks ............. data that waits, and books of what is in flight or missing
 *
 * An idle terminated connection takes 508 bytes and its share of the hash buckets. Flows that may have
 * something to send stand in a queue, so that all that has come in one batch is answered at once.
 */
#ifndef TCPGUARD_CORE_TERMINAL_H
#define TCPGUARD_CORE_TERMINAL_H

#include "base/addr.h"
#include "core/tcp/pipe.h"

struct flow;
struct guard_arena;

struct terminal {
	struct tcb end[2]; /* toward the client, toward the server */
	struct tcp_stream stream; /* from the server to the client */
	uint32_t next; /* flow that is queued behind this one, or free terminal */
};

_Static_assert(sizeof(struct terminal) <= 388, "a terminated connection must stay small");

#define TERMINAL_NOT_QUEUED 0xfffffffeu
#define TERMINAL_CHUNKS_MAX (16u << 20) /* 64 GB */
#define TERMINAL_CLIENTS    4096 /* places to count what clients hold out of order */

/*
 * Whom a SYN-ACK with a window was sent to lately. Such a client may send data at once, and when the first
 * segment of it is lost or late, the next one carries no cookie that could be checked. It must not reach the
 * server, who knows of no such connection and would reset it. A filter of Bloom's with one hash: a wrong
 * guess costs a connection that is older than the guard one retransmission, since it is another one in
 * the next generation.
 */
#define EXPECTED_BITS  (1u << 20)
#define EXPECTED_TURNS (4 * USEC_PER_SEC)

struct expected_clients {
	uint64_t bit[2][EXPECTED_BITS / 64]; /* this generation, the one before; by parity */
	uint32_t generation;
	usec_t turned;
};

struct terminals {
	struct expected_clients expected;
	uint32_t free, fresh, used;
	uint32_t first, last, waiting; /* flows that may have something to send, and how many */
	uint32_t hand; /* where a look for memory begins */
	usec_t full_said, reset_said; /* when the last such event was made */
	uint32_t resets_unsaid;
	struct tcp_pool pool;
	uint32_t gaps[TERMINAL_CLIENTS]; /* bytes out of order, by a hash of the client's address */
};

void terminals_init(struct guard_arena *a);

/*
 * After another process: terminals_resume() first, then terminal_resume() for each flow that lives and is
 * terminated, then terminals_resumed(). What no flow claims is free.
 * terminal_resume() - @torn: the turn that changed the flow was taken back, so its books are not to be
 * trusted. Return: false if what it has makes no sense; then its terminal and its chunks are free.
 */
void terminals_resume(struct guard_arena *a);
bool terminal_resume(struct guard_arena *a, uint32_t i, bool torn);
void terminals_resumed(struct guard_arena *a);

/* terminal_take() - for @f, which loses its "open" or "splicing" part. Return: false if none is left. */
bool terminal_take(struct guard_arena *a, struct flow *f);

/* terminal_give() - back; its chunks must be given back before. */
void terminal_give(struct guard_arena *a, struct flow *f);

struct terminal *terminal_of(const struct guard_arena *a, const struct flow *f);

/* terminal_keep() - it is about to change: see core/journal.h. */
void terminal_keep(struct guard_arena *a, const struct flow *f);

/* terminal_pipe() - both ends of @f and its streams. */
struct tcp_pipe terminal_pipe(const struct guard_arena *a, struct flow *f);
struct tcp_memory terminal_memory(struct guard_arena *a);

/* terminal_queue() - flow @i may have something to send; once is enough. */
void terminal_queue(struct guard_arena *a, uint32_t i);

/* terminal_next() - take the first of the queue; INDEX_NONE: nobody waits. */
uint32_t terminal_next(struct guard_arena *a);

/* terminal_unqueue() - flow @i is about to lose its terminal. */
void terminal_unqueue(struct guard_arena *a, uint32_t i);

/* terminal_expect() - the client may send data from now on. terminal_expects() - may it have? */
void terminal_expect(struct guard_arena *a, const struct pkt *syn);
bool terminal_expects(struct guard_arena *a, const struct pkt *in);

/* terminal_unexpect() - the client begins a connection to the server itself; what it sends passes. */
void terminal_unexpect(struct guard_arena *a, const struct pkt *syn);

/* terminal_gaps() - where what the client holds out of order is counted. */
uint32_t *terminal_gaps(struct guard_arena *a, const struct ip_addr *client);

#endif
