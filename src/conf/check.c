/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/check.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static uint32_t cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > CONF_WORKERS_MAX ? CONF_WORKERS_MAX : (uint32_t)n;
}

static void check_workers(struct conf *c, const struct conf_places *places,
			  struct conf_errors *errors)
{
	c->workers_auto = c->workers == 0;
	if (c->workers_auto)
		c->workers = cpus();
	c->guard.workers = c->workers;
	if ((uint32_t)c->queue + CONF_WORKER_QUEUES * c->workers - 1 > UINT16_MAX)
		conf_error_add(errors, places->queue,
			       "queue: from %u on there are not three numbers up to 65535 for each "
			       "of %u workers, write at most %u",
			       c->queue, c->workers,
			       UINT16_MAX + 1 - CONF_WORKER_QUEUES * c->workers);
}

static bool name_valid(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char others[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return name[0] != '\0' && strchr(letters, name[0]) != NULL &&
	       strspn(name, others) == strlen(name);
}

static void check_name(const struct conf_scan_result *scan, uint32_t index,
		       struct conf_errors *errors)
{
	const struct conf_scan_service *s = &scan->service[index];

	if (!s->named)
		return; /* reported by conf_scan() */
	if (strlen(s->name) >= GUARD_SERVICE_NAME_MAX)
		conf_error_add(errors, s->line,
			       "the service's name \"%s...\" is too long, use at most %u "
			       "characters",
			       s->name, GUARD_SERVICE_NAME_MAX - 1);
	else if (!name_valid(s->name))
		conf_error_add(errors, s->line,
			       "the service's name \"%s\" must begin with a letter or digit, "
			       "use only letters, digits, and - _ . behind it",
			       s->name);
	for (uint32_t i = 0; i < index; i++) {
		if (scan->service[i].named && strcmp(scan->service[i].name, s->name) == 0) {
			conf_error_add(errors, s->line,
				       "the service \"%s\" is here twice (first on line %d), "
				       "give one of them another name",
				       s->name, scan->service[i].line);
			return;
		}
	}
}

int conf_check_attack(const struct conf *c, const struct guard_service_config *s, char *why)
{
	if (s->attack.end >= s->attack.start)
		snprintf(why, CONF_WHY_MAX,
			 "attack: end = %u is not below start = %u, write end = %u", s->attack.end,
			 s->attack.start, s->attack.start / 2);
	else if (s->attack.start > c->max_half_open)
		snprintf(why, CONF_WHY_MAX,
			 "attack: start = %u can never be reached with max-half-open = %u, "
			 "lower the one or raise the other",
			 s->attack.start, c->max_half_open);
	else
		return 0;
	return -EINVAL;
}

static void check_service(struct conf *c, uint32_t index, const struct conf_places *places,
			  struct conf_errors *errors)
{
	struct guard_service_config *s = &c->guard.service[index];
	char why[CONF_WHY_MAX];
	int line = places->service[index].service;

	if (!places->service[index].listens)
		conf_error_add(errors, line,
			       "the service \"%s\" listens nowhere, add listen = "
			       "{ \"192.0.2.10:80\" } with the server's address",
			       s->name);
	if (places->service[index].start && !places->service[index].end)
		s->attack.end = s->attack.start / 2;
	if (places->service[index].attack != 0)
		line = places->service[index].attack;
	else if (places->max_half_open != 0)
		line = places->max_half_open;
	if (conf_check_attack(c, s, why) != 0)
		conf_error_add(errors, line, "%s", why);
}

/* clash() - would one packet match both, with nothing to tell which is meant? */
static bool clash(const struct guard_listen *a, const struct guard_listen *b)
{
	return a->plen == b->plen && ip_addr_eq(&a->prefix, &b->prefix) &&
	       a->port_low <= b->port_high && b->port_low <= a->port_high;
}

static void check_listens(const struct conf *c, const struct conf_places *places,
			  struct conf_errors *errors)
{
	const struct guard_config *g = &c->guard;
	char text[CONF_LISTEN_STRLEN];

	for (uint32_t i = 1; i < g->n_listens; i++) {
		const struct guard_listen *l = &g->listen[i];
		uint32_t j = 0;

		while (j < i && !clash(&g->listen[j], l))
			j++;
		if (j == i)
			continue;
		conf_listen_format(l, text, sizeof(text));
		if (g->listen[j].service == l->service)
			conf_error_add(errors, places->listen[i],
				       "listen: \"%s\" is guarded already by line %d "
				       "of the same service, remove one of them",
				       text, places->listen[j]);
		else
			conf_error_add(errors, places->listen[i],
				       "listen: \"%s\" is guarded already by the "
				       "service \"%s\" (line %d), remove one of them",
				       text, g->service[g->listen[j].service].name,
				       places->listen[j]);
	}
}

/* check_clients() - the same prefix cannot be in two lists of the same place, whatever they say. */
static void check_clients(const struct conf *c, const struct conf_places *places,
			  struct conf_errors *errors)
{
	const struct guard_config *g = &c->guard;
	char text[CONF_PREFIX_STRLEN];

	for (uint32_t i = 1; i < g->n_clients; i++) {
		const struct guard_clients *a = &g->clients[i];

		for (uint32_t j = 0; j < i; j++) {
			const struct guard_clients *b = &g->clients[j];

			if (a->service != b->service || a->plen != b->plen ||
			    !ip_addr_eq(&a->prefix, &b->prefix))
				continue;
			conf_error_add(errors, places->clients[i],
				       "%s: \"%s\" stands on line %d already, remove one of them",
				       a->allow ? "allow" : "deny",
				       conf_prefix_format(&a->prefix, a->plen, text, sizeof(text)),
				       places->clients[j]);
			break;
		}
	}
}

void conf_check(struct conf *c, const struct conf_scan_result *scan,
		const struct conf_places *places, struct conf_errors *errors)
{
	check_workers(c, places, errors);
	for (uint32_t i = 0; i < c->guard.n_services; i++) {
		check_name(scan, i, errors);
		check_service(c, i, places, errors);
	}
	check_listens(c, places, errors);
	check_clients(c, places, errors);
}
