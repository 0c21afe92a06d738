/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of the firewall rules; pure, so that tests can read it. */
#ifndef TCPGUARD_DATAPATH_FIREWALL_RULES_H
#define TCPGUARD_DATAPATH_FIREWALL_RULES_H

#include <stdio.h>

#include "datapath/firewall.h"

#define FIREWALL_CHAIN_PRE "TCPGUARD_PRE"
#define FIREWALL_CHAIN_OUT "TCPGUARD_OUT"
#define FIREWALL_CHAIN_OWN "TCPGUARD_OWN" /* where TCPGUARD_PRE sends the guard's own packets */
#define FIREWALL_TABLE	   "tcpguard" /* nftables, family inet */

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
};

/* firewall_rules_family() - does any listen of @p need rules for @family (4 or 6)? */
bool firewall_rules_family(const struct firewall_plan *p, int family);

/*
 * firewall_rules_iptables() - input for iptables-restore --noflush: makes or refills our chains.
 * @jump_pre, @jump_out: also make the jump from PREROUTING, OUTPUT.
 */
void firewall_rules_iptables(FILE *f, const struct firewall_plan *p, int family, bool jump_pre,
			     bool jump_out);

/* firewall_rules_nftables() - input for nft -f that makes or refills our table. */
void firewall_rules_nftables(FILE *f, const struct firewall_plan *p);

#endif
