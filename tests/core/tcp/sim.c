/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seeded runs of two endpoints, straight or through a pipe. A seed that fails is printed, and
 *
 *	sim --seed N --runs 1 --verbose
 *
 * plays it again, every segment with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

#define JUMP_HARMLESS (50 * USEC_PER_SEC) /* less than any time-out that ends a connection */
#define JUMP_MAX      (20 * 24 * 3600 * USEC_PER_SEC)

struct options {
	uint64_t seed, runs;
	unsigned seconds;
	bool verbose;
};

static void plan_link(struct rng *r, struct link_plan *l)
{
	static const uint32_t loss[] = {0, 0, 1000, 10000, 50000, 150000, 300000};

	l->loss_ppm = loss[rng_below(r, ARRAY_SIZE(loss))];
	l->dup_ppm = rng_pct(r, 30) ? (uint32_t)rng_range(r, 1000, 200000) : 0;
	l->reorder_ppm = rng_pct(r, 30) ? (uint32_t)rng_range(r, 1000, 300000) : 0;
	l->corrupt_ppm = rng_pct(r, 20) ? (uint32_t)rng_range(r, 1000, 50000) : 0;
	l->ce_ppm = rng_pct(r, 20) ? (uint32_t)rng_range(r, 1000, 100000) : 0;
	l->delay = rng_range(r, 50, 100000);
	l->jitter = rng_pct(r, 50) ? rng_below(r, l->delay) : 0;
	l->bits_per_second = rng_pct(r, 50) ? rng_range(r, 500000, 200000000) : 0;
	l->queue = (uint32_t)rng_range(r, 5000, 200000);
	l->mtu = l->later_mtu = rng_pct(r, 80) ? 1500 : (uint16_t)rng_range(r, 600, 1500);
	if (rng_pct(r, 20)) {
		l->later_mtu = (uint16_t)rng_range(r, 576, l->mtu);
		l->mtu_changes = rng_below(r, 2000000);
	}
}

static void plan_offer(struct rng *r, struct tcp_offer *o)
{
	o->iss = rng_pct(r, 30) ? 0u - (uint32_t)rng_below(r, 100000) : (uint32_t)rng_u64(r);
	o->ts_val = rng_pct(r, 30) ? 0u - (uint32_t)rng_below(r, 3000) : (uint32_t)rng_u64(r);
	o->rcv_mss = rng_pct(r, 70) ? 1460 : (uint16_t)rng_range(r, 100, 1460);
	o->wscale = rng_pct(r, 70);
	o->sack = rng_pct(r, 75);
	o->timestamps = rng_pct(r, 60);
	o->ecn = rng_pct(r, 30);
}

static void plan_config(struct rng *r, struct tcp_config *c)
{
	tcp_config_default(c);
	c->congestion = rng_pct(r, 50) ? TCP_CUBIC : TCP_NEWRENO;
	c->rcv_buf = rng_pct(r, 50) ? c->rcv_buf : (uint32_t)rng_range(r, 2000, 2000000);
	c->delack_ms = rng_pct(r, 80) ? 40 : (uint32_t)rng_range(r, 0, 400);
	/* an end whose peer's RST got lost must find out */
	c->keepalive_idle_ms = 60000;
	c->keepalive_interval_ms = 10000;
}

static void plan_host(struct rng *r, struct host_plan *h)
{
	h->total = rng_pct(r, 10) ? 0 : rng_size(r, 400000);
	h->chunk = 1 + rng_size(r, 4095);
	h->send_buffer = 128 * 1024;
	h->abort_at = rng_pct(r, 8) ? rng_size(r, 300000) : UINT32_MAX;
	h->stall_at = rng_pct(r, 25) ? rng_size(r, h->total + 1) : UINT32_MAX;
	h->stall = rng_range(r, 1000, 90 * USEC_PER_SEC);
	h->urgent = rng_pct(r, 10);
	h->max_len = rng_pct(r, 50) ? 0 : (uint32_t)rng_range(r, 1, 65535);
	plan_offer(r, &h->offer);
	plan_config(r, &h->config);
}

/* plan_jump() - up to some days; most so short that nothing may break of it. */
static void plan_jump(struct rng *r, struct jump_plan *j)
{
	j->at = rng_below(r, 20 * USEC_PER_SEC);
	j->by = rng_range(r, 1, 1000) * USEC_PER_MSEC;
	if (rng_pct(r, 40))
		j->by *= rng_range(r, 1, JUMP_HARMLESS / USEC_PER_SEC);
	if (rng_pct(r, 20))
		j->by = rng_below(r, JUMP_MAX);
}

