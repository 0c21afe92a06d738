/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* own_group() - the path of this process in the unified hierarchy: the line "0::/path". */
static bool own_group(const char *root, char *group, size_t len)
{
	char path[PATH_MAX], line[PATH_MAX];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::/", 4) == 0;
	}
	fclose(f);
	if (found)
		snprintf(group, len, "%s", line + 3);
	return found;
}

/* limit_of() - the limit of one group; the topmost one has no such file. */
static uint64_t limit_of(const char *root, const char *group)
{
	char path[2 * PATH_MAX], text[32], *end;
	unsigned long long bytes;
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/fs/cgroup%s/memory.max", root, group);
	f = fopen(path, "re");
	if (!f)
		return MEMORY_NO_LIMIT;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	bytes = strtoull(text, &end, 10);
	return end != text ? bytes : MEMORY_NO_LIMIT; /* "max" */
}

uint64_t memory_limit(const char *root)
{
	uint64_t lowest = MEMORY_NO_LIMIT;
	char group[PATH_MAX], *slash;

	if (!own_group(root, group, sizeof(group)))
		return MEMORY_NO_LIMIT;
	do {
		uint64_t limit = limit_of(root, group);

		if (limit < lowest)
			lowest = limit;
		slash = strrchr(group, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return lowest;
}
