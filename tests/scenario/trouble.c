/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floods and scans. */
#include "world.h"

static double flood_rate(const struct world *w)
{
	const struct plan *p = w->p;
	usec_t in = w->now - p->from;

	if (p->pulse && in % (p->pulse + p->pause) >= p->pulse)
		return 0;
	return p->ramp ? p->flood * (double)in / (double)(p->to - p->from) : p->flood;
}

static void forged_syn(struct world *w, struct pkt *syn)
{
	uint32_t addr = ntohl(syn->src.w[3]);

	if (!w->flooding) {
		struct service_report r;

		guard_report_service(&w->guard, 0, w->now, &r);
		w->o->early = r.counters.attacks > 0;
		w->flooding = true;
		w->flood_began = w->now;
	}
	if (offer(w, syn)) {
		server_answers(w, addr, syn->sport, SERVER, PORT, syn->seq);
		if (w->p->flood_rst) {
			struct pkt rst = packet(addr, syn->sport, SERVER, PORT, TCP_RST);

			rst.seq = syn->seq + 1;
			offer(w, &rst);
		}
	}
	look(w);
}

/* forged_source() - one of the few there are, or any. */
static uint32_t forged_source(struct world *w)
{
	uint32_t i = (uint32_t)rng_u64(&w->rng);

	if (w->p->sources) /* each in a network of its own */
		i = (i % w->p->sources + (uint32_t)w->p->seed) * 0x9e3779b1u;
	return 0x01000000 + i % 0xde000000;
}

void on_flood(struct world *w, uint32_t who)
{
	struct rng *r = &w->rng;
	double rate = flood_rate(w);
	usec_t next = rate > 0 ? wait_for(w, rate) : STEP;

	if (w->now >= w->p->to)
		return;
	if (who) {
		struct pkt syn =
			packet(forged_source(w), (uint16_t)(1025 + rng_below(r, 64000)), SERVER,
			       PORT, TCP_SYN | (w->p->flood_bare ? TCP_ECE | TCP_CWR : 0));

		syn.seq = (uint32_t)rng_u64(r);
		if (!w->p->flood_bare)
			with_options(&syn, (uint32_t)rng_u64(r), 0);
		forged_syn(w, &syn);
	}
	at(w, w->now + (next >= STEP ? STEP : next), EV_FLOOD, next < STEP);
}

void on_capture(struct world *w, uint32_t i)
{
	const struct captured *c = &w->captured[i];
	struct pkt syn = packet(ntohl(c->src), c->sport, SERVER, PORT, c->flags);

	if (w->now >= w->p->to)
		return;
	syn.seq = c->seq;
	syn.window = c->window;
	syn.ttl = c->ttl;
	syn.tcp_hdr_len = 20;
	forged_syn(w, &syn);
	if (i + 1 < w->n_captured)
		at(w, w->p->from + c[1].time, EV_CAPTURE, i + 1);
}

static void backscatter(struct world *w)
{
	struct rng *r = &w->rng;
	uint32_t from = 0x01000000 + (uint32_t)(rng_u64(r) % 0xde000000);
	uint16_t port = (uint16_t)(1 + rng_below(r, 1024)), sport = rng_chance(r, 0.5) ? 80 : 443;
	struct pkt s = packet(from, sport, SERVER, port,
			      rng_chance(r, 0.7) ? TCP_SYN | TCP_ACK : TCP_RST | TCP_ACK);
	struct pkt answer = packet(SERVER, port, from, sport, TCP_RST);

	s.seq = (uint32_t)rng_u64(r);
	s.ack = (uint32_t)rng_u64(r);
	answer.seq = s.ack;
	if (offer(w, &s) && !(s.flags & TCP_RST))
		offer(w, &answer);
}

static void probe(struct world *w)
{
	struct rng *r = &w->rng;
	struct conn *c = new_conn(w);

	if (!c)
		return;
	c->scanner = true;
	c->addr = SCANNER;
	c->rtt = 30 * MSEC;
	if (w->p->scan == SCAN_MASSCAN) {
		c->dst = NET + rng_below(r, 256);
		c->dport = rng_chance(r, 0.5) ? PORT : (uint16_t)(1 + rng_below(r, 1024));
	} else {
		c->dport = (uint16_t)(1 + rng_below(r, 1000));
	}
	at(w, w->now, EV_SYN, (uint32_t)(c - w->conn));
}

void on_scan(struct world *w, uint32_t who)
{
	if (w->now >= w->p->to)
		return;
	if (w->p->scan == SCAN_BACKSCATTER)
		backscatter(w);
	else
		probe(w);
	at(w, w->now + wait_for(w, w->p->scan_rate), EV_SCAN, 1);
}
