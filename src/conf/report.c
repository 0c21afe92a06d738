/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void conf_error_add(struct conf_errors *e, int line, const char *format, ...)
{
	struct conf_error *err;
	va_list ap;

	e->n++;
	if (e->n > CONF_ERRORS_MAX)
		return;
	err = &e->error[e->n - 1];
	err->line = line;
	err->number = e->n;
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	/* what is quoted from the file may be anything; a terminal or a JSON parser will read it */
	for (char *p = err->text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
}

static int by_line(const void *a, const void *b)
{
	const struct conf_error *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void conf_errors_report(struct conf_errors *e, conf_report_fn *report, void *arg)
{
	uint32_t kept = e->n < CONF_ERRORS_MAX ? e->n : CONF_ERRORS_MAX;
	char line[CONF_LINE_MAX];
	int half = CONF_LINE_MAX / 2 - 64;

	if (report == NULL)
		return;
	qsort(e->error, kept, sizeof(e->error[0]), by_line);
	for (uint32_t i = 0; i < kept; i++) {
		const struct conf_error *err = &e->error[i];

		if (err->line > 0)
			snprintf(line, sizeof(line), "%.*s:%d: %s", half, e->name, err->line,
				 err->text);
		else
			snprintf(line, sizeof(line), "%.*s: %s", half, e->name, err->text);
		report(arg, line);
	}
	if (e->n > kept) {
		snprintf(line, sizeof(line), "%.*s: %u more errors, correct these first", half,
			 e->name, e->n - kept);
		report(arg, line);
	}
}
