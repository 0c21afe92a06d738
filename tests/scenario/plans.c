/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenarios. Each is a range of plans, of which the seed draws one. */
#include "scene.h"

#define WARM (60 * SEC) /* what the guard gets to see before anything happens */

static void base(struct plan *p, struct rng *r)
{
	p->rate = rng_log(r, 10, 100);
	p->rtt_ms = rng_log(r, 8, 25);
	p->rtt_sigma = 0.6;
	p->backlog = 128u << rng_below(r, 6); /* 128 to 4096 */
	p->lossy_share = 0.02;
	p->loss = 0.02;
	p->flood_bare = rng_chance(r, 0.3);
}

static void flood(struct plan *p, struct rng *r, double rate, double seconds)
{
	p->rate = rng_log(r, 10, 5000);
	p->from = WARM + (usec_t)(rng_unit(r) * 2e6);
	p->to = p->from + (usec_t)(seconds * 1e6);
	p->flood = rate;
	p->flood_rst = rng_chance(r, 0.15);
	p->length = p->to + 3 * SEC;
}

static void flood_200_quiet(struct plan *p, struct rng *r)
{
	flood(p, r, 200, 10);
	p->rate = rng_log(r, 1, 50);
	p->limit = 2 * SEC;
}

static void flood_200(struct plan *p, struct rng *r)
{
	flood(p, r, 200, 30);
}

static void flood_1k(struct plan *p, struct rng *r)
{
	flood(p, r, 1000, 3);
	p->limit = 100 * MSEC;
}

static void flood_10k(struct plan *p, struct rng *r)
{
	flood(p, r, 10000, 2);
	p->limit = 100 * MSEC;
}

static void flood_100k(struct plan *p, struct rng *r)
{
	flood(p, r, 100000, 1);
	p->limit = 100 * MSEC;
}

static void pulsed(struct plan *p, struct rng *r)
{
	flood(p, r, rng_log(r, 1000, 20000), 75);
	p->rate = rng_log(r, 10, 500);
	p->pulse = (usec_t)(rng_range(r, 1, 5) * 1e6);
	p->pause = 10 * SEC;
	p->limit = 100 * MSEC;
}

static void ramp(struct plan *p, struct rng *r)
{
	flood(p, r, rng_log(r, 500, 3000), 600);
	p->rate = rng_log(r, 10, 300);
	p->ramp = true;
}

static void under(struct plan *p, struct rng *r)
{
	flood(p, r, rng_range(r, 30, 60), 120);
	p->rate = rng_log(r, 5, 50);
	p->start = 4096;
	p->end = 2048;
	p->backlog = 8192;
}

static void low_and_slow(struct plan *p, struct rng *r)
{
	flood(p, r, rng_range(r, 2, 5), 150);
	p->rate = rng_log(r, 0.2, 3);
}

static void few_sources(struct plan *p, struct rng *r)
{
	flood(p, r, rng_log(r, 100, 10000), 15);
	p->rate = rng_log(r, 5, 500);
	p->sources = (uint32_t)rng_log(r, 1, 50);
	p->backlog = 8u << rng_below(r, 10);
	p->flood_rst = rng_chance(r, 0.3);
	p->limit = 5 * SEC;
}

static void small_backlog(struct plan *p, struct rng *r)
{
	flood(p, r, rng_log(r, 20, 1000), 15);
	p->rate = rng_log(r, 1, 50);
	p->backlog = 8u << rng_below(r, 4);
	p->limit = 5 * SEC;
}

static void recorded(struct plan *p, struct rng *r)
{
	p->rate = 0;
	p->from = WARM;
	p->to = p->from + 10 * SEC;
	p->length = p->to + 3 * SEC;
	p->limit = 100 * MSEC;
	p->capture = "";
}

static void recorded_mixed(struct plan *p, struct rng *r)
{
	recorded(p, r);
	p->rate = rng_log(r, 10, 2000);
}

/* ---- harmless ---- */

static void hours(struct plan *p, double h)
{
	p->length = (usec_t)(h * 3600e6);
	p->from = WARM;
	p->to = p->length;
}

static void ordinary(struct plan *p, struct rng *r)
{
	hours(p, 2);
}

