/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/layout.h"

struct fixture fx;

static const uint8_t payload[1460] = "GET / HTTP/1.1\r\n";

/* ---- beginning and end ---- */

static void listen_on(const char *addr, uint16_t port, uint16_t service)
{
	struct guard_listen *l = &fx.config->listen[fx.config->n_listens++];

	ip_addr_parse(&l->prefix, addr);
	l->plen = 128;
	l->port_low = l->port_high = port;
	l->service = service;
}

void fx_prepare(enum guard_mode mode)
{
	memset(&fx, 0, sizeof(fx));
	fx.config = malloc(sizeof(*fx.config));
	guard_config_defaults(fx.config);
	guard_service_config_defaults(&fx.config->service[0]);
	strcpy(fx.config->service[0].name, "web");
	fx.config->service[0].mode = mode;
	fx.config->n_services = 1;
	listen_on("198.51.100.1", 80, 0);
	listen_on("2001:db8:1::80", 80, 0);
	fx.limits = (struct guard_limits){.max_flows = 1024, .max_half_open = 1024};
	for (unsigned i = 0; i < sizeof(fx.seed); i++)
		fx.seed[i] = (uint8_t)(17 * i + 3);
	fx.now = FX_START;
	fx.csum = PKT_CSUM_FULL;
	fx.next_port = 2000;
	fx_family(4);
}

void fx_start(void)
{
	size_t size = guard_arena_size(&fx.limits);

	ck_assert_uint_gt(size, 0);
	/* in whole pages, as the guard asks for */
	fx.arena = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
	fx.out = calloc(1, sizeof(*fx.out));
	fx.sent = calloc(FX_SENT_MAX, sizeof(*fx.sent));
	ck_assert(fx.arena && fx.out && fx.sent);
	memset(fx.arena, 0, size);
	ck_assert_int_eq(guard_init(&fx.guard, fx.arena, &fx.limits, fx.config, fx.now, fx.seed),
			 0);
}

void fx_open(enum guard_mode mode)
{
	fx_prepare(mode);
	fx_start();
}

void fx_close(void)
{
	free(fx.config);
	free(fx.arena);
	free(fx.out);
	free(fx.sent);
	memset(&fx, 0, sizeof(fx));
}

void fx_family(int family)
{
	if (family == 4) {
		fx.client = seg_end("192.0.2.1", 1024);
		fx.server = seg_end("198.51.100.1", 80);
	} else {
		fx.client = seg_end("2001:db8::1", 1024);
		fx.server = seg_end("2001:db8:1::80", 80);
	}
}

int fx_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- packets ---- */

/* whole() - a packet with its payload, wherever that lies. Return: its length. */
static uint32_t whole(const struct guard_tx *tx, uint8_t *to, size_t cap)
{
	uint32_t len = tx->len, tcp = tx->family == 4 ? 20 : 40;

	memcpy(to, tx->data, len);
	for (uint32_t i = 0; i < tx->n_pieces; i++) {
		const struct guard_piece *p = &fx.out->piece[tx->piece + i];

		ck_assert_uint_le(len + p->len, cap);
		memcpy(to + len, p->data, p->len);
		len += p->len;
	}
	if (tx->n_pieces > 0)
		store_mem16(to + tcp + TCP_CHECK,
			    (be16)~csum_fold(csum_add_bytes(0, to + tcp, len - tcp)));
	return len;
}

/* keep_sent() - empty the outbox into fx.sent, verifying each packet. */
static void keep_sent(void)
{
	for (uint32_t i = 0; i < fx.out->n_tx; i++) {
		const struct guard_tx *tx = &fx.out->tx[i];
		struct fx_tx *to = &fx.sent[fx.n_sent++];
		uint32_t len;

		ck_assert_uint_le(fx.n_sent, FX_SENT_MAX);
		to->at = fx.now;
		len = whole(tx, to->data, sizeof(to->data));
		ck_assert_int_eq(pkt_parse(&to->pkt, to->data, len, len, PKT_CSUM_UNVERIFIED), 0);
		ck_assert_int_eq(to->pkt.kind, PKT_TCP);
		ck_assert_int_eq(to->pkt.family, tx->family);
		ck_assert_uint_eq(to->pkt.len, len);
		ck_assert(pkt_checksum_ok(&to->pkt));
		ck_assert_uint_eq(to->pkt.opt.present & TCP_OPT_MALFORMED, 0);
	}
	fx.out->n_tx = fx.out->n_pieces = 0;
}

