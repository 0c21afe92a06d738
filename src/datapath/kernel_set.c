/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/kernel_set.h"

#include <errno.h>
#include <stdlib.h>

#include "datapath/tool.h"

#define TABLE	   "inet " KERNEL_SET_TABLE
#define PRIORITY   (-310) /* before the guard's own rules (-300) and connection tracking (-200) */
#define TEXT_BYTES (8u << 20)
#define DEPTH_MAX  130 /* prefixes inside each other */

#define TIMEOUT_MAX_S (3650ull * 86400)

/* ---- flattening ---- */

static int compare_addr(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)); /* network order */
}

/* step() - the next address (@by 1) or the one before (-1). Return: false if there is none. */
static bool step(struct ip_addr *a, int by)
{
	for (int i = 3; i >= 0; i--) {
		uint32_t w = ntohl(a->w[i]) + (uint32_t)by;

		a->w[i] = htonl(w);
		if (by > 0 ? w != 0 : w != UINT32_MAX)
			return true;
	}
	return false;
}

static struct ip_addr last_of(const struct rule *r)
{
	struct ip_addr a = r->prefix;

	for (unsigned i = 0; i < 4; i++) {
		unsigned bits = r->plen > 32 * i ? r->plen - 32 * i : 0;

		if (bits < 32)
			a.w[i] |= htonl(UINT32_MAX >> bits);
	}
	return a;
}

static int rule_family(const struct rule *r)
{
	return r->plen >= 96 && ip_addr_is_v4(&r->prefix) ? 4 : 6;
}

/* compare_rules() - by first address, the shorter prefix first, the service's own before the others'. */
static int compare_rules(const void *pa, const void *pb)
{
	const struct rule *a = *(const struct rule *const *)pa,
			  *b = *(const struct rule *const *)pb;
	int d = compare_addr(&a->prefix, &b->prefix);

	if (d == 0)
		d = (int)a->plen - (int)b->plen;
	return d ? d : (int)a->service - (int)b->service;
}

/* The sweep over the sorted rules: those that hold the current address, the innermost on top. */
struct sweep {
	const struct rule *stack[DEPTH_MAX];
	unsigned depth;
	struct ip_addr at; /* nothing before it is open any more */
	bool over; /* the last of all addresses has been reached */
	usec_t now;
	struct kernel_range *out;
	uint32_t n, max;
	bool full;
};

/* emit() - the rule on top decides from s->at to @high. */
static void emit(struct sweep *s, const struct ip_addr *high)
{
	const struct rule *top = s->stack[s->depth - 1];

	if (s->over || compare_addr(&s->at, high) > 0)
		return;
	if (top->action == RULE_DENY && s->n == s->max)
		s->full = true;
	else if (top->action == RULE_DENY)
		s->out[s->n++] = (struct kernel_range){
			.low = s->at,
			.high = *high,
			.slot = top->slot,
			.left = top->until == USEC_NEVER ? USEC_NEVER : top->until - s->now,
		};
	s->at = *high;
	s->over = !step(&s->at, 1);
}

static void leave(struct sweep *s)
{
	struct ip_addr high = last_of(s->stack[s->depth - 1]);

	emit(s, &high);
	s->depth--;
}

static void enter(struct sweep *s, const struct rule *r)
{
	struct ip_addr before = r->prefix;

	while (s->depth > 0 && !ip_addr_in_prefix(&r->prefix, &s->stack[s->depth - 1]->prefix,
						  s->stack[s->depth - 1]->plen))
		leave(s);
	if (s->depth > 0 && s->stack[s->depth - 1]->plen == r->plen)
		return; /* the same prefix: the service's own rule is there already */
	if (s->depth > 0 && step(&before, -1))
		emit(s, &before);
	s->at = r->prefix;
	s->over = false;
	s->stack[s->depth++] = r;
}

int kernel_set_flatten(const struct rules *r, uint16_t service, int family, usec_t now,
		       struct kernel_range *out, uint32_t max)
{
	struct sweep s = {.now = now, .out = out, .max = max};
	const struct rule **sorted = malloc(RULES_MAX * sizeof(const struct rule *));
	uint32_t n = 0;

	if (!sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct rule *one = &r->rule[i];

		if ((one->service == service || one->service == RULE_ALL_SERVICES) &&
		    rule_family(one) == family && one->until > now)
			sorted[n++] = one;
	}
	qsort(sorted, n, sizeof(const struct rule *), compare_rules);
	for (uint32_t i = 0; i < n; i++)
		enter(&s, sorted[i]);
	while (s.depth > 0)
		leave(&s);
	free(sorted);
	return s.full ? -ENOSPC : (int)s.n;
}

