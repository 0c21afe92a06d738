/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Denied clients handed over to the kernel, so that their packets never reach the queues.
 *
 * They live in a table of our own, inet tcpguard_deny, in a chain before all others that see a packet.
 * Intervals of one set must not overlap, so the rules are flattened: the longest prefix decides about
 * each address, and what is left of the shorter ones around it becomes ranges.
 *
 *	rules	  deny 203.0.113.0/24, allow 203.0.113.7
 *	set s0_4  203.0.113.0-203.0.113.6, 203.0.113.8-203.0.113.255
 *
 * Set 0 is for the services without rules of their own; each service with such has a set that holds
 * the common rules and its own. A listen with a longer prefix is looked at first, as in the guard. The
 * kernel counts the packets of each element and removes elements whose time is over.
 *
 * The guards have the same rules. Whatever the kernel lets through they drop, so it may lag behind.
 */
#ifndef TCPGUARD_DATAPATH_KERNEL_SET_H
#define TCPGUARD_DATAPATH_KERNEL_SET_H

#include <stdio.h>

#include "core/config.h"
#include "core/rules.h"
#include "datapath/tool.h"

#define KERNEL_SET_TABLE      "tcpguard_deny"
#define KERNEL_SET_RANGES_MAX 32768 /* in all sets together */

/* Addresses from @low to @high of one family, and the rule that denies them. */
struct kernel_range {
	struct ip_addr low, high;
	uint16_t group; /* number of its set */
	uint16_t slot; /* of the rule */
	usec_t left; /* until it is over; USEC_NEVER */
};

/* Zero it before the first call. */
struct kernel_set {
	bool in_force; /* the kernel drops what is in @range */
	uint32_t n_groups; /* sets that were ever made; 0: there is no table of ours */
	uint32_t n_ranges;
	struct tool_pace pace; /* of kernel_set_read() */
	struct kernel_range
		*range; /* what is in the kernel, in the order of kernel_set_flatten() */
	struct kernel_count {
		uint32_t serial; /* of the rule in this slot */
		uint64_t before; /* packets counted by elements that were replaced */
		uint64_t now; /* by those that are there, when they were read last */
	} count[RULES_MAX];
};

/*
 * kernel_set_install() - put the denied clients of @r in force, replacing what was there in one
 * transaction. Finds out whether the kernel can do it by trying.
 * @mark: packets of the guard's own, which pass.
 * Return: 0, or a negative errno with @why filled; then the kernel drops nothing for us.
 */
int kernel_set_install(struct kernel_set *k, const struct guard_config *c, const struct rules *r,
		       usec_t now, uint32_t mark, char *why, size_t why_len);

/* kernel_set_read() - refresh the counts, unless that was done just now. */
void kernel_set_read(struct kernel_set *k);

/*
 * kernel_set_withdraw() - let the kernel drop nothing any more. The table stays, empty, for its chain
 * must not go while packets are in the queues.
 */
void kernel_set_withdraw(struct kernel_set *k);

/*
 * kernel_set_remove() - remove the table, be it of this process or of one that crashed. Not while
 * packets are in the queues: the kernel drops them when a base chain goes.
 */
void kernel_set_remove(struct kernel_set *k);

/*
 * kernel_set_lost() - is the table gone that should be there? Then it is as if there had never been one, but
 * for the counts. Asks the tool.
 */
bool kernel_set_lost(struct kernel_set *k);

/* For tests. */

/*
 * kernel_set_flatten() - the denied ranges of @family (4 or 6) for a service, sorted.
 * @service: index, or RULE_ALL_SERVICES for those without rules of their own.
 * Return: how many, or -ENOSPC if there are more than @max.
 */
int kernel_set_flatten(const struct rules *r, uint16_t service, int family, usec_t now,
		       struct kernel_range *out, uint32_t max);

/* kernel_set_parse() - add the packets in the text that `nft list table` printed to k->count[].now. */
void kernel_set_parse(struct kernel_set *k, const char *text);

#endif
