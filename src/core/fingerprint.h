/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a SYN looks like, whoever claims to have sent it. A flood is usually made by one program, so its
 * SYNs share what an honest stack or a tool fills in the same way each time.
 */
#ifndef TCPGUARD_CORE_FINGERPRINT_H
#define TCPGUARD_CORE_FINGERPRINT_H

#include <string.h>

#include "wire/packet.h"

#define FINGERPRINT_NO_WSCALE 255

/* All zero: none, since a SYN has at least the flag SYN. No padding: to be compared and hashed whole. */
struct syn_fingerprint {
	uint64_t options; /* a code each, in order, the first in the lowest four bits; 0: no more */
	uint16_t flags; /* enum tcp_flag, the reserved ones included */
	uint16_t window;
	uint16_t mss; /* 0: none */
	uint8_t wscale; /* FINGERPRINT_NO_WSCALE: none */
	uint8_t ttl; /* what it probably was at first: 32, 64, 128 or 255 */
};

/* syn_fingerprint() - of a packet whose kind is PKT_TCP. */
struct syn_fingerprint syn_fingerprint(const struct pkt *syn);

static inline bool syn_fingerprint_eq(const struct syn_fingerprint *a,
				      const struct syn_fingerprint *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Always long enough for syn_fingerprint_text() and its terminating zero. */
#define FINGERPRINT_TEXT_MAX 256

/*
 * syn_fingerprint_text() - "SYN|ECE|CWR window 8192 ttl 128 mss 1460 wscale 8 options
 * mss,nop,wscale,nop,nop,sackOK" on one line; parts that are absent are left out, "options none" stays,
 * and no fingerprint is "none". Truncates to @cap, always terminated. Returns @buf.
 */
const char *syn_fingerprint_text(const struct syn_fingerprint *f, char *buf, size_t cap);

/* syn_fingerprint_parse() - that text back to what it was made from. Return: 0, or -EINVAL. */
int syn_fingerprint_parse(struct syn_fingerprint *f, const char *text);

#endif