/* verify_replaced() - the bytes say what the parsed fields say, and the checksum is whole. */
static void verify_replaced(void)
{
	const struct pkt *p = &fx.last.pkt;
	struct pkt again;

	ck_assert_int_eq(
		pkt_parse(&again, fx.last.data, fx.last.len, fx.last.len, PKT_CSUM_UNVERIFIED), 0);
	if (p->kind != PKT_TCP)
		return;
	ck_assert(pkt_checksum_ok(&again));
	ck_assert_uint_eq(again.seq, p->seq);
	ck_assert_uint_eq(again.ack, p->ack);
	ck_assert_uint_eq(again.flags, p->flags);
	ck_assert_uint_eq(again.window, p->window);
	ck_assert_uint_eq(again.opt.present, p->opt.present);
	ck_assert_uint_eq(again.payload_len, p->payload_len);
}

static enum guard_verdict offer_parsed(void)
{
	fx.n_sent = 0;
	fx.out->n_tx = 0;
	fx.out->verdict = GUARD_NOT_MINE;
	guard_input(&fx.guard, fx.now, &fx.last.pkt, fx.last.error, fx.out);
	ck_assert_uint_le(fx.out->n_tx, GUARD_TX_PER_INPUT);
	keep_sent();
	if (fx.out->verdict == GUARD_REPLACE)
		verify_replaced();
	return fx.out->verdict;
}

enum guard_verdict fx_offer_bytes(void)
{
	fx.last.error = pkt_parse(&fx.last.pkt, fx.last.data, fx.last.len, fx.last.len, fx.csum);
	return offer_parsed();
}

enum guard_verdict fx_offer(const struct segment *s)
{
	fx.last.len = seg_bytes(s, fx.last.data, sizeof(fx.last.data));
	return fx_offer_bytes();
}

enum guard_verdict fx_offer_cut(const struct segment *s, uint32_t cap)
{
	size_t size = guard_arena_size(&fx.limits);
	struct guard_arena *before = malloc(size);
	enum guard_verdict verdict;

	fx.last.len = seg_bytes(s, fx.last.data, sizeof(fx.last.data));
	if (cap > fx.last.len)
		cap = fx.last.len;
	fx.last.error =
		pkt_parse(&fx.last.pkt, fx.last.data, cap, fx.last.len, PKT_CSUM_UNVERIFIED);
	memcpy(before, fx.arena, size);
	verdict = offer_parsed();
	if (verdict == GUARD_WANT_FULL) {
		before->now = ((struct guard_arena *)fx.arena)->now;
		before->journal = ((struct guard_arena *)fx.arena)->journal;
		ck_assert_uint_eq(before->journal.used, 0);
		ck_assert_msg(memcmp(before, fx.arena, size) == 0,
			      "the guard wants the whole packet, but has changed something");
		fx_sent_nothing();
	}
	free(before);
	return verdict;
}

void fx_drop(const struct segment *s, enum guard_drop why)
{
	ck_assert_int_eq(fx_offer(s), GUARD_DROP);
	ck_assert_msg(fx.out->drop == why, "dropped as %s, not as %s", guard_drop_key(fx.out->drop),
		      guard_drop_key(why));
}

void fx_accept(const struct segment *s)
{
	ck_assert_int_eq(fx_offer(s), GUARD_ACCEPT);
}

const struct pkt *fx_replaced(const struct segment *s)
{
	enum guard_verdict verdict = fx_offer(s);

	ck_assert_msg(verdict == GUARD_REPLACE, "verdict %d, drop %s", verdict,
		      guard_drop_key(fx.out->drop));
	return &fx.last.pkt;
}

const struct pkt *fx_sent(uint32_t i)
{
	ck_assert_msg(i < fx.n_sent, "the guard has sent %u packets, not %u", fx.n_sent, i + 1);
	return &fx.sent[i].pkt;
}

const struct pkt *fx_last_sent(void)
{
	ck_assert_uint_gt(fx.n_sent, 0);
	return &fx.sent[fx.n_sent - 1].pkt;
}

void fx_sent_nothing(void)
{
	ck_assert_uint_eq(fx.n_sent, 0);
}

struct seg_end fx_stranger(void)
{
	struct seg_end e = fx.client;

	e.port = fx.next_port++;
	return e;
}

struct seg_end fx_forged(void)
{
	struct seg_end e = fx.client;

	fx.next_forged++;
	e.addr.w[3] = htonl(0x14000000 + fx.next_forged * 2654435761u % 0x40000000);
	e.port = (uint16_t)(1024 + fx.next_forged % 60000);
	return e;
}

