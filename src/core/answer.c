/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYN cookies: answering in the server's name without keeping anything, and recognising the answer.
 *
 * The SYN-ACK announces a window of zero, so that the client holds its data back until the server has
 * answered and a window update of the guard says so: nothing is lost and nothing need be buffered. Unless
 * the terminate engine will take the connection: it keeps data.
 *
 * DEVIATION: toward a client the initial sequence number is the cookie, not a clock (RFC 9293 3.4.1); and a
 * SYN-ACK is not sent again, since nobody knows of it: the client repeats its SYN (RFC 4987 3.6).
 */
#include "core/internal.h"

#define DEFAULT_MSS_V4 536 /* RFC 9293 3.7.1 */
#define DEFAULT_MSS_V6 1220

static void offered_options(const struct pkt *syn, const struct promise *promise,
			    struct cookie_options *o)
{
	uint16_t has = syn->opt.present;
	uint16_t ecn = TCP_ECE | TCP_CWR;

	o->mss = has & TCP_OPT_MSS  ? syn->opt.mss
		 : syn->family == 4 ? DEFAULT_MSS_V4
				    : DEFAULT_MSS_V6;
	o->wscale = (has & TCP_OPT_WSCALE) && promise->wscale != PROMISE_NO_WSCALE
			    ? syn->opt.wscale
			    : COOKIE_NO_WSCALE;
	o->sack = (has & TCP_OPT_SACK_PERMITTED) && promise->sack;
	o->timestamps = (has & TCP_OPT_TIMESTAMPS) && promise->timestamps;
	/* RFC 3168 6.1.1: both bits ask for ECN; a cookie without timestamps cannot remember it */
	o->ecn = (syn->flags & ecn) == ecn && promise->ecn && o->timestamps;
}

static void cookie_flow_of(struct cookie_flow *f, const struct pkt *in, uint32_t client_isn)
{
	if (in->family == 4)
		cookie_flow_v4(f, in->src.w[3], in->dst.w[3], in->sport, in->dport, client_isn);
	else
		cookie_flow_v6(f, in->src.w, in->dst.w, in->sport, in->dport, client_isn);
}

/* terminates() - do connections of this service go to the terminate engine? */
static bool terminates(const struct turn *t, uint32_t slot)
{
	return turn_service(t, slot)->engine == GUARD_ENGINE_TERMINATE;
}

/*
 * own_promise() - what the terminate engine promises: its own options, and of the server's only the MSS, so
 * that what the client sends need not be cut smaller.
 */
static uint32_t own_promise(uint32_t of_server)
{
	struct promise p;

	promise_unpack(of_server, &p);
	p.wscale = TERMINATE_WSCALE;
	p.sack = p.timestamps = p.ecn = true;
	return promise_pack(&p);
}

static uint32_t promise_for(struct turn *t, uint32_t slot, const struct pkt *in)
{
	uint32_t bits = profile_promise(t->a, slot, &in->dst, in->dport);

	return terminates(t, slot) ? own_promise(bits) : bits;
}

struct candidate {
	uint32_t bits;
	bool own; /* the terminate engine's */
};

/*
 * candidates() - the promises that the cookie in @in may have been given with. For the life of a cookie
 * after the engine was changed also those of the other one.
 */
static unsigned candidates(struct turn *t, uint32_t slot, const struct pkt *in,
			   struct candidate c[PROMISES_MAX + 1])
{
	const struct service *s = turn_service(t, slot);
	bool both = s->engine_since && t->now - s->engine_since <= 2 * t->a->keys.rotate;
	uint32_t bits[PROMISES_MAX];
	unsigned n = 0, k;

	k = profile_promises(t->a, slot, &in->dst, in->dport, t->now, bits);
	if (terminates(t, slot))
		c[n++] = (struct candidate){own_promise(bits[0]), true};
	for (unsigned i = 0; i < k && (both || !terminates(t, slot)); i++)
		c[n++] = (struct candidate){bits[i], false};
	if (both && !terminates(t, slot))
		c[n++] = (struct candidate){own_promise(bits[0]), true};
	return n;
}

