/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of established flows: passed (untranslated), spliced (translated by the relay engine) and
 * terminated (two connections of the guard's own, back to back).
 *
 * Two halves, each in one of the eleven states (core/state.def), each seen from the guard's own end:
 *
 *      client <---- client half ----> guard <---- server half ----> server
 *                   (plays server)            (plays client)
 *
 * Life of a spliced flow: a valid cookie makes it, with the client half ESTABLISHED and the server
 * half SYN_SENT ("splicing"; the member splicing of the union counts). The server's SYN-ACK makes
 * the server half ESTABLISHED and fixes seq_delta and ts_delta for life ("open" counts).
 *
 * Sequence numbers of the client are the same on both sides. Those of the server are kept in the
 * server's own space; what the client sees is that plus seq_delta.
 *
 * A terminated flow (FLOW_TWO_ENDS, core/terminal.h) has a terminal with both TCBs while it lives. When
 * it is over the terminal is given back, and what TIME-WAIT needs to know stays here ("rest" counts).
 */
#ifndef TCPGUARD_CORE_FLOW_H
#define TCPGUARD_CORE_FLOW_H

#include "base/addr.h"
#include "base/types.h"
#include "base/wheel.h"
#include "core/state.h"
#include "core/tcp/stream.h"

struct guard_arena;
struct journal_marks;

enum flow_dir { FROM_CLIENT, FROM_SERVER };

enum flow_flag {
	FLOW_TRANSLATED = 1 << 0, /* translated; else passed */
	FLOW_TIMESTAMPS = 1 << 1, /* the client sends timestamps */
	FLOW_SACK = 1 << 2, /* the client offered SACK */
	FLOW_ECN = 1 << 3, /* ECN was promised to the client */
	FLOW_SERVER_NO_TS = 1 << 4, /* promised, but the server does not: blank them */
	FLOW_SERVER_NO_SACK = 1 << 5,
	FLOW_SERVER_NO_WSCALE = 1 << 6, /* the client's windows must be unscaled for the server */
	FLOW_CLIENT_WSCALE = 1 << 7, /* the client scales its windows by client_wscale */
	FLOW_CLIENT_FIN = 1 << 8, /* FIN seen: snd_nxt of that side counts it */
	FLOW_SERVER_FIN = 1 << 9,
	FLOW_TELL_WINDOW = 1 << 10, /* the client may not know yet that it may send */
	FLOW_RESET = 1 << 11, /* ended by a RST; kept for stragglers */
	FLOW_ENDED = 1 << 12, /* ended by the guard: whoever goes on is reset again */
	FLOW_ASKING = 1 << 13, /* its SYN offers all options, to see which the server has */
	FLOW_TWO_ENDS =
		1 << 14, /* by two endpoints; with FLOW_TRANSLATED, for it needs the guard */
	FLOW_ANSWERED = 1 << 15, /* the server has accepted the terminated connection */
};

/* What one endpoint has sent, in its own sequence space. */
struct flow_sent {
	uint32_t snd_nxt; /* end of the last byte (or SYN, FIN) it has sent */
	uint32_t snd_una; /* acknowledged by the other endpoint up to here */
};

/* What an endpoint that is over still has to know, RFC 9293 3.10.7.1 and 3.10.7.4. */
struct flow_rest {
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_offset, ts_recent; /* with the bit of that end in retries */
};

struct flow {
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	uint32_t hash_next;
	struct wheel_node timer;
	uint32_t born; /* tick */
	uint32_t active; /* tick of the last packet that counted */
	uint8_t client_state, server_state; /* enum tcp_state */
	uint16_t flags; /* enum flow_flag */
	union {
		struct { /* passed and spliced */
			uint32_t seq_delta; /* added to SEQ from the server */
			uint32_t ts_delta; /* added to TSval from the server */
			union {
				struct {
					struct flow_sent sent[2]; /* by enum flow_dir */
					uint16_t window[2]; /* last advertised; see flow_window() */
					uint32_t ts_server; /* the server's newest TSval */
				} open;
				struct {
					uint32_t client_isn;
					uint32_t cookie_tsval;
					uint16_t mss; /* of the client */
					uint16_t client_window; /* field, scaled by client_wscale */
					uint8_t ttl, tos; /* of the client's ACK */
					uint16_t spare[5];
				} splicing;
			};
			uint32_t ts_recent; /* the client's newest TSval */
		};
		struct { /* terminated */
			uint32_t terminal; /* index; INDEX_NONE: it is over */
			union {
				struct tcp_stream stream; /* from the client to the server */
				struct flow_rest rest[2]; /* toward the client, toward the server */
			};
		};
	};
	union {
		struct {
			uint32_t client_wscale : 4, server_wscale : 4, promised_wscale : 4,
				retries : 4, cookie_low : 16;
		};
		struct { /* terminated */
			uint32_t client_dscp : 6, server_dscp : 6, : 20;
		};
	};
	uint64_t bytes_in : 48, cookie_high : 16;
	uint64_t bytes_out : 48, service : 8, client_ttl : 8;
};

/* With the four bytes of its hash bucket a flow costs 124 bytes. */
_Static_assert(sizeof(struct flow) == 120, "a flow must stay small");

static inline bool flow_is_splicing(const struct flow *f)
{
	return (f->flags & (FLOW_TRANSLATED | FLOW_TWO_ENDS)) == FLOW_TRANSLATED &&
	       f->server_state == TCPS_SYN_SENT;
}

/* flow_is_terminated() - by the terminate engine, still or until it was over? */
static inline bool flow_is_terminated(const struct flow *f)
{
	return f->flags & FLOW_TWO_ENDS;
}

/* flow_is_over() - nothing but stragglers is expected: both halves CLOSED or in TIME-WAIT. */
static inline bool flow_is_over(const struct flow *f)
{
	return (f->client_state == TCPS_CLOSED || f->client_state == TCPS_TIME_WAIT) &&
	       (f->server_state == TCPS_CLOSED || f->server_state == TCPS_TIME_WAIT);
}

/* The cookie that made a spliced flow: a segment that brings it again is no new connection. */
static inline uint32_t flow_cookie_isn(const struct flow *f)
{
	return (uint32_t)f->cookie_high << 16 | f->cookie_low;
}

static inline void flow_set_cookie_isn(struct flow *f, uint32_t isn)
{
	f->cookie_high = isn >> 16 & 0xffff;
	f->cookie_low = isn & 0xffff;
}

/* flow_shift() - by how much the window field of that side is really scaled. */
static inline unsigned flow_shift(const struct flow *f, enum flow_dir dir)
{
	if (dir == FROM_SERVER)
		return f->server_wscale;
	return f->flags & FLOW_CLIENT_WSCALE ? f->client_wscale : 0;
}

/* flow_window() - the window that side advertised last, in bytes. Not known for passed flows. */
static inline uint32_t flow_window(const struct flow *f, enum flow_dir dir)
{
	return (uint32_t)f->open.window[dir] << flow_shift(f, dir);
}

struct flow *flow_at(struct guard_arena *a, uint32_t i);
struct wheel_nodes flow_timers(struct guard_arena *a);

void flow_init(struct guard_arena *a);

/* flow_keep() - call before something in flow @i changes but what flow_add() and flow_remove() change. */
void flow_keep(struct guard_arena *a, uint32_t i);

/*
 * flow_find() - the flow between two endpoints, whichever of them is the client.
 * @dir: set to the direction of a packet from src to dst.
 * Return: index or INDEX_NONE.
 */
uint32_t flow_find(struct guard_arena *a, const struct ip_addr *src, uint16_t sport,
		   const struct ip_addr *dst, uint16_t dport, enum flow_dir *dir);

/*
 * flow_add() - a fresh flow, zeroed but for its addresses; there must be none between these.
 * Return: index, or INDEX_NONE when the table is full.
 */
uint32_t flow_add(struct guard_arena *a, const struct ip_addr *client, uint16_t client_port,
		  const struct ip_addr *server, uint16_t server_port);

/* flow_remove() - unlink, disarm, free. */
void flow_remove(struct guard_arena *a, uint32_t i);

/*
 * flow_rebuild() - trust the entries alone, and make everything anew that leads to them: chains, wheel,
 * free slots, the counts of the services. An entry that cannot be is freed.
 * @torn: where entries have been put back as they were. @longest: ticks, no time-out is longer.
 * Return: how many were lost.
 */
uint32_t flow_rebuild(struct guard_arena *a, const struct journal_marks *torn, uint32_t longest);

/*
 * flow_find_victim() - a flow whose loss does no harm: passed, or over. Looks at a bounded number of
 * slots, going round. Return: index or INDEX_NONE.
 */
uint32_t flow_find_victim(struct guard_arena *a);

/* flow_is_used() - is slot @i in use? For walks over the table. */
bool flow_is_used(struct guard_arena *a, uint32_t i);

#endif
