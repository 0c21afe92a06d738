/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The relay engine: established flows, translated by a constant per direction.
 *
 *              client's side                    server's side
 *   c -> s     SEQ                              SEQ
 *              ACK, SACK edges                  - seq_delta
 *              TSecr                            - ts_delta
 *   s -> c     SEQ + seq_delta                  SEQ
 *              TSval + ts_delta                 TSval
 *   windows    rescaled where the server's shift is not the promised one
 */
#include "core/internal.h"
#include "wire/rewrite.h"

bool relay_is_reused(const struct flow *f, const struct pkt *syn)
{
	uint16_t both = FLOW_CLIENT_FIN | FLOW_SERVER_FIN;

	if (flow_is_splicing(f))
		return syn->seq != f->splicing.client_isn;
	if (!flow_is_over(f) && (f->flags & both) != both)
		return false;
	if (!(f->flags & FLOW_TRANSLATED) || (f->flags & FLOW_RESET))
		return true;
	/* the client closed first: toward it the guard is CLOSED, not in TIME-WAIT, as a server would be */
	if (f->client_state == TCPS_CLOSED)
		return true;
	/* DEVIATION from RFC 6191 2: a newer number is enough. Some begin each connection at another time. */
	if ((f->flags & FLOW_TIMESTAMPS) && (syn->opt.present & TCP_OPT_TIMESTAMPS) &&
	    seq_gt(syn->opt.ts_val, f->ts_recent))
		return true;
	return seq_gt(syn->seq, f->open.sent[FROM_CLIENT].snd_nxt);
}

static void translate_from_client(const struct flow *f, const struct pkt *in,
				  struct tcp_rewrite *rw)
{
	if (in->flags & TCP_ACK)
		rw->ack_add = 0 - f->seq_delta;
	if (f->flags & FLOW_SERVER_NO_TS)
		rw->blank_ts = true;
	else
		rw->tsecr_add = 0 - f->ts_delta;
	if (f->flags & FLOW_SERVER_NO_SACK)
		rw->blank_sack = true;
	if ((f->flags & FLOW_SERVER_NO_WSCALE) && !(in->flags & TCP_SYN)) {
		rw->set_window = true;
		rw->window = emit_server_field(f, (uint32_t)in->window << f->client_wscale);
	}
}

static void translate_from_server(const struct flow *f, const struct pkt *in,
				  struct tcp_rewrite *rw)
{
	rw->seq_add = f->seq_delta;
	rw->tsval_add = f->ts_delta;
	if ((f->flags & FLOW_CLIENT_WSCALE) && f->server_wscale != f->promised_wscale) {
		rw->set_window = true;
		rw->window = emit_client_field(f, (uint32_t)in->window << f->server_wscale);
	}
}

static void relay_spliced(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	struct tcp_rewrite rw = {0};

	if (!pkt_is_complete(in)) {
		turn_want_full(t);
		return;
	}
	if (!turn_checksum_good(t, in)) /* what it says of the connection must not be believed */
		return;
	if (dir == FROM_SERVER && (in->flags & TCP_SYN)) {
		/* a SYN-ACK once more: the guard's ACK of it was lost, and only the guard can repeat it */
		if (!flow_is_over(f))
			emit_to_server(t, f, TCP_ACK);
		turn_drop(t, GUARD_DROP_CONSUMED);
		return;
	}
	if (!(in->flags & (TCP_ACK | TCP_RST | TCP_SYN))) {
		turn_drop(t, GUARD_DROP_BAD_FLAGS);
		return;
	}
	if (dir == FROM_CLIENT)
		translate_from_client(f, in, &rw);
	else
		translate_from_server(f, in, &rw);
	if (!(in->flags & TCP_SYN))
		f->flags &= (uint16_t)~FLOW_TELL_WINDOW;
	if (track_segment(t, i, dir, in) == TRACK_OUT_OF_WINDOW && (in->flags & TCP_RST)) {
		turn_drop(t, GUARD_DROP_OUT_OF_WINDOW);
		return;
	}
	if (pkt_rewrite_tcp(in, &rw) < 0)
		turn_drop(t, GUARD_DROP_MALFORMED);
	else
		t->out->verdict = GUARD_REPLACE;
}

void relay_input(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	if (f->flags & FLOW_TRANSLATED) {
		relay_spliced(t, i, dir, in);
	} else {
		turn_accept(t);
		track_segment(t, i, dir, in);
	}
	if (t->out->verdict == GUARD_WANT_FULL || t->out->verdict == GUARD_DROP)
		return;
	if (dir == FROM_CLIENT)
		f->bytes_in += in->payload_len;
	else
		f->bytes_out += in->payload_len;
}
