/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard as a whole: sizes, modes, configurations, policies, and noise. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ADAPTIVE);
}

static void set_mode(enum guard_mode mode)
{
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, mode), 0);
}

/* ---- beginning ---- */

START_TEST(limits_are_checked)
{
	static const struct guard_limits bad[] = {{15, 1024, 0, 0},
						  {1024, 15, 0, 0},
						  {0, 0, 0, 0},
						  {16777215, 1024, 0, 0},
						  {1024, 16777215, 0, 0},
						  {16, 16, 16777215, 0},
						  {16, 16, 16, (16u << 20) + 1}};
	static const struct guard_limits good[] = {{16, 16, 0, 0},
						   {16777214, 16, 0, 0},
						   {16, 16777214, 0, 0},
						   {16, 16, 16777214, 16u << 20}};
	struct guard g;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_uint_eq(guard_arena_size(&bad[i]), 0);
		ck_assert_int_eq(guard_init(&g, fx.arena, &bad[i], fx.config, fx.now, fx.seed),
				 -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert_uint_gt(guard_arena_size(&good[i]), 0);
}
END_TEST

START_TEST(a_fresh_guard_waits_for_nothing)
{
	ck_assert_uint_eq(guard_deadline(&fx.guard), USEC_NEVER);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_report().arena_bytes, guard_arena_size(&fx.limits));
	ck_assert_uint_eq(fx_events(GUARD_EVENT_CONFIGURED), 1);
}
END_TEST

/* What is promised about memory, at its full size. */
START_TEST(a_million_flows_in_one_arena)
{
	struct guard_report r;
	size_t size;

	fx_close();
	fx_prepare(GUARD_MODE_ALWAYS);
	fx.limits = (struct guard_limits){.max_flows = 1000000, .max_half_open = 1000000};
	fx_start();
	r = fx_report();
	ck_assert_uint_le(r.flow_entry_bytes, 128);
	ck_assert_uint_le(r.half_open_entry_bytes, 64);
	/* the pools cost what is reported, and everything else is small beside them */
	size = guard_arena_size(&fx.limits);
	size -= SERVICE_SLOTS * sizeof(struct sources); /* touched by services that there are */
	ck_assert_uint_le(size, 1000000ull * (128 + 64));
	ck_assert_uint_le(size - sizeof(struct guard_arena) - sizeof(struct reactions),
			  1000000ull * (r.flow_entry_bytes + r.half_open_entry_bytes));
	ck_assert_uint_le(sizeof(struct guard_arena), 4u << 20);
	ck_assert_uint_le(sizeof(struct reactions), 4u << 20);
}
END_TEST

/* For any size: bytes an entry as promised. */
START_TEST(entries_of_every_size_of_table)
{
	for (uint32_t n = 16; n < 16777214; n = n * 9 / 8 + 1) {
		struct arena_layout l;
		struct guard_limits limits = {.max_flows = n, .max_half_open = n};

		arena_layout(&l, &limits);
		ck_assert_uint_le(sizeof(struct flow) * n + 4ull * (l.flow_mask + 1), 128ull * n);
		ck_assert_uint_le(sizeof(struct half_open) * n + 4ull * (l.half_open_mask + 1),
				  64ull * n);
	}
}
END_TEST

/* ---- modes ---- */

START_TEST(off_sees_nothing)
{
	struct segment s = fx_syn(fx.client, 1000);

	set_mode(GUARD_MODE_OFF);
	fx_accept(&s);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_counters().syn_received, 0);
	ck_assert_uint_eq(guard_deadline(&fx.guard), USEC_NEVER);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_MODE_CHANGED), 1);
}
END_TEST

START_TEST(modes_change_while_it_runs)
{
	struct segment s = fx_syn(fx_stranger(), 1000);

	fx_accept(&s); /* adaptive, calm */
	set_mode(GUARD_MODE_ALWAYS);
	s = fx_syn(fx_stranger(), 1000);
	fx_drop(&s, GUARD_DROP_ANSWERED);
	set_mode(GUARD_MODE_MONITOR);
	s = fx_syn(fx_stranger(), 1000);
	fx_accept(&s);
	set_mode(GUARD_MODE_MONITOR); /* no news */
	ck_assert_uint_eq(fx_events(GUARD_EVENT_MODE_CHANGED), 2);
	ck_assert_int_eq(fx_service().mode, GUARD_MODE_MONITOR);
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 1, GUARD_MODE_OFF), -ENOENT);
}
END_TEST