/* ---- the text for nft ---- */

/* Which set each service has; see the head of kernel_set.h. */
struct groups {
	uint32_t n;
	uint16_t of[GUARD_SERVICES_MAX];
};

static void make_groups(struct groups *g, const struct guard_config *c, const struct rules *r)
{
	memset(g, 0, sizeof(*g));
	g->n = 1;
	for (uint32_t i = 0; i < r->n; i++) {
		uint16_t service = r->rule[i].service;

		if (service < c->n_services && g->of[service] == 0)
			g->of[service] = (uint16_t)g->n++;
	}
}

/* gather() - all ranges of all sets into k->range. Return: 0 or a negative errno. */
static int gather(struct kernel_set *k, const struct groups *g, const struct guard_config *c,
		  const struct rules *r, usec_t now)
{
	struct kernel_range *range = malloc(KERNEL_SET_RANGES_MAX * sizeof(*range));
	uint32_t used = 0;

	if (!range)
		return -ENOMEM;
	for (uint32_t group = 0; group < g->n; group++) {
		uint16_t service = RULE_ALL_SERVICES;

		for (uint32_t i = 0; group > 0 && i < c->n_services; i++) {
			if (g->of[i] == group)
				service = (uint16_t)i;
		}
		for (int family = 4; family <= 6; family += 2) {
			int n = kernel_set_flatten(r, service, family, now, range + used,
						   KERNEL_SET_RANGES_MAX - used);

			if (n < 0) {
				free(range);
				return n;
			}
			for (int i = 0; i < n; i++)
				range[used++].group = (uint16_t)group;
		}
	}
	free(k->range);
	k->range = range;
	k->n_ranges = used;
	return 0;
}

static int range_family(const struct kernel_range *r)
{
	return ip_addr_is_v4(&r->low) ? 4 : 6;
}

/* write_frame() - everything but the elements and the rules; made if missing, emptied if not. */
static void write_frame(FILE *f, uint32_t groups)
{
	fprintf(f, "table %s {\n", TABLE);
	for (uint32_t i = 0; i < groups; i++)
		fprintf(f,
			"\tset s%u_4 {\n\t\ttype ipv4_addr\n\t\tflags interval,timeout\n\t\tcounter\n\t}\n"
			"\tset s%u_6 {\n\t\ttype ipv6_addr\n\t\tflags interval,timeout\n\t\tcounter\n\t}\n"
			"\tchain g%u {\n\t}\n",
			i, i, i);
	fprintf(f,
		"\tchain pre {\n\t\ttype filter hook prerouting priority %d; policy accept;\n\t}\n}\n"
		"flush table %s\n",
		PRIORITY, TABLE);
	for (uint32_t i = 0; i < groups; i++)
		fprintf(f, "flush set %s s%u_4\nflush set %s s%u_6\n", TABLE, i, TABLE, i);
}

/* write_timeout() - in days and seconds, since nft takes no number of more than eight digits. */
static void write_timeout(FILE *f, usec_t left)
{
	usec_t s = left / USEC_PER_SEC + (left % USEC_PER_SEC != 0);

	if (left == USEC_NEVER)
		return;
	if (s > TIMEOUT_MAX_S) /* where the kernel ends a rule too soon the guards go on */
		s = TIMEOUT_MAX_S;
	fprintf(f, " timeout %llud%llus", (unsigned long long)(s / 86400),
		(unsigned long long)(s % 86400));
}

static void write_elements(FILE *f, const struct kernel_set *k)
{
	char low[IP_ADDR_STRLEN], high[IP_ADDR_STRLEN];

	for (uint32_t i = 0; i < k->n_ranges; i++) {
		const struct kernel_range *r = &k->range[i];
		bool first = i == 0 || k->range[i - 1].group != r->group ||
			     range_family(&k->range[i - 1]) != range_family(r);
		bool last = i + 1 == k->n_ranges || k->range[i + 1].group != r->group ||
			    range_family(&k->range[i + 1]) != range_family(r);

		if (first)
			fprintf(f, "add element %s s%u_%d {", TABLE, r->group, range_family(r));
		fprintf(f, " %s", ip_addr_format(&r->low, low));
		if (!ip_addr_eq(&r->low, &r->high))
			fprintf(f, "-%s", ip_addr_format(&r->high, high));
		write_timeout(f, r->left);
		fputs(last ? " }\n" : ",", f);
	}
}

