/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answering SYNs in the server's name: what is said, to whom it is not said, and what is kept: nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void setup(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

/* A SYN that offers what the bits of @which say. */
enum { WITH_MSS = 1, WITH_WSCALE = 2, WITH_SACK = 4, WITH_TS = 8, WITH_ECN = 16, OFFERS = 32 };

static struct segment offering(unsigned which)
{
	struct segment s = seg_bare(fx.client, fx.server, TCP_SYN, 1000, 0);

	if (which & WITH_MSS)
		seg_mss(&s, 1234);
	if (which & WITH_WSCALE)
		seg_wscale(&s, 9);
	if (which & WITH_SACK)
		seg_sack_permitted(&s);
	if (which & WITH_TS)
		seg_timestamps(&s, 5000, 0);
	if (which & WITH_ECN)
		s.flags |= TCP_ECE | TCP_CWR;
	return s;
}

/* ---- what is said ---- */

/* Every server against every client: promised is what the server does and the client offers. */
START_TEST(the_synack_is_the_servers)
{
	struct segment s = seg_synack(fx.server, fx.client, 1, 1);
	unsigned server = (unsigned)_i;

	s.opt.present = TCP_OPT_MSS;
	s.opt.mss = 1300;
	if (server & WITH_WSCALE)
		seg_wscale(&s, 5);
	if (server & WITH_SACK)
		seg_sack_permitted(&s);
	if (server & WITH_TS)
		seg_timestamps(&s, 1, 1);
	if (server & WITH_ECN)
		s.flags |= TCP_ECE;
	fx_teach(&s);
	for (unsigned client = 0; client < OFFERS; client++) {
		unsigned both = server & client;
		struct fx_conn c = fx_conn();
		const struct pkt *p;

		s = offering(client);
		p = fx_challenge(&c, &s);
		ck_assert_uint_eq(p->ack, 1001);
		ck_assert_uint_eq(p->window, 0);
		ck_assert_uint_eq(p->payload_len, 0);
		ck_assert_uint_eq(p->opt.mss, 1300);
		ck_assert_uint_eq(p->opt.present,
				  TCP_OPT_MSS | (both & WITH_WSCALE ? TCP_OPT_WSCALE : 0) |
					  (both & WITH_SACK ? TCP_OPT_SACK_PERMITTED : 0) |
					  (both & WITH_TS ? TCP_OPT_TIMESTAMPS : 0));
		if (both & WITH_WSCALE)
			ck_assert_uint_eq(p->opt.wscale, 5);
		if (both & WITH_TS)
			ck_assert_uint_eq(p->opt.ts_ecr, 5000);
		/* ECN only where there is a bit to remember it in */
		ck_assert_uint_eq(p->flags,
				  TCP_SYN | TCP_ACK |
					  ((both & WITH_ECN) && (both & WITH_TS) ? TCP_ECE : 0));
	}
}
END_TEST

/* A server never heard of: what nearly all servers do, but timestamps, which cannot be invented. */
START_TEST(an_unknown_server_is_promised_with_care)
{
	struct fx_conn c;
	struct segment s;
	const struct pkt *p;

	fx_close();
	fx_open(GUARD_MODE_ALWAYS);
	fx_family(_i ? 6 : 4);
	c = fx_conn();
	s = fx_conn_syn(&c);
	p = fx_challenge(&c, &s);
	ck_assert_uint_eq(p->opt.present, TCP_OPT_MSS | TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED);
	ck_assert_uint_eq(p->opt.mss, _i ? 1440 : 1460);
	ck_assert_uint_eq(p->opt.wscale, 7);
}
END_TEST

/* Another address of the same service is expected to do what its sister does. */
START_TEST(a_sister_of_a_known_server)
{
	struct fx_conn c;
	struct segment s;
	const struct pkt *p;

	fx_family(6);
	c = fx_conn();
	s = fx_conn_syn(&c);
	p = fx_challenge(&c, &s);
	ck_assert_uint_ne(p->opt.present & TCP_OPT_TIMESTAMPS, 0);
}
END_TEST

