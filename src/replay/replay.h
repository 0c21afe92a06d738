/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tcpguardd --replay: what would the guard have noticed in this capture? Reads a file and prints; needs
 * no privileges, opens no socket, touches no packet.
 */
#ifndef TCPGUARD_REPLAY_REPLAY_H
#define TCPGUARD_REPLAY_REPLAY_H

#include <stdio.h>

#include "base/types.h"

#define REPLAY_SERVICES_MAX 64 /* given on the command line */

struct replay_options {
	const char *file;
	const char *config; /* NULL: the defaults */
	uint32_t n_services;
	const char *service[REPLAY_SERVICES_MAX]; /* "ADDRESS[/LENGTH]:PORTS" */
	bool json;
	const char *plot; /* write an SVG picture there; NULL: none */
};

/*
 * replay_main() - do it; the report goes to @out, what is wrong to standard error.
 * Return: 0; -EINVAL and other negative errnos if there is nothing to report.
 */
int replay_main(const struct replay_options *o, FILE *out);

#endif
