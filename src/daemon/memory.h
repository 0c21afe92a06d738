/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much memory the control group of this process may have. The tables are mapped at start, but filled
 * by floods: what does not fit would end the daemon in the middle of one, again and again.
 */
#ifndef TCPGUARD_DAEMON_MEMORY_H
#define TCPGUARD_DAEMON_MEMORY_H

#include <stdint.h>

#define MEMORY_NO_LIMIT UINT64_MAX

/*
 * memory_limit() - the lowest memory.max from the control group of this process upwards.
 * @root: put before /proc and /sys; "" but in tests.
 * Return: bytes, or MEMORY_NO_LIMIT if there is none or it cannot be known.
 */
uint64_t memory_limit(const char *root);

#endif
