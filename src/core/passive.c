/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calm: client and server shake hands directly, and the guard only watches. What it sees are half-open
 * connections; a completed one becomes a passed flow, untranslated for life.
 */
#include "core/internal.h"

#define RETRANSMITS_MAX 7 /* what the entry's field can count */

static void evicted(struct turn *t, int slot)
{
	struct service *s;

	if (slot < 0)
		return;
	s = turn_service(t, (uint32_t)slot);
	if (s->counters.half_open_evicted++ == 0)
		arena_event(t->a, GUARD_EVENT_HALF_OPEN_FULL, s->name, NULL, 0,
			    t->a->limits.max_half_open, "the oldest entries give way");
}

static uint32_t find_entry(const struct turn *t, const struct pkt *syn)
{
	return half_open_find(t->a, &syn->src, syn->sport, &syn->dst, syn->dport);
}

/* new_entry() - for the client's SYN, in place of entry @old, which may be none. Return: its index. */
static uint32_t new_entry(struct turn *t, uint32_t slot, const struct pkt *syn, uint32_t old)
{
	int lost = -1;
	uint32_t i;

	if (old != HALF_OPEN_NONE)
		half_open_remove(t->a, old);
	i = half_open_add(t->a, slot, syn, turn_tick(t), &lost);
	evicted(t, lost);
	return i;
}

void passive_syn(struct turn *t, uint32_t slot, const struct pkt *in)
{
	uint32_t i = find_entry(t, in);
	struct half_open *h = i == HALF_OPEN_NONE ? NULL : half_open_at(t->a, i);

	turn_accept(t);
	if (h && h->client_isn == in->seq && !h->reset) {
		if (h->retransmits < RETRANSMITS_MAX)
			h->retransmits++;
		turn_service(t, slot)->counters.syn_retransmitted++;
		return;
	}
	i = new_entry(t, slot, in, i); /* the client begins, or begins anew */
	if (turn_allowed(t))
		half_open_exempt(t->a, i);
	else
		service_opened(t, slot, in, i);
}

void passive_ask(struct turn *t, uint32_t slot, const struct pkt *in)
{
	half_open_ask(t->a, new_entry(t, slot, in, find_entry(t, in)));
	turn_accept(t);
}

static void pass_flow(struct turn *t, uint32_t hi, const struct pkt *in)
{
	struct half_open h = *half_open_at(t->a, hi);
	enum flow_dir dir;
	uint32_t old = flow_find(t->a, &in->src, in->sport, &in->dst, in->dport, &dir);
	uint32_t i;
	struct flow *f;

	half_open_remove(t->a, hi);
	turn_service(t, h.service)->counters.passed++;
	service_completed(t, &h);
	react_completed(t, h.service, in);
	if (old != INDEX_NONE)
		track_forget(t, old);
	i = track_new_flow(t, h.service, in);
	if (i == INDEX_NONE)
		return; /* it passes all the same, only unseen */
	f = flow_at(t->a, i);
	f->client_state = f->server_state = TCPS_ESTABLISHED;
	f->open.sent[FROM_CLIENT].snd_una = h.client_isn + 1;
	f->open.sent[FROM_CLIENT].snd_nxt = h.client_isn + 1;
	f->open.sent[FROM_SERVER].snd_una = h.server_isn + 1;
	f->open.sent[FROM_SERVER].snd_nxt = h.server_isn + 1;
	f->bytes_in = in->payload_len;
	track_arm(t, i);
	track_segment(t, i, FROM_CLIENT, in);
}

void passive_client(struct turn *t, uint32_t hi, const struct pkt *in)
{
	struct half_open *h = half_open_at(t->a, hi);

	turn_accept(t);
	if (in->flags & TCP_RST) {
		/* only what the server believes, too: else it keeps what the guard does not count */
		if (in->seq == h->client_isn + 1 && !h->reset && !h->disproved) {
			service_reset(t, hi);
			half_open_reset(t->a, hi);
		}
		return;
	}
	if (t->config->one_way && !h->answered && in->seq == h->client_isn + 1) {
		half_open_answered(t->a, hi); /* it must have been */
		h->server_isn = in->ack - 1;
	}
	if (!(in->flags & TCP_ACK) || !h->answered || in->ack != h->server_isn + 1)
		return;
	if (!seq_between(in->seq, h->client_isn + 1, 65536))
		return;
	pass_flow(t, hi, in);
}

void learn_synack(struct turn *t, uint32_t slot, const struct pkt *in, uint32_t offered)
{
	const struct service *s = turn_service(t, slot);
	bool was_down;
	enum profile_change change = profile_learn(t->a, slot, in, offered, t->now, &was_down);

	if (was_down)
		arena_event(t->a, GUARD_EVENT_SERVER_UP, s->name, &in->src, in->sport, 0, NULL);
	if (change == PROFILE_LEARNED)
		arena_event(t->a, GUARD_EVENT_PROFILE_LEARNED, s->name, &in->src, in->sport, 0,
			    NULL);
	else if (change == PROFILE_CHANGED)
		arena_event(t->a, GUARD_EVENT_PROFILE_CHANGED, s->name, &in->src, in->sport, 0,
			    NULL);
}

void learn_refusal(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);
	struct profile *p = profile_get(t->a, slot, &in->src, in->sport, t->now);

	s->counters.server_refused++;
	p->heard = t->now;
	if (profile_found_down(t->a, p, &in->dst, t->now))
		arena_event(t->a, GUARD_EVENT_SERVER_DOWN, s->name, &in->src, in->sport, 0, NULL);
}

/* answer_to_ask() - the server has answered a SYN whose client was refused long since: it is back. */
static void answer_to_ask(struct turn *t, uint32_t hi, const struct pkt *in)
{
	const struct half_open *h = half_open_at(t->a, hi);

	if (in->flags & TCP_RST) {
		learn_refusal(t, h->service, in);
	} else {
		turn_service(t, h->service)->counters.synack_seen++;
		learn_synack(t, h->service, in, h->offered);
		emit_reset_half_open(t, h);
	}
	half_open_remove(t->a, hi);
	turn_drop(t, GUARD_DROP_CONSUMED);
}

void passive_server(struct turn *t, uint32_t hi, const struct pkt *in)
{
	struct half_open *h = half_open_at(t->a, hi);

	turn_accept(t);
	if (!(in->flags & TCP_ACK) || !half_open_acked(h, in->ack))
		return;
	if (h->asks && (in->flags & (TCP_SYN | TCP_RST))) {
		answer_to_ask(t, hi, in);
		return;
	}
	if (in->flags & TCP_RST) {
		if (!h->answered) /* after a SYN-ACK it only gives up this one */
			learn_refusal(t, h->service, in);
		if (!h->reset)
			service_closed(t, hi);
		half_open_remove(t->a, hi);
		return;
	}
	if (!(in->flags & TCP_SYN))
		return;
	turn_service(t, h->service)->counters.synack_seen++;
	if (h->answered && h->reset && in->seq == h->server_isn) { /* it repeats itself */
		half_open_disproved(t->a, hi);
		service_disproved(t, hi);
	}
	if (!h->answered)
		service_answered(t, hi);
	half_open_answered(t->a, hi);
	h->server_isn = in->seq;
	learn_synack(t, h->service, in, h->offered);
}