void fx_flood(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct seg_end from = fx_forged();
		struct segment syn = fx_syn(from, i * 1000), synack;

		if (fx_offer(&syn) != GUARD_ACCEPT)
			continue;
		synack = seg_synack(fx.server, from, 9000, i * 1000 + 1);
		seg_timestamps(&synack, 5, 5000);
		fx_accept(&synack);
	}
}

struct segment fx_syn(struct seg_end from, uint32_t isn)
{
	struct segment s = seg_syn(from, fx.server, isn);

	seg_timestamps(&s, 5000, 0);
	return s;
}

/* ---- time ---- */

static void expire(void)
{
	uint32_t rounds = 0;

	do {
		fx.out->n_tx = 0;
		guard_expire(&fx.guard, fx.now, fx.out);
		keep_sent();
		ck_assert_uint_lt(rounds++, 100000); /* it must get done one day */
	} while (guard_deadline(&fx.guard) <= fx.now);
}

void fx_advance(usec_t duration)
{
	usec_t end = fx.now + duration;

	fx.n_sent = 0;
	for (;;) {
		usec_t due = guard_deadline(&fx.guard);

		if (due > end)
			break;
		if (due > fx.now)
			fx.now = due;
		expire();
	}
	fx.now = end;
	expire();
}

int fx_kill(uint32_t id)
{
	int ret;

	fx.n_sent = 0;
	fx.out->n_tx = 0;
	ret = guard_kill(&fx.guard, fx.now, id, fx.out);
	keep_sent();
	return ret;
}

/* ---- looking at it ---- */

bool fx_find_flow(struct seg_end client, struct flow_report *r)
{
	uint32_t cursor = 0;

	while (cursor != INDEX_NONE) {
		if (guard_report_flows(&fx.guard, fx.now, &cursor, r, 1) &&
		    r->client_port == client.port && ip_addr_eq(&r->client, &client.addr))
			return true;
	}
	return false;
}

struct flow_report fx_flow(struct seg_end client)
{
	struct flow_report r;

	ck_assert_msg(fx_find_flow(client, &r), "no flow of port %u", client.port);
	return r;
}

uint32_t fx_count_flows(void)
{
	struct flow_report rows[16];
	uint32_t cursor = 0, n = 0;

	while (cursor != INDEX_NONE)
		n += guard_report_flows(&fx.guard, fx.now, &cursor, rows, 16);
	return n;
}

struct service_report fx_service(void)
{
	struct service_report r;

	ck_assert(guard_report_service(&fx.guard, 0, fx.now, &r));
	return r;
}

struct guard_counters fx_counters(void)
{
	return fx_service().counters;
}

struct guard_report fx_report(void)
{
	struct guard_report r;

	guard_report(&fx.guard, &r);
	return r;
}

uint32_t fx_events(enum guard_event_kind kind)
{
	struct guard_event rows[EVENT_RING];
	uint32_t n = guard_report_events(&fx.guard, 0, rows, EVENT_RING), found = 0;

	for (uint32_t i = 0; i < n; i++)
		found += rows[i].kind == kind;
	return found;
}

void fx_states(struct seg_end client, enum tcp_state client_state, enum tcp_state server_state)
{
	struct flow_report r = fx_flow(client);

	ck_assert_str_eq(tcp_state_name(r.client_state), tcp_state_name(client_state));
	ck_assert_str_eq(tcp_state_name(r.server_state), tcp_state_name(server_state));
}

/* ---- whole stories ---- */

void fx_teach(const struct segment *synack)
{
	struct seg_end pupil = fx_stranger();
	struct segment syn = fx_syn(pupil, 77), answer = *synack,
		       rst = seg_rst(pupil, fx.server, 78);
	enum guard_mode mode = fx_service().mode;

	syn.flags |= TCP_ECE | TCP_CWR;
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	fx_accept(&syn);
	answer.src = fx.server.addr;
	answer.sport = fx.server.port;
	answer.dst = pupil.addr;
	answer.dport = pupil.port;
	answer.ack = 78;
	fx_accept(&answer);
	fx_accept(&rst);
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, mode), 0);
}

void fx_teach_linux(void)
{
	struct segment s = seg_synack(fx.server, fx.client, 1, 1);

	seg_timestamps(&s, 1, 1);
	fx_teach(&s);
}

struct fx_conn fx_conn(void)
{
	return (struct fx_conn){
		.client = fx.client,
		.server = fx.server,
		.client_isn = 1000,
		.server_isn = 0x40000000,
		.client_ts = 5000,
		.server_ts = 900000,
		.timestamps = true,
	};
}

