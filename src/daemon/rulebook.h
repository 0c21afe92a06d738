/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All lists of clients: those of the configuration file, and those that were given by command, which
 * outlive the daemon. From it the table is made that the guards look into (core/rules.h).
 *
 * Times are those of the wall clock, in milliseconds since 1970, so that a rule for an hour is over
 * after an hour although the machine was off meanwhile. Values only: nothing here is written or sent.
 */
#ifndef TCPGUARD_DAEMON_RULEBOOK_H
#define TCPGUARD_DAEMON_RULEBOOK_H

#include "core/config.h"
#include "core/rules.h"

#define RULEBOOK_FOR_EVER 0

struct rulebook_entry {
	struct ip_addr prefix;
	uint8_t plen; /* in the mapped space */
	bool allow;
	bool from_file; /* of the configuration */
	bool given_here; /* by command, to this process: how long it is to last is known, see rulebook_shift() */
	uint16_t slot; /* where its packets are counted; no other entry has it */
	uint32_t serial; /* another one for each rule */
	char service[GUARD_SERVICE_NAME_MAX]; /* empty: all services */
	int64_t until_ms; /* RULEBOOK_FOR_EVER */
};

struct rulebook {
	uint32_t n;
	uint32_t serial; /* of the newest entry */
	bool slot_used[RULES_MAX];
	struct rulebook_entry entry[RULES_MAX];
};

/*
 * rulebook_put() - a rule by command; it takes the place of one by command with the same prefix and
 * service, whatever that said. @rule: slot and serial do not matter.
 * Return: 0 or -ENOSPC.
 */
int rulebook_put(struct rulebook *b, const struct rulebook_entry *rule);

/*
 * rulebook_remove() - take away what rulebook_put() has put there.
 * Return: 0; -ENOENT: there is no such rule; -EPERM: there is one, but it is in the file.
 */
int rulebook_remove(struct rulebook *b, const struct rulebook_entry *rule);

/*
 * rulebook_configure() - the lists of @c take the place of those of the configuration before.
 * Return: how many of its rules found no room.
 */
uint32_t rulebook_configure(struct rulebook *b, const struct guard_config *c);

/* rulebook_expire() - remove one rule whose time is over at @now_ms. Return: was there one? It is in @gone. */
bool rulebook_expire(struct rulebook *b, int64_t now_ms, struct rulebook_entry *gone);

/*
 * rulebook_shift() - the wall clock was set by @ms. What was given to this process lasts as long as it was to
 * for all that. What was read from a file keeps its end: how long nobody ran only that clock can tell, and it
 * is more likely to be right now than before.
 * Return: has anything changed?
 */
bool rulebook_shift(struct rulebook *b, int64_t ms);

/* rulebook_hides() - is entry @i without effect: its service is not configured, or one by command hides it? */
bool rulebook_hides(const struct rulebook *b, uint32_t i, const struct guard_config *c);

/*
 * rulebook_compile() - the table for guards that have the configuration @c.
 * @now: on the guards' clock, when the wall clock says @now_ms.
 */
void rulebook_compile(const struct rulebook *b, const struct guard_config *c, usec_t now,
		      int64_t now_ms, uint64_t key, struct rules *out);

/* rulebook_to_json() - the rules by command. Return: to be freed, with its length; NULL: out of memory. */
char *rulebook_to_json(const struct rulebook *b, size_t *len);

/*
 * rulebook_from_json() - put the rules of a text of rulebook_to_json() into @b. Single rules that make no
 * sense are left out.
 * @left_out: how many.
 * Return: 0; -EINVAL with @why filled if the text is no such list; nothing has changed then.
 */
int rulebook_from_json(struct rulebook *b, const char *text, size_t len, uint32_t *left_out,
		       char *why, size_t why_len);

#endif
