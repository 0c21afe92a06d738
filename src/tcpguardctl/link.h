/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to the daemon. */
#ifndef TCPGUARD_TCPGUARDCTL_LINK_H
#define TCPGUARD_TCPGUARDCTL_LINK_H

#include <stdbool.h>
#include <stddef.h>

#define LINK_LINE_MAX (4u << 20) /* a reply line that is longer is an error */

struct link {
	int fd;
	char *buf; /* what was read and not yet taken */
	size_t cap, start, end;
	bool over; /* nothing more comes, */
	long end_reason; /* for this reason: 0 or a negative errno */
};

/*
 * link_open() - connect to @path. @wait_s: seconds without an answer that count as failure, 0: wait
 * for ever. Return: 0, or a negative errno.
 */
int link_open(struct link *l, const char *path, unsigned wait_s);

/*
 * link_send() - a request line of @n words; those with blanks are quoted.
 * Return: 0, -EINVAL if a word cannot be sent at all, -E2BIG if the line is too long. A daemon that
 * hung up is noticed by link_line(), which may have its last words.
 */
int link_send(struct link *l, int n, char *const words[]);

/*
 * link_line() - the next line, zero-terminated, valid until the next call.
 * Return: its length, 0 at the end (or for an empty line, which the protocol does not know), or a
 * negative errno.
 */
long link_line(struct link *l, char **line);

/*
 * link_is_full() - has the daemon turned this client away, being one too many? Waits for the first line of
 * the reply, which link_line() gives for all that.
 */
bool link_is_full(struct link *l);

void link_close(struct link *l);

#endif
