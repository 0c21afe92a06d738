/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the guard itself: configuration, process, firewall rules, queues. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "doctor/doctor.h"

#define QUEUES	     "/proc/net/netfilter/nfnetlink_queue"
#define CHAIN_PRE    "TCPGUARD_PRE"
#define CHAIN_OUT    "TCPGUARD_OUT"
#define QUEUES_EACH  3 /* numbers of a worker; see datapath/nfqueue.h */
#define QUEUE_FULL   512 /* packets that wait, of the kernel's 1024 or more */
#define NEEDED_CAPS  (1ull << 12 /* CAP_NET_ADMIN */)
#define HARMLESS_CAP (1ull << 0 | 1ull << 1 | 1ull << 12 | 1ull << 13) /* see daemon/sandbox.c */

void check_configuration(struct doctor *d)
{
	char command[DOCTOR_TEXT_MAX], edit[DOCTOR_TEXT_MAX];

	snprintf(command, sizeof(command), "tcpguardd -t -c %s", d->conf_path);
	snprintf(edit, sizeof(edit), "sudoedit %s", d->conf_path);
	if (!d->conf)
		found(d, "config", FINDING_FAULT, command, "%s cannot be used", d->conf_path);
	else if (d->conf->guard.n_services == 0)
		found(d, "config", FINDING_WARNING, edit,
		      "there is no service in %s: nothing is guarded; see tcpguard.conf(5)",
		      d->conf_path);
	else
		found(d, "config", FINDING_OK, NULL, "%s: %u service%s, %u listen%s", d->conf_path,
		      d->conf->guard.n_services, d->conf->guard.n_services == 1 ? "" : "s",
		      d->conf->guard.n_listens, d->conf->guard.n_listens == 1 ? "" : "s");
}

void check_daemon(struct doctor *d)
{
	if (d->patient.runs)
		found(d, "daemon", FINDING_OK, NULL, "tcpguardd runs");
	else if (d->patient.refused)
		found(d, "daemon", FINDING_NOTE, "sudo tcpguardctl doctor",
		      "tcpguardd runs, but does not speak with this user");
	else
		found(d, "daemon", FINDING_FAULT, "systemctl start tcpguard",
		      "tcpguardd does not run: nothing is guarded");
}

/* ---- privileges ---- */

/* status_line() - the value of "@key:" in /proc/PID/status, a number of @base. */
static bool status_line(const char *status, const char *key, int base, unsigned long long *value)
{
	char word[32];
	const char *at;

	snprintf(word, sizeof(word), "\n%s:", key);
	at = strstr(status, word);
	if (!at)
		return false;
	*value = strtoull(at + strlen(word), NULL, base);
	return true;
}

static void check_process(struct doctor *d)
{
	unsigned long long caps = 0, seccomp = 0, nnp = 0, uid = 0;
	char path[64], status[8192];

	snprintf(path, sizeof(path), "/proc/%d/status", d->patient.pid);
	if (world_read(d->world, path, status, sizeof(status)) < 0 ||
	    !status_line(status, "CapEff", 16, &caps))
		return;
	status_line(status, "Seccomp", 10, &seccomp);
	status_line(status, "NoNewPrivs", 10, &nnp);
	status_line(status, "Uid", 10, &uid);
	if ((caps & NEEDED_CAPS) != NEEDED_CAPS)
		found(d, "privileges", FINDING_FAULT, "systemctl cat tcpguard",
		      "tcpguardd has no CAP_NET_ADMIN: it can judge no packet");
	else if (caps & ~HARMLESS_CAP)
		found(d, "privileges", FINDING_WARNING, "systemctl cat tcpguard",
		      "tcpguardd has kept more capabilities than it needs (%llx)", caps);
	else
		found(d, "privileges", FINDING_OK, NULL, "tcpguardd has the capabilities it needs");
	if (seccomp != 2 || nnp != 1)
		found(d, "privileges", FINDING_WARNING, "zgrep SECCOMP_FILTER /proc/config.gz",
		      "tcpguardd runs without a system call filter");
	if (uid == 0)
		found(d, "privileges", FINDING_NOTE, "systemctl start tcpguard",
		      "tcpguardd runs as root; its unit gives it a user of its own");
}

/* has_unit() - was it installed with its unit? */
static bool has_unit(struct doctor *d)
{
	static const char *const dirs[] = {"/lib/systemd/system", "/usr/lib/systemd/system",
					   "/usr/local/lib/systemd/system", "/etc/systemd/system"};
	char path[128], text[16];

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/tcpguard.service", dirs[i]);
		if (world_read(d->world, path, text, sizeof(text)) >= 0)
			return true;
	}
	return false;
}

