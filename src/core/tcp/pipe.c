/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tcp/pipe.h"

#include "core/tcp/internal.h"

#include <string.h>

void tcp_pipe_init(struct tcp_pipe *p)
{
	for (unsigned i = 0; i < 2; i++) {
		tcp_stream_init(p->stream[i]);
		memset(p->end[i], 0, sizeof(*p->end[i]));
		p->end[i]->state = TCPS_CLOSED;
		p->end[i]->flight = p->end[i]->gaps = INDEX_NONE;
	}
}

struct tcp_io tcp_pipe_side(struct tcp_pipe *p, const struct tcp_pipe_io *io, unsigned i)
{
	return (struct tcp_io){io->config, io->memory, p->stream[i], p->stream[!i], io->now};
}

/* died() - has end @i ended otherwise than by FIN and FIN? */
static bool died(const struct tcp_pipe *p, unsigned i)
{
	return p->end[i]->state == TCPS_CLOSED && p->end[i]->error != TCP_ERROR_NONE;
}

/* settle() - after anything that may have ended a connection. */
static void settle(struct tcp_pipe *p, const struct tcp_pipe_io *io)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_io other = tcp_pipe_side(p, io, !i);

		if (died(p, i) && p->end[!i]->state != TCPS_CLOSED &&
		    p->end[!i]->state != TCPS_TIME_WAIT)
			tcp_abort(p->end[!i], &other, TCP_ERROR_ABORTED);
	}
	if (p->end[0]->state == TCPS_CLOSED && p->end[1]->state == TCPS_CLOSED) {
		tcp_stream_clear(p->stream[0], io->memory);
		tcp_stream_clear(p->stream[1], io->memory);
	}
}

enum tcp_result tcp_pipe_input(struct tcp_pipe *p, const struct tcp_pipe_io *io, unsigned i,
			       struct tcp_segment *s, struct tcp_segment *reply)
{
	struct tcp_io side = tcp_pipe_side(p, io, i);
	enum tcp_result result = tcp_input(p->end[i], &side, s, reply);

	settle(p, io);
	return result;
}

bool tcp_pipe_poll(struct tcp_pipe *p, const struct tcp_pipe_io *io, uint32_t max_len, unsigned *i,
		   struct tcp_segment *s)
{
	for (*i = 0; *i < 2; ++*i) {
		struct tcp_io side = tcp_pipe_side(p, io, *i);

		if (tcp_poll(p->end[*i], &side, max_len, s))
			return true;
	}
	return false;
}

usec_t tcp_pipe_deadline(const struct tcp_pipe *p, usec_t now)
{
	usec_t a = tcp_deadline(p->end[0], now), b = tcp_deadline(p->end[1], now);

	return a < b ? a : b;
}

void tcp_pipe_expire(struct tcp_pipe *p, const struct tcp_pipe_io *io)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_io side = tcp_pipe_side(p, io, i);

		tcp_expire(p->end[i], &side);
	}
	settle(p, io);
}

void tcp_pipe_abort(struct tcp_pipe *p, const struct tcp_pipe_io *io, enum tcp_error why)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_io side = tcp_pipe_side(p, io, i);

		tcp_abort(p->end[i], &side, why);
	}
	settle(p, io);
}

void tcp_pipe_clear(struct tcp_pipe *p, const struct tcp_pipe_io *io)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_io side = tcp_pipe_side(p, io, i);

		end(p->end[i], &side, TCP_ERROR_ABORTED);
		p->end[i]->flags &= ~(uint32_t)TCB_SEND_RST;
	}
	settle(p, io);
}