/* write_listen() - one rule for all ports of a prefix that lead to the same set. */
static void write_listen(FILE *f, const struct guard_config *c, const struct groups *g,
			 uint32_t first)
{
	const struct guard_listen *l = &c->listen[first];
	bool v4 = ip_addr_is_v4(&l->prefix);
	char addr[IP_ADDR_STRLEN];
	bool comma = false;

	fprintf(f, "add rule %s pre ", TABLE);
	if (l->plen == (v4 ? 96 : 0))
		fprintf(f, "meta nfproto ipv%d", v4 ? 4 : 6);
	else
		fprintf(f, "%s daddr %s/%u", v4 ? "ip" : "ip6", ip_addr_format(&l->prefix, addr),
			v4 ? l->plen - 96u : l->plen);
	fputs(" tcp dport {", f);
	for (uint32_t i = first; i < c->n_listens; i++) {
		const struct guard_listen *o = &c->listen[i];

		if (o->plen != l->plen || !ip_addr_eq(&o->prefix, &l->prefix) ||
		    g->of[o->service] != g->of[l->service])
			continue;
		fprintf(f, "%s %u", comma ? "," : "", o->port_low);
		if (o->port_high != o->port_low)
			fprintf(f, "-%u", o->port_high);
		comma = true;
	}
	fprintf(f, " } goto g%u\n", g->of[l->service]);
}

/* is_first() - is no earlier listen in the same rule? */
static bool is_first(const struct guard_config *c, const struct groups *g, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++) {
		if (c->listen[k].plen == c->listen[i].plen &&
		    ip_addr_eq(&c->listen[k].prefix, &c->listen[i].prefix) &&
		    g->of[c->listen[k].service] == g->of[c->listen[i].service])
			return false;
	}
	return true;
}

static void write_rules(FILE *f, const struct guard_config *c, const struct groups *g,
			uint32_t mark)
{
	for (uint32_t i = 0; i < g->n; i++)
		fprintf(f,
			"add rule %s g%u ip saddr @s%u_4 drop\nadd rule %s g%u ip6 saddr @s%u_6 drop\n",
			TABLE, i, i, TABLE, i, i);
	fprintf(f, "add rule %s pre meta mark & 0x%x == 0x%x return\n", TABLE, mark, mark);
	for (int plen = 128; plen >= 0; plen--) {
		for (uint32_t i = 0; i < c->n_listens; i++) {
			if (c->listen[i].plen == plen && is_first(c, g, i))
				write_listen(f, c, g, i);
		}
	}
}

/* ---- what the kernel has ---- */

static int nft_run(const char *text, size_t len, char *error)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};

	return tool_run(argv, text, len, error);
}

/* find_range() - the range of set @group that begins with @low, or NULL. */
static const struct kernel_range *find_range(const struct kernel_set *k, uint32_t group,
					     const struct ip_addr *low)
{
	uint32_t a = 0, b = k->n_ranges;

	while (a < b) { /* sorted by set, family and address; mapped addresses are the lowest */
		uint32_t m = a + (b - a) / 2;
		const struct kernel_range *r = &k->range[m];
		int d = (int)r->group - (int)group;

		if (d == 0)
			d = ip_addr_family(&r->low) - ip_addr_family(low);
		if (d == 0)
			d = compare_addr(&r->low, low);
		if (d == 0)
			return r;
		if (d < 0)
			a = m + 1;
		else
			b = m;
	}
	return NULL;
}

/* parse_element() - "203.0.113.0/24 counter packets 7 bytes 420 timeout 1h ..." of set @group. */
static void parse_element(struct kernel_set *k, uint32_t group, const char *text, size_t len)
{
	const struct kernel_range *r;
	char element[256], addr[IP_ADDR_STRLEN];
	const char *packets;
	struct ip_addr low;
	size_t n;

	snprintf(element, sizeof(element), "%.*s", (int)len, text);
	n = strcspn(element, "/- \n");
	packets = strstr(element, " packets ");
	if (n == 0 || n >= sizeof(addr) || !packets)
		return;
	memcpy(addr, element, n);
	addr[n] = '\0';
	if (ip_addr_parse(&low, addr) != 0)
		return;
	r = find_range(k, group, &low);
	if (r)
		k->count[r->slot].now += strtoull(packets + strlen(" packets "), NULL, 10);
}

void kernel_set_parse(struct kernel_set *k, const char *text)
{
	static const char set[] = "\tset s", elements[] = "elements = { ";

	while ((text = strstr(text, set))) {
		const char *end = strstr(text, "\n\t}"), *at = strstr(text, elements);
		uint32_t group = (uint32_t)strtoul(text + strlen(set), NULL, 10);

		text += strlen(set);
		if (!end || !at || at > end)
			continue;
		at += strlen(elements);
		while (at < end) {
			size_t len = strcspn(at, ",}");

			parse_element(k, group, at, len);
			if (at[len] != ',')
				break;
			at += len + 1;
			at += strspn(at, " \t\n");
		}
	}
}

