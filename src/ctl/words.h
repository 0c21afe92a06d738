/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request line, taken apart into words. */
#ifndef TCPGUARD_CTL_WORDS_H
#define TCPGUARD_CTL_WORDS_H

#include "base/types.h"
#include "ctl/protocol.h"

struct words {
	char text[CTL_LINE_MAX + 1]; /* the words, each with its terminating zero */
	int n;
	char *word[CTL_WORDS_MAX];
};

/*
 * words_split() - take @len bytes of @line apart at spaces and tabs. A word in "double quotes" may
 * hold spaces; within them a backslash takes the next character as it is.
 * Return: 0, or -EINVAL with @why filled: bytes that are no printable ASCII, too many words, a
 * quote that is not closed, a line that is too long.
 */
int words_split(struct words *w, const char *line, size_t len, char *why, size_t why_len);

#endif
