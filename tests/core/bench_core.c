/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_core - nanoseconds a packet costs in the core alone: no kernel, no system call.
 *
 * Each line is the best of several rounds; parsing of the header is part of it, as in the daemon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/internal.h"
#include "core/rules.h"
#include "fixture.h"

#define ROUNDS 7
#define FLOWS  65536

static struct segment segment; /* of the operation that is measured */
static struct fx_conn conn;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* offer() - as fx_offer(), without verifying anything. @cap: bytes copied; @change: of the source port. */
static void offer(uint32_t cap, uint32_t change)
{
	struct seg_packet *p = &fx.last;
	uint32_t have = cap < p->len ? cap : p->len;

	p->data[20] = (uint8_t)(change >> 8);
	p->data[21] = (uint8_t)change;
	p->data[14] = (uint8_t)(change >> 16);
	fx.out->n_tx = 0;
	p->error = pkt_parse(&p->pkt, p->data, have, p->len, fx.csum);
	guard_input(&fx.guard, fx.now, &p->pkt, p->error, fx.out);
}

static void write_segment(void)
{
	fx.last.len = seg_bytes(&segment, fx.last.data, sizeof(fx.last.data));
}

/* measure() - @once n times in each round; the best round counts. */
static void measure(const char *what, void (*once)(uint32_t i), uint32_t n)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = seconds(), took;

		for (uint32_t i = 0; i < n; i++)
			once(i);
		took = seconds() - start;
		if (took < best)
			best = took;
	}
	printf("%-44s %8.1f ns\n", what, best / n * 1e9);
	fflush(stdout);
}

/* spread() - 65,535 source ports and 256 addresses, in no order. */
static uint32_t spread(uint32_t i)
{
	uint32_t x = i * 2654435761u >> 8;

	return x & 0xffff ? x : x + 1;
}

static void any_once(uint32_t i)
{
	offer(UINT32_MAX, spread(i));
}

/* The time that passes in reality does so here: half-opens leave, so the table is not only evicting. */
static void passed_syn_once(uint32_t i)
{
	offer(UINT32_MAX, spread(i));
	if (i % 64 == 0) {
		fx.now += 1000;
		fx.out->n_tx = 0;
		guard_expire(&fx.guard, fx.now, fx.out);
	}
}

/* What the detector costs of a SYN: the sketch of the sources, the tally, the look once a tick. */
static void detected_once(uint32_t i)
{
	static struct actions out;
	struct turn t = {.a = fx.arena, .config = fx.config, .out = &out, .rule = RULE_NONE};
	struct pkt *syn = &fx.last.pkt;

	if (i % 64 == 0)
		fx.now += 640; /* 100,000 a second */
	t.now = fx.now;
	syn->src.w[3] = i * 2654435761u;
	service_syn(&t, 0, syn);
	service_opened(&t, 0, syn, HALF_OPEN_NONE);
}

static void built_once(uint32_t i)
{
	write_segment();
	pkt_parse(&fx.last.pkt, fx.last.data, fx.last.len, fx.last.len, fx.csum);
}

static void relayed_once(uint32_t i)
{
	write_segment();
	offer(UINT32_MAX, conn.client.port);
}

static void passed_once(uint32_t i)
{
	offer(128, conn.client.port);
}

static void report_once(uint32_t i)
{
	static struct flow_report rows[256];
	static uint32_t cursor;

	if (cursor == INDEX_NONE)
		cursor = 0;
	guard_report_flows(&fx.guard, fx.now, &cursor, rows, 256);
}

static void open_guard(enum guard_mode mode)
{
	fx_close();
	fx_prepare(mode);
	fx.limits = (struct guard_limits){.max_flows = 2 * FLOWS, .max_half_open = FLOWS};
	fx_start();
	fx_teach_linux();
	conn = fx_conn();
}

static void bench_answers(void)
{
	open_guard(GUARD_MODE_ALWAYS);
	fx.config->service[0].synack_limit =
		0; /* no time passes here, so the ration is soon over */
	segment = fx_conn_syn(&conn);
	write_segment();
	measure("SYN answered with a cookie", any_once, 200000);
	segment = fx_conn_ack(&conn);
	segment.ack = 12345;
	write_segment();
	measure("ACK with a forged cookie, timestamps", any_once, 200000);
	seg_without(&segment, TCP_OPT_TIMESTAMPS);
	write_segment();
	measure("ACK with a forged cookie, no timestamps", any_once, 200000);
}

