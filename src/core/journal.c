/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal.h"

#define RECORDS_MAX (JOURNAL_WORDS / 3)

/* find_records() - where each begins, oldest first. Return: how many, or -1. */
static int find_records(const struct journal *j, uint64_t first, uint64_t size,
			uint16_t start[RECORDS_MAX])
{
	uint32_t at = 0;
	int n = 0;

	if (j->used > JOURNAL_WORDS)
		return -1;
	while (at < j->used) {
		uint64_t to, bytes, words;

		if (j->used - at < 3)
			return -1;
		to = j->log[at];
		bytes = j->log[at + 1];
		words = 2 + (bytes + 7) / 8;
		if (bytes == 0 || bytes > size || words > j->used - at || to < first ||
		    to > size - bytes)
			return -1;
		start[n++] = (uint16_t)at;
		at += (uint32_t)words;
	}
	return n;
}

int journal_roll_back(struct journal *j, void *base, uint64_t first, uint64_t size,
		      struct journal_marks *marks)
{
	uint16_t start[RECORDS_MAX];
	int n = find_records(j, first, size, start);

	marks->n = 0;
	if (n < 0)
		return -1;
	/* the newest first: of what was kept twice in a turn the older copy counts */
	for (int i = n - 1; i >= 0; i--) {
		const uint64_t *record = &j->log[start[i]];

		memcpy((char *)base + record[0], &record[2], record[1]);
		if (marks->n++ < JOURNAL_MARKS)
			marks->at[marks->n - 1] = record[0];
	}
	journal_commit(j);
	return n;
}
