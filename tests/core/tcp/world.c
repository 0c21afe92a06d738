/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hosts, their applications and the pipe. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seq.h"

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = true;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
}

struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	for (unsigned i = 0; i < 2; i++)
		w->chunk[i] = calloc(1, tcp_pool_bytes(CHUNKS));
	return w;
}

void world_free(struct world *w)
{
	free(w->chunk[0]);
	free(w->chunk[1]);
	free(w);
}

static bool is_host(unsigned end)
{
	return end < 2;
}

/* world_clock() - what the machine of @end takes for the time. */
usec_t world_clock(const struct world *w, unsigned end)
{
	const struct jump_plan *jump = &w->plan.jump[is_host(end) ? end : 2];

	return w->now + (w->now >= BEGIN + jump->at ? jump->by : 0);
}

static struct tcp_pipe_io pipe_io(struct world *w)
{
	return (struct tcp_pipe_io){&w->plan.pipe_config, tcp_memory_at(&w->pool[1], w->chunk[1]),
				    world_clock(w, 2)};
}

struct tcp_io world_io(struct world *w, unsigned end)
{
	struct tcp_pipe_io pio = pipe_io(w);
	struct end *e = &w->end[end];
	const struct tcp_config *config;

	if (!is_host(end))
		return tcp_pipe_side(&w->pipe, &pio, end - 2);
	/* cppcheck-suppress arrayIndexOutOfBounds ; is_host(): end is 0 or 1 */
	config = &w->plan.host[end].config;
	return (struct tcp_io){config, tcp_memory_at(&w->pool[0], w->chunk[0]), &e->in, &e->out,
			       world_clock(w, end)};
}

/* ---- applications ---- */

static uint8_t byte_at(unsigned host, uint32_t offset)
{
	return (uint8_t)(mix64((uint64_t)host << 40 | offset / 8) >> (8 * (offset % 8)));
}

static void app_read(struct world *w, unsigned i)
{
	struct end *e = &w->end[i];
	struct host_plan *plan = &w->plan.host[i];
	struct tcp_io io = world_io(w, i);
	uint8_t buf[4096];

	if (w->now < e->stalled_until)
		return;
	while (tcp_stream_waiting(&e->in) > 0) {
		uint32_t n = tcp_stream_waiting(&e->in);

		if (!e->stall_done && e->received >= plan->stall_at) {
			e->stall_done = true;
			e->stalled_until = w->now + plan->stall;
			return;
		}
		n = n < sizeof(buf) ? n : sizeof(buf);
		tcp_stream_copy(&e->in, io.memory, e->in.start, buf, n);
		for (uint32_t k = 0; k < n; k++) {
			if (buf[k] != byte_at(!i, e->received + k)) {
				world_fail(w, "host %u: byte %u is wrong", i, e->received + k);
				return;
			}
		}
		e->received += n;
		tcp_stream_release(&e->in, io.memory, e->in.start + n);
	}
	if (e->in.flags & TCP_STREAM_FIN)
		e->fin_seen = true;
}

static void app_write(struct world *w, unsigned i)
{
	struct end *e = &w->end[i];
	struct host_plan *plan = &w->plan.host[i];
	struct tcp_io io = world_io(w, i);
	uint8_t buf[4096];

	if (plan->answers && !e->fin_seen)
		return;
	while (e->written < plan->total && tcp_stream_waiting(&e->out) < plan->send_buffer) {
		uint32_t n = plan->total - e->written, done;

		n = n < plan->chunk ? n : plan->chunk;
		n = n < sizeof(buf) ? n : sizeof(buf);
		for (uint32_t k = 0; k < n; k++)
			buf[k] = byte_at(i, e->written + k);
		done = tcp_stream_append(&e->out, io.memory, buf, n);
		e->written += done;
		if (plan->urgent && e->written > plan->total / 2) {
			e->out.urgent = e->out.end;
			e->out.flags |= TCP_STREAM_URGENT;
			plan->urgent = false;
		}
		if (done < n)
			break;
	}
	if (e->written == plan->total)
		e->out.flags |= TCP_STREAM_FIN;
}

static void app_run(struct world *w, unsigned i)
{
	struct end *e = &w->end[i];
	struct tcp_io io = world_io(w, i);

	if (e->tcb->state < TCPS_ESTABLISHED) {
		/* what is unread when the connection ends in order may still be read */
		if (e->tcb->state == TCPS_CLOSED && e->tcb->error == TCP_ERROR_NONE)
			app_read(w, i);
		return;
	}
	if (!e->aborted && e->received + e->written >= w->plan.host[i].abort_at) {
		e->aborted = true;
		tcp_abort(e->tcb, &io, TCP_ERROR_ABORTED);
		return;
	}
	app_read(w, i);
	app_write(w, i);
}

