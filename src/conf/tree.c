/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/tree.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/schema.h"

/* What libconfuse keeps for us of each value: its text and its line. */
struct raw {
	int line;
	char text[];
};

struct reader {
	const struct conf_scan_result *scan;
	struct conf *conf;
	struct conf_places *places;
	struct conf_errors *errors;
	bool listens_full, clients_full; /* too many of them: reported already */
};

/* libconfuse hands no argument through to its error function, and its scanner is global anyway. */
static struct conf_errors *current_errors;

static void on_error(cfg_t *cfg, const char *format, va_list ap)
{
	char text[CONF_WHY_MAX];

	vsnprintf(text, sizeof(text), format, ap);
	conf_error_add(current_errors, cfg != NULL ? cfg->line : 0, "%s, correct the syntax", text);
}

static int parse_raw(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t n = strlen(value) + 1;
	struct raw *raw = malloc(sizeof(*raw) + n);

	if (raw == NULL)
		return -1;
	raw->line = cfg->line;
	memcpy(raw->text, value, n);
	*(void **)result = raw;
	return 0;
}

/* build() - libconfuse's form of the options of @section; @sub has those of the sections below. */
static void build(enum conf_section section, cfg_opt_t opts[CONF_OPTIONS_MAX + 1],
		  cfg_opt_t sub[][CONF_OPTIONS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < conf_n_options; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->section != section)
			continue;
		if (o->kind == CONF_KIND_SECTION)
			opts[n++] = (cfg_opt_t)CFG_SEC(
				o->name, sub[o->opens],
				o->opens == CONF_SERVICE ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE);
		else if (conf_option_is_list(o))
			opts[n++] = (cfg_opt_t)CFG_PTR_LIST_CB(o->name, NULL, CFGF_NODEFAULT,
							       parse_raw, free);
		else
			opts[n++] = (cfg_opt_t)CFG_PTR_CB(o->name, NULL, CFGF_NODEFAULT, parse_raw,
							  free);
	}
	opts[n] = (cfg_opt_t)CFG_END();
}

static cfg_t *make_cfg(void)
{
	cfg_opt_t opts[CONF_SECTION_COUNT][CONF_OPTIONS_MAX + 1];
	cfg_t *cfg;

	/* from the leaves up, since cfg_init() copies what it is given */
	for (int s = CONF_SECTION_COUNT - 1; s >= 0; s--)
		build(s, opts[s], opts);
	cfg = cfg_init(opts[CONF_ROOT], CFGF_NONE);
	if (cfg != NULL)
		cfg_set_error_function(cfg, on_error);
	return cfg;
}

static int parse_text(cfg_t *cfg, const struct conf_scan_result *scan, struct conf_errors *errors)
{
	FILE *in;
	int ret;

	if (scan->len == 0)
		return 0;
	in = fmemopen(scan->text, scan->len, "r");
	if (in == NULL)
		return -ENOMEM;
	current_errors = errors;
	ret = cfg_parse_fp(cfg, in);
	current_errors = NULL;
	fclose(in);
	if (ret == CFG_SUCCESS)
		return 0;
	if (errors->n == 0)
		conf_error_add(errors, cfg->line,
			       "the file cannot be understood, correct the syntax");
	return -EINVAL;
}

/* raw_of() - the value of an option that takes one, or NULL. */
static const struct raw *raw_of(cfg_t *cfg, const char *name)
{
	cfg_opt_t *opt = cfg_getopt(cfg, name);

	return opt != NULL && cfg_opt_size(opt) > 0 ? cfg_opt_getnptr(opt, 0) : NULL;
}

/* read_values() - all options of @section that take one value; @service: index, where it has one. */
static void read_values(struct reader *r, cfg_t *cfg, enum conf_section section, uint32_t service)
{
	char why[CONF_WHY_MAX];

	for (size_t i = 0; i < conf_n_options; i++) {
		const struct conf_option *o = &conf_options[i];
		const struct raw *raw;

		if (o->section != section || o->kind == CONF_KIND_SECTION || conf_option_is_list(o))
			continue;
		raw = raw_of(cfg, o->name);
		if (raw != NULL &&
		    conf_option_set(o, conf_option_base(o, r->conf, service), raw->text, why) != 0)
			conf_error_add(r->errors, raw->line, "%s: %s", o->name, why);
	}
}

/* line_of() - where an option was given; 0 if it was not. */
static int line_of(cfg_t *cfg, const char *name)
{
	const struct raw *raw = raw_of(cfg, name);

	return raw != NULL ? raw->line : 0;
}

/* read_listen() - one element of a listen list. */
static void read_listen(struct reader *r, uint32_t service, const struct raw *raw)
{
	struct guard_config *g = &r->conf->guard;
	struct guard_listen *l = &g->listen[g->n_listens];
	char why[CONF_WHY_MAX];
	int n;

	if (strcmp(raw->text, CONF_SCAN_REPORTED) == 0 || r->listens_full)
		return;
	n = conf_listen_parse(raw->text, l, GUARD_LISTENS_MAX - g->n_listens, why);
	if (n < 0) {
		conf_error_add(r->errors, raw->line, "listen: %s", why);
		r->listens_full = n == -ENOSPC;
		return;
	}
	for (int i = 0; i < n; i++) {
		l[i].service = (uint16_t)service;
		r->places->listen[g->n_listens++] = raw->line;
	}
}

