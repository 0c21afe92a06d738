/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The errors of one file. They are found in several passes, so they are collected and given out at the
 * end in the order of their lines.
 */
#ifndef TCPGUARD_CONF_REPORT_H
#define TCPGUARD_CONF_REPORT_H

#include "conf/conf.h"

#define CONF_ERRORS_MAX 100 /* more are counted, not shown */

struct conf_error {
	int line;
	uint32_t number; /* keeps errors of one line in the order they were found */
	char text[CONF_LINE_MAX / 2];
};

struct conf_errors {
	const char *name; /* of the file; borrowed */
	uint32_t n; /* found; at most CONF_ERRORS_MAX are kept */
	struct conf_error error[CONF_ERRORS_MAX];
};

/* conf_error_add() - @line: counts from 1; 0 if the error has no line. */
void conf_error_add(struct conf_errors *e, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* conf_errors_report() - sort and give out; @report may be NULL. */
void conf_errors_report(struct conf_errors *e, conf_report_fn *report, void *arg);

#endif
