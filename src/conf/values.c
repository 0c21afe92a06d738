/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{"us", 1},
	{"ms", USEC_PER_MSEC},
	{"s", USEC_PER_SEC},
	{"m", 60 * USEC_PER_SEC},
	{"h", 3600 * USEC_PER_SEC},
	{"d", 24 * 3600 * USEC_PER_SEC},
};

static const struct unit size_units[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"Ki", 1024}, {"Mi", 1024 * 1024},
};

static int __attribute__((format(printf, 2, 3))) refuse(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, CONF_WHY_MAX, format, ap);
	va_end(ap);
	return -EINVAL;
}

/* digits() - read decimal digits at *@text and step over them; false if there is none or too many. */
static bool digits(const char **text, uint64_t *value)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	if (p == *text)
		return false;
	*text = p;
	*value = v;
	return true;
}

/* scale() - multiply *@value by the unit called @name; false if there is none or it overflows. */
static bool scale(uint64_t *value, const char *name, const struct unit *units, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(units[i].name, name) == 0)
			return !__builtin_mul_overflow(*value, units[i].factor, value);
	}
	return false;
}

static bool hexadecimal(const char *text, uint64_t *value)
{
	char *end;

	if (strlen(text) > 16 || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return false;
	*value = strtoull(text, &end, 16);
	return end != text;
}

int conf_number_parse(const char *text, uint64_t *value, char *why)
{
	const char *p = text;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		if (hexadecimal(text + 2, value))
			return 0;
	} else if (digits(&p, value) && scale(value, p, size_units, ARRAY_SIZE(size_units))) {
		return 0;
	}
	return refuse(why, "\"%.*s\" is not a number, write it like 4096, 64k, 1M, 64Ki or 0x7c9d",
		      CONF_QUOTE_MAX, text);
}

int conf_rate_parse(const char *text, uint64_t *value, char *why)
{
	size_t n = strlen(text);
	char number[32];

	if (n > 2 && n < sizeof(number) && strcmp(text + n - 2, "/s") == 0) {
		memcpy(number, text, n - 2);
		number[n - 2] = '\0';
		return conf_number_parse(number, value, why);
	}
	return conf_number_parse(text, value, why);
}

int conf_time_parse(const char *text, usec_t *value, char *why)
{
	const char *p = text;

	if (!digits(&p, value))
		return refuse(why,
			      "\"%.*s\" is not a time, write it like 500ms, 60s, 5m, 24h or 1d",
			      CONF_QUOTE_MAX, text);
	if (*p == '\0')
		return refuse(
			why,
			"\"%.*s\" has no unit, write %.*ss if seconds are meant (us ms s m h d)",
			CONF_QUOTE_MAX, text, CONF_QUOTE_MAX, text);
	if (!scale(value, p, time_units, ARRAY_SIZE(time_units)))
		return refuse(
			why,
			"\"%.*s\" is not a time, use one whole number and one unit of us ms s m h d",
			CONF_QUOTE_MAX, text);
	return 0;
}

const char *conf_time_format(usec_t value, char *buf, size_t len)
{
	size_t i = ARRAY_SIZE(time_units) - 1;

	if (value == 0) {
		snprintf(buf, len, "0s");
		return buf;
	}
	while (value % time_units[i].factor != 0)
		i--;
	snprintf(buf, len, "%llu%s", (unsigned long long)(value / time_units[i].factor),
		 time_units[i].name);
	return buf;
}

int conf_bool_parse(const char *text, bool *value, char *why)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = i & 1;
			return 0;
		}
	}
	return refuse(why, "\"%.*s\" is neither yes nor no, write one of them", CONF_QUOTE_MAX,
		      text);
}

/* An address range and, behind it, the text of its ports. */
struct range_text {
	char address[IP_ADDR_STRLEN + 2];
	const char *length; /* after the slash; NULL: none */
	const char *ports; /* after the colon */
	bool brackets;
};

