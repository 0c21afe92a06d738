/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of addresses, routes and servers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/values.h"
#include "doctor/doctor.h"

/* next_word() - the word behind @key in @line, into @word. */
static bool next_word(const char *line, const char *key, char *word, size_t len)
{
	const char *at = strstr(line, key);
	size_t n;

	if (!at)
		return false;
	at += strlen(key);
	n = strcspn(at, " \n\\");
	if (n == 0 || n >= len)
		return false;
	memcpy(word, at, n);
	word[n] = '\0';
	return true;
}

bool is_here(struct doctor *d, const struct guard_listen *l)
{
	static const char *const argv[] = {"ip", "-o", "addr", "show", NULL};
	char *line, *rest, word[64];

	if (ask_tool(d, argv) != 0)
		return false;
	for (line = strtok_r(d->output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct ip_addr a;

		if (!next_word(line, " inet ", word, sizeof(word)) &&
		    !next_word(line, " inet6 ", word, sizeof(word)))
			continue;
		word[strcspn(word, "/")] = '\0';
		if (ip_addr_parse(&a, word) == 0 && ip_addr_in_prefix(&a, &l->prefix, l->plen))
			return true;
	}
	return false;
}

struct route {
	bool found, local;
	char device[32], via[64]; /* via: empty if it is a neighbour */
};

static struct route take_route(const char *line)
{
	struct route r = {.found = true, .local = strncmp(line, "local ", 6) == 0};

	next_word(line, " dev ", r.device, sizeof(r.device));
	next_word(line, " via ", r.via, sizeof(r.via));
	return r;
}

static struct route route_to(struct doctor *d, const char *address)
{
	const char *const argv[] = {"ip", "-o", "route", "get", address, NULL};

	if (ask_tool(d, argv) != 0 || d->output[0] == '\0')
		return (struct route){0};
	return take_route(d->output);
}

static struct route default_route(struct doctor *d, bool v4)
{
	const char *const argv[] = {"ip", v4 ? "-4" : "-6", "-o", "route", "show", "default", NULL};

	if (ask_tool(d, argv) != 0 || strncmp(d->output, "default ", 8) != 0)
		return (struct route){0};
	return take_route(d->output);
}

static void check_forwarded(struct doctor *d, const struct guard_listen *l, const char *address)
{
	struct route r = route_to(d, address);
	struct route def = default_route(d, ip_addr_is_v4(&l->prefix));
	char command[DOCTOR_TEXT_MAX];

	snprintf(command, sizeof(command), "ip route get %s", address);
	if (!r.found)
		found(d, "address", FINDING_FAULT, command,
		      "%s is no address of this machine, and there is no route to it", address);
	else if (def.found && r.via[0] && strcmp(r.via, def.via) == 0 &&
		 strcmp(r.device, def.device) == 0)
		found(d, "address", FINDING_WARNING, command,
		      "%s is no address of this machine, and the route to it is the default route: "
		      "is that server really behind this machine?",
		      address);
	else if (def.found && strcmp(r.device, def.device) == 0)
		found(d, "route", FINDING_WARNING, command,
		      "%s is reached by %s, as the default route is: clients and server share an "
		      "interface, so forged answers cannot be told apart, and the server's answers "
		      "may bypass this machine",
		      address, r.device);
	else
		found(d, "address", FINDING_OK, NULL, "%s is behind %s", address, r.device);
}

/* first_of_its_prefix() - a prefix with many port ranges is looked at once. */
static bool first_of_its_prefix(const struct guard_config *g, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++) {
		if (g->listen[k].plen == g->listen[i].plen &&
		    ip_addr_eq(&g->listen[k].prefix, &g->listen[i].prefix))
			return false;
	}
	return true;
}

void check_addresses(struct doctor *d)
{
	for (uint32_t i = 0; d->conf && i < d->conf->guard.n_listens; i++) {
		const struct guard_listen *l = &d->conf->guard.listen[i];
		char address[IP_ADDR_STRLEN];

		ip_addr_format(&l->prefix, address);
		if (!first_of_its_prefix(&d->conf->guard, i))
			continue;
		if (is_here(d, l)) {
			if (d->conf->placement == CONF_PLACEMENT_GATEWAY)
				found(d, "address", FINDING_WARNING, "tcpguardctl config show",
				      "%s is an address of this machine, but placement = gateway",
				      address);
			else
				found(d, "address", FINDING_OK, NULL,
				      "%s is an address of this machine", address);
		} else if (d->conf->placement == CONF_PLACEMENT_HOST) {
			found(d, "address", FINDING_WARNING, "ip addr show",
			      "placement = host, but %s is no address of this machine", address);
		} else {
			check_forwarded(d, l, address);
		}
	}
}

/* ---- servers ---- */

static void check_backend(struct doctor *d, const struct guard_listen *l)
{
	char server[IP_ENDPOINT_STRLEN], address[IP_ADDR_STRLEN], command[DOCTOR_TEXT_MAX];
	int rc = d->world->reach(d->world->arg, &l->prefix, l->port_low);

	ip_endpoint_format(&l->prefix, l->port_low, server);
	ip_addr_format(&l->prefix, address);
	if (rc == 0) {
		found(d, "backend", FINDING_OK, NULL, "%s answers", server);
	} else if (rc == -ECONNREFUSED) {
		snprintf(command, sizeof(command), "ss -ltn 'sport = :%u'", l->port_low);
		found(d, "backend", FINDING_WARNING, command, "nothing listens on %s", server);
	} else {
		snprintf(command, sizeof(command), "ip route get %s", address);
		found(d, "backend", FINDING_WARNING, command, "%s cannot be reached: %s", server,
		      rc == -ETIMEDOUT ? "no answer" : strerror(-rc));
	}
}

void check_backends(struct doctor *d)
{
	unsigned tried = 0, left_out = 0;

	for (uint32_t i = 0; d->conf && i < d->conf->guard.n_listens; i++) {
		const struct guard_listen *l = &d->conf->guard.listen[i];

		if (l->plen != 128 || tried == DOCTOR_BACKENDS) {
			left_out++;
			continue;
		}
		tried++;
		check_backend(d, l);
	}
	if (left_out)
		found(d, "backend", FINDING_NOTE, "tcpguardctl backends",
		      "%u listen%s not tried: prefixes, and more than %d servers", left_out,
		      left_out == 1 ? " was" : "s were", DOCTOR_BACKENDS);
}
