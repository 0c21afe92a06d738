/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scenarios: each makes a plan from a seed. */
#include "sim.h"

/* What every run has in common: a random network, random hosts, an ordinary guard. */
static void plan_base(struct plan *p, struct rng *r)
{
	usec_t cg = rng_range(r, 50, 30000), gs = rng_range(r, 20, 15000);

	p->v6 = rng_pct(r, 40);
	p->clean = true;
	p->mode = GUARD_MODE_ADAPTIVE;
	p->link[LINK_CG].delay = p->link[LINK_GC].delay = cg;
	p->link[LINK_GS].delay = p->link[LINK_SG].delay = gs;
	if (rng_pct(r, 50))
		for (uint32_t i = 0; i < LINK_COUNT; i++)
			p->link[i].jitter = rng_below(r, 1000);
	p->header_first_pct = (uint32_t)rng_below(r, 3) * 50;
	p->partial_pct = (uint32_t)rng_below(r, 3) * 30;
	p->batch = rng_pct(r, 30) ? GUARD_TX_MAX - GUARD_TX_PER_INPUT : 0;
	p->lateness = rng_pct(r, 50) ? rng_below(r, 2000) : 0;
	p->spread = rng_range(r, 1, 20) * USEC_PER_SEC;
	p->n_sessions = (uint32_t)rng_range(r, 5, 40);
	p->size_max = rng_pct(r, 25) ? 600000 : 20000;
	p->aborts = rng_pct(r, 50);
	p->stalls = rng_pct(r, 50);
	p->n_client_addrs = (uint32_t)rng_range(r, 1, 8);
	p->backlog = (uint32_t)rng_range(r, 64, 256);
	p->limits.max_flows = 4096;
	p->limits.max_half_open = 4096;
}

static void plan_host(struct host_opts *o, struct rng *r)
{
	static const uint16_t mss[] = {536, 1220, 1440, 1460, 1460, 8960};

	o->mss = mss[rng_below(r, ARRAY_SIZE(mss))];
	o->wscale = rng_pct(r, 70) ? 7 : (int8_t)((int)rng_below(r, 16) - 1);
	o->sack = rng_pct(r, 75);
	o->ts = rng_pct(r, 75);
	o->ecn = rng_pct(r, 30);
	o->ts_random = rng_pct(r, 20);
	o->delack = rng_pct(r, 50);
	o->dsack = rng_pct(r, 50);
	o->tso = rng_pct(r, 50);
	o->rcvbuf = rng_pct(r, 60) ? 262144 : (uint32_t)rng_range(r, 4000, 1000000);
}

static void plan_guard(struct plan *p, struct rng *r)
{
	struct guard_config *c = &p->config;
	struct guard_service_config *v = &c->service[0];

	guard_config_defaults(c);
	guard_service_config_defaults(v);
	snprintf(v->name, sizeof(v->name), "sim");
	v->mode = p->mode;
	v->engine = p->terminate ? GUARD_ENGINE_TERMINATE : GUARD_ENGINE_RELAY;
	v->attack.hold = rng_range(r, 1, 60) * USEC_PER_SEC;
	c->n_services = c->n_listens = 1;
	ip_addr_parse(&c->listen[0].prefix, p->v6 ? "2001:db8:2::a" : "198.51.100.10");
	c->listen[0].plen = 128;
	c->listen[0].port_low = c->listen[0].port_high = 80;
	/* long enough for every application, short enough for the end of the run */
	c->timeouts.syn_received = rng_range(r, 20, 65) * USEC_PER_SEC;
	c->timeouts.syn_sent = rng_range(r, 10, 35) * USEC_PER_SEC;
	c->timeouts.established = 600 * USEC_PER_SEC;
	c->timeouts.half_closed = 400 * USEC_PER_SEC;
	c->timeouts.closing = 120 * USEC_PER_SEC;
	c->msl = rng_range(r, 2, 30) * USEC_PER_SEC;
	c->cookie_rotate = rng_range(r, 15, 60) * USEC_PER_SEC;
	/* as long as a cookie can come back: a shorter time forgets whom it was for */
	c->timeouts.reset = 2 * c->cookie_rotate + rng_below(r, 10 * USEC_PER_SEC);
	c->workers = 1;
}

