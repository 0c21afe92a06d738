/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/firewall_picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/firewall_rules.h"
#include "datapath/tool.h"

#define TEXT_BYTES (1u << 20) /* of what a tool prints; if it is more nothing can be said */
#define OUR_CHAINS "TCPGUARD_"
#define LOCK_WAIT  "1" /* the main loop waits for it */

static const char *const base_chains[2] = {"PREROUTING", "OUTPUT"};
static const char *const our_chains[2] = {FIREWALL_CHAIN_PRE, FIREWALL_CHAIN_OUT};

/* ---- reading ---- */

static void part_free(struct firewall_part *part)
{
	free(part->ours);
	free(part->front[0]);
	free(part->front[1]);
	*part = (struct firewall_part){0};
}

void firewall_picture_free(struct firewall_picture *p)
{
	part_free(&p->part[0]);
	part_free(&p->part[1]);
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* is_ours() - is the line about one of our own chains, not only a jump there? */
static bool is_ours(const char *line)
{
	return begins(line, "-N " OUR_CHAINS) || begins(line, "-A " OUR_CHAINS);
}

/* of_base() - the rule behind "-A PREROUTING ", or NULL. */
static const char *of_base(const char *line, int base)
{
	size_t len = strlen(base_chains[base]);

	if (begins(line, "-A ") && strncmp(line + 3, base_chains[base], len) == 0 &&
	    line[3 + len] == ' ')
		return line + 3 + len;
	return NULL;
}

/* is_jump() - the plain one to our chain. */
static bool is_jump(const char *rule, int base)
{
	char jump[32];

	snprintf(jump, sizeof(jump), " -j %s", our_chains[base]);
	return strcmp(rule, jump) == 0;
}

/* is_of_ours() - could the packets of @rule be ones that we care for? */
static bool is_of_ours(const char *rule)
{
	static const char *const protocols[] = {"tcp", "icmp", "ipv6-icmp", "all"};
	const char *p = strstr(rule, " -p ");
	size_t len;

	if (!p || (p - rule >= 2 && strncmp(p - 2, " !", 2) == 0))
		return true;
	p += 4;
	len = strcspn(p, " ");
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (len == strlen(protocols[i]) && strncmp(p, protocols[i], len) == 0)
			return true;
	}
	return false;
}

/* lets_by() - does @rule take packets past what comes after it? Those it drops are not our business. */
static bool lets_by(const char *rule)
{
	static const char *const targets[] = {"ACCEPT", "RETURN", "NFQUEUE"};
	const char *target = strstr(rule, " -j ");

	if (!target || !is_of_ours(rule))
		return false;
	target += 4;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		size_t len = strlen(targets[i]);

		if (strncmp(target, targets[i], len) == 0 &&
		    (target[len] == '\0' || target[len] == ' '))
			return true;
	}
	return false;
}

/* next_line() - copy the line at *@at, without its end, and go behind it. NULL: there is none. */
static char *next_line(const char **at)
{
	size_t len = strcspn(*at, "\n");
	char *line = **at ? strndup(*at, len) : NULL;

	*at += len + ((*at)[len] == '\n');
	return line;
}

/* Where the lines of a listing go. */
struct sorter {
	FILE *ours, *front[2];
	bool jump[2];
};

static void sort_line(struct sorter *s, const char *line)
{
	if (is_ours(line))
		fprintf(s->ours, "%s\n", line);
	for (int base = 0; base < 2; base++) {
		const char *rule = of_base(line, base);

		if (!rule)
			continue;
		if (is_jump(rule, base))
			s->jump[base] = true;
		else if (!s->jump[base] && lets_by(rule))
			fprintf(s->front[base], "%s\n", line);
	}
}

int firewall_part_iptables(struct firewall_part *part, const char *text)
{
	struct sorter s = {0};
	size_t len;
	char *line;
	bool failed;

	part_free(part);
	s.ours = open_memstream(&part->ours, &len);
	s.front[0] = open_memstream(&part->front[0], &len);
	s.front[1] = open_memstream(&part->front[1], &len);
	failed = !s.ours || !s.front[0] || !s.front[1];
	while (!failed && (line = next_line(&text))) {
		sort_line(&s, line);
		free(line);
	}
	memcpy(part->jump, s.jump, sizeof(part->jump));
	if (s.ours)
		failed |= fclose(s.ours) != 0;
	for (int base = 0; base < 2; base++) {
		if (s.front[base])
			failed |= fclose(s.front[base]) != 0;
	}
	part->known = !failed;
	return failed ? -ENOMEM : 0;
}

