/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A wire with somebody at each end, and the loop that lets them run. */
#ifndef TCPGUARD_TESTS_CORE_TCP_KERNEL_PATH_H
#define TCPGUARD_TESTS_CORE_TCP_KERNEL_PATH_H

#include "kernel.h"

/* Side 0 is a kernel, side 1 another one or a host of ours. */
struct path {
	struct lane lane[2]; /* by the side that sends into it */
	struct peer peer[2];
	struct host *host; /* or NULL */
	struct tally tally[2];
	bool reported[2];
	bool endless; /* it is over when side 0 says so */
};

/* path_open() - @host NULL: a kernel at both sides. Return: NULL, or why not. */
const char *path_open(struct path *p, const struct wire_plan *wire, uint64_t seed,
		      const struct peer_plan peer[2], const struct host_plan *host);

/* path_run() - until all have reported and all of our endpoints are gone. Return: false if that is late. */
bool path_run(struct path *p, unsigned n, unsigned patience_s);

void path_close(struct path *p);

#endif
