/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/guard_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/adopt.h"
#include "core/arena.h"
#include "core/rules.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

#define BEGIN	  (5000 * USEC_PER_SEC)
#define BATCHES	  5000
#define WHOLE_MAX 66000

struct play play;

uint8_t next(void)
{
	return play.at < play.stop ? *play.at++ : 0;
}

void must(bool holds, const char *what)
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
			struct end *e = &play.end[k][i];

			if (p->dport != e->port || !ip_addr_eq(&p->dst, &e->addr) ||
			    p->sport != play.end[k][!i].port)
				continue;
			e->told_nxt = p->seq + p->payload_len + !!(p->flags & TCP_SYN) +
				      !!(p->flags & TCP_FIN);
			e->told_ack = p->ack;
			e->told_flags = p->flags;
			e->told_any_ts = p->opt.present & TCP_OPT_TIMESTAMPS;
			if (e->told_any_ts)
				e->told_ts = p->opt.ts_val;
		}
	}
}

/* whole() - a packet with its payload, wherever that lies. Return: its length. */
static uint32_t whole(const struct guard_tx *tx, uint8_t *to)
{
	uint32_t len = tx->len, tcp = tx->family == 4 ? 20 : 40;

	memcpy(to, tx->data, len);
	for (uint32_t i = 0; i < tx->n_pieces; i++) {
		const struct guard_piece *p = &play.out.piece[tx->piece + i];

		must(len + p->len <= WHOLE_MAX, "a packet that is too long");
		memcpy(to + len, p->data, p->len);
		len += p->len;
	}
	if (tx->n_pieces > 0)
		store_mem16(to + tcp + TCP_CHECK,
			    (be16)~csum_fold(csum_add_bytes(0, to + tcp, len - tcp)));
	return len;
}

void play_empty(void)
{
	static uint8_t bytes[WHOLE_MAX];
	struct pkt p;

	must(play.out.n_tx <= GUARD_TX_MAX && play.out.n_pieces <= GUARD_PIECES_MAX, "outbox");
	for (uint32_t i = 0; i < play.out.n_tx; i++) {
		uint32_t len = whole(&play.out.tx[i], bytes);

		must(pkt_parse(&p, bytes, len, len, PKT_CSUM_UNVERIFIED) == 0, "no packet");
		must(p.kind == PKT_TCP && p.len == len, "not TCP");
		must(pkt_checksum_ok(&p), "a wrong checksum");
		must(!(p.opt.present & TCP_OPT_MALFORMED), "malformed options");
		tell(&p);
	}
	play.out.n_tx = play.out.n_pieces = 0;
}

void play_poll(void)
{
	for (unsigned n = 0; guard_poll(&play.guard, play.now, &play.out); n++) {
		must(n < BATCHES, "packets without end");
		play_empty();
	}
	play_empty();
}

static void offer(uint8_t *bytes, uint32_t cap, uint32_t len)
{
	struct pkt p;
	int error = pkt_parse(&p, bytes, cap, len, PKT_CSUM_UNVERIFIED);
	bool good = error == 0 && p.kind == PKT_TCP && cap == len && pkt_checksum_ok(&p);

	play.out.verdict = GUARD_NOT_MINE;
	guard_input(&play.guard, play.now, &p, error, &play.out);
	must(play.out.n_tx <= GUARD_TX_PER_INPUT, "too many answers");
	must(play.out.verdict != GUARD_WANT_FULL || cap < len, "more than all is wanted");
	must(play.out.verdict != GUARD_DROP || play.out.drop < GUARD_DROP_COUNT, "no reason");
	if (play.out.verdict == GUARD_REPLACE && p.kind == PKT_TCP && good)
		must(pkt_checksum_ok(&p), "a checksum that was right is wrong");
	if (good && (play.out.verdict == GUARD_ACCEPT || play.out.verdict == GUARD_REPLACE))
		tell(&p);
	play_empty();
}

/* ---- what goes in ---- */

static struct segment basics(unsigned k, unsigned i)
{
	const struct end *from = &play.end[k][i], *to = &play.end[k][!i];
	struct segment s = {.src = from->addr,
			    .dst = to->addr,
			    .sport = from->port,
			    .dport = to->port,
			    .seq = from->nxt,
			    .ack = from->told_nxt,
			    .flags = TCP_ACK,
			    .window = 0x4000};

