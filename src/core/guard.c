/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 * -------------------
 * guard_input() finds out what a packet belongs to, in this order:
 *   1. a flow (passed or spliced), whichever side it comes from;
 *   2. a half-open connection seen passing;
 *   3. a service, by destination: a SYN passes or is answered with a cookie, an ACK may bring a cookie
 *      back, anything else passes: the server knows better;
 *   4. nothing: it passes.
 * guard_expire() serves the flows' timers (wheel) and each service's own time-outs.
 */
#include "core/guard.h"

#include <errno.h>
#include <string.h>

#include "core/internal.h"
#include "wire/layout.h"

#define EXPIRE_BUDGET 4096 /* timers served in one guard_expire() */
#define OLD_ACK_MAX   (1u << 20) /* how far behind a late ACK may be */

static bool limits_good(const struct guard_limits *l)
{
	return l->max_flows >= 16 && l->max_flows <= HALF_OPEN_MAX && l->max_half_open >= 16 &&
	       l->max_half_open <= HALF_OPEN_MAX && l->max_terminated <= HALF_OPEN_MAX &&
	       l->chunks <= TERMINAL_CHUNKS_MAX;
}

size_t guard_arena_size(const struct guard_limits *limits)
{
	struct arena_layout l;

	if (!limits_good(limits))
		return 0;
	arena_layout(&l, limits);
	return (size_t)l.size;
}

static uint64_t seed_word(const uint8_t *seed, unsigned i)
{
	uint64_t w = 0;

	for (unsigned b = 0; b < 8; b++)
		w |= (uint64_t)seed[i * 8 + b] << (8 * b);
	return w;
}

int guard_init(struct guard *g, void *arena, const struct guard_limits *limits,
	       const struct guard_config *config, usec_t now, const uint8_t seed[GUARD_SEED_BYTES])
{
	struct guard_arena *a = arena;
	struct siphash_key master;

	if (!limits_good(limits))
		return -EINVAL;
	a->limits = *limits;
	a->now = now;
	arena_layout(&a->at, limits);
	arena_head_fill(a);
	master.k0 = seed_word(seed, 0);
	master.k1 = seed_word(seed, 1);
	a->table_key.k0 = seed_word(seed, 2);
	a->table_key.k1 = seed_word(seed, 3);
	key_ring_init(&a->keys, &master, config->cookie_rotate, now);
	half_open_init(a);
	/* zero as it is, but touched now: the first flood is not to make the daemon grow */
	memset(arena_reactions(a), 0, sizeof(struct reactions));
	flow_init(a);
	terminals_init(a);
	profile_init(a);
	for (uint32_t i = 0; i < SERVICE_SLOTS; i++) {
		a->service[i].half_opens.head = a->service[i].half_opens.tail = HALF_OPEN_NONE;
		a->service[i].config = UINT16_MAX;
	}
	g->arena = a;
	g->rules = NULL;
	g->exchange = NULL;
	g->index = 0;
	guard_configure(g, now, config);
	return 0;
}

static void turn_begin(struct turn *t, const struct guard *g, usec_t now, struct actions *out)
{
	t->a = g->arena;
	t->config = g->config;
	if (now > g->arena->now)
		g->arena->now = now;
	t->now = g->arena->now;
	t->out = out;
	t->rules = g->rules;
	t->rule = RULE_NONE;
	t->exchange = g->exchange;
	t->guard = g->index;
	key_ring_advance(&g->arena->keys, t->now);
	alarm_exchange(t);
}

void guard_turn(struct turn *t, const struct guard *g, usec_t now)
{
	turn_begin(t, g, now, NULL);
}

void guard_configure(struct guard *g, usec_t now, const struct guard_config *config)
{
	struct turn t;

	g->config = config;
	turn_begin(&t, g, now, NULL);
	service_configure(&t);
	arena_event(g->arena, GUARD_EVENT_CONFIGURED, NULL, NULL, 0, config->n_services, NULL);
}

