/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an unfinished turn has changed, so that it can be taken back.
 *
 * The arena outlives its process, and that may be killed between any two instructions. Before a turn
 * (one guard_input(), one timer) changes an entry of a pool, the entry is copied here; at its end the
 * journal is empty again. So whoever takes over the arena finds either an empty journal, and then
 * no entry is torn, or one that says which entries may be, and how they were. This is the mark of
 * validity of an entry: a bit in it could only tell that it is lost.
 *
 * No entry counts before it is complete, and it is copied before the original is touched. A process
 * that is killed leaves its stores in the order of the program, so the compiler alone must be kept
 * from changing that order. What is derived from entries (chains, lists, wheel, free slots,
 * counts of them) is not kept here, since it is made anew.
 *
 *	log[]:	at, bytes | the bytes, padded | at, bytes | ...
 */
#ifndef TCPGUARD_CORE_JOURNAL_H
#define TCPGUARD_CORE_JOURNAL_H

#include <stdatomic.h>
#include <string.h>

#include "base/types.h"

/* More than any turn keeps; what finds no room is not protected, which the next owner is told. */
#define JOURNAL_WORDS 2048

struct journal {
	uint32_t used; /* words; 0: no turn is under way */
	uint32_t missing; /* of this turn, entries that found no room */
	uint64_t log[JOURNAL_WORDS];
};

/* journal_keep() - the @bytes at @p, which is at @at in the arena, are about to change. */
static inline void journal_keep(struct journal *j, uint64_t at, const void *p, uint32_t bytes)
{
	uint32_t words = 2 + (bytes + 7) / 8;
	uint64_t *to = &j->log[j->used];

	if (j->used + words > JOURNAL_WORDS) {
		j->missing++;
		return;
	}
	to[0] = at;
	to[1] = bytes;
	memcpy(&to[2], p, bytes);
	atomic_signal_fence(memory_order_seq_cst);
	j->used += words;
	atomic_signal_fence(memory_order_seq_cst);
}

/* journal_commit() - what was changed since the last one is complete. */
static inline void journal_commit(struct journal *j)
{
	atomic_signal_fence(memory_order_seq_cst);
	j->used = j->missing = 0;
	atomic_signal_fence(memory_order_seq_cst);
}

/* Where entries were put back. */
#define JOURNAL_MARKS 64

struct journal_marks {
	uint32_t n; /* more than JOURNAL_MARKS: too many to be told, so it may be anywhere */
	uint64_t at[JOURNAL_MARKS];
};

static inline bool journal_marked(const struct journal_marks *m, uint64_t at)
{
	for (uint32_t i = 0; i < m->n && i < JOURNAL_MARKS; i++) {
		if (m->at[i] == at)
			return true;
	}
	return m->n > JOURNAL_MARKS;
}

/*
 * journal_roll_back() - everything as it was at the last commit.
 * @marks: filled. @base, @size: the arena. @first: what lies before it in the arena is never kept.
 * Return: entries taken back; -1 if the journal makes no sense, then nothing was.
 */
int journal_roll_back(struct journal *j, void *base, uint64_t first, uint64_t size,
		      struct journal_marks *marks);

#endif