static void check_user(struct doctor *d)
{
	char text[DOCTOR_FILE_MAX];

	if (!has_unit(d) || world_read(d->world, "/etc/passwd", text, sizeof(text)) < 0)
		return;
	if (strncmp(text, "tcpguard:", 9) != 0 && !strstr(text, "\ntcpguard:"))
		found(d, "privileges", FINDING_FAULT, "systemd-sysusers",
		      "there is no user tcpguard, which the unit runs as");
}

static void check_enabled(struct doctor *d)
{
	static const char *const argv[] = {"systemctl", "is-enabled", "tcpguard.service", NULL};

	if (!has_unit(d))
		return;
	ask_tool(d, argv); /* it ends with 1 if it is not */
	if (strncmp(d->output, "disabled", 8) == 0)
		found(d, "daemon", FINDING_NOTE, "systemctl enable tcpguard",
		      "tcpguard.service does not start at boot");
}

/* check_state() - the directory that survives the daemon. */
static void check_state(struct doctor *d)
{
	const unsigned long long enough = 8ull << 20;
	char path[CONF_DIR_MAX + 64], command[CONF_DIR_MAX + 80];
	struct statvfs fs;
	struct stat st;

	if (!d->conf)
		return;
	snprintf(path, sizeof(path), "%s%s", d->world->root, d->conf->state_dir);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
		if (errno == EACCES || !d->patient.runs)
			return;
		snprintf(command, sizeof(command), "mkdir -m 750 %s", d->conf->state_dir);
		found(d, "state", FINDING_WARNING, command,
		      "%s is no directory: what was learned ends with the daemon",
		      d->conf->state_dir);
		return;
	}
	snprintf(command, sizeof(command), "chmod o-w %s", d->conf->state_dir);
	if (st.st_mode & S_IWOTH)
		found(d, "state", FINDING_WARNING, command, "everybody may write to %s",
		      d->conf->state_dir);
	snprintf(command, sizeof(command), "df -h %s", d->conf->state_dir);
	if (statvfs(path, &fs) == 0 && (unsigned long long)fs.f_bavail * fs.f_bsize < enough)
		found(d, "state", FINDING_WARNING, command, "there is hardly any room in %s",
		      d->conf->state_dir);
	else
		found(d, "state", FINDING_OK, NULL, "%s has room", d->conf->state_dir);
}

/* check_socket() - who may put another socket in the place of the daemon's? */
static void check_socket(struct doctor *d)
{
	char dir[CONF_SOCKET_MAX], path[CONF_SOCKET_MAX + 64], command[CONF_SOCKET_MAX + 16];
	struct stat st;
	char *slash;

	if (!d->conf)
		return;
	snprintf(dir, sizeof(dir), "%s", d->conf->control_socket);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	snprintf(path, sizeof(path), "%s%s", d->world->root, dir);
	if (!dir[0] || stat(path, &st) < 0 || !(st.st_mode & S_IWOTH) || (st.st_mode & S_ISVTX))
		return;
	snprintf(command, sizeof(command), "chmod o-w %s", dir);
	found(d, "privileges", FINDING_WARNING, command,
	      "everybody may write to %s and take the place of the control socket there", dir);
}

void check_privileges(struct doctor *d)
{
	if (!d->privileged)
		found(d, "privileges", FINDING_NOTE, "sudo tcpguardctl doctor",
		      "not everything can be seen by this user");
	if (d->patient.pid)
		check_process(d);
	check_user(d);
	check_enabled(d);
	check_state(d);
	check_socket(d);
}

/* ---- firewall rules ---- */

static bool wants_family(const struct conf *c, bool v4)
{
	for (uint32_t i = 0; i < c->guard.n_listens; i++) {
		if (ip_addr_is_v4(&c->guard.listen[i].prefix) == v4)
			return true;
	}
	return false;
}

/* iptables_line() - does @rules have a line with all of @a, @b and @c? */
static bool iptables_line(const char *rules, const char *a, const char *b, const char *c)
{
	for (const char *line = rules; line && *line; line = strchr(line, '\n')) {
		char copy[1024];
		size_t n;

		line += *line == '\n';
		n = strcspn(line, "\n");
		if (n >= sizeof(copy))
			continue;
		memcpy(copy, line, n);
		copy[n] = '\0';
		if (strstr(copy, a) && strstr(copy, b) && strstr(copy, c))
			return true;
	}
	return false;
}

