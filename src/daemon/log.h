/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the operator: to the journal with fields, or to standard error. Used by the main
 * thread only; workers report through events (core/report.h), which the main thread collects.
 */
#ifndef TCPGUARD_DAEMON_LOG_H
#define TCPGUARD_DAEMON_LOG_H

#include <syslog.h>

#include "base/types.h"

enum log_target {
	LOG_TARGET_AUTO, /* the journal where standard error leads there, else standard error */
	LOG_TARGET_JOURNAL,
	LOG_TARGET_STDERR,
};

/* log_open() - may be called again to change its mind. Before the first call: notices to stderr. */
void log_open(enum log_target target, int level);

/* log_set_level() - @level: LOG_ERR .. LOG_DEBUG; what is less important is left out. */
void log_set_level(int level);

void log_message(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the journal stores beside the text of an event. NULL, empty, or 0: left out. */
struct log_fields {
	const char *event, *service, *address, *detail;
	uint64_t attack, value;
	bool of_worker;
	uint32_t worker; /* if @of_worker */
};

void log_event(int level, const struct log_fields *fields, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* At most LOG_BURST messages of one kind in LOG_INTERVAL. */
#define LOG_BURST    10
#define LOG_INTERVAL (10 * USEC_PER_SEC)

struct log_limit {
	usec_t since; /* start of the interval */
	uint32_t passed;
	uint64_t swallowed;
};

/*
 * log_limit_pass() - may one more message be written at @now?
 * @swallowed: set to how many were not since the last interval; say so if it is not 0.
 */
bool log_limit_pass(struct log_limit *l, usec_t now, uint64_t *swallowed);

/* log_limit_flush() - how many were swallowed in an interval that is over. They are forgotten then. */
uint64_t log_limit_flush(struct log_limit *l, usec_t now);

#endif