START_TEST(nothing_is_kept)
{
	struct guard_arena *before = malloc(sizeof(*before));
	struct fx_conn c = fx_conn();
	struct segment s;

	fx.config->service[0].synack_limit = 0; /* they are of one network */
	for (int i = 0; i < 5000; i++) {
		c.client = fx_stranger();
		c.client_isn = (uint32_t)i * 77777;
		s = fx_conn_syn(&c);
		fx_challenge(&c, &s);
	}
	ck_assert_uint_eq(fx_report().half_open_used, 0);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	ck_assert_uint_eq(fx_count_flows(), 0);
	ck_assert_uint_eq(fx_counters().cookies_sent, 5000);
	ck_assert_uint_eq(fx_counters().synack_sent, 5000);
	/* the pools behind the arena's head have never been touched */
	ck_assert_uint_eq(fx.guard.arena->flow_fresh, 0);
	ck_assert_uint_le(fx.guard.arena->half_open_fresh, 1); /* the lesson in calm */
	free(before);
}
END_TEST

START_TEST(a_repeated_syn_gets_the_same_answer)
{
	struct fx_conn c = fx_conn(), again = c;
	struct segment s = fx_conn_syn(&c);

	fx_challenge(&c, &s);
	fx_advance(USEC_PER_SEC / 2);
	fx_challenge(&again, &s);
	ck_assert_uint_eq(again.cookie_isn, c.cookie_isn);
	ck_assert_uint_eq(again.cookie_tsval, c.cookie_tsval);
	/* either is good */
	fx_prove(&c);
}
END_TEST

/* TCP Fast Open: the data of a SYN is not acknowledged, so the client sends it again. */
START_TEST(the_data_of_a_syn_is_not_acknowledged)
{
	struct fx_conn c = fx_conn();
	struct segment s = fx_conn_syn(&c);

	s.payload = "GET / HTTP/1.1";
	s.payload_len = 14;
	ck_assert_uint_eq(fx_challenge(&c, &s)->ack, c.client_isn + 1);
}
END_TEST

START_TEST(options_of_others_are_not_echoed)
{
	static const uint8_t options[][16] = {
		{34, 2}, /* Fast Open, asking */
		{34, 10, 1, 2, 3, 4, 5, 6, 7, 8}, /* Fast Open with a cookie */
		{30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}, /* MP_CAPABLE */
		{172, 5, 1, 2, 3}, /* AccECN */
		{254, 4, 0xf9, 0x89}, /* Fast Open, experimental */
	};
	struct segment s = seg_bare(fx.client, fx.server, TCP_SYN, 1000, 0);

	fx.last.len =
		seg_bytes_raw(&s, options[_i], options[_i][1], fx.last.data, sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx_sent(0)->opt.present, TCP_OPT_MSS);
	ck_assert_uint_eq(fx_sent(0)->tcp_hdr_len, 24);
}
END_TEST

/* The answer is never longer than the question with its options: no amplification. */
START_TEST(the_answer_is_not_longer)
{
	for (unsigned which = 0; which < OFFERS; which++) {
		struct segment s = offering(which);
		struct fx_conn c = fx_conn();
		const struct pkt *p = fx_challenge(&c, &s);

		ck_assert_uint_le(p->len, fx.last.pkt.len + (which & WITH_MSS ? 0 : 4));
	}
}
END_TEST

START_TEST(the_answer_looks_like_the_servers)
{
	struct fx_conn c;
	struct segment s;
	const struct pkt *p;

	fx_family(_i ? 6 : 4);
	c = fx_conn();
	s = fx_conn_syn(&c);
	p = fx_challenge(&c, &s);
	ck_assert(ip_addr_eq(&p->src, &fx.server.addr) && ip_addr_eq(&p->dst, &fx.client.addr));
	ck_assert_uint_eq(p->sport, 80);
	ck_assert_uint_eq(p->dport, 1024);
	ck_assert(p->df);
}
END_TEST

/* RFC 3168 asks with ECE and CWR, AccECN with AE on top; the floods seen in the wild, too. */
START_TEST(ecn_syns_are_answered)
{
	static const uint16_t asks[] = {TCP_ECE | TCP_CWR,
					TCP_AE | TCP_ECE | TCP_CWR,
					TCP_ECE,
					TCP_CWR,
					TCP_AE,
					TCP_RESERVED,
					TCP_PSH,
					TCP_URG};
	struct segment synack = seg_synack(fx.server, fx.client, 1, 1);
	struct fx_conn c = fx_conn();
	struct segment s = fx_conn_syn(&c);
	const struct pkt *p;

	seg_timestamps(&synack, 1, 1);
	synack.flags |= TCP_ECE;
	fx_teach(&synack);
	s.flags |= asks[_i];
	p = fx_challenge(&c, &s);
	ck_assert_uint_eq(p->flags, TCP_SYN | TCP_ACK | (_i < 2 ? TCP_ECE : 0));
	ck_assert_uint_eq(p->tos & 3, 0); /* a SYN-ACK is never ECN-capable */
}
END_TEST

