/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: a program for one endpoint and its application, or for a pipe of two.
 *
 * `make fuzz TARGET=tcp` looks for more of them; in `make check` driver.c runs the committed corpus.
 *
 * Input: HEADER bytes that say what is opened and with which options, then steps of one byte (the low
 * three bits say what, bit 3 at which end, the others how) and their operands. Numbers in segments are
 * relative to the endpoint's state, so most of what is made is close to an edge.
 */
#include <stdlib.h>
#include <string.h>

#include "base/seq.h"
#include "core/tcp/pipe.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tcp_watch.h"
#include "wire/build.h"

#define HEADER	   5
#define CHUNKS_MAX 128
#define SEND_MAX   60000 /* bytes the application leaves with its endpoint */

/* A pipe in both shapes: alone, end 0 has an application instead of end 1. */
static struct {
	struct tcp_pipe pipe;
	struct tcb end_of_pipe[2];
	struct tcp_stream stream_of_pipe[2];
	struct watch watch[2];
	struct tcp_pool pool;
	union tcp_chunk chunk[CHUNKS_MAX];
	struct tcp_link link[CHUNKS_MAX];
	struct tcp_config config;
	struct tcp_offer offer;
	struct { /* the peer of an end, as far as it behaves */
		uint32_t iss, nxt; /* its next sequence number */
		bool dirty; /* it has sent something else than watch_byte() */
	} peer[2];
	bool piped, reading_closed;
	uint32_t read, written;
	usec_t now;
	const uint8_t *at, *end;
} f;

static uint8_t next(void)
{
	return f.at < f.end ? *f.at++ : 0;
}

static uint32_t next16(void)
{
	uint32_t high = next();

	return high << 8 | next();
}

static struct tcp_pipe_io pipe_io(void)
{
	return (struct tcp_pipe_io){.config = &f.config,
				    .memory = {.pool = &f.pool, .chunk = f.chunk, .link = f.link},
				    .now = f.now};
}

static struct tcp_io side(unsigned i)
{
	struct tcp_pipe_io pio = pipe_io();

	return tcp_pipe_side(&f.pipe, &pio, i);
}

/* ---- after every step ---- */

static void check(void)
{
	struct tcp_memory m = pipe_io().memory;
	uint32_t chunks = 0;

	for (unsigned i = 0; i < 2; i++) {
		const struct tcb *t = &f.end_of_pipe[i];

		chunks += watch_stream(&f.stream_of_pipe[i], m);
		chunks += (t->flight != INDEX_NONE) + (t->gaps != INDEX_NONE);
		if (i == 0 || f.piped)
			watch_books(&f.watch[i], m);
	}
	must(chunks == f.pool.used, "chunks are lost");
	if (f.piped && tcp_pipe_is_over(&f.pipe))
		must(f.pool.used == 0, "chunks of the dead");
}

static void poll_all(void)
{
	struct tcp_segment s;
	unsigned n = 0, i;

	for (i = 0; i < (f.piped ? 2 : 1); i++) {
		struct tcp_io io = side(i);

		while (tcp_poll(&f.end_of_pipe[i], &io, f.at < f.end ? f.at[0] * 256u : 0, &s)) {
			watch_sent(&f.watch[i], &io, &s);
			must(++n < 20000, "segments without end");
		}
	}
	check();
}

static void expire(void)
{
	struct tcp_pipe_io pio = pipe_io();
	struct tcp_io io = side(0);

	if (f.piped)
		tcp_pipe_expire(&f.pipe, &pio);
	else
		tcp_expire(&f.end_of_pipe[0], &io);
}

static usec_t deadline(void)
{
	if (f.piped)
		return tcp_pipe_deadline(&f.pipe, f.now);
	return tcp_deadline(&f.end_of_pipe[0], f.now);
}

/* pass() - time; timers fire when they are due, and having fired they are not due any more. */
static void pass(usec_t duration)
{
	usec_t until = f.now + duration;

	for (unsigned n = 0; deadline() <= until; n++) {
		must(n < 20000, "timers without end");
		f.now = deadline();
		expire();
		poll_all();
		must(deadline() > f.now, "a timer that fires on and on");
	}
	f.now = until;
}