/* read_client() - one element of a list of allowed or denied clients. */
static void read_client(struct reader *r, const struct conf_option *o, uint16_t service,
			const struct raw *raw)
{
	struct guard_config *g = &r->conf->guard;
	struct guard_clients c = {.allow = o->min, .service = service};
	char why[CONF_WHY_MAX];

	if (strcmp(raw->text, CONF_SCAN_REPORTED) == 0 || r->clients_full)
		return;
	if (conf_prefix_parse(raw->text, &c.prefix, &c.plen, why) != 0) {
		conf_error_add(r->errors, raw->line, "%s: %s", o->name, why);
		return;
	}
	if (g->n_clients == GUARD_CLIENTS_MAX) {
		conf_error_add(r->errors, raw->line,
			       "%s: too many prefixes, there may be %u in the file: use shorter "
			       "ones, or tcpguardctl %s",
			       o->name, GUARD_CLIENTS_MAX, o->name);
		r->clients_full = true;
		return;
	}
	r->places->clients[g->n_clients] = raw->line;
	g->clients[g->n_clients++] = c;
}

/* read_clients() - the lists of a service, or of the file: UINT16_MAX. */
static void read_clients(struct reader *r, cfg_t *cfg, enum conf_section section, uint16_t service)
{
	for (size_t i = 0; i < conf_n_options; i++) {
		const struct conf_option *o = &conf_options[i];
		cfg_opt_t *list;

		if (o->section != section || o->kind != CONF_KIND_CLIENTS)
			continue;
		list = cfg_getopt(cfg, o->name);
		for (unsigned k = 0; k < cfg_opt_size(list); k++)
			read_client(r, o, service, cfg_opt_getnptr(list, k));
	}
}

static void read_service(struct reader *r, cfg_t *cfg, uint32_t index)
{
	const struct conf_scan_service *from = &r->scan->service[index];
	struct guard_service_config *s = &r->conf->guard.service[index];
	cfg_opt_t *listen = cfg_getopt(cfg, "listen");
	cfg_t *attack = cfg_getsec(cfg, "attack");

	guard_service_config_defaults(s);
	memcpy(s->name, from->name, sizeof(s->name) - 1);
	r->places->service[index].service = from->line;
	r->places->service[index].listens = from->listen;
	read_values(r, cfg, CONF_SERVICE, index);
	for (unsigned i = 0; i < cfg_opt_size(listen); i++)
		read_listen(r, index, cfg_opt_getnptr(listen, i));
	read_clients(r, cfg, CONF_SERVICE, (uint16_t)index);
	if (cfg_getsec(cfg, "limit") != NULL)
		read_values(r, cfg_getsec(cfg, "limit"), CONF_LIMIT, index);
	if (cfg_getsec(cfg, "keepalive") != NULL)
		read_values(r, cfg_getsec(cfg, "keepalive"), CONF_KEEPALIVE, index);
	if (attack != NULL) {
		int start = line_of(attack, "start"), end = line_of(attack, "end");

		read_values(r, attack, CONF_ATTACK, index);
		r->places->service[index].start = start != 0;
		r->places->service[index].end = end != 0;
		r->places->service[index].attack = start > end ? start : end;
	}
}

static void read_root(struct reader *r, cfg_t *cfg)
{
	cfg_t *timeouts = cfg_getsec(cfg, "timeouts"), *cookie = cfg_getsec(cfg, "cookie");

	r->places->workers = line_of(cfg, "workers");
	r->places->queue = line_of(cfg, "queue");
	r->places->max_half_open = line_of(cfg, "max-half-open");
	read_values(r, cfg, CONF_ROOT, 0);
	if (timeouts != NULL)
		read_values(r, timeouts, CONF_TIMEOUTS, 0);
	if (cookie != NULL)
		read_values(r, cookie, CONF_COOKIE, 0);
	if (cfg_getsec(cfg, "terminate") != NULL)
		read_values(r, cfg_getsec(cfg, "terminate"), CONF_TERMINATE, 0);
	read_clients(r, cfg, CONF_ROOT, UINT16_MAX);
	r->conf->guard.n_services = r->scan->n_services;
	for (unsigned i = 0; i < cfg_size(cfg, "service"); i++) {
		cfg_t *service = cfg_getnsec(cfg, "service", i);
		unsigned long index = strtoul(cfg_title(service), NULL, 10);

		if (index < r->scan->n_services)
			read_service(r, service, (uint32_t)index);
	}
}

int conf_tree_read(const struct conf_scan_result *scan, struct conf *c, struct conf_places *places,
		   struct conf_errors *errors)
{
	struct reader r = {.scan = scan, .conf = c, .places = places, .errors = errors};
	cfg_t *cfg = make_cfg();
	int ret;

	if (cfg == NULL)
		return -ENOMEM;
	ret = parse_text(cfg, scan, errors);
	if (ret != -ENOMEM)
		read_root(&r, cfg);
	cfg_free(cfg);
	return ret;
}
