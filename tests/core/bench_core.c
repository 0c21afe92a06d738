/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_core - nanoseconds a packet costs in the core alone: no kernel, no system call.
 *
 * Each line is the best of several rounds; parsing of the header is part of it, as in the daemon.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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
