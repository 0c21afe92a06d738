/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors quote the packet they are about. Of a translated flow that is a packet as one side knows
 * it, and the error travels to the other side: what it quotes must be translated, or path-MTU discovery
 * breaks at the guard.
 */
#include "core/internal.h"
#include "wire/rewrite.h"

void icmp_input(struct turn *t, struct pkt *in)
{
	const struct pkt_quote *q = &in->quote;
	uint32_t seq = q->seq;
	enum flow_dir dir;
	uint32_t i = flow_find(t->a, &q->src, q->sport, &q->dst, q->dport, &dir);
	const struct flow *f;
	int failed;

	if (i == INDEX_NONE) {
		t->out->verdict = GUARD_NOT_MINE;
		return;
	}
	f = flow_at(t->a, i);
	turn_accept(t);
	if (!(f->flags & FLOW_TRANSLATED))
		return;
	if (flow_is_terminated(f)) {
		if (turn_checksum_good(t, in)) /* its way ends here */
			terminate_icmp(t, i, dir, in);
		return;
	}
	if (flow_is_splicing(f)) {
		/* about our SYN-ACK: the server knows nothing of it; about our SYN: the client may know */
		if (dir == FROM_SERVER)
			turn_drop(t, GUARD_DROP_CONSUMED);
		return;
	}
	if (dir == FROM_SERVER)
		seq -= f->seq_delta;
	/* RFC 5927 4.1: only about something that is still under way */
	if (!seq_between(seq, f->open.sent[dir].snd_una,
			 f->open.sent[dir].snd_nxt - f->open.sent[dir].snd_una + 1)) {
		turn_drop(t, GUARD_DROP_OUT_OF_WINDOW);
		return;
	}
	if (!pkt_is_complete(in)) {
		turn_want_full(t);
		return;
	}
	if (dir == FROM_SERVER)
		failed = pkt_rewrite_quote_seq(in, 0 - f->seq_delta, 0);
	else
		failed = pkt_rewrite_quote_seq(in, 0, f->seq_delta);
	if (failed) {
		turn_drop(t, GUARD_DROP_MALFORMED);
		return;
	}
	turn_service(t, f->service)->counters.icmp_translated++;
	t->out->verdict = GUARD_REPLACE;
}
