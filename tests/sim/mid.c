/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard between the links, and the part of the datapath: header-only copies, partial checksums,
 * big segments, the outbox. Looks at everything the guard does to a packet or sends itself.
 */
#include "sim.h"

#include <sys/mman.h>

#define HEADER_COPY 128
#define CANARY	    0x5a17ed5a17ed5a17u

struct mid {
	struct guard guard;
	void *arena; /* pages come into being when they are touched */
	size_t arena_bytes;
	struct guard_config config;
	struct actions out;
	uint64_t canary;
	usec_t asked; /* when a SYN last passed to a server that was down */
	uint32_t idle_calls; /* guard_expire() without time passing */
};

/* ahead_of() - by how much the guard's clock has jumped. */
static usec_t ahead_of(const struct sim *s)
{
	return s->now >= s->start + s->plan.jump_at ? s->plan.jump_by : 0;
}

static usec_t clock_of(const struct sim *s)
{
	return s->now + ahead_of(s);
}

static void hash_add(struct sim *s, const void *data, uint32_t len)
{
	const uint8_t *p = data;

	for (uint32_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * 0x100000001b3u;
}

struct mid *mid_new(struct sim *s)
{
	struct mid *m = calloc(1, sizeof(*m));
	uint8_t seed[GUARD_SEED_BYTES];
	size_t size = guard_arena_size(&s->plan.limits);

	if (!m)
		abort();
	m->arena_bytes = size;
	m->arena = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->arena == MAP_FAILED)
		abort();
	for (uint32_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)rng_u64(&s->rng_mid);
	m->config = s->plan.config;
	m->canary = CANARY;
	m->out.payload_max = s->plan.terminate && s->plan.seed % 2 ? 65535 : 0;
	if (guard_init(&m->guard, m->arena, &s->plan.limits, &m->config, clock_of(s), seed))
		abort();
	return m;
}

void mid_free(struct mid *m)
{
	munmap(m->arena, m->arena_bytes);
	free(m);
}

void mid_service(const struct sim *s, struct service_report *r)
{
	memset(r, 0, sizeof(*r));
	if (!s->plan.bypass && !guard_report_service(&s->mid->guard, 0, clock_of(s), r))
		abort();
}

void mid_report(const struct sim *s, struct guard_report *r)
{
	memset(r, 0, sizeof(*r));
	guard_report(&s->mid->guard, r);
}

/* The outbox */

static bool to_server(const struct sim *s, const struct seg *g)
{
	return ip_addr_eq(&g->dst, &s->server.addr[0]);
}

/* whole() - the packet with its payload, wherever that lies, and its checksum. */
static struct packet *whole(const struct sim *s, const struct guard_tx *t)
{
	uint32_t len = t->len;
	struct packet *p;

	for (uint32_t i = 0; i < t->n_pieces; i++)
		len += s->mid->out.piece[t->piece + i].len;
	p = packet_new(NULL, len);
	memcpy(p->data, t->data, t->len);
	len = t->len;
	for (uint32_t i = 0; i < t->n_pieces; i++) {
		const struct guard_piece *piece = &s->mid->out.piece[t->piece + i];

		memcpy(p->data + len, piece->data, piece->len);
		len += piece->len;
	}
	if (t->n_pieces)
		seg_set_sum(p->data, p->len, false);
	p->gso = t->gso_size;
	return p;
}

static void send_one(struct sim *s, const struct guard_tx *t)
{
	struct packet *p = whole(s, t);
	enum seg_error e;
	struct seg g;

	hash_add(s, p->data, p->len);
	sim_trace(s, " G *>", p->data, p->len);
	s->stats.emitted++;
	if (s->plan.mode <= GUARD_MODE_MONITOR && !s->plan.switch_modes && !s->plan.kills)
		sim_violation(s, "guard: sends a packet although it may only watch");
	e = seg_read(&g, p->data, p->len);
	if (e != SEG_OK) {
		sim_violation(s, "guard: sent a packet with %s", seg_error_text(e));
		free(p);
		return;
	}
	if (t->family != (s->plan.v6 ? 6 : 4))
		sim_violation(s, "guard: family %u of a packet is wrong", t->family);
	if (g.len && !s->plan.terminate && !s->plan.options_change)
		sim_violation(s, "guard: sent payload of its own");
	if (t->gso_size && (g.len <= t->gso_size || s->mid->out.payload_max == 0))
		sim_violation(s, "guard: %u bytes in pieces of %u", g.len, t->gso_size);
	link_send(s, to_server(s, &g) ? LINK_GS : LINK_GC, p);
}

