/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an endpoint writes down only for a while; each book fits into one chunk of the pool. */
#ifndef TCPGUARD_CORE_TCP_BOOKS_H
#define TCPGUARD_CORE_TCP_BOOKS_H

#include "base/types.h"

enum tcp_sent_flag {
	TCP_SENT_SACKED = 1 << 0, /* the peer has it, out of order */
	TCP_SENT_LOST = 1 << 1, /* it is to be sent again */
	TCP_SENT_RESENT = 1 << 2, /* it was */
};

/* A run of bytes that were sent at the same time and had the same fate. */
struct tcp_sent {
	uint32_t end; /* it begins where the one before ends, the first one at snd_una */
	uint32_t at_us; /* when it was sent last, modulo 2^32 */
	uint32_t flags; /* enum tcp_sent_flag; never both SACKED and LOST */
};

#define TCP_SENT_MAX 320

/*
 * What is in flight: from the first byte sent until all is acknowledged.
 *
 * Adjacent runs that became alike are merged when room is short, and what a peer has SACKed in more
 * pieces than fit is not written down: then it is sent once more, that is all.
 */
struct tcp_flight {
	uint32_t n;
	uint32_t sacked, lost; /* bytes with that flag */
	/* RFC 8985 5.2: the newest of what was delivered */
	uint32_t rack_valid, rack_at_us, rack_end, rack_rtt_us;
	uint32_t fack; /* end of the highest delivered; counts if rack_valid */
	uint32_t tail_probe_end; /* TLP.end_seq, while tail_probe is not 0 */
	uint32_t tail_probe; /* 0: none, 1: new data, 2: a retransmission */
	/* RFC 6937: how much of what was in flight at the loss has come since, and gone out since */
	uint32_t recover_fs, prr_delivered, prr_out; /* recover_fs 0: not in use */
	uint32_t limited, limited_end; /* up to there, more would have been sent but for cwnd */
	/* RFC 4015: what there was before the window was reduced, while that may have been needless */
	uint32_t undo_cwnd, undo_ssthresh, undo_w_max, undo_epoch; /* undo_cwnd 0: not in use */
	uint32_t undo_bytes; /* sent again since, and neither acknowledged nor SACKed */
	struct tcp_sent sent[TCP_SENT_MAX];
	uint32_t partial_acked; /* in this recovery without SACK, RFC 6582 3.2 */
};

struct tcp_range {
	uint32_t left, right;
};

#define TCP_GAPS_MAX 320 /* pieces behind a gap that one connection may have received */

/* What has been received out of order: ascending pieces, with gaps between them. */
struct tcp_gaps {
	uint32_t n;
	uint32_t newest; /* the count of the piece that was touched last */
	uint32_t fin; /* where the FIN stands, with TCB_FIN_AHEAD */
	struct tcp_range piece[TCP_GAPS_MAX];
	uint32_t touched[TCP_GAPS_MAX]; /* RFC 2018 4: the newest piece is reported first */
};

#endif
