/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a terminated connection begins: the client's end from its cookie, then the call to the server. */
#include "core/terminate.h"

#define SAY_AGAIN (10 * USEC_PER_SEC)

static uint32_t ms_of(usec_t t)
{
	return (uint32_t)(t / USEC_PER_MSEC);
}

void terminate_configure(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	const struct guard_service_config *sc = &t->config->service[s->config];
	struct tcp_config *c = &s->tcp;

	if (s->engine != sc->engine && s->mode != GUARD_MODE_COUNT)
		s->engine_since = t->now;
	s->engine = (uint8_t)sc->engine;
	tcp_config_default(c);
	/* DEVIATION: RFC 9293 3.8.3 has three minutes, but a client is waiting. */
	c->syn_timeout_ms = ms_of(t->config->timeouts.syn_sent);
	c->msl_ms = ms_of(t->config->msl);
	c->user_timeout_ms = ms_of(sc->user_timeout);
	c->stall_ms = ms_of(sc->stall_timeout);
	c->keepalive_idle_ms = ms_of(sc->keepalive.idle);
	c->keepalive_interval_ms = ms_of(sc->keepalive.interval);
	c->keepalive_probes = sc->keepalive.probes;
}

static uint16_t syn_window(bool wscale)
{
	return wscale ? TERMINATE_SYN_WINDOW : UINT16_MAX;
}

uint16_t terminate_syn_window(const struct cookie_options *o)
{
	return syn_window(o->wscale != COOKIE_NO_WSCALE);
}

/* clock_of() - of a client without timestamps: they go on from one of its connections to the next. */
static uint32_t clock_of(const struct turn *t, const struct flow *f)
{
	return (uint32_t)(t->now / USEC_PER_MSEC) +
	       (uint32_t)arena_hash(t->a, &f->client, 0, &f->server, 0);
}

static void full(struct turn *t, uint32_t slot)
{
	struct terminals *all = &t->a->terminals;

	if (all->full_said && t->now - all->full_said < SAY_AGAIN)
		return;
	all->full_said = t->now;
	arena_event(t->a, GUARD_EVENT_TERMINATED_FULL, turn_service(t, slot)->name, NULL, 0,
		    t->a->limits.max_terminated, "new ones are reset");
}

static void accept_client(struct turn *t, struct work *w, const struct pkt *in,
			  const struct splice_offer *o)
{
	bool wscale = o->client.wscale != COOKIE_NO_WSCALE;
	struct tcp_agreed agreed = {
		.iss = o->cookie.isn,
		.irs = o->client_isn,
		.snd_wnd = (uint32_t)in->window << (wscale ? o->client.wscale : 0),
		.rcv_wnd = o->terminate ? syn_window(wscale) : 0,
		.ts_val = o->cookie.tsval,
		.ts_recent = in->opt.ts_val,
		.mss = o->client.mss,
		.rcv_mss = o->promised.mss,
		.snd_wscale = wscale ? o->client.wscale : 0,
		.rcv_wscale = wscale ? promise_wscale(&o->promised) : 0,
		.wscale = wscale,
		.sack = o->client.sack,
		.timestamps = o->client.timestamps,
		.ecn = o->client.ecn,
		.v6 = in->family == 6,
	};
	struct tcp_io side = tcp_pipe_side(&w->pipe, &w->io, 0);

	tcp_accept(w->pipe.end[0], &side, &agreed);
}

static struct tcp_offer offer_to_server(const struct turn *t, const struct flow *f,
					uint32_t client_isn, uint16_t mss, bool ecn)
{
	return (struct tcp_offer){
		.iss = client_isn,
		.ts_val = clock_of(t, f),
		.rcv_mss = mss,
		.wscale = true,
		.sack = true,
		.timestamps = true,
		.ecn = ecn,
		.v6 = !ip_addr_is_v4(&f->client),
	};
}

static void connect_server(struct turn *t, struct work *w, const struct tcp_offer *offer)
{
	struct tcp_io side = tcp_pipe_side(&w->pipe, &w->io, 1);
	struct tcp_config hasty = *side.config;

	hasty.rto_initial_ms = ms_of(SERVER_SYN_RTO);
	side.config = &hasty;
	tcp_connect(w->pipe.end[1], &side, offer);
}

