/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events: a line each, local time. */
#include <stdio.h>
#include <string.h>

#include "tcpguardctl/text.h"
#include "tcpguardctl/view.h"

#define TIME_WIDTH "23"

static void print_time(const json_t *value)
{
	char text[TEXT_TIME_MAX] = "";

	if (json_is_integer(value))
		text_time(json_integer_value(value), true, text);
	printf("%-" TIME_WIDTH "s  ", text);
}

void view_event_row(struct screen *s, const json_t *row)
{
	const char *level = row_str(row, "level"), *detail = row_str(row, "detail");
	const char *service = row_str(row, "service"), *address = row_str(row, "address");
	bool warns = strcmp(level, "warning") == 0 || strcmp(level, "err") == 0;

	print_time(json_object_get(row, "time_ms"));
	screen_print(s, level, false);
	printf("%*s  ", strlen(level) < 7 ? (int)(7 - strlen(level)) : 0, "");
	screen_print(s, service, false);
	if (*service && *address)
		putchar(' ');
	screen_print(s, address, false);
	if (*service || *address)
		fputs(": ", stdout);
	if (strcmp(row_str(row, "event"), "lost") == 0)
		printf("%llu ", (unsigned long long)row_u64(row, "value"));
	screen_print(s, row_str(row, "text"), warns);
	if (*detail)
		fputs(": ", stdout);
	screen_print(s, detail, false);
	if (json_is_integer(json_object_get(row, "worker"))) /* else the daemon itself */
		printf(" (worker %llu)", (unsigned long long)row_u64(row, "worker"));
	putchar('\n');
}
