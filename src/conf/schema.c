/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/schema.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static const char *const mode_names[] = {"off", "monitor", "adaptive", "always", NULL};
static const char *const engine_names[] = {"relay", "terminate", NULL};
static const char *const fragments_names[] = {"pass", "drop", NULL};
static const char *const placement_names[] = {"auto", "gateway", "host", NULL};
static const char *const firewall_names[] = {"auto", "nftables", "iptables", "none", NULL};
static const char *const on_failure_names[] = {"open", "closed", NULL};
static const char *const log_names[] = {"err", "warning", "notice", "info", "debug", NULL};
static const char *const log_target_names[] = {"auto", "journal", "stderr", NULL};

static const char *const limit_names[] = {"off", "attack", "always", NULL};

_Static_assert(ARRAY_SIZE(limit_names) == GUARD_LIMIT_COUNT + 1, "a limit lacks its name");
_Static_assert(ARRAY_SIZE(mode_names) == GUARD_MODE_COUNT + 1, "a mode lacks its name");
_Static_assert(ARRAY_SIZE(engine_names) == GUARD_ENGINE_COUNT + 1, "an engine lacks its name");
_Static_assert(ARRAY_SIZE(fragments_names) == GUARD_FRAGMENTS_COUNT + 1, "a policy lacks its name");
_Static_assert(sizeof(enum guard_mode) == sizeof(uint32_t), "enums are stored as 32 bits");

static int __attribute__((format(printf, 2, 3))) refuse(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, CONF_WHY_MAX, format, ap);
	va_end(ap);
	return -EINVAL;
}

static int check_metrics(const void *field, char *why)
{
	struct ip_addr addr;
	uint16_t port;

	return strcmp(field, "off") == 0 ? 0 : conf_endpoint_parse(field, &addr, &port, why);
}

static int check_group(const void *field, char *why)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *name = field;

	if (name[0] == '-' || strspn(name, allowed) != strlen(name))
		return refuse(why, "\"%s\" is not the name of a group, write one like adm", name);
	if (name[0] != '\0' && getgrnam(name) == NULL)
		return refuse(why, "there is no group \"%s\", create it or name another", name);
	return 0;
}

/* check_command() - the file itself may come later: a command that cannot be run is an event. */
static int check_command(const void *field, char *why)
{
	const char *text = field;
	unsigned words = 0;

	if (strcmp(text, "off") == 0)
		return 0;
	if (text[0] != '/')
		return refuse(why,
			      "\"%.*s\" does not begin with the path of a file, write one like "
			      "\"/usr/local/sbin/on-attack\", or off",
			      CONF_QUOTE_MAX, text);
	for (const char *p = text; *p != '\0'; p += strspn(p, " ")) {
		words++;
		p += strcspn(p, " ");
	}
	if (words > CONF_COMMAND_WORDS_MAX)
		return refuse(why, "the command has more than %d words, put them into a script",
			      CONF_COMMAND_WORDS_MAX);
	return 0;
}

/* check_service_command() - of one service: empty for the global one. */
static int check_service_command(const void *field, char *why)
{
	return *(const char *)field == '\0' ? 0 : check_command(field, why);
}

#define NAME(text, where)   .name = text, .section = where
#define SECTION(what)	    .kind = CONF_KIND_SECTION, .opens = what
#define FIELD(of, f)	    .offset = offsetof(struct of, f), .size = sizeof(((struct of *)0)->f)
#define GLOBAL(f)	    FIELD(conf, f)
#define SERVICE(f)	    FIELD(guard_service_config, f)
#define DAEMON(f)	    FIELD(conf_service, f), .daemon = true
#define NUMBER(least, most) .kind = CONF_KIND_NUMBER, .min = least, .max = most
#define RATE(least, most)   .kind = CONF_KIND_RATE, .min = least, .max = most
#define TIME(least, most)   .kind = CONF_KIND_TIME, .min = least, .max = most
#define ONE_OF(list)	    .kind = CONF_KIND_NAME, .names = list
#define LIVE		    .live = true
#define FIXED		    .fixed = true

