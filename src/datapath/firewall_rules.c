/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/firewall_rules.h"

#include <stdlib.h>

#define MULTIPORT_MAX 15 /* ports of one xt_multiport match; a range counts twice */

struct port_range {
	uint16_t low, high;
};

/* The ports of all listens that share a prefix and a place: one group, one rule (or a few). */
struct group {
	const struct guard_listen *listen; /* the first of them: whose prefix it is */
	uint8_t where;
	bool whole, bypass;
	uint32_t n;
	struct port_range port[GUARD_LISTENS_MAX];
};

/* One rule to be written, independent of the tool. */
struct rule {
	bool pre; /* PREROUTING, else OUTPUT */
	bool to; /* towards the service (destination), else from it */
	bool no_lo; /* but not through lo */
};

/*
 * Which rules a listen needs, see the table in firewall.h. What goes through lo passes OUTPUT and
 * then PREROUTING, and must be queued once: towards the service there, from it here.
 */
static const struct {
	uint8_t where;
	struct rule rule;
} rules[] = {
	{FIREWALL_LOCAL | FIREWALL_FORWARDED, {.pre = true, .to = true}},
	{FIREWALL_FORWARDED, {.pre = true, .to = false, .no_lo = true}},
	{FIREWALL_LOCAL, {.pre = false, .to = false}},
	{FIREWALL_FORWARDED, {.pre = false, .to = true, .no_lo = true}},
};

/*
 * What comes from a server behind this gateway has to come in where the route to the server leads.
 * Neither the queue nor connection tracking waits for the kernel's own reverse path filter, and what
 * a stranger says in the server's name would be believed. Only the ports that are guarded count: the
 * rest is not the guard's business.
 */
static const struct rule forged_rule = {.pre = true, .to = false, .no_lo = true};

/* can_be_forged() - are there such servers in @g, and can the kernel tell? */
static bool can_be_forged(const struct firewall_plan *p, const struct group *g)
{
	return p->anti_spoof && (g->where & FIREWALL_FORWARDED);
}

static bool is_whole(const struct firewall_plan *p, uint32_t i)
{
	return p->config->whole && p->config->whole[i];
}

/* bypasses() - do packets of listen @i pass while nobody has the queue? */
static bool bypasses(const struct firewall_plan *p, uint32_t i)
{
	return p->config->closed ? !p->config->closed[i] : p->config->bypass;
}

static bool same_group(const struct firewall_plan *p, uint32_t a, uint32_t b)
{
	const struct guard_listen *la = &p->config->listen[a], *lb = &p->config->listen[b];

	return la->plen == lb->plen && p->where[a] == p->where[b] &&
	       is_whole(p, a) == is_whole(p, b) && bypasses(p, a) == bypasses(p, b) &&
	       ip_addr_eq(&la->prefix, &lb->prefix);
}

static int compare_ports(const void *a, const void *b)
{
	return (int)((const struct port_range *)a)->low - (int)((const struct port_range *)b)->low;
}

/* merge_ports() - sorted and without overlaps: nft refuses those. */
static void merge_ports(struct group *g)
{
	uint32_t n = 0;

	qsort(g->port, g->n, sizeof(g->port[0]), compare_ports);
	for (uint32_t i = 0; i < g->n; i++) {
		if (n > 0 && (uint32_t)g->port[n - 1].high + 1 >= g->port[i].low) {
			if (g->port[i].high > g->port[n - 1].high)
				g->port[n - 1].high = g->port[i].high;
		} else {
			g->port[n++] = g->port[i];
		}
	}
	g->n = n;
}

/*
 * make_group() - all listens like @first.
 * Return: false if an earlier listen has gathered it already.
 */
static bool make_group(const struct firewall_plan *p, uint32_t first, struct group *g)
{
	for (uint32_t i = 0; i < first; i++) {
		if (same_group(p, i, first))
			return false;
	}
	g->listen = &p->config->listen[first];
	g->where = p->where[first];
	g->whole = is_whole(p, first);
	g->bypass = bypasses(p, first);
	g->n = 0;
	for (uint32_t i = first; i < p->config->n_listens; i++) {
		const struct guard_listen *l = &p->config->listen[i];

		if (same_group(p, first, i))
			g->port[g->n++] = (struct port_range){l->port_low, l->port_high};
	}
	merge_ports(g);
	return true;
}

