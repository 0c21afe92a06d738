/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of clients in the daemon: the rulebook, what the guards and the kernel have of it, and the
 * file rules.json in the state directory that keeps what was given by command.
 *
 * A change is in force at once in the guards; the file is written in the same breath, and the kernel
 * follows within a second. When the file cannot be written the change stays in force, is said to be
 * at risk, and writing is tried again until it succeeds.
 */
#ifndef TCPGUARD_DAEMON_CLIENTS_H
#define TCPGUARD_DAEMON_CLIENTS_H

#include "ctl/ops.h"
#include "daemon/rulebook.h"
#include "datapath/kernel_set.h"

struct daemon;
struct conf;

struct clients {
	struct rulebook book;
	struct rules *rules; /* that the guards have; NULL: none yet */
	uint64_t key;
	int64_t clock_offset_ms; /* wall clock less the guards' clock, when the rules were made */
	bool unsaved; /* the file is behind the book */
	usec_t save_again;
	bool clock_set, shifted; /* the wall clock was; and ends of rules with it */
	bool kernel_behind; /* the kernel set is behind the book */
	bool kernel_failed; /* it refused; said already */
	usec_t kernel_again; /* when it is tried again then */
	struct kernel_set kernel;
};

/* clients_start() - read the file, give the workers their lists. Never fails for the file's sake. */
int clients_start(struct daemon *d, char *why, size_t why_len);
void clients_stop(struct daemon *d);

/*
 * clients_prepare() - take over the lists of @c and make the table that goes with it.
 * Return: to be given to the guards together with @c; NULL: out of memory, which has been logged.
 */
struct rules *clients_prepare(struct daemon *d, const struct conf *c);

/* clients_given() - the workers have it. @all: every one of them; else the old one must live on. */
void clients_given(struct daemon *d, struct rules *rules, bool all);

/* clients_second() - once a second: what is over goes, the file and the kernel catch up. */
void clients_second(struct daemon *d);

/* clients_kernel_lost() - somebody may have deleted the kernel's table of denied clients: is it there? */
void clients_kernel_lost(struct daemon *d);

/* For the control socket, see ctl/ops.h. */
int clients_change(struct daemon *d, const struct ctl_rule_change *change, char *why,
		   size_t why_len);
int clients_list(struct daemon *d, struct ctl_rule *rows, char *why, size_t why_len);

#endif