/* outbox_flush() - send what lies behind the first @from places and empty the outbox. */
static void outbox_flush(struct sim *s, uint32_t from)
{
	struct mid *m = s->mid;

	if (m->canary != CANARY || m->out.n_tx > GUARD_TX_MAX) {
		sim_violation(s, "guard: outbox overflow");
		s->stop = true;
		return;
	}
	for (uint32_t i = from; i < m->out.n_tx; i++)
		send_one(s, &m->out.tx[i]);
	m->out.n_tx = m->out.n_pieces = 0;
}

/* poll() - the batch is over, or it goes on. */
static void poll(struct sim *s)
{
	struct mid *m = s->mid;

	if (rng_pct(&s->rng_mid, 30))
		return;
	while (!s->stop && guard_poll(&m->guard, clock_of(s), &m->out))
		outbox_flush(s, 0);
}

/* Packets that the guard lets through */

static bool same_options(const struct seg *a, const struct seg *b)
{
	return a->has_mss == b->has_mss && a->mss >= b->mss && a->has_ws == b->has_ws &&
	       (a->has_ts || !b->has_ts) && a->n_sack >= b->n_sack && a->sack_ok >= b->sack_ok;
}

/* check_replaced() - only numbers, windows and options may change. */
static void check_replaced(struct sim *s, const struct packet *p, const struct pkt *after,
			   bool partial)
{
	struct packet *before = packet_new(p->data, p->len);
	struct seg a, b;
	enum seg_error e;

	if (partial)
		seg_set_sum(before->data, before->len, false);
	e = seg_read(&b, after->data, p->len);
	if (after->csum == PKT_CSUM_PARTIAL && e != SEG_OK)
		sim_violation(s, "guard: partial checksum left in a rewritten packet");
	else if (p->corrupt && e == SEG_OK)
		sim_violation(s, "guard: a damaged packet was given a good checksum");
	else if (!p->corrupt && e != SEG_OK)
		sim_violation(s, "guard: rewritten packet has %s", seg_error_text(e));
	if (p->corrupt || e != SEG_OK || seg_read(&a, before->data, before->len) != SEG_OK)
		goto out;
	if (!ip_addr_eq(&a.src, &b.src) || !ip_addr_eq(&a.dst, &b.dst) || a.sport != b.sport ||
	    a.dport != b.dport || a.flags != b.flags || a.tos != b.tos || a.hdr_len != b.hdr_len ||
	    a.len != b.len)
		sim_violation(s, "guard: rewriting changed more than it may");
	else if (a.len && memcmp(a.data, b.data, a.len) != 0)
		sim_violation(s, "guard: rewriting changed the payload");
	else if (!same_options(&a, &b))
		sim_violation(s, "guard: rewriting added options");
out:
	free(before);
}

static void pass_on(struct sim *s, struct packet *p, const struct pkt *in, bool from_client,
		    bool partial)
{
	if (s->mid->out.verdict == GUARD_REPLACE) {
		s->stats.replaced++;
		if (in->cap_len < p->len) {
			sim_violation(s, "guard: rewrote a packet that was not copied whole");
			s->stop = true;
		} else {
			check_replaced(s, p, in, partial);
			memcpy(p->data, in->data, p->len);
		}
		hash_add(s, p->data, p->len);
		sim_trace(s, " G =>", p->data, p->len);
	} else if (partial) {
		seg_set_sum(p->data, p->len, false);
	}
	link_send(s, from_client ? LINK_GS : LINK_GC, p);
}

static void check_watching(struct sim *s, const struct packet *p)
{
	enum guard_verdict v = s->mid->out.verdict;

	if (s->plan.mode > GUARD_MODE_MONITOR || s->plan.switch_modes || s->plan.kills)
		return;
	if (v == GUARD_REPLACE)
		sim_violation(s, "guard: rewrote a packet although it may only watch");
	else if (v == GUARD_DROP && !p->corrupt)
		sim_violation(s, "guard: dropped a packet although it may only watch: %s",
			      guard_drop_key(s->mid->out.drop));
}

