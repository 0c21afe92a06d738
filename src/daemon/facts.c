/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_STRLEN (IP_ADDR_STRLEN + sizeof("/128"))
#define ENV_MAX	      32
#define US_PER_MS     ((int64_t)USEC_PER_MSEC)

static const char *prefix_format(const struct heavy_prefix *p, char buf[PREFIX_STRLEN])
{
	char address[IP_ADDR_STRLEN];

	ip_addr_format(&p->prefix, address);
	if (p->plen == 128)
		snprintf(buf, PREFIX_STRLEN, "%s", address);
	else
		snprintf(buf, PREFIX_STRLEN, "%s/%u", address,
			 ip_addr_is_v4(&p->prefix) ? p->plen - 96u : p->plen);
	return buf;
}

/* address_format() - the destination most hit; empty if it is not known. */
static const char *address_format(const struct attack_report *r, char buf[IP_ENDPOINT_STRLEN])
{
	static const struct ip_addr none;

	buf[0] = '\0';
	if (!ip_addr_eq(&r->server, &none))
		ip_endpoint_format(&r->server, r->port, buf);
	return buf;
}

static void write_heavy(struct jw *j, const struct sources_report *s)
{
	char prefix[PREFIX_STRLEN];

	jw_array_begin(j, "heavy");
	for (uint32_t i = 0; i < s->n_heavy && i < SOURCES_HEAVY_MAX; i++) {
		jw_object_begin(j, NULL);
		jw_str(j, "prefix", prefix_format(&s->heavy[i], prefix));
		jw_u64(j, "syns", s->heavy[i].syns);
		jw_u64(j, "completed", s->heavy[i].completed);
		jw_u64(j, "error", s->heavy[i].error);
		jw_object_end(j);
	}
	jw_array_end(j);
}

static void write_sources(struct jw *j, const struct sources_report *s)
{
	char text[FINGERPRINT_TEXT_MAX];

	jw_object_begin(j, "sources");
	jw_u64(j, "syns", s->syns);
	jw_u64(j, "completed", s->completed);
	jw_u64(j, "distinct", s->distinct);
	jw_u64(j, "entropy_permille", s->entropy_permille);
	jw_u64(j, "retransmitted_permille", s->retransmitted_permille);
	jw_str(j, "fingerprint",
	       s->common_permille ? syn_fingerprint_text(&s->common, text, sizeof(text)) : NULL);
	jw_u64(j, "fingerprint_permille", s->common_permille);
	jw_u64(j, "ttl", s->common_ttl);
	jw_u64(j, "ttl_permille", s->common_ttl_permille);
	write_heavy(j, s);
	jw_object_end(j);
}

void facts_write(struct jw *j, const struct attack_facts *f)
{
	const struct attack_report *r = f->report;
	char address[IP_ENDPOINT_STRLEN];

	jw_u64(j, "number", f->number);
	jw_str(j, "service", r->service);
	jw_bool(j, "over", r->over);
	jw_bool(j, "interrupted", false);
	jw_str(j, "class", attack_class_key(r->class));
	jw_str(j, "class_name", attack_class_name(r->class));
	jw_str(j, "class_text", attack_class_text(r->class));
	jw_bool(j, "flood", attack_class_is_flood(r->class));
	jw_str(j, "trigger", detect_cause_key(r->trigger));
	jw_str(j, "trigger_text", detect_cause_text(r->trigger));
	jw_i64(j, "began_ms", f->began_us / US_PER_MS);
	if (f->ended_us)
		jw_i64(j, "ended_ms", f->ended_us / US_PER_MS);
	else
		jw_null(j, "ended_ms");
	jw_i64(j, "duration_ms", f->lasted_us / US_PER_MS);
	jw_u64(j, "peak_rate", r->peak_rate);
	jw_u64(j, "peak_pending", r->peak_pending);
	jw_u64(j, "peak_stray", r->peak_stray);
	jw_u64(j, "syns", r->syns);
	jw_u64(j, "completed", r->completed);
	jw_u64(j, "cookies_valid", r->cookies_valid);
	address_format(r, address);
	jw_str(j, "address", address[0] ? address : NULL);
	jw_str(j, "evidence", r->evidence);
	write_sources(j, &r->sources);
}