/* send_synack() - @own: the promise is the terminate engine's. */
static void send_synack(struct turn *t, bool own, const struct pkt *syn,
			const struct promise *promise, const struct cookie_options *o,
			const struct cookie *c)
{
	struct segment s;

	segment_reply(&s, syn);
	s.window = own ? terminate_syn_window(o) : 0;
	if (own)
		terminal_expect(t->a, syn);
	s.seq = c->isn;
	s.ack = syn->seq + 1; /* not the data of a SYN, RFC 7413 4.2.2 */
	s.flags = TCP_SYN | TCP_ACK | (o->ecn ? TCP_ECE : 0);
	s.opt.present = TCP_OPT_MSS;
	s.opt.mss = promise->mss;
	if (o->wscale != COOKIE_NO_WSCALE) {
		s.opt.present |= TCP_OPT_WSCALE;
		s.opt.wscale = promise_wscale(promise);
	}
	if (o->sack)
		s.opt.present |= TCP_OPT_SACK_PERMITTED;
	if (o->timestamps) {
		s.opt.present |= TCP_OPT_TIMESTAMPS;
		s.opt.ts_val = c->tsval;
		s.opt.ts_ecr = syn->opt.ts_val;
	}
	emit(t, &s);
}

static void refuse(struct turn *t, uint32_t slot, const struct pkt *in)
{
	emit_rst_reply(t, slot, in);
	turn_service(t, slot)->counters.refused++;
}

/*
 * refused() - the server is known to be down: say so at once. One SYN a second goes to ask it again. The
 * answer to that is the client's, unless the server gives none: then nobody waits for it.
 */
static bool refused(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);
	struct profile *p = profile_find(t->a, &in->dst, in->dport);
	bool silent;

	if (!p || !profile_is_down(t->a, p, &in->src) || s->config == UINT16_MAX ||
	    !t->config->service[s->config].refuse_when_down)
		return false;
	if (terminates(t, slot) && profile_may_prove(p, t->now))
		return false;
	if (profile_may_ask(t->a, p, &in->src, t->now, &silent)) {
		if (silent) {
			passive_ask(t, slot, in);
			refuse(t, slot, in);
		} else {
			passive_syn(t, slot, in);
		}
	} else if (!react_withholds(t, slot, in)) {
		refuse(t, slot, in);
		turn_drop(t, GUARD_DROP_SERVER_DOWN);
	}
	return true;
}

/*
 * half_open_goes_on() - a SYN that repeats one that had gone to the server itself, before the attack or
 * to ask whether the server is up again. If the server has answered it, or may yet, it goes on directly;
 * if it has not, its backlog was full.
 */
static bool half_open_goes_on(struct turn *t, uint32_t slot, const struct pkt *in)
{
	uint32_t i = half_open_find(t->a, &in->src, in->sport, &in->dst, in->dport);
	const struct profile *p = profile_find(t->a, &in->dst, in->dport);

	if (i == HALF_OPEN_NONE)
		return false;
	if (half_open_at(t->a, i)->client_isn == in->seq && !half_open_at(t->a, i)->reset &&
	    (half_open_at(t->a, i)->answered || (p && p->down))) {
		passive_syn(t, slot, in);
		return true;
	}
	half_open_remove(t->a, i);
	return false;
}

void answer_syn(struct turn *t, uint32_t slot, struct pkt *in)
{
	struct service *s = turn_service(t, slot);
	struct key_ring *keys = &t->a->keys;
	unsigned parity = keys->epoch & 1;
	struct cookie_options options;
	struct cookie_flow flow;
	struct promise promise;
	struct cookie cookie;
	uint32_t bits;

	if (in->opt.present & (TCP_OPT_MALFORMED | TCP_OPT_MD5 | TCP_OPT_AO)) {
		/* signed segments cannot be answered by anybody but the server (RFC 5925) */
		turn_drop(t, GUARD_DROP_BAD_OPTIONS);
		service_opened(t, slot, in, HALF_OPEN_NONE); /* a flood of them is one */
		return;
	}
	if (half_open_goes_on(t, slot, in) || refused(t, slot, in))
		return;
	if (react_withholds(t, slot, in)) {
		service_opened(t, slot, in, HALF_OPEN_NONE);
		return;
	}
	bits = promise_for(t, slot, in);
	promise_unpack(bits, &promise);
	offered_options(in, &promise, &options);
	cookie_flow_of(&flow, in, in->seq);
	cookie_make(&keys->key[parity], parity, &flow, bits & PROMISE_AUTHENTICATED, &options,
		    &cookie);
	send_synack(t, terminates(t, slot), in, &promise, &options, &cookie);
	keys->in_flight[parity]++;
	s->counters.synack_sent++;
	s->counters.cookies_sent++;
	turn_drop(t, GUARD_DROP_ANSWERED);
	service_opened(t, slot, in, HALF_OPEN_NONE);
}

