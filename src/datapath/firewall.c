/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/firewall.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/firewall_owner.h"
#include "datapath/firewall_rules.h"
#include "datapath/tool.h"

#define LOCK_WAIT_SECONDS "3" /* less than TOOL_LIMIT_MS */
#define LOCK_WAIT_TO_READ "1" /* the main loop waits for it, and may be asked every second */

/* The tools of one kind of iptables. */
struct iptables {
	const char *name;
	bool legacy;
	const char *tool[2], *restore[2]; /* IPv4, IPv6 */
};

static const struct iptables iptables_kinds[] = {
	{"iptables", false, {"iptables", "ip6tables"}, {"iptables-restore", "ip6tables-restore"}},
	{"iptables-legacy",
	 true,
	 {"iptables-legacy", "ip6tables-legacy"},
	 {"iptables-legacy-restore", "ip6tables-legacy-restore"}},
};

static int family_index(int family)
{
	return family == 4 ? 0 : 1;
}

/* ---- where the listens are ---- */

static uint8_t where_of(const struct guard_listen *l, const struct ifaddrs *list)
{
	uint8_t where = l->plen == 128 ? 0 : FIREWALL_FORWARDED;

	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct ip_addr a;

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			a = ip_addr_v4(((const struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr);
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(&a, &((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr,
			       sizeof(a));
		else
			continue;
		if (ip_addr_in_prefix(&a, &l->prefix, l->plen))
			where |= FIREWALL_LOCAL;
	}
	return where ? where : FIREWALL_FORWARDED;
}

/* place_listens() - fill @where, an item for each listen. */
static int place_listens(const struct firewall_config *c, uint8_t *where)
{
	struct ifaddrs *list = NULL;

	if (c->placement == FIREWALL_PLACE_AUTO && getifaddrs(&list) < 0)
		return -errno;
	for (uint32_t i = 0; i < c->n_listens; i++) {
		if (c->placement == FIREWALL_PLACE_GATEWAY)
			where[i] = FIREWALL_FORWARDED;
		else if (c->placement == FIREWALL_PLACE_HOST)
			where[i] = FIREWALL_LOCAL;
		else
			where[i] = where_of(&c->listen[i], list);
	}
	freeifaddrs(list);
	return 0;
}

/*
 * next_try() - the kernel may lack something that is not vital: set @p to the next best thing to ask it
 * for. @i: which try it is, from 0.
 */
static bool next_try(struct firewall_plan *p, unsigned *i)
{
	static const struct {
		bool anti_spoof, marks;
	} tries[] = {{true, true}, {true, false}, {false, true}, {false, false}};

	while (*i < ARRAY_SIZE(tries) && tries[*i].anti_spoof && !p->config->anti_spoof)
		++*i;
	if (*i == ARRAY_SIZE(tries))
		return false;
	p->anti_spoof = tries[*i].anti_spoof;
	p->notrack = p->unmark = tries[*i].marks;
	++*i;
	return true;
}

/* silent() - has a tool with this result given no answer, for it was killed or could not be run? */
static bool silent(int rc)
{
	return rc > 128 || (rc < 0 && rc != -ENOENT);
}

/* ---- iptables ---- */

#define IPTABLES_BUSY 4 /* its exit status without the lock */

/*
 * iptables_ask() - does "iptables -t raw @cmd @chain [-j @target]" succeed? Return: 1, 0, or -EIO, with
 * @error filled.
 */
static int iptables_ask(const char *tool, const char *cmd, const char *chain, const char *target,
			char *error)
{
	const char *const argv[] = {tool, "-w",	 LOCK_WAIT_SECONDS,    "-t",   "raw",
				    cmd,  chain, target ? "-j" : NULL, target, NULL};
	int rc = tool_run(argv, NULL, 0, error);

	return silent(rc) || rc == IPTABLES_BUSY ? -EIO : rc == 0;
}

static int iptables_restore(const char *tool, const char *text, size_t len, char *error)
{
	const char *const argv[] = {tool, "--noflush", "-w", LOCK_WAIT_SECONDS, NULL};

	return tool_run(argv, text, len, error);
}

/* iptables_look() - what of ours is not there yet? Twice there, a jump could not be taken away again. */
static int iptables_look(const char *tool, struct firewall_missing *missing, char *error)
{
	int pre = iptables_ask(tool, "-C", "PREROUTING", FIREWALL_CHAIN_PRE, error);
	int out = pre < 0 ? pre : iptables_ask(tool, "-C", "OUTPUT", FIREWALL_CHAIN_OUT, error);
	int drop = out < 0 ? out : iptables_ask(tool, "-C", FIREWALL_CHAIN_FORGED, "DROP", error);

	*missing = (struct firewall_missing){.jump_pre = !pre, .jump_out = !out, .forged = !drop};
	return drop < 0 ? drop : 0;
}

/* iptables_fill() - make or refill our chains for one family. */
static int iptables_fill(const struct iptables *t, const struct firewall_plan *p, int family,
			 char *error)
{
	struct firewall_missing missing;
	char *text = NULL;
	size_t len = 0;
	FILE *f;
	int rc = iptables_look(t->tool[family_index(family)], &missing, error);

	if (rc < 0)
		return rc;
	f = open_memstream(&text, &len);
	if (!f)
		return -errno;
	firewall_rules_iptables(f, p, family, &missing);
	rc = fclose(f) == 0 ? iptables_restore(t->restore[family_index(family)], text, len, error)
			    : -ENOMEM;
	free(text);
	return rc;
}

/*
 * iptables_clear() - remove our chains of one family, if there are any: first what leads to a
 * chain, then the chain, all in one transaction.
 */
static int iptables_clear(const struct iptables *t, int family, char *error)
{
	static const struct {
		const char *chain, *base; /* NULL: only our own chains lead to it */
	} chains[] = {{FIREWALL_CHAIN_PRE, "PREROUTING"},
		      {FIREWALL_CHAIN_OUT, "OUTPUT"},
		      {FIREWALL_CHAIN_OWN, NULL},
		      {FIREWALL_CHAIN_FORGED, NULL}};
	const char *tool = t->tool[family_index(family)];
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	bool any = false;
	int rc = 0;

	if (!f)
		return -errno;
	fputs("*raw\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(chains) && rc >= 0; i++) {
		const char *chain = chains[i].chain, *base = chains[i].base;

		rc = iptables_ask(tool, "-S", chain, NULL, error);
		if (rc <= 0)
			continue;
		any = true;
		rc = base ? iptables_ask(tool, "-C", base, chain, error) : 0;
		if (rc > 0)
			fprintf(f, "-D %s -j %s\n", base, chain);
		fprintf(f, "-F %s\n-X %s\n", chain, chain);
	}
	fputs("COMMIT\n", f);
	if (fclose(f) != 0)
		rc = -ENOMEM;
	else if (rc >= 0)
		rc = any ? iptables_restore(t->restore[family_index(family)], text, len, error) : 0;
	free(text);
	return rc;
}

/* iptables_family() - install or clear one family, as the plan demands. */
static int iptables_family(const struct iptables *t, struct firewall_plan *p, int family,
			   char *error)
{
	int rc = -EIO;

	if (!firewall_rules_family(p, family)) {
		char ignored[TOOL_ERROR_MAX];

		iptables_clear(t, family, ignored);
		return 0;
	}
	for (unsigned i = 0; next_try(p, &i);) {
		rc = iptables_fill(t, p, family, error);
		if (rc == 0 || rc == -ENOENT)
			break;
	}
	p->no_anti_spoof |= p->config->anti_spoof && !p->anti_spoof;
	return rc;
}

static int iptables_install(const struct iptables *t, struct firewall_plan *p, char *error)
{
	int rc;

	p->no_anti_spoof = false;
	rc = iptables_family(t, p, 4, error);
	return rc != 0 ? rc : iptables_family(t, p, 6, error);
}

static int iptables_remove(const struct iptables *t, char *error)
{
	int rc4 = iptables_clear(t, 4, error);
	char error6[TOOL_ERROR_MAX];
	int rc6 = iptables_clear(t, 6, error6);

	if (rc4 == 0 && rc6 != 0)
		memcpy(error, error6, TOOL_ERROR_MAX);
	return rc4 != 0 ? rc4 : rc6;
}

/* ---- nftables ---- */

static int nft_run(const char *text, size_t len, char *error)
{
	static const char *const argv[] = {"nft", "-f", "-", NULL};

	return tool_run(argv, text, len, error);
}

/* nft_has_table() - ours. Return: 1, 0, or -EIO, @error filled. */
static int nft_has_table(char *error)
{
	static const char *const argv[] = {"nft", "list", "table", "inet", FIREWALL_TABLE, NULL};
	int rc = tool_run(argv, NULL, 0, error);

	return silent(rc) ? -EIO : rc == 0;
}

/* nft_queue_works() - not every kernel has the statement, so try it where no packet comes by. */
static bool nft_queue_works(char *error)
{
	static const char probe[] = "table inet tcpguard_probe {\n\tchain probe {\n"
				    "\t\tqueue num 0-1 bypass\n\t}\n}\n"
				    "delete table inet tcpguard_probe\n";

	return nft_run(probe, sizeof(probe) - 1, error) == 0;
}

static int nft_fill(const struct firewall_plan *p, char *error)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int rc;

	if (!f)
		return -errno;
	firewall_rules_nftables(f, p);
	rc = fclose(f) == 0 ? nft_run(text, len, error) : -ENOMEM;
	free(text);
	return rc;
}

static int nft_install(struct firewall_plan *p, char *error)
{
	int rc = -EIO;

	for (unsigned i = 0; next_try(p, &i);) {
		rc = nft_fill(p, error);
		if (rc == 0 || rc == -ENOENT)
			break;
	}
	p->no_anti_spoof = p->config->anti_spoof && !p->anti_spoof;
	return rc;
}

/* nft_command() - "@verb table inet tcpguard", if there is one. */
static int nft_command(const char *verb, char *error)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%s table inet %s\n", verb, FIREWALL_TABLE);
	int there = nft_has_table(error);

	return there > 0 ? nft_run(text, (size_t)len, error) : there;
}

/* ---- either ---- */

/* legacy_in_use() - asking iptables-legacy would load its tables where nobody uses them. */
static bool legacy_in_use(void)
{
	FILE *f = fopen("/proc/net/ip_tables_names", "re");
	char line[64];
	bool raw = false;

	if (!f)
		return false;
	while (!raw && fgets(line, sizeof(line), f))
		raw = strcmp(line, "raw\n") == 0;
	fclose(f);
	return raw;
}

/* same_tool() - on some systems "iptables" is iptables-legacy; both names lead to the same tables then. */
static bool same_tool(void)
{
	static const char *const argv[] = {"iptables", "-V", NULL};
	char version[128], error[TOOL_ERROR_MAX];

	return tool_read(argv, version, sizeof(version), error) == 0 &&
	       !strstr(version, "nf_tables");
}

/* clear_others() - remove what an earlier run may have left with another tool than ours. */
static void clear_others(const struct firewall *fw)
{
	char ignored[TOOL_ERROR_MAX];
	bool same = fw->backend == FIREWALL_IPTABLES && same_tool();

	if (fw->backend != FIREWALL_NFTABLES)
		nft_command("delete", ignored);
	for (size_t i = 0; i < ARRAY_SIZE(iptables_kinds); i++) {
		const struct iptables *t = &iptables_kinds[i];

		if (same || (fw->backend == FIREWALL_IPTABLES && fw->legacy == t->legacy))
			continue;
		if (!t->legacy || legacy_in_use())
			iptables_remove(t, ignored);
	}
}

/* try_nftables() - Return: 0, or the reason in @error. */
static int try_nftables(struct firewall *fw, struct firewall_plan *p, char *error)
{
	int rc;

	if (!nft_queue_works(error))
		return -EOPNOTSUPP;
	rc = nft_install(p, error);
	if (rc == 0)
		*fw = (struct firewall){.backend = FIREWALL_NFTABLES};
	return rc;
}

static int try_iptables(struct firewall *fw, struct firewall_plan *p, char *error)
{
	char first[TOOL_ERROR_MAX] = "";
	int rc = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(iptables_kinds); i++) {
		const struct iptables *t = &iptables_kinds[i];

		rc = iptables_install(t, p, error);
		if (rc == 0) {
			*fw = (struct firewall){.backend = FIREWALL_IPTABLES, .legacy = t->legacy};
			return 0;
		}
		if (fw->backend == FIREWALL_AUTO) { /* leave nothing half done */
			char ignored[TOOL_ERROR_MAX];

			iptables_remove(t, ignored);
		}
		if (first[0] == '\0')
			memcpy(first, error, sizeof(first));
	}
	memcpy(error, first, sizeof(first));
	return rc;
}