	if (from->offers_ts && from->told_any_ts) {
		s.opt.present = TCP_OPT_TIMESTAMPS;
		s.opt.ts_val = (uint32_t)(play.now / 1000);
		s.opt.ts_ecr = from->told_ts;
	}
	return s;
}

static void add_syn(struct segment *s, uint8_t how)
{
	s->opt.present = TCP_OPT_MSS;
	s->opt.present |= how & 1 ? TCP_OPT_SACK_PERMITTED : 0;
	s->opt.present |= how & 2 ? TCP_OPT_TIMESTAMPS : 0;
	s->opt.present |= how & 4 ? TCP_OPT_WSCALE : 0;
	s->opt.mss = 1400;
	s->opt.wscale = 3;
	s->opt.ts_val = (uint32_t)(play.now / 1000);
}

static void transmit(const struct segment *s, bool batch)
{
	static uint8_t bytes[4096];
	int len = segment_build(s, bytes, sizeof(bytes));

	if (len <= 0)
		return;
	offer(bytes, (uint32_t)len, (uint32_t)len);
	if (!batch)
		play_poll();
}

static const uint8_t text[2048];

static void say_syn(struct end *e, struct segment *s, uint16_t flags)
{
	uint8_t how = next();

	s->flags = flags;
	s->seq = e->iss;
	s->opt.present = 0;
	add_syn(s, how);
	e->offers_ts = how & 2;
}

