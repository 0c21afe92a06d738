/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the firewall rules; pure, so that tests can read it. */
#ifndef TCPGUARD_DATAPATH_FIREWALL_RULES_H
#define TCPGUARD_DATAPATH_FIREWALL_RULES_H

#include <stdio.h>

#include "datapath/firewall.h"

#define FIREWALL_CHAIN_PRE    "TCPGUARD_PRE"
#define FIREWALL_CHAIN_OUT    "TCPGUARD_OUT"
#define FIREWALL_CHAIN_OWN    "TCPGUARD_OWN" /* where TCPGUARD_PRE sends the guard's own packets */
#define FIREWALL_CHAIN_FORGED "TCPGUARD_FORGED" /* drops and counts what anti-spoof has found */
#define FIREWALL_TABLE	      "tcpguard" /* nftables, family inet */
#define FIREWALL_COUNTER      "forged" /* nftables: the same count */

/* Where the address of a listen is; bits, both for a prefix that holds addresses of either kind. */
enum firewall_where {
	FIREWALL_LOCAL = 1 << 0,
	FIREWALL_FORWARDED = 1 << 1,
};

/* Everything that decides the text. */
struct firewall_plan {
	const struct firewall_config *config;
	uint8_t where[GUARD_LISTENS_MAX]; /* enum firewall_where of each listen */
	/*
	 * Things that not every kernel can do: keep what the guard sends out of connection tracking;
	 * take the mark off its packets when they have come back through lo, so that the answers of
	 * the server do not inherit it (net.ipv4.tcp_fwmark_accept, fwmark_reflect).
	 */
	bool notrack, unmark;
	/*
	 * Not every kernel can do this either: drop what claims to come from a server that is reached
	 * by another interface than the packet came in by.
	 */
	bool anti_spoof, no_anti_spoof; /* can; it was asked for, but some family cannot */
};

/* Parts of iptables' rules that are not there yet: what a reload leaves alone. */
struct firewall_missing {
	bool jump_pre, jump_out; /* from PREROUTING, from OUTPUT */
	bool forged; /* FIREWALL_CHAIN_FORGED; it keeps its count */
};

/* firewall_rules_family() - does any listen of @p need rules for @family (4 or 6)? */
bool firewall_rules_family(const struct firewall_plan *p, int family);

/*
 * firewall_rules_iptables() - input for iptables-restore --noflush: makes or refills our chains, and
 * makes what is @missing.
 */
void firewall_rules_iptables(FILE *f, const struct firewall_plan *p, int family,
			     const struct firewall_missing *missing);

/* firewall_rules_nftables() - input for nft -f that makes or refills our table. */
void firewall_rules_nftables(FILE *f, const struct firewall_plan *p);

#endif