/* check_isn() - is it a cookie for a SYN with sequence number @client_isn? */
static bool check_isn(struct turn *t, uint32_t slot, const struct pkt *in, uint32_t client_isn,
		      struct splice_offer *offer)
{
	unsigned timestamps = in->opt.present & TCP_OPT_TIMESTAMPS ? 1 : 0;
	struct cookie c = {.isn = in->ack - 1, .tsval = in->opt.ts_ecr};
	struct candidate promises[PROMISES_MAX + 1];
	const struct siphash_key *key;
	struct cookie_flow flow;
	unsigned parity, n;

	if (!timestamps)
		c.tsval = 0;
	parity = cookie_parity(&c, timestamps);
	if (t->a->keys.in_flight[parity] == 0)
		return false;
	key = &t->a->keys.key[parity];
	cookie_flow_of(&flow, in, client_isn);
	n = candidates(t, slot, in, promises);
	for (unsigned i = 0; i < n; i++) {
		if (!cookie_check(key, &flow, promises[i].bits & PROMISE_AUTHENTICATED, &c,
				  timestamps, &offer->client))
			continue;
		promise_unpack(promises[i].bits, &offer->promised);
		offer->terminate = promises[i].own;
		offer->client_isn = client_isn;
		offer->cookie = c;
		return true;
	}
	return false;
}

/*
 * redeemed() - one cookie less in flight. A cookie may come back twice, so the last one stays counted
 * until its key is gone: the gate must not close while a real one is out there.
 */
static void redeemed(struct key_ring *keys, unsigned parity)
{
	if (keys->in_flight[parity] > 1)
		keys->in_flight[parity]--;
}

enum ack_kind {
	ACK_UNKNOWN,
	ACK_BRINGS_COOKIE,
	ACK_PROBES,
};

/*
 * recognise() - the third segment of the handshake or the first data carry ISN + 1. Should that ACK have
 * been lost, a client with data probes the zero window: Linux with a sequence number one below. That is
 * a second try for a forger, too, which a cookie without timestamps has no bit to spare for: such a
 * probe opens nothing, it only shows that somebody may be waiting.
 */
static enum ack_kind recognise(struct turn *t, uint32_t slot, const struct pkt *in,
			       struct splice_offer *offer)
{
	if (check_isn(t, slot, in, in->seq - 1, offer))
		return ACK_BRINGS_COOKIE;
	if (in->payload_len > 1 || !check_isn(t, slot, in, in->seq, offer))
		return ACK_UNKNOWN;
	return offer->client.timestamps ? ACK_BRINGS_COOKIE : ACK_PROBES;
}

/*
 * repeat_synack() - the same SYN-ACK once more, without keeping anything: a client that has long seen it
 * acknowledges it again (RFC 9293 3.10.7.4, RFC 5961 4.2), and this ACK carries ISN + 1. Left alone, the
 * probe would reach the server, who knows of no such connection and resets it.
 */
static void repeat_synack(struct turn *t, uint32_t slot, struct pkt *in,
			  const struct splice_offer *offer)
{
	if (!turn_checksum_good(t, in))
		return;
	send_synack(t, offer->terminate, in, &offer->promised, &offer->client, &offer->cookie);
	turn_service(t, slot)->counters.synack_sent++;
	turn_drop(t, GUARD_DROP_CONSUMED);
}

bool answer_ack(struct turn *t, uint32_t slot, struct pkt *in, uint32_t old)
{
	struct service *s = turn_service(t, slot);
	struct splice_offer offer;
	bool terminate;

	if (!key_ring_in_flight(&t->a->keys) || (in->flags & (TCP_SYN | TCP_RST)) ||
	    !(in->flags & TCP_ACK))
		return false;
	switch (recognise(t, slot, in, &offer)) {
	case ACK_UNKNOWN:
		if (old == INDEX_NONE)
			s->counters.cookies_invalid++;
		return false;
	case ACK_PROBES:
		repeat_synack(t, slot, in, &offer);
		return true;
	case ACK_BRINGS_COOKIE:
		break;
	}
	if (!turn_checksum_good(t, in))
		return true;
	terminate = offer.terminate || terminates(t, slot);
	if (terminate && !pkt_is_complete(in)) {
		turn_want_full(t); /* its data are kept */
		return true;
	}
	redeemed(&t->a->keys, cookie_parity(&offer.cookie, offer.client.timestamps));
	s->counters.cookies_valid++;
	if (old != INDEX_NONE)
		track_forget(t, old);
	service_redeemed(t, slot, in);
	react_completed(t, slot, in);
	if (terminate)
		terminate_begin(t, slot, in, &offer);
	else
		splice_begin(t, slot, in, &offer);
	return true;
}