/* range_split() - cut "ADDRESS[/LENGTH]:PORTS" into its parts without looking into them. */
static int range_split(const char *text, struct range_text *r, char *why)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, "/:");
	const char *start = text[0] == '[' ? text + 1 : text;
	const char *rest;

	if (end == NULL)
		return refuse(why,
			      "\"%.*s\" lacks the closing bracket, write \"[2001:db8::10]:443\"",
			      CONF_QUOTE_MAX, text);
	r->brackets = text[0] == '[';
	rest = r->brackets ? end + 1 : end;
	r->length = *rest == '/' ? rest + 1 : NULL;
	rest += strcspn(rest, ":");
	r->ports = rest + 1;
	if (!r->brackets && *rest == ':' && strchr(r->ports, ':') != NULL)
		return refuse(
			why,
			"\"%.*s\": an IPv6 address stands in brackets, write \"[2001:db8::10]:443\"",
			CONF_QUOTE_MAX, text);
	if (start == end || *rest == '\0')
		return refuse(why,
			      "\"%.*s\" lacks %s, write it like \"192.0.2.10:80\" "
			      "(in quotes when there is a comma in it)",
			      CONF_QUOTE_MAX, text,
			      strchr(text, '.') != NULL || r->brackets ? "the port"
								       : "the address");
	if ((size_t)(end - start) >= sizeof(r->address) ||
	    (r->length == NULL && rest != end + r->brackets))
		return refuse(
			why,
			"\"%.*s\" is not an address with its port, write it like \"192.0.2.10:80\"",
			CONF_QUOTE_MAX, text);
	memcpy(r->address, start, (size_t)(end - start));
	r->address[end - start] = '\0';
	return 0;
}

/* prefix_length() - the number after the slash, as far as the colon; or -1. */
static int prefix_length(const char *text, unsigned max)
{
	uint64_t v;

	if (!digits(&text, &v) || *text != ':' || v > max)
		return -1;
	return (int)v;
}

static const char *format_prefix(const struct ip_addr *a, unsigned plen, char *buf, size_t len)
{
	char addr[IP_ADDR_STRLEN];
	bool v4 = ip_addr_is_v4(a);

	ip_addr_format(a, addr);
	if (plen == 128)
		snprintf(buf, len, v4 ? "%s" : "[%s]", addr);
	else
		snprintf(buf, len, v4 ? "%s/%u" : "[%s]/%u", addr, v4 ? plen - 96 : plen);
	return buf;
}

/* range_usable() - could there be a TCP server at this address? */
static int range_usable(const struct ip_addr *a, unsigned plen, const char *text, char *why)
{
	bool v4 = ip_addr_is_v4(a);
	uint32_t first = v4 ? ntohl(a->w[3]) : ntohl(a->w[0]);
	bool zero = v4 ? first == 0 : !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);

	if (v4 ? first >> 28 == 0xe : first >> 24 == 0xff)
		return refuse(why, "\"%.*s\" is a multicast address, name the server's own address",
			      CONF_QUOTE_MAX, text);
	if (v4 && first == UINT32_MAX)
		return refuse(why,
			      "\"%.*s\" is the broadcast address, name the server's own address",
			      CONF_QUOTE_MAX, text);
	if (zero && plen != (v4 ? 96 : 0))
		return refuse(why,
			      "\"%.*s\" is no server's address, name the server's own address, "
			      "or write %s to guard this port of every address",
			      CONF_QUOTE_MAX, text, v4 ? "\"0.0.0.0/0:PORT\"" : "\"[::]/0:PORT\"");
	return 0;
}

static int range_parse(const char *text, const struct range_text *r, struct guard_listen *l,
		       char *why)
{
	char right[CONF_LISTEN_STRLEN];
	struct ip_addr masked;
	int plen;
	bool v4;

	if (ip_addr_parse(&l->prefix, r->address) != 0 ||
	    r->brackets != (strchr(r->address, ':') != NULL))
		return refuse(
			why,
			"\"%.*s\" is not an IP address, write numbers (names are not looked up) "
			"like \"192.0.2.10:80\" or \"[2001:db8::10]:443\"",
			CONF_QUOTE_MAX, r->address);
	v4 = !r->brackets;
	if (!v4 && ip_addr_is_v4(&l->prefix))
		return refuse(why, "\"%.*s\" is an IPv4 address in IPv6 dress, write it as \"%s\"",
			      CONF_QUOTE_MAX, text, ip_addr_format(&l->prefix, right));
	plen = r->length != NULL ? prefix_length(r->length, v4 ? 32 : 128) : v4 ? 32 : 128;
	if (plen < 0)
		return refuse(why, "\"%.*s\" has a wrong prefix length, it goes from 0 to %d",
			      CONF_QUOTE_MAX, text, v4 ? 32 : 128);
	l->plen = (uint8_t)(v4 ? plen + 96 : plen);
	masked = ip_addr_mask(&l->prefix, l->plen);
	if (!ip_addr_eq(&masked, &l->prefix))
		return refuse(why, "\"%.*s\" has bits set behind its prefix, write %s:%.*s",
			      CONF_QUOTE_MAX, text,
			      format_prefix(&masked, l->plen, right, sizeof(right)), CONF_QUOTE_MAX,
			      r->ports);
	return range_usable(&l->prefix, l->plen, text, why);
}

