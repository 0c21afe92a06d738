/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A struct conf back into text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/schema.h"

struct printer {
	conf_print_fn *print;
	void *arg;
	int depth;
};

static void __attribute__((format(printf, 2, 3))) line(struct printer *p, const char *format, ...)
{
	char text[CONF_LINE_MAX];
	int tabs = p->depth;
	va_list ap;

	memset(text, '\t', (size_t)tabs);
	va_start(ap, format);
	vsnprintf(text + tabs, sizeof(text) - (size_t)tabs, format, ap);
	va_end(ap);
	p->print(p->arg, text);
}

static void show_listens(struct printer *p, const struct guard_config *g, uint32_t service)
{
	char text[CONF_LISTEN_STRLEN];

	line(p, "listen = {");
	p->depth++;
	for (uint32_t i = 0; i < g->n_listens; i++) {
		if (g->listen[i].service == service)
			line(p, "\"%s\",", conf_listen_format(&g->listen[i], text, sizeof(text)));
	}
	p->depth--;
	line(p, "}");
}

/* show_clients() - a list of prefixes; nothing if it is empty, for an empty list is an error. */
static void show_clients(struct printer *p, const struct guard_config *g,
			 const struct conf_option *o, uint16_t service)
{
	char text[CONF_PREFIX_STRLEN];
	bool any = false;

	for (uint32_t i = 0; i < g->n_clients; i++) {
		const struct guard_clients *c = &g->clients[i];

		if (c->service != service || c->allow != (o->min != 0))
			continue;
		if (!any)
			line(p, "%s = {", o->name);
		any = true;
		line(p, "\t\"%s\",", conf_prefix_format(&c->prefix, c->plen, text, sizeof(text)));
	}
	if (any)
		line(p, "}");
}

static void show_section(struct printer *p, const struct conf *c, enum conf_section section,
			 uint32_t service);

static void show_services(struct printer *p, const struct conf *c)
{
	for (uint32_t i = 0; i < c->guard.n_services; i++) {
		line(p, "%s", "");
		line(p, "service \"%s\" {", c->guard.service[i].name);
		show_section(p, c, CONF_SERVICE, i);
		line(p, "}");
	}
}

static void show_option(struct printer *p, const struct conf *c, const struct conf_option *o,
			uint32_t service)
{
	bool of_service = o->section == CONF_SERVICE || o->section == CONF_ATTACK ||
			  o->section == CONF_LIMIT || o->section == CONF_KEEPALIVE;
	const void *base = conf_option_base(o, (struct conf *)c, service); /* only read */
	char text[CONF_LINE_MAX / 2];

	if (!conf_option_is_said(o, base))
		return;
	if (o->offset == offsetof(struct conf, workers) && !of_service && c->workers_auto)
		line(p, "%s = 0 # one for each CPU: %" PRIu32, o->name, c->workers);
	else
		line(p, "%s = %s", o->name, conf_option_show(o, base, text, sizeof(text)));
}

static void show_section(struct printer *p, const struct conf *c, enum conf_section section,
			 uint32_t service)
{
	p->depth += section != CONF_ROOT;
	for (size_t i = 0; i < conf_n_options; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->section != section)
			continue;
		if (o->kind == CONF_KIND_LISTEN) {
			show_listens(p, &c->guard, service);
		} else if (o->kind == CONF_KIND_CLIENTS) {
			show_clients(p, &c->guard, o,
				     section == CONF_ROOT ? UINT16_MAX : (uint16_t)service);
		} else if (o->kind != CONF_KIND_SECTION) {
			show_option(p, c, o, service);
		} else if (o->opens == CONF_SERVICE) {
			show_services(p, c);
		} else {
			line(p, "%s {", o->name);
			show_section(p, c, o->opens, service);
			line(p, "}");
		}
	}
	p->depth -= section != CONF_ROOT;
}

void conf_show(const struct conf *c, conf_print_fn *print, void *arg)
{
	struct printer p = {.print = print, .arg = arg};

	show_section(&p, c, CONF_ROOT, 0);
}
