/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as people write them: "64k", "60s", "[2001:db8::]/64:443".
 *
 * A parser that refuses a text fills @why (CONF_WHY_MAX bytes) with what is wrong and what to write
 * instead, and returns -EINVAL.
 */
#ifndef TCPGUARD_CONF_VALUES_H
#define TCPGUARD_CONF_VALUES_H

#include "core/config.h"

#define CONF_WHY_MAX 320

/* Text quoted from the file is cut at this length in messages: use with "%.*s". */
#define CONF_QUOTE_MAX 60

/* conf_number_parse() - decimal with an optional k, M, Ki or Mi; or hexadecimal after 0x. */
int conf_number_parse(const char *text, uint64_t *value, char *why);

/* conf_rate_parse() - a number, with "/s" behind it or not. */
int conf_rate_parse(const char *text, uint64_t *value, char *why);

/* conf_time_parse() - a whole number and its unit: us, ms, s, m, h or d. */
int conf_time_parse(const char *text, usec_t *value, char *why);

/* conf_bool_parse() - yes or no, true or false, on or off. */
int conf_bool_parse(const char *text, bool *value, char *why);

/* conf_time_format() - in the largest unit that needs no fraction; @buf of @len bytes. */
const char *conf_time_format(usec_t value, char *buf, size_t len);

/*
 * conf_listen_parse() - "ADDRESS[/LENGTH]:PORTS" to one guard_listen for each port or range.
 * @listens: room for @max; the field service is set to 0.
 * Return: entries filled, -EINVAL, or -ENOSPC if there are more than @max.
 */
int conf_listen_parse(const char *text, struct guard_listen *listens, uint32_t max, char *why);

/* conf_listen_format() - one entry as conf_listen_parse() reads it; @buf of @len bytes. */
const char *conf_listen_format(const struct guard_listen *l, char *buf, size_t len);
#define CONF_LISTEN_STRLEN (IP_ADDR_STRLEN + sizeof("[]/128:65535-65535"))

/*
 * conf_prefix_parse() - "ADDRESS[/LENGTH]", IPv6 with brackets or without, to a prefix.
 * @plen: in the mapped space, as in struct guard_listen.
 */
int conf_prefix_parse(const char *text, struct ip_addr *prefix, uint8_t *plen, char *why);

/* conf_prefix_format() - the same back, without brackets; @buf of @len bytes. */
const char *conf_prefix_format(const struct ip_addr *prefix, uint8_t plen, char *buf, size_t len);
#define CONF_PREFIX_STRLEN (IP_ADDR_STRLEN + sizeof("/128"))

/*
 * conf_endpoint_parse() - "ADDRESS:PORT", IPv6 in brackets, or "PORT" of 127.0.0.1.
 * @port: filled in host order.
 */
int conf_endpoint_parse(const char *text, struct ip_addr *addr, uint16_t *port, char *why);

/* conf_distance() - edits that make one of two short words the other, at most 99. */
unsigned conf_distance(const char *a, const char *b);

/* conf_closest() - the one of @names (NULL ends them) that @text was probably meant to be, or NULL. */
const char *conf_closest(const char *text, const char *const *names);

#endif
