/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum: full (RFC 1071) and incremental (RFC 1624). */
#ifndef TCPGUARD_WIRE_CHECKSUM_H
#define TCPGUARD_WIRE_CHECKSUM_H

#include "base/addr.h"
#include "base/types.h"

/*
 * csum_add_bytes() - add @len bytes to the running one's complement sum @sum.
 * Sums words as they lie in memory, so the result is byte-order independent once stored back.
 * An odd @len is padded with a zero byte: only the last piece of a message may be odd.
 * Fast: this runs over every payload byte of a translated flow.
 */
uint64_t csum_add_bytes(uint64_t sum, const void *data, size_t len);

/* csum_fold() - fold to 16 bits, not complemented. */
uint16_t csum_fold(uint64_t sum);

/* csum_pseudo() - sum of the pseudo header of RFC 9293 3.1 / RFC 8200 8.1. @len in host order. */
uint64_t csum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		     uint32_t len);

/*
 * csum_update16/32() - the checksum field @check after a word of the message went from @from to
 * @to: RFC 1624 equation 3, HC' = ~(~HC + ~m + m'). All values as they lie in memory; the word
 * must lie at an even offset of the message.
 */
be16 csum_update16(be16 check, be16 from, be16 to);
be16 csum_update32(be16 check, be32 from, be32 to);

#endif
