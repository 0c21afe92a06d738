/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing one option of a configuration that is in force. */
#include <errno.h>
#include <stdio.h>

#include "conf/check.h"
#include "conf/schema.h"

/* What a key names: an option, and the service it is of. */
struct target {
	const struct conf_option *option; /* NULL: no such option */
	struct guard_service_config *service; /* NULL: a global option */
};

/* find_in() - "NAME" in @section, or "SECTION.NAME" in one that it opens. */
static const struct conf_option *find_in(enum conf_section section, const char *key)
{
	const char *dot = strchr(key, '.');
	const struct conf_option *o;
	char name[32];

	if (dot == NULL)
		return conf_option_find(section, key);
	snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
	o = conf_option_find(section, name);
	if (o == NULL || o->kind != CONF_KIND_SECTION || o->opens == CONF_SERVICE)
		return NULL;
	return conf_option_find(o->opens, dot + 1);
}

/* find() - a service's name may have dots in it, so each one is tried. */
static struct target find(struct conf *c, const char *key)
{
	struct target t = {.option = find_in(CONF_ROOT, key)};

	for (uint32_t i = 0; i < c->guard.n_services && t.option == NULL; i++) {
		struct guard_service_config *s = &c->guard.service[i];
		size_t n = strlen(s->name);

		if (strncmp(key, s->name, n) != 0 || key[n] != '.')
			continue;
		t.option = find_in(CONF_SERVICE, key + n + 1);
		t.service = t.option != NULL ? s : NULL;
	}
	return t;
}

/* try() - set it and see whether the whole still makes sense; undo if not. */
static int try(struct conf *c, const struct target *t, const char *value, char *why)
{
	struct guard_service_config before;
	int ret;

	if (t->service == NULL)
		return conf_option_set(t->option, c, value, why);
	before = *t->service;
	ret = conf_option_set(t->option, t->service, value, why);
	if (ret == 0)
		ret = conf_check_attack(c, t->service, why);
	if (ret != 0)
		*t->service = before;
	return ret;
}

int conf_set(struct conf *c, const char *key, const char *value, char *why, size_t why_len)
{
	struct target t = find(c, key);
	char reason[CONF_WHY_MAX];
	int ret;

	if (t.option == NULL) {
		snprintf(why, why_len, "there is no option \"%.*s\", see tcpguard.conf(5)",
			 CONF_QUOTE_MAX, key);
		return -ENOENT;
	}
	if (!t.option->live) {
		snprintf(why, why_len,
			 "\"%s\" cannot be set while the daemon runs, edit the file and %s",
			 t.option->name,
			 t.option->fixed ? "restart tcpguardd" : "reload it: config reload");
		return -EPERM;
	}
	ret = try(c, &t, value, reason);
	if (ret != 0)
		snprintf(why, why_len, "%s", reason);
	return ret;
}