/* ---- what is not answered ---- */

START_TEST(signed_syns_are_refused)
{
	static const uint8_t options[][20] = {
		{19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, /* MD5 */
		{29, 16, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, /* AO */
	};
	struct segment s = seg_bare(fx.client, fx.server, TCP_SYN, 1000, 0);

	fx.last.len =
		seg_bytes_raw(&s, options[_i], options[_i][1], fx.last.data, sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_OPTIONS);
	fx_sent_nothing();
}
END_TEST

START_TEST(malformed_options_are_dropped)
{
	static const uint8_t options[][5] = {
		/* length of it, then the bytes */
		{4, 2, 0, 0, 0},  {4, 2, 1, 0, 0},  {4, 2, 40, 0, 0},  {4, 3, 0, 1, 1},
		{4, 8, 10, 1, 2}, {4, 99, 0, 1, 1}, {4, 99, 41, 1, 1}, {4, 1, 1, 1, 2},
	};
	struct segment s = seg_bare(fx.client, fx.server, TCP_SYN, 1000, 0);

	fx.last.len = seg_bytes_raw(&s, options[_i] + 1, options[_i][0], fx.last.data,
				    sizeof(fx.last.data));
	ck_assert_int_eq(fx_offer_bytes(), GUARD_DROP);
	ck_assert_int_eq(fx.out->drop, GUARD_DROP_BAD_OPTIONS);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_counters().dropped, 1);
}
END_TEST

START_TEST(a_wrong_checksum_is_not_answered)
{
	struct segment s = offering(WITH_MSS);
	uint32_t len;

	fx.csum = PKT_CSUM_UNVERIFIED;
	fx.last.len = len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
	for (uint32_t bit = 20 * 8; bit < len * 8; bit++) { /* any flipped bit of the segment */
		fx.last.len = seg_bytes(&s, fx.last.data, sizeof(fx.last.data));
		fx.last.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		fx_offer_bytes();
		fx_sent_nothing();
	}
	ck_assert_uint_ge(fx_report().drops[GUARD_DROP_BAD_CHECKSUM], 100);
	/* unverified is not wrong */
	fx_drop(&s, GUARD_DROP_ANSWERED);
}
END_TEST

START_TEST(impossible_flags_are_dropped)
{
	static const uint16_t bad[] = {
		0,
		TCP_FIN,
		TCP_PSH,
		TCP_URG,
		TCP_FIN | TCP_PSH | TCP_URG, /* Christmas tree */
		TCP_SYN | TCP_FIN,
		TCP_SYN | TCP_RST,
		TCP_SYN | TCP_FIN | TCP_ACK,
		TCP_SYN | TCP_RST | TCP_ACK,
		TCP_FIN | TCP_RST,
		TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH | TCP_ACK | TCP_URG | TCP_ECE | TCP_CWR,
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct segment s = seg_bare(fx.client, fx.server, bad[i], 1000, 2000);

		fx_drop(&s, GUARD_DROP_BAD_FLAGS);
		fx_sent_nothing();
	}
	ck_assert_uint_eq(fx_counters().dropped, ARRAY_SIZE(bad));
	/* in monitor mode all of it passes: the guard only watches */
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct segment s = seg_bare(fx.client, fx.server, bad[i], 1000, 2000);

		fx_accept(&s);
	}
	ck_assert_uint_eq(fx_count_flows(), 0);
}
END_TEST

/* A prefix that is guarded may have addresses in it that no server can have. */
START_TEST(impossible_servers_are_not_played)
{
	static const char *const bad[] = {"0.0.0.0", "224.0.0.1", "239.1.2.3", "255.255.255.255"};
	struct guard_listen *all = &fx.config->listen[0];
	struct segment s;

	ip_addr_parse(&all->prefix, "0.0.0.0");
	all->plen = 96;
	guard_configure(&fx.guard, fx.now, fx.config);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = seg_syn(fx.client, seg_end(bad[i], 80), 1000);
		fx_drop(&s, GUARD_DROP_BAD_ADDRESS);
		fx_sent_nothing();
	}
	s = seg_syn(fx.client, seg_end("203.0.113.77", 80), 1000);
	fx_drop(&s, GUARD_DROP_ANSWERED);
}
END_TEST