struct segment fx_conn_syn(const struct fx_conn *c)
{
	struct segment s = seg_syn(c->client, c->server, c->client_isn);

	if (c->timestamps)
		seg_timestamps(&s, c->client_ts, 0);
	return s;
}

const struct pkt *fx_challenge(struct fx_conn *c, const struct segment *syn)
{
	const struct pkt *synack;

	fx_drop(syn, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx.n_sent, 1);
	synack = fx_sent(0);
	ck_assert_uint_eq(synack->flags & (TCP_SYN | TCP_ACK | TCP_RST), TCP_SYN | TCP_ACK);
	c->cookie_isn = synack->seq;
	c->timestamps = synack->opt.present & TCP_OPT_TIMESTAMPS;
	c->cookie_tsval = c->timestamps ? synack->opt.ts_val : 0;
	return synack;
}

struct segment fx_conn_ack(const struct fx_conn *c)
{
	struct segment s = seg_ack(c->client, c->server, c->client_isn + 1, c->cookie_isn + 1);

	if (c->timestamps)
		seg_timestamps(&s, c->client_ts + 1, c->cookie_tsval);
	return s;
}

const struct pkt *fx_prove(struct fx_conn *c)
{
	struct segment ack = fx_conn_ack(c);

	fx_drop(&ack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 1);
	ck_assert_uint_eq(fx_sent(0)->flags & ~(TCP_ECE | TCP_CWR), TCP_SYN);
	return fx_sent(0);
}

struct segment fx_conn_synack(const struct fx_conn *c)
{
	struct segment s = seg_synack(c->server, c->client, c->server_isn, c->client_isn + 1);

	if (c->timestamps)
		seg_timestamps(&s, c->server_ts, c->client_ts + 1);
	return s;
}

void fx_splice(struct fx_conn *c)
{
	struct segment syn = fx_conn_syn(c), synack;

	fx_challenge(c, &syn);
	fx_prove(c);
	synack = fx_conn_synack(c);
	fx_drop(&synack, GUARD_DROP_CONSUMED);
	ck_assert_uint_eq(fx.n_sent, 2);
	fx_states(c->client, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}

void fx_pass(struct fx_conn *c)
{
	struct segment syn = fx_conn_syn(c), synack = fx_conn_synack(c), ack;

	fx_accept(&syn);
	fx_accept(&synack);
	c->cookie_isn = c->server_isn;
	c->cookie_tsval = c->server_ts;
	ack = fx_conn_ack(c);
	fx_accept(&ack);
	ck_assert_int_eq(fx_flow(c->client).kind, FLOW_PASSED);
}

static struct segment say(struct seg_end from, struct seg_end to, uint16_t flags, uint32_t seq,
			  uint32_t ack, uint32_t len)
{
	struct segment s = seg_bare(from, to, flags, seq, flags & TCP_ACK ? ack : 0);

	s.payload = payload;
	s.payload_len = len;
	return s;
}

struct segment fx_from_client(const struct fx_conn *c, uint16_t flags, uint32_t seq, uint32_t ack,
			      uint32_t len)
{
	struct segment s =
		say(c->client, c->server, flags, c->client_isn + seq, c->cookie_isn + ack, len);

	if (c->timestamps && !(flags & TCP_RST))
		seg_timestamps(&s, c->client_ts + seq, c->cookie_tsval + ack - 1);
	return s;
}

struct segment fx_from_server(const struct fx_conn *c, uint16_t flags, uint32_t seq, uint32_t ack,
			      uint32_t len)
{
	struct segment s =
		say(c->server, c->client, flags, c->server_isn + seq, c->client_isn + ack, len);

	if (c->timestamps && !(flags & TCP_RST))
		seg_timestamps(&s, c->server_ts + seq - 1, c->client_ts + ack);
	return s;
}

static const struct pkt *through(const struct segment *s)
{
	enum guard_verdict verdict = fx_offer(s);

	ck_assert_msg(verdict == GUARD_REPLACE || verdict == GUARD_ACCEPT, "verdict %d, drop %s",
		      verdict, guard_drop_key(fx.out->drop));
	return &fx.last.pkt;
}

const struct pkt *fx_client_says(const struct fx_conn *c, uint16_t flags, uint32_t seq,
				 uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_client(c, flags, seq, ack, len);

	return through(&s);
}

const struct pkt *fx_server_says(const struct fx_conn *c, uint16_t flags, uint32_t seq,
				 uint32_t ack, uint32_t len)
{
	struct segment s = fx_from_server(c, flags, seq, ack, len);

	return through(&s);
}
