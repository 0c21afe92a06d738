/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzz target: a program of packets, time, configurations and hand-overs for a whole guard.
 *
 * With libFuzzer: clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Isrc \
 *	tests/fuzz/fuzz_guard.c src/core/[a-z]*.c src/core/tcp/[a-z]*.c \
 *	$(find src/wire src/base -name '*.c') -lm -o fuzz_guard
 *	./fuzz_guard -max_len=400 tests/fuzz/corpus/guard
 * In `make check` driver.c runs the committed corpus through it.
 *
 * Input: two bytes that say which mode, engine and limits, then steps of one byte (the low three bits say
 * what, the next two of which connection, the others how) and their operands. There are PAIRS of a client
 * and a server, who know what the guard has told them, so that most packets fit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/seq.h"
#include "core/adopt.h"
#include "core/arena.h"
#include "core/guard.h"
#include "core/rules.h"
#include "tests/fuzz/fuzz.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

#define PAIRS	  4
#define HEADER	  2
#define BEGIN	  (5000 * USEC_PER_SEC)
#define BATCHES	  5000
#define WHOLE_MAX 66000

/* One end of a pair, and what it was told. */
struct end {
	struct ip_addr addr;
	uint16_t port;
	uint32_t iss, nxt; /* its own numbers */
	uint32_t told_nxt, told_ack; /* of the last packet that came to it */
	uint16_t told_flags;
};

static struct {
	struct guard guard;
	struct guard_config config[2]; /* one in force, and the next */
	unsigned in_force;
	struct guard_limits limits;
	struct actions out;
	void *arena;
	size_t arena_bytes;
	bool damaged; /* by us: only that it lives is expected of it */
	usec_t now;
	struct end end[PAIRS][2]; /* client, server */
	const uint8_t *at, *stop;
} f;

static uint8_t next(void)
{
	return f.at < f.stop ? *f.at++ : 0;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "guard: %s\n", what);
	abort();
}

/* ---- what comes out ---- */

/* tell() - a packet arrives at the end that it is for. */
static void tell(const struct pkt *p)
{
	for (unsigned k = 0; k < PAIRS; k++) {
		for (unsigned i = 0; i < 2; i++) {
			struct end *e = &f.end[k][i];

			if (p->dport != e->port || !ip_addr_eq(&p->dst, &e->addr) ||
			    p->sport != f.end[k][!i].port)
				continue;
			e->told_nxt = p->seq + p->payload_len + !!(p->flags & TCP_SYN) +
				      !!(p->flags & TCP_FIN);
			e->told_ack = p->ack;
			e->told_flags = p->flags;
		}
	}
}

/* whole() - a packet with its payload, wherever that lies. Return: its length. */
static uint32_t whole(const struct guard_tx *tx, uint8_t *to)
{
	uint32_t len = tx->len, tcp = tx->family == 4 ? 20 : 40;

	memcpy(to, tx->data, len);
	for (uint32_t i = 0; i < tx->n_pieces; i++) {
		const struct guard_piece *p = &f.out.piece[tx->piece + i];

		must(len + p->len <= WHOLE_MAX, "a packet that is too long");
		memcpy(to + len, p->data, p->len);
		len += p->len;
	}
	if (tx->n_pieces > 0)
		store_mem16(to + tcp + TCP_CHECK,
			    (be16)~csum_fold(csum_add_bytes(0, to + tcp, len - tcp)));
	return len;
}

static void empty_outbox(void)
{
	static uint8_t bytes[WHOLE_MAX];
	struct pkt p;

	must(f.out.n_tx <= GUARD_TX_MAX && f.out.n_pieces <= GUARD_PIECES_MAX, "outbox");
	for (uint32_t i = 0; i < f.out.n_tx; i++) {
		uint32_t len = whole(&f.out.tx[i], bytes);

		must(pkt_parse(&p, bytes, len, len, PKT_CSUM_UNVERIFIED) == 0, "no packet");
		must(p.kind == PKT_TCP && p.len == len, "not TCP");
		must(pkt_checksum_ok(&p), "a wrong checksum");
		must(!(p.opt.present & TCP_OPT_MALFORMED), "malformed options");
		tell(&p);
	}
	f.out.n_tx = f.out.n_pieces = 0;
}

static void poll_guard(void)
{
	for (unsigned n = 0; guard_poll(&f.guard, f.now, &f.out); n++) {
		must(n < BATCHES, "packets without end");
		empty_outbox();
	}
	empty_outbox();
}

