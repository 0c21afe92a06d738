/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server behind the guard: its backlog, and what it answers. */
#include "world.h"

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

void server_forgets(struct world *w, uint32_t addr, uint32_t port)
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
		w->ring_repeated -= w->ring_repeated > 0;
	}
}

/* server_takes() - a SYN; is there room for it, or is it known? */
static bool server_takes(struct world *w, uint32_t addr, uint32_t port, uint32_t isn)
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
	w->ring[i].isn = isn;
	w->ring[i].since = w->now;
	return true;
}

static struct pkt synack(uint32_t addr, uint16_t port, uint32_t dst, uint16_t dport, uint32_t isn)
{
	struct pkt s = packet(dst, dport, addr, port, TCP_SYN | TCP_ACK);

	s.seq = 0x40000000 ^ isn * 77;
	s.ack = isn + 1;
	return s;
}

void server_repeats(struct world *w)
{
	while (w->ring_repeated < w->ring_n) {
		uint32_t i = (w->ring_head + w->ring_repeated) % RING;
		struct held *h = held_find(w, w->ring[i].addr, w->ring[i].port);
		struct pkt s;

		if (w->now - w->ring[i].since < REPEATS)
			return;
		w->ring_repeated++;
		if (!h || h->since != w->ring[i].since)
			continue;
		s = synack(w->ring[i].addr, (uint16_t)w->ring[i].port, SERVER, PORT,
			   w->ring[i].isn);
		with_options(&s, 901000, 1);
		offer(w, &s);
	}
}

bool server_answers(struct world *w, uint32_t addr, uint16_t port, uint32_t dst, uint16_t dport,
		    uint32_t isn)
{
	bool exists = dst == SERVER || (dst & 3) == 0, open = dport == PORT;
	struct pkt s = synack(addr, port, dst, dport, isn);

	if (!exists || (w->down && !w->p->refuses))
		return false;
	if (!open || w->down) {
		s.flags = TCP_RST | TCP_ACK;
		s.seq = 0;
		offer(w, &s);
		return false;
	}
	if (dst == SERVER && !server_takes(w, addr, port, isn))
		return false;
	with_options(&s, 900000, 1);
	offer(w, &s);
	return true;
}

/* on_splice() - the guard's own SYN is at the server. */
void on_splice(struct world *w, uint32_t isn)
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

/* on_server() - @up: it is there again, and those it has lost come back. */
void on_server(struct world *w, uint32_t up)
{
	w->down = !up;
	if (!up) {
		memset(w->held, 0, sizeof(w->held));
		w->n_held = w->ring_n = w->ring_repeated = 0;
		return;
	}
	for (uint32_t i = 0; i < w->p->herd; i++)
		at(w, w->now + (usec_t)(1e6 * rng_unit(&w->rng)), EV_CONNECT, 0);
}