static void busy(struct plan *p, struct rng *r)
{
	hours(p, 0.1);
	p->rate = rng_log(r, 500, 5000);
}

static void crowd(struct plan *p, struct rng *r)
{
	hours(p, 0.1);
	p->rate = rng_log(r, 2, 60);
	p->crowd = 50;
	p->crowd_rise = rng_chance(r, 0.5) ? 0 : (usec_t)(rng_range(r, 0.2, 20) * 1e6);
	p->to = p->from + (usec_t)(rng_range(r, 5, 60) * 1e6);
	p->backlog = 4096;
}

static void restart(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 5, 300);
	p->refuses = true;
	p->down_from = WARM + (usec_t)(rng_unit(r) * 30e6);
	p->down_to = p->down_from + (usec_t)(rng_range(r, 0.2, 10) * 1e6);
	p->herd = (uint32_t)rng_log(r, 50, 2000);
	p->backlog = 4096;
}

static void dead(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 5, 500);
	p->refuses = rng_chance(r, 0.3);
	p->down_from = WARM + (usec_t)(rng_unit(r) * 30e6);
	p->down_to = p->down_from + (usec_t)(rng_range(r, 30, 600) * 1e6);
	p->herd = (uint32_t)rng_log(r, 10, 500);
	p->backlog = 4096;
}

static void lossy(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 5, 1000);
	/* from the beginning, or all of a sudden: then not quite so much */
	p->lossy_always = rng_chance(r, 0.5);
	p->lossy_share = rng_range(r, 0.1, 0.5);
	p->loss = rng_range(r, 0.03, p->lossy_always ? 0.15 : 0.08);
	p->rtt_ms = rng_log(r, 15, 80);
}

static void slower(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 5, 500);
	p->slower = rng_range(r, 1.2, 4);
	p->from = WARM + (usec_t)(rng_unit(r) * 30e6);
}

static void hiccups(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 5, 500);
	p->hiccup = (usec_t)(rng_log(r, 0.03, 0.8) * 1e6);
}

static void nat(struct plan *p, struct rng *r)
{
	hours(p, 1);
	p->rate = rng_log(r, 20, 200);
	p->nat_share = rng_range(r, 0.3, 1);
}

/* A load balancer, a crawler, an office: one address, and a server that has little room for it. */
static void busy_client(struct plan *p, struct rng *r)
{
	hours(p, 0.1);
	p->rate = rng_log(r, 50, 2000);
	p->rtt_ms = rng_log(r, 0.3, 5);
	p->nat_share = rng_range(r, 0.9, 1);
	p->backlog = 8u << rng_below(r, 5);
	p->crowd = rng_chance(r, 0.5) ? rng_range(r, 2, 5) : 0;
	p->backlog += (uint32_t)(8 * p->rate * p->crowd * p->rtt_ms / 1000); /* it can bear them */
	p->to = p->from + (usec_t)(rng_range(r, 5, 60) * 1e6);
	if (rng_chance(r, 0.5)) {
		p->refuses = rng_chance(r, 0.3);
		p->down_from = WARM + (usec_t)(rng_unit(r) * 60e6);
		p->down_to = p->down_from + (usec_t)(rng_range(r, 1, 60) * 1e6);
	}
}

static void masscan(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 0.5, 100);
	p->scan = SCAN_MASSCAN;
	p->scan_rate = rng_log(r, 50, 10000);
	p->to = p->from + 30 * SEC;
}

static void nmap(struct plan *p, struct rng *r)
{
	hours(p, 1);
	p->rate = rng_log(r, 0.5, 50);
	p->scan = SCAN_NMAP;
	p->scan_rate = rng_log(r, 5, 500);
	p->to = p->from + 120 * SEC;
}

static void backscatter(struct plan *p, struct rng *r)
{
	hours(p, 0.5);
	p->rate = rng_log(r, 1, 50);
	p->scan = SCAN_BACKSCATTER;
	p->scan_rate = rng_log(r, 10, 500);
	p->to = p->from + 600 * SEC;
}

