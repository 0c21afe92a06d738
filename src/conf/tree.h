/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second look: libconfuse reads the text, and its values go into a struct conf. */
#ifndef TCPGUARD_CONF_TREE_H
#define TCPGUARD_CONF_TREE_H

#include "conf/scan.h"

/* Where things came from, for errors that concern more than one value. */
struct conf_places {
	int workers, queue, max_half_open; /* lines; 0: not in the file */
	int listen[GUARD_LISTENS_MAX]; /* of each entry */
	int clients[GUARD_CLIENTS_MAX];
	struct {
		int service;
		bool start, end; /* given in the file */
		int attack; /* line of the one given last, 0: none */
		bool listens; /* the file has some, right or wrong */
	} service[GUARD_SERVICES_MAX];
};

/*
 * conf_tree_read() - take the values of @scan over into @c, which holds the defaults.
 * Return: 0, errors or not; -ENOMEM; -EINVAL if libconfuse refused the text (reported).
 */
int conf_tree_read(const struct conf_scan_result *scan, struct conf *c, struct conf_places *places,
		   struct conf_errors *errors);

#endif