/* read_counts() - what could not be read stays as it was. */
static void read_counts(struct kernel_set *k)
{
	static const char *const argv[] = {"nft", "list", "table", "inet", KERNEL_SET_TABLE, NULL};
	char error[TOOL_ERROR_MAX], *text = malloc(TEXT_BYTES);

	if (text && tool_read(argv, text, TEXT_BYTES, error) == 0) {
		for (uint32_t i = 0; i < RULES_MAX; i++)
			k->count[i].now = 0;
		kernel_set_parse(k, text);
	}
	free(text);
}

void kernel_set_read(struct kernel_set *k)
{
	if (!k->in_force || !tool_pace_begin(&k->pace))
		return;
	read_counts(k);
	tool_pace_end(&k->pace);
}

/* keep_counts() - the elements that counted are about to go. */
static void keep_counts(struct kernel_set *k)
{
	if (k->in_force)
		read_counts(k);
	for (uint32_t i = 0; i < RULES_MAX; i++) {
		k->count[i].before += k->count[i].now;
		k->count[i].now = 0;
	}
}

/* forget_counts() - of rules that are not in their slots any more. */
static void forget_counts(struct kernel_set *k, const struct rules *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct kernel_count *c = &k->count[r->rule[i].slot];

		if (c->serial != r->rule[i].serial)
			*c = (struct kernel_count){.serial = r->rule[i].serial};
	}
}

/* fill() - all of it in one transaction. */
static int fill(struct kernel_set *k, const struct guard_config *c, const struct groups *g,
		uint32_t mark, char *error)
{
	uint32_t groups = g->n > k->n_groups ? g->n : k->n_groups;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return -errno;
	write_frame(f, groups); /* sets that are not needed any more are emptied, too */
	write_rules(f, c, g, mark);
	write_elements(f, k);
	rc = fclose(f) == 0 ? nft_run(text, len, error) : -ENOMEM;
	free(text);
	if (rc == 0)
		k->n_groups = groups;
	return rc;
}

int kernel_set_install(struct kernel_set *k, const struct guard_config *c, const struct rules *r,
		       usec_t now, uint32_t mark, char *why, size_t why_len)
{
	char error[TOOL_ERROR_MAX] = "";
	struct groups g;
	int rc;

	if (k->n_groups == 0) /* whatever a crash left behind */
		kernel_set_remove(k);
	keep_counts(k);
	forget_counts(k, r);
	make_groups(&g, c, r);
	rc = gather(k, &g, c, r, now);
	if (rc == 0)
		rc = fill(k, c, &g, mark, error);
	else
		snprintf(error, sizeof(error), "%s", strerror(-rc));
	if (rc == 0) {
		k->in_force = true;
		return 0;
	}
	snprintf(
		why, why_len,
		"cannot hand the denied clients over to the kernel (nftables: %s); tcpguardd drops "
		"their packets itself, set kernel-set = no if that is all right",
		error);
	kernel_set_withdraw(k); /* what is there may be out of date: nothing is better */
	return rc < 0 ? rc : -EIO;
}

void kernel_set_withdraw(struct kernel_set *k)
{
	static const char *const flush[] = {"nft",  "flush",	      "table",
					    "inet", KERNEL_SET_TABLE, NULL};
	char error[TOOL_ERROR_MAX];

	if (!k->in_force)
		return;
	keep_counts(k);
	tool_run(flush, NULL, 0, error);
	k->in_force = false;
}

static int list_table(char error[TOOL_ERROR_MAX])
{
	static const char *const list[] = {"nft", "list", "table", "inet", KERNEL_SET_TABLE, NULL};

	return tool_run(list, NULL, 0, error);
}

/* forget() - there is no table of ours any more. */
static void forget(struct kernel_set *k)
{
	free(k->range);
	k->range = NULL;
	k->n_ranges = k->n_groups = 0;
	k->in_force = false;
}

bool kernel_set_lost(struct kernel_set *k)
{
	char error[TOOL_ERROR_MAX] = "";

	if (k->n_groups == 0 || list_table(error) <= 0 || !strstr(error, "No such file"))
		return false;
	for (uint32_t i = 0; i < RULES_MAX; i++) {
		k->count[i].before += k->count[i].now;
		k->count[i].now = 0;
	}
	forget(k);
	return true;
}

void kernel_set_remove(struct kernel_set *k)
{
	static const char *const delete[] = {"nft",  "delete",	       "table",
					     "inet", KERNEL_SET_TABLE, NULL};
	char error[TOOL_ERROR_MAX];

	if (list_table(error) == 0)
		tool_run(delete, NULL, 0, error);
	forget(k);
}
