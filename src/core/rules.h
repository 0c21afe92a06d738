/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of clients by address: who always passes (allow) and who never does (deny).
 *
 * A rule holds for one service or for all. The longest prefix that holds a client decides; of two
 * rules with the same prefix the one of the service does. A rule whose time is over is as if it were
 * not there: the next shorter prefix decides.
 *
 * The table is made by the control plane, is never changed while a guard has it, and is the same for
 * all guards. What it costs: one look into the hash table for each prefix length in use, two where
 * services have rules of their own; nothing at all while it is empty.
 *
 *	length_v4: 128 120 104        in use, longest first; an IPv4 /24 is 120
 *	             |
 *	(prefix, length, service) --hash--> bucket[] --> rule[]
 */
#ifndef TCPGUARD_CORE_RULES_H
#define TCPGUARD_CORE_RULES_H

#include "base/addr.h"
#include "base/types.h"

#define RULES_MAX	  4096
#define RULES_BUCKETS	  (4 * RULES_MAX)
#define RULE_NONE	  UINT16_MAX /* no index of a rule */
#define RULE_ALL_SERVICES UINT16_MAX

enum rule_action { RULE_ALLOW, RULE_DENY };

struct rule {
	struct ip_addr prefix; /* no bits behind @plen */
	uint8_t plen; /* 0..128 in the mapped space */
	uint8_t action; /* enum rule_action */
	uint16_t service; /* index into the configuration, or RULE_ALL_SERVICES */
	uint16_t slot; /* where its packets are counted, < RULES_MAX; no two rules share one */
	uint32_t serial; /* not 0; another one in the same slot is another rule, counted from 0 */
	usec_t until; /* on the guards' clock; USEC_NEVER */
};

struct rules {
	uint64_t key; /* what the hash depends on besides the prefix */
	uint32_t n;
	uint8_t n_lengths_v4, n_lengths_v6;
	uint8_t length_v4[33], length_v6[129];
	bool of_services; /* some rules hold for one service only */
	uint16_t bucket[RULES_BUCKETS];
	struct rule rule[RULES_MAX];
};

/*
 * rules_init() - an empty table. @key: unpredictable, so that nobody can choose prefixes that collide.
 */
void rules_init(struct rules *r, uint64_t key);

/*
 * rules_add() - add a rule; one with the same prefix and service is replaced.
 * Return: 0; -ENOSPC if there are RULES_MAX; -EINVAL if @rule has bits behind its prefix length.
 */
int rules_add(struct rules *r, const struct rule *rule);

/* rules_find() - index of the rule that decides about @client of @service, or RULE_NONE. */
uint16_t rules_find(const struct rules *r, const struct ip_addr *client, uint16_t service,
		    usec_t now);

const char *rule_action_name(enum rule_action action); /* "allow", "deny" */

#endif
