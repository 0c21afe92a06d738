/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard's own TCP: one endpoint of RFC 9293 as a pure state machine.
 *
 * Theory of operation
 * -------------------
 * An endpoint is a struct tcb, a stream that it fills from the network, and a stream that it sends. It
 * never sends by itself: tcp_input() takes in a segment, tcp_expire() lets time pass, and what is to be
 * sent because of either is asked for with tcp_poll(), one segment at a time, until there is none:
 *
 *	segment --> tcp_input() --+              +--> struct tcp_segment, payload by reference to io->out
 *	time -----> tcp_expire() -+-> tcb ------>+
 *	bytes ----> io->out ------+   tcp_poll() |
 *	                              io->in ----+--> bytes in order
 *
 * So what arrives in one batch is acknowledged once, and retransmissions are made from what is known
 * at the end of it. Whoever appends to io->out, or releases from io->in, polls afterwards.
 *
 * All memory is the caller's: the tcb, the two streams, and the pool of chunks. All limits are in
 * struct tcp_config. Addresses, ports and checksums are the caller's business too.
 *
 * Overlap policy, constant: of bytes received twice, the first ones win; a FIN seen first wins over one
 * somewhere else.
 */
#ifndef TCPGUARD_CORE_TCP_TCP_H
#define TCPGUARD_CORE_TCP_TCP_H

#include "base/siphash.h"
#include "core/tcp/stream.h"
#include "core/tcp/tcb.h"
#include "wire/packet.h"

enum tcp_congestion_kind { TCP_CUBIC, TCP_NEWRENO };

/* Times in milliseconds; 0 switches off what may be switched off. */
struct tcp_config {
	uint32_t rto_min_ms, rto_max_ms, rto_initial_ms;
	uint32_t syn_timeout_ms; /* R2 of a SYN, RFC 9293 MUST-23 */
	uint32_t synack_timeout_ms; /* the same of a SYN-ACK: it costs us more than the peer */
	uint32_t user_timeout_ms; /* R2 of data: nothing acknowledged for so long; 0: for ever */
	uint32_t stall_ms; /* a window closed for so long ends the connection; 0: for ever */
	uint32_t delack_ms; /* below 500, RFC 9293 MUST-40 */
	uint32_t msl_ms;
	uint32_t fin_wait_2_ms; /* without a reader only: half-closed ones wait for ever */
	uint32_t keepalive_idle_ms, keepalive_interval_ms, keepalive_probes; /* idle 0: off */
	uint32_t rcv_buf; /* bytes that may wait for the reader */
	uint16_t mss_min; /* no peer and no ICMP error makes segments smaller than that */
	uint8_t initial_segments; /* RFC 6928 */
	uint8_t congestion; /* enum tcp_congestion_kind */
	bool ecn;
};

/* tcp_config_default() - what RFC 9293 and its companions recommend; see doc/tcp.md. */
void tcp_config_default(struct tcp_config *c);

/* What an endpoint works with during one call; all of it borrowed. */
struct tcp_io {
	const struct tcp_config *config;
	struct tcp_memory memory;
	struct tcp_stream *in; /* filled from the network */
	struct tcp_stream *out; /* sent to it */
	usec_t now;
};

/* A segment, of either direction. */
struct tcp_segment {
	uint32_t seq, ack;
	uint16_t flags; /* enum tcp_flag */
	uint16_t window; /* as on the wire */
	uint16_t urgent;
	bool ce; /* received: the IP header says "congestion experienced" */
	bool ect; /* to be sent: the IP header shall say "ECN-capable" */
	uint32_t len; /* of the payload; when sent it may be several times @mss */
	const uint8_t *data; /* received: borrowed */
	uint32_t offset; /* to be sent: place of the payload in io->out */
	uint16_t mss; /* to be sent: cut the payload into pieces of this size */
	struct tcp_options opt;
};

/* tcp_segment_of() - the TCP segment of a packet that was parsed and is complete; borrows its bytes. */
void tcp_segment_of(struct tcp_segment *s, const struct pkt *p);

/* What both sides have agreed on in a handshake that somebody else has made. */
struct tcp_agreed {
	uint32_t iss, irs;
	uint32_t snd_wnd; /* of the peer, in bytes */
	uint32_t rcv_wnd; /* that the peer was promised, in bytes */
	uint32_t ts_val; /* our clock as the peer knows it */
	uint32_t ts_recent; /* the peer's */
	uint16_t mss; /* the peer's; 0: it has sent none */
	uint16_t rcv_mss; /* ours */
	uint8_t snd_wscale, rcv_wscale; /* both 0 unless agreed */
	bool wscale, sack, timestamps, ecn, v6;
};

