/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients: they come, open their connections, and lose segments on the way. */
#include "world.h"

struct conn *new_conn(struct world *w)
{
	uint32_t i = w->free_conn;
	struct conn *c;

	if (i == UINT32_MAX)
		return NULL;
	c = &w->conn[i];
	w->free_conn = c->next_free;
	*c = (struct conn){.used = true, .begun = w->now, .dst = SERVER, .dport = PORT};
	c->isn = i + CONNS * rng_below(&w->rng, UINT32_MAX / CONNS);
	c->port = (uint16_t)(1025 + w->serial++ % 64000);
	return c;
}

void end_conn(struct world *w, struct conn *c)
{
	c->used = false;
	c->next_free = w->free_conn;
	w->free_conn = (uint32_t)(c - w->conn);
}

void conclude(struct world *w, struct conn *c, bool established)
{
	bool late = !established || w->now - c->begun > PATIENCE;

	if (!c->scanner && !c->excused && c->lost < 2 && late) {
		w->o->harmed++;
		if (w->verbose)
			printf("%10.3f a client was harmed: begun %.3f, %u tries\n",
			       (double)w->now / 1e6, (double)c->begun / 1e6, c->tries);
	}
	end_conn(w, c);
}

static bool lost(struct world *w, struct conn *c)
{
	bool is = c->lossy && (w->p->lossy_always || w->now >= w->p->from) &&
		  rng_chance(&w->rng, w->p->loss);

	c->lost += is;
	return is;
}

static void connect_one(struct world *w, uint32_t addr, usec_t rtt, bool lossy)
{
	struct conn *c = new_conn(w);

	if (!c)
		return;
	w->o->clients++;
	c->addr = addr;
	c->rtt = rtt;
	c->lossy = lossy;
	at(w, w->now, EV_SYN, (uint32_t)(c - w->conn));
}

void arrive(struct world *w)
{
	const struct plan *p = w->p;
	struct rng *r = &w->rng;
	uint32_t addr = rng_chance(r, p->nat_share)
				? NAT_ADDRESS
				: 0x0b000000 + (uint32_t)(rng_u64(r) % 0x60000000);
	usec_t rtt = (usec_t)(1000 * p->rtt_ms * exp(p->rtt_sigma * rng_normal(r)));
	bool lossy = rng_chance(r, p->lossy_share);
	uint32_t n = rng_chance(r, 0.15) ? 2 + rng_below(r, 5) : 1;

	while (n--)
		connect_one(w, addr, rtt, lossy);
}

/* client_rate() - now; each arrival makes 1.45 connections on the average. */
static double client_rate(const struct world *w)
{
	const struct plan *p = w->p;
	double rate = p->rate * (1 + 0.3 * sin((double)w->now / 600e6 * 6.2832)) / 1.45;
	double in = (double)w->now - (double)p->from;

	if (p->crowd > 0 && in >= 0 && w->now < p->to)
		rate *= in < (double)p->crowd_rise ? 1 + (p->crowd - 1) * in / (double)p->crowd_rise
						   : p->crowd;
	return rate;
}

/* on_arrive() - who is 1: somebody arrives; 0: the rate may have changed. */
void on_arrive(struct world *w, uint32_t who)
{
	double rate = client_rate(w);
	usec_t next = rate > 0 ? wait_for(w, rate) : STEP;

	if (who)
		arrive(w);
	if (next >= STEP)
		at(w, w->now + STEP, EV_ARRIVE, 0);
	else
		at(w, w->now + next, EV_ARRIVE, 1);
}

/* ack_comes() - when the client's answer to a SYN-ACK of now is at the guard. */
static usec_t ack_comes(struct world *w, const struct conn *c)
{
	const struct plan *p = w->p;
	usec_t when = w->now + c->rtt + c->rtt * rng_below(&w->rng, 100) / 1000;
	usec_t in = w->now % (20 * SEC);

	if (p->slower > 0 && w->now >= p->from && w->now < p->to)
		when += (usec_t)((double)c->rtt * (p->slower - 1));
	if (w->now >= p->from && in < p->hiccup) /* what is sent meanwhile goes on at its end */
		when += p->hiccup - in;
	return when;
}

void on_syn(struct world *w, uint32_t who)
{
	static const usec_t again[] = {1 * SEC, 2 * SEC, 4 * SEC, 8 * SEC};
	struct conn *c = &w->conn[who];
	struct pkt syn = packet(c->addr, c->port, c->dst, c->dport, TCP_SYN);
	usec_t rto = again[c->tries < 4 ? c->tries : 3];
	bool answered = false;

	if (!c->used)
		return;
	if (c->tries++ == 4 || (c->scanner && c->tries > 2)) {
		conclude(w, c, false);
		return;
	}
	c->excused |= w->down;
	syn.seq = c->isn;
	with_options(&syn, 5000, 0);
	if (!lost(w, c)) {
		c->spliced = false;
		if (offer(w, &syn)) {
			answered = server_answers(w, c->addr, c->port, c->dst, c->dport, c->isn);
			c->ack = (0x40000000 ^ c->isn * 77) + 1;
			c->ts = true;
			c->tsval = 900000;
		} else {
			answered = c->spliced;
		}
	}
	if (answered && !lost(w, c))
		at(w, ack_comes(w, c), EV_ACK, who);
	else if (c->scanner && w->p->scan == SCAN_MASSCAN)
		end_conn(w, c);
	else
		at(w, w->now + rto, EV_SYN, who);
}

void on_ack(struct world *w, uint32_t who)
{
	struct conn *c = &w->conn[who];
	struct pkt ack = packet(c->addr, c->port, c->dst, c->dport, c->scanner ? TCP_RST : TCP_ACK);

	if (!c->used)
		return;
	if (lost(w, c)) { /* its first data bring the acknowledgement again */
		at(w, w->now + c->rtt + 200 * MSEC, EV_ACK, who);
		return;
	}
	ack.seq = c->isn + 1;
	ack.ack = c->scanner ? 0 : c->ack;
	if (c->ts && !c->scanner) {
		ack.opt.present = TCP_OPT_TIMESTAMPS;
		ack.opt.ts_val = 5001;
		ack.opt.ts_ecr = c->tsval;
	}
	if (offer(w, &ack)) {
		server_forgets(w, c->addr, c->port);
		conclude(w, c, true);
	} else if (w->out->verdict == GUARD_DROP && w->out->drop != GUARD_DROP_CONSUMED) {
		conclude(w, c, false);
	} /* else the guard opens toward the server */
}