START_TEST(impossible_addresses_are_dropped)
{
	static const char *const bad[] = {"0.0.0.0",   "0.1.2.3",	  "224.0.0.1",
					  "239.1.2.3", "255.255.255.255", "240.0.0.1"};
	static const char *const bad6[] = {"::", "ff02::1", "ff0e::1"};
	struct segment s;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = seg_syn(seg_end(bad[i], 1024), fx.server, 1000);
		fx_drop(&s, GUARD_DROP_BAD_ADDRESS);
		fx_sent_nothing();
	}
	s = seg_syn(fx.server, fx.server, 1000); /* from where it goes to ("land") */
	fx_drop(&s, GUARD_DROP_BAD_ADDRESS);
	s = seg_syn(seg_end("192.0.2.1", 0), fx.server, 1000);
	fx_drop(&s, GUARD_DROP_BAD_ADDRESS);
	fx_family(6);
	for (size_t i = 0; i < ARRAY_SIZE(bad6); i++) {
		s = seg_syn(seg_end(bad6[i], 1024), fx.server, 1000);
		fx_drop(&s, GUARD_DROP_BAD_ADDRESS);
		fx_sent_nothing();
	}
}
END_TEST

/* ---- the switch ---- */

static void switched_setup(void)
{
	fx_open(GUARD_MODE_ADAPTIVE);
	fx_teach_linux();
	fx_advance(65 * USEC_PER_SEC); /* what was reset in it is forgotten */
}

/* flood() - and the time until it is noticed. */
static void flood(uint32_t n)
{
	fx_flood(n);
	fx_advance(FX_UNTIL_NOTICED);
}

static void answer_as_server(uint16_t port, uint32_t isn)
{
	struct seg_end to = {fx.client.addr, port};
	struct segment s = seg_synack(fx.server, to, 9000, isn + 1);

	seg_timestamps(&s, 5, 5000);
	fx_accept(&s);
}

START_TEST(the_syn_after_the_64th_is_answered)
{
	struct segment syn;

	flood(63);
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	syn = fx_syn(fx_stranger(), 1);
	fx_accept(&syn); /* it makes the attack known, but it had not begun */
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	syn = fx_syn(fx_stranger(), 1);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_BEGAN), 1);
	ck_assert_uint_eq(fx_counters().attacks, 1);
}
END_TEST

/*
 * Before anybody can tell a flood from a crowd the server's backlog is filling: from `start` half-opens on
 * the next SYNs get cookies, without an alarm, and only until there is room again.
 */
START_TEST(a_filling_backlog_is_spared)
{
	struct seg_end who[64];
	struct segment syn, synack, ack, rst;

	for (uint32_t i = 0; i < 64; i++) {
		who[i] = fx_stranger();
		syn = fx_syn(who[i], 100);
		fx_accept(&syn);
	}
	syn = fx_syn(fx_stranger(),
		     1); /* none of them is in the backlog: the server has not answered */
	fx_accept(&syn);
	for (uint32_t i = 0; i < 64; i++) {
		synack = seg_synack(fx.server, who[i], 500, 101);
		fx_accept(&synack);
		fx_accept(&synack); /* said twice, counted once */
	}
	syn = fx_syn(fx_stranger(), 1);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	ck_assert_uint_eq(fx_counters().precautions, 1);
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	if (_i == 0) { /* one completes, one gives up, as scanners do: room for two */
		ack = seg_ack(who[0], fx.server, 101, 501);
		fx_accept(&ack);
		rst = seg_rst(who[1], fx.server, 101);
		fx_accept(&rst);
	} else {
		fx_advance(61 * USEC_PER_SEC);
	}
	for (uint32_t i = 0; i < 2; i++) {
		syn = fx_syn(fx_stranger(), 1);
		fx_accept(&syn);
	}
	ck_assert_uint_eq(fx_counters().precautions, 1);
}
END_TEST