/* ---- segments ---- */

static void give(unsigned i, struct tcp_segment *s)
{
	struct tcp_pipe_io pio = pipe_io();
	struct tcp_io io = side(i);
	struct tcp_segment reply;

	if (f.piped)
		tcp_pipe_input(&f.pipe, &pio, i, s, &reply);
	else
		tcp_input(&f.end_of_pipe[0], &io, s, &reply);
	must(!(reply.flags & ~(TCP_RST | TCP_ACK)), "an odd reply");
	check();
}

/* offset_of() - of the text of @s in the stream that the peer of end @i sends. */
static uint32_t offset_of(unsigned i, const struct tcp_segment *s)
{
	const struct tcb *t = &f.end_of_pipe[i];
	uint32_t first = s->seq + !!(s->flags & TCP_SYN);

	if (t->state > TCPS_SYN_SENT)
		return first - t->irs - 1;
	return s->flags & TCP_SYN ? 0 : first - f.peer[i].iss - 1;
}

static void put_text(unsigned i, struct tcp_segment *s, uint32_t len, bool forged)
{
	static uint8_t text[70000];
	uint32_t offset = offset_of(i, s);

	f.peer[i].dirty |= forged && len > 0;
	f.watch[!i].out_dirty |= f.peer[i].dirty;
	for (uint32_t k = 0; k < len; k++)
		text[k] = watch_byte((uint8_t)i, offset + k) ^ (forged ? 0x55 : 0);
	s->data = text;
	s->len = len;
}

/* basics() - what the peer of end @i sends when it does nothing wrong. */
static struct tcp_segment basics(unsigned i)
{
	const struct tcb *t = &f.end_of_pipe[i];
	struct tcp_segment s = {
		.seq = f.peer[i].nxt, .ack = t->snd_nxt, .flags = TCP_ACK, .window = 0x4000};

	if (t->state >= TCPS_ESTABLISHED)
		s.seq = t->rcv_nxt;
	if (t->flags & TCB_TIMESTAMPS) {
		s.opt.present |= TCP_OPT_TIMESTAMPS;
		s.opt.ts_val = (uint32_t)(f.now / 1000);
		s.opt.ts_ecr = s.opt.ts_val;
	}
	return s;
}

static void add_syn(struct tcp_segment *s)
{
	s->opt.present |= TCP_OPT_MSS | (f.offer.sack ? TCP_OPT_SACK_PERMITTED : 0) |
			  (f.offer.wscale ? TCP_OPT_WSCALE : 0) |
			  (f.offer.timestamps ? TCP_OPT_TIMESTAMPS : 0);
	s->opt.mss = 1460;
	s->opt.wscale = 3;
	s->opt.ts_val = (uint32_t)(f.now / 1000);
	s->opt.ts_ecr = s->opt.ts_val;
}

/* nice() - a segment in order: SYN, SYN-ACK, data, all with an ACK of everything. */
static void nice(unsigned i, uint8_t how)
{
	const struct tcb *t = &f.end_of_pipe[i];
	struct tcp_segment s = basics(i);
	uint32_t len = how & 8 ? 0 : next16() % 3000;

	if (t->state == TCPS_LISTEN || t->state == TCPS_SYN_SENT) {
		s.seq = f.peer[i].iss;
		s.flags = t->state == TCPS_LISTEN ? TCP_SYN : TCP_SYN | TCP_ACK;
		if (f.offer.ecn)
			s.flags |= t->state == TCPS_LISTEN ? TCP_ECE | TCP_CWR : TCP_ECE;
		f.peer[i].nxt = s.seq + 1;
		add_syn(&s);
	} else if (t->state >= TCPS_ESTABLISHED) {
		put_text(i, &s, len, false);
		s.flags |= how & 1 ? TCP_FIN : 0;
	}
	if (how & 2)
		s.window = (uint16_t)next16();
	if (how & 4)
		s.ack = t->snd_una + (t->snd_nxt - t->snd_una) / 2;
	give(i, &s);
}

