/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the machine: kernel, sysctls, interfaces. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"

#define QUEUES "/proc/net/netfilter/nfnetlink_queue"

/* nft_queue() - does this kernel have the statement? Only asked, nothing is made. */
static int nft_queue(struct doctor *d, char *error)
{
	static const char probe[] = "table inet tcpguard_probe {\n\tchain probe {\n"
				    "\t\tqueue num 0-1 bypass\n\t}\n}\n";
	static const char *const argv[] = {"nft", "-c", "-f", "-", NULL};

	return d->world->tool(d->world->arg, argv, probe, NULL, 0, error);
}

static bool has_iptables(struct doctor *d)
{
	static const char *const argv[] = {"iptables", "-V", NULL};

	return ask_tool(d, argv) == 0;
}

static void check_nfqueue(struct doctor *d)
{
	char text[DOCTOR_FILE_MAX];
	int rc = world_read(d->world, QUEUES, text, sizeof(text));

	if (rc == -ENOENT)
		found(d, "kernel", FINDING_FAULT, "modprobe nfnetlink_queue",
		      "the kernel has no NFQUEUE, or its module is not loaded");
	else if (rc < 0)
		found(d, "kernel", FINDING_OK, NULL,
		      "NFQUEUE is there; only root may see who uses it");
	else
		found(d, "kernel", FINDING_OK, NULL, "NFQUEUE is there");
}

static void check_firewall(struct doctor *d)
{
	enum conf_firewall choice = d->conf ? d->conf->firewall : CONF_FIREWALL_AUTO;
	char error[DOCTOR_TEXT_MAX] = "";
	bool iptables = has_iptables(d);
	int rc = nft_queue(d, error);

	if (choice == CONF_FIREWALL_NONE)
		found(d, "kernel", FINDING_NOTE, NULL,
		      "firewall = none: rules are yours, see tcpguardd(8)");
	else if (rc == 0 && choice != CONF_FIREWALL_IPTABLES)
		found(d, "kernel", FINDING_OK, NULL, "nftables has its queue statement");
	else if (iptables && choice != CONF_FIREWALL_NFTABLES)
		found(d, "kernel", FINDING_OK, NULL, "iptables is there%s",
		      rc == -ENOENT ? "" : " and will be used instead of nftables");
	else if (choice == CONF_FIREWALL_NFTABLES && rc != -ENOENT && !d->privileged)
		found(d, "kernel", FINDING_NOTE, NULL,
		      "only root can ask whether nftables has its queue statement");
	else if (choice == CONF_FIREWALL_NFTABLES)
		found(d, "kernel", FINDING_FAULT, "modprobe nft_queue",
		      "firewall = nftables, but its queue statement cannot be used: %s", error);
	else
		found(d, "kernel", FINDING_FAULT, "apt-get install nftables iptables",
		      "neither nftables nor iptables can lead packets to the guard: %s", error);
}

/* check_tun() - without it long packets of terminated connections are cut by the guard. */
static void check_tun(struct doctor *d)
{
	char path[4096];

	if (!d->conf || !guard_config_terminates(&d->conf->guard))
		return;
	snprintf(path, sizeof(path), "%s/dev/net/tun", d->world->root);
	if (access(path, F_OK) == 0)
		found(d, "kernel", FINDING_OK, NULL, "TUN devices can be had");
	else
		found(d, "kernel", FINDING_WARNING, "modprobe tun",
		      "there is no /dev/net/tun: long packets of terminated connections are cut by "
		      "the guard itself, which takes fifteen times as much CPU");
}

void check_kernel(struct doctor *d)
{
	check_nfqueue(d);
	check_firewall(d);
	check_tun(d);
}

/* ---- sysctls ---- */

/* sysctl_path() - "net.ipv4.x" as a path. */
static const char *sysctl_path(const char *name, char *path, size_t len)
{
	int n = snprintf(path, len, "/proc/sys/%s", name);

	for (int i = 0; i < n && (size_t)i < len; i++) {
		if (path[i] == '.')
			path[i] = '/';
	}
	return path;
}

static bool sysctl_get(struct doctor *d, const char *name, long long *value)
{
	char path[128];

	return world_number(d->world, sysctl_path(name, path, sizeof(path)), value);
}

