/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changing a packet where it lies, its length unchanged. */
#ifndef TCPGUARD_WIRE_REWRITE_H
#define TCPGUARD_WIRE_REWRITE_H

#include "wire/packet.h"

/* What the relay engine changes in a segment; a zero field leaves things as they are. */
struct tcp_rewrite {
	uint32_t seq_add; /* added to SEQ */
	uint32_t ack_add; /* added to ACK (only where the ACK flag is set) and to all SACK edges */
	uint32_t tsval_add; /* added to TSval */
	uint32_t tsecr_add; /* added to TSecr (only where the ACK flag is set) */
	bool set_window;
	uint16_t window; /* the new window field, as on the wire */
	bool blank_sack; /* overwrite SACK blocks with NOP */
	bool blank_ts; /* overwrite timestamps with NOP */
};

/*
 * pkt_rewrite_tcp() - apply @rw to the TCP segment @p, bytes and parsed fields alike.
 *
 * The checksum is updated incrementally (RFC 1624), so a wrong one stays wrong and an unverified
 * one stays unverified; PKT_CSUM_PARTIAL is replaced by the full sum, after which p->csum is
 * PKT_CSUM_FULL, because the kernel will not complete it for a mangled packet.
 *
 * Return: 0; -EINVAL if @p is not PKT_TCP; -EMSGSIZE if the packet is not complete.
 */
int pkt_rewrite_tcp(struct pkt *p, const struct tcp_rewrite *rw);

/*
 * pkt_rewrite_quote_seq() - add @seq_add to the sequence number that an ICMP error quotes, and
 * mend the quoted TCP checksum where it is quoted, and the outer ICMP checksum.
 * @ack_add: added to the quoted ACK where that is quoted (tcp_have >= 12).
 *
 * Return: 0; -EINVAL if @p is not PKT_ICMP_ERROR; -EMSGSIZE if the packet is not complete.
 */
int pkt_rewrite_quote_seq(struct pkt *p, uint32_t seq_add, uint32_t ack_add);

#endif