#define MSECS(n) ((n)*USEC_PER_MSEC)
#define SECS(n)	 ((n)*USEC_PER_SEC)
#define DAYS(n)	 SECS((n)*86400)

/* What a guard's pools may hold (core/guard.h); the least is enough for each of the workers. */
#define POOL_MIN (16 * CONF_WORKERS_MAX)
#define POOL_MAX 16777214

/* Enough for some connections of each of the workers; what their chunks can number. */
#define TERMINATE_MEMORY_MIN (CONF_WORKERS_MAX << 20)
#define TERMINATE_MEMORY_MAX (64ULL << 30)

/* In the order of conf_show(). */
const struct conf_option conf_options[] = {
	{NAME("control-socket", CONF_ROOT), .kind = CONF_KIND_PATH, GLOBAL(control_socket), FIXED},
	{NAME("control-group", CONF_ROOT), .kind = CONF_KIND_TEXT, GLOBAL(control_group),
	 .check = check_group, FIXED},
	{NAME("state-dir", CONF_ROOT), .kind = CONF_KIND_PATH, GLOBAL(state_dir), FIXED},
	{NAME("log", CONF_ROOT), ONE_OF(log_names), .min = LOG_ERR, GLOBAL(log_level), LIVE},
	{NAME("log-target", CONF_ROOT), ONE_OF(log_target_names), GLOBAL(log_target)},
	{NAME("metrics", CONF_ROOT), .kind = CONF_KIND_TEXT, GLOBAL(metrics),
	 .check = check_metrics},
	{NAME("on-attack", CONF_ROOT), .kind = CONF_KIND_TEXT, GLOBAL(on_attack),
	 .check = check_command},
	{NAME("on-attack-timeout", CONF_ROOT), TIME(MSECS(100), SECS(300)),
	 GLOBAL(on_attack_timeout), LIVE},
	{NAME("workers", CONF_ROOT), NUMBER(0, CONF_WORKERS_MAX), GLOBAL(workers), FIXED},
	{NAME("queue", CONF_ROOT), NUMBER(0, UINT16_MAX), GLOBAL(queue), FIXED},
	{NAME("placement", CONF_ROOT), ONE_OF(placement_names), GLOBAL(placement)},
	{NAME("firewall", CONF_ROOT), ONE_OF(firewall_names), GLOBAL(firewall)},
	{NAME("anti-spoof", CONF_ROOT), .kind = CONF_KIND_BOOL, GLOBAL(anti_spoof)},
	{NAME("repair-rules", CONF_ROOT), .kind = CONF_KIND_BOOL, GLOBAL(repair_rules), LIVE},
	{NAME("kernel-set", CONF_ROOT), .kind = CONF_KIND_BOOL, GLOBAL(kernel_set)},
	{NAME("mark", CONF_ROOT), .kind = CONF_KIND_MARK, .min = 1, .max = UINT32_MAX, GLOBAL(mark),
	 FIXED},
	{NAME("on-failure", CONF_ROOT), ONE_OF(on_failure_names), GLOBAL(on_failure)},
	{NAME("max-flows", CONF_ROOT), NUMBER(POOL_MIN, POOL_MAX), GLOBAL(max_flows), FIXED},
	{NAME("max-half-open", CONF_ROOT), NUMBER(POOL_MIN, POOL_MAX), GLOBAL(max_half_open),
	 FIXED},
	{NAME("fragments", CONF_ROOT), ONE_OF(fragments_names), GLOBAL(guard.fragments), LIVE},
	{NAME("msl", CONF_ROOT), TIME(MSECS(10), SECS(600)), GLOBAL(guard.msl), LIVE},

	{NAME("allow", CONF_ROOT), .kind = CONF_KIND_CLIENTS, .min = true},
	{NAME("deny", CONF_ROOT), .kind = CONF_KIND_CLIENTS, .min = false},

	{NAME("cookie", CONF_ROOT), SECTION(CONF_COOKIE)},
	{NAME("rotate", CONF_COOKIE), TIME(SECS(5), SECS(300)), GLOBAL(guard.cookie_rotate), LIVE},

	{NAME("timeouts", CONF_ROOT), SECTION(CONF_TIMEOUTS)},
#define TIMEOUT(text, f)                                                                        \
	{                                                                                       \
		NAME(text, CONF_TIMEOUTS), TIME(MSECS(10), DAYS(30)), GLOBAL(guard.timeouts.f), \
			LIVE                                                                    \
	}
	TIMEOUT("syn-received", syn_received),
	TIMEOUT("syn-sent", syn_sent),
	TIMEOUT("established", established),
	TIMEOUT("half-closed", half_closed),
	TIMEOUT("closing", closing),
	TIMEOUT("reset", reset),
#undef TIMEOUT

	{NAME("terminate", CONF_ROOT), SECTION(CONF_TERMINATE)},
	{NAME("connections", CONF_TERMINATE), NUMBER(POOL_MIN, POOL_MAX), GLOBAL(max_terminated),
	 FIXED},
	{NAME("memory", CONF_TERMINATE), NUMBER(TERMINATE_MEMORY_MIN, TERMINATE_MEMORY_MAX),
	 GLOBAL(terminate_memory), FIXED},
	{NAME("client-gaps", CONF_TERMINATE), NUMBER(65536, UINT32_MAX), GLOBAL(guard.client_gaps),
	 LIVE},

	{NAME("service", CONF_ROOT), SECTION(CONF_SERVICE)},
	{NAME("listen", CONF_SERVICE), .kind = CONF_KIND_LISTEN},
	{NAME("mode", CONF_SERVICE), ONE_OF(mode_names), SERVICE(mode), LIVE},
	{NAME("engine", CONF_SERVICE), ONE_OF(engine_names), SERVICE(engine)},
	{NAME("user-timeout", CONF_SERVICE), TIME(0, DAYS(1)), SERVICE(user_timeout), LIVE},
	{NAME("stall-timeout", CONF_SERVICE), TIME(0, DAYS(1)), SERVICE(stall_timeout), LIVE},
	{NAME("keepalive", CONF_SERVICE), SECTION(CONF_KEEPALIVE)},
	{NAME("idle", CONF_KEEPALIVE), TIME(0, DAYS(7)), SERVICE(keepalive.idle), LIVE},
	{NAME("interval", CONF_KEEPALIVE), TIME(MSECS(100), DAYS(1)), SERVICE(keepalive.interval),
	 LIVE},
	{NAME("probes", CONF_KEEPALIVE), NUMBER(1, 100), SERVICE(keepalive.probes), LIVE},
	{NAME("refuse-when-down", CONF_SERVICE), .kind = CONF_KIND_BOOL, SERVICE(refuse_when_down),
	 LIVE},
	{NAME("relief", CONF_SERVICE), .kind = CONF_KIND_BOOL, SERVICE(relief), LIVE},
	{NAME("on-attack", CONF_SERVICE), .kind = CONF_KIND_TEXT, DAEMON(on_attack),
	 .check = check_service_command},
	{NAME("on-failure", CONF_SERVICE), ONE_OF(on_failure_names), .min = 1, DAEMON(on_failure)},
	{NAME("allow", CONF_SERVICE), .kind = CONF_KIND_CLIENTS, .min = true},
	{NAME("deny", CONF_SERVICE), .kind = CONF_KIND_CLIENTS, .min = false},
	{NAME("synack-limit", CONF_SERVICE), RATE(0, 1000000), SERVICE(synack_limit), LIVE},
	{NAME("drop-fingerprint", CONF_SERVICE), .kind = CONF_KIND_BOOL, SERVICE(drop_fingerprint),
	 LIVE},
	{NAME("limit", CONF_SERVICE), SECTION(CONF_LIMIT)},
	{NAME("when", CONF_LIMIT), ONE_OF(limit_names), SERVICE(limit.when), LIVE},
	{NAME("rate", CONF_LIMIT), RATE(1, 1000000), SERVICE(limit.rate), LIVE},
	{NAME("burst", CONF_LIMIT), NUMBER(1, 1000000), SERVICE(limit.burst), LIVE},
	{NAME("prefix4", CONF_LIMIT), NUMBER(1, 32), SERVICE(limit.prefix4), LIVE},
	{NAME("prefix6", CONF_LIMIT), NUMBER(1, 128), SERVICE(limit.prefix6), LIVE},
	{NAME("attack", CONF_SERVICE), SECTION(CONF_ATTACK)},
	{NAME("start", CONF_ATTACK), NUMBER(2, POOL_MAX), SERVICE(attack.start), LIVE},
	{NAME("end", CONF_ATTACK), NUMBER(1, POOL_MAX), SERVICE(attack.end), LIVE},
	{NAME("hold", CONF_ATTACK), TIME(0, DAYS(1)), SERVICE(attack.hold), LIVE},
};