/* Spliced flows live on, whatever the mode. */
START_TEST(a_spliced_flow_survives_its_mode)
{
	struct fx_conn c = fx_conn();

	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	fx_splice(&c);
	for (int mode = 0; mode < GUARD_MODE_COUNT; mode++) {
		set_mode(mode);
		ck_assert_uint_eq(fx_client_says(&c, TCP_ACK, 1, 1, 10)->ack, c.server_isn + 1);
		ck_assert_uint_eq(fx_server_says(&c, TCP_ACK, 1, 11, 10)->seq, c.cookie_isn + 1);
	}
}
END_TEST

/* A cookie sent before the guard was switched off is honoured: the client believes it is connected. */
START_TEST(a_cookie_survives_its_mode)
{
	struct fx_conn c = fx_conn();
	struct segment syn;

	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	set_mode(_i);
	fx_prove(&c);
}
END_TEST

/* ---- configuration ---- */

static struct guard_config *other_config(void)
{
	struct guard_config *c = malloc(sizeof(*c));

	*c = *fx.config;
	return c;
}

static void add_service(struct guard_config *c, uint32_t at, const char *name, uint16_t port)
{
	struct guard_listen *l = &c->listen[c->n_listens++];

	memmove(&c->service[at + 1], &c->service[at], (c->n_services - at) * sizeof(c->service[0]));
	for (uint32_t i = 0; i + 1 < c->n_listens; i++)
		c->listen[i].service =
			(uint16_t)(c->listen[i].service + (c->listen[i].service >= at));
	guard_service_config_defaults(&c->service[at]);
	strcpy(c->service[at].name, name);
	c->n_services++;
	*l = c->listen[0];
	l->port_low = l->port_high = port;
	l->service = (uint16_t)at;
}

static struct service_report service_at(uint32_t i)
{
	struct service_report r;

	ck_assert(guard_report_service(&fx.guard, i, fx.now, &r));
	return r;
}

