/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stories of the relay share: one connection and its two ends. */
#ifndef TCPGUARD_TESTS_CORE_RELAY_STORY_H
#define TCPGUARD_TESTS_CORE_RELAY_STORY_H

#include "fixture.h"

#define FIN_ACK (TCP_FIN | TCP_ACK)

static struct fx_conn c; /* the connection that the story is about */

static inline void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

static inline void splice(void)
{
	c = fx_conn();
	fx_splice(&c);
}

static inline void states(enum tcp_state client, enum tcp_state server)
{
	fx_states(c.client, client, server);
}

static inline const struct pkt *client_says(uint16_t flags, uint32_t seq, uint32_t ack,
					    uint32_t len)
{
	return fx_client_says(&c, flags, seq, ack, len);
}

static inline const struct pkt *server_says(uint16_t flags, uint32_t seq, uint32_t ack,
					    uint32_t len)
{
	return fx_server_says(&c, flags, seq, ack, len);
}

static inline void close_all(void)
{
	client_says(FIN_ACK, 1, 1, 0);
	server_says(FIN_ACK, 1, 2, 0);
	client_says(TCP_ACK, 2, 2, 0);
	states(TCPS_CLOSED, TCPS_TIME_WAIT);
}

#endif
