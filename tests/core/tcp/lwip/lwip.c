/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An independent peer: lwIP at the other end of a bad wire, in virtual time. It connects to our endpoint,
 * our endpoint connects to it, or it sits at both ends of a pipe. A seed that fails is printed, and
 *
 *	lwip --seed N --runs 1 --verbose
 *
 * plays it again, every segment with it. Each seed has a process of its own: lwIP cannot be made to
 * forget what it has lived through.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/tcp/pieces.h"
#include "core/tcp/pipe.h"
#include "sim/rng.h"
#include "stack.h"
#include "wire/build.h"
#include "wire/text.h"

#define CHUNKS	   2048
#define TIME_LIMIT (6 * 3600 * USEC_PER_SEC)
#define FLYING_MAX 4096
#define SKIPPED	   77

enum shape { THEY_CONNECT, WE_CONNECT, THROUGH_PIPE, SHAPES };

struct plan {
	enum shape shape;
	bool v6;
	uint32_t loss_ppm, dup_ppm, reorder_ppm;
	usec_t delay, jitter;
	struct tcp_config config;
	struct tcp_offer offer[2];
	struct stack_plan app[2];
	uint32_t max_len;
};

struct packet {
	usec_t at;
	uint64_t serial;
	bool to_lwip;
	unsigned end;
	uint32_t len;
	uint8_t data[1600];
};

/* What a seed has to tell its parent. */
struct outcome {
	char why[200]; /* empty: well */
	uint64_t packets, lost, resent, bytes;
	bool broken_off;
};

static struct {
	struct plan plan;
	struct rng rng;
	usec_t now, tick_at;
	struct tcp_pipe pipe; /* both ends, or end 0 and the application @own */
	struct tcb end_of_pipe[2];
	struct tcp_stream stream_of_pipe[2];
	struct tcp_pool pool;
	union tcp_chunk chunk[CHUNKS];
	struct tcp_link link[CHUNKS];
	struct stack_app app[2]; /* lwIP's, behind end 0 and 1 */
	struct stack_app own; /* ours, alone */
	struct packet *flying[FLYING_MAX];
	unsigned n_flying;
	uint64_t serial;
	bool verbose, begun;
	struct outcome out;
} w;

