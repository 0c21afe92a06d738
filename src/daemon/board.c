/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/board.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct board {
	struct exchange *exchange;
	size_t bytes;
	uint32_t workers;
	_Atomic int fd[EXCHANGE_GUARDS_MAX];
};

struct board *board_new(uint32_t workers)
{
	struct board *b = calloc(1, sizeof(*b));
	void *memory;

	if (!b)
		return NULL;
	b->workers = workers;
	b->bytes = exchange_size(workers);
	/* most of it is for services and guards that there are not: pages that are never touched */
	memory = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		free(b);
		return NULL;
	}
	b->exchange = memory;
	exchange_init(b->exchange, workers);
	for (uint32_t i = 0; i < EXCHANGE_GUARDS_MAX; i++)
		atomic_init(&b->fd[i], -1);
	return b;
}

void board_free(struct board *b)
{
	if (!b)
		return;
	munmap(b->exchange, b->bytes);
	free(b);
}

struct exchange *board_exchange(struct board *b)
{
	return b->exchange;
}

void board_attend(struct board *b, uint32_t index, int fd)
{
	atomic_store(&b->fd[index], fd);
}

void board_nudge(struct board *b, uint64_t who)
{
	uint64_t one = 1;

	for (uint32_t i = 0; i < b->workers; i++) {
		int fd = atomic_load(&b->fd[i]);

		/* a full counter wakes it as well, so nothing need be done about an error */
		if ((who >> i & 1) && fd >= 0 && write(fd, &one, sizeof(one)) < 0)
			continue;
	}
}
