/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guard that goes on with the arena of another process, which was stopped at any point.
 *
 *	arena_head good? --no--> refused: guard_init() elsewhere, then guard_bury() what can be read
 *	      | yes
 *	the journal is rolled back: entries of the turn that was not finished are as before it
 *	each entry is checked; chains, wheel, lists, free slots and counts are made anew
 *	what was learned, counted, decided stays; who sends (two seconds) and the last cohorts begin anew
 *
 * Times in an arena are those of CLOCK_MONOTONIC, which all processes share until the next boot, and no
 * memory survives that: deadlines stay right over the gap.
 */
#ifndef TCPGUARD_CORE_ADOPT_H
#define TCPGUARD_CORE_ADOPT_H

#include "core/guard.h"

/* So many crashes in a row on one arena, and it is taken for the reason. */
#define ADOPT_CRASHES_MAX 3

/* Why an arena cannot be had. FAULT(name, "the arena ...") */
#define ARENA_FAULTS(FAULT)                                        \
	FAULT(NONE, "is good")                                     \
	FAULT(SHORT, "is too short for one")                       \
	FAULT(FOREIGN, "is none of tcpguard's")                    \
	FAULT(OTHER_VERSION, "is of another version of tcpguardd") \
	FAULT(LAYOUT, "has the layout of another tcpguardd")       \
	FAULT(LIMITS, "is for another max-flows or max-half-open") \
	FAULT(WORKERS, "is for another number of workers")         \
	FAULT(DAMAGED, "is damaged")                               \
	FAULT(CRASHES, "has seen three crashes in a row")

enum arena_fault {
#define FAULT(name, text) ARENA_##name,
	ARENA_FAULTS(FAULT)
#undef FAULT
		ARENA_FAULT_COUNT
};
const char *arena_fault_text(enum arena_fault fault);

struct guard_adoption {
	uint32_t flows, half_opens; /* that go on */
	uint32_t taken_back; /* entries of an unfinished turn that are as before it */
	uint32_t lost; /* entries that made no sense */
	uint32_t crashes; /* in a row, this one included */
	uint64_t events; /* number of the newest event of those before */
};

/*
 * guard_adopt() - instead of guard_init().
 * @arena: @bytes of shared memory, page aligned; borrowed as long as the guard lives. Anything may be in it.
 * @limits: must be those it was made for. @index, @workers: likewise, see guard_share().
 * @done: filled.
 * Return: ARENA_NONE, or why it cannot be; then nothing but its head has changed.
 */
enum arena_fault guard_adopt(struct guard *g, void *arena, size_t bytes,
			     const struct guard_limits *limits, const struct guard_config *config,
			     uint32_t index, uint32_t workers, usec_t now,
			     struct guard_adoption *done);

/* guard_share() - this guard has a share of the traffic: the @index-th of @workers. After guard_init(). */
void guard_share(struct guard *g, uint32_t index, uint32_t workers);

/*
 * guard_bury() - see to it that no connection dangles that only the arena @old knew how to translate: whoever
 * goes on with one is told that it is reset.
 * @old: @bytes, of this or any other version; anything may be in it.
 * Return: how many there were.
 */
uint32_t guard_bury(struct guard *g, usec_t now, const void *old, size_t bytes);

/* guard_seed() - that the guard was made from. @seed: filled. */
void guard_seed(const struct guard *g, uint8_t seed[GUARD_SEED_BYTES]);

/* guard_is_settled() - the start is over. guard_is_healthy() - it has been for a while: crashes are forgotten. */
void guard_is_settled(struct guard *g);
void guard_is_healthy(struct guard *g);

/* arena_note_crash() - the process is about to crash. Safe in a signal handler. */
void arena_note_crash(void *arena);

#endif