/* Rules of a base chain in front of the jump to ours. */
struct in_front {
	bool jump; /* is it there? */
	unsigned past, drop; /* that take packets past it; that drop them */
	char first[256]; /* of those that take them past it, from the name of the chain on */
};

static bool is_target(const char *target, const char *const names[])
{
	for (; *names; names++) {
		if (strncmp(target, *names, strlen(*names)) == 0)
			return true;
	}
	return false;
}

/* take_rule() - count the rule at @at, of @len bytes. */
static void take_rule(struct in_front *f, const char *at, size_t len)
{
	static const char *const past[] = {"ACCEPT", "NFQUEUE", "RETURN", NULL};
	static const char *const drop[] = {"DROP", NULL};
	const char *target = strstr(at, " -j ");

	if (!target || target >= at + len)
		return;
	target += strlen(" -j ");
	if (is_target(target, drop))
		f->drop++;
	else if (is_target(target, past) && f->past++ == 0)
		snprintf(f->first, sizeof(f->first), "%.*s", (int)(len - strlen("-A ")),
			 at + strlen("-A "));
}

/* before_jump() - what stands in @chain before the jump to @ours. */
static struct in_front before_jump(const char *rules, const char *chain, const char *ours)
{
	char any[32], mine[64];
	struct in_front f = {0};
	const char *at = rules, *jump;

	snprintf(any, sizeof(any), "-A %s ", chain);
	snprintf(mine, sizeof(mine), "-A %s -j %s", chain, ours);
	jump = strstr(rules, mine);
	f.jump = jump != NULL;
	while (jump && (at = strstr(at, any)) && at < jump) {
		size_t len = strcspn(at, "\n");

		take_rule(&f, at, len);
		at += len;
	}
	return f;
}

/* has_rules() - are packets to and from @prefix led to a queue? */
static bool has_rules(const char *rules, const char *prefix, bool nft)
{
	char to[96], from[96];

	snprintf(to, sizeof(to), nft ? " daddr %s " : " -d %s ", prefix);
	snprintf(from, sizeof(from), nft ? " saddr %s " : " -s %s ", prefix);
	if (nft)
		return iptables_line(rules, to, " dport ", " queue ") &&
		       iptables_line(rules, from, " sport ", " queue ");
	return iptables_line(rules, to, "-A " CHAIN_PRE " ", " NFQUEUE ") &&
	       iptables_line(rules, from, "-A TCPGUARD_", " NFQUEUE ");
}

/* missing_listens() - listens of a family that no rule names; the first one's address in @first. */
static unsigned missing_listens(const struct conf *c, const char *rules, bool v4, bool nft,
				char *first)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->guard.n_listens; i++) {
		const struct guard_listen *l = &c->guard.listen[i];
		unsigned plen = v4 ? l->plen - 96u : l->plen;
		char address[IP_ADDR_STRLEN], prefix[IP_ADDR_STRLEN + 20];

		if (ip_addr_is_v4(&l->prefix) != v4 || plen == 0)
			continue;
		ip_addr_format(&l->prefix, address);
		snprintf(prefix, sizeof(prefix), nft && l->plen == 128 ? "%s" : "%s/%u", address,
			 plen);
		if (has_rules(rules, prefix, nft))
			continue;
		if (n++ == 0)
			memcpy(first, address, sizeof(address));
	}
	return n;
}

static void tell_missing(struct doctor *d, unsigned n, const char *first)
{
	if (n)
		found(d, "rules", FINDING_FAULT, "tcpguardctl config reload",
		      "%u listen%s no firewall rule, the first is %s; was the configuration changed?",
		      n, n == 1 ? " has" : "s have", first);
	else
		found(d, "rules", FINDING_OK, NULL, "every listen has its firewall rules");
}

