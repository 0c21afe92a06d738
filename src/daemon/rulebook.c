/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/rulebook.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/values.h"

#define VERSION 1

/* same_place() - the same prefix of the same service: one of them decides, the other one cannot. */
static bool same_place(const struct rulebook_entry *a, const struct rulebook_entry *b)
{
	return a->plen == b->plen && ip_addr_eq(&a->prefix, &b->prefix) &&
	       strcmp(a->service, b->service) == 0;
}

static struct rulebook_entry *find(struct rulebook *b, const struct rulebook_entry *like,
				   bool from_file)
{
	for (uint32_t i = 0; i < b->n; i++) {
		if (b->entry[i].from_file == from_file && same_place(&b->entry[i], like))
			return &b->entry[i];
	}
	return NULL;
}

static void take_away(struct rulebook *b, struct rulebook_entry *e)
{
	b->slot_used[e->slot] = false;
	*e = b->entry[--b->n];
}

/* add() - a new entry with a slot of its own, or NULL if there is no room. */
static struct rulebook_entry *add(struct rulebook *b, const struct rulebook_entry *rule)
{
	struct rulebook_entry *e;
	uint16_t slot = 0;

	if (b->n == RULES_MAX)
		return NULL;
	while (b->slot_used[slot])
		slot++;
	b->slot_used[slot] = true;
	e = &b->entry[b->n++];
	*e = *rule;
	e->slot = slot;
	e->serial = ++b->serial;
	return e;
}

int rulebook_put(struct rulebook *b, const struct rulebook_entry *rule)
{
	struct rulebook_entry *e = find(b, rule, false);

	if (e && e->allow == rule->allow) { /* only its time changes: it goes on counting */
		e->until_ms = rule->until_ms;
		e->given_here = true;
		return 0;
	}
	if (e)
		take_away(b, e);
	e = add(b, rule);
	if (!e)
		return -ENOSPC;
	e->from_file = false;
	e->given_here = true;
	return 0;
}

int rulebook_remove(struct rulebook *b, const struct rulebook_entry *rule)
{
	struct rulebook_entry *e = find(b, rule, false);

	if (e && e->allow == rule->allow) {
		take_away(b, e);
		return 0;
	}
	e = find(b, rule, true);
	return e && e->allow == rule->allow ? -EPERM : -ENOENT;
}

static struct rulebook_entry of_config(const struct guard_config *c,
				       const struct guard_clients *from)
{
	struct rulebook_entry e = {.prefix = from->prefix,
				   .plen = from->plen,
				   .allow = from->allow,
				   .from_file = true,
				   .until_ms = RULEBOOK_FOR_EVER};

	if (from->service < c->n_services)
		memcpy(e.service, c->service[from->service].name, sizeof(e.service));
	return e;
}

/* is_configured() - does @c have this entry of the file? */
static bool is_configured(const struct guard_config *c, const struct rulebook_entry *e)
{
	for (uint32_t i = 0; i < c->n_clients; i++) {
		struct rulebook_entry one = of_config(c, &c->clients[i]);

		if (one.allow == e->allow && same_place(&one, e))
			return true;
	}
	return false;
}

uint32_t rulebook_configure(struct rulebook *b, const struct guard_config *c)
{
	uint32_t no_room = 0;

	for (uint32_t i = b->n; i-- > 0;) {
		if (b->entry[i].from_file && !is_configured(c, &b->entry[i]))
			take_away(b, &b->entry[i]);
	}
	for (uint32_t i = 0; i < c->n_clients; i++) {
		struct rulebook_entry e = of_config(c, &c->clients[i]);

		if (!find(b, &e, true) && !add(b, &e))
			no_room++;
	}
	return no_room;
}

bool rulebook_expire(struct rulebook *b, int64_t now_ms, struct rulebook_entry *gone)
{
	for (uint32_t i = 0; i < b->n; i++) {
		struct rulebook_entry *e = &b->entry[i];

		if (e->until_ms == RULEBOOK_FOR_EVER || e->until_ms > now_ms)
			continue;
		*gone = *e;
		take_away(b, e);
		return true;
	}
	return false;
}

bool rulebook_shift(struct rulebook *b, int64_t ms)
{
	bool changed = false;

	for (uint32_t i = 0; i < b->n; i++) {
		struct rulebook_entry *e = &b->entry[i];

		if (!e->given_here || e->until_ms == RULEBOOK_FOR_EVER)
			continue;
		e->until_ms += ms;
		if (e->until_ms <= RULEBOOK_FOR_EVER) /* before 1970 */
			e->until_ms = 1;
		changed = true;
	}
	return changed;
}

bool rulebook_hides(const struct rulebook *b, uint32_t i, const struct guard_config *c)
{
	const struct rulebook_entry *e = &b->entry[i];

	if (e->service[0] && guard_config_service(c, e->service) < 0)
		return true;
	return e->from_file && find((struct rulebook *)b, e, false); /* which changes nothing */
}