/* Given a backlog full of forged half-opens, they are reset toward the server, oldest first. */
START_TEST(relief_resets_the_oldest_first)
{
	uint32_t from_server = 0;

	flood(40);
	fx_advance(300 * USEC_PER_MSEC);
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	fx_flood(60); /* over the threshold, some of them certainly too young to be judged */
	fx_advance(FX_UNTIL_NOTICED + 20 * USEC_PER_MSEC);
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	/* the crowd is older than a quarter of a second, the rest is spared for now */
	ck_assert_uint_ge(fx.n_sent, 30);
	ck_assert_uint_le(fx.n_sent, 41);
	for (uint32_t i = 0; i < fx.n_sent; i++) {
		const struct pkt *p = fx_sent(i);

		ck_assert(ip_addr_eq(&p->dst, &fx.server.addr));
		ck_assert_uint_eq(p->flags, TCP_RST);
		ck_assert_uint_eq(p->seq % 1000, 1); /* exactly the ISN + 1 */
		if (i > 0)
			ck_assert_uint_gt(p->sport, fx_sent(i - 1)->sport);
		from_server += p->sport == 80;
	}
	ck_assert_uint_eq(from_server, 0);
	/* all are gone after the time a slow client has */
	fx_advance(1200 * USEC_PER_MSEC);
	ck_assert_uint_eq(fx_service().half_open, 0);
	/* those that went to the server: the others were answered by cookie as a precaution */
	ck_assert_uint_eq(fx_counters().half_open_relieved, 64);
	ck_assert_uint_eq(fx_counters().precautions, 36);
}
END_TEST

START_TEST(relief_spares_who_repeats_itself)
{
	struct segment patient = fx_syn(fx.client, 123456);
	struct flow_report r;

	/* given one client that has sent its SYN again after a second, as forged ones never do */
	fx_accept(&patient);
	fx_advance(USEC_PER_SEC);
	fx_accept(&patient);
	flood(70);
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	fx_advance(1500 * USEC_PER_MSEC);
	ck_assert(fx_find_flow(fx.client, &r));
	ck_assert_uint_eq(fx_service().half_open, 1);
	fx_advance(1500 * USEC_PER_MSEC);
	ck_assert(!fx_find_flow(fx.client, &r));
}
END_TEST

START_TEST(relief_can_be_switched_off)
{
	fx.config->service[0].relief = false;
	flood(70);
	fx_advance(3 * USEC_PER_SEC);
	ck_assert_uint_eq(fx_counters().half_open_relieved, 0);
	ck_assert_uint_ge(fx_service().half_open, 64);
}
END_TEST

/* The operator takes the guard's hands off: it answers no more, and it resets no more. */
START_TEST(relief_ends_with_the_mode)
{
	flood(70);
	ck_assert_int_eq(
		guard_set_mode(&fx.guard, fx.now, 0, _i ? GUARD_MODE_MONITOR : GUARD_MODE_OFF), 0);
	fx_advance(3 * USEC_PER_SEC);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_counters().half_open_relieved, 0);
}
END_TEST

/* Seen in monitor mode, then guarded: the backlog is as full as if it had begun this moment. */
START_TEST(relief_begins_with_the_mode)
{
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	flood(70);
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	fx_advance(2 * USEC_PER_SEC);
	fx_sent_nothing();
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_ADAPTIVE), 0);
	fx_advance(100 * USEC_PER_MSEC);
	ck_assert_uint_eq(fx_counters().half_open_relieved, 70);
}
END_TEST

/* A half-open of before the attack that the server has answered goes on directly. */
START_TEST(answered_before_the_attack)
{
	struct segment syn = fx_syn(fx.client, 123456), ack;

	fx_accept(&syn);
	answer_as_server(fx.client.port, 123456);
	flood(70);
	fx_accept(&syn); /* repeated: the server repeats its answer */
	ack = seg_ack(fx.client, fx.server, 123457, 9001);
	fx_accept(&ack);
	ck_assert_int_eq(fx_flow(fx.client).kind, FLOW_PASSED);
}
END_TEST

/* One that it has not answered, because its backlog was full, gets a cookie instead. */
START_TEST(unanswered_before_the_attack)
{
	struct segment syn = fx_syn(fx.client, 123456);
	struct fx_conn c = fx_conn();

	fx_accept(&syn);
	flood(70);
	fx_drop(&syn, GUARD_DROP_ANSWERED);
	c.client_isn = 123456;
	c.cookie_isn = fx_sent(0)->seq;
	c.cookie_tsval = fx_sent(0)->opt.ts_val;
	fx_prove(&c);
	ck_assert_int_eq(fx_flow(fx.client).kind, FLOW_SPLICED);
}
END_TEST

START_TEST(monitor_sees_the_attack_and_answers_nobody)
{
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, GUARD_MODE_MONITOR), 0);
	flood(300);
	fx_sent_nothing();
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	fx_advance(5 * USEC_PER_SEC);
	fx_sent_nothing();
	ck_assert_uint_eq(fx_counters().cookies_sent, 0);
}
END_TEST