void guard_set_rules(struct guard *g, const struct rules *rules)
{
	struct rule_count *count = arena_reactions(g->arena)->rule;

	g->rules = rules && rules->n > 0 ? rules : NULL;
	for (uint32_t i = 0; g->rules && i < rules->n; i++) {
		const struct rule *r = &rules->rule[i];

		if (count[r->slot].serial != r->serial)
			count[r->slot] = (struct rule_count){.serial = r->serial};
	}
}

int guard_set_mode(struct guard *g, usec_t now, uint32_t index, enum guard_mode mode)
{
	struct turn t;

	if (index >= g->config->n_services || g->arena->slot_of_config[index] == SERVICE_NONE)
		return -ENOENT;
	turn_begin(&t, g, now, NULL);
	service_set_mode(&t, g->arena->slot_of_config[index], mode);
	return 0;
}

bool turn_checksum_good(struct turn *t, struct pkt *in)
{
	if (in->csum != PKT_CSUM_UNVERIFIED)
		return true;
	if (!pkt_is_complete(in)) {
		turn_want_full(t);
		return false;
	}
	if (!pkt_checksum_ok(in)) {
		turn_drop(t, GUARD_DROP_BAD_CHECKSUM);
		return false;
	}
	in->csum = PKT_CSUM_FULL;
	return true;
}

static bool protects(const struct service *s)
{
	return s->mode == GUARD_MODE_ADAPTIVE || s->mode == GUARD_MODE_ALWAYS;
}

/* any_protected() - is there a service whose clients' nonsense is to be kept away? */
static bool any_protected(const struct turn *t)
{
	for (uint32_t i = 0; i < t->a->n_services; i++) {
		if (t->a->service[i].config != UINT16_MAX && protects(&t->a->service[i]))
			return true;
	}
	return false;
}

static void malformed_input(struct turn *t)
{
	if (any_protected(t))
		turn_drop(t, GUARD_DROP_MALFORMED);
	else
		turn_accept(t);
}

/*
 * untranslatable() - a fragment that begins a TCP segment which must not pass as it is, whatever the
 * policy: of a translated flow, or to a service whose SYNs the guard answers. Without it the server
 * cannot put the others together, so a flood gains nothing by sending its SYNs in two pieces.
 * Return: the slot of the service, or -1.
 */
static int untranslatable(struct turn *t, const struct pkt *in)
{
	enum flow_dir dir;
	uint32_t i;
	int slot;

	if (in->protocol != PROTO_TCP || !in->dport)
		return -1;
	i = flow_find(t->a, &in->src, in->sport, &in->dst, in->dport, &dir);
	if (i != INDEX_NONE && (flow_at(t->a, i)->flags & FLOW_TRANSLATED))
		return flow_at(t->a, i)->service;
	if (i != INDEX_NONE && !flow_is_over(flow_at(t->a, i)))
		return -1;
	slot = service_match(t, &in->dst, in->dport);
	return slot >= 0 && service_answers(turn_service(t, (uint32_t)slot)) ? slot : -1;
}

/* fragment_input() - ports of later fragments are unknown: the policy is by destination address. */
static void fragment_input(struct turn *t, const struct pkt *in)
{
	const struct guard_config *c = t->config;
	int slot = untranslatable(t, in);

	turn_accept(t);
	if (slot >= 0) {
		turn_service(t, (uint32_t)slot)->counters.fragments++;
		turn_service(t, (uint32_t)slot)->counters.dropped++;
		turn_drop(t, GUARD_DROP_FRAGMENT);
		return;
	}
	for (uint32_t i = 0; i < c->n_listens; i++) {
		struct service *s = turn_service(t, t->a->slot_of_config[c->listen[i].service]);

		if (!service_covers(&c->listen[i], &in->dst))
			continue;
		s->counters.fragments++;
		if (react_denies(t, t->a->slot_of_config[c->listen[i].service], in)) {
			s->counters.dropped++;
			react_count(t);
		} else if (c->fragments == GUARD_FRAGMENTS_DROP && protects(s)) {
			s->counters.dropped++;
			turn_drop(t, GUARD_DROP_FRAGMENT);
		}
		return;
	}
}