/* ---- asking ---- */

/* read_tool() - all that @argv prints, to be freed; NULL with @rc set if it fails or is too much. */
static char *read_tool(const char *const argv[], int *rc, char error[TOOL_ERROR_MAX])
{
	char *text = malloc(TEXT_BYTES);

	error[0] = '\0';
	*rc = text ? tool_read(argv, text, TEXT_BYTES, error) : -ENOMEM;
	if (*rc == 0 && strlen(text) >= TEXT_BYTES - 1)
		*rc = -EFBIG;
	if (*rc == 0)
		return text;
	free(text);
	return NULL;
}

static const char *tool_of(const struct firewall *fw, int part)
{
	static const char *const tools[2][2] = {{"iptables", "ip6tables"},
						{"iptables-legacy", "ip6tables-legacy"}};

	return tools[fw->legacy][part];
}

static char *list_iptables(const struct firewall *fw, int part, int *rc)
{
	const char *const argv[] = {tool_of(fw, part), "-w", LOCK_WAIT, "-t", "raw", "-S", NULL};
	char error[TOOL_ERROR_MAX];

	return read_tool(argv, rc, error);
}

static int take_iptables(struct firewall_part *part, const struct firewall *fw, int which)
{
	int rc;
	char *text = list_iptables(fw, which, &rc);

	if (text)
		rc = firewall_part_iptables(part, text);
	free(text);
	return rc > 0 ? -EIO : rc;
}

/* take_nft() - counters are left out of what is listed: they change. */
static int take_nft(struct firewall_part *part)
{
	static const char *const argv[] = {"nft",  "--stateless",  "list", "table",
					   "inet", FIREWALL_TABLE, NULL};
	char error[TOOL_ERROR_MAX];
	int rc;

	part_free(part);
	part->ours = read_tool(argv, &rc, error);
	if (rc > 0 && strstr(error, "No such file"))
		part->ours = strdup("");
	part->known = part->ours != NULL;
	return part->known ? 0 : rc < 0 ? rc : -EIO;
}

static bool has_family(const struct firewall_config *c, int part)
{
	for (uint32_t i = 0; i < c->n_listens; i++) {
		if (ip_addr_is_v4(&c->listen[i].prefix) == (part == 0))
			return true;
	}
	return false;
}

int firewall_picture_take(struct firewall_picture *p, const struct firewall *fw,
			  const struct firewall_config *c)
{
	int rc = 0;

	firewall_picture_free(p);
	if (fw->backend == FIREWALL_NFTABLES)
		return take_nft(&p->part[0]);
	for (int i = 0; i < 2 && rc == 0 && fw->backend == FIREWALL_IPTABLES; i++) {
		if (has_family(c, i))
			rc = take_iptables(&p->part[i], fw, i);
	}
	return rc;
}

static bool complete(const struct firewall_part *part, bool nft)
{
	if (!part->known)
		return true;
	if (nft)
		return strstr(part->ours, "chain pre {") && strstr(part->ours, "chain out {") &&
		       strstr(part->ours, "queue");
	return part->jump[0] && part->jump[1] && strstr(part->ours, "-A " FIREWALL_CHAIN_PRE " ") &&
	       strstr(part->ours, "-A " FIREWALL_CHAIN_OUT " ") &&
	       (!strstr(part->ours, "-g " FIREWALL_CHAIN_FORGED) ||
		strstr(part->ours, "-A " FIREWALL_CHAIN_FORGED " "));
}

bool firewall_picture_complete(const struct firewall_picture *p, const struct firewall *fw)
{
	bool nft = fw->backend == FIREWALL_NFTABLES;

	return complete(&p->part[0], nft) && complete(&p->part[1], nft);
}

/* ---- comparing ---- */

/* has_line() - is @line, of @len bytes, one of @lines? */
static bool has_line(const char *lines, const char *line, size_t len)
{
	for (; lines && *lines; lines += strcspn(lines, "\n") + 1) {
		if (strcspn(lines, "\n") == len && strncmp(lines, line, len) == 0)
			return true;
	}
	return false;
}

static const char *family_of(const struct firewall_picture *p, int part)
{
	return !p->part[1].known && p->part[0].ours && begins(p->part[0].ours, "table") ? "nftables"
	       : part == 0								? "IPv4"
											: "IPv6";
}