START_TEST(calm_again_after_the_hold_time)
{
	struct segment syn;

	flood(200);
	ck_assert_int_eq(fx_service().state, GUARD_ATTACK);
	fx_advance(60 * USEC_PER_SEC);
	ck_assert_int_eq(fx_service().state, GUARD_RECOVERING);
	fx_advance(5 * USEC_PER_SEC);
	ck_assert_int_eq(fx_service().state, GUARD_CALM);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_ATTACK_ENDED), 1);
	syn = fx_syn(fx_stranger(), 5);
	fx_accept(&syn);
}
END_TEST

/* What the event says of its length is what the list of attacks says. */
START_TEST(the_end_is_told_as_it_is_listed)
{
	struct guard_event rows[64];
	struct attack_report r;
	char said[32];
	uint32_t n;

	flood(200);
	fx_advance(70 * USEC_PER_SEC);
	ck_assert(guard_report_attack(&fx.guard, 0, &r));
	ck_assert(r.over);
	n = guard_report_events(&fx.guard, 0, rows, ARRAY_SIZE(rows));
	while (n > 0 && rows[n - 1].kind != GUARD_EVENT_ATTACK_ENDED)
		n--;
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_ge((r.ended - r.began) / USEC_PER_SEC, 60); /* the hold time is in it */
	snprintf(said, sizeof(said), "lasted %u s, loud for ",
		 (unsigned)((r.ended - r.began) / USEC_PER_SEC));
	ck_assert_msg(strncmp(rows[n - 1].detail, said, strlen(said)) == 0, "%s",
		      rows[n - 1].detail);
}
END_TEST

static void add_switch(TCase *tc)
{
	tcase_add_checked_fixture(tc, switched_setup, fx_close);
	tcase_add_test(tc, the_syn_after_the_64th_is_answered);
	tcase_add_test(tc, relief_resets_the_oldest_first);
	tcase_add_loop_test(tc, a_filling_backlog_is_spared, 0, 2);
	tcase_add_test(tc, relief_spares_who_repeats_itself);
	tcase_add_test(tc, relief_can_be_switched_off);
	tcase_add_loop_test(tc, relief_ends_with_the_mode, 0, 2);
	tcase_add_test(tc, relief_begins_with_the_mode);
	tcase_add_test(tc, answered_before_the_attack);
	tcase_add_test(tc, unanswered_before_the_attack);
	tcase_add_test(tc, monitor_sees_the_attack_and_answers_nobody);
	tcase_add_test(tc, calm_again_after_the_hold_time);
	tcase_add_test(tc, the_end_is_told_as_it_is_listed);
}

int main(void)
{
	Suite *suite = suite_create("core/answer");
	TCase *say = tcase_create("say"), *not = tcase_create("not");
	TCase *attack = tcase_create("switch");

	tcase_add_checked_fixture(say, setup, fx_close);
	tcase_add_loop_test(say, the_synack_is_the_servers, 0, OFFERS);
	tcase_add_loop_test(say, an_unknown_server_is_promised_with_care, 0, 2);
	tcase_add_test(say, a_sister_of_a_known_server);
	tcase_add_test(say, nothing_is_kept);
	tcase_add_test(say, a_repeated_syn_gets_the_same_answer);
	tcase_add_test(say, the_data_of_a_syn_is_not_acknowledged);
	tcase_add_loop_test(say, options_of_others_are_not_echoed, 0, 5);
	tcase_add_test(say, the_answer_is_not_longer);
	tcase_add_loop_test(say, the_answer_looks_like_the_servers, 0, 2);
	tcase_add_loop_test(say, ecn_syns_are_answered, 0, 8);
	tcase_add_checked_fixture(not, setup, fx_close);
	tcase_add_loop_test(not, signed_syns_are_refused, 0, 2);
	tcase_add_loop_test(not, malformed_options_are_dropped, 0, 8);
	tcase_add_test(not, a_wrong_checksum_is_not_answered);
	tcase_add_test(not, impossible_flags_are_dropped);
	tcase_add_test(not, impossible_addresses_are_dropped);
	tcase_add_test(not, impossible_servers_are_not_played);
	add_switch(attack);
	suite_add_tcase(suite, say);
	suite_add_tcase(suite, not );
	suite_add_tcase(suite, attack);
	return fx_run(suite);
}