/* ---- the pipe's handshakes ---- */

static void pipe_connect(struct world *w)
{
	struct tcp_io io = world_io(w, 3);

	if (w->end[3].opened)
		return;
	w->end[3].opened = true;
	tcp_connect(w->end[3].tcb, &io, &w->plan.pipe_offer[1]);
}

/* cookie_reply() - a SYN-ACK from nothing, as the guard sends it. */
static void cookie_reply(struct world *w, const struct tcp_segment *syn, struct tcp_segment *s)
{
	const struct tcp_offer *o = &w->plan.pipe_offer[0];

	memset(s, 0, sizeof(*s));
	s->seq = o->iss;
	s->ack = syn->seq + 1;
	s->flags = TCP_SYN | TCP_ACK;
	s->window = 65535;
	s->opt.present =
		TCP_OPT_MSS |
		(syn->opt.present & (TCP_OPT_WSCALE | TCP_OPT_TIMESTAMPS | TCP_OPT_SACK_PERMITTED));
	s->opt.mss = o->rcv_mss;
	s->opt.wscale = 4;
	s->opt.ts_val = o->ts_val;
	s->opt.ts_ecr = syn->opt.ts_val;
}

/* cookie_accept() - its ACK has come back; the SYN's options are in the cookie. */
static void cookie_accept(struct world *w, const struct tcp_segment *s)
{
	const struct tcp_offer *o = &w->plan.pipe_offer[0], *peer = &w->plan.host[0].offer;
	struct tcp_io io = world_io(w, 2);
	uint8_t scale = peer->wscale ? w->end[0].own_scale : 0;
	struct tcp_agreed a = {
		.iss = o->iss,
		.irs = s->seq - 1,
		.snd_wnd = (uint32_t)s->window << scale,
		.rcv_wnd = 65535,
		.ts_val = s->opt.ts_ecr + 1,
		.ts_recent = s->opt.ts_val,
		.mss = peer->rcv_mss,
		.rcv_mss = o->rcv_mss,
		.snd_wscale = scale,
		.rcv_wscale = peer->wscale ? 4 : 0,
		.wscale = peer->wscale,
		.sack = peer->sack,
		.timestamps = peer->timestamps,
	};

	if (s->ack != o->iss + 1 || s->seq != peer->iss + 1)
		return;
	w->end[2].opened = true;
	w->end[2].own_scales = w->end[2].peer_scales = a.wscale;
	w->end[2].own_scale = a.rcv_wscale;
	w->end[2].peer_scale = scale;
	w->end[2].adv_known = false;
	tcp_accept(w->end[2].tcb, &io, &a);
	pipe_connect(w);
}

/* handshake() - of the pipe, toward host 0. Return: was it the end of it? */
static bool handshake(struct world *w, struct tcp_segment *s)
{
	struct tcp_io io = world_io(w, 2);
	struct tcp_segment reply;

	if (w->end[2].opened)
		return false;
	if (!w->plan.cookie) {
		w->end[2].opened = true;
		tcp_listen(w->end[2].tcb, &io, &w->plan.pipe_offer[0]);
		pipe_connect(w);
		return false;
	}
	if ((s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		cookie_reply(w, s, &reply);
		network_send(w, 2, &reply);
		return true;
	}
	if ((s->flags & (TCP_ACK | TCP_RST)) == TCP_ACK)
		cookie_accept(w, s);
	return !w->end[2].opened;
}

void world_input(struct world *w, unsigned end, struct tcp_segment *s)
{
	struct tcp_pipe_io pio = pipe_io(w);
	struct tcp_io io;
	struct tcp_segment reply;

	if (end == 2 && handshake(w, s))
		return;
	io = world_io(w, end);
	if (is_host(end))
		tcp_input(w->end[end].tcb, &io, s, &reply);
	else
		tcp_pipe_input(&w->pipe, &pio, end - 2, s, &reply);
	if (reply.flags)
		network_send(w, end, &reply);
}

/* ---- the run ---- */

static void poll_all(struct world *w)
{
	struct tcp_segment s;
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct tcp_io io = world_io(w, i);

		for (unsigned twice = 0; twice < 2; twice++) {
			app_run(w, i);
			while (!w->failed &&
			       tcp_poll(w->end[i].tcb, &io, w->plan.host[i].max_len, &s))
				network_send(w, i, &s);
		}
	}
	if (w->plan.piped) {
		struct tcp_pipe_io pio = pipe_io(w);

		while (!w->failed && tcp_pipe_poll(&w->pipe, &pio, w->plan.pipe_max_len, &i, &s))
			network_send(w, i + 2, &s);
	}
}