/* near() - one of the edges, and some bytes beside it. */
static uint32_t near(const uint32_t *edge, unsigned n, uint8_t which)
{
	static const uint32_t step[] = {0, 1, 100, 1448};
	uint32_t by = step[which >> 3 & 3] * (1u + (which >> 6));

	return edge[which % n] + (which & 4 ? 0 - by : by);
}

static void put_sack(const struct tcb *t, struct tcp_segment *s)
{
	s->opt.present |= TCP_OPT_SACK;
	s->opt.n_sack = 1 + (next() & 3) % TCP_SACK_MAX;
	for (unsigned k = 0; k < s->opt.n_sack; k++) {
		uint32_t in_flight = t->snd_nxt - t->snd_una;
		uint32_t left = t->snd_una + (in_flight * (uint64_t)next() / 255u);

		s->opt.sack[k].left = left;
		s->opt.sack[k].right = left + next() * 16u;
	}
}

/* odd() - a segment with anything in it. */
static struct tcp_segment odd(unsigned i, uint8_t how)
{
	static const uint16_t often[] = {
		TCP_ACK, TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK, TCP_SYN,
		TCP_RST, TCP_RST | TCP_ACK, TCP_SYN | TCP_ACK, 0,
		TCP_FIN, TCP_ACK | TCP_URG, TCP_ACK | TCP_ECE, TCP_ACK | TCP_CWR};
	const struct tcb *t = &f.end_of_pipe[i];
	const uint32_t seqs[] = {t->rcv_nxt, t->rcv_adv, t->irs, f.peer[i].nxt};
	const uint32_t acks[] = {t->snd_una, t->snd_nxt, t->snd_una - t->max_snd_wnd, t->iss};
	struct tcp_segment s = basics(i);
	uint8_t flags = next();
	uint32_t len = 0;

	s.flags = (flags & 15) < ARRAY_SIZE(often) ? often[flags & 15]
						   : (uint16_t)(next() & TCP_FLAGS_ALL);
	s.seq = near(seqs, 4, next());
	s.ack = near(acks, 4, next());
	s.ce = flags & 16;
	if (flags & 32)
		len = next16() % 3000;
	if (flags & 64)
		s.window = (uint16_t)next16();
	if (s.flags & TCP_URG)
		s.urgent = (uint16_t)next16();
	if (s.flags & TCP_SYN)
		add_syn(&s);
	if (flags & 128)
		s.opt.ts_val = near(&t->ts_recent, 1, next());
	if (how & 1)
		put_sack(t, &s);
	put_text(i, &s, len, how & 2);
	return s;
}

/* mutated() - such a segment as bytes, some of them changed, through the parser. */
static void mutated(unsigned i, uint8_t how)
{
	static uint8_t bytes[4096];
	struct tcp_segment s = odd(i, how & 1);
	struct segment out = {.src = ip_addr_v4(htonl(0xc0000201)),
			      .dst = ip_addr_v4(htonl(0xc6336401)),
			      .sport = 1024,
			      .dport = 1024,
			      .seq = s.seq,
			      .ack = s.ack,
			      .flags = s.flags,
			      .window = s.window,
			      .opt = s.opt,
			      .payload = s.data,
			      .payload_len = s.len};
	int len = segment_build(&out, bytes, sizeof(bytes));
	struct pkt p;

	if (len <= 0)
		return;
	for (unsigned k = 0; k <= how >> 1; k++) {
		uint8_t where = next(), what = next();

		bytes[(20 + where) % (unsigned)len] ^= what; /* headers, mostly */
	}
	f.peer[i].dirty = f.watch[!i].out_dirty = true;
	if (pkt_parse(&p, bytes, (uint32_t)len, (uint32_t)len, PKT_CSUM_UNVERIFIED) != 0 ||
	    p.kind != PKT_TCP)
		return;
	tcp_segment_of(&s, &p);
	give(i, &s);
}

/* scattered() - many pieces with a gap before each. */
static void scattered(unsigned i)
{
	for (uint32_t n = next() * 2, k = 1; k <= n; k++) {
		struct tcp_segment s = basics(i);

		s.seq += 3 * k;
		put_text(i, &s, 2, false);
		give(i, &s);
	}
}

