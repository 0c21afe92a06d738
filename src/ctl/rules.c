/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules, deny, undeny, allow, unallow: the lists of clients. */
#include "ctl/commands.h"

#include <stdio.h>
#include <string.h>

#define CHUNK 256 /* rows of one step */

struct rules_dump {
	bool collected;
	int n, next;
	struct ctl_rule row[RULES_MAX];
};

const size_t ctl_rules_state_bytes = sizeof(struct rules_dump);

static const char *format_prefix(const struct ctl_rule *rule, char *buf, size_t len)
{
	char addr[IP_ADDR_STRLEN];

	ip_addr_format(&rule->prefix, addr);
	if (rule->plen == 128)
		snprintf(buf, len, "%s", addr);
	else
		snprintf(buf, len, "%s/%u", addr,
			 ip_addr_is_v4(&rule->prefix) ? rule->plen - 96u : rule->plen);
	return buf;
}

static void write_rule(struct jw *j, const struct ctl_rule *rule)
{
	char prefix[IP_ADDR_STRLEN + 8];

	jw_row_begin(j);
	jw_str(j, "action", rule_action_name(rule->allow ? RULE_ALLOW : RULE_DENY));
	jw_str(j, "prefix", format_prefix(rule, prefix, sizeof(prefix)));
	jw_str(j, "service", rule->service[0] ? rule->service : NULL);
	jw_str(j, "from", rule->from_file ? "file" : "command");
	jw_bool(j, "active", rule->active);
	if (rule->until_ms) {
		jw_i64(j, "until_ms", rule->until_ms);
		jw_i64(j, "left_ms", rule->left_ms);
	} else {
		jw_null(j, "until_ms");
		jw_null(j, "left_ms");
	}
	jw_u64(j, "packets", rule->packets);
	if (rule->in_kernel)
		jw_u64(j, "packets_kernel", rule->packets_kernel);
	else
		jw_null(j, "packets_kernel");
	jw_row_end(j);
}

enum step ctl_rules(struct request *r)
{
	struct rules_dump *d = r->state;
	char why[400] = "";

	if (!d->collected) {
		d->n = r->ops->rules(r->ops->ctx, d->row, why, sizeof(why));
		if (d->n < 0)
			return request_fail(r, "%s", why);
		d->collected = true;
	}
	for (int i = 0; i < CHUNK && d->next < d->n; i++)
		write_rule(&r->out, &d->row[d->next++]);
	return d->next < d->n ? STEP_MORE : STEP_DONE;
}

/* take_words() - the pairs of words behind the prefix. Return: are they right? */
static bool take_words(const struct request *r, struct ctl_rule_change *c)
{
	int n = request_n_args(r);

	if (n % 2 == 0)
		return false;
	for (int i = 1; i < n; i += 2) {
		const char *word = request_arg(r, i), *value = request_arg(r, i + 1);

		if (strcmp(word, "for") == 0 && !c->duration && !c->remove)
			c->duration = value;
		else if (strcmp(word, "service") == 0 && !c->service)
			c->service = value;
		else
			return false;
	}
	return true;
}

/*
 * take_service() - by its name, whatever it was called: a rule holds for the service, not for the address
 * by which somebody knows it. One that is gone may still have rules to take away.
 */
static bool take_service(struct request *r, struct ctl_rule_change *c)
{
	int index = c->service ? request_service(r, c->service) : -1;

	if (index >= 0)
		c->service = r->ops->config(r->ops->ctx)->service[index].name;
	return index >= 0 || !c->service || c->remove;
}

enum step ctl_rule_change(struct request *r)
{
	const char *name = r->command->name;
	struct ctl_rule_change c = {
		.remove = strncmp(name, "un", 2) == 0,
		.allow = strstr(name, "allow") != NULL,
		.prefix = request_arg(r, 0),
	};
	char why[400] = "";
	int rc;

	if (!take_words(r, &c))
		return request_fail(r, "usage: %s %s", name, r->command->args);
	if (!take_service(r, &c))
		return STEP_FAILED;
	rc = r->ops->rule_change(r->ops->ctx, &c, why, sizeof(why));
	if (rc < 0)
		return request_fail(r, "%s", why);
	if (rc > 0) {
		jw_row_begin(&r->out);
		jw_str(&r->out, "warning", why);
		jw_row_end(&r->out);
	}
	return STEP_DONE;
}
