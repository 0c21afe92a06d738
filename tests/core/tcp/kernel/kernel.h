/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endpoint against the kernel's own TCP, and the kernel against itself, over the same bad wire.
 *
 *	kernel socket in a namespace -- TUN -- wire -- struct host: our endpoints     (host.c)
 *	                                            \- TUN -- kernel socket in another namespace
 *
 * Namespaces have no names: each belongs to a process that has the sockets in it and ends with it.
 */
#ifndef TCPGUARD_TESTS_CORE_TCP_KERNEL_KERNEL_H
#define TCPGUARD_TESTS_CORE_TCP_KERNEL_KERNEL_H

#include <sys/types.h>

#include "base/addr.h"
#include "base/types.h"
#include "sim/rng.h"

#define PEER_PORT 7000
#define MTU	  1500

usec_t clock_now(void);

/* ---- wire.c ---- */

struct wire_plan {
	usec_t delay, jitter;
	uint32_t loss_ppm, dup_ppm, reorder_ppm;
	uint64_t bits_per_second; /* 0: any number */
	uint32_t queue; /* bytes that wait for the wire */
};

struct wire_packet;

/* One direction. */
struct lane {
	struct wire_plan plan;
	struct rng loss, other; /* the fate of the n-th packet depends on seed and n alone */
	usec_t free_at;
	struct wire_packet **heap;
	uint32_t n, room;
	uint64_t serial, packets, lost, overflown;
	int fd; /* where it leads to, or -1 */
	void (*take)(void *arg, uint8_t *data, uint32_t len);
	void *arg;
};

void lane_open(struct lane *l, const struct wire_plan *plan, uint64_t seed, int fd);
void lane_close(struct lane *l);
void lane_send(struct lane *l, const uint8_t *data, uint32_t len, usec_t now);
void lane_deliver(struct lane *l, usec_t now);
usec_t lane_deadline(const struct lane *l);

/* ---- what both ends of a connection do ---- */

struct script {
	uint64_t total; /* bytes to write; UINT64_MAX: until told to stop */
	uint64_t abort_at; /* bytes read and written; UINT64_MAX: never */
	bool answers; /* writes when the other one has finished */
	bool leaves_unread; /* closes at abort_at with bytes unread, instead of aborting */
	unsigned salt, peer_salt; /* of pattern_at() */
};

#define PATTERN_MAX 65536

/* pattern_at() - bytes of the stream @salt from @offset on, PATTERN_MAX of them. */
const uint8_t *pattern_at(unsigned salt, uint64_t offset);

enum ending { ENDED_WELL, ENDED_RESET, ENDED_REFUSED, ENDED_WRONG, ENDED_OTHERWISE, ENDINGS };

struct tally {
	uint64_t bytes; /* read and right */
	uint32_t ended[ENDINGS];
	uint64_t marks[2]; /* bytes read when measuring began, and ended */
	usec_t ran[2]; /* when that was */
	char why[120]; /* of the first that ended otherwise */
};

/* ---- peer.c: the kernel's end ---- */

struct peer_plan {
	bool listens, v6;
	uint32_t connections, at_once;
	struct script script;
	unsigned side; /* 0 or 1: address x.x.x.1 or x.x.x.2 */
	usec_t measure_from, measure_until; /* since the first byte; 0: not measured */
	uint16_t port; /* PEER_PORT but for those who shall be refused */
	unsigned patience_s;
};

struct peer {
	pid_t pid;
	int tun; /* of its namespace */
	int report; /* readable when it is done: a struct tally */
};

/* peer_start() - Return: NULL, or why that is not possible here. */
const char *peer_start(struct peer *p, const struct peer_plan *plan);
bool peer_finish(struct peer *p, struct tally *t); /* waits for its report */
void peer_stop(struct peer *p);

struct ip_addr side_address(unsigned side, bool v6);

/* ---- host.c: our end ---- */

struct host;

struct host_plan {
	bool listens, v6, small; /* small: little memory for each connection */
	uint32_t connections, at_once; /* of those it opens */
	struct script script;
	uint16_t port;
	bool newreno;
};

struct host *host_new(const struct host_plan *plan, struct lane *out, uint64_t seed);
void host_free(struct host *h);
void host_take(void *host, uint8_t *data, uint32_t len);
void host_run(struct host *h, usec_t now);
usec_t host_deadline(const struct host *h, usec_t now);
bool host_is_done(const struct host *h); /* all that it had to open or to accept has ended */
const struct tally *host_tally(const struct host *h);
void host_print(const struct host *h); /* what the first connection is like */

#endif
