/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host: its addresses, which connection a segment belongs to, and RSTs for what belongs to none. */
#include "sim.h"

void host_init(struct sim *s, struct host *h, bool is_server)
{
	h->sim = s;
	h->is_server = is_server;
	h->name = is_server ? "server" : "client";
	h->opts = is_server ? s->plan.server : s->plan.client;
	h->n_addr = is_server ? 1 : s->plan.n_client_addrs;
	h->port = 80;
	h->backlog = s->plan.backlog;
	for (uint32_t i = 0; i < h->n_addr; i++) {
		uint32_t n = is_server ? 10 : 1 + i;
		char text[40];

		if (s->plan.v6)
			snprintf(text, sizeof(text), "2001:db8:%d::%x", is_server ? 2 : 1, n);
		else
			snprintf(text, sizeof(text), is_server ? "198.51.100.%u" : "192.0.2.%u", n);
		ip_addr_parse(&h->addr[i], text);
	}
}

static uint64_t tuple_hash(const struct tuple *t)
{
	uint64_t h = mix64((uint64_t)t->lport << 16 | t->rport);

	for (unsigned i = 0; i < 4; i++)
		h = mix64(h ^ ((uint64_t)t->laddr.w[i] << 32 | t->raddr.w[i]));
	return h;
}

static bool tuple_eq(const struct tuple *a, const struct tuple *b)
{
	return a->lport == b->lport && a->rport == b->rport && ip_addr_eq(&a->laddr, &b->laddr) &&
	       ip_addr_eq(&a->raddr, &b->raddr);
}

struct conn *host_find(struct host *h, const struct tuple *t)
{
	struct conn *c = h->bucket[tuple_hash(t) % CONN_BUCKETS];

	while (c && (c->state == C_CLOSED || !tuple_eq(&c->t, t)))
		c = c->hash_next;
	return c;
}

struct conn *host_conn_new(struct host *h, const struct tuple *t)
{
	struct conn **b = &h->bucket[tuple_hash(t) % CONN_BUCKETS];
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->sim = h->sim;
	c->host = h;
	c->t = *t;
	c->o = h->opts;
	c->rto = USEC_PER_SEC;
	c->hash_next = *b;
	*b = c;
	c->all_next = h->all;
	h->all = c;
	return c;
}

uint32_t host_ts_clock(const struct sim *s)
{
	return (uint32_t)(s->now / USEC_PER_MSEC);
}

uint32_t host_ts_offset(struct host *h, const struct tuple *t, const struct host_opts *o)
{
	if (o->ts_random)
		return (uint32_t)rng_u64(&h->sim->rng_host);
	return (uint32_t)mix64(tuple_hash(t) ^ h->sim->plan.seed ^ h->is_server);
}

/* host_iss() - RFC 6528: a clock plus a secret of the address pair. */
uint32_t host_iss(struct host *h, const struct tuple *t)
{
	return (uint32_t)(h->sim->now / 4) + (uint32_t)mix64(tuple_hash(t) + h->sim->plan.seed);
}

void host_transmit(struct host *h, struct seg *g, uint32_t gso)
{
	static uint8_t buf[65536 + SEG_HEADERS_MAX];
	uint32_t len = seg_write(g, buf);
	struct packet *p = packet_new(buf, len);

	p->gso = g->len > gso ? gso : 0;
	sim_trace(h->sim, h->is_server ? "  S ->" : "C ->", buf, len);
	link_send(h->sim, h->is_server ? LINK_SG : LINK_CG, p);
}

/* reset_stray() - RFC 9293 3.10.7.1: what belongs to no connection is answered with a RST. */
static void reset_stray(struct host *h, const struct seg *in)
{
	struct seg g = {.src = in->dst, .dst = in->src, .sport = in->dport, .dport = in->sport};

	if (in->flags & F_RST)
		return;
	g.flags = F_RST;
	if (in->flags & F_ACK) {
		g.seq = in->ack;
	} else {
		g.flags |= F_ACK;
		g.ack = in->seq + in->len + !!(in->flags & F_SYN) + !!(in->flags & F_FIN);
	}
	host_transmit(h, &g, 0);
}

static bool is_mine(const struct host *h, const struct ip_addr *a)
{
	for (uint32_t i = 0; i < h->n_addr; i++)
		if (ip_addr_eq(&h->addr[i], a))
			return true;
	return false;
}

/* flood_answer() - a forged source that exists knows nothing of the SYN it is said to have sent. */
static void flood_answer(struct host *h, const struct seg *in)
{
	if (rng_chance(&h->sim->rng_flood, h->sim->plan.flood.rst_ppm))
		reset_stray(h, in);
}

/* reuse_time_wait() - RFC 6191: a newer SYN ends TIME-WAIT. */
static bool reuse_time_wait(struct conn *c, const struct seg *g)
{
	bool newer;

	if (c->state != C_TIME_WAIT || (g->flags & (F_SYN | F_ACK | F_RST)) != F_SYN)
		return false;
	newer = (int32_t)(g->seq - c->rcv_nxt) > 0;
	if (c->ts && g->has_ts)
		newer = newer || (int32_t)(g->tsval - c->ts_recent) > 0;
	if (!newer)
		return false;
	c->state = C_CLOSED;
	conn_timer_stop(c);
	return true;
}

void host_input(struct host *h, const uint8_t *data, uint32_t len)
{
	struct seg g;
	enum seg_error e = seg_read(&g, data, len);
	struct tuple t = {g.dst, g.src, g.dport, g.sport};
	struct conn *c;

	sim_trace(h->sim, h->is_server ? "   -> S" : "-> C", data, len);
	if (e != SEG_OK) {
		h->bad_sums++;
		return;
	}
	if (h->is_server && h->sim->health == SERVER_SILENT)
		return;
	if (!is_mine(h, &g.dst)) {
		flood_answer(h, &g);
		return;
	}
	c = host_find(h, &t);
	if (c && !reuse_time_wait(c, &g))
		conn_input(c, &g);
	else if (h->is_server && h->sim->health == SERVER_UP && g.dport == h->port)
		listen_input(h, &t, &g);
	else
		reset_stray(h, &g);
}

/* host_reboot() - everything is forgotten; nobody is told. */
void host_reboot(struct host *h)
{
	for (struct conn *c = h->all; c; c = c->all_next)
		if (c->state != C_CLOSED) {
			conn_ended(c, "reboot");
			app_gone(c->app, true);
		}
	memset(h->half, 0, sizeof(h->half));
	h->n_half = 0;
}

void host_free(struct host *h)
{
	struct conn *c = h->all, *next;

	for (; c; c = next) {
		next = c->all_next;
		free(c->tsvals);
		free(c);
	}
}