void terminate_begin(struct turn *t, uint32_t slot, struct pkt *in, const struct splice_offer *o)
{
	uint32_t i = track_new_flow(t, slot, in);
	struct flow *f = i == INDEX_NONE ? NULL : flow_at(t->a, i);
	struct tcp_offer offer;
	struct profile *p;
	struct work w;

	if (!f || !terminal_take(t->a, f)) {
		if (f) {
			full(t, slot);
			track_forget(t, i);
		}
		emit_rst_reply(t, slot, in);
		turn_drop(t, GUARD_DROP_TABLE_FULL);
		return;
	}
	f->flags = FLOW_TRANSLATED | FLOW_TWO_ENDS;
	flow_set_cookie_isn(f, o->cookie.isn);
	f->client_ttl = in->ttl > 1 ? in->ttl : 0;
	f->client_dscp = in->tos >> 2 & 0x3f;
	turn_service(t, slot)->terminated_now++;
	work_begin(t, i, &w);
	accept_client(t, &w, in, o);
	offer = offer_to_server(t, f, o->client_isn, o->client.mss, o->client.ecn);
	if (o->client.timestamps)
		offer.ts_val = in->opt.ts_val;
	connect_server(t, &w, &offer);
	p = profile_find(t->a, &in->dst, in->dport);
	if (p && p->down)
		profile_asks(p, t->now);
	if (!o->terminate) /* the SYN-ACK had no window */
		w.pipe.end[0]->flags |= TCB_SEND_ACK;
	work_end(t, &w);
	terminate_input(t, i, FROM_CLIENT, in);
}

bool terminate_instead(struct turn *t, uint32_t i, struct pkt *synack, const struct promise *p)
{
	struct flow *f = flow_at(t->a, i);
	struct flow was = *f;
	bool wscale = was.flags & FLOW_CLIENT_WSCALE;
	uint32_t waited = ms_of(usec_of_ticks(turn_tick(t) - was.born));
	struct tcp_agreed agreed = {
		.iss = flow_cookie_isn(&was),
		.irs = was.splicing.client_isn,
		.snd_wnd = (uint32_t)was.splicing.client_window << (wscale ? was.client_wscale : 0),
		.ts_val = was.splicing.cookie_tsval + waited,
		.ts_recent = was.ts_recent,
		.mss = was.splicing.mss,
		.rcv_mss = p->mss,
		.snd_wscale = wscale ? was.client_wscale : 0,
		.rcv_wscale = wscale ? was.promised_wscale : 0,
		.wscale = wscale,
		.sack = was.flags & FLOW_SACK,
		.timestamps = was.flags & FLOW_TIMESTAMPS,
		.ecn = was.flags & FLOW_ECN,
		.v6 = synack->family == 6,
	};
	struct tcp_offer offer;
	struct tcp_io side;
	struct work w;

	if (!terminal_take(t->a, f))
		return false;
	f->flags = FLOW_TRANSLATED | FLOW_TWO_ENDS;
	f->retries = 0;
	f->client_ttl = was.splicing.ttl;
	f->client_dscp = was.splicing.tos >> 2 & 0x3f;
	f->server_dscp = 0;
	turn_service(t, f->service)->spliced_now--;
	turn_service(t, f->service)->terminated_now++;
	work_begin(t, i, &w);
	side = tcp_pipe_side(&w.pipe, &w.io, 0);
	tcp_accept(w.pipe.end[0], &side, &agreed);
	w.pipe.end[0]->flags |= TCB_SEND_ACK;
	offer = offer_to_server(t, f, was.splicing.client_isn, was.splicing.mss,
				was.flags & FLOW_ECN);
	offer.ts_val = was.ts_recent;
	offer.wscale = wscale;
	offer.sack = was.flags & FLOW_SACK;
	offer.timestamps = was.flags & FLOW_TIMESTAMPS;
	side = tcp_pipe_side(&w.pipe, &w.io, 1);
	tcp_connecting(w.pipe.end[1], &side, &offer, was.client_wscale);
	w.pipe.end[1]->sent_at -= waited; /* or longer: it may have been sent again */
	work_end(t, &w);
	terminate_input(t, i, FROM_SERVER, synack);
	return true;
}
