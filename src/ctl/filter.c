/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/filter.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(TCPS_COUNT <= 32, "a state is a bit of flow_filter.states");
static_assert(FLOW_KIND_COUNT <= 32, "a kind is a bit of flow_filter.kinds");

struct parse {
	struct flow_filter *f;
	const struct guard_config *config;
	char *why;
	size_t why_len;
};

/* parse_list() - @text is words between commas; each is given to @one. */
static int parse_list(struct parse *p, const char *text,
		      int (*one)(struct parse *p, const char *word))
{
	char word[64];
	int error;

	for (;;) {
		size_t n = strcspn(text, ",");

		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		error = one(p, word);
		if (error)
			return error;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

static int one_state(struct parse *p, const char *word)
{
	int state = tcp_state_parse(word);

	if (state < 0) {
		snprintf(
			p->why, p->why_len,
			"unknown state \"%s\"; use one of netstat's, such as SYN_RECV or ESTABLISHED",
			word);
		return -EINVAL;
	}
	p->f->states |= 1u << state;
	return 0;
}

static int one_engine(struct parse *p, const char *word)
{
	size_t len;

	for (unsigned k = 0; k < FLOW_KIND_COUNT; k++) {
		if (strcmp(word, flow_kind_name(k)) == 0) {
			p->f->kinds |= 1u << k;
			return 0;
		}
	}
	len = snprintf(p->why, p->why_len, "unknown engine \"%s\"; use", word);
	for (unsigned k = 0; k < FLOW_KIND_COUNT && len < p->why_len; k++)
		len += snprintf(p->why + len, p->why_len - len, "%s %s", k ? "," : "",
				flow_kind_name(k));
	return -EINVAL;
}

static int parse_states(struct parse *p, const char *value)
{
	return parse_list(p, value, one_state);
}

static int parse_engines(struct parse *p, const char *value)
{
	return parse_list(p, value, one_engine);
}

static int parse_service(struct parse *p, const char *value)
{
	if (guard_config_service(p->config, value) < 0) {
		snprintf(p->why, p->why_len,
			 "there is no service \"%s\"; `services` lists those there are", value);
		return -EINVAL;
	}
	snprintf(p->f->service, sizeof(p->f->service), "%s", value);
	return 0;
}

static int parse_src(struct parse *p, const char *value)
{
	char text[IP_ADDR_STRLEN];
	const char *slash = strchr(value, '/');
	size_t len = slash ? (size_t)(slash - value) : strlen(value);
	unsigned long plen = 0, max;
	char *end = NULL;

	if (len >= sizeof(text))
		goto bad;
	memcpy(text, value, len);
	text[len] = '\0';
	if (ip_addr_parse(&p->f->src, text))
		goto bad;
	max = ip_addr_is_v4(&p->f->src) ? 32 : 128;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			goto bad;
		plen = strtoul(slash + 1, &end, 10);
	}
	if (slash && (*end || plen > max))
		goto bad;
	p->f->src_plen = (slash ? plen : max) + 128 - max;
	p->f->by_src = true;
	return 0;
bad:
	snprintf(p->why, p->why_len,
		 "\"%s\" is no prefix; write it as 192.0.2.0/24 or 2001:db8::/32", value);
	return -EINVAL;
}

static const struct option {
	const char *name;
	int (*parse)(struct parse *p, const char *value);
} options[] = {
	{"--state", parse_states},
	{"--service", parse_service},
	{"--src", parse_src},
	{"--engine", parse_engines},
};

/* find_option() - the option that @word names; *@value is set if it stands behind an "=". */
static const struct option *find_option(const char *word, const char **value)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		size_t len = strlen(options[i].name);

		if (strncmp(word, options[i].name, len) != 0)
			continue;
		if (word[len] == '=')
			*value = word + len + 1;
		if (word[len] == '=' || word[len] == '\0')
			return &options[i];
	}
	return NULL;
}

int flow_filter_parse(struct flow_filter *f, const struct guard_config *config, int n,
		      char *const word[], char *why, size_t why_len)
{
	struct parse p = {f, config, why, why_len};

	memset(f, 0, sizeof(*f));
	for (int i = 0; i < n; i++) {
		const char *value = NULL;
		const struct option *o = find_option(word[i], &value);
		int error;

		if (!o) {
			snprintf(why, why_len,
				 "unknown filter \"%s\"; use --state, --service, --src or --engine",
				 word[i]);
			return -EINVAL;
		}
		if (!value && i + 1 < n)
			value = word[++i];
		if (!value) {
			snprintf(why, why_len, "%s needs a value", o->name);
			return -EINVAL;
		}
		error = o->parse(&p, value);
		if (error)
			return error;
	}
	return 0;
}

enum tcp_state flow_netstat_state(const struct flow_report *r)
{
	return r->client_state == TCPS_CLOSED ? r->server_state : r->client_state;
}

static bool has_state(const struct flow_filter *f, enum tcp_state state)
{
	return f->states == 0 || (f->states >> state & 1);
}

static bool match_rest(const struct flow_filter *f, const struct flow_report *r)
{
	return (f->kinds == 0 || (f->kinds >> r->kind & 1)) &&
	       (!f->service[0] || strcmp(f->service, r->service) == 0) &&
	       (!f->by_src || ip_addr_in_prefix(&r->client, &f->src, f->src_plen));
}

bool flow_filter_match(const struct flow_filter *f, const struct flow_report *r)
{
	return (has_state(f, r->client_state) || has_state(f, r->server_state)) && match_rest(f, r);
}

bool flow_filter_match_netstat(const struct flow_filter *f, const struct flow_report *r)
{
	return has_state(f, flow_netstat_state(r)) && match_rest(f, r);
}

bool flow_filter_match_listen(const struct flow_filter *f, const char *service)
{
	return has_state(f, TCPS_LISTEN) && f->kinds == 0 && !f->by_src &&
	       (!f->service[0] || strcmp(f->service, service) == 0);
}
