/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct board {
	struct exchange *exchange;
	size_t bytes;
	uint32_t workers;
	/*
	 * Copies of the workers' own: whoever nudges may hold one in hand while its worker ends, and the
	 * number of a closed descriptor is the next file's. These are open until nobody nudges any more.
	 */
	_Atomic int fd[EXCHANGE_GUARDS_MAX];
	bool attending[EXCHANGE_GUARDS_MAX]; /* main thread only */
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
	for (uint32_t i = 0; i < EXCHANGE_GUARDS_MAX; i++) {
		if (b->attending[i])
			return; /* a worker that hangs may still look at it */
	}
	for (uint32_t i = 0; i < EXCHANGE_GUARDS_MAX; i++) {
		int fd = atomic_load(&b->fd[i]);

		if (fd >= 0)
			close(fd);
	}
	munmap(b->exchange, b->bytes);
	free(b);
}

struct exchange *board_exchange(struct board *b)
{
	return b->exchange;
}

int board_attend(struct board *b, uint32_t index, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	atomic_store(&b->fd[index], copy);
	b->attending[index] = true;
	return 0;
}

void board_leave(struct board *b, uint32_t index)
{
	b->attending[index] = false;
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