/* until() - in @left_ms; what the clock cannot count to is for ever. */
static usec_t until(usec_t now, uint64_t left_ms)
{
	return left_ms < (USEC_NEVER - now) / USEC_PER_MSEC ? now + left_ms * USEC_PER_MSEC
							    : USEC_NEVER;
}

static void compile_one(const struct rulebook_entry *e, const struct guard_config *c, usec_t now,
			int64_t now_ms, struct rules *out)
{
	int service = e->service[0] ? guard_config_service(c, e->service) : RULE_ALL_SERVICES;
	struct rule r = {.prefix = e->prefix,
			 .plen = e->plen,
			 .action = e->allow ? RULE_ALLOW : RULE_DENY,
			 .service = (uint16_t)service,
			 .slot = e->slot,
			 .serial = e->serial,
			 .until = USEC_NEVER};

	if (service < 0)
		return;
	if (e->until_ms != RULEBOOK_FOR_EVER) {
		if (e->until_ms <= now_ms)
			return;
		r.until = until(now, (uint64_t)(e->until_ms - now_ms));
	}
	rules_add(out, &r); /* there is room: the table is as large as the book */
}

void rulebook_compile(const struct rulebook *b, const struct guard_config *c, usec_t now,
		      int64_t now_ms, uint64_t key, struct rules *out)
{
	rules_init(out, key);
	for (int by_command = 0; by_command < 2; by_command++) { /* these take the others' places */
		for (uint32_t i = 0; i < b->n; i++) {
			if (b->entry[i].from_file != by_command)
				compile_one(&b->entry[i], c, now, now_ms, out);
		}
	}
}

/* ---- as text ---- */

static json_t *entry_to_json(const struct rulebook_entry *e)
{
	char prefix[CONF_PREFIX_STRLEN];

	return json_pack("{s:s, s:s, s:o, s:o}", "action",
			 rule_action_name(e->allow ? RULE_ALLOW : RULE_DENY), "prefix",
			 conf_prefix_format(&e->prefix, e->plen, prefix, sizeof(prefix)), "service",
			 e->service[0] ? json_string(e->service) : json_null(), "until_ms",
			 e->until_ms ? json_integer(e->until_ms) : json_null());
}

char *rulebook_to_json(const struct rulebook *b, size_t *len)
{
	json_t *list = json_array(), *root = NULL;
	char *text = NULL;

	for (uint32_t i = 0; list && i < b->n; i++) {
		if (!b->entry[i].from_file &&
		    json_array_append_new(list, entry_to_json(&b->entry[i])) != 0)
			goto out;
	}
	root = json_pack("{s:i, s:O}", "version", VERSION, "rules", list);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	*len = text ? strlen(text) : 0;
out:
	json_decref(root);
	json_decref(list);
	return text;
}

/* entry_from_json() - Return: false if it makes no sense. */
static bool entry_from_json(const json_t *row, struct rulebook_entry *e)
{
	const char *action = json_string_value(json_object_get(row, "action"));
	const char *prefix = json_string_value(json_object_get(row, "prefix"));
	const char *service = json_string_value(json_object_get(row, "service"));
	char why[CONF_WHY_MAX];

	memset(e, 0, sizeof(*e));
	if (!action || !prefix || conf_prefix_parse(prefix, &e->prefix, &e->plen, why) != 0)
		return false;
	e->allow = strcmp(action, rule_action_name(RULE_ALLOW)) == 0;
	if (!e->allow && strcmp(action, rule_action_name(RULE_DENY)) != 0)
		return false;
	if (service && (service[0] == '\0' || strlen(service) >= sizeof(e->service)))
		return false;
	if (service)
		strcpy(e->service, service);
	e->until_ms = json_integer_value(json_object_get(row, "until_ms"));
	return e->until_ms >= 0;
}

int rulebook_from_json(struct rulebook *b, const char *text, size_t len, uint32_t *left_out,
		       char *why, size_t why_len)
{
	json_error_t error;
	json_t *root = json_loadb(text, len, 0, &error), *rules;

	*left_out = 0;
	if (!root) {
		snprintf(why, why_len, "line %d: %s", error.line, error.text);
		return -EINVAL;
	}
	rules = json_object_get(root, "rules");
	if (json_integer_value(json_object_get(root, "version")) != VERSION ||
	    !json_is_array(rules)) {
		snprintf(why, why_len, "it is no list of rules of this version");
		json_decref(root);
		return -EINVAL;
	}
	for (size_t i = 0; i < json_array_size(rules); i++) {
		struct rulebook_entry e;

		if (!entry_from_json(json_array_get(rules, i), &e) || rulebook_put(b, &e) != 0)
			++*left_out;
	}
	for (uint32_t i = 0; i < b->n; i++)
		b->entry[i].given_here = false;
	json_decref(root);
	return 0;
}