/* bad_flags() - combinations that no TCP sends, RFC 9293 3.10.7. */
static bool bad_flags(const struct pkt *in)
{
	uint16_t f = in->flags;

	if (f & TCP_SYN)
		return f & (TCP_FIN | TCP_RST);
	if (f & TCP_RST)
		return f & TCP_FIN;
	return !(f & TCP_ACK); /* none at all, FIN alone, Christmas tree */
}

static bool unusable_address(const struct ip_addr *a)
{
	if (ip_addr_is_v4(a)) {
		uint32_t v4 = ntohl(a->w[3]);

		return v4 >> 24 == 0 || v4 >= 0xe0000000u;
	}
	return (ntohl(a->w[0]) >> 24) == 0xff || !(a->w[0] | a->w[1] | a->w[2] | a->w[3]);
}

/* bad_address() - RFC 9293 MUST-57 and MUST-63, and a SYN that claims to come from where it goes. */
static bool bad_address(const struct pkt *in)
{
	return unusable_address(&in->src) || unusable_address(&in->dst) || !in->sport ||
	       !in->dport || (in->sport == in->dport && ip_addr_eq(&in->src, &in->dst));
}

static void syn_input(struct turn *t, uint32_t slot, struct pkt *in)
{
	struct service *s = turn_service(t, slot);

	if (!turn_checksum_good(t, in))
		return;
	service_syn(t, slot, in);
	if (turn_allowed(t)) {
		s->counters.allowed++;
		passive_syn(t, slot, in);
		return;
	}
	if (react_refuses(t, slot, in))
		return;
	if (!service_answers(s)) {
		passive_syn(t, slot, in);
		return;
	}
	s->counters.precautions += s->mode == GUARD_MODE_ADAPTIVE && !s->detector.cookies &&
				   s->engine != GUARD_ENGINE_TERMINATE;
	answer_syn(t, slot, in);
}

/*
 * off_input() - nothing new is watched, but what has begun goes on: a cookie is honoured, a half-open
 * followed. A SYN takes the ports of a finished connection, or the server's answer would be translated
 * as if it were that one's.
 */