/* reinstall() - with the tool that is in use already. */
static int reinstall(const struct firewall *fw, struct firewall_plan *p, char *error)
{
	if (fw->backend == FIREWALL_NFTABLES)
		return nft_install(p, error);
	return iptables_install(&iptables_kinds[fw->legacy], p, error);
}

static int install(struct firewall *fw, struct firewall_plan *p, char *why, size_t why_len)
{
	enum firewall_choice choice = p->config->choice;
	char nft[TOOL_ERROR_MAX] = "", ipt[TOOL_ERROR_MAX] = "";
	int rc = -EOPNOTSUPP;

	if (fw->backend != FIREWALL_AUTO && (choice == FIREWALL_AUTO || choice == fw->backend)) {
		rc = reinstall(fw, p, nft);
	} else {
		if (choice != FIREWALL_IPTABLES)
			rc = try_nftables(fw, p, nft);
		if (rc != 0 && choice != FIREWALL_NFTABLES)
			rc = try_iptables(fw, p, ipt);
		if (rc == 0)
			clear_others(fw);
	}
	if (rc == 0) {
		fw->no_anti_spoof = p->no_anti_spoof;
		memcpy(fw->where, p->where, sizeof(fw->where));
		return 0;
	}
	snprintf(
		why, why_len,
		"cannot install the firewall rules (%s%s%s%s%s); load the kernel's NFQUEUE support, %s"
		"or set firewall = none and add the rules yourself",
		nft[0] ? "nftables: " : "", nft, nft[0] && ipt[0] ? "; " : "",
		ipt[0] ? "iptables: " : "", ipt,
		choice == FIREWALL_AUTO ? "" : "set firewall = auto, ");
	return rc < 0 ? rc : -EIO;
}

