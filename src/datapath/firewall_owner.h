/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are the rules that are there already those of a process that lives? What a crash left behind leads
 * to queues that nobody has; that may be replaced.
 */
#ifndef TCPGUARD_DATAPATH_FIREWALL_OWNER_H
#define TCPGUARD_DATAPATH_FIREWALL_OWNER_H

#include <stddef.h>
#include <stdint.h>

#define FIREWALL_NO_OWNER (-1)

/*
 * firewall_owner_in() - the first queue to which a rule in @rules leads and that somebody has.
 * @rules: as iptables -S or nft print them. @queues: /proc/net/netfilter/nfnetlink_queue.
 * @first, @n: the caller's own queues, which do not count.
 * Return: its number, or FIREWALL_NO_OWNER.
 */
int firewall_owner_in(const char *rules, const char *queues, uint32_t first, uint32_t n);

/* firewall_owner() - the same for the rules of this network namespace called like ours. */
int firewall_owner(uint32_t first, uint32_t n);

#endif
