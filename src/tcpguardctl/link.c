/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/protocol.h"

#define FIRST_CAP (64u << 10)

int link_open(struct link *l, const char *path, unsigned wait_s)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval tv = {wait_s, 0};

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)); /* connect(), too */
	setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(l->fd, (struct sockaddr *)&sun, sizeof(sun)))
		return -errno;
	l->buf = malloc(FIRST_CAP);
	l->cap = FIRST_CAP;
	return l->buf ? 0 : -ENOMEM;
}

/* add_word() - @word behind @len bytes of @line. Return: the new length, or a negative errno. */
static int add_word(char *line, int len, const char *word)
{
	bool quote = !*word || strpbrk(word, " \t\"") != NULL;
	char *to = line + len;

	/* at worst every byte is escaped; then quotes, a space and the line feed */
	if ((size_t)len + 2 * strlen(word) + 4 > 2 * CTL_LINE_MAX)
		return -E2BIG;
	if (len)
		*to++ = ' ';
	if (quote)
		*to++ = '"';
	for (; *word; word++) {
		if (*word != '\t' && (*word < ' ' || *word > '~'))
			return -EINVAL;
		if (quote && (*word == '"' || *word == '\\'))
			*to++ = '\\';
		*to++ = *word;
	}
	if (quote)
		*to++ = '"';
	return (int)(to - line);
}

int link_send(struct link *l, int n, char *const words[])
{
	char line[2 * CTL_LINE_MAX];
	int len = 0;

	for (int i = 0; i < n; i++) {
		len = add_word(line, len, words[i]);
		if (len < 0)
			return len;
	}
	if (len > CTL_LINE_MAX)
		return -E2BIG;
	line[len++] = '\n';
	(void)!send(l->fd, line, len, MSG_NOSIGNAL);
	return 0;
}

/* fill() - read more. Return: bytes read, 0 at the end, or a negative errno. */
static long fill(struct link *l)
{
	ssize_t n;

	if (l->over)
		return l->end_reason;
	if (l->start > 0) {
		memmove(l->buf, l->buf + l->start, l->end - l->start);
		l->end -= l->start;
		l->start = 0;
	}
	if (l->end == l->cap) {
		char *buf = l->cap < LINK_LINE_MAX ? realloc(l->buf, 2 * l->cap) : NULL;

		if (!buf)
			return -EMSGSIZE;
		l->buf = buf;
		l->cap *= 2;
	}
	do {
		n = recv(l->fd, l->buf + l->end, l->cap - l->end, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	l->end += n;
	return n;
}

long link_line(struct link *l, char **line)
{
	size_t seen = 0;

	for (;;) {
		char *from = l->buf + l->start;
		char *end = memchr(from + seen, '\n', l->end - l->start - seen);
		long n;

		if (end) {
			*end = '\0';
			*line = from;
			l->start += end - from + 1;
			return end - from;
		}
		seen = l->end - l->start;
		n = fill(l);
		if (n <= 0)
			return n;
	}
}

bool link_is_full(struct link *l)
{
	static const char full[] = CTL_REPLY_FULL;
	size_t len = sizeof(full) - 1;

	while (l->end - l->start < len && !memchr(l->buf + l->start, '\n', l->end - l->start)) {
		l->end_reason = fill(l);
		if (l->end_reason <= 0) { /* link_line() shall not wait for as long again */
			l->over = true;
			return false;
		}
	}
	return l->end - l->start >= len && memcmp(l->buf + l->start, full, len) == 0;
}

void link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->buf);
}
