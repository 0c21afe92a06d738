/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gives way when memory is short, as doc/memory.md says: whatever is cheap to lose goes first, what a
 * connection cannot live without goes never, and all of it is counted. Two services in tiny tables: "web",
 * and behind it "many", a network of servers.
 */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define FLOWS	   16
#define HALF_OPENS 16
#define FLOOD	   500
#define LESSON	   1 /* half-open, reset, of whom the server's options were learned from */

static void setup(void)
{
	struct guard_listen *l;

	fx_prepare(GUARD_MODE_MONITOR);
	fx.limits = (struct guard_limits){
		.max_flows = FLOWS, .max_half_open = HALF_OPENS, .max_terminated = 4, .chunks = 16};
	guard_service_config_defaults(&fx.config->service[1]);
	strcpy(fx.config->service[1].name, "many");
	fx.config->service[1].mode = GUARD_MODE_MONITOR;
	l = &fx.config->listen[fx.config->n_listens++];
	ck_assert_int_eq(ip_addr_parse(&l->prefix, "203.0.0.0"), 0);
	l->plen = 96 + 16;
	l->port_low = l->port_high = 80;
	l->service = 1;
	fx.config->n_services = 2;
	fx_start();
	fx_teach_linux();
}

static void set_mode(enum guard_mode mode)
{
	ck_assert_int_eq(guard_set_mode(&fx.guard, fx.now, 0, mode), 0);
}

static void pass(struct fx_conn *c)
{
	*c = fx_conn();
	c->client = fx_stranger();
	fx_pass(c);
}

static void splice(struct fx_conn *c)
{
	*c = fx_conn();
	c->client = fx_stranger();
	fx_splice(c);
}

static void flood(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct segment syn = fx_syn(fx_forged(), i);

		fx_offer(&syn);
	}
}

/* lives() - both ends may speak, and each is heard by the other as it counts. */
static void lives(const struct fx_conn *c)
{
	ck_assert_uint_eq(fx_client_says(c, TCP_ACK, 1, 1, 5)->ack, c->server_isn + 1);
	ck_assert_uint_eq(fx_server_says(c, TCP_ACK, 1, 6, 5)->seq, c->cookie_isn + 1);
}

/* Half-open connections have a table of their own: however many there are, no other one pays for them. */
START_TEST(half_opens_cost_no_connection)
{
	struct fx_conn passed[FLOWS / 2], spliced[FLOWS / 2];

	for (int i = 0; i < FLOWS / 2; i++)
		pass(&passed[i]);
	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < FLOWS / 2; i++)
		splice(&spliced[i]);
	set_mode(GUARD_MODE_MONITOR);
	flood(FLOOD);
	ck_assert_uint_eq(fx_counters().half_open_evicted, FLOOD + LESSON - HALF_OPENS);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_HALF_OPEN_FULL), 1);
	ck_assert_uint_eq(fx_report().half_open_used, HALF_OPENS);
	ck_assert_uint_eq(fx_counters().flows_evicted, 0);
	ck_assert_uint_eq(fx_report().flows_used, FLOWS);
	for (int i = 0; i < FLOWS / 2; i++) {
		lives(&passed[i]);
		lives(&spliced[i]);
	}
}
END_TEST

/* Under attack nothing is remembered of a SYN: both tables are full, and each gets its cookie. */
START_TEST(cookies_need_no_memory)
{
	struct fx_conn c[FLOWS];

	flood(HALF_OPENS - LESSON);
	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < FLOWS; i++)
		splice(&c[i]);
	flood(FLOOD);
	ck_assert_uint_eq(fx_counters().cookies_sent, FLOWS + FLOOD);
	ck_assert_uint_eq(fx_counters().half_open_evicted, 0);
	ck_assert_uint_eq(fx_counters().flows_evicted, 0);
	for (int i = 0; i < FLOWS; i++)
		lives(&c[i]);
}
END_TEST

