/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a plan. */
#include "scene.h"

#define SERVER	    0xcb00710a /* 203.0.113.10, in the guarded 203.0.113.0/24, ports 1 to 1024 */
#define NET	    0xcb007100
#define NAT_ADDRESS 0x644f0101
#define SCANNER	    0x2d210909
#define PORT	    80
#define CONNS	    (1u << 17) /* what an ISN can name */
#define HELD_MAX    16384
#define RING	    (1u << 20)
#define HELD_FOR    (63 * SEC) /* a server gives a half-open up after five retransmissions */
#define PATIENCE    (4 * SEC)
#define STEP	    (50 * MSEC) /* rates change no faster */

enum kind {
	EV_ARRIVE,
	EV_CONNECT,
	EV_SYN,
	EV_ACK,
	EV_FLOOD,
	EV_SCAN,
	EV_SPLICE,
	EV_SERVER,
	EV_CAPTURE
};

struct ev {
	usec_t at;
	uint32_t kind, who;
};

/* A client's connection, or a scanner's probe. */
struct conn {
	bool used, scanner, lossy, excused, spliced;
	uint8_t tries, lost;
	uint16_t port, dport;
	uint32_t addr, dst;
	uint32_t isn, ack, tsval;
	bool ts;
	usec_t begun, rtt;
	uint32_t next_free;
};

/* A half-open connection of the server. */
struct held {
	uint32_t addr, port;
	usec_t since;
	bool used;
};

struct world {
	const struct plan *p;
	struct outcome *o;
	struct rng rng;
	usec_t now, flood_began;
	bool flooding, verbose, down;
	struct guard guard;
	struct guard_config config;
	struct actions *out;
	struct conn *conn;
	uint32_t free_conn, serial;
	struct held held[HELD_MAX]; /* by hash, linear probing */
	uint32_t n_held;
	struct {
		uint32_t addr, port;
		usec_t since;
	} ring[RING]; /* in order of time, those that are gone included */
	uint32_t ring_head, ring_n;
	struct ev *heap;
	uint32_t n_heap, cap_heap;
	const struct captured *captured;
	size_t n_captured;
	uint64_t event_next;
};

/* ---- events ---- */

