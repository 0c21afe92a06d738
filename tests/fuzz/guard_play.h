/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guard and the clients and servers around it, played from the bytes of a fuzz input: PAIRS of a client
 * and a server, who know what the guard has told them, so that most packets fit. What must hold of a
 * guard whatever comes is looked at on the way; a breach is an abort() with a sentence.
 */
#ifndef TCPGUARD_TESTS_FUZZ_GUARD_PLAY_H
#define TCPGUARD_TESTS_FUZZ_GUARD_PLAY_H

#include "core/guard.h"
#include "wire/build.h"

#define PAIRS	    4
#define ARENA_MAX   (14u << 20) /* what @arena has room for */
#define PLAY_RANGES 5

/* One end of a pair, and what it was told. */
struct end {
	struct ip_addr addr;
	uint16_t port;
	uint32_t iss, nxt; /* its own numbers */
	uint32_t told_nxt, told_ack; /* of the last packet that came to it */
	uint32_t told_ts;
	uint16_t told_flags;
	bool offers_ts, told_any_ts; /* timestamps: if both hold, they are agreed on */
};

struct play {
	struct guard guard;
	struct guard_config config[2]; /* one in force, and the next */
	unsigned in_force;
	struct guard_limits limits;
	struct actions out;
	void *arena;
	size_t arena_bytes;
	bool damaged; /* by us: only that it lives is expected of it */
	usec_t now;
	struct end end[PAIRS][2]; /* client, server */
	const uint8_t *at, *stop;
};

extern struct play play;

/* play_begin() - a guard of its own, with nothing in it. Takes two bytes: which mode, engine and limits. */
void play_begin(void);

/* next() - the next byte of the input; 0 at its end. */
uint8_t next(void);
void must(bool holds, const char *what);

/*
 * play_packet() - the end @i of pair @k says something. @op: 0 what fits, 1 something odd, 2 a packet with
 * changed bytes, or only its first ones at hand. @how: three bits.
 */
void play_packet(unsigned op, unsigned k, unsigned i, uint8_t how);

/* play_pass() - time passes, and everything that is due is done. */
void play_pass(usec_t duration);

/* play_step() - what the byte @op of a program says: a packet, a pause, or somebody who manages the guard. */
void play_step(uint8_t op);

/* play_restart() - another guard, in the same memory. */
void play_restart(void);

/* play_empty() - what the guard has to send arrives. play_poll() - likewise, all that it can make. */
void play_empty(void);
void play_poll(void);

/* play_written() - what a guard with one service writes to, if nobody else does: less than half of the arena. */
struct play_range {
	uint64_t at, bytes;
};
void play_written(struct play_range range[PLAY_RANGES]);

/* play_silence() - nobody says anything any more: all is forgotten. */
void play_silence(void);

#endif
