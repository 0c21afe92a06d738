/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much gets through: 100 Mbit/s, a queue of 256 KB, from host to host and through a pipe, against
 * loss, delay, and packets that come late by up to three times the delay; and without SACK. In virtual
 * time, so the same everywhere.
 *
 *	goodput                 print the table
 *	goodput FILE            compare with the table in FILE: 15 % less is a regression
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define BYTES	  (6 * 1024 * 1024)
#define SEEDS	  4
#define TOLERANCE 15 /* percent */

/* What the rows are made of: lost and late in ppm, delay in ms one way. */
struct row {
	uint32_t loss, reorder, delay, piped, plain; /* plain: without SACK */
};

static const uint32_t losses[] = {0, 1000, 10000, 30000, 100000};
static const uint32_t delays[] = {1, 10, 25, 50};
static const struct row more[] = {
	{0, 1000, 10, 0, 0},	  {0, 1000, 10, 1, 0},	    {0, 1000, 25, 0, 0},
	{0, 1000, 25, 1, 0},	  {0, 10000, 10, 0, 0},	    {0, 10000, 10, 1, 0},
	{0, 10000, 25, 0, 0},	  {0, 10000, 25, 1, 0},	    {0, 100000, 10, 0, 0},
	{0, 100000, 10, 1, 0},	  {0, 100000, 25, 0, 0},    {0, 100000, 25, 1, 0},
	{10000, 10000, 10, 0, 0}, {10000, 10000, 10, 1, 0}, {10000, 10000, 25, 0, 0},
	{10000, 10000, 25, 1, 0}, {0, 0, 10, 0, 1},	    {0, 0, 25, 1, 1},
	{1000, 0, 10, 0, 1},	  {1000, 0, 25, 1, 1},	    {10000, 0, 10, 0, 1},
	{10000, 0, 25, 1, 1},
};

#define GRID (ARRAY_SIZE(losses) * ARRAY_SIZE(delays) * 2)

static struct row row_at(unsigned i)
{
	if (i >= GRID)
		return more[i - GRID];
	return (struct row){.loss = losses[i / 2 / ARRAY_SIZE(delays)],
			    .delay = delays[i / 2 % ARRAY_SIZE(delays)],
			    .piped = i % 2};
}

static void plan_make(struct plan *p, uint64_t seed, const struct row *r)
{
	bool piped = r->piped;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->piped = piped;
	for (unsigned i = 0; i < ENDS; i++) {
		bool near = piped && (i == 1 || i == 3); /* the pipe's server is beside it */

		p->link[i] = (struct link_plan){
			.loss_ppm = near ? 0 : r->loss,
			.reorder_ppm = near ? 0 : r->reorder,
			.delay = near ? 100 : r->delay * USEC_PER_MSEC,
			.bits_per_second = 100000000,
			.queue = 256 * 1024,
			.mtu = 1500,
			.later_mtu = 1500,
		};
	}
	tcp_config_default(&p->pipe_config);
	p->pipe_config.rcv_buf = 2 * 1024 * 1024;
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_offer offer = {.iss = (uint32_t)mix64(seed + i),
					  .rcv_mss = 1460,
					  .wscale = true,
					  .sack = !r->plain,
					  .timestamps = true};

		p->host[i] = (struct host_plan){
			.total = i ? 0 : BYTES,
			.chunk = 4096,
			.send_buffer = 2 * 1024 * 1024,
			.abort_at = UINT32_MAX,
			.stall_at = UINT32_MAX,
			.offer = offer,
		};
		p->pipe_offer[i] = offer;
		tcp_config_default(&p->host[i].config);
		p->host[i].config.rcv_buf = 2 * 1024 * 1024;
	}
}

/* measure() - in kbit/s; 0 if a run failed. */
static uint32_t measure(struct world *w, const struct row *r)
{
	usec_t total = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct plan p;

		plan_make(&p, seed, r);
		if (world_run(w, &p)) {
			printf("seed %u: %s\n", (unsigned)seed, w->why);
			return 0;
		}
		total += w->finished - BEGIN;
	}
	return (uint32_t)((uint64_t)BYTES * 8 * SEEDS * 1000 / total);
}

/* promised() - what the table says of this row; 0: nothing. */
static uint32_t promised(FILE *table, const struct row *r)
{
	struct row o;
	char line[128];
	uint32_t want;

	rewind(table);
	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%u %u %u %u %u %u", &o.loss, &o.reorder, &o.delay, &o.piped,
			   &o.plain, &want) == 6 &&
		    memcmp(&o, r, sizeof(o)) == 0)
			return want;
	}
	return 0;
}

int main(int argc, char **argv)
{
	FILE *table = argc > 1 ? fopen(argv[1], "r") : NULL;
	struct world *w = world_new();
	int failed = 0;

	if (argc > 1 && !table) {
		fprintf(stderr, "goodput: %s cannot be read\n", argv[1]);
		world_free(w);
		return 2;
	}
	printf("# loss ppm, late ppm, delay ms one way, through a pipe, without SACK, kbit/s\n");
	for (unsigned i = 0; i < GRID + ARRAY_SIZE(more); i++) {
		struct row r = row_at(i);
		uint32_t got = measure(w, &r), want = table ? promised(table, &r) : 0;

		printf("%6u %6u %3u %u %u %6u\n", r.loss, r.reorder, r.delay, r.piped, r.plain,
		       got);
		failed |= got == 0;
		if (table && want == 0) {
			printf("the table does not have that\n");
			failed = 1;
		} else if (got < want - want * TOLERANCE / 100) {
			printf("this is less than the %u that it was\n", want);
			failed = 1;
		}
	}
	if (table)
		fclose(table);
	world_free(w);
	return failed;
}
