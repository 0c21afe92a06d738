/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one endpoint knows of its connection: the transmission control block of RFC 9293 3.3.1, under
 * the RFC's names. No pointers; data, gaps and flight are kept in chunks of the pool.
 *
 * Times are milliseconds on a circle of 2^32 (49 days), compared with seq_lt(); what is measured is
 * measured in microseconds.
 */
#ifndef TCPGUARD_CORE_TCP_TCB_H
#define TCPGUARD_CORE_TCP_TCB_H

#include "base/types.h"
#include "core/state.h"

enum tcb_flag {
	/* agreed in the handshake */
	TCB_SACK = 1 << 0,
	TCB_TIMESTAMPS = 1 << 1,
	TCB_WSCALE = 1 << 2,
	TCB_ECN = 1 << 3,
	TCB_V6 = 1 << 4,
	TCB_PASSIVE = 1 << 5, /* it came to SYN-RECEIVED from LISTEN, RFC 9293 MUST-11 */
	/* to be sent by tcp_poll() */
	TCB_SEND_SYN = 1 << 6,
	TCB_SEND_RST = 1 << 7,
	TCB_SEND_ACK = 1 << 8,
	TCB_SEND_ECE = 1 << 9, /* on every ACK, until CWR comes, RFC 3168 6.1.3 */
	TCB_SEND_CWR = 1 << 10,
	TCB_SEND_DSACK = 1 << 11,
	TCB_SEND_WINDOW_PROBE = 1 << 12,
	TCB_SEND_TAIL_PROBE = 1 << 13,
	TCB_SEND_KEEPALIVE = 1 << 14,
	/* where things are */
	TCB_FIN_SENT = 1 << 15, /* snd_nxt counts it */
	TCB_FIN_RECEIVED = 1 << 16, /* rcv_nxt counts it */
	TCB_FIN_AHEAD = 1 << 17, /* a FIN was seen behind a gap */
	TCB_NO_READER = 1 << 18, /* data that arrives will be read by nobody */
	TCB_DELACK = 1 << 19, /* delack_at counts */
	TCB_IDLE_TIMER = 1 << 20, /* idle_at counts */
	TCB_MEASURED = 1 << 21, /* srtt counts */
	TCB_SYN_LOST = 1 << 22, /* the SYN had to be sent again */
	TCB_RECOVERY = 1 << 23, /* fast recovery, until recover is acknowledged */
	TCB_LOSS = 1 << 24, /* the same after a retransmission time-out */
	TCB_REORDERED = 1 << 25, /* RACK.reordering_seen */
	TCB_TS_RECENT = 1 << 26, /* ts_recent counts */
	TCB_ECN_REDUCED = 1 << 27, /* until recover is acknowledged, ECE changes nothing */
	TCB_PEER_MSS = 1 << 28, /* snd_mss is limited by the peer and not by the path */
	TCB_ROUND = 1 << 29, /* dsack_round counts */
	TCB_EPOCH = 1 << 30, /* epoch_at counts */
};

enum tcb_timer {
	TCB_TIMER_NONE,
	TCB_TIMER_RTO,
	TCB_TIMER_TAIL_PROBE, /* RFC 8985 7 */
	TCB_TIMER_REORDER, /* RFC 8985 6.2 step 5 */
	TCB_TIMER_PERSIST, /* the window is closed, or opened by too little */
};

/* Why a connection ended before its time. */
enum tcp_error {
	TCP_ERROR_NONE,
	TCP_ERROR_RESET, /* by the peer */
	TCP_ERROR_REFUSED, /* by the peer, in the handshake */
	TCP_ERROR_TIMEOUT, /* data or SYN was not acknowledged */
	TCP_ERROR_STALLED, /* the peer kept its window closed */
	TCP_ERROR_VANISHED, /* no answer to keepalives */
	TCP_ERROR_UNREAD, /* data came after the reader had gone */
	TCP_ERROR_ABORTED, /* by us */
	TCP_ERROR_COUNT
};

#define TCP_CWND_MAX (1u << 30) /* that is ssthresh as long as nothing was lost */

struct tcb {
	/* send sequence space, RFC 9293 figure 3 */
	uint32_t iss, snd_una, snd_nxt;
	uint32_t snd_wnd, snd_wl1, snd_wl2;
	uint32_t max_snd_wnd; /* MAX.SND.WND of RFC 5961 5.2 */

	/* receive sequence space, figure 4; RCV.WND is rcv_adv - rcv_nxt */
	uint32_t irs, rcv_nxt;
	uint32_t rcv_adv; /* the right edge advertised; never moves left */
	uint32_t last_ack_sent;
	uint32_t rcv_buf; /* bytes that may wait for the reader */
	uint32_t dsack_left, dsack_right;

	/* timestamps, RFC 7323 */
	uint32_t ts_recent, ts_recent_at;
	uint32_t ts_offset; /* TSval = milliseconds + this */

	/* round-trip times, RFC 6298 */
	uint32_t srtt_us, rttvar_us, min_rtt_us;
	uint32_t rto_ms; /* not backed off */

	/* congestion control */
	uint32_t cwnd, ssthresh;
	uint32_t recover; /* snd_nxt when the loss was found */
	uint32_t w_max; /* W_max of RFC 9438, in bytes */
	uint32_t epoch_at, k_ms, w_est; /* its curve, with TCB_EPOCH */
	uint32_t dsack_round;

	uint32_t flight; /* chunk with a struct tcp_flight, or INDEX_NONE */
	uint32_t gaps; /* chunk with a struct tcp_gaps, or INDEX_NONE */

	uint32_t timer_at, delack_at, idle_at;
	uint32_t progress_at; /* the peer took data, or we began to wait for that */
	uint32_t heard_at, sent_at; /* anything from the peer; data or SYN to it */

	uint32_t flags; /* enum tcb_flag */
	uint32_t retransmits;
	uint16_t snd_mss; /* bytes of payload and options, RFC 9293 3.7.1 */
	uint16_t rcv_mss; /* what we announced */
	uint16_t w_est_part; /* of a byte */
	uint16_t seg_in; /* largest payload received, at most rcv_mss */
	uint16_t challenge_second; /* in which challenges were counted */
	uint8_t state; /* enum tcp_state */
	uint8_t error; /* enum tcp_error */
	uint8_t snd_wscale : 4, rcv_wscale : 4;
	uint8_t timer; /* enum tcb_timer */
	uint8_t backoff;
	uint8_t probes; /* keepalives without an answer */
	uint8_t dupacks;
	uint8_t challenges;
	uint8_t reo_wnd_mult, reo_wnd_persist; /* RFC 8985 6.2 step 4 */
};

_Static_assert(sizeof(struct tcb) <= 176, "a connection has two of these for all its life");

#endif