/* port_parse() - one port at *@text, which is stepped over. */
static int port_parse(const char **text, uint16_t *port, const char *whole, char *why)
{
	uint64_t v;

	if (!digits(text, &v) || v < 1 || v > UINT16_MAX)
		return refuse(why,
			      "\"%.*s\" has a wrong port, write ports from 1 to 65535 "
			      "like 80 or 80,443 or 8000-8100",
			      CONF_QUOTE_MAX, whole);
	*port = (uint16_t)v;
	return 0;
}

/* ports_parse() - one "PORT" or "LOW-HIGH" of a list; the comma behind it is stepped over. */
static int ports_parse(const char **text, struct guard_listen *l, const char *whole, char *why)
{
	int ret = port_parse(text, &l->port_low, whole, why);

	if (ret != 0)
		return ret;
	l->port_high = l->port_low;
	if (**text == '-') {
		(*text)++;
		ret = port_parse(text, &l->port_high, whole, why);
		if (ret != 0)
			return ret;
	}
	if (l->port_low > l->port_high)
		return refuse(why, "\"%.*s\" has a port range that runs backwards, write %u-%u",
			      CONF_QUOTE_MAX, whole, l->port_high, l->port_low);
	if (**text == '\0')
		return 0;
	if (**text != ',' || (*text)[1] == '\0')
		return refuse(why,
			      "\"%.*s\" has something wrong behind port %u, write ports "
			      "like 80 or 80,443 or 8000-8100",
			      CONF_QUOTE_MAX, whole, l->port_high);
	(*text)++;
	return 0;
}

int conf_listen_parse(const char *text, struct guard_listen *listens, uint32_t max, char *why)
{
	struct guard_listen l;
	struct range_text r = {0};
	const char *p;
	uint32_t n = 0;
	int ret;

	memset(&l, 0, sizeof(l));
	ret = range_split(text, &r, why);
	if (ret == 0)
		ret = range_parse(text, &r, &l, why);
	if (ret != 0)
		return ret;
	p = r.ports;
	do {
		ret = ports_parse(&p, &l, text, why);
		if (ret != 0)
			return ret;
		if (n == max) {
			refuse(why,
			       "too many addresses and port ranges, there may be %u in the file: "
			       "use ranges and prefixes",
			       GUARD_LISTENS_MAX);
			return -ENOSPC;
		}
		listens[n++] = l;
	} while (*p != '\0');
	return (int)n;
}

const char *conf_listen_format(const struct guard_listen *l, char *buf, size_t len)
{
	char prefix[CONF_LISTEN_STRLEN];

	format_prefix(&l->prefix, l->plen, prefix, sizeof(prefix));
	if (l->port_low == l->port_high)
		snprintf(buf, len, "%s:%u", prefix, l->port_low);
	else
		snprintf(buf, len, "%s:%u-%u", prefix, l->port_low, l->port_high);
	return buf;
}

/* prefix_split() - cut "[2001:db8::]/32" into @address and the number behind the slash, or NULL. */
static bool prefix_split(const char *text, char address[IP_ADDR_STRLEN], const char **length)
{
	size_t n = strcspn(text, "/");

	*length = text[n] == '/' ? text + n + 1 : NULL;
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n >= IP_ADDR_STRLEN)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	return true;
}

