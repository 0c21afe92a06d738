/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An attack as the outside sees it: one JSON object, or an environment. Pure. */
#ifndef TCPGUARD_DAEMON_FACTS_H
#define TCPGUARD_DAEMON_FACTS_H

#include "core/attack.h"
#include "ctl/json.h"

/* A record that has left the guard: with its own number, and times that outlive the machine's uptime. */
struct attack_facts {
	uint64_t number; /* of all daemons that have used the state directory */
	int64_t began_us, ended_us; /* Unix time; ended_us: 0 while it lasts */
	int64_t lasted_us; /* so far, or altogether */
	const struct attack_report *report;
};

/* facts_write() - the members of a row of `attacks` into the object that is open in @j. */
void facts_write(struct jw *j, const struct attack_facts *f);

/*
 * facts_env() - "TCPGUARD_...=..." for an on-attack command, and a PATH.
 * @event: "begin", "class" or "end".
 * Return: a NULL-terminated array to be freed with facts_env_free(); NULL if memory is out.
 */
char **facts_env(const struct attack_facts *f, const char *event);
void facts_env_free(char **env);

#endif