/* impair() - some troubles on some links. */
static void impair(struct plan *p, struct rng *r, uint32_t scale)
{
	p->clean = false;
	for (uint32_t i = 0; i < LINK_COUNT; i++) {
		struct link_params *l = &p->link[i];

		l->jitter = rng_below(r, 5000);
		if (rng_pct(r, 50))
			l->loss = scale * (uint32_t)rng_below(r, 40000);
		if (rng_pct(r, 30))
			l->dup = scale * (uint32_t)rng_below(r, 40000);
		if (rng_pct(r, 30))
			l->corrupt = scale * (uint32_t)rng_below(r, 15000);
		if (rng_pct(r, 40)) {
			l->reorder = scale * (uint32_t)rng_below(r, 80000);
			l->reorder_by = 1000 + rng_below(r, 60000);
		}
	}
}

static void maybe_impair(struct plan *p, struct rng *r)
{
	if (rng_pct(r, 60))
		impair(p, r, 1);
}

static void flood(struct plan *p, struct rng *r)
{
	p->flood.from = USEC_PER_SEC + rng_below(r, 2 * USEC_PER_SEC);
	p->flood.to = p->flood.from + USEC_PER_SEC + rng_below(r, 4 * USEC_PER_SEC);
	p->flood.rate = (uint32_t)rng_range(r, 1000, 10000);
	p->flood.rst_ppm = rng_pct(r, 30) ? (uint32_t)rng_below(r, 100000) : 0;
	p->flood.ack_ppm = rng_pct(r, 30) ? (uint32_t)rng_below(r, 300000) : 0;
	p->spread = 6 * USEC_PER_SEC;
}

static void scenario_wire(struct plan *p, struct rng *r)
{
	p->bypass = true;
	maybe_impair(p, r);
}

static void scenario_clean(struct plan *p, struct rng *r)
{
	p->mode = (enum guard_mode)rng_below(r, GUARD_MODE_COUNT);
	p->aborts = rng_pct(r, 20);
	p->stalls = rng_pct(r, 20);
}

static void scenario_calm(struct plan *p, struct rng *r)
{
	impair(p, r, 1);
}

static void scenario_always(struct plan *p, struct rng *r)
{
	p->mode = GUARD_MODE_ALWAYS;
	impair(p, r, 1);
}

static void scenario_flood(struct plan *p, struct rng *r)
{
	flood(p, r);
}

/*
 * The network of the clients is forged from the first moment on, before any of them has completed a
 * handshake: the guard must not be a reflector, and must serve them all the same.
 */
static void scenario_neighbours(struct plan *p, struct rng *r)
{
	flood(p, r);
	p->flood.from = 0;
	p->flood.to = 6 * USEC_PER_SEC;
	p->flood.rst_ppm = p->flood.ack_ppm = 0;
	p->flood.neighbours = true;
	p->mode = GUARD_MODE_ALWAYS;
}

static void scenario_siege(struct plan *p, struct rng *r)
{
	flood(p, r);
	impair(p, r, 1);
	if (rng_pct(r, 30))
		p->mode = GUARD_MODE_ALWAYS;
}

static void scenario_monitor(struct plan *p, struct rng *r)
{
	p->mode = rng_pct(r, 80) ? GUARD_MODE_MONITOR : GUARD_MODE_OFF;
	if (rng_pct(r, 30)) {
		flood(p, r);
		p->heavy = true; /* nobody protects the server */
	}
	maybe_impair(p, r);
}

static void scenario_reuse(struct plan *p, struct rng *r)
{
	p->mode = rng_pct(r, 70) ? GUARD_MODE_ALWAYS : GUARD_MODE_ADAPTIVE;
	p->quick_ports = true;
	p->n_client_addrs = 1;
	p->n_sessions = 60;
	p->size_max = 5000;
	p->stalls = false;
	if (rng_pct(r, 40))
		impair(p, r, 1);
	p->switch_modes = rng_pct(r, 30);
}

static void scenario_ill(struct plan *p, struct rng *r)
{
	p->mode = rng_pct(r, 70) ? GUARD_MODE_ALWAYS : GUARD_MODE_ADAPTIVE;
	p->ill = rng_pct(r, 60) ? SERVER_CLOSED : SERVER_SILENT;
	p->ill_from = rng_pct(r, 40) ? 0 : rng_below(r, p->spread);
	p->ill_to = p->ill_from + 1 + rng_below(r, p->spread);
	p->reboots = rng_pct(r, 60) || p->ill == SERVER_CLOSED;
	p->spread += 60 * USEC_PER_SEC;
	maybe_impair(p, r);
}

static void scenario_change(struct plan *p, struct rng *r)
{
	p->mode = rng_pct(r, 80) ? GUARD_MODE_ALWAYS : GUARD_MODE_ADAPTIVE;
	p->options_change = true;
	p->spread = 100 * USEC_PER_SEC;
	maybe_impair(p, r);
}

