/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small world in virtual time: two hosts that talk through a bad network, straight or through a pipe
 * of two endpoints in the middle. Everything goes over the wire as bytes with checksums.
 *
 *	host 0 ==link 0/1== host 1               (straight)
 *	host 0 ==link 0/1== pipe ==link 2/3== host 1
 */
#ifndef TCPGUARD_TESTS_CORE_TCP_WORLD_H
#define TCPGUARD_TESTS_CORE_TCP_WORLD_H

#include "core/tcp/pipe.h"
#include "sim/rng.h"
#include "wire/build.h"

#define ENDS	   4 /* 0: host 0, 1: host 1, 2: pipe toward host 0, 3: pipe toward host 1 */
#define MACHINES   3 /* hosts and pipe */
#define CHUNKS	   4096
#define TIME_LIMIT (24 * 3600 * USEC_PER_SEC)
#define BEGIN	   (1000 * USEC_PER_SEC) /* when everything begins */

struct link_plan {
	uint32_t loss_ppm, dup_ppm, reorder_ppm, corrupt_ppm, ce_ppm;
	usec_t delay, jitter;
	uint64_t bits_per_second; /* 0: any number */
	uint32_t queue; /* bytes that wait for the wire */
	uint16_t mtu, later_mtu;
	usec_t mtu_changes;
};

struct host_plan {
	uint32_t total; /* bytes to send */
	uint32_t chunk;
	uint32_t send_buffer; /* bytes that it leaves with its TCP */
	uint32_t abort_at; /* bytes sent and received; UINT32_MAX: never */
	uint32_t stall_at; /* bytes received; UINT32_MAX: never */
	usec_t stall;
	bool answers; /* speaks when the other one has finished */
	bool urgent;
	struct tcp_offer offer;
	struct tcp_config config;
	uint32_t max_len; /* of what it polls */
};

/* A machine stands still, or its clock is set: from @at on it is ahead of all others. */
struct jump_plan {
	usec_t at, by;
};

struct plan {
	uint64_t seed;
	bool piped, cookie, simultaneous;
	struct link_plan link[ENDS]; /* by the end that sends into it */
	struct host_plan host[2];
	struct jump_plan jump[MACHINES];
	struct tcp_config pipe_config;
	struct tcp_offer pipe_offer[2];
	uint32_t pipe_max_len;
	bool verbose;
};

struct end {
	struct tcb own, *tcb; /* @tcb may be one of the pipe's */
	struct tcp_stream in, out; /* of a host */
	uint32_t written, received;
	usec_t stalled_until, wire_free;
	bool stall_done, fin_seen, aborted, opened, closed, kept_prefix;
	struct link_plan link;
	/* what an observer knows of its sending */
	bool edge_known; /* of what it was allowed to send */
	uint32_t edge; /* right edge, as delivered */
	bool own_scales, peer_scales;
	uint8_t peer_scale;
	bool adv_known;
	uint32_t adv; /* right edge, as advertised by it */
	uint8_t own_scale;
	uint64_t sent, sent_bytes;
	/* its last time-out: when, which one in a row, and how long the next one was to take */
	uint32_t fired_at, fired, fired_rto, patience;
};

struct packet;

struct world {
	struct plan plan;
	struct rng rng;
	usec_t now;
	struct tcp_pool pool[2]; /* of the hosts, of the pipe */
	void *chunk[2];
	struct tcp_pipe pipe;
	struct tcb pipe_end[2];
	struct tcp_stream pipe_stream[2];
	struct end end[ENDS];
	struct packet *heap[65536];
	uint32_t n_heap;
	uint64_t serial, packets, dropped, hash, steps;
	usec_t finished;
	bool failed;
	char why[256];
};

/* world_run() - play @plan to its end. Return: 0, or -1 with w->why. */
int world_run(struct world *w, const struct plan *plan);
struct world *world_new(void);
void world_free(struct world *w);

void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* network.c */
void network_send(struct world *w, unsigned from, const struct tcp_segment *s);
bool network_next(const struct world *w, usec_t *at);
void network_deliver(struct world *w); /* the next packet */
void network_clear(struct world *w);
unsigned network_peer(const struct world *w, unsigned end);

/* world.c, for network.c */
usec_t world_clock(const struct world *w, unsigned end);
struct tcp_io world_io(struct world *w, unsigned end);
void world_input(struct world *w, unsigned end, struct tcp_segment *s);

#endif