/*
 * others_rules() - another guard in this network namespace would lose its rules to ours, and take ours
 * away at its end.
 */
static int others_rules(const struct firewall_config *c, char *why, size_t why_len)
{
	/* from the first header queue to the last whole one they are all our own */
	uint32_t last = c->whole ? c->whole_queue : c->queue + c->workers;
	int queue = firewall_owner(c->queue, last + c->workers - c->queue);

	if (queue == FIREWALL_NO_OWNER)
		return 0;
	snprintf(
		why, why_len,
		"the firewall rules of another tcpguardd are in force, which serves queue number %d; "
		"end it, or set firewall = none and add the rules yourself",
		queue);
	return -EBUSY;
}

int firewall_install(struct firewall *fw, const struct firewall_config *c, char *why,
		     size_t why_len)
{
	struct firewall_plan *p;
	int rc;

	if (c->choice == FIREWALL_NONE) {
		rc = firewall_remove(fw, why, why_len);
		fw->backend = FIREWALL_NONE;
		return rc;
	}
	if (fw->backend == FIREWALL_NONE)
		fw->backend = FIREWALL_AUTO;
	rc = fw->backend == FIREWALL_AUTO ? others_rules(c, why, why_len) : 0;
	if (rc < 0)
		return rc;
	p = calloc(1, sizeof(*p));
	if (!p) {
		snprintf(why, why_len, "out of memory for the firewall rules");
		return -ENOMEM;
	}
	p->config = c;
	rc = place_listens(c, p->where);
	if (rc < 0)
		snprintf(why, why_len, "cannot list the addresses of this host: %s", strerror(-rc));
	else
		rc = install(fw, p, why, why_len);
	free(p);
	return rc;
}

