/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What passes between the world and the guard. */
#include "world.h"

static uint8_t bytes[128]; /* nobody writes into what is only followed */

struct pkt packet(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint16_t flags)
{
	return (struct pkt){
		.data = bytes,
		.cap_len = 60,
		.len = 60,
		.kind = PKT_TCP,
		.csum = PKT_CSUM_FULL,
		.family = 4,
		.ttl = 57,
		.df = true,
		.protocol = 6,
		.l4_off = 20,
		.src = ip_addr_v4(htonl(src)),
		.dst = ip_addr_v4(htonl(dst)),
		.sport = sport,
		.dport = dport,
		.flags = flags,
		.window = 64240,
		.tcp_hdr_len = 40,
	};
}

void with_options(struct pkt *p, uint32_t tsval, uint32_t tsecr)
{
	p->opt.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE;
	p->opt.mss = 1460;
	p->opt.wscale = 7;
	p->opt.ts_val = tsval;
	p->opt.ts_ecr = tsecr;
}

struct conn *conn_of(struct world *w, uint32_t isn, uint32_t addr, uint16_t port)
{
	struct conn *c = &w->conn[isn % CONNS];

	return c->used && c->addr == addr && c->port == port ? c : NULL;
}

/* sent_to_client() - a cookie, to somebody who exists: the ACK comes after the round trip. */
static void sent_to_client(struct world *w, struct pkt *s)
{
	struct conn *c = conn_of(w, s->ack - 1, ntohl(s->dst.w[3]), s->dport);

	if (!c || (s->flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK))
		return;
	c->spliced = true;
	c->ack = s->seq + 1;
	c->ts = s->opt.present & TCP_OPT_TIMESTAMPS;
	c->tsval = s->opt.ts_val;
}

static void guard_sent(struct world *w)
{
	for (uint32_t i = 0; i < w->out->n_tx; i++) {
		struct guard_tx *tx = &w->out->tx[i];
		struct pkt s;

		if (pkt_parse(&s, tx->data, tx->len, tx->len, PKT_CSUM_FULL) < 0)
			abort();
		if ((ntohl(s.dst.w[3]) & 0xffffff00) != NET)
			sent_to_client(w, &s);
		else if (s.flags & TCP_RST)
			server_forgets(w, ntohl(s.src.w[3]), s.sport);
		else if (s.flags == TCP_SYN && conn_of(w, s.seq, ntohl(s.src.w[3]), s.sport))
			at(w, w->now + 200, EV_SPLICE, s.seq);
	}
	w->out->n_tx = 0;
}

void look(struct world *w)
{
	struct service_report r;

	if (w->o->noticed || !w->flooding)
		return;
	guard_report_service(&w->guard, 0, w->now, &r);
	if (r.state < GUARD_ATTACK)
		return;
	w->o->noticed = true;
	w->o->delay = w->now - w->flood_began;
	w->o->noticed_rate = r.syn_rate;
}

void say_events(struct world *w)
{
	struct guard_event e;

	while (guard_report_events(&w->guard, w->event_next, &e, 1)) {
		w->event_next = e.number + 1;
		if (w->verbose)
			printf("%10.3f %s: %s\n", (double)e.time / 1e6, guard_event_text(e.kind),
			       e.detail);
	}
}

void pass_time(struct world *w)
{
	while (guard_deadline(&w->guard) <= w->now) {
		guard_expire(&w->guard, w->now, w->out);
		guard_sent(w);
		look(w);
		if (w->verbose)
			say_events(w);
	}
}

bool offer(struct world *w, struct pkt *p)
{
	w->o->packets++;
	guard_input(&w->guard, w->now, p, 0, w->out);
	guard_sent(w);
	return w->out->verdict == GUARD_ACCEPT || w->out->verdict == GUARD_REPLACE;
}