static void check_order(struct doctor *d, const char *tool, const char *chain, const char *ours)
{
	struct in_front f = before_jump(d->output, chain, ours);
	char command[DOCTOR_TEXT_MAX];

	snprintf(command, sizeof(command), "%s -t raw -D %s", tool, f.first);
	if (!f.jump)
		found(d, "rules", FINDING_FAULT, "tcpguardctl config reload",
		      "nothing in %s of the raw table leads to %s (%s)", chain, ours, tool);
	else if (f.past > 0)
		found(d, "rules", FINDING_WARNING, command,
		      "%u rule%s before the guard's own in %s of the raw table (%s) and take%s "
		      "packets past it; this is the first",
		      f.past, f.past == 1 ? " stands" : "s stand", chain, tool,
		      f.past == 1 ? "s" : "");
	else if (f.drop > 0)
		found(d, "rules", FINDING_NOTE, NULL,
		      "%u rule%s in front of the guard's own in %s of the raw table (%s): it never "
		      "sees those packets, which does no harm",
		      f.drop, f.drop == 1 ? " drops packets" : "s drop packets", chain, tool);
	else
		found(d, "rules", FINDING_OK, NULL, "the guard's rules come first in %s (%s)",
		      chain, tool);
}

/* has_host() - is there a listen of this family whose server is this machine? */
static bool has_host(struct doctor *d, bool v4)
{
	const struct conf *c = d->conf;

	for (uint32_t i = 0; i < c->guard.n_listens; i++) {
		if (ip_addr_is_v4(&c->guard.listen[i].prefix) == v4 &&
		    (c->placement == CONF_PLACEMENT_HOST ||
		     (c->placement == CONF_PLACEMENT_AUTO && is_here(d, &c->guard.listen[i]))))
			return true;
	}
	return false;
}

static void check_iptables(struct doctor *d, bool v4, bool legacy)
{
	const char *tool = v4	    ? legacy ? "iptables-legacy" : "iptables"
			   : legacy ? "ip6tables-legacy"
				    : "ip6tables";
	const char *const argv[] = {tool, "-w", "1", "-t", "raw", "-S", NULL};
	char first[IP_ADDR_STRLEN] = "";
	bool host;

	if (!wants_family(d->conf, v4))
		return;
	host = has_host(d, v4);
	if (ask_tool(d, argv) != 0) {
		found(d, "rules", FINDING_NOTE, "sudo tcpguardctl doctor",
		      "the rules of %s cannot be read", tool);
		return;
	}
	check_order(d, tool, "PREROUTING", CHAIN_PRE);
	if (host)
		check_order(d, tool, "OUTPUT", CHAIN_OUT);
	tell_missing(d, missing_listens(d->conf, d->output, v4, false, first), first);
}

static void check_nftables(struct doctor *d)
{
	static const char *const argv[] = {"nft", "list", "table", "inet", "tcpguard", NULL};
	char first[IP_ADDR_STRLEN] = "", error[DOCTOR_TEXT_MAX];
	unsigned n;
	int rc = d->world->tool(d->world->arg, argv, NULL, d->output, DOCTOR_OUTPUT_MAX, error);

	if (rc != 0) {
		found(d, "rules", d->privileged ? FINDING_FAULT : FINDING_NOTE,
		      d->privileged ? "tcpguardctl config reload" : "sudo tcpguardctl doctor",
		      "the table inet tcpguard cannot be read: %s", error);
		return;
	}
	n = missing_listens(d->conf, d->output, true, true, first);
	tell_missing(d, n + missing_listens(d->conf, d->output, false, true, first), first);
}

/* fails_closed() - are there packets that nobody but a daemon lets pass? */
static bool fails_closed(const struct conf *c)
{
	bool closed = c->on_failure == CONF_ON_FAILURE_CLOSED;

	for (uint32_t i = 0; i < c->guard.n_services; i++)
		closed = closed || !conf_fails_open(c, i);
	return closed;
}

/* check_leftovers() - rules without a daemon: it was killed, or they were kept by hand. */
static void check_leftovers(struct doctor *d)
{
	static const char *const ipt[] = {"iptables", "-w", "1", "-t", "raw", "-S", NULL};
	static const char *const nft[] = {"nft", "list", "table", "inet", "tcpguard", NULL};
	bool left = ask_tool(d, ipt) == 0 && strstr(d->output, CHAIN_PRE);
	bool closed = d->conf && fails_closed(d->conf);

	left = left || ask_tool(d, nft) == 0;
	if (left)
		found(d, "rules", closed ? FINDING_FAULT : FINDING_WARNING,
		      "systemctl restart tcpguard",
		      "firewall rules of a tcpguardd that is gone are in force: %s",
		      closed ? "packets of guarded services are dropped until it is back"
			     : "packets pass unguarded");
}