static int listen_family(const struct guard_listen *l)
{
	return ip_addr_family(&l->prefix);
}

/*
 * next_group() - the longest prefixes first: the rule that a packet meets first decides, and it has to be
 * that of the service which it belongs to. @at: zero before the first call.
 * Return: false if there is none left.
 */
static bool next_group(const struct firewall_plan *p, uint32_t *at, struct group *g)
{
	uint32_t n = p->config->n_listens;

	for (; *at < 129 * n; ++*at) {
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): then 129 * n is 0, too */
		uint32_t i = *at % n;

		if (p->config->listen[i].plen == 128 - *at / n && make_group(p, i, g)) {
			++*at;
			return true;
		}
	}
	return false;
}

/* prefix_text() - "192.0.2.0/24"; @plen is given in the family's own length. */
static void prefix_text(const struct guard_listen *l, char *buf, size_t len, int *plen)
{
	char addr[IP_ADDR_STRLEN];

	*plen = listen_family(l) == 4 ? l->plen - 96 : l->plen;
	snprintf(buf, len, "%s/%d", ip_addr_format(&l->prefix, addr), *plen);
}

bool firewall_rules_family(const struct firewall_plan *p, int family)
{
	for (uint32_t i = 0; i < p->config->n_listens; i++) {
		if (listen_family(&p->config->listen[i]) == family)
			return true;
	}
	return false;
}

/* ---- iptables ---- */

/* iptables_queue() - @n queues in a row, whole ones or not. */
static void iptables_queue(FILE *f, const struct firewall_config *c, bool whole, bool bypass,
			   uint32_t n)
{
	uint32_t first = whole ? c->whole_queue : c->queue;

	if (n > 1)
		fprintf(f, " -j NFQUEUE --queue-balance %u:%u", first, first + n - 1);
	else
		fprintf(f, " -j NFQUEUE --queue-num %u", first);
	fprintf(f, "%s\n", bypass ? " --queue-bypass" : "");
}

static void iptables_head(FILE *f, const struct rule *r)
{
	fprintf(f, "-A %s", r->pre ? FIREWALL_CHAIN_PRE : FIREWALL_CHAIN_OUT);
	if (r->no_lo)
		fprintf(f, " ! %s lo", r->pre ? "-i" : "-o");
}

static void iptables_port(FILE *f, const struct port_range *r)
{
	if (r->low == r->high)
		fprintf(f, "%u", r->low);
	else
		fprintf(f, "%u:%u", r->low, r->high);
}

/* iptables_ports() - the match of ports from @i on that fits one rule. Return: the next port. */
static uint32_t iptables_ports(FILE *f, const struct group *g, uint32_t i, bool to)
{
	uint32_t slots = 0;

	if (g->n - i == 1) {
		fprintf(f, " -m tcp %s ", to ? "--dport" : "--sport");
		iptables_port(f, &g->port[i]);
		return i + 1;
	}
	fprintf(f, " -m multiport %s ", to ? "--dports" : "--sports");
	for (; i < g->n; i++) {
		uint32_t need = g->port[i].low == g->port[i].high ? 1 : 2;

		if (slots + need > MULTIPORT_MAX)
			break;
		fputs(slots ? "," : "", f);
		iptables_port(f, &g->port[i]);
		slots += need;
	}
	return i;
}

/* iptables_group() - @forged: catch what comes in by the wrong interface, else queue. */
static void iptables_group(FILE *f, const struct firewall_config *c, const struct group *g,
			   const struct rule *r, bool forged)
{
	char prefix[IP_ADDR_STRLEN + 8];
	int plen;

	prefix_text(g->listen, prefix, sizeof(prefix), &plen);
	for (uint32_t i = 0; i < g->n;) {
		iptables_head(f, r);
		fprintf(f, " %s %s -p tcp", r->to ? "-d" : "-s", prefix);
		i = iptables_ports(f, g, i, r->to);
		if (forged)
			fprintf(f, " -m rpfilter --invert -g %s\n", FIREWALL_CHAIN_FORGED);
		else
			iptables_queue(f, c, g->whole, g->bypass, c->workers);
	}
}