static void at(struct world *w, usec_t when, enum kind kind, uint32_t who)
{
	uint32_t i = w->n_heap++;

	if (w->n_heap > w->cap_heap) {
		w->cap_heap = w->cap_heap ? 2 * w->cap_heap : 1024;
		w->heap = realloc(w->heap, w->cap_heap * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	while (i > 0 && w->heap[(i - 1) / 2].at > when) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = (struct ev){when, kind, who};
}

static struct ev next_event(struct world *w)
{
	struct ev first = w->heap[0], last = w->heap[--w->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && w->heap[child + 1].at < w->heap[child].at)
			child++;
		if (w->heap[child].at >= last.at)
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

/* wait() - exponential with the mean 1/@rate seconds. */
static usec_t wait(struct world *w, double rate)
{
	return (usec_t)(-log(rng_unit(&w->rng)) / rate * 1e6);
}

/* ---- the server's backlog ---- */

static uint32_t held_hash(uint32_t addr, uint32_t port)
{
	return ((addr ^ port * 0x9e3779b1u) * 0x85ebca6bu >> 8) % HELD_MAX;
}

static struct held *held_find(struct world *w, uint32_t addr, uint32_t port)
{
	for (uint32_t i = held_hash(addr, port), n = 0; n < HELD_MAX; i = (i + 1) % HELD_MAX, n++) {
		if (!w->held[i].used)
			return NULL;
		if (w->held[i].addr == addr && w->held[i].port == port)
			return &w->held[i];
	}
	return NULL;
}

static void held_remove(struct world *w, struct held *h)
{
	uint32_t hole = (uint32_t)(h - w->held), i = hole;

	w->n_held--;
	for (;;) {
		uint32_t home;

		w->held[hole].used = false;
		do {
			i = (i + 1) % HELD_MAX;
			if (!w->held[i].used)
				return;
			home = held_hash(w->held[i].addr, w->held[i].port);
		} while ((i - home) % HELD_MAX < (i - hole) % HELD_MAX);
		w->held[hole] = w->held[i];
		hole = i;
	}
}

static void server_forgets(struct world *w, uint32_t addr, uint32_t port)
{
	struct held *h = held_find(w, addr, port);

	if (h)
		held_remove(w, h);
}

static void server_times_out(struct world *w)
{
	while (w->ring_n && w->now - w->ring[w->ring_head].since >= HELD_FOR) {
		struct held *h =
			held_find(w, w->ring[w->ring_head].addr, w->ring[w->ring_head].port);

		if (h && h->since == w->ring[w->ring_head].since)
			held_remove(w, h);
		w->ring_head = (w->ring_head + 1) % RING;
		w->ring_n--;
	}
}

/* server_takes() - a SYN; is there room for it, or is it known? */
static bool server_takes(struct world *w, uint32_t addr, uint32_t port)
{
	uint32_t i = held_hash(addr, port);

	server_times_out(w);
	if (held_find(w, addr, port))
		return true;
	if (w->n_held >= w->p->backlog || w->ring_n == RING)
		return false;
	while (w->held[i].used)
		i = (i + 1) % HELD_MAX;
	w->held[i] = (struct held){addr, port, w->now, true};
	w->n_held++;
	i = (w->ring_head + w->ring_n++) % RING;
	w->ring[i].addr = addr;
	w->ring[i].port = port;
	w->ring[i].since = w->now;
	return true;
}

/* ---- packets ---- */

static uint8_t bytes[128]; /* nobody writes into what is only followed */

static struct pkt packet(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport, uint16_t flags)
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

static void with_options(struct pkt *p, uint32_t tsval, uint32_t tsecr)
{
	p->opt.present = TCP_OPT_MSS | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS | TCP_OPT_WSCALE;
	p->opt.mss = 1460;
	p->opt.wscale = 7;
	p->opt.ts_val = tsval;
	p->opt.ts_ecr = tsecr;
}

static struct conn *conn_of(struct world *w, uint32_t isn, uint32_t addr, uint16_t port)
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

static void look(struct world *w)
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

static void say_events(struct world *w)
{
	struct guard_event e;

	while (guard_report_events(&w->guard, w->event_next, &e, 1)) {
		w->event_next = e.number + 1;
		if (w->verbose)
			printf("%10.3f %s: %s\n", (double)e.time / 1e6, guard_event_text(e.kind),
			       e.detail);
	}
}

static void pass_time(struct world *w)
{
	while (guard_deadline(&w->guard) <= w->now) {
		guard_expire(&w->guard, w->now, w->out);
		guard_sent(w);
		look(w);
		if (w->verbose)
			say_events(w);
	}
}

static bool offer(struct world *w, struct pkt *p)
{
	w->o->packets++;
	guard_input(&w->guard, w->now, p, 0, w->out);
	guard_sent(w);
	return w->out->verdict == GUARD_ACCEPT || w->out->verdict == GUARD_REPLACE;
}

/* server_answers() - to a SYN that has passed the guard. Return: with a SYN-ACK? */
static bool server_answers(struct world *w, uint32_t addr, uint16_t port, uint32_t dst,
			   uint16_t dport, uint32_t isn)
{
	bool exists = dst == SERVER || (dst & 3) == 0, open = dport == PORT;
	struct pkt s = packet(dst, dport, addr, port, TCP_SYN | TCP_ACK);

	s.seq = 0x40000000 ^ isn * 77;
	s.ack = isn + 1;
	if (!exists || (w->down && !w->p->refuses))
		return false;
	if (!open || w->down) {
		s.flags = TCP_RST | TCP_ACK;
		s.seq = 0;
		offer(w, &s);
		return false;
	}
	if (dst == SERVER && !server_takes(w, addr, port))
		return false;
	with_options(&s, 900000, 1);
	offer(w, &s);
	return true;
}

/* ---- clients ---- */

static struct conn *new_conn(struct world *w)
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

static void end_conn(struct world *w, struct conn *c)
{
	c->used = false;
	c->next_free = w->free_conn;
	w->free_conn = (uint32_t)(c - w->conn);
}

static void conclude(struct world *w, struct conn *c, bool established)
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

static void arrive(struct world *w)
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
static void on_arrive(struct world *w, uint32_t who)
{
	double rate = client_rate(w);
	usec_t next = rate > 0 ? wait(w, rate) : STEP;

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

static void on_syn(struct world *w, uint32_t who)
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

static void on_ack(struct world *w, uint32_t who)
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

/* on_splice() - the guard's own SYN is at the server. */
static void on_splice(struct world *w, uint32_t isn)
{
	struct conn *c = &w->conn[isn % CONNS];

	if (!c->used)
		return;
	c->excused |= w->down;
	if (!server_answers(w, c->addr, c->port, SERVER, PORT, isn))
		return;
	if (isn == c->isn) {
		server_forgets(w, c->addr, c->port);
		conclude(w, c, true);
	}
}

/* ---- floods, scans, ill servers ---- */

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

static void on_flood(struct world *w, uint32_t who)
{
	struct rng *r = &w->rng;
	double rate = flood_rate(w);
	usec_t next = rate > 0 ? wait(w, rate) : STEP;

	if (w->now >= w->p->to)
		return;
	if (who) {
		struct pkt syn = packet(0x01000000 + (uint32_t)(rng_u64(r) % 0xde000000),
					(uint16_t)(1025 + rng_below(r, 64000)), SERVER, PORT,
					TCP_SYN | (w->p->flood_bare ? TCP_ECE | TCP_CWR : 0));

		syn.seq = (uint32_t)rng_u64(r);
		if (!w->p->flood_bare)
			with_options(&syn, (uint32_t)rng_u64(r), 0);
		forged_syn(w, &syn);
	}
	at(w, w->now + (next >= STEP ? STEP : next), EV_FLOOD, next < STEP);
}

static void on_capture(struct world *w, uint32_t i)
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

static void on_scan(struct world *w, uint32_t who)
{
	if (w->now >= w->p->to)
		return;
	if (w->p->scan == SCAN_BACKSCATTER)
		backscatter(w);
	else
		probe(w);
	at(w, w->now + wait(w, w->p->scan_rate), EV_SCAN, 1);
}

/* on_server() - @up: it is there again, and those it has lost come back. */
static void on_server(struct world *w, uint32_t up)
{
	w->down = !up;
	if (!up) {
		memset(w->held, 0, sizeof(w->held));
		w->n_held = w->ring_n = 0;
		return;
	}
	for (uint32_t i = 0; i < w->p->herd; i++)
		at(w, w->now + (usec_t)(1e6 * rng_unit(&w->rng)), EV_CONNECT, 0);
}

static void step(struct world *w, struct ev e)
{
	switch ((enum kind)e.kind) {
	case EV_ARRIVE:
		on_arrive(w, e.who);
		break;
	case EV_CONNECT:
		arrive(w);
		break;
	case EV_SYN:
		on_syn(w, e.who);
		break;
	case EV_ACK:
		on_ack(w, e.who);
		break;
	case EV_FLOOD:
		on_flood(w, e.who);
		break;
	case EV_SCAN:
		on_scan(w, e.who);
		break;
	case EV_SPLICE:
		on_splice(w, e.who);
		break;
	case EV_SERVER:
		on_server(w, e.who);
		break;
	case EV_CAPTURE:
		on_capture(w, e.who);
		break;
	}
}

/* ---- beginning and end ---- */

static void configure(struct world *w)
{
	struct guard_config *c = &w->config;

	guard_config_defaults(c);
	guard_service_config_defaults(&c->service[0]);
	strcpy(c->service[0].name, "web");
	if (w->p->start) {
		c->service[0].attack.start = w->p->start;
		c->service[0].attack.end = w->p->end;
	}
	c->timeouts.established = 5 * SEC; /* so that the table does not fill with connections */
	c->n_services = c->n_listens = 1;
	c->listen[0] = (struct guard_listen){
		.prefix = ip_addr_v4(htonl(NET)),
		.plen = 120,
		.port_low = 1,
		.port_high = 1024,
	};
}

static void begin(struct world *w)
{
	const struct plan *p = w->p;
	const char *why;

	at(w, w->now, EV_ARRIVE, 0);
	if (p->flood > 0)
		at(w, p->from, EV_FLOOD, !p->ramp);
	if (p->scan)
		at(w, p->from, EV_SCAN, 1);
	if (p->down_to) {
		at(w, p->down_from, EV_SERVER, 0);
		at(w, p->down_to, EV_SERVER, 1);
	}
	if (p->capture) {
		w->n_captured = capture_syns(p->capture, &w->captured, &why);
		at(w, p->from, EV_CAPTURE, 0);
	}
}

static void conclude_run(struct world *w)
{
	struct service_report s;
	struct attack_report r;

	guard_report_service(&w->guard, 0, w->now, &s);
	w->o->attacks = (uint32_t)s.counters.attacks;
	if (guard_report_attack(&w->guard, 0, &r)) {
		w->o->class = r.class;
		w->o->trigger = r.trigger;
		memcpy(w->o->evidence, r.evidence, sizeof(r.evidence));
	}
	say_events(w);
}

void world_run(const struct plan *p, struct outcome *o, bool verbose)
{
	struct guard_limits limits = {.max_flows = 65536, .max_half_open = 65536};
	struct world *w = calloc(1, sizeof(*w));
	size_t size = (guard_arena_size(&limits) + 4095) / 4096 * 4096;
	uint8_t seed[GUARD_SEED_BYTES];
	void *arena = calloc(1, size + 64), *aligned = (void *)(((uintptr_t)arena + 63) & ~63ull);

	memset(o, 0, sizeof(*o));
	if (w)
		w->out = calloc(1, sizeof(*w->out));
	if (w)
		w->conn = calloc(CONNS, sizeof(*w->conn));
	if (!w || !arena || !w->out || !w->conn)
		abort();
	w->p = p;
	w->o = o;
	w->verbose = verbose;
	w->rng.s = p->seed * 0x2545f4914f6cdd1dULL + 12345;
	w->now = SEC;
	for (uint32_t i = 0; i < CONNS; i++)
		w->conn[i].next_free = i + 1 < CONNS ? i + 1 : UINT32_MAX;
	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)rng_u64(&w->rng);
	configure(w);
	guard_init(&w->guard, aligned, &limits, &w->config, w->now, seed);
	begin(w);
	while (w->n_heap && w->heap[0].at < p->length) {
		usec_t due = guard_deadline(&w->guard);

		if (due < w->heap[0].at) {
			w->now = due > w->now ? due : w->now;
			pass_time(w);
			continue;
		}
		w->now = w->heap[0].at;
		step(w, next_event(w));
		if (verbose)
			say_events(w);
	}
	conclude_run(w);
	free(w->heap);
	free(w->conn);
	free(w->out);
	free(w);
	free(arena);
}