int conf_prefix_parse(const char *text, struct ip_addr *prefix, uint8_t *plen, char *why)
{
	char address[IP_ADDR_STRLEN], right[CONF_PREFIX_STRLEN];
	struct ip_addr masked;
	const char *length;
	uint64_t n = 0;
	unsigned max;

	if (!prefix_split(text, address, &length) || ip_addr_parse(prefix, address) != 0)
		return refuse(why,
			      "\"%.*s\" is not a prefix, write one like 203.0.113.0/24, "
			      "203.0.113.7 or 2001:db8::/32 (names are not looked up)",
			      CONF_QUOTE_MAX, text);
	if (ip_addr_is_v4(prefix) && strchr(address, ':') != NULL)
		return refuse(why, "\"%.*s\" is an IPv4 address in IPv6 dress, write it as %s",
			      CONF_QUOTE_MAX, text, ip_addr_format(prefix, right));
	max = ip_addr_is_v4(prefix) ? 32 : 128;
	if (length != NULL && (!digits(&length, &n) || *length != '\0' || n > max))
		return refuse(why, "\"%.*s\" has a wrong prefix length, it goes from 0 to %u",
			      CONF_QUOTE_MAX, text, max);
	*plen = (uint8_t)((length != NULL ? n : max) + 128 - max);
	masked = ip_addr_mask(prefix, *plen);
	if (!ip_addr_eq(&masked, prefix))
		return refuse(why, "\"%.*s\" has bits set behind its prefix, write %s",
			      CONF_QUOTE_MAX, text,
			      conf_prefix_format(&masked, *plen, right, sizeof(right)));
	return 0;
}

const char *conf_prefix_format(const struct ip_addr *prefix, uint8_t plen, char *buf, size_t len)
{
	char address[IP_ADDR_STRLEN];

	ip_addr_format(prefix, address);
	if (plen == 128)
		snprintf(buf, len, "%s", address);
	else
		snprintf(buf, len, "%s/%u", address, ip_addr_is_v4(prefix) ? plen - 96u : plen);
	return buf;
}

#define DISTANCE_WORD_MAX 32

unsigned conf_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	/* d[i][j]: between the first i letters of a and the first j of b; three rows are enough */
	unsigned d[3][DISTANCE_WORD_MAX + 1];

	if (na > DISTANCE_WORD_MAX || nb > DISTANCE_WORD_MAX)
		return 99;
	for (unsigned j = 0; j <= nb; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= na; i++) {
		unsigned *now = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			now[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < now[j])
				now[j] = last[j] + 1;
			if (now[j - 1] + 1 < now[j])
				now[j] = now[j - 1] + 1;
			/* two letters swapped count as one edit */
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return d[na % 3][nb];
}

const char *conf_closest(const char *text, const char *const *names)
{
	const char *closest = NULL;
	unsigned least = 99;

	for (; *names != NULL; names++) {
		unsigned d = conf_distance(text, *names);

		/* a third of the letters may be wrong, but never more than three */
		if (d < least && d <= 3 && d * 3 <= strlen(*names) + 1) {
			least = d;
			closest = *names;
		}
	}
	return closest;
}

/* endpoint_split() - into an address, or none, and a port. */
static bool endpoint_split(const char *text, struct ip_addr *addr, const char **port)
{
	struct range_text r = {0};
	char ignored[CONF_WHY_MAX];

	if (text[strspn(text, "0123456789")] == '\0') {
		*addr = ip_addr_v4(htonl(INADDR_LOOPBACK));
		*port = text;
		return true;
	}
	if (range_split(text, &r, ignored) != 0 || r.length != NULL ||
	    ip_addr_parse(addr, r.address) != 0)
		return false;
	*port = r.ports;
	return r.brackets == !ip_addr_is_v4(addr);
}

int conf_endpoint_parse(const char *text, struct ip_addr *addr, uint16_t *port, char *why)
{
	const char *p;
	uint64_t v;

	if (!endpoint_split(text, addr, &p) || !digits(&p, &v) || *p != '\0' || v < 1 ||
	    v > UINT16_MAX)
		return refuse(why,
			      "\"%.*s\" is not an address with its port, write it like "
			      "\"127.0.0.1:9464\" or \"[::1]:9464\", or only the port",
			      CONF_QUOTE_MAX, text);
	*port = (uint16_t)v;
	return 0;
}
