/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every option of the file in one table: its name, where it stands, what it takes, and which field it
 * fills. Reading, printing, changing at run time and the suggestions for misspelt names use it.
 */
#ifndef TCPGUARD_CONF_SCHEMA_H
#define TCPGUARD_CONF_SCHEMA_H

#include "conf/conf.h"
#include "conf/values.h"

enum conf_section {
	CONF_ROOT,
	CONF_SERVICE,
	CONF_ATTACK,
	CONF_LIMIT, /* of a service */
	CONF_KEEPALIVE, /* of a service */
	CONF_TERMINATE,
	CONF_TIMEOUTS,
	CONF_COOKIE,
	CONF_SECTION_COUNT
};

enum conf_kind {
	CONF_KIND_SECTION, /* opens @opens */
	CONF_KIND_NUMBER,
	CONF_KIND_MARK, /* a number, printed in hexadecimal */
	CONF_KIND_RATE, /* a number a second */
	CONF_KIND_TIME,
	CONF_KIND_NAME, /* one of @names; @min is the value of the first */
	CONF_KIND_BOOL,
	CONF_KIND_PATH, /* absolute */
	CONF_KIND_TEXT,
	CONF_KIND_LISTEN, /* a list */
	CONF_KIND_CLIENTS, /* a list of prefixes; @min is true if they are allowed */
};

struct conf_option {
	const char *name;
	enum conf_section section; /* where it stands */
	enum conf_kind kind;
	enum conf_section opens;
	bool live; /* conf_set() may change it */
	bool fixed; /* nor does a reload change it */
	bool daemon; /* of a service, and in struct conf_service */
	/* of the field in struct conf, or in struct guard_service_config or conf_service */
	uint32_t offset;
	uint32_t size; /* of the field */
	uint64_t min, max;
	const char *const *names;
	/* refuses a value that has the right form; fills why */
	int (*check)(const void *field, char *why);
};

#define CONF_OPTIONS_MAX 80
extern const struct conf_option conf_options[];
extern const size_t conf_n_options; /* <= CONF_OPTIONS_MAX */

/* conf_option_is_list() - does it take several values? */
static inline bool conf_option_is_list(const struct conf_option *o)
{
	return o->kind == CONF_KIND_LISTEN || o->kind == CONF_KIND_CLIENTS;
}

/* conf_section_name() - the option that opens @section; NULL for the root. */
const char *conf_section_name(enum conf_section section);

/* conf_option_find() - the option called @name in @section, or NULL. */
const struct conf_option *conf_option_find(enum conf_section section, const char *name);

/* conf_option_closest() - the option of @section that @name was probably meant to be, or NULL. */
const struct conf_option *conf_option_closest(enum conf_section section, const char *name);

/* conf_option_elsewhere() - an option called @name in another section, or NULL. */
const struct conf_option *conf_option_elsewhere(enum conf_section section, const char *name);

/* conf_option_base() - the struct that has the field of @o; @service: index, where it is of one. */
void *conf_option_base(const struct conf_option *o, struct conf *c, uint32_t service);

/*
 * conf_option_set() - parse @text into the field of @o (neither a section nor a list).
 * @base: what conf_option_base() says; unchanged after an error.
 * @why: CONF_WHY_MAX bytes.
 */
int conf_option_set(const struct conf_option *o, void *base, const char *text, char *why);

/* conf_option_is_said() - or does it stand for the option of the same name outside? */
bool conf_option_is_said(const struct conf_option *o, const void *base);

/* conf_option_show() - the field's value as the file would have it; @buf of @len bytes. */
const char *conf_option_show(const struct conf_option *o, const void *base, char *buf, size_t len);

#endif