const struct scene scenes[] = {
	{"flood-200-quiet", "200 forged SYN/s over 1 to 50 clients/s", true, 300, 20,
	 flood_200_quiet},
	{"flood-200", "200 SYN/s over 10 to 5,000 clients/s", true, 300, 8, flood_200},
	{"flood-1k", "1,000 SYN/s over the same", true, 500, 16, flood_1k},
	{"flood-10k", "10,000 SYN/s", true, 300, 12, flood_10k},
	{"flood-100k", "100,000 SYN/s", true, 300, 8, flood_100k},
	{"pulsed", "bursts of 1 to 5 s with pauses of 10 s", true, 200, 5, pulsed},
	{"ramp", "rises to 500 .. 3,000 SYN/s in ten minutes", true, 200, 4, ramp},
	{"under-threshold", "30 to 60 SYN/s where the threshold is 4,096", true, 200, 8, under},
	{"low-and-slow", "2 to 5 SYN/s over less than 3 clients/s", true, 200, 8, low_and_slow},
	{"few-sources", "100 to 10,000 SYN/s of 1 to 50 addresses, backlog from 8", true, 300, 20,
	 few_sources},
	{"small-backlog", "20 to 1,000 SYN/s where the backlog is 8 to 64", true, 300, 20,
	 small_backlog},
	{"capture", "a recorded attack alone", true, 200, 4, recorded},
	{"capture-mixed", "the same over 10 to 2,000 clients/s", true, 200, 6, recorded_mixed},
	{"ordinary", "10 to 100 clients/s, two hours each", false, 250, 3, ordinary},
	{"busy", "500 to 5,000 clients/s, six minutes each", false, 200, 3, busy},
	{"flash-crowd", "fifty times the clients, at once or within 20 s", false, 500, 20, crowd},
	{"server-restart", "refuses for a moment, then all come back", false, 300, 10, restart},
	{"server-dead", "silent or refusing for up to ten minutes", false, 300, 6, dead},
	{"lossy", "up to half of the clients on bad paths", false, 200, 6, lossy},
	{"slower", "round trips suddenly 1.2 to 4 times as long", false, 200, 3, slower},
	{"hiccups", "the path stands still for up to 0.8 s, again and again", false, 200, 3,
	 hiccups},
	{"nat", "up to all clients behind one address", false, 200, 4, nat},
	{"busy-client", "one address, 50 to 2,000/s, small backlog, server down at times", false,
	 200, 10, busy_client},
	{"masscan", "one source, 50 to 10,000 SYN/s over a whole net", false, 200, 8, masscan},
	{"nmap", "one source, all ports of a host", false, 200, 8, nmap},
	{"backscatter", "SYN-ACKs and RSTs of somebody else's flood", false, 200, 8, backscatter},
};
const uint32_t n_scenes = ARRAY_SIZE(scenes);

uint32_t plan_hard_seed(const struct scene *s, uint32_t i)
{
	static const struct {
		const char *scene;
		uint32_t seed;
	} hard[] = {
		{"few-sources", 50}, {"few-sources", 139}, {"lossy", 9},     {"lossy", 80},
		{"busy-client", 48}, {"masscan", 58},	   {"masscan", 116}, {"masscan", 146},
	};

	for (uint32_t k = 0; k < ARRAY_SIZE(hard); k++) {
		if (strcmp(hard[k].scene, s->name) == 0 && i-- == 0)
			return hard[k].seed;
	}
	return 0;
}

bool plan_make(struct plan *p, const struct scene *s, uint64_t seed, const char **why)
{
	const struct captured *syns;
	struct rng r = {.s = seed * 0x9e3779b97f4a7c15ULL};

	for (const char *c = s->name; *c; c++)
		r.s = (r.s ^ (uint8_t)*c) * 0x100000001b3ULL;
	memset(p, 0, sizeof(*p));
	p->scene = s->name;
	p->seed = seed;
	p->harmful = s->harmful;
	base(p, &r);
	s->plan(p, &r);
	/* a backlog that the server's own clients fill helps nobody to learn anything */
	if (p->backlog < 4 * p->rate * p->rtt_ms / 1000)
		p->backlog = (uint32_t)(4 * p->rate * p->rtt_ms / 1000);
	if (!p->capture)
		return true;
	p->capture = getenv("TCPGUARD_CAPTURE");
	return capture_syns(p->capture, &syns, why) > 0;
}