/* ---- application, path ---- */

static void app_write(uint32_t n)
{
	struct tcp_io io = side(0);

	while (n-- && !(io.out->flags & TCP_STREAM_FIN) && tcp_stream_waiting(io.out) < SEND_MAX) {
		uint8_t byte = watch_byte(1, f.written);

		if (tcp_stream_append(io.out, io.memory, &byte, 1) == 0)
			break;
		f.written++;
	}
}

/* app_trickle() - many segments, each sent at a time of its own. */
static void app_trickle(void)
{
	for (uint32_t n = next() * 2; n > 0; n--) {
		app_write(1);
		poll_all();
		f.now += 10;
	}
}

static void app_read(uint32_t n)
{
	static uint8_t text[4096];
	struct tcp_io io = side(0);

	while (n > 0 && tcp_stream_waiting(io.in) > 0) {
		uint32_t len = tcp_stream_waiting(io.in);

		len = len < n ? len : n;
		len = len < sizeof(text) ? len : sizeof(text);
		tcp_stream_copy(io.in, io.memory, io.in->start, text, len);
		for (uint32_t k = 0; k < len; k++)
			must(f.peer[0].dirty || text[k] == watch_byte(0, f.read + k),
			     "wrong text was received");
		f.read += len;
		n -= len;
		tcp_stream_release(io.in, io.memory, io.in->start + len);
	}
}

static void app(uint8_t how)
{
	struct tcp_io io = side(0);

	if (f.piped)
		return;
	switch (how & 3) {
	case 0:
		app_write(next16());
		break;
	case 1:
		app_read(next16());
		break;
	case 2:
		io.out->flags |= TCP_STREAM_FIN;
		break;
	default:
		if (how & 4)
			tcp_close_reading(&f.end_of_pipe[0], &io);
		else
			io.out->urgent = io.out->end, io.out->flags |= TCP_STREAM_URGENT;
		break;
	}
	check();
}

static void path(unsigned i, uint8_t how)
{
	struct tcp_pipe_io pio = pipe_io();
	struct tcb *t = &f.end_of_pipe[i];
	struct tcp_io io = side(i);

	if (how == 15 && f.piped)
		tcp_pipe_abort(&f.pipe, &pio, TCP_ERROR_ABORTED);
	else if (how == 15)
		tcp_abort(t, &io, TCP_ERROR_ABORTED);
	else
		tcp_path_mtu(t, &io, t->snd_una + (how & 1 ? 0 : (t->snd_nxt - t->snd_una) / 2),
			     next() * 8u);
	check();
}

/* ---- the program ---- */

static void step(void)
{
	uint8_t op = next(), how = op >> 4;
	unsigned i = f.piped ? op >> 3 & 1 : 0;
	struct tcp_segment s;

	switch (op & 7) {
	case 0:
	case 1:
		nice(i, how);
		break;
	case 2:
	case 3:
		s = odd(i, how);
		give(i, &s);
		break;
	case 4:
		if (how == 15)
			scattered(i);
		else if (how == 14 && !f.piped)
			app_trickle();
		else
			mutated(i, how);
		break;
	case 5:
		pass(USEC_PER_MSEC << how);
		break;
	case 6:
		app(how);
		break;
	default:
		path(i, how);
		break;
	}
	if ((op & 7) > 4 || next() % 4)
		poll_all();
}

