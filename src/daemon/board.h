/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board at which the workers read of each other what their guards see: the memory of the exchange
 * (core/exchange.h), and a way to wake one that sleeps.
 */
#ifndef TCPGUARD_DAEMON_BOARD_H
#define TCPGUARD_DAEMON_BOARD_H

#include "core/exchange.h"

struct board;

/* board_new() - for @workers of them. Return: to be freed; NULL: no memory. */
struct board *board_new(uint32_t workers);

/* board_free() - once no worker runs any more; if one has not left, its memory stays. NULL is fine. */
void board_free(struct board *b);

struct exchange *board_exchange(struct board *b);

/* board_attend() - worker @index is woken by @fd, an eventfd, of which a copy is kept. 0 or a negative errno. */
int board_attend(struct board *b, uint32_t index, int fd);

/* board_leave() - its thread has ended. */
void board_leave(struct board *b, uint32_t index);

/* board_nudge() - wake the workers whose bit is set. From any thread. */
void board_nudge(struct board *b, uint64_t who);

#endif
