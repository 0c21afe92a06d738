/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One endpoint alone; the test is its peer. Sequence numbers are relative: the peer's begin with PEER,
 * ours with OURS, plus a shift that puts the wrap of 2^32 anywhere.
 *
 *	lone_open(TCPS_ESTABLISHED);
 *	lone_in(TCP_ACK, PEER + 1, OURS + 1, 10);
 *	ck_assert(lone_out());
 *	ck_assert_uint_eq(lone.s.ack, PEER + 11);
 */
#ifndef TCPGUARD_TESTS_CORE_TCP_LONE_H
#define TCPGUARD_TESTS_CORE_TCP_LONE_H

#include <check.h>

#include "core/tcp/tcp.h"

#define PEER	    1000u /* its initial sequence number */
#define OURS	    5000u
#define LONE_CHUNKS 256

struct lone {
	struct tcb tcb;
	struct tcp_stream in, out;
	struct tcp_pool pool;
	union tcp_chunk *chunk;
	struct tcp_config config;
	struct tcp_offer offer;
	struct tcp_options opt; /* of the segments that lone_in() makes */
	usec_t now;
	uint32_t shift; /* added to all sequence numbers on the wire */
	uint16_t urgent; /* pointer of the peer's segments */
	uint32_t window; /* field of the peer's segments */
	uint16_t mss; /* in the peer's SYN; 0: none */
	uint8_t shift_count; /* of its window scale */
	bool sack, timestamps, wscale;
	bool ce; /* the peer's segments come marked */
	struct tcp_segment s; /* the one that lone_out() got, relative again */
	struct tcp_segment reply; /* of the last lone_in(), relative again */
	enum tcp_result result;
};
extern struct lone lone;

/* lone_reset() - defaults in lone.config and lone.offer; change them, then lone_open(). */
void lone_reset(void);
/* lone_open() - reach @state as a peer that does everything right would lead it there. */
void lone_open(enum tcp_state state);
/* lone_call() - ... SYN-SENT, and its SYN is in lone.s. */
void lone_call(void);
void lone_close(void);

/* lone_in() - a segment of the peer; its payload is the sequence numbers' low bytes. */
enum tcp_result lone_in(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len);
/* lone_out() - poll once. Return: was there anything? */
bool lone_out(void);
/* lone_drain() - poll until there is nothing. Return: how many. */
unsigned lone_drain(void);
void lone_write(uint32_t n);
void lone_shutdown(void);
/* lone_pass() - let @ms pass, with all timers that are due; stops at the first segment to be sent. */
bool lone_pass(uint32_t ms);
struct tcp_io lone_io(void);

int lone_run(Suite *suite);

#endif
