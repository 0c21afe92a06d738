/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations as text, and what is said about them. */
#ifndef TCPGUARD_TESTS_CONF_TEXTS_H
#define TCPGUARD_TESTS_CONF_TEXTS_H

#include <check.h>

#include "conf/conf.h"

#define SERVICE "service \"web\" { listen = \"192.0.2.10:80\" }\n"

/* What was reported or printed, one line after the other. */
struct text {
	char *buf;
	size_t len, lines;
};

/* collect() - a conf_report_fn for a struct text. */
void collect(void *arg, const char *line);

/* load() - a configuration that must be right. */
struct conf *load(const char *text);

/* errors_of() - everything reported about a configuration that must be wrong; released with free(). */
char *errors_of(const char *text);

/* refused() - @text gives exactly the lines @expected. */
void refused(const char *text, const char *expected);

/* round_trip() - what is shown of the configuration @text is read as the same configuration. */
void round_trip(const char *text);

#endif
