/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/notify.h"

#define LISTEN_FDS_START 3
#define SELF_MIN	 64 /* descriptors for the next self begin here, out of the way */

/* add() - takes @fd, or closes it if there is no room. */
static void add(struct handover *h, const char *name, size_t len, int fd)
{
	struct handover_item *item = &h->item[h->n];

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return; /* there is no such descriptor */
	if (h->n == HANDOVER_MAX || len == 0 || len >= HANDOVER_NAME_MAX) {
		close(fd);
		return;
	}
	memcpy(item->name, name, len);
	item->name[len] = '\0';
	item->fd = fd;
	h->n++;
}

/* number_of() - an environment variable. Return: -1 if it is none. */
static long number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long n;

	if (!text || *text < '0' || *text > '9')
		return -1;
	n = strtol(text, &end, 10);
	return *end == '\0' ? n : -1;
}

/* from_manager() - sd_listen_fds(3). */
static void from_manager(struct handover *h)
{
	const char *name = getenv("LISTEN_FDNAMES");
	long n = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != (long)getpid())
		n = 0;
	for (long i = 0; i < n && i < 2 * HANDOVER_MAX; i++) {
		size_t len = name ? strcspn(name, ":") : 0;

		add(h, name, len, LISTEN_FDS_START + (int)i);
		if (name)
			name += len + (name[len] == ':');
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* from_self() - "PID:name=fd:name=fd". */
static void from_self(struct handover *h)
{
	const char *text = getenv(HANDOVER_ENV);
	char *end;

	if (text && strtol(text, &end, 10) == (long)getpid()) {
		while (*end == ':') {
			const char *name = end + 1;
			size_t len = strcspn(name, "=:");
			long fd;

			if (name[len] != '=')
				break;
			fd = strtol(name + len + 1, &end, 10);
			if (end == name + len + 1 || fd < SELF_MIN || fd > INT32_MAX)
				break;
			add(h, name, len, (int)fd);
		}
	}
	unsetenv(HANDOVER_ENV);
}

void handover_open(struct handover *h)
{
	h->n = 0;
	from_self(h); /* first: what came with an exec() is newer */
	from_manager(h);
}

int handover_take(struct handover *h, const char *name)
{
	for (uint32_t i = 0; i < h->n; i++) {
		int fd = h->item[i].fd;

		if (fd < 0 || strcmp(h->item[i].name, name) != 0)
			continue;
		h->item[i].fd = -1;
		return fd;
	}
	return -1;
}

int handover_take_any(struct handover *h, const char *prefix, char name[HANDOVER_NAME_MAX])
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->item[i].fd < 0 || strncmp(h->item[i].name, prefix, strlen(prefix)) != 0)
			continue;
		memcpy(name, h->item[i].name, HANDOVER_NAME_MAX);
		return handover_take(h, name);
	}
	return -1;
}

bool handover_has(const struct handover *h, const char *prefix)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->item[i].fd >= 0 && strncmp(h->item[i].name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

/* is_in_use() - has somebody taken another one of this name? */
static bool is_in_use(const struct handover *h, const char *name)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->item[i].fd < 0 && strcmp(h->item[i].name, name) == 0)
			return true;
	}
	return false;
}

void handover_close(struct handover *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->item[i].fd < 0)
			continue;
		if (!is_in_use(h, h->item[i].name))
			notify_forget(h->item[i].name);
		close(h->item[i].fd);
	}
	h->n = 0;
}

int handover_add(struct handover *h, const char *name, int fd)
{
	struct handover_item *item = &h->item[h->n];

	if (h->n == HANDOVER_MAX)
		return -ENOSPC;
	item->fd = fcntl(fd, F_DUPFD, SELF_MIN);
	if (item->fd < 0)
		return -errno;
	snprintf(item->name, sizeof(item->name), "%s", name);
	h->n++;
	return 0;
}

int handover_export(const struct handover *h)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return -ENOMEM;
	fprintf(f, "%ld", (long)getpid());
	for (uint32_t i = 0; i < h->n; i++)
		fprintf(f, ":%s=%d", h->item[i].name, h->item[i].fd);
	rc = fclose(f) == 0 && setenv(HANDOVER_ENV, text, 1) == 0 ? 0 : -ENOMEM;
	free(text);
	return rc;
}
