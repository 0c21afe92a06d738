/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard: packets and time in, actions out.
 *
 * Pure: no I/O, no clock, no randomness of its own, no allocation, no mutable globals. All state
 * lives in one arena that the caller provides and that holds no pointer, so that it may outlive the
 * process that filled it. One guard is used by one thread.
 */
#ifndef TCPGUARD_CORE_GUARD_H
#define TCPGUARD_CORE_GUARD_H

#include "core/actions.h"
#include "core/config.h"
#include "core/report.h"

struct guard_limits {
	uint32_t max_flows; /* 16 .. 16,777,214 */
	uint32_t max_half_open; /* 16 .. 16,777,214 */
	uint32_t max_terminated; /* of the flows, at once; 0: the terminate engine is not used */
	uint32_t chunks; /* of 4 KB, for the data of those */
};

#define GUARD_SEED_BYTES 32

struct exchange; /* core/exchange.h */
struct rules; /* core/rules.h */
struct guard_arena; /* layout in core/arena.h */

/* A handle on an arena; small, may be copied, holds no state of its own. */
struct guard {
	struct guard_arena *arena;
	const struct guard_config *config;
	const struct rules *rules; /* NULL: none */
	struct exchange *exchange; /* NULL: none */
	uint32_t index; /* in the exchange; 0 leads */
};

/* guard_arena_size() - bytes the arena needs; 0 if @limits are out of range. */
size_t guard_arena_size(const struct guard_limits *limits);

/*
 * guard_init() - make an empty guard in @arena.
 * @arena: guard_arena_size() bytes, zeroed, page aligned; borrowed until the guard is given up.
 * @config: borrowed until guard_configure() names another.
 * @seed: unpredictable bytes; everything secret is derived from them. Guards that share a seed
 *	accept each other's cookies.
 * Return: 0, or -EINVAL if @limits are out of range.
 */
int guard_init(struct guard *g, void *arena, const struct guard_limits *limits,
	       const struct guard_config *config, usec_t now, const uint8_t seed[GUARD_SEED_BYTES]);

/*
 * guard_configure() - put another configuration in force. Services are matched by name; flows of
 * services that are gone go on without one. Drops no connection.
 */
void guard_configure(struct guard *g, usec_t now, const struct guard_config *config);

/*
 * guard_set_rules() - put another list of allowed and denied clients in force, or none (NULL). Their
 * services are indices into the configuration in force, so one that changes these numbers and the
 * list that goes with it are given in one go.
 * @rules: borrowed until the next call. The counts of rules whose slot and serial stay go on.
 */
void guard_set_rules(struct guard *g, const struct rules *rules);

/*
 * guard_join() - share one view of the services with other guards; before the first packet.
 * @e: borrowed as long as the guard lives. @index: another one for each; 0 leads.
 */
void guard_join(struct guard *g, struct exchange *e, uint32_t index);

/*
 * guard_nudges() - who of them should have a look now: a bit for each index. Whoever asks has to see to
 * it that guard_expire() is called for them soon.
 */
uint64_t guard_nudges(const struct guard *g);

/*
 * guard_set_mode() - change the mode of the service @index at run time (until guard_configure()).
 * Return: 0 or -ENOENT.
 */
int guard_set_mode(struct guard *g, usec_t now, uint32_t index, enum guard_mode mode);

/*
 * guard_input() - decide about one packet.
 * @now: never smaller than in an earlier call (if it is, the latest time seen counts).
 * @in: as pkt_parse() left it, also after an error; rewritten in place for GUARD_REPLACE.
 * @error: what pkt_parse() returned.
 * @out: verdict set, packets to send appended.
 */
void guard_input(struct guard *g, usec_t now, struct pkt *in, int error, struct actions *out);

/*
 * guard_expire() - do what time demands. Stops early when the outbox is full; then guard_deadline()
 * is still in the past and the caller calls again with an empty one. Bounded work per call.
 */
void guard_expire(struct guard *g, usec_t now, struct actions *out);

/*
 * guard_poll() - after a batch of guard_input(): send what the terminate engine has to say to all of it.
 * Whatever it leaves is sent by guard_expire(), which guard_deadline() asks for then.
 * @out: must be empty. Return: was anything sent? Then there may be more.
 */
bool guard_poll(struct guard *g, usec_t now, struct actions *out);

/*
 * guard_path_mtu() - a packet of the guard's own did not go out, for its way begins with a link of @mtu.
 * @sent: at least its headers. @out: not changed.
 */
void guard_path_mtu(struct guard *g, usec_t now, const struct pkt *sent, uint32_t mtu,
		    struct actions *out);

/* guard_waiting() - connections for which guard_poll() may have something to send. */
uint32_t guard_waiting(const struct guard *g);

/* guard_deadline() - when guard_expire() is due next; USEC_NEVER if nothing waits. */
usec_t guard_deadline(const struct guard *g);

/*
 * guard_kill() - reset the flow @id (flow_report.id) on both sides.
 * Return: 0, or -ENOENT.
 */
int guard_kill(struct guard *g, usec_t now, uint32_t id, struct actions *out);

#endif