/* iptables_groups() - the rules for all listens of @family: first what is forged, then the queues. */
static void iptables_groups(FILE *f, const struct firewall_plan *p, int family, bool forged)
{
	const struct firewall_config *c = p->config;
	struct group g;
	uint32_t at = 0;

	while (next_group(p, &at, &g)) {
		if (listen_family(g.listen) != family)
			continue;
		if (forged && can_be_forged(p, &g))
			iptables_group(f, c, &g, &forged_rule, true);
		for (size_t k = 0; k < ARRAY_SIZE(rules) && !forged; k++) {
			if (rules[k].where & g.where)
				iptables_group(f, c, &g, &rules[k].rule, false);
		}
	}
}

/* iptables_icmp() - errors that may quote a guarded connection, whoever sent them. */
static void iptables_icmp(FILE *f, const struct firewall_config *c, int family, bool pre)
{
	static const int v4[] = {3, 11, 12, 0}, v6[] = {1, 2, 3, 4, 0};
	const struct rule r = {.pre = pre, .no_lo = !pre};

	for (const int *type = family == 4 ? v4 : v6; *type; type++) {
		iptables_head(f, &r);
		if (family == 4)
			fprintf(f, " -p icmp -m icmp --icmp-type %d", *type);
		else
			fprintf(f, " -p ipv6-icmp -m icmp6 --icmpv6-type %d", *type);
		iptables_queue(f, c, false, c->bypass, 1);
	}
}

static void iptables_mark(FILE *f, const char *chain, uint32_t mark, const char *verdict)
{
	fprintf(f, "-A %s -m mark --mark 0x%x/0x%x %s\n", chain, mark, mark, verdict);
}

/* iptables_own() - what the guard sends itself is not queued. */
static void iptables_own(FILE *f, const struct firewall_plan *p)
{
	const char *device = p->config->device;
	uint32_t mark = p->config->mark;

	fprintf(f, ":%s - [0:0]\n", FIREWALL_CHAIN_OWN);
	if (device && p->notrack)
		fprintf(f, "-A %s -i %s -j CT --notrack\n", FIREWALL_CHAIN_PRE, device);
	if (device)
		fprintf(f, "-A %s -i %s -j RETURN\n", FIREWALL_CHAIN_PRE, device);
	if (p->unmark)
		fprintf(f, "-A %s -j MARK --set-xmark 0x0/0x%x\n", FIREWALL_CHAIN_OWN, mark);
	iptables_mark(f, FIREWALL_CHAIN_PRE, mark, "-g " FIREWALL_CHAIN_OWN);
	if (p->notrack)
		iptables_mark(f, FIREWALL_CHAIN_OUT, mark, "-j CT --notrack");
	iptables_mark(f, FIREWALL_CHAIN_OUT, mark, "-j RETURN");
}

void firewall_rules_iptables(FILE *f, const struct firewall_plan *p, int family,
			     const struct firewall_missing *missing)
{
	const struct firewall_config *c = p->config;

	fprintf(f, "*raw\n:%s - [0:0]\n:%s - [0:0]\n", FIREWALL_CHAIN_PRE, FIREWALL_CHAIN_OUT);
	iptables_own(f, p);
	if (p->anti_spoof && missing->forged)
		fprintf(f, ":%s - [0:0]\n-A %s -j DROP\n", FIREWALL_CHAIN_FORGED,
			FIREWALL_CHAIN_FORGED);
	iptables_groups(f, p, family, true);
	iptables_groups(f, p, family, false);
	iptables_icmp(f, c, family, true);
	iptables_icmp(f, c, family, false);
	if (missing->jump_pre)
		fprintf(f, "-A PREROUTING -j %s\n", FIREWALL_CHAIN_PRE);
	if (missing->jump_out)
		fprintf(f, "-A OUTPUT -j %s\n", FIREWALL_CHAIN_OUT);
	fputs("COMMIT\n", f);
}

/* ---- nftables ---- */

static void nft_queue(FILE *f, const struct firewall_config *c, bool whole, bool bypass, uint32_t n)
{
	uint32_t first = whole ? c->whole_queue : c->queue;

	fprintf(f, " queue num %u", first);
	if (n > 1)
		fprintf(f, "-%u", first + n - 1);
	fprintf(f, "%s\n", bypass ? " bypass" : "");
}