/* A passed connection goes on without its entry, which is only there to be seen. */
START_TEST(who_is_passed_gives_way_and_lives)
{
	struct fx_conn passed[FLOWS], c;

	for (int i = 0; i < FLOWS; i++)
		pass(&passed[i]);
	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < FLOWS; i++)
		splice(&c);
	ck_assert_uint_eq(fx_counters().flows_evicted, FLOWS);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TABLE_FULL), 0);
	for (int i = 0; i < FLOWS; i++) {
		struct flow_report r;

		ck_assert(!fx_find_flow(passed[i].client, &r));
		lives(&passed[i]);
	}
}
END_TEST

/* A connection that passes unseen, since all that are remembered are translated. */
START_TEST(who_finds_no_room_in_calm_passes_unseen)
{
	struct segment syn, synack, ack;
	struct fx_conn c;

	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < FLOWS; i++)
		splice(&c);
	set_mode(GUARD_MODE_MONITOR);
	c = fx_conn();
	c.client = fx_stranger();
	syn = fx_conn_syn(&c);
	synack = fx_conn_synack(&c);
	fx_accept(&syn);
	fx_accept(&synack);
	c.cookie_isn = c.server_isn;
	c.cookie_tsval = c.server_ts;
	ack = fx_conn_ack(&c);
	fx_accept(&ack);
	lives(&c);
	ck_assert_uint_eq(fx_counters().flows_evicted, 0);
	ck_assert_uint_eq(fx_counters().passed, 1);
	ck_assert_uint_eq(fx_events(GUARD_EVENT_TABLE_FULL), 1);
}
END_TEST

/* What is over gives way to what begins, also if it was translated. */
START_TEST(who_is_over_gives_way)
{
	struct fx_conn c[FLOWS], other;
	struct segment rst;

	set_mode(GUARD_MODE_ALWAYS);
	for (int i = 0; i < FLOWS; i++)
		splice(&c[i]);
	rst = seg_rst(c[3].client, c[3].server, c[3].client_isn + 1);
	fx_offer(&rst);
	splice(&other);
	ck_assert_uint_eq(fx_counters().flows_evicted, 1);
	for (int i = 0; i < FLOWS; i++) {
		if (i != 3)
			lives(&c[i]);
	}
	lives(&other);
}
END_TEST

/* server() - the @n-th of "many". */
static struct seg_end server(uint32_t n)
{
	char text[IP_ADDR_STRLEN];

	snprintf(text, sizeof(text), "203.0.%u.%u", n >> 8 & 255, n & 255);
	return seg_end(text, 80);
}

static bool is_known(struct seg_end server)
{
	const struct guard_arena *a = fx.guard.arena;

	for (uint32_t i = 0; i < ARRAY_SIZE(a->profile); i++) {
		if (a->profile[i].used && ip_addr_eq(&a->profile[i].addr, &server.addr))
			return true;
	}
	return false;
}

/* What is known of servers: whoever was not heard of for the longest time is forgotten. */
START_TEST(servers_not_heard_of_are_forgotten)
{
	const uint32_t n = 4 * PROFILE_SETS * PROFILE_WAYS;
	uint32_t known = 0;
	struct fx_conn c;

	set_mode(GUARD_MODE_ALWAYS);
	splice(&c);
	for (uint32_t i = 0; i < n; i++) {
		struct seg_end client = fx_stranger();
		struct segment syn = seg_syn(client, server(i), 77),
			       synack = seg_synack(server(i), client, 1, 78),
			       rst = seg_rst(client, server(i), 78);

		fx_accept(&syn);
		fx_accept(&synack);
		fx_accept(&rst);
		ck_assert(is_known(server(i)));
		fx_advance(USEC_PER_MSEC);
	}
	for (uint32_t i = n - 64; i < n; i++)
		known += is_known(server(i));
	ck_assert_uint_ge(known, 60);
	lives(&c); /* its server is forgotten; it is not */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pressure");
	TCase *tc = tcase_create("pressure");

	tcase_add_checked_fixture(tc, setup, fx_close);
	tcase_add_test(tc, half_opens_cost_no_connection);
	tcase_add_test(tc, cookies_need_no_memory);
	tcase_add_test(tc, who_is_passed_gives_way_and_lives);
	tcase_add_test(tc, who_finds_no_room_in_calm_passes_unseen);
	tcase_add_test(tc, who_is_over_gives_way);
	tcase_add_test(tc, servers_not_heard_of_are_forgotten);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
