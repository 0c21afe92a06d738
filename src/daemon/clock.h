/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of the guards: monotonic, in microseconds. */
#ifndef TCPGUARD_DAEMON_CLOCK_H
#define TCPGUARD_DAEMON_CLOCK_H

#include <time.h>

#include "base/types.h"

static inline usec_t clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static inline usec_t clock_now(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

#endif
