/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first look at the text: its shape.
 *
 * libconfuse stops at the first thing it does not understand, expands ${VARIABLES}, miscounts lines
 * behind C comments, and stays inside a string that was not closed when it reads the next file. So the
 * text is read here first: every unknown option, missing "=", unclosed string or brace is reported,
 * and what was understood is written out again, each word on its old line, for libconfuse to read
 * without stumbling. Values are not looked at.
 */
#ifndef TCPGUARD_CONF_SCAN_H
#define TCPGUARD_CONF_SCAN_H

#include "conf/report.h"

/* Stands in the text for an element of a list that was reported already. */
#define CONF_SCAN_REPORTED "\001"

struct conf_scan_service {
	int line;
	bool named;
	bool listen; /* there is a listen statement, whatever is in it */
	char name[GUARD_SERVICE_NAME_MAX + 1]; /* cut here if longer, which makes it too long */
};

struct conf_scan_result {
	char *text; /* for libconfuse, ends in zero; released with free(). Service titles are
		     * replaced by the service's index here, so that they are unique. */
	size_t len;
	uint32_t n_services;
	struct conf_scan_service service[GUARD_SERVICES_MAX];
};

/* conf_scan() - Return: 0 (even if there were errors) or -ENOMEM. */
int conf_scan(const char *text, size_t len, struct conf_scan_result *result,
	      struct conf_errors *errors);

#endif
