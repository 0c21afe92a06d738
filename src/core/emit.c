/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/internal.h"

void emit(struct turn *t, const struct segment *s)
{
	struct guard_tx *tx;
	int len;

	if (t->out->n_tx >= GUARD_TX_MAX) {
		t->a->drops[GUARD_DROP_TX_FULL]++;
		return;
	}
	tx = &t->out->tx[t->out->n_tx];
	len = segment_build(s, tx->data, sizeof(tx->data));
	if (len < 0) {
		t->a->drops[GUARD_DROP_TX_FULL]++;
		return;
	}
	tx->len = (uint16_t)len;
	tx->n_pieces = 0;
	tx->gso_size = 0;
	tx->family = (uint8_t)ip_addr_family(&s->src);
	t->out->n_tx++;
}

/* emit_for() - emit() for the service of @slot, which counts the resets. */
static void emit_for(struct turn *t, uint32_t slot, const struct segment *s)
{
	if (s->flags & TCP_RST)
		turn_service(t, slot)->counters.resets_sent++;
	emit(t, s);
}

void emit_reset_half_open(struct turn *t, const struct half_open *h)
{
	struct segment rst = {
		.src = h->client,
		.dst = h->server,
		.sport = h->client_port,
		.dport = h->server_port,
		.seq = h->client_isn + 1, /* exactly the server's RCV.NXT, RFC 5961 3.2 */
		.flags = TCP_RST,
	};

	emit_for(t, h->service, &rst);
}

void emit_rst_reply(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct segment s;

	segment_reply(&s, in);
	if (in->flags & TCP_ACK) {
		s.seq = in->ack;
		s.flags = TCP_RST;
	} else {
		s.ack = in->seq + pkt_seg_len(in);
		s.flags = TCP_RST | TCP_ACK;
	}
	emit_for(t, slot, &s);
}

/*
 * scaled_field() - a window in bytes as the field that is read with @shift. Rounds down, also to zero:
 * what is sent beyond the window may be dropped (Linux does since 6.17) and then waits for a
 * retransmission time-out. PROMISE_WSCALE_MAX keeps the units so small that a receiver with less than
 * one left opens its window again, by itself, as soon as its application reads.
 */
static uint16_t scaled_field(uint32_t bytes, unsigned shift)
{
	uint32_t field = bytes >> shift;

	return field > UINT16_MAX ? UINT16_MAX : (uint16_t)field;
}

/* has_timestamps() - RFC 7323 3.2: once they are agreed on every segment has them, a RST included. */
static bool has_timestamps(const struct flow *f)
{
	return (f->flags & FLOW_TIMESTAMPS) && !(f->flags & FLOW_SERVER_NO_TS) &&
	       !flow_is_splicing(f);
}

static void put_timestamps(struct segment *s, uint32_t val, uint32_t ecr)
{
	s->opt.present |= TCP_OPT_TIMESTAMPS;
	s->opt.ts_val = val;
	s->opt.ts_ecr = ecr;
}

/*
 * What a side is told as acknowledged is what the other side has acknowledged itself, never what has
 * only passed: it may be lost on the way.
 */
uint16_t emit_client_field(const struct flow *f, uint32_t window)
{
	return scaled_field(window, f->flags & FLOW_CLIENT_WSCALE ? f->promised_wscale : 0);
}

uint16_t emit_server_field(const struct flow *f, uint32_t window)
{
	bool scaled = (f->flags & FLOW_CLIENT_WSCALE) && !(f->flags & FLOW_SERVER_NO_WSCALE);

	return scaled_field(window, scaled ? f->client_wscale : 0);
}

void emit_to_client(struct turn *t, const struct flow *f, uint16_t flags)
{
	struct segment s = {
		.src = f->server,
		.dst = f->client,
		.sport = f->server_port,
		.dport = f->client_port,
		.flags = flags,
	};

	if (flow_is_splicing(f)) {
		s.seq = flow_cookie_isn(f) + 1;
		s.ack = f->splicing.client_isn + 1;
	} else if (flags & TCP_RST) {
		/* RFC 5961 3: only the exact RCV.NXT resets; that is what the client has acknowledged */
		s.seq = f->open.sent[FROM_SERVER].snd_una + f->seq_delta;
		s.ack = f->open.sent[FROM_CLIENT].snd_una;
	} else {
		s.seq = f->open.sent[FROM_SERVER].snd_nxt + f->seq_delta;
		s.ack = f->open.sent[FROM_CLIENT].snd_una;
		s.window = emit_client_field(f, flow_window(f, FROM_SERVER));
	}
	if (has_timestamps(f))
		put_timestamps(&s, f->open.ts_server + f->ts_delta, f->ts_recent);
	emit_for(t, f->service, &s);
}

void emit_to_server(struct turn *t, const struct flow *f, uint16_t flags)
{
	struct segment s = {
		.src = f->client,
		.dst = f->server,
		.sport = f->client_port,
		.dport = f->server_port,
		.flags = flags,
	};

	if (flow_is_splicing(f)) {
		s.seq = f->splicing.client_isn + 1;
		s.flags &= (uint16_t)~TCP_ACK;
	} else if (flags & TCP_RST) {
		s.seq = f->open.sent[FROM_CLIENT].snd_una;
		s.ack = f->open.sent[FROM_SERVER].snd_una;
	} else {
		s.seq = f->open.sent[FROM_CLIENT].snd_nxt;
		s.ack = f->open.sent[FROM_SERVER].snd_una;
		s.window = emit_server_field(f, flow_window(f, FROM_CLIENT));
	}
	if (has_timestamps(f))
		put_timestamps(&s, f->ts_recent, f->open.ts_server);
	emit_for(t, f->service, &s);
}

void emit_reset_both(struct turn *t, const struct flow *f)
{
	emit_to_client(t, f, TCP_RST | TCP_ACK);
	emit_to_server(t, f, TCP_RST | TCP_ACK);
}
