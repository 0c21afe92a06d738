/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a system tool: no shell, a fixed search path, a time limit, its complaint caught. */
#ifndef TCPGUARD_DATAPATH_TOOL_H
#define TCPGUARD_DATAPATH_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#define TOOL_ERROR_MAX 256

/*
 * The main thread waits for tools, and its watchdog for the main thread: all tools of one errand that
 * hang must not take the ten seconds of the unit. So the first one has more time than those after it.
 */
#define TOOL_LIMIT_MS	    4000 /* more than iptables is told to wait for its lock */
#define TOOL_LIMIT_AGAIN_MS 300
#define TOOL_SULK_MS	    10000 /* so long after one has hung the next ones have less time */

/*
 * tool_run() - run @argv[0] and wait for it, but not for ever: one that hangs is killed. From the main
 * thread only.
 * @argv: ends in NULL; the program is looked up in the system directories, not in $PATH,
 *	unless it begins with a slash.
 * @input: what it reads on standard input, @len bytes; NULL: nothing.
 * @error: filled with the first sentence of its standard error, or with what kept it from running.
 * Return: its exit status (0: fine), or a negative errno; -ENOENT if there is no such program, -ETIMEDOUT
 * if it did not end in time.
 */
int tool_run(const char *const argv[], const char *input, size_t len, char error[TOOL_ERROR_MAX]);

/* tool_read() - the same, and what it prints is kept in @out, cut at @len bytes, ended by a NUL. */
int tool_read(const char *const argv[], char *out, size_t len, char error[TOOL_ERROR_MAX]);

/*
 * Whoever may look at counters that a tool reads must not be able to keep the daemon busy with that: a
 * reading is good for a second, and for twenty times as long as it took. Zero: never read.
 */
struct tool_pace {
	long long begun_ms, next_ms;
};

/* tool_pace_begin() - may it be read again? Then tool_pace_end() is to follow. */
bool tool_pace_begin(struct tool_pace *p);
void tool_pace_end(struct tool_pace *p);

#endif