static void plan_make(struct plan *p, uint64_t seed)
{
	struct rng r;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	rng_seed(&r, seed, 0);
	p->piped = rng_pct(&r, 50);
	p->cookie = rng_pct(&r, 50);
	p->simultaneous = !p->piped && rng_pct(&r, 20);
	for (unsigned i = 0; i < ENDS; i++)
		plan_link(&r, &p->link[i]);
	if (rng_pct(&r, 30)) {
		for (unsigned i = 1; i < ENDS; i++)
			p->link[i].loss_ppm = p->link[0].loss_ppm;
	}
	for (unsigned i = 0; i < 2; i++) {
		plan_host(&r, &p->host[i]);
		plan_offer(&r, &p->pipe_offer[i]);
	}
	p->host[1].answers = rng_pct(&r, 30);
	plan_config(&r, &p->pipe_config);
	p->pipe_max_len = rng_pct(&r, 50) ? 0 : (uint32_t)rng_range(&r, 1, 65535);
	for (unsigned i = 0; i < MACHINES; i++) {
		if (rng_pct(&r, 15))
			plan_jump(&r, &p->jump[i]);
	}
}

/* may_break() - is there anything in @p that may end a connection before its time? */
static bool may_break(const struct plan *p)
{
	for (unsigned i = 0; i < ENDS; i++) {
		if (p->link[i].loss_ppm || p->link[i].corrupt_ppm)
			return true;
	}
	for (unsigned i = 0; i < MACHINES; i++) {
		if (p->jump[i].by > JUMP_HARMLESS)
			return true;
	}
	return p->host[0].abort_at != UINT32_MAX || p->host[1].abort_at != UINT32_MAX;
}

struct totals {
	uint64_t runs, packets, dropped, whole, broken;
};

static int run_seed(struct world *w, const struct options *o, uint64_t seed, struct totals *totals)
{
	struct plan plan;
	bool broken = false;
	uint64_t hash;

	plan_make(&plan, seed);
	plan.verbose = o->verbose;
	if (world_run(w, &plan)) {
		printf("seed %llu, after %.3f s: %s\n", (unsigned long long)seed,
		       (double)(w->now - BEGIN) / 1e6, w->why);
		return -1;
	}
	for (unsigned i = 0; i < ENDS; i++)
		broken |= w->end[i].tcb->error != TCP_ERROR_NONE;
	if (broken && !may_break(&plan)) {
		printf("seed %llu: broken off without a reason\n", (unsigned long long)seed);
		return -1;
	}
	totals->runs++;
	totals->packets += w->packets;
	totals->dropped += w->dropped;
	totals->whole += !broken;
	totals->broken += broken;
	if (seed % 20)
		return 0;
	hash = w->hash;
	plan.verbose = false;
	if (world_run(w, &plan) || w->hash != hash) {
		printf("seed %llu: not the same twice\n", (unsigned long long)seed);
		return -1;
	}
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: sim [--seed N] [--runs N] [--seconds N] [--verbose]\n");
	return 2;
}

static int parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			o->verbose = true;
			continue;
		}
		if (i + 1 == argc)
			return usage();
		if (strcmp(argv[i], "--seed") == 0)
			o->seed = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--runs") == 0)
			o->runs = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seconds") == 0)
			o->seconds = (unsigned)strtoul(argv[++i], NULL, 0);
		else
			return usage();
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .runs = 5000, .seconds = 12};
	struct totals totals = {0};
	time_t begin = time(NULL);
	struct world *w;
	int failed = 0;

	if (parse(&o, argc, argv))
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	w = world_new();
	for (uint64_t i = 0; i < o.runs && failed < 5; i++) {
		if (o.seconds && time(NULL) - begin >= (time_t)o.seconds)
			break;
		failed += run_seed(w, &o, o.seed + i, &totals) != 0;
	}
	printf("%llu runs: %llu packets, %llu lost on the way; %llu ended by FIN and FIN, "
	       "%llu were broken off\n",
	       (unsigned long long)totals.runs, (unsigned long long)totals.packets,
	       (unsigned long long)totals.dropped, (unsigned long long)totals.whole,
	       (unsigned long long)totals.broken);
	world_free(w);
	return failed ? 1 : 0;
}