/* wide_once() - a SYN from anywhere, 200,000 of them a second: 16 million networks. */
static void wide_once(uint32_t i)
{
	static uint32_t x = 1;

	x = x * 1664525u + 1013904223u;
	fx.last.data[12] = (uint8_t)(20 + (x >> 24) % 100);
	fx.last.data[13] = (uint8_t)(x >> 16);
	if (i % 64 == 0) {
		fx.now += 320;
		fx.out->n_tx = 0;
		guard_expire(&fx.guard, fx.now, fx.out);
	}
	offer(UINT32_MAX, x >> 5);
}

/* add_rules() - @n denied prefixes of @lengths lengths that hold none of the sources. */
static void add_rules(struct rules *rules, uint32_t n, unsigned lengths)
{
	rules_init(rules, 0x123456789abcdefULL);
	for (uint32_t i = 0; i < n; i++) {
		struct rule r = {.plen = (uint8_t)(128 - i % lengths),
				 .action = RULE_DENY,
				 .service = RULE_ALL_SERVICES,
				 .slot = (uint16_t)i,
				 .serial = 1,
				 .until = USEC_NEVER};
		struct ip_addr a = ip_addr_v4(htonl(0xc8000000u + i * 65537u));

		r.prefix = ip_addr_mask(&a, r.plen);
		rules_add(rules, &r);
	}
	guard_set_rules(&fx.guard, rules);
}

static void measure_wide(const char *what)
{
	segment = fx_conn_syn(&conn);
	write_segment();
	measure(what, wide_once, 200000);
}

/* bench_reactions() - what each of them adds to the first line. */
static void bench_reactions(void)
{
	struct guard_service_config *s;
	struct rules *rules = malloc(sizeof(*rules));

	open_guard(GUARD_MODE_ALWAYS);
	s = &fx.config->service[0];
	s->synack_limit = 0;
	measure_wide("SYN from anywhere answered, no reactions");
	s->synack_limit = 200;
	measure_wide("... SYN-ACKs rationed by network");
	s->synack_limit = 0;
	s->limit.when = GUARD_LIMIT_ALWAYS;
	measure_wide("... SYNs limited by prefix");
	s->limit.when = GUARD_LIMIT_OFF;
	s->drop_fingerprint = true;
	measure_wide("... the flood's fingerprint dropped");
	s->drop_fingerprint = false;
	add_rules(rules, 1, 1);
	measure_wide("... 1 rule");
	add_rules(rules, RULES_MAX, 1);
	measure_wide("... 4096 rules of one length");
	add_rules(rules, RULES_MAX, 8);
	measure_wide("... 4096 rules of eight lengths");
	free(rules);
}

static void bench_detector(void)
{
	open_guard(GUARD_MODE_ALWAYS);
	segment = fx_conn_syn(&conn);
	write_segment();
	offer(UINT32_MAX, 5);
	measure("of a SYN, the detector and its sketch", detected_once, 1000000);
}

static void bench_half_open(void)
{
	open_guard(GUARD_MODE_MONITOR);
	segment = fx_conn_syn(&conn);
	write_segment();
	measure("SYN passed and remembered", passed_syn_once, 200000);
}

static void bench_flows(void)
{
	open_guard(GUARD_MODE_ALWAYS);
	fx_splice(&conn);
	segment = fx_from_client(&conn, TCP_ACK | TCP_PSH, 1, 1, 0);
	measure("an ACK built and parsed, to be subtracted", built_once, 200000);
	measure("relayed ACK", relayed_once, 200000);
	segment = fx_from_client(&conn, TCP_ACK | TCP_PSH, 1, 1, 1460);
	measure("1460 bytes built and parsed, to be subtracted", built_once, 100000);
	measure("relayed segment of 1460 bytes, sum known", relayed_once, 100000);
	fx.csum = PKT_CSUM_PARTIAL;
	measure("relayed segment of 1460 bytes, sum to be made", relayed_once, 100000);
	open_guard(GUARD_MODE_MONITOR);
	fx_pass(&conn);
	segment = fx_from_client(&conn, TCP_ACK | TCP_PSH, 1, 1, 1460);
	write_segment();
	measure("passed segment, header-only copy", passed_once, 500000);
}

static void bench_reports(void)
{
	open_guard(GUARD_MODE_MONITOR);
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct fx_conn c = fx_conn();

		c.client.port = (uint16_t)(1 + i % 65535);
		c.client.addr.w[3] += htonl(i / 65535);
		fx_pass(&c);
	}
	measure("dump of 256 flows", report_once, 10000);
}

/* The fixture's assertions want to be in a test. */
START_TEST(bench)
{
	bench_answers();
	bench_detector();
	bench_reactions();
	bench_half_open();
	bench_flows();
	bench_reports();
	fx_close();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench");
	TCase *tc = tcase_create("bench");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, bench);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