const size_t conf_n_options = ARRAY_SIZE(conf_options);
_Static_assert(ARRAY_SIZE(conf_options) <= CONF_OPTIONS_MAX, "raise CONF_OPTIONS_MAX");

const char *conf_section_name(enum conf_section section)
{
	for (size_t i = 0; i < conf_n_options; i++) {
		const struct conf_option *o = &conf_options[i];

		if (o->kind == CONF_KIND_SECTION && o->opens == section)
			return o->name;
	}
	return NULL;
}

const struct conf_option *conf_option_find(enum conf_section section, const char *name)
{
	for (size_t i = 0; i < conf_n_options; i++) {
		if (conf_options[i].section == section && strcmp(conf_options[i].name, name) == 0)
			return &conf_options[i];
	}
	return NULL;
}

const struct conf_option *conf_option_closest(enum conf_section section, const char *name)
{
	const char *names[CONF_OPTIONS_MAX + 1];
	const char *closest;
	size_t n = 0;

	for (size_t i = 0; i < conf_n_options; i++) {
		if (conf_options[i].section == section)
			names[n++] = conf_options[i].name;
	}
	names[n] = NULL;
	closest = conf_closest(name, names);
	return closest != NULL ? conf_option_find(section, closest) : NULL;
}

const struct conf_option *conf_option_elsewhere(enum conf_section section, const char *name)
{
	for (int s = 0; s < CONF_SECTION_COUNT; s++) {
		const struct conf_option *o = conf_option_find(s, name);

		if (s != (int)section && o != NULL)
			return o;
	}
	return NULL;
}