uint32_t firewall_misplaced(const struct firewall *fw, const struct firewall_config *c)
{
	uint8_t where[GUARD_LISTENS_MAX] = {0};
	uint32_t n = 0;

	if (fw->backend == FIREWALL_NONE || fw->backend == FIREWALL_AUTO ||
	    place_listens(c, where) < 0)
		return 0;
	for (uint32_t i = 0; i < c->n_listens; i++)
		n += where[i] != fw->where[i];
	return n;
}

/* finish() - Return: 0, or -EIO with @why filled from @error. */
static int finish(int rc, const char *error, char *why, size_t why_len)
{
	if (rc == 0)
		return 0;
	snprintf(why, why_len, "cannot remove the firewall rules: %s", error);
	return rc < 0 ? rc : -EIO;
}

int firewall_detach(struct firewall *fw, char *why, size_t why_len)
{
	char error[TOOL_ERROR_MAX] = "";

	if (fw->backend == FIREWALL_NFTABLES)
		return finish(nft_command("flush", error), error, why, why_len);
	return firewall_remove(fw, why, why_len);
}

int firewall_remove(struct firewall *fw, char *why, size_t why_len)
{
	char error[TOOL_ERROR_MAX] = "";
	int rc = 0;

	if (fw->backend == FIREWALL_NFTABLES)
		rc = nft_command("delete", error);
	else if (fw->backend == FIREWALL_IPTABLES)
		rc = iptables_remove(&iptables_kinds[fw->legacy], error);
	if (rc == 0)
		fw->backend = FIREWALL_AUTO;
	return finish(rc, error, why, why_len);
}

