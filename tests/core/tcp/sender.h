/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the suites about sending share: an open connection, and a peer that acknowledges. */
#ifndef TCPGUARD_TESTS_CORE_TCP_SENDER_H
#define TCPGUARD_TESTS_CORE_TCP_SENDER_H

#include "lone.h"

#define MSS 1460u

static inline void given(bool sack, bool timestamps)
{
	lone.shift = 0u - OURS - 3000; /* our numbers wrap in the third segment */
	lone_reset();
	lone.sack = sack;
	lone.timestamps = timestamps;
	lone_open(TCPS_ESTABLISHED);
}

/* in_flight() - write and send @n full segments. */
static inline void in_flight(uint32_t n)
{
	lone_write(n * MSS);
	ck_assert_uint_eq(lone_drain(), n);
}

static inline void ack(uint32_t bytes)
{
	lone_in(TCP_ACK, PEER + 1, OURS + 1 + bytes, 0);
}

static inline void sack(uint32_t bytes, uint32_t left, uint32_t right)
{
	lone.opt.present = TCP_OPT_SACK;
	lone.opt.n_sack = 1;
	lone.opt.sack[0] = (struct tcp_sack_block){OURS + 1 + left, OURS + 1 + right};
	ack(bytes);
	lone.opt = (struct tcp_options){0};
}

static inline uint32_t ms(void)
{
	return (uint32_t)(lone.now / 1000);
}

static inline const struct tcp_flight *flight(void)
{
	return &lone.chunk[lone.tcb.flight].flight;
}

#endif
