/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stories of a guard that goes on with another one's arena share. */
#ifndef TCPGUARD_TESTS_CORE_ADOPT_STORY_H
#define TCPGUARD_TESTS_CORE_ADOPT_STORY_H

#include "core/adopt.h"

#include "fixture.h"

static struct guard_adoption done;

static inline struct guard_arena *arena(void)
{
	return fx.arena;
}

/* adopt() - as another process would: it has nothing but the memory. */
static inline enum arena_fault adopt_bytes(size_t bytes)
{
	struct guard old = fx.guard;
	enum arena_fault fault;

	memset(&fx.guard, 0, sizeof(fx.guard));
	fault = guard_adopt(&fx.guard, fx.arena, bytes, &fx.limits, fx.config, 0, 1, fx.now, &done);
	if (fault != ARENA_NONE)
		fx.guard = old;
	return fault;
}

static inline enum arena_fault adopt(void)
{
	return adopt_bytes(guard_arena_size(&fx.limits));
}

static inline void must_adopt(void)
{
	enum arena_fault fault = adopt();

	ck_assert_msg(fault == ARENA_NONE, "the arena %s", arena_fault_text(fault));
	ck_assert_uint_eq(done.lost, 0);
}

#endif
