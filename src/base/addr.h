/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP addresses of both families in one type; IPv4 is kept IPv4-mapped (::ffff:a.b.c.d). */
#ifndef TCPGUARD_BASE_ADDR_H
#define TCPGUARD_BASE_ADDR_H

#include <arpa/inet.h>
#include <string.h>

#include "base/types.h"

struct ip_addr {
	be32 w[4];
};

/* Longest text of an address with its port, "[...]:65535", and the terminating zero. */
#define IP_ADDR_STRLEN	   46
#define IP_ENDPOINT_STRLEN (IP_ADDR_STRLEN + 8)

static inline struct ip_addr ip_addr_v4(be32 v4)
{
	return (struct ip_addr){{0, 0, htonl(0xffff), v4}};
}

static inline bool ip_addr_is_v4(const struct ip_addr *a)
{
	return a->w[0] == 0 && a->w[1] == 0 && a->w[2] == htonl(0xffff);
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline int ip_addr_family(const struct ip_addr *a)
{
	return ip_addr_is_v4(a) ? 4 : 6;
}

/*
 * ip_addr_in_prefix() - does @a lie in @prefix/@plen?
 * @plen: 0..128 in the mapped space: an IPv4 /24 is 120.
 */
bool ip_addr_in_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned plen);

/* ip_addr_mask() - @a without the bits behind the first @plen. */
struct ip_addr ip_addr_mask(const struct ip_addr *a, unsigned plen);

/*
 * ip_addr_parse() - dotted IPv4 or IPv6 text, without brackets, to an address.
 * Return: 0, or -EINVAL.
 */
int ip_addr_parse(struct ip_addr *a, const char *text);

/* ip_addr_format() - fills @buf (at least IP_ADDR_STRLEN bytes) and returns it. */
const char *ip_addr_format(const struct ip_addr *a, char *buf);

/*
 * ip_endpoint_format() - "192.0.2.1:80" or "[2001:db8::1]:80" into @buf (IP_ENDPOINT_STRLEN).
 * @port: host order.
 */
const char *ip_endpoint_format(const struct ip_addr *a, uint16_t port, char *buf);

#endif
