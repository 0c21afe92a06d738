/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firewall rules stay in force, whoever takes them away.
 *
 * Theory of operation
 * -------------------
 * Changes of nf_tables, and so of iptables as most systems have it, are told by the kernel; a look at the rules
 * follows NEWS_MS later. Nobody tells of iptables-legacy, so as long as nothing has been heard after rules
 * were installed, a look is taken every LOOK_S seconds; else every QUIET_S, to be sure. A look runs the
 * firewall's tool once for each family, a few milliseconds of the main thread's time, and never takes more
 * than a tenth of it.
 *
 * What is missing is put back (repair-rules), each time with an event. Whoever takes rules away again and
 * again wins: after REPAIRS_MAX times in a row they are put back once in REPAIR_EVERY only.
 */
#ifndef TCPGUARD_DAEMON_KEEP_RULES_H
#define TCPGUARD_DAEMON_KEEP_RULES_H

#include <event2/event.h>

#include "base/bucket.h"
#include "conf/conf.h"
#include "datapath/firewall_picture.h"
#include "datapath/nft_watch.h"

struct daemon;

struct rules_keeper {
	struct nft_watch *watch; /* NULL: this kernel has no nf_tables */
	struct event *on_news, *on_look;
	struct firewall_picture picture; /* when it was right */
	bool known; /* there is such a picture */
	bool doubtful; /* but somebody has changed them since they were installed */
	bool deny_gone; /* perhaps the table of denied clients is */
	bool heard; /* of our own change: so of others' as well */
	usec_t next_look; /* not before */
	struct bucket repairs;
	uint64_t repaired; /* how often */
	char missing[FIREWALL_WHAT_MAX]; /* what is not as it should be; empty: all is well */
};

/* keep_rules_start(), _stop() - a stage, before the rules are installed. */
int keep_rules_start(struct daemon *d, char *why, size_t why_len);
void keep_rules_stop(struct daemon *d);

/* keep_rules_installed() - the rules for @c are in force: this is what they look like. */
void keep_rules_installed(struct daemon *d, const struct firewall_config *c);

/* keep_rules_look() - look at them soon: whether they are to be put back may have changed. */
void keep_rules_look(struct daemon *d);

/* keep_rules_missing() - what is wrong with the rules now; "" if nothing is. */
const char *keep_rules_missing(const struct daemon *d);

#endif