/* ---- environment ---- */

struct env {
	char **var;
	int n;
	bool failed;
};

static void __attribute__((format(printf, 2, 3))) put(struct env *e, const char *format, ...)
{
	va_list args;

	if (e->failed || e->n == ENV_MAX)
		return;
	va_start(args, format);
	if (vasprintf(&e->var[e->n], format, args) < 0) {
		e->var[e->n] = NULL;
		e->failed = true;
	} else {
		e->n++;
	}
	va_end(args);
}

/* put_heavy() - the heaviest prefixes, with blanks between them. */
static void put_heavy(struct env *e, const struct sources_report *s)
{
	char list[SOURCES_HEAVY_MAX * (PREFIX_STRLEN + 1)] = "", prefix[PREFIX_STRLEN];
	size_t len = 0;

	for (uint32_t i = 0; i < s->n_heavy && i < SOURCES_HEAVY_MAX; i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? " " : "",
					prefix_format(&s->heavy[i], prefix));
	put(e, "TCPGUARD_HEAVY=%s", list);
}

static void put_all(struct env *e, const struct attack_facts *f, const char *event)
{
	const struct attack_report *r = f->report;
	char address[IP_ENDPOINT_STRLEN], fingerprint[FINGERPRINT_TEXT_MAX] = "";
	const int64_t second = (int64_t)USEC_PER_SEC;

	if (r->sources.common_permille)
		syn_fingerprint_text(&r->sources.common, fingerprint, sizeof(fingerprint));
	put(e, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	put(e, "TCPGUARD_EVENT=%s", event);
	put(e, "TCPGUARD_ATTACK=%" PRIu64, f->number);
	put(e, "TCPGUARD_SERVICE=%s", r->service);
	put(e, "TCPGUARD_CLASS=%s", attack_class_key(r->class));
	put(e, "TCPGUARD_CLASS_NAME=%s", attack_class_name(r->class));
	put(e, "TCPGUARD_FLOOD=%s", attack_class_is_flood(r->class) ? "yes" : "no");
	put(e, "TCPGUARD_TRIGGER=%s", detect_cause_key(r->trigger));
	put(e, "TCPGUARD_BEGAN=%" PRId64, f->began_us / second);
	if (f->ended_us)
		put(e, "TCPGUARD_ENDED=%" PRId64, f->ended_us / second);
	else
		put(e, "TCPGUARD_ENDED=");
	put(e, "TCPGUARD_DURATION=%" PRId64, f->lasted_us / second);
	put(e, "TCPGUARD_PEAK_RATE=%" PRIu32, r->peak_rate);
	put(e, "TCPGUARD_PEAK_PENDING=%" PRIu32, r->peak_pending);
	put(e, "TCPGUARD_PEAK_STRAY=%" PRIu32, r->peak_stray);
	put(e, "TCPGUARD_ADDRESS=%s", address_format(r, address));
	put(e, "TCPGUARD_SOURCES=%" PRIu32, r->sources.distinct);
	put_heavy(e, &r->sources);
	put(e, "TCPGUARD_FINGERPRINT=%s", fingerprint);
	put(e, "TCPGUARD_EVIDENCE=%s", r->evidence);
}

char **facts_env(const struct attack_facts *f, const char *event)
{
	struct env e = {.var = calloc(ENV_MAX + 1, sizeof(char *))};

	if (!e.var)
		return NULL;
	put_all(&e, f, event);
	if (e.failed) {
		facts_env_free(e.var);
		return NULL;
	}
	return e.var;
}

void facts_env_free(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}