/* check_nat() - the guard answers in the name of an address that the server must have. */
static void check_nat(struct doctor *d)
{
	static const char *const argv[] = {"iptables", "-w", "1", "-t", "nat", "-S", NULL};

	if (ask_tool(d, argv) != 0)
		return;
	for (uint32_t i = 0; i < d->conf->guard.n_listens; i++) {
		char address[IP_ADDR_STRLEN], word[IP_ADDR_STRLEN + 4];

		if (d->conf->guard.listen[i].plen != 128)
			continue;
		ip_addr_format(&d->conf->guard.listen[i].prefix, address);
		snprintf(word, sizeof(word), " %s/", address);
		if (iptables_line(d->output, word, "-A ", "DNAT")) {
			found(d, "rules", FINDING_WARNING, "iptables -t nat -S",
			      "there is NAT for %s, which the guard does not support on the same "
			      "machine",
			      address);
			return;
		}
	}
}

void check_rules(struct doctor *d)
{
	const char *firewall = d->patient.firewall;

	if (!d->patient.runs && !d->patient.refused) {
		check_leftovers(d);
		return;
	}
	if (!d->conf || d->conf->guard.n_listens == 0 || !d->patient.runs)
		return;
	if (strcmp(firewall, "none") == 0) {
		found(d, "rules", FINDING_NOTE, NULL, "firewall = none: rules are not looked at");
	} else if (strcmp(firewall, "nftables") == 0) {
		check_nftables(d);
	} else {
		bool legacy = strcmp(firewall, "iptables-legacy") == 0;

		check_iptables(d, true, legacy);
		check_iptables(d, false, legacy);
	}
	if (d->patient.rules_missing[0])
		found(d, "rules", FINDING_WARNING, "tcpguardctl config reload",
		      "the daemon does not find its rules as they should be: %s",
		      d->patient.rules_missing);
	check_nat(d);
}

/* ---- queues ---- */

struct queue {
	unsigned number, portid, waiting, mode, range;
	unsigned long long queue_dropped, user_dropped;
};

static bool take_queue(const char *line, struct queue *q)
{
	return sscanf(line, "%u %u %u %u %u %llu %llu", &q->number, &q->portid, &q->waiting,
		      &q->mode, &q->range, &q->queue_dropped, &q->user_dropped) == 7;
}

static void check_queue(struct doctor *d, const struct queue *q)
{
	char command[DOCTOR_TEXT_MAX];

	snprintf(command, sizeof(command), "sudoedit %s && systemctl restart tcpguard",
		 d->conf_path);
	if (q->queue_dropped || q->user_dropped)
		found(d, "queues", FINDING_WARNING, command,
		      "queue %u has dropped %llu packets because it was full and %llu that could not "
		      "be handed over, since it was opened; raise \"workers\", or guard fewer services",
		      q->number, q->queue_dropped, q->user_dropped);
	if (q->waiting > QUEUE_FULL)
		found(d, "queues", FINDING_WARNING, command,
		      "%u packets wait in queue %u: the guard does not keep up; raise \"workers\"",
		      q->waiting, q->number);
}

/* ours() - is @number one of those that the configuration takes, QUEUES_EACH for each worker? */
static bool ours(const struct doctor *d, unsigned number, uint32_t workers)
{
	return number >= d->conf->queue && number < d->conf->queue + QUEUES_EACH * workers;
}

void check_queues(struct doctor *d)
{
	uint32_t workers = d->patient.workers ? d->patient.workers : d->conf ? d->conf->workers : 0;
	char text[DOCTOR_FILE_MAX], *line, *rest;
	unsigned n = 0, before = d->found[FINDING_WARNING];
	struct queue q;

	if (!d->conf || world_read(d->world, QUEUES, text, sizeof(text)) < 0)
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!take_queue(line, &q) || !ours(d, q.number, workers))
			continue;
		n++;
		if (d->patient.runs)
			check_queue(d, &q);
	}
	if (!d->patient.runs && !d->patient.refused && n)
		found(d, "queues", FINDING_FAULT, "cat " QUEUES,
		      "queue numbers of the guard are used by another program; set \"queue\" to "
		      "another number");
	else if (d->patient.runs && n < QUEUES_EACH * workers)
		found(d, "queues", FINDING_FAULT, "systemctl restart tcpguard",
		      "%u of the %u queues from number %u on have nobody who serves them",
		      QUEUES_EACH * workers - n, QUEUES_EACH * workers, d->conf->queue);
	else if (d->patient.runs && d->found[FINDING_WARNING] == before)
		found(d, "queues", FINDING_OK, NULL, "%u queues are served, nothing was dropped",
		      n);
}