static void handle(struct sim *s, struct packet *p, const struct pkt *in, bool from_client,
		   bool partial, uint32_t held)
{
	struct actions *out = &s->mid->out;
	bool first = rng_pct(&s->rng_mid, 50);

	hash_add(s, &out->verdict, sizeof(out->verdict));
	check_watching(s, p);
	if (out->n_tx > held + GUARD_TX_PER_INPUT)
		sim_violation(s, "guard: %u packets for one", out->n_tx - held);
	if (first)
		outbox_flush(s, held);
	if (out->verdict == GUARD_DROP) {
		hash_add(s, &out->drop, sizeof(out->drop));
		if (s->verbose)
			sim_note(s, "  dropped: %s", guard_drop_key(out->drop));
		if (out->drop == GUARD_DROP_NONE || out->drop >= GUARD_DROP_COUNT)
			sim_violation(s, "guard: dropped a packet without a reason");
		free(p);
	} else {
		pass_on(s, p, in, from_client, partial);
	}
	if (!first)
		outbox_flush(s, held);
}

/* one_call() - show @cap bytes of @p to the guard; they lie in memory of exactly that size. */
static uint8_t *one_call(struct sim *s, struct packet *p, uint32_t cap, bool partial,
			 struct pkt *in)
{
	uint8_t *copy = malloc(cap);
	enum pkt_csum sum =
		p->corrupt || rng_pct(&s->rng_mid, 50) ? PKT_CSUM_UNVERIFIED : PKT_CSUM_FULL;
	/* clocks of different origin may step back a little between two packets */
	usec_t now = clock_of(s) - (rng_pct(&s->rng_mid, 1) ? rng_below(&s->rng_mid, 50) : 0);
	int error;

	if (!copy)
		abort();
	memcpy(copy, p->data, cap);
	error = pkt_parse(in, copy, cap, p->len, partial ? PKT_CSUM_PARTIAL : sum);
	guard_input(&s->mid->guard, now, in, error, &s->mid->out);
	return copy;
}

static bool has_flags(const struct packet *p, uint8_t flags)
{
	uint32_t off = seg_ip_len(p->data);

	return !p->corrupt && (p->data[off + 13] & (F_SYN | F_ACK | F_RST | F_FIN)) == flags;
}

static bool answers_syns(const struct sim *s)
{
	struct service_report r;

	mid_service(s, &r);
	return r.mode == GUARD_MODE_ALWAYS ||
	       (r.mode == GUARD_MODE_ADAPTIVE && (r.state >= GUARD_ATTACK || s->plan.terminate));
}

/* offer() - ask the guard; with only the headers at first, if the policy is such. */
static void offer(struct sim *s, struct packet *p, bool from_client, bool partial)
{
	struct actions *out = &s->mid->out;
	uint32_t held = s->plan.batch;
	uint8_t *copy;
	struct pkt in;

	out->n_tx = held;
	if (p->len > HEADER_COPY && rng_pct(&s->rng_mid, s->plan.header_first_pct)) {
		copy = one_call(s, p, HEADER_COPY, partial, &in);
		if (out->verdict != GUARD_WANT_FULL)
			goto done;
		s->stats.want_full++;
		if (out->n_tx != held)
			sim_violation(s, "guard: sent packets although it asks again");
		free(copy);
	}
	copy = one_call(s, p, p->len, partial, &in);
	if (out->verdict == GUARD_WANT_FULL)
		sim_violation(s, "guard: wants more of a packet than there is");
done:
	handle(s, p, &in, from_client, partial, held);
	free(copy);
}

/* state_made() - one SYN a second may pass to ask a server that was down; no other makes state. */
static void state_made(struct sim *s)
{
	struct mid *m = s->mid;

	if (!s->plan.ill_to || (m->asked && s->now - m->asked < USEC_PER_SEC - 1000))
		sim_violation(s, "guard: an unverified SYN made state");
	m->asked = s->now;
}

void mid_input(struct sim *s, struct packet *p, bool from_client)
{
	bool partial = !p->corrupt && (p->gso || rng_pct(&s->rng_mid, s->plan.partial_pct));
	struct guard_report before, after;
	bool check;

	if (s->plan.bypass) {
		link_send(s, from_client ? LINK_GS : LINK_GC, p);
		return;
	}
	check = from_client && has_flags(p, F_SYN) && answers_syns(s);
	if (check)
		mid_report(s, &before);
	if (partial)
		seg_set_sum(p->data, p->len, true);
	offer(s, p, from_client, partial);
	if (s->plan.limits.max_terminated)
		poll(s);
	if (!check)
		return;
	mid_report(s, &after);
	if (after.flows_used > before.flows_used || after.half_open_used > before.half_open_used)
		state_made(s);
}

/* Time */