static void off_input(struct turn *t, uint32_t slot, struct pkt *in, uint32_t old)
{
	uint32_t h = half_open_find(t->a, &in->src, in->sport, &in->dst, in->dport);
	bool syn = (in->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;

	if (h == HALF_OPEN_NONE && !syn) {
		answer_ack(t, slot, in, old);
		return;
	}
	if (!turn_checksum_good(t, in))
		return;
	if (!syn) {
		passive_client(t, h, in);
		return;
	}
	if (h != HALF_OPEN_NONE && half_open_at(t->a, h)->client_isn != in->seq)
		half_open_remove(t->a, h);
	if (old != INDEX_NONE)
		track_forget(t, old);
	terminal_unexpect(t->a, in);
}

/* client_input() - from a client, of no flow that takes it; @old: the flow it may replace. */
static void client_input(struct turn *t, uint32_t slot, struct pkt *in, uint32_t old)
{
	struct service *s = turn_service(t, slot);
	uint32_t h;

	turn_accept(t);
	if (s->mode == GUARD_MODE_OFF) {
		off_input(t, slot, in, old);
		return;
	}
	if (bad_flags(in) || bad_address(in)) {
		if (protects(s))
			turn_drop(t, bad_flags(in) ? GUARD_DROP_BAD_FLAGS : GUARD_DROP_BAD_ADDRESS);
		return;
	}
	if ((in->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		syn_input(t, slot, in);
		return;
	}
	h = half_open_find(t->a, &in->src, in->sport, &in->dst, in->dport);
	if (h != HALF_OPEN_NONE) {
		if (turn_checksum_good(t, in))
			passive_client(t, h, in);
		return;
	}
	if (answer_ack(t, slot, in, old))
		return;
	if (terminate_expects(t, slot, in))
		turn_drop(t, GUARD_DROP_EARLY_DATA);
	else if (old == INDEX_NONE)
		service_stray(t, slot, in, false);
}

static void server_input(struct turn *t, struct pkt *in)
{
	uint32_t h = half_open_find(t->a, &in->dst, in->dport, &in->src, in->sport);

	turn_accept(t);
	if (h != HALF_OPEN_NONE && turn_checksum_good(t, in))
		passive_server(t, h, in);
}

/* goes_to_half_open() - a segment that belongs to a new connection on the ports of an old flow. */
static bool goes_to_half_open(struct turn *t, const struct flow *f, enum flow_dir dir,
			      const struct pkt *in)
{
	const struct half_open *h;
	uint32_t i;

	if (t->a->half_open_used == 0)
		return false;
	i = half_open_find(t->a, &f->client, f->client_port, &f->server, f->server_port);
	if (i == HALF_OPEN_NONE)
		return false;
	h = half_open_at(t->a, i);
	if (dir == FROM_CLIENT)
		return h->answered && (in->flags & TCP_ACK) && in->ack == h->server_isn + 1;
	return (in->flags & (TCP_SYN | TCP_RST)) && (in->flags & TCP_ACK) &&
	       half_open_acked(h, in->ack);
}

/* flow_syn() - a SYN of the client on the ports of flow @i. */
static void flow_syn(struct turn *t, uint32_t i, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	uint32_t slot = f->service;

	if (flow_is_terminated(f) ? terminate_is_reused(t, f, in) : relay_is_reused(f, in)) {
		client_input(t, slot, in, i);
	} else if (flow_is_terminated(f)) {
		terminate_input(t, i, FROM_CLIENT, in);
	} else if (flow_is_splicing(f)) {
		turn_drop(t,
			  GUARD_DROP_CONSUMED); /* the SYN-ACK was sent twice; nothing is missing */
	} else if (flow_is_over(f)) {
		emit_to_client(t, f,
			       TCP_ACK); /* TIME-WAIT: not a new connection, RFC 9293 3.10.7.4 */
		turn_service(t, slot)->counters.challenge_acks++;
		turn_drop(t, GUARD_DROP_STALE);
	} else {
		relay_input(t, i, FROM_CLIENT, in); /* the server challenges it, RFC 5961 4 */
	}
}

/*
 * redeemed() - does this segment carry the cookie that made flow @f? A straggler of that connection
 * must not open a second one to the server.
 */
static bool redeemed(const struct flow *f, const struct pkt *in)
{
	return (f->flags & FLOW_TRANSLATED) && in->ack - 1 == flow_cookie_isn(f);
}

/*
 * may_be_cookie() - may this segment of the client, on an open or finished flow, be the ACK of a
 * cookie? Not while it fits the connection that the flow knows.
 */
static bool may_be_cookie(struct turn *t, struct flow *f, const struct pkt *in)
{
	const struct flow_sent *sent = &f->open.sent[FROM_CLIENT];

	if (redeemed(f, in))
		return false;
	if (flow_is_terminated(f) && !flow_is_over(f))
		return terminate_cannot_be(t, f, in);
	return (f->flags & (FLOW_CLIENT_FIN | FLOW_RESET)) ||
	       ((f->flags & FLOW_TRANSLATED) &&
		!seq_between(in->seq, sent->snd_una - 1, sent->snd_nxt - sent->snd_una + 2));
}

/*
 * begins_anew() - data of a new connection that overtook the ACK with the cookie, or outlived it, on the
 * ports of old flow @f: the server knows neither, and would reset it. The client sends both again.
 */
static bool begins_anew(struct turn *t, const struct flow *f, const struct pkt *in)
{
	const struct flow_sent *server = &f->open.sent[FROM_SERVER];
	uint32_t ack = f->flags & FLOW_TRANSLATED ? in->ack - f->seq_delta : in->ack;

	if (flow_is_terminated(f) ||
	    seq_between(ack, server->snd_una - OLD_ACK_MAX,
			server->snd_nxt - server->snd_una + OLD_ACK_MAX + 1))
		return false;
	return terminate_expects(t, f->service, in);
}

/* ended_input() - a side has not heard of the end that the guard made: tell it exactly. */
static void ended_input(struct turn *t, uint32_t i, const struct pkt *in)
{
	if (!(in->flags & TCP_RST))
		emit_rst_reply(t, flow_at(t->a, i)->service, in);
	turn_drop(t, GUARD_DROP_NO_FLOW);
}

static void flow_input(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	flow_keep(t->a, i);
	if (dir == FROM_CLIENT && (in->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		flow_syn(t, i, in);
		return;
	}
	if (goes_to_half_open(t, f, dir, in)) {
		if (dir == FROM_CLIENT)
			client_input(t, f->service, in, i);
		else
			server_input(t, in);
		return;
	}
	if (flow_is_splicing(f)) {
		if (dir == FROM_CLIENT)
			splice_client(t, i, in);
		else
			splice_server(t, i, in);
		return;
	}
	if (dir == FROM_CLIENT && may_be_cookie(t, f, in)) {
		if (answer_ack(t, f->service, in, i))
			return;
		if (begins_anew(t, f, in)) {
			turn_drop(t, GUARD_DROP_EARLY_DATA);
			return;
		}
	}
	if (flow_is_terminated(f)) {
		terminate_input(t, i, dir, in);
		return;
	}
	if (f->flags & FLOW_ENDED) {
		ended_input(t, i, in);
		return;
	}
	relay_input(t, i, dir, in);
}

static void count_packet(struct turn *t, uint32_t slot, bool from_client, const struct pkt *in)
{
	struct guard_counters *c = &turn_service(t, slot)->counters;

	if (from_client) {
		c->packets_in++;
		c->bytes_in += in->payload_len;
	} else {
		c->packets_out++;
		c->bytes_out += in->payload_len;
	}
	if (t->out->verdict == GUARD_DROP && t->out->drop != GUARD_DROP_ANSWERED &&
	    t->out->drop != GUARD_DROP_CONSUMED)
		c->dropped++;
}

/*
 * answers_half_open() - is it the server's answer to a SYN seen passing? Asked before the destination is
 * looked up: the client may be behind a guarded address and port itself.
 */
static bool answers_half_open(struct turn *t, const struct pkt *in)
{
	return (in->flags & TCP_ACK) && (in->flags & (TCP_SYN | TCP_RST)) &&
	       half_open_find(t->a, &in->dst, in->dport, &in->src, in->sport) != HALF_OPEN_NONE;
}

static void segment_input(struct turn *t, struct pkt *in)
{
	enum flow_dir dir;
	uint32_t i = flow_find(t->a, &in->src, in->sport, &in->dst, in->dport, &dir);
	int slot;

	if (i != INDEX_NONE) {
		slot = flow_at(t->a, i)->service;
		if (dir == FROM_SERVER || !react_denies(t, (uint32_t)slot, in))
			flow_input(t, i, dir, in);
	} else if (!answers_half_open(t, in) &&
		   (slot = service_match(t, &in->dst, in->dport)) >= 0) {
		dir = FROM_CLIENT;
		if (!react_denies(t, (uint32_t)slot, in))
			client_input(t, (uint32_t)slot, in, INDEX_NONE);
	} else if ((slot = service_match(t, &in->src, in->sport)) >= 0) {
		dir = FROM_SERVER;
		server_input(t, in);
		service_stray(t, (uint32_t)slot, in, true);
	} else {
		t->a->unguarded++;
		turn_accept(t);
		return;
	}
	if (t->out->verdict == GUARD_WANT_FULL)
		return;
	count_packet(t, (uint32_t)slot, dir == FROM_CLIENT, in);
	react_count(t);
}

void guard_input(struct guard *g, usec_t now, struct pkt *in, int error, struct actions *out)
{
	struct turn t;

	turn_begin(&t, g, now, out);
	out->drop = GUARD_DROP_NONE;
	if (error)
		malformed_input(&t);
	else if (in->kind == PKT_TCP)
		segment_input(&t, in);
	else if (in->kind == PKT_ICMP_ERROR)
		icmp_input(&t, in);
	else if (in->kind == PKT_FRAGMENT)
		fragment_input(&t, in);
	else
		turn_accept(&t);
	if (out->verdict == GUARD_DROP)
		t.a->drops[out->drop]++;
	arena_commit(t.a);
}

void guard_expire(struct guard *g, usec_t now, struct actions *out)
{
	struct turn t;

	g->arena->exchanged = 0; /* it may be a nudge */
	turn_begin(&t, g, now, out);
	for (uint32_t n = 0; n < EXPIRE_BUDGET && turn_has_room(&t); n++) {
		uint32_t i = wheel_pop(&t.a->wheel, flow_timers(t.a), turn_tick(&t));

		if (i == INDEX_NONE)
			break;
		flow_keep(t.a, i);
		if (flow_is_splicing(flow_at(t.a, i)))
			splice_timeout(&t, i);
		else if (flow_is_terminated(flow_at(t.a, i)) && !flow_is_over(flow_at(t.a, i)))
			terminate_timeout(&t, i);
		else
			track_timeout(&t, i);
		arena_commit(t.a);
	}
	for (uint32_t slot = 0; slot < t.a->n_services; slot++) {
		if (!service_expire(&t, slot))
			break;
	}
	arena_commit(t.a);
	terminate_poll(&t);
}

bool guard_poll(struct guard *g, usec_t now, struct actions *out)
{
	struct turn t;

	if (g->arena->terminals.first == INDEX_NONE)
		return false;
	turn_begin(&t, g, now, out);
	terminate_poll(&t);
	return out->n_tx > 0;
}

void guard_path_mtu(struct guard *g, usec_t now, const struct pkt *sent, uint32_t mtu,
		    struct actions *out)
{
	enum flow_dir dir;
	struct turn t;
	uint32_t i;

	turn_begin(&t, g, now, out);
	i = flow_find(t.a, &sent->src, sent->sport, &sent->dst, sent->dport, &dir);
	if (i != INDEX_NONE)
		terminate_path_mtu(&t, i, dir, sent->seq, mtu);
	arena_commit(t.a);
}

uint32_t guard_waiting(const struct guard *g)
{
	return g->arena->terminals.waiting;
}

usec_t guard_deadline(const struct guard *g)
{
	const struct guard_arena *a = g->arena;
	usec_t when = USEC_NEVER;
	uint32_t tick;

	if (a->terminals.first != INDEX_NONE)
		return a->now;
	if (wheel_next(&a->wheel, &tick)) {
		int32_t ahead = (int32_t)(tick - tick_of(a->now));

		when = ahead <= 0 ? a->now
				  : ((a->now >> TICK_SHIFT) + (uint32_t)ahead) << TICK_SHIFT;
	}
	for (uint32_t slot = 0; slot < a->n_services; slot++) {
		usec_t due = service_deadline(g, slot);

		if (due < when)
			when = due;
	}
	return when;
}

/* kill_half_open() - the server's half-open is reset, and so is a client that was answered. */
static int kill_half_open(struct turn *t, uint32_t i)
{
	struct half_open h;

	if (i >= t->a->half_open_fresh || half_open_at(t->a, i)->client_port == 0)
		return -ENOENT;
	h = *half_open_at(t->a, i);
	half_open_remove(t->a, i);
	emit_reset_half_open(t, &h);
	if (h.answered) {
		struct segment rst = {
			.src = h.server,
			.dst = h.client,
			.sport = h.server_port,
			.dport = h.client_port,
			.seq = h.server_isn + 1,
			.flags = TCP_RST,
		};

		emit(t, &rst);
		turn_service(t, h.service)->counters.resets_sent++;
	}
	return 0;
}

int guard_kill(struct guard *g, usec_t now, uint32_t id, struct actions *out)
{
	struct turn t;
	struct flow *f;

	turn_begin(&t, g, now, out);
	if (id & HALF_OPEN_ID) {
		int rc = kill_half_open(&t, id & ~HALF_OPEN_ID);

		arena_commit(t.a);
		return rc;
	}
	if (!flow_is_used(t.a, id))
		return -ENOENT;
	f = flow_at(t.a, id);
	flow_keep(t.a, id);
	arena_event(t.a, GUARD_EVENT_FLOW_KILLED, turn_service(&t, f->service)->name, &f->client,
		    f->client_port, id, NULL);
	if (flow_is_over(f))
		track_forget(&t, id);
	else if (flow_is_terminated(f))
		terminate_kill(&t, id);
	else if (flow_is_splicing(f))
		splice_kill(&t, id);
	else
		track_end(&t, id);
	arena_commit(t.a);
	return 0;
}
