/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a system tool: no shell, a fixed search path, its complaint caught. */
#ifndef TCPGUARD_DATAPATH_TOOL_H
#define TCPGUARD_DATAPATH_TOOL_H

#include <stddef.h>

#define TOOL_ERROR_MAX 256

/*
 * tool_run() - run @argv[0] and wait for it.
 * @argv: ends in NULL; the program is looked up in the system directories, not in $PATH.
 * @input: what it reads on standard input, @len bytes; NULL: nothing.
 * @error: filled with the first sentence of its standard error, or with what kept it from running.
 * Return: its exit status (0: fine), or a negative errno; -ENOENT if there is no such program.
 */
int tool_run(const char *const argv[], const char *input, size_t len, char error[TOOL_ERROR_MAX]);

/* tool_read() - the same, and what it prints is kept in @out, cut at @len bytes, ended by a NUL. */
int tool_read(const char *const argv[], char *out, size_t len, char error[TOOL_ERROR_MAX]);

#endif