static void offer(uint8_t *bytes, uint32_t cap, uint32_t len)
{
	struct pkt p;
	int error = pkt_parse(&p, bytes, cap, len, PKT_CSUM_UNVERIFIED);
	bool good = error == 0 && p.kind == PKT_TCP && cap == len && pkt_checksum_ok(&p);

	f.out.verdict = GUARD_NOT_MINE;
	guard_input(&f.guard, f.now, &p, error, &f.out);
	must(f.out.n_tx <= GUARD_TX_PER_INPUT, "too many answers");
	must(f.out.verdict != GUARD_WANT_FULL || cap < len, "more than all is wanted");
	must(f.out.verdict != GUARD_DROP || f.out.drop < GUARD_DROP_COUNT, "no reason");
	if (f.out.verdict == GUARD_REPLACE && p.kind == PKT_TCP && good)
		must(pkt_checksum_ok(&p), "a checksum that was right is wrong");
	if (good && (f.out.verdict == GUARD_ACCEPT || f.out.verdict == GUARD_REPLACE))
		tell(&p);
	empty_outbox();
}

/* ---- what goes in ---- */

static struct segment basics(unsigned k, unsigned i)
{
	const struct end *from = &f.end[k][i], *to = &f.end[k][!i];

	return (struct segment){.src = from->addr,
				.dst = to->addr,
				.sport = from->port,
				.dport = to->port,
				.seq = from->nxt,
				.ack = from->told_nxt,
				.flags = TCP_ACK,
				.window = 0x4000};
}

static void add_syn(struct segment *s, uint8_t how)
{
	s->opt.present = TCP_OPT_MSS;
	s->opt.present |= how & 1 ? TCP_OPT_SACK_PERMITTED : 0;
	s->opt.present |= how & 2 ? TCP_OPT_TIMESTAMPS : 0;
	s->opt.present |= how & 4 ? TCP_OPT_WSCALE : 0;
	s->opt.mss = 1400;
	s->opt.wscale = 3;
	s->opt.ts_val = (uint32_t)(f.now / 1000);
}

static void transmit(const struct segment *s, bool batch)
{
	static uint8_t bytes[4096];
	int len = segment_build(s, bytes, sizeof(bytes));

	if (len <= 0)
		return;
	offer(bytes, (uint32_t)len, (uint32_t)len);
	if (!batch)
		poll_guard();
}

static const uint8_t text[2048];