/* A service added in front of another one takes neither its counters nor its attack from it. */
START_TEST(a_service_keeps_what_it_has)
{
	struct guard_config *c = other_config();
	struct fx_conn conn = fx_conn();

	fx_pass(&conn);
	fx_client_says(&conn, TCP_FIN | TCP_ACK, 1, 1, 0);
	fx_server_says(&conn, TCP_RST, 1, 0, 0);
	fx_advance(20 * USEC_PER_SEC); /* no flow is left to hold its place */
	ck_assert_uint_eq(fx_report().flows_used, 0);
	fx.config->service[0].relief = false;
	fx_flood(100);
	fx_advance(70 * USEC_PER_SEC / 10);
	add_service(c, 0, "mail", 25);
	guard_configure(&fx.guard, fx.now, c);
	ck_assert_str_eq(service_at(0).service, "mail");
	ck_assert_str_eq(service_at(1).service, "web");
	ck_assert_uint_eq(service_at(0).counters.syn_received, 0);
	ck_assert_int_eq(service_at(0).state, GUARD_CALM);
	ck_assert_uint_eq(service_at(1).counters.passed, 1);
	ck_assert_uint_eq(service_at(1).counters.syn_received, 101);
	ck_assert_int_eq(service_at(1).state, GUARD_ATTACK);
	ck_assert_uint_eq(service_at(0).half_open, 0);
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

/* The same where nothing but its name remembers it. */
START_TEST(a_quiet_service_keeps_its_counters)
{
	struct guard_config *c = other_config();
	struct segment s = fx_syn(fx.client, 1), rst = seg_rst(fx.client, fx.server, 2);

	fx_accept(&s);
	fx_accept(&rst);
	add_service(c, 0, "mail", 25);
	guard_configure(&fx.guard, fx.now, c);
	ck_assert_uint_eq(service_at(0).counters.syn_received, 0);
	ck_assert_uint_eq(service_at(1).counters.syn_received, 1);
	guard_configure(&fx.guard, fx.now, fx.config);
	ck_assert_uint_eq(service_at(0).counters.syn_received, 1);
	free(c);
}
END_TEST

/* Renamed or removed while connections live: they go on, and end in good order. */
START_TEST(flows_outlive_their_service)
{
	struct guard_config *c = other_config();
	struct fx_conn spliced = fx_conn(), passed = fx_conn();
	struct segment s;

	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	fx_splice(&spliced);
	set_mode(GUARD_MODE_MONITOR);
	passed.client = fx_stranger();
	fx_pass(&passed);
	if (_i) { /* renamed */
		strcpy(c->service[0].name, "shop");
	} else { /* removed */
		c->n_services = 0;
		c->n_listens = 0;
	}
	guard_configure(&fx.guard, fx.now, c);
	ck_assert_uint_eq(fx_report().flows_used, 2);
	ck_assert_str_eq(fx_flow(spliced.client).service, "web");
	ck_assert_uint_eq(fx_client_says(&spliced, TCP_ACK, 1, 1, 10)->ack, spliced.server_isn + 1);
	ck_assert_uint_eq(fx_server_says(&spliced, TCP_FIN | TCP_ACK, 1, 11, 0)->seq,
			  spliced.cookie_isn + 1);
	fx_client_says(&spliced, TCP_FIN | TCP_ACK, 11, 2, 0);
	fx_server_says(&spliced, TCP_ACK, 2, 12, 0);
	fx_states(spliced.client, TCPS_TIME_WAIT, TCPS_CLOSED);
	fx_client_says(&passed, TCP_RST, 1, 0, 0);
	fx_advance(70 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	/* somebody new on those ports meets the new configuration */
	s = fx_syn(fx.client, 99);
	fx_accept(&s);
	ck_assert_uint_eq(fx_count_flows(), (unsigned)_i);
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

/* A hundred configurations with ever new names: places are used again, and none is confused. */
START_TEST(names_come_and_go)
{
	struct guard_config *c = other_config();

	for (int round = 0; round < 600; round++) {
		snprintf(c->service[0].name, sizeof(c->service[0].name), "name-%d", round);
		guard_configure(&fx.guard, fx.now, c);
		ck_assert_str_eq(fx_service().service, c->service[0].name);
		ck_assert_uint_eq(fx_counters().syn_received, 0);
		fx_flood(3);
		ck_assert_uint_eq(fx_counters().syn_received, 3);
		if (round % 100 == 0)
			fx_advance(100 * USEC_PER_SEC);
	}
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

/* Workers share one view, so the thresholds of the service are those of each. */
START_TEST(thresholds_are_not_divided)
{
	struct guard_config *c = other_config();

	c->workers = 4;
	guard_configure(&fx.guard, fx.now, c);
	ck_assert_uint_eq(fx_service().attack_start, 64);
	ck_assert_uint_eq(fx_service().attack_end, 32);
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

/* ---- what belongs to whom ---- */

START_TEST(the_most_specific_listen_wins)
{
	static const char *const to[] = {"198.51.100.1", "198.51.100.2", "198.51.101.1",
					 "203.0.113.1"};
	static const char *const service[] = {"web", "net", "world", "world"};
	struct guard_config *c = other_config();

	add_service(c, 0, "world", 80);
	add_service(c, 1, "net", 80);
	/* the widest first, so that order alone would choose it */
	c->n_listens = 3;
	c->listen[2] = c->listen[0];
	c->listen[1] = c->listen[3];
	c->listen[1].plen = 96 + 24;
	c->listen[0].plen = 96; /* all of IPv4 */
	c->listen[0].port_low = 1;
	c->listen[0].port_high = 65535;
	c->listen[0].service = 0;
	guard_configure(&fx.guard, fx.now, c);
	for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
		struct seg_end client = fx_stranger();
		struct segment s = seg_syn(client, seg_end(to[i], 80), 1);

		fx_accept(&s);
		ck_assert_str_eq(fx_flow(client).service, service[i]);
	}
	guard_configure(&fx.guard, fx.now, fx.config);
	free(c);
}
END_TEST

/* "[::]/0" is every IPv6 address, and IPv4 is none of them though it is kept as a mapped one. */
START_TEST(any_ipv6_is_not_ipv4)
{
	struct segment s;

	fx.config->listen[0] = (struct guard_listen){.plen = 0, .port_low = 1, .port_high = 65535};
	guard_configure(&fx.guard, fx.now, fx.config);
	s = seg_syn(fx_stranger(), seg_end("198.51.100.1", 80), 1);
	fx_accept(&s);
	ck_assert_uint_eq(fx_report().unguarded, 1);
	fx_family(6);
	s = seg_syn(fx_stranger(), seg_end("2001:db8:77::1", 4711), 1);
	fx_accept(&s);
	ck_assert_uint_eq(fx_report().unguarded, 1);
	ck_assert_uint_eq(fx_report().half_open_used, 1);
}
END_TEST

START_TEST(port_ranges_have_two_ends)
{
	static const struct {
		uint16_t port;
		bool guarded;
	} ports[] = {{8079, false}, {8080, true}, {8085, true}, {8090, true}, {8091, false}};

	fx.config->listen[0].port_low = 8080;
	fx.config->listen[0].port_high = 8090;
	guard_configure(&fx.guard, fx.now, fx.config);
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct segment s =
			seg_syn(fx_stranger(), seg_end("198.51.100.1", ports[i].port), 1);
		uint64_t unguarded = fx_report().unguarded;

		fx_accept(&s);
		ck_assert_uint_eq(fx_report().unguarded - unguarded, !ports[i].guarded);
	}
	ck_assert_uint_eq(fx_report().half_open_used, 3);
}
END_TEST

/* Where all ports of a network are guarded, clients inside it are guarded, too. */
START_TEST(a_client_behind_a_guarded_port)
{
	struct seg_end from = seg_end("198.51.100.7", 40000);
	struct segment s;

	fx.config->listen[0].plen = 120;
	fx.config->listen[0].port_low = 1;
	fx.config->listen[0].port_high = 65535;
	guard_configure(&fx.guard, fx.now, fx.config);
	set_mode(GUARD_MODE_ADAPTIVE);
	s = seg_syn(from, fx.server, 1000);
	fx_accept(&s);
	s = seg_synack(fx.server, from, 7000, 1001);
	fx_accept(&s);
	s = seg_ack(from, fx.server, 1001, 7001);
	fx_accept(&s);
	ck_assert_uint_eq(fx_counters().passed, 1);
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	fx_states(from, TCPS_ESTABLISHED, TCPS_ESTABLISHED);
}
END_TEST

START_TEST(what_is_not_guarded_passes)
{
	struct segment s =
		seg_bare(fx.client, seg_end("198.51.100.1", 22), TCP_SYN | TCP_FIN, 1, 2);

	set_mode(GUARD_MODE_ALWAYS);
	fx_accept(&s);
	s = seg_syn(fx.client, seg_end("198.51.100.1", 22), 1);
	fx_accept(&s);
	/* UDP to the guarded address */
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[9] = 17;
	fx_offer_bytes();
	ck_assert_int_eq(fx.out->verdict, GUARD_ACCEPT);
	ck_assert_uint_eq(fx_report().unguarded, 2);
}
END_TEST

/* ---- bad input ---- */

START_TEST(malformed_packets_by_mode)
{
	struct segment s = fx_syn(fx.client, 1);

	for (int protected = 0; protected < 2; protected ++) {
		set_mode(protected ? GUARD_MODE_ALWAYS : GUARD_MODE_MONITOR);
		fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
		fx.last.data[32] = 0x40; /* data offset of four words */
		ck_assert_int_eq(fx_offer_bytes(), protected ? GUARD_DROP : GUARD_ACCEPT);
		fx.last.len = 30; /* cut off in the middle of the header */
		ck_assert_int_eq(fx_offer_bytes(), protected ? GUARD_DROP : GUARD_ACCEPT);
	}
	ck_assert_uint_eq(fx_report().drops[GUARD_DROP_MALFORMED], 2);
	ck_assert_uint_eq(fx_count_flows(), 0);
}
END_TEST

static enum guard_verdict offer_first_fragment(const struct segment *s)
{
	fx.last.len = seg_bytes(s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[6] = 0x20; /* more fragments */
	return fx_offer_bytes();
}

static enum guard_verdict offer_fragment(struct seg_end to)
{
	struct segment s = seg_syn(fx.client, to, 1);

	return offer_first_fragment(&s);
}

START_TEST(fragments_by_policy)
{
	set_mode(GUARD_MODE_ADAPTIVE);
	ck_assert_int_eq(offer_fragment(fx.server), GUARD_ACCEPT);
	ck_assert_uint_eq(fx_counters().fragments, 1);
	fx.config->fragments = GUARD_FRAGMENTS_DROP;
	ck_assert_int_eq(offer_fragment(fx.server), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_FRAGMENT);
	ck_assert_uint_eq(fx_counters().fragments, 2);
	ck_assert_uint_eq(fx_counters().dropped, 1);
	/* other addresses are nobody's business, and who only watches drops nothing */
	ck_assert_int_eq(offer_fragment(seg_end("198.51.100.99", 80)), GUARD_ACCEPT);
	set_mode(GUARD_MODE_MONITOR);
	ck_assert_int_eq(offer_fragment(fx.server), GUARD_ACCEPT);
}
END_TEST

/*
 * Policy or not: while the guard answers, SYNs in two pieces must not reach the server, and what is to be
 * translated must not pass as it is.
 */
START_TEST(fragments_are_no_way_around)
{
	struct fx_conn c;
	struct segment s;

	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	c = fx_conn();
	fx_splice(&c);
	s = fx_from_client(&c, TCP_ACK, 1, 1, 8);
	ck_assert_int_eq(offer_first_fragment(&s), GUARD_DROP);
	s = fx_from_server(&c, TCP_ACK, 1, 1, 8);
	ck_assert_int_eq(offer_first_fragment(&s), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_FRAGMENT);
	s = seg_syn(fx_stranger(), fx.server, 1);
	ck_assert_int_eq(offer_first_fragment(&s), GUARD_DROP);
	ck_assert_uint_eq(fx_counters().fragments, 3);
	ck_assert_uint_eq(fx_counters().dropped, 3);
	/* another port of the same address, and another protocol on this one */
	s = seg_syn(fx_stranger(), seg_end("198.51.100.1", 81), 1);
	ck_assert_int_eq(offer_first_fragment(&s), GUARD_ACCEPT);
	s = seg_syn(fx_stranger(), fx.server, 1);
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	fx.last.data[6] = 0x20;
	fx.last.data[9] = 17; /* UDP */
	ck_assert_int_eq(fx_offer_bytes(), GUARD_ACCEPT);
}
END_TEST

/* in_answer() - make @s an answer to what the guard has said last. */
static void in_answer(struct segment *s, uint32_t ts_val)
{
	const struct pkt *p = fx_last_sent();

	s->src = p->dst;
	s->dst = p->src;
	s->sport = p->dport;
	s->dport = p->sport;
	s->seq = p->ack;
	s->ack = p->seq + 1;
	s->flags = p->flags & TCP_ACK ? TCP_ACK : TCP_SYN | TCP_ACK;
	if (p->opt.present & TCP_OPT_TIMESTAMPS)
		seg_timestamps(s, ts_val, p->opt.ts_val);
}

/* make_noise() - fx.last: any flags, of either side, half of it in answer, a tenth of it damaged. */
static void make_noise(struct seg_random *r, int n)
{
	struct segment s = seg_bare(fx.client, fx.server, (uint16_t)(seg_random_next(r) & 0xfff),
				    seg_random_below(r, 4) * 1000, (uint32_t)seg_random_next(r));

	s.sport = (uint16_t)(1 + seg_random_below(r, 30));
	if (seg_random_below(r, 3) == 0) {
		s.src = fx.server.addr;
		s.dst = fx.client.addr;
		s.dport = s.sport;
		s.sport = 80;
	}
	if (fx.n_sent && seg_random_below(r, 2))
		in_answer(&s, n & 0xffffff);
	fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	if (seg_random_below(r, 10) == 0)
		fx.last.data[seg_random_below(r, fx.last.len)] ^=
			(uint8_t)(1 << seg_random_below(r, 8));
	fx.last.error = pkt_parse(&fx.last.pkt, fx.last.data, fx.last.len, fx.last.len,
				  PKT_CSUM_UNVERIFIED);
}

/* keep_unverified() - what the guard sends in answer to noise may be anything. */
static void keep_unverified(void)
{
	fx.n_sent = 0;
	for (uint32_t i = 0; i < fx.out->n_tx; i++) {
		struct fx_tx *to = &fx.sent[fx.n_sent++];

		memcpy(to->data, fx.out->tx[i].data, fx.out->tx[i].len);
		pkt_parse(&to->pkt, to->data, fx.out->tx[i].len, fx.out->tx[i].len, PKT_CSUM_FULL);
	}
	fx.out->n_tx = 0;
}

/* Noise of every kind: no crash, every drop counted, and nothing is left when it is over. */
START_TEST(noise)
{
	struct seg_random r = seg_random((uint64_t)_i + 1);
	uint64_t drops = 0, counted = 0;
	struct guard_report report;

	set_mode(GUARD_MODE_ALWAYS);
	fx_teach_linux();
	fx.csum = PKT_CSUM_FULL;
	for (int n = 0; n < 30000; n++) {
		make_noise(&r, n);
		guard_input(&fx.guard, fx.now, &fx.last.pkt, fx.last.error, fx.out);
		drops += fx.out->verdict == GUARD_DROP;
		keep_unverified();
		if (seg_random_below(&r, 100) == 0)
			fx_advance(seg_random_below(&r, 10) * USEC_PER_SEC);
	}
	report = fx_report();
	for (int i = 1; i < GUARD_DROP_COUNT; i++)
		counted += report.drops[i];
	ck_assert_uint_eq(report.drops[GUARD_DROP_NONE], 0);
	ck_assert_uint_ge(counted, drops);
	ck_assert_uint_gt(fx_counters().spliced, 0);
	fx_advance(2 * 86400 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_service().flows, 0);
	ck_assert_uint_eq(fx_service().spliced_now, 0);
	ck_assert_uint_eq(fx_service().time_wait, 0);
}
END_TEST

static void add_begin(TCase *tc)
{
	tcase_add_test(tc, limits_are_checked);
	tcase_add_test(tc, a_fresh_guard_waits_for_nothing);
	tcase_add_test(tc, a_million_flows_in_one_arena);
	tcase_add_test(tc, entries_of_every_size_of_table);
	tcase_add_test(tc, off_sees_nothing);
	tcase_add_test(tc, modes_change_while_it_runs);
	tcase_add_test(tc, a_spliced_flow_survives_its_mode);
	tcase_add_loop_test(tc, a_cookie_survives_its_mode, 0, GUARD_MODE_COUNT);
}

static void add_config(TCase *tc)
{
	tcase_add_test(tc, a_service_keeps_what_it_has);
	tcase_add_test(tc, a_quiet_service_keeps_its_counters);
	tcase_add_loop_test(tc, flows_outlive_their_service, 0, 2);
	tcase_add_test(tc, names_come_and_go);
	tcase_add_test(tc, thresholds_are_not_divided);
	tcase_add_test(tc, the_most_specific_listen_wins);
	tcase_add_test(tc, any_ipv6_is_not_ipv4);
	tcase_add_test(tc, port_ranges_have_two_ends);
	tcase_add_test(tc, a_client_behind_a_guarded_port);
	tcase_add_test(tc, what_is_not_guarded_passes);
	tcase_add_test(tc, malformed_packets_by_mode);
	tcase_add_test(tc, fragments_by_policy);
	tcase_add_test(tc, fragments_are_no_way_around);
	tcase_add_loop_test(tc, noise, 0, 4);
}

int main(void)
{
	Suite *suite = suite_create("core/guard");
	TCase *begin = tcase_create("begin"), *config = tcase_create("config");

	tcase_add_checked_fixture(begin, setup, fx_close);
	add_begin(begin);
	tcase_set_timeout(config, 20);
	tcase_add_checked_fixture(config, setup, fx_close);
	add_config(config);
	suite_add_tcase(suite, begin);
	suite_add_tcase(suite, config);
	return fx_run(suite);
}
