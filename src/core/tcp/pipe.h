/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two endpoints back to back: what one receives, the other sends.
 *
 *	client <-- end[0] <-- stream[1] <-- end[1] <-- server
 *	       --> end[0] --> stream[0] --> end[1] -->
 *
 * The streams are shared, so bytes are copied into a chunk once and out of it once, whatever happens to
 * them on the way. Back-pressure needs no code: bytes wait in stream[i] until the peer of the other end
 * has acknowledged them, and as long as they wait they are missing in the window of end[i]. FIN becomes
 * FIN when all before it was sent, and whatever ends one connection before its time resets the other.
 */
#ifndef TCPGUARD_CORE_TCP_PIPE_H
#define TCPGUARD_CORE_TCP_PIPE_H

#include "core/tcp/tcp.h"

/* Where its parts are; they are the caller's, who may keep them in different places. */
struct tcp_pipe {
	struct tcb *end[2];
	struct tcp_stream *stream[2]; /* [i]: filled by end[i] */
};

/* What all calls have in common; borrowed. */
struct tcp_pipe_io {
	const struct tcp_config *config;
	struct tcp_memory memory;
	usec_t now;
};

/* tcp_pipe_init() - both ends CLOSED; open them through tcp_pipe_side(). */
void tcp_pipe_init(struct tcp_pipe *p);

/* tcp_pipe_side() - what to give to tcp_accept(), tcp_listen() and tcp_connect() of end[i]. */
struct tcp_io tcp_pipe_side(struct tcp_pipe *p, const struct tcp_pipe_io *io, unsigned i);

enum tcp_result tcp_pipe_input(struct tcp_pipe *p, const struct tcp_pipe_io *io, unsigned i,
			       struct tcp_segment *s, struct tcp_segment *reply);

/* tcp_pipe_poll() - the next segment that either end sends. @i: which one. */
bool tcp_pipe_poll(struct tcp_pipe *p, const struct tcp_pipe_io *io, uint32_t max_len, unsigned *i,
		   struct tcp_segment *s);

usec_t tcp_pipe_deadline(const struct tcp_pipe *p, usec_t now);
void tcp_pipe_expire(struct tcp_pipe *p, const struct tcp_pipe_io *io);

/* tcp_pipe_abort() - reset both. */
void tcp_pipe_abort(struct tcp_pipe *p, const struct tcp_pipe_io *io, enum tcp_error why);

/* tcp_pipe_clear() - both ends CLOSED, nothing sent: every chunk is given back. */
void tcp_pipe_clear(struct tcp_pipe *p, const struct tcp_pipe_io *io);

/* tcp_pipe_is_over() - both are; then no chunk is in use either. */
static inline bool tcp_pipe_is_over(const struct tcp_pipe *p)
{
	return tcp_is_over(p->end[0]) && tcp_is_over(p->end[1]);
}

#endif