static void check(struct world *w)
{
	for (unsigned i = 0; i < ENDS; i++) {
		const struct tcb *t = w->end[i].tcb;
		const struct tcp_config *c = i < 2 ? &w->plan.host[i].config : &w->plan.pipe_config;

		if (t->state == TCPS_CLOSED)
			continue;
		if (t->rto_ms > c->rto_max_ms || t->rto_ms < c->rto_min_ms)
			world_fail(w, "end %u: rto %u", i, t->rto_ms);
		if (seq_lt(t->snd_nxt, t->snd_una))
			world_fail(w, "end %u: snd_una passes snd_nxt", i);
		if (t->state >= TCPS_ESTABLISHED && (t->cwnd == 0 || t->cwnd > 1u << 30))
			world_fail(w, "end %u: cwnd %u", i, t->cwnd);
		if (seq_lt(t->rcv_adv, t->rcv_nxt))
			world_fail(w, "end %u: rcv_nxt passes the window", i);
	}
}

/* check_pipe() - a slow reader costs what was promised to the other side, and no more. */
static void check_pipe(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t waiting = tcp_stream_waiting(w->pipe.stream[i]);
		uint32_t buf = w->pipe.end[i]->rcv_buf;

		/* half as much again: window fields are rounded up */
		if (w->plan.piped && waiting > buf + buf / 2 + TCP_CHUNK_BYTES * 4)
			world_fail(w, "%u bytes wait in the pipe", waiting);
	}
}

/* timer_due() - on everybody's clock; a clock that has jumped may be past it. */
static usec_t timer_due(const struct world *w, unsigned end)
{
	usec_t clock = world_clock(w, end), due = tcp_deadline(w->end[end].tcb, clock);

	if (due == USEC_NEVER)
		return due;
	return due > clock ? w->now + (due - clock) : w->now;
}

static usec_t next_event(struct world *w)
{
	usec_t next = USEC_NEVER, at;

	if (network_next(w, &at))
		next = at;
	for (unsigned i = 0; i < ENDS; i++) {
		at = timer_due(w, i);
		next = at < next ? at : next;
	}
	for (unsigned i = 0; i < MACHINES && next != USEC_NEVER; i++) {
		at = BEGIN + w->plan.jump[i].at;
		if (at > w->now && at < next)
			next = at;
	}
	for (unsigned i = 0; i < 2; i++) {
		at = w->end[i].stalled_until;
		if (at > w->now && at < next)
			next = at;
	}
	return next;
}

static uint32_t clock_ms(const struct world *w, unsigned end)
{
	return (uint32_t)(world_clock(w, end) / USEC_PER_MSEC);
}

/* is_timeout() - is it about to give up waiting for what it has sent, or for a window? */
static bool is_timeout(const struct world *w, unsigned i)
{
	const struct tcb *t = w->end[i].tcb;

	return (t->timer == TCB_TIMER_RTO || t->timer == TCB_TIMER_PERSIST) &&
	       seq_leq(t->timer_at, clock_ms(w, i));
}

/*
 * check_timeout() - of retransmissions and probes. One that follows another, with nothing measured in between,
 * is twice as patient, up to the bound; none comes before its time.
 */
static void check_timeout(struct world *w, unsigned i, uint32_t before)
{
	struct end *e = &w->end[i];
	const struct tcb *t = e->tcb;
	const struct tcp_config *c = i < 2 ? &w->plan.host[i].config : &w->plan.pipe_config;
	uint32_t now = clock_ms(w, i);
	uint32_t patience = t->timer_at - now - 1;

	if (t->state == TCPS_CLOSED)
		return;
	if (t->backoff != before + 1 || patience < t->rto_ms || patience > c->rto_max_ms)
		world_fail(w, "end %u: time-out %u in a row, the next in %u ms, rto %u", i,
			   t->backoff, patience, t->rto_ms);
	if (before > 0 && e->fired == before && e->fired_rto == t->rto_ms) {
		if (patience < 2 * e->patience && patience < c->rto_max_ms)
			world_fail(w, "end %u: time-outs of %u and %u ms", i, e->patience,
				   patience);
		if (now - e->fired_at < e->patience)
			world_fail(w, "end %u: a time-out after %u of %u ms", i, now - e->fired_at,
				   e->patience);
	}
	e->fired_at = now;
	e->fired = t->backoff;
	e->fired_rto = t->rto_ms;
	e->patience = patience;
}

static void expire(struct world *w)
{
	bool timeout[ENDS];
	uint32_t before[ENDS];

	for (unsigned i = 0; i < ENDS; i++) {
		timeout[i] = is_timeout(w, i);
		before[i] = w->end[i].tcb->backoff;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_io io = world_io(w, i);

		tcp_expire(w->end[i].tcb, &io);
	}
	if (w->plan.piped) {
		struct tcp_pipe_io pio = pipe_io(w);

		tcp_pipe_expire(&w->pipe, &pio);
	}
	for (unsigned i = 0; i < ENDS; i++) {
		if (timeout[i])
			check_timeout(w, i, before[i]);
	}
}