/* nice() - what this end would say now if it did nothing wrong. */
static void nice(unsigned k, unsigned i, uint8_t how)
{
	struct end *e = &play.end[k][i];
	struct segment s = basics(k, i);

	if (i == 0 && !(e->told_flags & TCP_ACK)) {
		s.ack = 0;
		say_syn(e, &s, TCP_SYN);
	} else if (i == 1 && (e->told_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		say_syn(e, &s, TCP_SYN | TCP_ACK);
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
		s.seq = play.end[k][i].told_ack;
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
	play_poll();
}

/* ---- time, configuration, hand-over ---- */

void play_pass(usec_t duration)
{
	usec_t until = play.now + duration;

	for (unsigned n = 0; guard_deadline(&play.guard) <= until; n++) {
		usec_t due = guard_deadline(&play.guard);

		must(n < 200000, "time-outs without end");
		play.now = due > play.now ? due : play.now;
		guard_expire(&play.guard, play.now, &play.out);
		play_empty();
		play_poll();
	}
	play.now = until;
	guard_expire(&play.guard, play.now, &play.out);
	play_empty();
	play_poll();
}

static void look(void)
{
	static struct flow_report rows[16];
	static struct guard_report all;
	static struct service_report service;
	uint32_t cursor = 0, rounds = 0;

	guard_report(&play.guard, &all);
	must(all.flows_used <= all.flows_max && all.half_open_used <= all.half_open_max, "counts");
	guard_report_service(&play.guard, 0, play.now, &service);
	while (cursor != INDEX_NONE) {
		uint32_t n = guard_report_flows(&play.guard, play.now, &cursor, rows, 16);

		must(n <= 16 && ++rounds < 1000, "a report without end");
		for (uint32_t i = 0; i < n; i++)
			must(rows[i].kind < FLOW_KIND_COUNT, "kind of a flow");
	}
}

void play_packet(unsigned op, unsigned k, unsigned i, uint8_t how)
{
	if (op == 0)
		nice(k, i, how);
	else if (op == 1)
		odd(k, i, how);
	else
		mutated(k, i, how);
}

/* manage() - somebody changes modes, configures, kills connection @k, or looks. @how: three bits. */
static void manage(unsigned k, uint8_t how)
{
	switch (how) {
	case 0:
	case 1:
	case 2:
	case 3:
		guard_set_mode(&play.guard, play.now, 0, (enum guard_mode)how);
		break;
	case 4:
		play.config[!play.in_force] = play.config[play.in_force];
		play.in_force = !play.in_force;
		play.config[play.in_force].service[0].engine ^= 1;
		guard_configure(&play.guard, play.now, &play.config[play.in_force]);
		break;
	case 5:
		guard_kill(&play.guard, play.now, k, &play.out);
		play_empty();
		break;
	default:
		look();
		break;
	}
	play_poll();
}

/* ---- the beginning and the end ---- */

void play_written(struct play_range range[PLAY_RANGES])
{
	struct arena_layout at;
	uint64_t last = offsetof(struct guard_arena, service[SERVICE_NONE]);

	/* only the slots of services can be left out; the last is for those who have none */
	memset(&at, 0, sizeof(at));
	arena_layout(&at, &play.limits);
	range[0] = (struct play_range){0, offsetof(struct guard_arena, service[1])};
	range[1] = (struct play_range){last, at.sources - last};
	range[2] = (struct play_range){at.sources, sizeof(struct sources)};
	range[3] = (struct play_range){at.sources + SERVICE_NONE * sizeof(struct sources),
				       sizeof(struct sources)};
	range[4] = (struct play_range){at.terminals, at.size - at.terminals};
}

/* wipe() - all that was written to. */
static void wipe(void)
{
	struct play_range range[PLAY_RANGES];

	if (play.damaged) {
		memset(play.arena, 0, play.arena_bytes);
		return;
	}
	play_written(range);
	for (unsigned i = 0; i < PLAY_RANGES; i++)
		memset((uint8_t *)play.arena + range[i].at, 0, range[i].bytes);
}

void play_restart(void)
{
	uint8_t seed[GUARD_SEED_BYTES] = {1, 2, 3};

	wipe();
	play.damaged = false;
	must(guard_init(&play.guard, play.arena, &play.limits, &play.config[play.in_force],
			play.now, seed) == 0,
	     "init");
	guard_share(&play.guard, 0, 1);
}

static void configure(uint8_t options, uint8_t limits)
{
	struct guard_config *c = &play.config[0];
	struct guard_service_config *s = &c->service[0];

	play.in_force = 0;
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
		c->listen[c->n_listens++] = (struct guard_listen){.prefix = play.end[k][1].addr,
								  .plen = 128,
								  .port_low = 80,
								  .port_high = 80};
	play.limits = (struct guard_limits){.max_flows = 16,
					    .max_half_open = 16,
					    .max_terminated = limits & 8 ? 2 : 16,
					    .chunks = limits & 16 ? 16 : 256};
}

void play_begin(void)
{
	static const char *const address[PAIRS][2] = {{"192.0.2.1", "198.51.100.1"},
						      {"192.0.2.1", "198.51.100.1"},
						      {"2001:db8::1", "2001:db8:1::80"},
						      {"192.0.2.9", "198.51.100.1"}};
	uint8_t options = next(), limits = next();
	size_t was;

	play.now = BEGIN;
	play.out.n_tx = play.out.n_pieces = 0;
	play.out.payload_max = limits & 32 ? 60000 : 0;
	for (unsigned k = 0; k < PAIRS; k++) {
		for (unsigned i = 0; i < 2; i++) {
			struct end *e = &play.end[k][i];

			*e = (struct end){.iss = (k * 2 + i + 1) * 0x23456789u};
			ip_addr_parse(&e->addr, address[k][i]);
			e->port = i ? 80 : (uint16_t)(1024 + k);
			e->nxt = e->iss + 1;
		}
	}
	configure(options, limits);
	if (!play.arena) { /* for the largest limits there are */
		play.arena = mmap(NULL, ARENA_MAX, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(play.arena != MAP_FAILED, "no memory");
	}
	was = play.arena_bytes;
	play.arena_bytes = guard_arena_size(&play.limits);
	must(play.arena_bytes <= ARENA_MAX, "a larger arena");
	play.damaged |= play.arena_bytes != was;
	play_restart();
}

void play_step(uint8_t op)
{
	uint8_t how = op >> 5;
	unsigned k = op >> 3 & 3;

	switch (op & 7) {
	case 0:
	case 1:
		play_packet(0, k, op & 1, how);
		break;
	case 2:
	case 3:
		play_packet(1, k, op & 1, how);
		break;
	case 4:
		play_packet(2, k, k & 1, how);
		break;
	case 5:
		play_pass(USEC_PER_MSEC << (how * 2 + (k & 1)));
		break;
	default:
		manage(k, how);
		break;
	}
}

/* play_silence() - nobody says anything any more: all is forgotten, and nothing is left over. */
void play_silence(void)
{
	const struct guard_arena *a = play.arena;

	for (unsigned i = 0; i < 240 && (a->flow_used > 0 || a->half_open_used > 0); i++)
		play_pass(30 * USEC_PER_SEC);
	look();
	if (play.damaged)
		return;
	must(a->flow_used == 0 && a->half_open_used == 0, "what nobody uses is kept");
	must(a->terminals.used == 0 && a->terminals.pool.used == 0, "a terminal is left over");
}