int firewall_clear(char *why, size_t why_len)
{
	char error[TOOL_ERROR_MAX] = "";
	int queue = firewall_owner(0, 0), rc;

	if (queue != FIREWALL_NO_OWNER) {
		snprintf(why, why_len,
			 "queue number %d, to which the rules lead, is served: stop tcpguardd "
			 "first, which takes them away by itself",
			 queue);
		return -EBUSY;
	}
	rc = nft_command("delete", error);
	if (rc == 0)
		rc = iptables_remove(&iptables_kinds[false], error);
	if (rc == 0 && legacy_in_use())
		rc = iptables_remove(&iptables_kinds[true], error);
	return finish(rc, error, why, why_len);
}

/* count_after() - the number that follows @word in what a tool has printed; 0 without it. */
static uint64_t count_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);

	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

uint64_t firewall_forged(struct firewall *fw)
{
	const char *const nft[] = {"nft",	   "list",	     "counter", "inet",
				   FIREWALL_TABLE, FIREWALL_COUNTER, NULL};
	char text[1024], error[TOOL_ERROR_MAX];

	if (!tool_pace_begin(&fw->pace))
		return fw->forged[0] + fw->forged[1];
	if (fw->backend == FIREWALL_NFTABLES && tool_read(nft, text, sizeof(text), error) == 0)
		fw->forged[0] = count_after(text, "packets ");
	for (size_t i = 0; i < 2 && fw->backend == FIREWALL_IPTABLES; i++) {
		const char *const ipt[] = {iptables_kinds[fw->legacy].tool[i],
					   "-w",
					   LOCK_WAIT_TO_READ,
					   "-t",
					   "raw",
					   "-vS",
					   FIREWALL_CHAIN_FORGED,
					   NULL};

		if (tool_read(ipt, text, sizeof(text), error) == 0)
			fw->forged[i] = count_after(text, " -c ");
	}
	tool_pace_end(&fw->pace);
	return fw->forged[0] + fw->forged[1];
}

const char *firewall_name(const struct firewall *fw)
{
	if (fw->backend == FIREWALL_NFTABLES)
		return "nftables";
	if (fw->backend == FIREWALL_IPTABLES)
		return iptables_kinds[fw->legacy].name;
	return "none";
}