/* want() - @name should be @value, else it is a finding of @level. What is not there cannot be wrong. */
static void want(struct doctor *d, const char *name, long long value, enum finding_level level,
		 const char *why)
{
	char command[128];
	long long is;

	if (!sysctl_get(d, name, &is))
		return;
	snprintf(command, sizeof(command), "sysctl -w %s=%lld", name, value);
	if (is == value)
		found(d, "sysctl", FINDING_OK, NULL, "%s is %lld", name, is);
	else
		found(d, "sysctl", level, command, "%s is %lld: %s", name, is, why);
}

/* What the listens ask of this machine. */
struct places {
	bool here, forward4, forward6;
	uint32_t start; /* the largest threshold of a service that is here */
};

static struct places places_of(struct doctor *d)
{
	struct places p = {0};

	for (uint32_t i = 0; d->conf && i < d->conf->guard.n_listens; i++) {
		const struct guard_listen *l = &d->conf->guard.listen[i];
		uint32_t start = d->conf->guard.service[l->service].attack.start;
		bool here = d->conf->placement == CONF_PLACEMENT_HOST ||
			    (d->conf->placement == CONF_PLACEMENT_AUTO && is_here(d, l));

		p.here |= here;
		if (here && start > p.start)
			p.start = start;
		if (!here && ip_addr_is_v4(&l->prefix))
			p.forward4 = true;
		else if (!here)
			p.forward6 = true;
	}
	return p;
}

static void check_backlog(struct doctor *d, uint32_t start)
{
	char command[128];
	long long backlog;

	if (!sysctl_get(d, "net.core.somaxconn", &backlog))
		return;
	snprintf(command, sizeof(command), "sysctl -w net.core.somaxconn=%u", 4 * start);
	if (backlog <= (long long)start)
		found(d, "sysctl", FINDING_WARNING, command,
		      "net.core.somaxconn is %lld: backlogs are full before the guard assumes an "
		      "attack at %u half-open connections; raise it, or lower attack { start }",
		      backlog, start);
	else
		found(d, "sysctl", FINDING_OK, NULL, "net.core.somaxconn is %lld", backlog);
}

static void check_conntrack(struct doctor *d)
{
	long long count, max;

	want(d, "net.netfilter.nf_conntrack_tcp_loose", 1, FINDING_WARNING,
	     "connection tracking takes connections opened by a cookie for invalid");
	if (!sysctl_get(d, "net.netfilter.nf_conntrack_count", &count) ||
	    !sysctl_get(d, "net.netfilter.nf_conntrack_max", &max) || max <= 0)
		return;
	if (count > max - max / 5)
		found(d, "sysctl", FINDING_WARNING,
		      "sysctl -w net.netfilter.nf_conntrack_max=1048576",
		      "connection tracking holds %lld of %lld connections; what does not fit is "
		      "dropped",
		      count, max);
	else
		found(d, "sysctl", FINDING_OK, NULL, "connection tracking holds %lld of %lld",
		      count, max);
}

/* device_of() - "2: eth0@if3: <...>": the name. */
static bool device_of(const char *line, char *name, size_t len)
{
	const char *start = strchr(line, ' ');
	size_t n = start ? strcspn(start + 1, "@: ") : 0;

	if (n == 0 || n >= len)
		return false;
	memcpy(name, start + 1, n);
	name[n] = '\0';
	return true;
}

/* strict_on() - does the reverse path filter drop what comes in by @device from elsewhere? @all: of all.rp_filter */
static bool strict_on(struct doctor *d, const char *device, long long all)
{
	long long own = 0;
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
	world_number(d->world, path, &own);
	return (own > all ? own : all) == 1; /* the larger one counts */
}

