/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of the simulator: virtual time, events, links, and what was found to be wrong.
 *
 *	client host --- CG ---> guard --- GS ---> server host
 *	            <-- GC ---        <-- SG ---
 *
 * Everything follows from one seed. Nothing here knows how the guard works inside.
 */
#ifndef TCPGUARD_SIM_SIM_H
#define TCPGUARD_SIM_SIM_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard.h"
#include "host.h"
#include "rng.h"
#include "seg.h"

struct sim;

typedef void event_fn(struct sim *s, void *obj, uint64_t tag);

struct event {
	usec_t time;
	uint64_t number; /* ties are broken by age */
	event_fn *fn;
	void *obj;
	uint64_t tag;
};

struct packet {
	uint32_t len;
	uint32_t gso; /* payload bytes of each segment it stands for; 0: one segment */
	bool corrupt; /* bits were flipped on the way */
	uint8_t data[];
};

struct link_params {
	usec_t delay, jitter;
	uint32_t loss, dup, corrupt, reorder; /* parts in a million */
	usec_t reorder_by; /* extra delay of a packet that is overtaken */
};

enum link_id { LINK_CG, LINK_GS, LINK_SG, LINK_GC, LINK_COUNT };

struct link {
	struct link_params p;
	usec_t last; /* arrival of the latest packet that kept its order */
};

enum server_health { SERVER_UP, SERVER_CLOSED, SERVER_SILENT };

struct flood {
	usec_t from, to;
	uint32_t rate; /* SYNs a second; 0: none */
	uint32_t rst_ppm; /* a forged source exists and answers with a RST */
	uint32_t ack_ppm; /* blind ACKs instead of a SYN */
	bool neighbours; /* the forged sources are in the network of the clients */
	uint64_t sent;
};

/* What a run consists of; made from the seed by its scenario. */
struct plan {
	const char *scenario;
	uint64_t seed;
	bool bypass; /* no guard at all: tests the simulator itself */
	enum guard_mode mode;
	bool v6;
	bool terminate; /* the engine */
	bool clean; /* nothing is lost, doubled, reordered or damaged */
	bool heavy; /* so bad that connections may fail */
	enum server_health ill; /* what the server suffers from ... */
	usec_t ill_from, ill_to; /* ... after the start of the run; never, if both are 0 */
	bool reboots; /* and forgets its connections */
	bool options_change; /* the server's options differ from time to time */
	bool switch_modes; /* the operator changes the mode again and again */
	bool kills; /* the operator resets flows */
	bool quick_ports; /* few ports, used again at once */
	struct link_params link[LINK_COUNT];
	uint32_t header_first_pct; /* packets that are offered header-only at first */
	uint32_t partial_pct; /* intact packets that come with a partial checksum */
	uint32_t batch; /* outbox is handed over nearly full */
	usec_t lateness; /* how late a timer may be looked at */
	usec_t jump_at, jump_by; /* the guard's clock goes ahead, once */
	usec_t spread; /* sessions begin within */
	uint32_t n_sessions;
	uint32_t size_max; /* bytes in one direction */
	bool aborts, stalls;
	struct host_opts client, server;
	uint32_t n_client_addrs;
	uint32_t backlog;
	struct flood flood;
	struct guard_config config;
	struct guard_limits limits;
};

struct mid; /* the guard and what surrounds it */

struct stats {
	uint64_t sessions, complete, refused, aborted, failed, lost_third_ack, ghosts;
	uint64_t packets, emitted, want_full, replaced, attacks, flood_syns;
	uint64_t flood_sessions, flood_complete;
	uint64_t withheld; /* SYN-ACKs that would have been reflected */
	usec_t detect_worst;
};

#define VIOLATIONS_KEPT 12

struct sim {
	usec_t now, start;
	struct plan plan;
	struct rng rng_net, rng_host, rng_mid, rng_flood;
	struct event *heap;
	uint32_t n_heap, heap_cap;
	uint64_t events;
	struct link link[LINK_COUNT];
	struct host client, server;
	struct session *session;
	uint32_t n_sessions; /* ghosts included */
	uint32_t max_sessions;
	enum server_health health;
	bool server_known; /* somebody has shaken hands with the server through the guard */
	usec_t attack_seen; /* when the guard was first found to know of the flood */
	struct mid *mid;
	uint64_t hash; /* of everything the guard did */
	struct stats stats;
	bool verbose, stop;
	uint32_t n_violations;
	char violation[VIOLATIONS_KEPT][256];
};

/* world.c */
struct sim *sim_new(const struct plan *plan, bool verbose);
void sim_run(struct sim *s);
void sim_free(struct sim *s);
void sim_at(struct sim *s, usec_t time, event_fn *fn, void *obj, uint64_t tag);
void sim_violation(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_note(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_trace(struct sim *s, const char *where, const uint8_t *data, uint32_t len);

struct packet *packet_new(const uint8_t *data, uint32_t len);
/* link_send() - takes @p. */
void link_send(struct sim *s, enum link_id id, struct packet *p);

/* mid.c: the guard between the links */
struct mid *mid_new(struct sim *s);
void mid_free(struct mid *m);
void mid_input(struct sim *s, struct packet *p, bool from_client);
usec_t mid_deadline(const struct sim *s);
void mid_expire(struct sim *s);
void mid_set_mode(struct sim *s, enum guard_mode mode);
void mid_kill_some(struct sim *s);
void mid_inspect(struct sim *s);
void mid_service(const struct sim *s, struct service_report *r);
void mid_report(const struct sim *s, struct guard_report *r);
void mid_print(const struct sim *s);

/* trouble.c: floods, sick servers, operators */
void trouble_schedule(struct sim *s);

/* scenario.c */
bool plan_make(struct plan *p, const char *scenario, uint64_t seed);
const char *plan_scenario_name(uint32_t i); /* NULL past the end */

/* judge.c */
void judge_sessions(struct sim *s); /* when every application must be done */
void judge_guard(struct sim *s); /* when every time-out must be over */

#endif