static bool everybody_done(const struct world *w)
{
	for (unsigned i = 0; i < (w->plan.piped ? 4 : 2); i++) {
		if (!tcp_is_over(w->end[i].tcb))
			return false;
		if (i < 2 && w->end[i].stalled_until > w->now)
			return false;
	}
	return true;
}

static void advance(struct world *w)
{
	usec_t next = next_event(w), at;

	if (next == USEC_NEVER || next > w->plan.link[0].delay + TIME_LIMIT) {
		world_fail(w, "does not end: %s %s %s %s", tcp_state_name(w->end[0].tcb->state),
			   tcp_state_name(w->end[1].tcb->state),
			   tcp_state_name(w->end[2].tcb->state),
			   tcp_state_name(w->end[3].tcb->state));
		return;
	}
	if (network_next(w, &at) && at <= next) {
		network_deliver(w);
		return;
	}
	w->now = next > w->now ? next : w->now;
	expire(w);
}

static void begin(struct world *w, const struct plan *plan)
{
	void *chunk[2] = {w->chunk[0], w->chunk[1]};

	memset(w, 0, sizeof(*w));
	memcpy(w->chunk, chunk, sizeof(chunk));
	w->plan = *plan;
	w->now = BEGIN;
	w->hash = 0xcbf29ce484222325u;
	rng_seed(&w->rng, plan->seed, 1);
	tcp_pool_init(&w->pool[0], CHUNKS);
	tcp_pool_init(&w->pool[1], CHUNKS);
	w->pipe = (struct tcp_pipe){{&w->pipe_end[0], &w->pipe_end[1]},
				    {&w->pipe_stream[0], &w->pipe_stream[1]}};
	tcp_pipe_init(&w->pipe);
	for (unsigned i = 0; i < ENDS; i++) {
		struct end *e = &w->end[i];

		e->tcb = i < 2 ? &e->own : &w->pipe_end[i - 2];
		e->own.flight = e->own.gaps = INDEX_NONE;
		e->link = plan->link[i];
		e->link.mtu_changes += w->now;
		tcp_stream_init(&e->in);
		tcp_stream_init(&e->out);
	}
}

/* judge() - after the end: nothing lost, nothing left over. */
static void judge(struct world *w)
{
	bool broken = false;

	for (unsigned i = 0; i < ENDS; i++)
		broken |= w->end[i].tcb->error != TCP_ERROR_NONE;
	for (unsigned i = 0; i < 2; i++) {
		struct end *e = &w->end[i];
		struct tcp_io io = world_io(w, i);

		tcp_stream_clear(&e->in, io.memory);
		tcp_stream_clear(&e->out, io.memory);
		if (!broken && e->received != w->plan.host[!i].total)
			world_fail(w, "host %u has %u of %u bytes", i, e->received,
				   w->plan.host[!i].total);
		if (!broken && !e->fin_seen)
			world_fail(w, "host %u has seen no FIN", i);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (w->pool[i].used > 0)
			world_fail(w, "%u chunks are left in pool %u", w->pool[i].used, i);
	}
}

int world_run(struct world *w, const struct plan *plan)
{
	struct tcp_io io;

	begin(w, plan);
	io = world_io(w, 0);
	tcp_connect(w->end[0].tcb, &io, &w->plan.host[0].offer);
	io = world_io(w, 1);
	if (plan->simultaneous)
		tcp_connect(w->end[1].tcb, &io, &w->plan.host[1].offer);
	else
		tcp_listen(w->end[1].tcb, &io, &w->plan.host[1].offer);
	while (!w->failed) {
		bool host_1_waits = w->end[1].tcb->state == TCPS_LISTEN;

		poll_all(w);
		check(w);
		check_pipe(w);
		if (!w->finished && w->end[0].fin_seen && w->end[1].fin_seen)
			w->finished = w->now;
		if (everybody_done(w) && w->n_heap == 0)
			break;
		/* whoever gave up before the other one heard of it leaves a listener behind */
		if (host_1_waits && tcp_is_over(w->end[0].tcb) && w->n_heap == 0 &&
		    (!plan->piped || tcp_is_over(w->end[3].tcb))) {
			w->end[1].tcb->state = TCPS_CLOSED;
			continue;
		}
		if (++w->steps > 20000000)
			world_fail(w, "too many steps");
		if (!w->failed)
			advance(w);
	}
	if (!w->failed)
		judge(w);
	network_clear(w);
	return w->failed ? -1 : 0;
}