usec_t mid_deadline(const struct sim *s)
{
	usec_t due;

	if (s->plan.bypass)
		return USEC_NEVER;
	due = guard_deadline(&s->mid->guard);
	if (due == USEC_NEVER)
		return due;
	return (due > ahead_of(s) ? due - ahead_of(s) : 0) + s->plan.lateness;
}

#define IDLE_CALLS_MAX 100000

void mid_expire(struct sim *s)
{
	struct mid *m = s->mid;
	uint32_t held = (uint32_t)rng_below(&s->rng_mid, s->plan.batch + 1);

	m->idle_calls = 0;
	do {
		m->out.n_tx = held;
		guard_expire(&m->guard, clock_of(s), &m->out);
		outbox_flush(s, held);
		held = 0;
		if (++m->idle_calls > IDLE_CALLS_MAX) {
			sim_violation(s, "guard: the deadline stays in the past");
			s->stop = true;
		}
	} while (!s->stop && guard_deadline(&m->guard) <= clock_of(s));
}

/* The operator */

void mid_set_mode(struct sim *s, enum guard_mode mode)
{
	sim_note(s, "operator: mode %s", guard_mode_name(mode));
	if (guard_set_mode(&s->mid->guard, clock_of(s), 0, mode))
		sim_violation(s, "guard: refuses to change the mode");
}

#define ROWS 64

static void mark_killed(struct sim *s, const struct flow_report *f)
{
	for (uint32_t i = 0; i < s->n_sessions; i++) {
		struct session *e = &s->session[i];

		if (e->started && !e->killed && !e->client.done && e->t.lport == f->client_port &&
		    ip_addr_eq(&e->t.laddr, &f->client))
			e->killed = s->now;
	}
}

void mid_kill_some(struct sim *s)
{
	struct flow_report rows[ROWS];
	uint32_t cursor = 0, n;
	struct mid *m = s->mid;

	n = guard_report_flows(&m->guard, clock_of(s), &cursor, rows, ROWS);
	for (uint32_t i = 0; i < n; i++) {
		/* only flows can be reset: of a half-open, the guard does not know enough */
		if (rows[i].kind == FLOW_HALF_OPEN || !rng_pct(&s->rng_mid, 30))
			continue;
		sim_note(s, "operator: kill %u", rows[i].id);
		m->out.n_tx = 0;
		if (guard_kill(&m->guard, clock_of(s), rows[i].id, &m->out))
			sim_violation(s, "guard: cannot kill flow %u that it has just shown",
				      rows[i].id);
		mark_killed(s, &rows[i]);
		outbox_flush(s, 0);
	}
}

/* mid_inspect() - a dump taken at one moment shows every flow exactly once. */
void mid_inspect(struct sim *s)
{
	uint32_t cursor = 0, rows = 0, calls = 0, n,
		 max = 1 + (uint32_t)rng_below(&s->rng_mid, ROWS);
	struct flow_report row[ROWS];
	struct guard_report r;

	mid_report(s, &r);
	do {
		n = guard_report_flows(&s->mid->guard, clock_of(s), &cursor, row, max);
		rows += n;
		for (uint32_t i = 0; i < n; i++)
			if (row[i].kind >= FLOW_KIND_COUNT || row[i].client_state >= TCPS_COUNT ||
			    row[i].server_state >= TCPS_COUNT)
				sim_violation(s, "guard: report of a flow makes no sense");
	} while (cursor != INDEX_NONE && ++calls < 1000000);
	if (rows != r.flows_used + r.half_open_used)
		sim_violation(s, "guard: %u rows in a dump of %u flows and %u half-opens", rows,
			      r.flows_used, r.half_open_used);
}

void mid_print(const struct sim *s)
{
	struct service_report v;
	struct guard_report r;

	if (s->plan.bypass)
		return;
	mid_report(s, &r);
	mid_service(s, &v);
	printf("guard: %u flows, %u half-open, state %s\n", r.flows_used, r.half_open_used,
	       guard_attack_state_name(v.state));
#define COUNTER(name, text)  \
	if (v.counters.name) \
		printf("  %-20s %lu\n", #name, (unsigned long)v.counters.name);
#include "core/counters.def"
#undef COUNTER
	for (uint32_t i = 1; i < GUARD_DROP_COUNT; i++)
		if (r.drops[i])
			printf("  drop %-15s %lu\n", guard_drop_key((enum guard_drop)i),
			       (unsigned long)r.drops[i]);
}
