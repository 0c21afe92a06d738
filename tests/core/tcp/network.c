/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links that lose, double, delay, reorder, damage and shorten; and what an observer on them checks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/seq.h"
#include "pieces.h"
#include "wire/text.h"
#include "world.h"

#define PACKET_MAX 2048

struct packet {
	usec_t at;
	uint64_t serial;
	uint8_t to;
	bool too_big; /* an ICMP error about what @to has sent */
	bool ce;
	uint16_t mtu;
	uint32_t quoted_seq;
	uint32_t len;
	uint8_t data[PACKET_MAX];
};

/* ---- queue by time ---- */

static bool before(const struct packet *a, const struct packet *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

static void heap_add(struct world *w, struct packet *p)
{
	uint32_t i = w->n_heap++;

	if (w->n_heap > ARRAY_SIZE(w->heap))
		abort();
	p->serial = w->serial++;
	for (; i > 0 && before(p, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = p;
}

static struct packet *heap_take(struct world *w)
{
	struct packet *first = w->heap[0], *last = w->heap[--w->n_heap];
	uint32_t i = 0;

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= w->n_heap)
			break;
		if (child + 1 < w->n_heap && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

bool network_next(const struct world *w, usec_t *at)
{
	if (w->n_heap == 0)
		return false;
	*at = w->heap[0]->at;
	return true;
}

void network_clear(struct world *w)
{
	while (w->n_heap > 0)
		free(heap_take(w));
}

/* ---- sending ---- */

unsigned network_peer(const struct world *w, unsigned end)
{
	if (w->plan.piped)
		return end ^ 2;
	return end ^ 1;
}

/* observe_sending() - nobody goes beyond what he was granted, or takes back what he has granted. */
static void observe_sending(struct world *w, unsigned from, const struct tcp_segment *s)
{
	struct end *e = &w->end[from];
	uint32_t end = s->seq + s->len + !!(s->flags & TCP_FIN);
	uint32_t len = s->len + !!(s->flags & TCP_FIN);
	uint32_t adv = s->ack + s->window;

	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_SYN) {
		e->own_scales = s->opt.present & TCP_OPT_WSCALE;
		e->own_scale = s->opt.wscale;
	} else {
		adv = s->ack +
		      ((uint32_t)s->window << (e->own_scales && e->peer_scales ? e->own_scale : 0));
		if (e->edge_known && seq_gt(end, e->edge) && len > 1)
			world_fail(w, "end %u sends to %u, granted is %u", from, end, e->edge);
	}
	if (!(s->flags & TCP_ACK))
		return;
	if (e->adv_known && seq_lt(adv, e->adv) && e->tcb->state != TCPS_TIME_WAIT)
		world_fail(w, "end %u takes back %u of its window", from, e->adv - adv);
	e->adv = e->adv_known ? seq_max(e->adv, adv) : adv;
	e->adv_known = true;
}

static void hash_bytes(struct world *w, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		w->hash = (w->hash ^ data[i]) * 0x100000001b3u;
}

static void launch(struct world *w, unsigned from, struct packet *p)
{
	struct end *e = &w->end[from];
	const struct link_plan *l = &e->link;
	usec_t at = w->now;

	if (l->bits_per_second) {
		usec_t wire = (usec_t)p->len * 8 * USEC_PER_SEC / l->bits_per_second;

		if (e->wire_free < w->now)
			e->wire_free = w->now;
		if ((e->wire_free - w->now) * l->bits_per_second / 8 / USEC_PER_SEC > l->queue) {
			w->dropped++;
			free(p);
			return;
		}
		e->wire_free += wire;
		at = e->wire_free;
	}
	p->at = at + l->delay + rng_below(&w->rng, l->jitter + 1);
	if (rng_chance(&w->rng, l->reorder_ppm))
		p->at += rng_below(&w->rng, 3 * l->delay + 1);
	heap_add(w, p);
}

static void send_packet(struct world *w, unsigned from, const struct packet *p)
{
	const struct link_plan *l = &w->end[from].link;
	unsigned copies = rng_chance(&w->rng, l->dup_ppm) ? 2 : 1;

	for (unsigned i = 0; i < copies; i++) {
		struct packet *copy;

		if (rng_chance(&w->rng, l->loss_ppm)) {
			w->dropped++;
			continue;
		}
		copy = malloc(sizeof(*copy));
		memcpy(copy, p, offsetof(struct packet, data) + p->len);
		if (rng_chance(&w->rng, l->corrupt_ppm))
			copy->data[rng_below(&w->rng, copy->len)] ^=
				(uint8_t)(1 << rng_below(&w->rng, 8));
		copy->ce = rng_chance(&w->rng, l->ce_ppm);
		launch(w, from, copy);
	}
}

/* report_mtu() - the router tells the sender. */
static void report_mtu(struct world *w, unsigned from, uint32_t seq, uint16_t mtu)
{
	struct packet *p = calloc(1, sizeof(*p));

	p->at = w->now + w->end[from].link.delay;
	p->to = (uint8_t)from;
	p->too_big = true;
	p->mtu = mtu;
	p->quoted_seq = seq;
	heap_add(w, p);
}

static void send_piece(struct world *w, unsigned from, const struct tcp_segment *s)
{
	static const uint32_t addresses[2] = {0xc0000201, 0xc6336401};
	struct link_plan *l = &w->end[from].link;
	struct packet p = {.to = (uint8_t)network_peer(w, from)};
	bool left = from == 0 || from == 3;
	struct segment out = {
		.src = ip_addr_v4(htonl(addresses[!left])),
		.dst = ip_addr_v4(htonl(addresses[left])),
		.sport = 1024,
		.dport = 1024,
		.seq = s->seq,
		.ack = s->ack,
		.flags = s->flags,
		.window = s->window,
		.urgent = s->urgent,
		.opt = s->opt,
		.payload = s->data,
		.payload_len = s->len,
	};
	int len = segment_build(&out, p.data, sizeof(p.data));

	if (len < 0) {
		world_fail(w, "end %u: a segment of %u bytes cannot be built", from, s->len);
		return;
	}
	p.len = (uint32_t)len;
	w->packets++;
	hash_bytes(w, p.data, p.len);
	if (w->now >= l->mtu_changes)
		l->mtu = l->later_mtu;
	if (p.len > l->mtu) {
		w->dropped++;
		report_mtu(w, from, s->seq, l->mtu);
		return;
	}
	send_packet(w, from, &p);
}

static void trace(const struct world *w, unsigned from, const struct tcp_segment *s)
{
	char flags[64];

	if (!w->plan.verbose)
		return;
	tcp_flags_format(s->flags, flags, sizeof(flags));
	printf("%10.3f %u %-11s [%s] seq %u ack %u win %u len %u cwnd %u", (double)w->now / 1e6,
	       from, tcp_state_name(w->end[from].tcb->state), flags, s->seq, s->ack, s->window,
	       s->len, w->end[from].tcb->cwnd);
	for (unsigned i = 0; i < s->opt.n_sack; i++)
		printf(" %u-%u", s->opt.sack[i].left, s->opt.sack[i].right);
	printf("\n");
}

void network_send(struct world *w, unsigned from, const struct tcp_segment *s)
{
	struct tcp_io io = world_io(w, from);
	struct tcp_segment piece;
	struct pieces pieces;

	observe_sending(w, from, s);
	trace(w, from, s);
	w->end[from].sent++;
	w->end[from].sent_bytes += s->len;
	pieces_begin(&pieces, &io, s);
	while (pieces_next(&pieces, &piece))
		send_piece(w, from, &piece);
}

/* ---- receiving ---- */

static void observe_delivery(struct world *w, unsigned to, const struct tcp_segment *s)
{
	struct end *e = &w->end[to];
	uint32_t edge = s->ack + s->window;

	if (s->flags & TCP_RST)
		return;
	if (s->flags & TCP_SYN) {
		e->peer_scales = s->opt.present & TCP_OPT_WSCALE;
		e->peer_scale = s->opt.wscale;
	} else if (e->own_scales && e->peer_scales) {
		edge = s->ack + ((uint32_t)s->window << e->peer_scale);
	}
	if (!(s->flags & TCP_ACK))
		return;
	if (!e->edge_known || seq_gt(edge, e->edge))
		e->edge = edge;
	e->edge_known = true;
}

void network_deliver(struct world *w)
{
	struct packet *p = heap_take(w);
	struct tcp_segment s;
	struct pkt pkt;

	w->now = p->at;
	if (p->too_big) {
		struct tcp_io io = world_io(w, p->to);

		tcp_path_mtu(w->end[p->to].tcb, &io, p->quoted_seq, p->mtu);
	} else if (pkt_parse(&pkt, p->data, p->len, p->len, PKT_CSUM_UNVERIFIED) == 0 &&
		   pkt.kind == PKT_TCP && pkt.sport == 1024 && pkt_checksum_ok(&pkt)) {
		tcp_segment_of(&s, &pkt);
		s.ce = p->ce;
		observe_delivery(w, p->to, &s);
		world_input(w, p->to, &s);
	}
	free(p);
}
