/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: a program of packets, time, configurations and hand-overs for a whole guard.
 *
 * `make fuzz TARGET=guard` looks for more of them; in `make check` driver.c runs the committed corpus.
 *
 * Input: two bytes that say which mode, engine and limits, then steps of one byte (the low three bits say
 * what, the next two of which connection, the others how) and their operands; see guard_play.h.
 */
#include "core/adopt.h"
#include "core/arena.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/guard_play.h"

#define HEADER 2

/* hand_over() - the next process goes on with the arena; perhaps somebody has written into it. */
static void hand_over(uint8_t how)
{
	struct guard_adoption done;
	struct guard g;
	unsigned damage = how & 1 ? 1 + next() % 8 : 0;
	enum arena_fault fault;

	for (unsigned i = 0; i < damage; i++) {
		size_t place = (size_t)next() << 16 | (size_t)next() << 8 | next();
		size_t base = how & 2 ? ((struct guard_arena *)play.arena)->at.half_opens : 0;

		if (how & 4)
			base = ((struct guard_arena *)play.arena)->at.flows;
		if (base + place < play.arena_bytes)
			((uint8_t *)play.arena)[base + place] ^= next() | 1;
		play.damaged = true;
	}
	fault = guard_adopt(&g, play.arena, play.arena_bytes, &play.limits,
			    &play.config[play.in_force], 0, 1, play.now, &done);
	must(play.damaged || fault == ARENA_NONE, "a good arena is refused");
	must(play.damaged || done.lost == 0, "a good entry is lost");
	if (fault != ARENA_NONE) {
		play_restart();
		return;
	}
	play.guard = g;
	guard_is_settled(&play.guard);
	guard_is_healthy(&play.guard);
	play_empty();
}

/* ---- the program ---- */

static void step(void)
{
	uint8_t op = next();

	if ((op & 7) == 7)
		hand_over(op >> 5);
	else
		play_step(op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER)
		return 0;
	play.at = data;
	play.stop = data + size;
	play_begin();
	while (play.at < play.stop)
		step();
	play_silence();
	return 0;
}