static void check_rp_filter(struct doctor *d, const struct places *p)
{
	static const char *const argv[] = {"ip", "-d", "-o", "link", "show", "up", NULL};
	char device[32], first[32] = "", *line, *rest;
	long long all = 0;
	unsigned n = 0;

	if (!sysctl_get(d, "net.ipv4.conf.all.rp_filter", &all))
		return;
	if (p->forward4 && ask_tool(d, argv) == 0) {
		for (line = strtok_r(d->output, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			if (!device_of(line, device, sizeof(device)) || strcmp(device, "lo") == 0 ||
			    !strict_on(d, device, all))
				continue;
			if (n++ == 0)
				memcpy(first, device, sizeof(first));
		}
	}
	if (n > 0)
		found(d, "sysctl", FINDING_NOTE, "sysctl -w net.ipv4.conf.all.rp_filter=2",
		      "rp_filter is 1 on %u interface%s (%s%s): packets must come in by the "
		      "interface that leads back to their source; fine as long as routes are "
		      "symmetric",
		      n, n == 1 ? "" : "s", first, n == 1 ? "" : ", ...");
	else
		found(d, "sysctl", FINDING_OK, NULL, "net.ipv4.conf.all.rp_filter is %lld", all);
}

static void check_syncookies(struct doctor *d)
{
	static const char name[] = "net.ipv4.tcp_syncookies";
	static const char command[] = "sysctl -w net.ipv4.tcp_syncookies=1";
	long long is;

	if (!sysctl_get(d, name, &is))
		return;
	if (is == 1)
		found(d, "sysctl", FINDING_OK, NULL, "%s is 1", name);
	else if (is > 1)
		found(d, "sysctl", FINDING_NOTE, command,
		      "%s is %lld: the server itself answers every SYN with a cookie, also in calm "
		      "times, and forgets what the client offered",
		      name, is);
	else
		found(d, "sysctl", FINDING_NOTE, command,
		      "%s is 0: a second line of defence is missing, should the guard be down",
		      name);
}

void check_sysctls(struct doctor *d)
{
	struct places p = places_of(d);

	if (p.forward4)
		want(d, "net.ipv4.ip_forward", 1, FINDING_FAULT,
		     "this machine does not forward to the servers behind it");
	if (p.forward6)
		want(d, "net.ipv6.conf.all.forwarding", 1, FINDING_FAULT,
		     "this machine does not forward to the servers behind it");
	if (p.here) {
		check_syncookies(d);
		check_backlog(d, p.start);
	}
	check_rp_filter(d, &p);
	check_conntrack(d);
}

/* ---- interfaces ---- */

/* number_after() - the number behind the word @key in @line. */
static long long number_after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* check_jumbo() - packets that are too long to be changed. Return: is the interface fine? */
static bool check_jumbo(struct doctor *d, const char *line, const char *device)
{
	long long gso = number_after(line, " gso_max_size "),
		  gro = number_after(line, " gro_max_size ");
	char command[128];

	if (gso <= 65536 && gro <= 65536)
		return true;
	snprintf(command, sizeof(command),
		 "ip link set dev %s gso_max_size 65536 gro_max_size 65536", device);
	found(d, "offload", FINDING_WARNING, command,
	      "%s makes packets longer than 64 KiB (BIG TCP), which the guard cannot change",
	      device);
	return false;
}

/* check_lro() - packets put together by the card cannot be forwarded again. Return: as above. */
static bool check_lro(struct doctor *d, const char *device)
{
	const char *const argv[] = {"ethtool", "-k", device, NULL};
	char *output = d->output, command[128];
	bool on;

	d->output = malloc(DOCTOR_OUTPUT_MAX);
	if (!d->output) {
		d->output = output;
		return true;
	}
	on = ask_tool(d, argv) == 0 && strstr(d->output, "large-receive-offload: on");
	free(d->output);
	d->output = output;
	if (!on)
		return true;
	snprintf(command, sizeof(command), "ethtool -K %s lro off", device);
	found(d, "offload", FINDING_WARNING, command,
	      "%s puts received packets together (LRO) in a way that cannot be undone on a router",
	      device);
	return false;
}

void check_offloads(struct doctor *d)
{
	static const char *const argv[] = {"ip", "-d", "-o", "link", "show", "up", NULL};
	struct places p = places_of(d);
	unsigned wrong = 0, n = 0;
	char device[32], *rest, *line;

	if (ask_tool(d, argv) != 0) {
		found(d, "offload", FINDING_NOTE, "apt-get install iproute2",
		      "interfaces cannot be looked at: there is no ip(8)");
		return;
	}
	for (line = strtok_r(d->output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!device_of(line, device, sizeof(device)) || strcmp(device, "lo") == 0)
			continue;
		n++;
		wrong += !check_jumbo(d, line, device);
		if (p.forward4 || p.forward6)
			wrong += !check_lro(d, device);
	}
	if (wrong == 0)
		found(d, "offload", FINDING_OK, NULL,
		      "%u interface%s, none with offloads in the way", n, n == 1 ? "" : "s");
}
