/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {"ok", "note", "warning", "fault"};

	return names[level];
}

void found(struct doctor *d, const char *check, enum finding_level level, const char *command,
	   const char *format, ...)
{
	struct finding f = {.check = check, .level = level};
	va_list ap;

	va_start(ap, format);
	vsnprintf(f.text, sizeof(f.text), format, ap);
	va_end(ap);
	if (command)
		snprintf(f.command, sizeof(f.command), "%s", command);
	d->found[level]++;
	d->report(d->arg, &f);
}

int world_read(const struct world *w, const char *path, char *buf, size_t len)
{
	char full[4096];
	size_t n;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", w->root, path);
	f = fopen(full, "re");
	if (!f)
		return -errno;
	n = fread(buf, 1, len - 1, f);
	fclose(f);
	buf[n] = '\0';
	return (int)n;
}

bool world_number(const struct world *w, const char *path, long long *value)
{
	char text[64], *end;

	if (world_read(w, path, text, sizeof(text)) <= 0)
		return false;
	*value = strtoll(text, &end, 10);
	return end != text;
}

int ask_tool(struct doctor *d, const char *const argv[])
{
	char error[DOCTOR_TEXT_MAX];

	d->output[0] = '\0';
	return d->world->tool(d->world->arg, argv, NULL, d->output, DOCTOR_OUTPUT_MAX, error);
}

int doctor_examine(struct doctor *d)
{
	static void (*const checks[])(struct doctor *) = {
		check_configuration, check_daemon,   check_privileges, check_kernel, check_sysctls,
		check_addresses,     check_offloads, check_rules,      check_queues, check_backends,
	};

	d->output = malloc(DOCTOR_OUTPUT_MAX);
	if (!d->output)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		checks[i](d);
	free(d->output);
	d->output = NULL;
	return 0;
}