static void nft_group(FILE *f, const struct firewall_config *c, const struct group *g,
		      const struct rule *r, bool forged)
{
	int family = listen_family(g->listen), plen;
	char prefix[IP_ADDR_STRLEN + 8];

	prefix_text(g->listen, prefix, sizeof(prefix), &plen);
	fputs("\t\t", f);
	if (r->no_lo)
		fprintf(f, "%s != \"lo\" ", r->pre ? "iifname" : "oifname");
	if (plen == 0)
		fprintf(f, "meta nfproto ipv%d", family);
	else
		fprintf(f, "%s %s %s", family == 4 ? "ip" : "ip6", r->to ? "daddr" : "saddr",
			prefix);
	fprintf(f, " tcp %s { ", r->to ? "dport" : "sport");
	for (uint32_t i = 0; i < g->n; i++) {
		fprintf(f, "%s%u", i ? ", " : "", g->port[i].low);
		if (g->port[i].high != g->port[i].low)
			fprintf(f, "-%u", g->port[i].high);
	}
	fputs(" }", f);
	if (forged)
		fprintf(f, " fib saddr . iif oif missing counter name \"%s\" drop\n",
			FIREWALL_COUNTER);
	else
		nft_queue(f, c, g->whole, g->bypass, c->workers);
}

/* nft_groups() - the rules for all listens in one chain. */
static void nft_groups(FILE *f, const struct firewall_plan *p, bool pre, bool forged)
{
	struct group g;
	uint32_t at = 0;

	while (next_group(p, &at, &g)) {
		if (forged && can_be_forged(p, &g))
			nft_group(f, p->config, &g, &forged_rule, true);
		for (size_t k = 0; k < ARRAY_SIZE(rules) && !forged; k++) {
			if (rules[k].rule.pre == pre && (rules[k].where & g.where))
				nft_group(f, p->config, &g, &rules[k].rule, false);
		}
	}
}

static void nft_icmp(FILE *f, const struct firewall_plan *p, bool pre)
{
	const char *where = pre ? "" : "oifname != \"lo\" ";

	if (firewall_rules_family(p, 4)) {
		fprintf(f, "\t\t%sicmp type { 3, 11, 12 }", where);
		nft_queue(f, p->config, false, p->config->bypass, 1);
	}
	if (firewall_rules_family(p, 6)) {
		fprintf(f, "\t\t%sicmpv6 type { 1, 2, 3, 4 }", where);
		nft_queue(f, p->config, false, p->config->bypass, 1);
	}
}

static void nft_chain(FILE *f, const struct firewall_plan *p, bool pre)
{
	const struct firewall_config *c = p->config;

	fprintf(f, "\tchain %s {\n\t\ttype filter hook %s priority -300; policy accept;\n",
		pre ? "pre" : "out", pre ? "prerouting" : "output");
	if (pre && c->device)
		fprintf(f, "\t\tiifname \"%s\" %sreturn\n", c->device,
			p->notrack ? "notrack " : "");
	if (!pre && p->notrack)
		fprintf(f, "\t\tmeta mark & 0x%x == 0x%x notrack\n", c->mark, c->mark);
	fprintf(f, "\t\tmeta mark & 0x%x == 0x%x ", c->mark, c->mark);
	if (pre && p->unmark)
		fprintf(f, "meta mark set meta mark & 0x%x ", ~c->mark);
	fputs("return\n", f);
	if (pre)
		nft_groups(f, p, pre, true);
	nft_groups(f, p, pre, false);
	nft_icmp(f, p, pre);
	fputs("\t}\n", f);
}

void firewall_rules_nftables(FILE *f, const struct firewall_plan *p)
{
	/* Making the table first means that flushing it cannot fail; its chains stay. */
	fprintf(f, "table inet %s {\n}\nflush table inet %s\ntable inet %s {\n", FIREWALL_TABLE,
		FIREWALL_TABLE, FIREWALL_TABLE);
	if (p->anti_spoof)
		fprintf(f, "\tcounter %s {\n\t}\n", FIREWALL_COUNTER);
	nft_chain(f, p, true);
	nft_chain(f, p, false);
	fputs("}\n", f);
}
