/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much gets through: 100 Mbit/s, a queue of 256 KB, from host to host and through a pipe, against
 * loss and delay. In virtual time, so the same everywhere.
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

static const uint32_t losses[] = {0, 1000, 10000, 30000, 100000}; /* ppm */
static const uint32_t delays[] = {1, 10, 25, 50}; /* ms one way */

static void plan_make(struct plan *p, uint64_t seed, uint32_t loss, uint32_t delay, bool piped)
{
	memset(p, 0, sizeof(*p));
	p->seed = seed;
	p->piped = piped;
	for (unsigned i = 0; i < ENDS; i++) {
		p->link[i] = (struct link_plan){
			.loss_ppm = piped && (i == 1 || i == 3) ? 0 : loss,
			.delay = piped && (i == 1 || i == 3) ? 100 : delay * USEC_PER_MSEC,
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
					  .sack = true,
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
static uint32_t measure(struct world *w, uint32_t loss, uint32_t delay, bool piped)
{
	usec_t total = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct plan p;

		plan_make(&p, seed, loss, delay, piped);
		if (world_run(w, &p)) {
			printf("seed %u: %s\n", (unsigned)seed, w->why);
			return 0;
		}
		total += w->finished - 1000 * USEC_PER_SEC;
	}
	return (uint32_t)((uint64_t)BYTES * 8 * SEEDS * 1000 / total);
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
	printf("# loss ppm, delay ms one way, through a pipe, kbit/s\n");
	for (unsigned i = 0; i < ARRAY_SIZE(losses) * ARRAY_SIZE(delays) * 2; i++) {
		uint32_t loss = losses[i / 2 / ARRAY_SIZE(delays)];
		uint32_t delay = delays[i / 2 % ARRAY_SIZE(delays)], piped = i % 2;
		uint32_t got = measure(w, loss, delay, piped), l, d, p, want;
		char line[128];

		printf("%6u %3u %u %6u\n", loss, delay, piped, got);
		failed |= got == 0;
		while (table && fgets(line, sizeof(line), table)) {
			if (sscanf(line, "%u %u %u %u", &l, &d, &p, &want) != 4 || l != loss ||
			    d != delay || p != piped)
				continue;
			if (got < want - want * TOLERANCE / 100) {
				printf("this is less than the %u that it was\n", want);
				failed = 1;
			}
			break;
		}
	}
	if (table)
		fclose(table);
	world_free(w);
	return failed;
}