/* lost() - Return: has @is lost something of @was? */
static bool lost(const struct firewall_picture *was, const struct firewall_picture *is, int i,
		 char what[FIREWALL_WHAT_MAX])
{
	const struct firewall_part *a = &was->part[i], *b = &is->part[i];
	const char *family = family_of(was, i);
	bool jumps = (a->jump[0] && !b->jump[0]) || (a->jump[1] && !b->jump[1]);
	bool same = strcmp(a->ours, b->ours) == 0;

	if (same && !jumps)
		return false;
	if (b->ours[0] == '\0')
		snprintf(what, FIREWALL_WHAT_MAX, "all of them are gone (%s)", family);
	else if (!same)
		snprintf(what, FIREWALL_WHAT_MAX, "some were changed or are gone (%s)", family);
	else
		snprintf(what, FIREWALL_WHAT_MAX, "nothing leads to them from %s any more (%s)",
			 a->jump[0] && !b->jump[0] ? base_chains[0] : base_chains[1], family);
	return true;
}

/* new_front() - the first line of @is that is not in @was. Return: its length, 0: none. */
static size_t new_front(const char *was, const char *is, const char **line)
{
	for (; is && *is; is += strcspn(is, "\n") + 1) {
		size_t len = strcspn(is, "\n");

		*line = is;
		if (len > 0 && !has_line(was, is, len))
			return len;
	}
	return 0;
}

enum firewall_fault firewall_picture_compare(const struct firewall_picture *was,
					     const struct firewall_picture *is,
					     char what[FIREWALL_WHAT_MAX],
					     struct firewall_front *front)
{
	for (int i = 0; i < 2; i++) {
		if (was->part[i].known && is->part[i].known && lost(was, is, i, what))
			return FIREWALL_LOST;
	}
	for (int i = 0; i < 2; i++) {
		for (int base = 0; base < 2; base++) {
			const char *line;
			size_t len =
				new_front(was->part[i].front[base], is->part[i].front[base], &line);

			if (len == 0 || !is->part[i].jump[base])
				continue;
			*front = (struct firewall_front){.part = i, .base = base};
			snprintf(what, FIREWALL_WHAT_MAX, "in front of them stands (%s): %.*s",
				 family_of(was, i), len > 100 ? 100 : (int)len, line);
			return FIREWALL_PASSED_BY;
		}
	}
	return FIREWALL_INTACT;
}

void firewall_picture_pardon(struct firewall_picture *new, struct firewall_picture *old)
{
	for (int i = 0; i < 2; i++) {
		for (int base = 0; base < 2; base++) {
			char *front = new->part[i].front[base];

			new->part[i].front[base] = old->part[i].front[base];
			old->part[i].front[base] = front;
		}
	}
}

/* ---- mending ---- */

uint32_t firewall_front_index(const struct firewall_part *was, const char *text, int base)
{
	uint32_t n = 0, found = 0;
	char *line;

	while (found == 0 && (line = next_line(&text))) {
		const char *rule = of_base(line, base);

		n += rule != NULL;
		if (rule && is_jump(rule, base)) {
			free(line);
			break;
		}
		if (rule && lets_by(rule) && !has_line(was->front[base], line, strlen(line)))
			found = n;
		free(line);
	}
	return found;
}

int firewall_advance(const struct firewall *fw, const struct firewall_picture *was,
		     const struct firewall_front *front, char *why, size_t why_len)
{
	static const char *const restore[2][2] = {
		{"iptables-restore", "ip6tables-restore"},
		{"iptables-legacy-restore", "ip6tables-legacy-restore"}};
	const char *const argv[] = {restore[fw->legacy][front->part], "--noflush", "-w", LOCK_WAIT,
				    NULL};
	const char *base = base_chains[front->base], *chain = our_chains[front->base];
	char input[160], error[TOOL_ERROR_MAX] = "";
	int rc, len;
	char *text = list_iptables(fw, front->part, &rc);
	uint32_t at = text ? firewall_front_index(&was->part[front->part], text, front->base) : 0;

	free(text);
	if (rc == 0 && at > 0) {
		/* what is deleted stands behind, so the number stays right */
		len = snprintf(input, sizeof(input), "*raw\n-D %s -j %s\n-I %s %u -j %s\nCOMMIT\n",
			       base, chain, base, at, chain);
		rc = tool_run(argv, input, (size_t)len, error);
	}
	if (rc == 0)
		return 0;
	snprintf(why, why_len, "cannot move the firewall rules to the front: %s",
		 error[0] ? error : "they cannot be listed");
	return rc < 0 ? rc : -EIO;
}
