/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stories of the terminate engine share: one connection, its two ends, and the guard's. */
#ifndef TCPGUARD_TESTS_CORE_TERMINATE_STORY_H
#define TCPGUARD_TESTS_CORE_TERMINATE_STORY_H

#include "fixture.h"

#define WINDOW 65520 /* of the guard's SYN-ACK */

static struct fx_conn c; /* the connection that the story is about */

static inline void open_terminating(enum guard_mode mode)
{
	fx_prepare(mode);
	fx.config->service[0].engine = GUARD_ENGINE_TERMINATE;
	fx.limits.max_terminated = 64;
	fx.limits.chunks = 1024;
	fx_start();
	c = fx_conn();
}

static inline void setup(void)
{
	open_terminating(GUARD_MODE_ADAPTIVE);
}

static inline void teardown(void)
{
	/* whatever a test has left open goes, and nothing stays behind */
	fx_advance(2 * 24 * 3600 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx.guard.arena->terminals.used, 0);
	ck_assert_uint_eq(fx.guard.arena->terminals.pool.used, 0);
	for (unsigned i = 0; i < TERMINAL_CLIENTS; i++)
		ck_assert_uint_eq(fx.guard.arena->terminals.gaps[i], 0);
	fx_close();
}

/* take() - the guard takes the segment in; what it has to say comes next. */
static inline void take(const struct segment *s)
{
	fx_drop(s, GUARD_DROP_CONSUMED);
}

static inline void poll(void)
{
	fx_advance(0);
}

static inline void client(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_client(&c, flags, seq, ack, len);

	take(&s);
	poll();
}

static inline void server(uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_server(&c, flags, seq, ack, len);

	take(&s);
	poll();
}

/* The @i-th packet sent, which goes to the client (to the server); numbers count from the ISNs. */
static inline void to_client(uint32_t i, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	const struct pkt *p = fx_sent(i);

	ck_assert(ip_addr_eq(&p->dst, &c.client.addr));
	ck_assert_uint_eq(p->flags & ~TCP_PSH, flags);
	ck_assert_uint_eq(p->seq - c.cookie_isn, seq);
	if (flags & TCP_ACK)
		ck_assert_uint_eq(p->ack - c.client_isn, ack);
	ck_assert_uint_eq(p->payload_len, len);
}

static inline void to_server(uint32_t i, uint16_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	const struct pkt *p = fx_sent(i);

	ck_assert(ip_addr_eq(&p->dst, &c.server.addr));
	ck_assert_uint_eq(p->flags & ~TCP_PSH, flags);
	ck_assert_uint_eq(p->seq - c.client_isn, seq);
	if (flags & TCP_ACK)
		ck_assert_uint_eq(p->ack - c.server_isn, ack);
	ck_assert_uint_eq(p->payload_len, len);
}

static inline void challenge(void)
{
	struct segment syn = fx_conn_syn(&c);

	fx_challenge(&c, &syn);
}

/* prove() - with @len bytes in the segment that brings the cookie back. */
static inline void prove(uint32_t len)
{
	challenge();
	client(TCP_ACK, 1, 1, len);
	c.server_ts = 900000;
}

static inline void answer(void)
{
	struct segment synack = fx_conn_synack(&c);

	take(&synack);
	poll();
}

static inline void open_both(void)
{
	prove(0);
	answer();
	fx_states(c.client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}

#endif
