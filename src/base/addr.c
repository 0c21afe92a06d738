/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addr.h"

#include <errno.h>
#include <stdio.h>

bool ip_addr_in_prefix(const struct ip_addr *a, const struct ip_addr *prefix, unsigned plen)
{
	unsigned words = plen / 32, bits = plen % 32;

	if (memcmp(a, prefix, words * sizeof(be32)) != 0)
		return false;
	return bits == 0 ||
	       ((a->w[words] ^ prefix->w[words]) & htonl(UINT32_MAX << (32 - bits))) == 0;
}

struct ip_addr ip_addr_mask(const struct ip_addr *a, unsigned plen)
{
	struct ip_addr m = *a;

	for (unsigned i = 0; i < 4; i++) {
		unsigned bits = plen > 32 * i ? plen - 32 * i : 0;

		if (bits < 32)
			m.w[i] &= bits ? htonl(UINT32_MAX << (32 - bits)) : 0;
	}
	return m;
}

int ip_addr_parse(struct ip_addr *a, const char *text)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*a = ip_addr_v4(v4.s_addr);
		return 0;
	}
	return inet_pton(AF_INET6, text, a) == 1 ? 0 : -EINVAL;
}

const char *ip_addr_format(const struct ip_addr *a, char *buf)
{
	if (ip_addr_is_v4(a))
		return inet_ntop(AF_INET, &a->w[3], buf, IP_ADDR_STRLEN);
	return inet_ntop(AF_INET6, a, buf, IP_ADDR_STRLEN);
}

const char *ip_endpoint_format(const struct ip_addr *a, uint16_t port, char *buf)
{
	char text[IP_ADDR_STRLEN];

	ip_addr_format(a, text);
	snprintf(buf, IP_ENDPOINT_STRLEN, ip_addr_is_v4(a) ? "%s:%u" : "[%s]:%u", text, port);
	return buf;
}