void *conf_option_base(const struct conf_option *o, struct conf *c, uint32_t service)
{
	if (o->daemon)
		return &c->service[service];
	if (o->section == CONF_SERVICE || o->section == CONF_ATTACK || o->section == CONF_LIMIT ||
	    o->section == CONF_KEEPALIVE)
		return &c->guard.service[service];
	return c;
}

/* store() - an integer into a field of 1, 2, 4 or 8 bytes. */
static void store(const struct conf_option *o, void *field, uint64_t v)
{
	switch (o->size) {
	case 1:
		*(uint8_t *)field = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)field = (uint32_t)v;
		break;
	default:
		*(uint64_t *)field = v;
	}
}

static uint64_t fetch(const struct conf_option *o, const void *field)
{
	switch (o->size) {
	case 1:
		return *(const uint8_t *)field;
	case 2:
		return *(const uint16_t *)field;
	case 4:
		return *(const uint32_t *)field;
	default:
		return *(const uint64_t *)field;
	}
}

/* list_names() - "a, b or c" into @buf. */
static void list_names(const char *const *names, char *buf, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; names[i] != NULL && used < len; i++) {
		const char *joint = i == 0 ? "" : names[i + 1] != NULL ? ", " : " or ";

		used += (size_t)snprintf(buf + used, len - used, "%s%s", joint, names[i]);
	}
}

static int parse_name(const struct conf_option *o, const char *text, uint64_t *v, char *why)
{
	const char *closest;
	char list[128];

	for (size_t i = 0; o->names[i] != NULL; i++) {
		if (strcmp(o->names[i], text) == 0) {
			*v = o->min + i;
			return 0;
		}
	}
	list_names(o->names, list, sizeof(list));
	closest = conf_closest(text, o->names);
	if (closest != NULL)
		return refuse(why, "\"%.*s\" is not known, did you mean \"%s\"? (%s)",
			      CONF_QUOTE_MAX, text, closest, list);
	return refuse(why, "\"%.*s\" is not known, write %s", CONF_QUOTE_MAX, text, list);
}

