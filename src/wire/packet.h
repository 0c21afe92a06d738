/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From bytes to values: IPv4, IPv6, TCP and the ICMP errors that quote TCP.
 *
 * A struct pkt borrows the bytes it was parsed from and stays valid as long as they do. Everything
 * is in host order. Nothing here reads past @cap_len, whatever the length fields say.
 */
#ifndef TCPGUARD_WIRE_PACKET_H
#define TCPGUARD_WIRE_PACKET_H

#include "base/addr.h"
#include "base/types.h"

/* TCP flags as they stand in bytes 12 (low nibble) and 13 of the header, RFC 9293 3.1. */
enum tcp_flag {
	TCP_FIN = 0x001,
	TCP_SYN = 0x002,
	TCP_RST = 0x004,
	TCP_PSH = 0x008,
	TCP_ACK = 0x010,
	TCP_URG = 0x020,
	TCP_ECE = 0x040,
	TCP_CWR = 0x080,
	TCP_AE = 0x100, /* AccECN, formerly NS */
	TCP_RESERVED = 0xe00, /* the three bits that are still reserved */
};

#define TCP_FLAGS_ALL  0xfff
#define TCP_WSCALE_MAX 14 /* RFC 7323 2.3 */
#define TCP_SACK_MAX   4

/* Which options a segment carries; a bit each in tcp_options.present. */
enum tcp_option_bit {
	TCP_OPT_MSS = 1 << 0,
	TCP_OPT_WSCALE = 1 << 1,
	TCP_OPT_SACK_PERMITTED = 1 << 2,
	TCP_OPT_SACK = 1 << 3,
	TCP_OPT_TIMESTAMPS = 1 << 4,
	TCP_OPT_FASTOPEN = 1 << 5, /* kind 34, RFC 7413 */
	TCP_OPT_MPTCP = 1 << 6, /* kind 30, RFC 8684 */
	TCP_OPT_MD5 = 1 << 7, /* kind 19, RFC 2385 */
	TCP_OPT_AO = 1 << 8, /* kind 29, RFC 5925 */
	TCP_OPT_UNKNOWN = 1 << 9, /* at least one other kind */
	TCP_OPT_MALFORMED = 1 << 10, /* a length of 0, 1 or past the end; parsing stopped there */
};

struct tcp_sack_block {
	uint32_t left, right;
};

struct tcp_options {
	uint16_t present; /* enum tcp_option_bit */
	uint16_t mss;
	uint8_t wscale; /* clamped to TCP_WSCALE_MAX */
	uint8_t n_sack;
	uint8_t off_ts; /* offset of the kind byte from the start of the TCP header */
	uint8_t off_sack; /* likewise; 0 where the option is absent */
	uint32_t ts_val, ts_ecr;
	struct tcp_sack_block sack[TCP_SACK_MAX];
};

enum pkt_kind {
	PKT_TCP, /* a whole TCP header was read */
	PKT_ICMP_ERROR, /* an ICMP error that quotes at least the first 8 bytes of a TCP header */
	PKT_FRAGMENT, /* an IP fragment, the first or a later one */
	PKT_OTHER, /* well formed, but none of the above */
};

/* What is known about the TCP checksum of the bytes we hold. */
enum pkt_csum {
	PKT_CSUM_FULL, /* complete, and known or assumed good */
	PKT_CSUM_PARTIAL, /* only the pseudo header is summed (CHECKSUM_PARTIAL): fill in when sending */
	PKT_CSUM_UNVERIFIED, /* complete, but nobody has verified it yet */
};

/* Why bytes are not a packet. Negative return values of pkt_parse(). */
enum pkt_error {
	PKT_ERR_TRUNCATED = 1, /* shorter than its headers say */
	PKT_ERR_IP_VERSION,
	PKT_ERR_IP_HEADER, /* header length or total length is impossible */
	PKT_ERR_IP_EXT, /* an IPv6 extension header chain that does not end */
	PKT_ERR_TCP_HEADER, /* data offset below 5 or past the end */
};

/* The quoted packet of an ICMP error: the packet that someone could not deliver. */
struct pkt_quote {
	struct ip_addr src, dst;
	uint16_t sport, dport;
	uint32_t seq;
	uint16_t tcp_off; /* offset of the quoted TCP header from data */
	uint16_t tcp_have; /* bytes of it that are quoted, at least 8 */
};

struct pkt {
	uint8_t *data; /* borrowed */
	uint32_t cap_len; /* bytes at data */
	uint32_t len; /* true length of the packet, >= cap_len */

	enum pkt_kind kind;
	enum pkt_csum csum;
	uint8_t family; /* 4 or 6 */
	uint8_t ttl; /* or hop limit */
	uint8_t tos; /* DSCP and ECN; IPv6 traffic class */
	bool df; /* IPv4 don't fragment; true for IPv6 */
	uint8_t protocol; /* of the innermost header reached */
	uint16_t l4_off; /* offset of the TCP (or ICMP) header from data */
	struct ip_addr src, dst;

	/* kind == PKT_TCP */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags; /* enum tcp_flag */
	uint16_t window; /* as on the wire, unscaled */
	uint16_t urgent;
	uint16_t tcp_hdr_len; /* bytes, options included */
	uint32_t payload_len; /* from the true length; @cap_len may hold less */
	struct tcp_options opt;

	/* kind == PKT_ICMP_ERROR */
	uint8_t icmp_type, icmp_code;
	uint32_t mtu; /* of "too big"; 0 in messages of old routers */
	struct pkt_quote quote;
};

/*
 * pkt_parse() - read the packet at @data.
 * @p: filled; on error kind is PKT_OTHER and the fields read so far are set.
 * @data: an IP header at its start, borrowed; may be NULL when cap_len is 0.
 * @cap_len: bytes readable at @data. TCP headers must lie inside.
 * @len: the true length of the packet; anything behind the IP total length is padding and ignored,
 *	so p->len may be smaller than @len on return. A GSO packet has p->len > MTU.
 * @csum: what the caller knows of the checksum; only stored.
 *
 * Return: 0, or a negative enum pkt_error.
 */
int pkt_parse(struct pkt *p, uint8_t *data, uint32_t cap_len, uint32_t len, enum pkt_csum csum);

/* pkt_error_text() - a few words for a (positive or negative) enum pkt_error. */
const char *pkt_error_text(int error);

/* pkt_is_complete() - is every byte of the packet at data? */
static inline bool pkt_is_complete(const struct pkt *p)
{
	return p->cap_len >= p->len;
}

/* pkt_seg_len() - SEG.LEN of RFC 9293: payload, SYN and FIN counted. */
static inline uint32_t pkt_seg_len(const struct pkt *p)
{
	return p->payload_len + !!(p->flags & TCP_SYN) + !!(p->flags & TCP_FIN);
}

/*
 * pkt_checksum_ok() - verify the checksum of a complete TCP packet (RFC 9293 3.1, MUST-3) or ICMP error.
 * True for PKT_CSUM_PARTIAL. False when the packet is not complete.
 */
bool pkt_checksum_ok(const struct pkt *p);

#endif
