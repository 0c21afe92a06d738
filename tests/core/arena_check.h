/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does everything in an arena fit together? For tests that tear, damage and hand over arenas. */
#ifndef TCPGUARD_TESTS_CORE_ARENA_CHECK_H
#define TCPGUARD_TESTS_CORE_ARENA_CHECK_H

#include "core/arena.h"

/*
 * arena_check() - tables, chains, lists, wheel, terminals, chunks, and the counts of all of them. Between
 * two turns. Return: NULL, or what is wrong.
 */
const char *arena_check(struct guard_arena *a);

#endif