static void scenario_operator(struct plan *p, struct rng *r)
{
	p->switch_modes = true;
	p->kills = rng_pct(r, 50);
	maybe_impair(p, r);
}

static void scenario_heavy(struct plan *p, struct rng *r)
{
	p->mode = (enum guard_mode)rng_below(r, GUARD_MODE_COUNT);
	p->heavy = true;
	p->size_max = 20000;
	p->quick_ports = rng_pct(r, 30);
	p->switch_modes = rng_pct(r, 20);
	p->limits.max_flows = rng_pct(r, 30) ? 16 : 4096;
	p->limits.max_half_open = rng_pct(r, 30) ? 16 : 4096;
	impair(p, r, 7);
}

/* terminated() - the same, but each connection ends at the guard. */
static void terminated(struct plan *p, struct rng *r)
{
	p->terminate = true;
	if (p->mode < GUARD_MODE_ADAPTIVE)
		p->mode = GUARD_MODE_ADAPTIVE;
	p->limits.max_terminated = 1024;
	p->limits.chunks = rng_pct(r, 70) ? 8192 : 2048;
	if (!p->ill_to && !p->flood.rate && rng_pct(r, 30)) {
		p->jump_at = 1 + rng_below(r, p->spread);
		p->jump_by = rng_below(r, 5 * USEC_PER_SEC); /* less than any time-out */
	}
}

static void scenario_ends_clean(struct plan *p, struct rng *r)
{
	scenario_clean(p, r);
	terminated(p, r);
}

static void scenario_ends(struct plan *p, struct rng *r)
{
	scenario_always(p, r);
	p->mode = GUARD_MODE_ADAPTIVE;
	terminated(p, r);
}

static void scenario_ends_flood(struct plan *p, struct rng *r)
{
	if (rng_pct(r, 50))
		scenario_flood(p, r);
	else
		scenario_siege(p, r);
	terminated(p, r);
}

static void scenario_ends_reuse(struct plan *p, struct rng *r)
{
	scenario_reuse(p, r);
	terminated(p, r);
}

static void scenario_ends_ill(struct plan *p, struct rng *r)
{
	scenario_ill(p, r);
	terminated(p, r);
}

static void scenario_ends_operator(struct plan *p, struct rng *r)
{
	scenario_operator(p, r);
	terminated(p, r);
}

/* Loss of nearly 30 %, hardly any memory. */
static void scenario_ends_heavy(struct plan *p, struct rng *r)
{
	scenario_heavy(p, r);
	terminated(p, r);
	p->limits.max_terminated = rng_pct(r, 30) ? 8 : 1024;
	p->limits.chunks = rng_pct(r, 30) ? 32 : 4096;
}

static const struct scenario {
	const char *name;
	void (*make)(struct plan *p, struct rng *r);
} scenarios[] = {
	{"wire", scenario_wire},
	{"clean", scenario_clean},
	{"calm", scenario_calm},
	{"always", scenario_always},
	{"flood", scenario_flood},
	{"siege", scenario_siege},
	{"monitor", scenario_monitor},
	{"reuse", scenario_reuse},
	{"ill", scenario_ill},
	{"change", scenario_change},
	{"operator", scenario_operator},
	{"heavy", scenario_heavy},
	{"neighbours", scenario_neighbours},
	{"ends-clean", scenario_ends_clean},
	{"ends", scenario_ends},
	{"ends-flood", scenario_ends_flood},
	{"ends-reuse", scenario_ends_reuse},
	{"ends-ill", scenario_ends_ill},
	{"ends-operator", scenario_ends_operator},
	{"ends-heavy", scenario_ends_heavy},
};

const char *plan_scenario_name(uint32_t i)
{
	return i < ARRAY_SIZE(scenarios) ? scenarios[i].name : NULL;
}

bool plan_make(struct plan *p, const char *name, uint64_t seed)
{
	struct rng r;

	memset(p, 0, sizeof(*p));
	for (uint32_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (strcmp(scenarios[i].name, name) != 0)
			continue;
		rng_seed(&r, seed, 100 + i);
		p->scenario = scenarios[i].name;
		p->seed = seed;
		plan_base(p, &r);
		plan_host(&p->client, &r);
		plan_host(&p->server, &r);
		scenarios[i].make(p, &r);
		plan_guard(p, &r);
		return true;
	}
	return false;
}
