/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules TOOL: print the firewall rules of a rich configuration for nft, iptables or ip6tables. */
#include <stdlib.h>
#include <string.h>

#include "datapath/firewall_rules.h"

static void add(struct firewall_plan *p, struct guard_listen *list, uint32_t *n, const char *addr,
		unsigned plen, uint16_t low, uint16_t high, uint8_t where)
{
	struct guard_listen *l = &list[*n];

	if (ip_addr_parse(&l->prefix, addr) < 0)
		exit(2);
	l->plen = (uint8_t)plen;
	l->port_low = low;
	l->port_high = high;
	p->where[(*n)++] = where;
}

int main(int argc, char **argv)
{
	static struct guard_listen list[64];
	static struct firewall_config c = {.listen = list,
					   .queue = 100,
					   .workers = 4,
					   .mark = 0x7c9d,
					   .device = "tcpguard100",
					   .bypass = true,
					   .anti_spoof = true};
	static struct firewall_plan p = {
		.config = &c, .notrack = true, .unmark = true, .anti_spoof = true};
	static const struct firewall_missing all = {true, true, true};
	const char *tool = argc == 2 ? argv[1] : "";
	uint8_t both = FIREWALL_LOCAL | FIREWALL_FORWARDED;

	add(&p, list, &c.n_listens, "192.0.2.10", 128, 80, 80, FIREWALL_LOCAL);
	add(&p, list, &c.n_listens, "192.0.2.10", 128, 443, 443, FIREWALL_LOCAL);
	add(&p, list, &c.n_listens, "203.0.113.0", 120, 8000, 8100, FIREWALL_FORWARDED);
	add(&p, list, &c.n_listens, "203.0.113.0", 120, 8050, 8200, FIREWALL_FORWARDED);
	add(&p, list, &c.n_listens, "0.0.0.0", 96, 1, 65535, both);
	add(&p, list, &c.n_listens, "2001:db8::10", 128, 80, 80, FIREWALL_LOCAL);
	add(&p, list, &c.n_listens, "2001:db8:1::", 64, 443, 443, FIREWALL_FORWARDED);
	add(&p, list, &c.n_listens, "::", 0, 22, 22, both);
	for (uint16_t port = 1000; port < 1040; port += 2)
		add(&p, list, &c.n_listens, "198.51.100.1", 128, port, port, FIREWALL_FORWARDED);
	if (strcmp(tool, "nft") == 0)
		firewall_rules_nftables(stdout, &p);
	else if (strcmp(tool, "iptables") == 0)
		firewall_rules_iptables(stdout, &p, 4, &all);
	else if (strcmp(tool, "ip6tables") == 0)
		firewall_rules_iptables(stdout, &p, 6, &all);
	else
		return 2;
	return 0;
}