static void open_end(unsigned i, uint8_t how)
{
	struct tcp_io io = side(i);
	struct tcp_agreed a = {.iss = f.offer.iss,
			       .irs = f.peer[i].iss,
			       .snd_wnd = 20000,
			       .rcv_wnd = 10000,
			       .ts_val = f.offer.ts_val,
			       .mss = 1460,
			       .rcv_mss = f.offer.rcv_mss,
			       .snd_wscale = f.offer.wscale ? 3 : 0,
			       .rcv_wscale = f.offer.wscale ? 4 : 0,
			       .wscale = f.offer.wscale,
			       .sack = f.offer.sack,
			       .timestamps = f.offer.timestamps};

	if (how % 4 == 0)
		tcp_connect(&f.end_of_pipe[i], &io, &f.offer);
	else if (how % 4 == 1)
		tcp_listen(&f.end_of_pipe[i], &io, &f.offer);
	else
		tcp_accept(&f.end_of_pipe[i], &io, &a);
	if (how % 4 > 1)
		f.peer[i].nxt = f.peer[i].iss + 1;
	f.watch[i].tcb = &f.end_of_pipe[i];
	f.watch[i].config = &f.config;
	f.watch[i].out_salt = (uint8_t)!i;
}

static void begin(void)
{
	uint8_t options = next(), limits = next(), shape = next(), seq = next(), clock = next();

	memset(&f.watch[0], 0, offsetof(struct watch, out));
	memset(&f.watch[1], 0, offsetof(struct watch, out));
	f.piped = shape & 1;
	f.read = f.written = 0;
	f.now = clock & 1 ? ((usec_t)UINT32_MAX - 40u * clock) * USEC_PER_MSEC
			  : 5000 * USEC_PER_SEC;
	tcp_config_default(&f.config);
	f.config.ecn = true;
	f.config.congestion = options & 16 ? TCP_NEWRENO : TCP_CUBIC;
	f.config.delack_ms = options & 32 ? 0 : 40;
	f.config.keepalive_idle_ms = options & 64 ? 7000 : 0;
	f.config.rcv_buf = limits & 1 ? 1000u + limits * 64u : 100000;
	f.offer = (struct tcp_offer){.iss = seq & 1 ? 0u - seq * 16u : seq * 0x01000193u,
				     .ts_val = (uint32_t)(f.now / 1000),
				     .rcv_mss = limits & 2 ? 200 : 1460,
				     .sack = options & 1,
				     .timestamps = options & 2,
				     .wscale = options & 4,
				     .ecn = options & 8};
	tcp_pool_init(&f.pool, limits & 4 ? 12 : CHUNKS_MAX);
	f.pipe = (struct tcp_pipe){{&f.end_of_pipe[0], &f.end_of_pipe[1]},
				   {&f.stream_of_pipe[0], &f.stream_of_pipe[1]}};
	tcp_pipe_init(&f.pipe);
	for (unsigned i = 0; i < 2; i++) {
		f.peer[i].iss = f.peer[i].nxt = clock & 2 ? 0u - clock * 8u : clock * 0x9e3779b1u;
		f.peer[i].dirty = false;
		if (i == 0 || f.piped)
			open_end(i, (uint8_t)(shape >> (1 + 2 * i)));
	}
}

/* silence() - nobody says anything any more: with keepalives every connection ends by itself. */
static void silence(void)
{
	struct tcp_io io = side(0);
	struct tcp_pipe_io pio = pipe_io();
	bool listens =
		f.end_of_pipe[0].state == TCPS_LISTEN || f.end_of_pipe[1].state == TCPS_LISTEN;

	if (!f.piped) {
		app_read(UINT32_MAX);
		io.out->flags |= TCP_STREAM_FIN;
	}
	poll_all();
	if (f.config.keepalive_idle_ms && !listens) {
		pass(3600 * USEC_PER_SEC);
		for (unsigned i = 0; i < (f.piped ? 2 : 1); i++)
			must(tcp_is_over(&f.end_of_pipe[i]), "a connection that does not end");
	}
	if (f.piped)
		tcp_pipe_abort(&f.pipe, &pio, TCP_ERROR_ABORTED);
	else
		tcp_abort(&f.end_of_pipe[0], &io, TCP_ERROR_ABORTED);
	poll_all();
	if (!f.piped) {
		tcp_stream_clear(io.in, io.memory);
		tcp_stream_clear(io.out, io.memory);
	}
	must(f.pool.used == 0, "chunks are left");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER)
		return 0;
	f.at = data;
	f.end = data + size;
	begin();
	poll_all();
	while (f.at < f.end)
		step();
	silence();
	return 0;
}