static const struct stack_address theirs[2] = {
	{0x0100000a, {0x000000fd, 0, 0, 0x01000000}}, /* 10.0.0.1, fd00::1 */
	{0x0101000a, {0x000000fd, 0x01000000, 0, 0x01000000}}, /* 10.0.1.1, fd00:0:0:1::1 */
};
static const struct stack_address ours[2] = {
	{0x0200000a, {0x000000fd, 0, 0, 0x02000000}},
	{0x0201000a, {0x000000fd, 0x01000000, 0, 0x02000000}},
};

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *fmt, ...)
{
	va_list ap;

	if (w.out.why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(w.out.why, sizeof(w.out.why), fmt, ap);
	va_end(ap);
}

static struct tcp_pipe_io pipe_io(void)
{
	return (struct tcp_pipe_io){&w.plan.config, {&w.pool, w.chunk, w.link, NULL, 0}, w.now};
}

static struct tcp_io side(unsigned i)
{
	struct tcp_pipe_io pio = pipe_io();

	return tcp_pipe_side(&w.pipe, &pio, i);
}

static bool piped(void)
{
	return w.plan.shape == THROUGH_PIPE;
}

/* ---- the wire ---- */

static void launch(bool to_lwip, unsigned end, const uint8_t *data, uint32_t len)
{
	const struct plan *p = &w.plan;
	struct packet *packet;

	w.out.packets++;
	if (rng_chance(&w.rng, p->loss_ppm)) {
		w.out.lost++;
		return;
	}
	if (w.n_flying == FLYING_MAX || len > sizeof(packet->data)) {
		fail("%u packets on the wire, the next has %u bytes", w.n_flying, len);
		return;
	}
	packet = malloc(sizeof(*packet));
	*packet = (struct packet){
		.at = w.now + p->delay + rng_below(&w.rng, p->jitter + 1),
		.serial = w.serial++,
		.to_lwip = to_lwip,
		.end = end,
		.len = len,
	};
	if (rng_chance(&w.rng, p->reorder_ppm))
		packet->at += rng_below(&w.rng, 3 * p->delay + 1);
	memcpy(packet->data, data, len);
	w.flying[w.n_flying++] = packet;
}

static void trace(bool to_lwip, unsigned end, const uint8_t *data, uint32_t len)
{
	char text[PKT_TEXT_MAX];
	uint8_t copy[1600];
	struct pkt p;

	if (!w.verbose)
		return;
	memcpy(copy, data, len);
	pkt_parse(&p, copy, len, len, PKT_CSUM_UNVERIFIED);
	pkt_format(&p, text, sizeof(text));
	printf("%10.3f %s %u %s\n", (double)w.now / 1e6, to_lwip ? "we  " : "lwIP", end, text);
}

static void transmit(bool to_lwip, unsigned end, const uint8_t *data, uint32_t len)
{
	trace(to_lwip, end, data, len);
	launch(to_lwip, end, data, len);
	if (rng_chance(&w.rng, w.plan.dup_ppm))
		launch(to_lwip, end, data, len);
}

static void on_lwip_output(void *arg, unsigned nif, const uint8_t *data, uint32_t len)
{
	transmit(false, nif, data, len);
}

static struct ip_addr address(const struct stack_address *a)
{
	struct ip_addr v6;

	memcpy(v6.w, a->v6, sizeof(v6.w));
	return w.plan.v6 ? v6 : ip_addr_v4(a->v4);
}

static void send_piece(unsigned end, const struct tcp_segment *s)
{
	static uint8_t packet[1600];
	bool connects = end == 1 || w.plan.shape == WE_CONNECT;
	struct segment out = {
		.src = address(&ours[end]),
		.dst = address(&theirs[end]),
		.sport = connects ? 1024 : STACK_PORT,
		.dport = connects ? STACK_PORT : 0,
		.seq = s->seq,
		.ack = s->ack,
		.flags = s->flags,
		.window = s->window,
		.urgent = s->urgent,
		.opt = s->opt,
		.payload = s->data,
		.payload_len = s->len,
	};
	int len;

	if (!connects)
		out.dport = (uint16_t)(uintptr_t)w.own.pcb;
	len = segment_build(&out, packet, sizeof(packet));
	if (len < 0)
		fail("a segment of %u bytes cannot be built", s->len);
	else
		transmit(true, end, packet, (uint32_t)len);
}

static void send_segment(unsigned end, const struct tcp_segment *s)
{
	struct tcp_io io = side(end);
	struct tcp_segment piece;
	struct pieces pieces;

	pieces_begin(&pieces, &io, s);
	while (pieces_next(&pieces, &piece))
		send_piece(end, &piece);
}

/* take_packet() - one for us; the peer's port is learned from its SYN. */
static void take_packet(unsigned end, uint8_t *data, uint32_t len)
{
	struct tcp_pipe_io pio = pipe_io();
	struct tcp_io io = side(end);
	struct tcp_segment s, reply;
	struct pkt p;

	if (pkt_parse(&p, data, len, len, PKT_CSUM_UNVERIFIED) != 0 || p.kind != PKT_TCP)
		return; /* lwIP asks for multicast groups and neighbours as well */
	if (!pkt_checksum_ok(&p)) {
		fail("a wrong checksum");
		return;
	}
	if (p.flags & TCP_SYN && !(p.flags & TCP_ACK))
		w.own.pcb = (void *)(uintptr_t)p.sport;
	tcp_segment_of(&s, &p);
	if (piped()) {
		if (end == 0 && !w.begun && s.flags & TCP_SYN) {
			struct tcp_io other = side(1);

			w.begun = true;
			tcp_connect(&w.end_of_pipe[1], &other, &w.plan.offer[1]);
		}
		tcp_pipe_input(&w.pipe, &pio, end, &s, &reply);
	} else {
		tcp_input(&w.end_of_pipe[0], &io, &s, &reply);
	}
	if (reply.flags)
		send_segment(end, &reply);
}

static unsigned first_packet(void)
{
	unsigned first = 0;

	for (unsigned i = 1; i < w.n_flying; i++) {
		const struct packet *a = w.flying[i], *b = w.flying[first];

		if (a->at < b->at || (a->at == b->at && a->serial < b->serial))
			first = i;
	}
	return first;
}

static void deliver(void)
{
	unsigned i = first_packet();
	struct packet *p = w.flying[i];

	w.flying[i] = w.flying[--w.n_flying];
	w.now = p->at;
	if (p->to_lwip)
		stack_input(p->end, p->data, p->len, w.now);
	else
		take_packet(p->end, p->data, p->len);
	free(p);
}

/* ---- our application ---- */

static void own_read(struct tcp_io *io)
{
	struct stack_app *a = &w.own;
	uint8_t buf[4096];

	if (!a->stalled_until && a->read >= a->plan.stall_at)
		a->stalled_until = w.now + a->plan.stall;
	while (tcp_stream_waiting(io->in) > 0 && w.now >= a->stalled_until) {
		uint32_t n = tcp_stream_waiting(io->in);

		n = n < sizeof(buf) ? n : sizeof(buf);
		tcp_stream_copy(io->in, io->memory, io->in->start, buf, n);
		for (uint32_t k = 0; k < n; k++)
			a->wrong |= buf[k] != app_byte(a->peer_salt, a->read + k);
		a->read += n;
		tcp_stream_release(io->in, io->memory, io->in->start + n);
		if (!a->stalled_until && a->read >= a->plan.stall_at)
			a->stalled_until = w.now + a->plan.stall;
	}
	if (tcp_stream_waiting(io->in) == 0 && (io->in->flags & TCP_STREAM_FIN))
		a->fin_seen = true;
}

static void own_write(struct tcp_io *io)
{
	struct stack_app *a = &w.own;
	uint8_t buf[4096];

	if (a->plan.answers && !a->fin_seen)
		return;
	while (a->written < a->plan.total && tcp_stream_waiting(io->out) < 128 * 1024) {
		uint32_t n = a->plan.total - a->written;

		n = n < a->plan.chunk ? n : a->plan.chunk;
		n = n < sizeof(buf) ? n : sizeof(buf);
		for (uint32_t k = 0; k < n; k++)
			buf[k] = app_byte(a->salt, a->written + k);
		a->written += tcp_stream_append(io->out, io->memory, buf, n);
	}
	if (a->written == a->plan.total)
		io->out->flags |= TCP_STREAM_FIN;
}

static void own_run(void)
{
	struct tcb *t = &w.end_of_pipe[0];
	struct tcp_io io = side(0);

	if (t->state < TCPS_ESTABLISHED) {
		if (t->state == TCPS_CLOSED && t->error == TCP_ERROR_NONE)
			own_read(&io);
		return;
	}
	if (!w.own.aborted && w.own.written + w.own.read >= w.own.plan.abort_at) {
		w.own.aborted = true;
		tcp_abort(t, &io, TCP_ERROR_ABORTED);
		return;
	}
	own_read(&io);
	own_write(&io);
}

/* ---- a run ---- */

static unsigned n_ends(void)
{
	return piped() ? 2 : 1;
}

static void work(void)
{
	struct tcp_segment s;

	for (unsigned i = 0; i < n_ends(); i++)
		stack_run(&w.app[i], w.now);
	for (unsigned twice = 0; twice < 2; twice++) {
		if (!piped())
			own_run();
		for (unsigned i = 0; i < n_ends(); i++) {
			struct tcp_io io = side(i);

			while (tcp_poll(&w.end_of_pipe[i], &io, w.plan.max_len, &s))
				send_segment(i, &s);
		}
	}
}

/* is_waiting() - may lwIP's application @i wait for ever? */
static bool is_waiting(unsigned i)
{
	const struct stack_app *a = &w.app[i];

	if (a->closed)
		return false;
	/* whoever only listens may never hear of a connection */
	if (!a->connected)
		return i == 1 || w.plan.shape == WE_CONNECT;
	/* lwIP sends no keepalives in FIN-WAIT-2: if the RST got lost, it is not told again */
	return a->fin_sent && (w.app[0].aborted || w.app[1].aborted || w.own.aborted);
}

static bool is_done(void)
{
	bool waits = false, listens = w.end_of_pipe[0].state == TCPS_LISTEN && w.app[0].closed;

	for (unsigned i = 0; i < n_ends(); i++) {
		if (!listens && !tcp_is_over(&w.end_of_pipe[i]))
			return false;
		waits |= is_waiting(i);
		if (!w.app[i].closed && !is_waiting(i))
			return false;
	}
	return (piped() || listens || w.own.stalled_until <= w.now) && w.n_flying == 0 &&
	       (waits || stack_is_idle());
}

static void advance(void)
{
	usec_t next = w.tick_at, at;
	struct tcp_pipe_io pio = pipe_io();
	struct tcp_io io = side(0);

	at = piped() ? tcp_pipe_deadline(&w.pipe, w.now) : tcp_deadline(&w.end_of_pipe[0], w.now);
	next = at < next ? at : next;
	for (unsigned i = 0; i < 3; i++) {
		at = i < 2 ? w.app[i].stalled_until : w.own.stalled_until;
		next = at > w.now && at < next ? at : next;
	}
	if (w.n_flying > 0 && w.flying[first_packet()]->at <= next) {
		deliver();
		return;
	}
	w.now = next > w.now ? next : w.now;
	if (w.now >= w.tick_at) {
		w.tick_at += STACK_TICK;
		stack_tick();
	}
	if (piped())
		tcp_pipe_expire(&w.pipe, &pio);
	else
		tcp_expire(&w.end_of_pipe[0], &io);
}

static void judge_app(const struct stack_app *a, const struct stack_app *writer, const char *name)
{
	if (a->wrong)
		fail("%s received a wrong byte before %u", name, a->read);
	if (a->read > writer->written)
		fail("%s received %u of %u bytes", name, a->read, writer->written);
	w.out.bytes += a->read;
	if (w.out.broken_off)
		return;
	if (a->error)
		fail("%s ends with lwIP's error %d", name, a->error);
	if (a->read != writer->plan.total || !a->fin_seen)
		fail("%s received %u of %u bytes%s", name, a->read, writer->plan.total,
		     a->fin_seen ? "" : " and no FIN");
}

static void judge(void)
{
	struct stack_app *second = piped() ? &w.app[1] : &w.own;

	w.out.broken_off = w.app[0].aborted || second->aborted;
	judge_app(&w.app[0], second, "the first");
	judge_app(second, &w.app[0], "the second");
	for (unsigned i = 0; i < n_ends(); i++) {
		const struct tcb *t = &w.end_of_pipe[i];

		w.out.resent += t->retransmits;
		if (!w.out.broken_off && t->error)
			fail("end %u: %s", i, tcp_error_text((enum tcp_error)t->error));
	}
	for (unsigned i = 0; i < 2 && !piped(); i++)
		tcp_stream_clear(&w.stream_of_pipe[i], pipe_io().memory);
	if (w.pool.used > 0)
		fail("%u chunks are left", w.pool.used);
}

static void plan_app(struct rng *r, struct stack_plan *a)
{
	a->total = rng_pct(r, 10) ? 0 : rng_size(r, 300000);
	a->chunk = 1 + rng_size(r, 8191);
	a->abort_at = rng_pct(r, 8) ? rng_size(r, 200000) : UINT32_MAX;
	a->stall_at = rng_pct(r, 25) ? rng_size(r, 100000) : UINT32_MAX;
	a->stall = rng_range(r, 1000, 60 * USEC_PER_SEC);
}

static void plan_make(struct plan *p, struct rng *r)
{
	static const uint32_t loss[] = {0, 0, 1000, 10000, 30000, 80000};

	p->shape = (enum shape)rng_below(r, SHAPES);
	p->v6 = rng_pct(r, 40);
	p->loss_ppm = loss[rng_below(r, ARRAY_SIZE(loss))];
	p->dup_ppm = rng_pct(r, 30) ? (uint32_t)rng_range(r, 1000, 100000) : 0;
	p->reorder_ppm = rng_pct(r, 30) ? (uint32_t)rng_range(r, 1000, 200000) : 0;
	p->delay = rng_range(r, 50, 100000);
	p->jitter = rng_pct(r, 50) ? rng_below(r, p->delay) : 0;
	p->max_len = rng_pct(r, 50) ? 0 : (uint32_t)rng_range(r, 1, 65535);
	tcp_config_default(&p->config);
	p->config.congestion = rng_pct(r, 50) ? TCP_CUBIC : TCP_NEWRENO;
	p->config.rcv_buf =
		rng_pct(r, 50) ? p->config.rcv_buf : (uint32_t)rng_range(r, 2000, 400000);
	p->config.keepalive_idle_ms = 60000;
	p->config.keepalive_interval_ms = 10000;
	for (unsigned i = 0; i < 2; i++) {
		p->offer[i] = (struct tcp_offer){
			.iss = rng_pct(r, 50) ? 0u - rng_size(r, 300000) : (uint32_t)rng_u64(r),
			.ts_val = (uint32_t)rng_u64(r),
			.rcv_mss = rng_pct(r, 70) ? 1440 : (uint16_t)rng_range(r, 200, 1440),
			.wscale = rng_pct(r, 70),
			.sack = rng_pct(r, 70),
			.timestamps = rng_pct(r, 70),
			.ecn = rng_pct(r, 30),
			.v6 = p->v6,
		};
		plan_app(r, &p->app[i]);
	}
	p->app[rng_below(r, 2)].answers = rng_pct(r, 40);
}

static void begin(uint64_t seed)
{
	struct stack_app *second;
	struct tcp_io io;

	rng_seed(&w.rng, seed, 3);
	srand((unsigned)seed); /* lwIP's ports */
	plan_make(&w.plan, &w.rng);
	w.now = 1000 * USEC_PER_SEC;
	w.tick_at = w.now + rng_below(&w.rng, STACK_TICK);
	tcp_pool_init(&w.pool, CHUNKS);
	w.pipe = (struct tcp_pipe){{&w.end_of_pipe[0], &w.end_of_pipe[1]},
				   {&w.stream_of_pipe[0], &w.stream_of_pipe[1]}};
	tcp_pipe_init(&w.pipe);
	second = piped() ? &w.app[1] : &w.own;
	w.app[0].plan = w.plan.app[0];
	second->plan = w.plan.app[1];
	second->salt = w.app[0].peer_salt = 1;
	for (unsigned i = 0; i < 2; i++)
		stack_interface(i, &theirs[i]);
	io = side(0);
	if (w.plan.shape == WE_CONNECT) {
		stack_listen(&w.app[0]);
		tcp_connect(&w.end_of_pipe[0], &io, &w.plan.offer[0]);
		return;
	}
	tcp_listen(&w.end_of_pipe[0], &io, &w.plan.offer[0]);
	if (piped())
		stack_listen(&w.app[1]);
	stack_connect(&w.app[0], &ours[0], w.plan.v6);
}

static void run(uint64_t seed)
{
	begin(seed);
	while (!w.out.why[0]) {
		work();
		if (is_done())
			break;
		if (w.now > TIME_LIMIT)
			fail("does not end: %s, %s",
			     tcp_state_name((enum tcp_state)w.end_of_pipe[0].state),
			     tcp_state_name((enum tcp_state)w.end_of_pipe[1].state));
		advance();
	}
	if (!w.out.why[0])
		judge();
}

/* ---- seeds ---- */

/* run_apart() - in a process of its own. Return: false if it could not tell how it went. */
static bool run_apart(uint64_t seed, struct outcome *out)
{
	int fd[2], status;
	ssize_t got;
	pid_t pid;

	fflush(stdout);
	if (pipe(fd) != 0)
		return false;
	pid = fork();
	if (pid == 0) {
		run(seed);
		fflush(stdout);
		_exit(write(fd[1], &w.out, sizeof(w.out)) != sizeof(w.out));
	}
	close(fd[1]);
	got = read(fd[0], out, sizeof(*out));
	close(fd[0]);
	waitpid(pid, &status, 0);
	return got == sizeof(*out);
}

static int usage(void)
{
	fprintf(stderr, "usage: lwip [--seed N] [--runs N] [--seconds N] [--verbose]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, runs = 600, seconds = 15, i, broken = 0;
	struct outcome out, total = {0};
	time_t until;
	const char *why;
	int failed = 0;

	for (int k = 1; k < argc; k++) {
		if (strcmp(argv[k], "--verbose") == 0)
			w.verbose = true;
		else if (k + 1 == argc)
			return usage();
		else if (strcmp(argv[k], "--seed") == 0)
			seed = strtoull(argv[++k], NULL, 0);
		else if (strcmp(argv[k], "--runs") == 0)
			runs = strtoull(argv[++k], NULL, 0);
		else if (strcmp(argv[k], "--seconds") == 0)
			seconds = strtoull(argv[++k], NULL, 0);
		else
			return usage();
	}
	why = stack_load(on_lwip_output, NULL);
	if (why) {
		printf("SKIP: %s\n", why);
		return SKIPPED;
	}
	until = time(NULL) + (time_t)seconds;
	for (i = 0; i < runs && failed < 5 && (!seconds || time(NULL) < until); i++) {
		if (!run_apart(seed + i, &out))
			snprintf(out.why, sizeof(out.why), "died");
		if (out.why[0]) {
			printf("seed %llu: %s\n", (unsigned long long)seed + i, out.why);
			failed++;
			continue;
		}
		total.packets += out.packets;
		total.lost += out.lost;
		total.resent += out.resent;
		total.bytes += out.bytes;
		broken += out.broken_off;
	}
	printf("%llu runs: %llu bytes in %llu packets, %llu lost; %llu times we sent again; "
	       "%llu ended by a reset\n",
	       (unsigned long long)i, (unsigned long long)total.bytes,
	       (unsigned long long)total.packets, (unsigned long long)total.lost,
	       (unsigned long long)total.resent, (unsigned long long)broken);
	return failed ? 1 : 0;
}
