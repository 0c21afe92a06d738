/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log of lines in the state directory that only grows at its end: NAME, and what it was before it
 * grew too large, NAME.1. A daemon that is killed leaves at most one torn line, which is skipped.
 */
#ifndef TCPGUARD_DAEMON_HISTORY_FILE_H
#define TCPGUARD_DAEMON_HISTORY_FILE_H

#include "base/types.h"
#include "daemon/state_file.h"

#define HISTORY_FILE_MAX (1024 * 1024) /* bytes of each of the two */
#define HISTORY_LINE_MAX 16384

struct history_file {
	char dir[STATE_FILE_PATH_MAX];
	const char *name; /* static */
	size_t max; /* HISTORY_FILE_MAX, less in tests */
};

/* A line without its line feed; @text ends in zero. */
typedef void history_line_fn(void *arg, const char *text, size_t len);

/*
 * history_file_load() - give all complete lines to @line, the oldest first.
 * Return: 0 (also if there is no file yet), or a negative errno with @why filled; what could be read
 * has been given.
 */
int history_file_load(const struct history_file *f, history_line_fn *line, void *arg, char *why,
		      size_t why_len);

/*
 * history_file_append() - add a line, all of it or nothing.
 * @text: without line feed.
 * Return: 0, or a negative errno with @why filled.
 */
int history_file_append(const struct history_file *f, const char *text, size_t len, char *why,
			size_t why_len);

#endif