/* nice() - what this end would say now if it did nothing wrong. */
static void nice(unsigned k, unsigned i, uint8_t how)
{
	struct end *e = &f.end[k][i];
	struct segment s = basics(k, i);

	if (i == 0 && !(e->told_flags & TCP_ACK)) {
		s.flags = TCP_SYN;
		s.seq = e->iss;
		s.ack = 0;
		add_syn(&s, next());
	} else if (i == 1 && (e->told_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		s.flags = TCP_SYN | TCP_ACK;
		s.seq = e->iss;
		add_syn(&s, next());
	} else {
		s.payload = text;
		s.payload_len = how & 1 ? next() * 8u : 0;
		s.flags |= how & 2 ? TCP_FIN : 0;
	}
	e->nxt = s.seq + s.payload_len + !!(s.flags & (TCP_SYN | TCP_FIN));
	transmit(&s, how & 4);
}

static void odd(unsigned k, unsigned i, uint8_t how)
{
	static const uint16_t flags[] = {
		TCP_ACK,	   TCP_RST,	      TCP_RST | TCP_ACK, TCP_SYN,
		TCP_SYN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN,		 0};
	struct segment s = basics(k, i);
	uint8_t what = next(), shift = next();
	uint32_t by = shift & 64 ? 1u << (shift & 31) : shift & 31;

	s.flags = flags[what & 7];
	if (what & 8)
		s.seq += shift & 128 ? 0 - by : by;
	if (what & 16)
		s.ack += shift & 128 ? by : 0 - by;
	if (what & 32)
		s.window = next();
	if (what & 64)
		add_syn(&s, next());
	if (what & 128)
		s.seq = f.end[k][i].told_ack;
	s.payload = text;
	s.payload_len = how & 1 ? next() * 8u : 0;
	transmit(&s, how & 4);
}

/* mutated() - bytes of a packet changed, or only its first ones at hand. */
static void mutated(unsigned k, unsigned i, uint8_t how)
{
	static uint8_t bytes[4096];
	struct segment s = basics(k, i);
	uint32_t cap;
	int len;

	if (how & 1)
		add_syn(&s, 7);
	s.flags = how & 1 ? TCP_SYN : TCP_ACK;
	s.payload = text;
	s.payload_len = how & 2 ? 200 : 0;
	len = segment_build(&s, bytes, sizeof(bytes));
	if (len <= 0)
		return;
	for (unsigned n = 0; n <= how >> 1; n++) {
		unsigned place = next();

		bytes[place % (unsigned)len] ^= next();
	}
	cap = how & 4 ? next() % (unsigned)len : (uint32_t)len;
	offer(bytes, cap, (uint32_t)len);
	poll_guard();
}

/* ---- time, configuration, hand-over ---- */

static void pass(usec_t duration)
{
	usec_t until = f.now + duration;

	for (unsigned n = 0; guard_deadline(&f.guard) <= until; n++) {
		usec_t due = guard_deadline(&f.guard);

		must(n < 200000, "time-outs without end");
		f.now = due > f.now ? due : f.now;
		guard_expire(&f.guard, f.now, &f.out);
		empty_outbox();
		poll_guard();
	}
	f.now = until;
	guard_expire(&f.guard, f.now, &f.out);
	empty_outbox();
	poll_guard();
}

static void look(void)
{
	static struct flow_report rows[16];
	static struct guard_report all;
	static struct service_report service;
	uint32_t cursor = 0, rounds = 0;

	guard_report(&f.guard, &all);
	must(all.flows_used <= all.flows_max && all.half_open_used <= all.half_open_max, "counts");
	guard_report_service(&f.guard, 0, f.now, &service);
	while (cursor != INDEX_NONE) {
		uint32_t n = guard_report_flows(&f.guard, f.now, &cursor, rows, 16);

		must(n <= 16 && ++rounds < 1000, "a report without end");
		for (uint32_t i = 0; i < n; i++)
			must(rows[i].kind < FLOW_KIND_COUNT, "kind of a flow");
	}
}

static void start(void)
{
	uint8_t seed[GUARD_SEED_BYTES] = {1, 2, 3};

	madvise(f.arena, f.arena_bytes,
		MADV_DONTNEED); /* zeros, without touching what was not used */
	f.damaged = false;
	must(guard_init(&f.guard, f.arena, &f.limits, &f.config[f.in_force], f.now, seed) == 0,
	     "init");
	guard_share(&f.guard, 0, 1);
}

/* hand_over() - the next process goes on with the arena; perhaps somebody has written into it. */
static void hand_over(uint8_t how)
{
	struct guard_adoption done;
	struct guard g;
	unsigned damage = how & 1 ? 1 + next() % 8 : 0;
	enum arena_fault fault;

	for (unsigned i = 0; i < damage; i++) {
		size_t place = (size_t)next() << 16 | (size_t)next() << 8 | next();
		size_t base = how & 2 ? ((struct guard_arena *)f.arena)->at.half_opens : 0;

		if (how & 4)
			base = ((struct guard_arena *)f.arena)->at.flows;
		if (base + place < f.arena_bytes)
			((uint8_t *)f.arena)[base + place] ^= next() | 1;
		f.damaged = true;
	}
	fault = guard_adopt(&g, f.arena, f.arena_bytes, &f.limits, &f.config[f.in_force], 0, 1,
			    f.now, &done);
	must(f.damaged || fault == ARENA_NONE, "a good arena is refused");
	must(f.damaged || done.lost == 0, "a good entry is lost");
	if (fault != ARENA_NONE) {
		start();
		return;
	}
	f.guard = g;
	guard_is_settled(&f.guard);
	guard_is_healthy(&f.guard);
	empty_outbox();
}

static void manage(unsigned k, uint8_t how)
{
	switch (how) {
	case 0:
	case 1:
	case 2:
	case 3:
		guard_set_mode(&f.guard, f.now, 0, (enum guard_mode)how);
		break;
	case 4:
		f.config[!f.in_force] = f.config[f.in_force];
		f.in_force = !f.in_force;
		f.config[f.in_force].service[0].engine ^= 1;
		guard_configure(&f.guard, f.now, &f.config[f.in_force]);
		break;
	case 5:
		guard_kill(&f.guard, f.now, k, &f.out);
		empty_outbox();
		break;
	default:
		look();
		break;
	}
	poll_guard();
}

/* ---- the program ---- */

static void step(void)
{
	uint8_t op = next(), how = op >> 5;
	unsigned k = op >> 3 & 3;

	switch (op & 7) {
	case 0:
	case 1:
		nice(k, op & 1, how);
		break;
	case 2:
	case 3:
		odd(k, op & 1, how);
		break;
	case 4:
		mutated(k, k & 1, how);
		break;
	case 5:
		pass(USEC_PER_MSEC << (how * 2 + (k & 1)));
		break;
	case 6:
		manage(k, how);
		break;
	default:
		hand_over(how);
		break;
	}
}

static void configure(uint8_t options, uint8_t limits)
{
	struct guard_config *c = &f.config[0];
	struct guard_service_config *s = &c->service[0];

	f.in_force = 0;
	guard_config_defaults(c);
	guard_service_config_defaults(s);
	strcpy(s->name, "web");
	s->mode = (enum guard_mode)(options & 3);
	s->engine = options & 4 ? GUARD_ENGINE_TERMINATE : GUARD_ENGINE_RELAY;
	s->refuse_when_down = options & 8;
	s->relief = options & 16;
	if (options & 32) {
		s->attack.start = 2;
		s->attack.end = 1;
	}
	s->user_timeout = s->stall_timeout = 60 * USEC_PER_SEC;
	s->keepalive.idle = limits & 1 ? 30 * USEC_PER_SEC : 0;
	s->keepalive.interval = 5 * USEC_PER_SEC;
	s->keepalive.probes = 3;
	c->timeouts.established = 300 * USEC_PER_SEC;
	c->timeouts.half_closed = 120 * USEC_PER_SEC;
	c->fragments = limits & 2 ? GUARD_FRAGMENTS_DROP : GUARD_FRAGMENTS_PASS;
	c->one_way = limits & 4;
	c->n_services = 1;
	c->n_listens = 0;
	for (unsigned k = 0; k < PAIRS; k++)
		c->listen[c->n_listens++] = (struct guard_listen){
			.prefix = f.end[k][1].addr, .plen = 128, .port_low = 80, .port_high = 80};
	f.limits = (struct guard_limits){.max_flows = 16,
					 .max_half_open = 16,
					 .max_terminated = limits & 8 ? 2 : 16,
					 .chunks = limits & 16 ? 16 : 256};
}

static void begin(void)
{
	static const char *const address[PAIRS][2] = {{"192.0.2.1", "198.51.100.1"},
						      {"192.0.2.1", "198.51.100.1"},
						      {"2001:db8::1", "2001:db8:1::80"},
						      {"192.0.2.9", "198.51.100.1"}};
	uint8_t options = next(), limits = next();
	size_t bytes;

	f.now = BEGIN;
	f.out.n_tx = f.out.n_pieces = 0;
	f.out.payload_max = limits & 32 ? 60000 : 0;
	for (unsigned k = 0; k < PAIRS; k++) {
		for (unsigned i = 0; i < 2; i++) {
			struct end *e = &f.end[k][i];

			*e = (struct end){.iss = (k * 2 + i + 1) * 0x23456789u};
			ip_addr_parse(&e->addr, address[k][i]);
			e->port = i ? 80 : (uint16_t)(1024 + k);
			e->nxt = e->iss + 1;
		}
	}
	configure(options, limits);
	bytes = (guard_arena_size(&f.limits) + 4095) / 4096 * 4096;
	if (bytes != f.arena_bytes) {
		if (f.arena)
			munmap(f.arena, f.arena_bytes);
		f.arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		must(f.arena != MAP_FAILED, "no memory");
		f.arena_bytes = bytes;
	}
	start();
}

/* silence() - nobody says anything any more: all is forgotten, and nothing is left over. */
static void silence(void)
{
	const struct guard_arena *a = f.arena;

	for (unsigned i = 0; i < 240 && (a->flow_used > 0 || a->half_open_used > 0); i++)
		pass(30 * USEC_PER_SEC);
	look();
	if (f.damaged)
		return;
	must(a->flow_used == 0 && a->half_open_used == 0, "what nobody uses is kept");
	must(a->terminals.used == 0 && a->terminals.pool.used == 0, "a terminal is left over");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEADER)
		return 0;
	f.at = data;
	f.stop = data + size;
	begin();
	while (f.at < f.stop)
		step();
	silence();
	return 0;
}