/* What an endpoint that shakes hands itself offers. */
struct tcp_offer {
	uint32_t iss;
	uint32_t ts_val; /* the clock to begin with */
	uint16_t rcv_mss; /* to announce, RFC 6691 */
	bool wscale, sack, timestamps, ecn, v6;
};

/* What became of a segment. Names and texts are made of the list. */
#define TCP_RESULTS(X)                                         \
	X(OK, "taken")                                         \
	X(REUSE, "a SYN that reuses the ports, RFC 6191")      \
	X(OLD, "outside the window")                           \
	X(PAWS, "old timestamp")                               \
	X(NO_TIMESTAMP, "timestamp missing")                   \
	X(NO_ACK, "without ACK")                               \
	X(BAD_ACK, "acknowledges what cannot be acknowledged") \
	X(BLIND_RST, "RST that is not exact")                  \
	X(BLIND_SYN, "SYN in a connection")                    \
	X(IGNORED, "nothing for this state")                   \
	X(RESET, "reset by the peer")                          \
	X(NO_MEMORY, "no memory for its data")                 \
	X(UNREAD, "data that nobody will read")
enum tcp_result {
#define TCP_RESULT_NAME(name, text) TCP_IN_##name,
	TCP_RESULTS(TCP_RESULT_NAME)
#undef TCP_RESULT_NAME
		TCP_IN_COUNT
};
const char *tcp_result_text(enum tcp_result r);
const char *tcp_error_text(enum tcp_error e);

/* ---- opening ---- */

/*
 * tcp_isn() - RFC 6528: a clock of 4 microseconds plus a keyed hash of what identifies the connection.
 * @id: of addresses and ports, from a keyed hash.
 */
uint32_t tcp_isn(const struct siphash_key *key, uint64_t id, usec_t now);

/* tcp_accept() - ESTABLISHED, by a handshake that is over: the valid ACK of a cookie. */
void tcp_accept(struct tcb *t, const struct tcp_io *io, const struct tcp_agreed *a);

/* tcp_listen() - LISTEN for the SYN of one peer. */
void tcp_listen(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o);

/* tcp_connect() - active open. */
void tcp_connect(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o);

/*
 * tcp_connecting() - an active open whose SYN somebody else has sent already.
 * @rcv_wscale: the window scale that it carried.
 */
void tcp_connecting(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o,
		    uint8_t rcv_wscale);

/* ---- living ---- */

/*
 * tcp_input() - a segment has arrived, its checksum is good, RFC 9293 3.10.7.
 * @s: len and data may be trimmed.
 * @reply: a segment to be sent at once; flags is 0 if there is none.
 */
enum tcp_result tcp_input(struct tcb *t, const struct tcp_io *io, struct tcp_segment *s,
			  struct tcp_segment *reply);

/*
 * tcp_is_reuse() - RFC 6191: is @t in TIME-WAIT, and does a SYN with these begin a new connection?
 * tcp_input() says TCP_IN_REUSE of it; who does not begin one finds that an ACK is owed.
 */
bool tcp_is_reuse(const struct tcb *t, uint32_t seq, const struct tcp_options *syn);

/* tcp_refuse() - the answer to a segment for which there is no connection, RFC 9293 3.10.7.1. */
void tcp_refuse(const struct tcp_segment *s, struct tcp_segment *reply);

/*
 * tcp_poll() - the next segment to send.
 * @max_len: payload it may carry, if more than one MSS: for hardware or a peer that cuts it.
 * Return: false if there is none.
 */
bool tcp_poll(struct tcb *t, const struct tcp_io *io, uint32_t max_len, struct tcp_segment *s);

/* tcp_deadline() - when tcp_expire() is due, or USEC_NEVER. */
usec_t tcp_deadline(const struct tcb *t, usec_t now);
void tcp_expire(struct tcb *t, const struct tcp_io *io);

/*
 * tcp_path_mtu() - an ICMP error says that packets of more than @mtu bytes do not get through.
 * @seq: sequence number of the quoted segment; it must be in flight (RFC 5927).
 * Return: was it believed?
 */
bool tcp_path_mtu(struct tcb *t, const struct tcp_io *io, uint32_t seq, uint32_t mtu);

/* ---- closing ---- */

/* tcp_close_reading() - data that arrives from now on resets the connection. */
void tcp_close_reading(struct tcb *t, const struct tcp_io *io);

/* tcp_abort() - end it now; tcp_poll() has the RST if there must be one. */
void tcp_abort(struct tcb *t, const struct tcp_io *io, enum tcp_error why);

/* tcp_is_over() - nothing to send and nothing to wait for: the tcb may be forgotten. */
static inline bool tcp_is_over(const struct tcb *t)
{
	return t->state == TCPS_CLOSED && !(t->flags & TCB_SEND_RST);
}

#endif
