/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcpguardctl top: the live screen. */
#ifndef TCPGUARD_TCPGUARDCTL_TOP_H
#define TCPGUARD_TCPGUARDCTL_TOP_H

enum top_result {
	TOP_QUIT, /* somebody pressed q, or a signal asked for the end */
	TOP_FAILED,
	TOP_MISUSED, /* arguments, or no terminal; one sentence is on standard error */
};

/*
 * top_run() - show the daemon at @socket until somebody quits.
 * @n, @word: what stands behind the command. The terminal is as it was before, whatever the result.
 */
enum top_result top_run(const char *socket, int n, char *const word[]);

#endif