static int parse_number(const struct conf_option *o, const char *text, uint64_t *v, char *why)
{
	char least[32], most[32];
	int ret = o->kind == CONF_KIND_TIME   ? conf_time_parse(text, v, why)
		  : o->kind == CONF_KIND_RATE ? conf_rate_parse(text, v, why)
					      : conf_number_parse(text, v, why);

	if (ret != 0)
		return ret;
	if (*v >= o->min && *v <= o->max)
		return 0;
	if (o->kind == CONF_KIND_TIME) {
		conf_time_format(o->min, least, sizeof(least));
		conf_time_format(o->max, most, sizeof(most));
	} else {
		snprintf(least, sizeof(least), "%" PRIu64, o->min);
		snprintf(most, sizeof(most), "%" PRIu64, o->max);
	}
	return refuse(why, "%.*s is out of range, write a value from %s to %s", CONF_QUOTE_MAX,
		      text, least, most);
}

static int set_text(const struct conf_option *o, char *field, const char *text, char *why)
{
	size_t n = strlen(text);

	if (n >= o->size)
		return refuse(why, "the text is too long, it may have %u characters", o->size - 1);
	if (text[strcspn(text, "\"'\\\n")] != '\0' || strstr(text, "${") != NULL)
		return refuse(why, "quotes, backslashes and \"${\" cannot be used, leave them out");
	if (o->kind == CONF_KIND_PATH && text[0] != '/')
		return refuse(why, "\"%.*s\" is not an absolute path, write one that starts with /",
			      CONF_QUOTE_MAX, text);
	if (o->check != NULL && o->check(text, why) != 0)
		return -EINVAL;
	memset(field, 0, o->size);
	memcpy(field, text, n);
	return 0;
}

int conf_option_set(const struct conf_option *o, void *base, const char *text, char *why)
{
	void *field = (char *)base + o->offset;
	uint64_t v = 0;
	bool yes = false;
	int ret;

	switch (o->kind) {
	case CONF_KIND_PATH:
	case CONF_KIND_TEXT:
		return set_text(o, field, text, why);
	case CONF_KIND_NAME:
		ret = parse_name(o, text, &v, why);
		break;
	case CONF_KIND_BOOL:
		ret = conf_bool_parse(text, &yes, why);
		v = yes;
		break;
	case CONF_KIND_NUMBER:
	case CONF_KIND_MARK:
	case CONF_KIND_RATE:
	case CONF_KIND_TIME:
		ret = parse_number(o, text, &v, why);
		break;
	default:
		return refuse(why, "it takes no single value, see tcpguard.conf(5)");
	}
	if (ret == 0 && o->check != NULL) {
		uint32_t number = (uint32_t)v;

		ret = o->check(&number, why);
	}
	if (ret == 0)
		store(o, field, v);
	return ret;
}

bool conf_option_is_said(const struct conf_option *o, const void *base)
{
	const void *field = (const char *)base + o->offset;

	return o->kind != CONF_KIND_NAME || fetch(o, field) >= o->min;
}

const char *conf_option_show(const struct conf_option *o, const void *base, char *buf, size_t len)
{
	const void *field = (const char *)base + o->offset;

	switch (o->kind) {
	case CONF_KIND_PATH:
	case CONF_KIND_TEXT:
		snprintf(buf, len, "\"%s\"", (const char *)field);
		break;
	case CONF_KIND_NAME:
		snprintf(buf, len, "%s", o->names[fetch(o, field) - o->min]);
		break;
	case CONF_KIND_BOOL:
		snprintf(buf, len, "%s", fetch(o, field) ? "yes" : "no");
		break;
	case CONF_KIND_MARK:
		snprintf(buf, len, "0x%" PRIx64, fetch(o, field));
		break;
	case CONF_KIND_RATE:
		snprintf(buf, len, "%" PRIu64 "/s", fetch(o, field));
		break;
	case CONF_KIND_TIME:
		conf_time_format(fetch(o, field), buf, len);
		break;
	default:
		snprintf(buf, len, "%" PRIu64, fetch(o, field));
	}
	return buf;
}
