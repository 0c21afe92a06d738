/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From nothing to a connection: active, passive, or by a handshake that somebody else has made. */
#include "core/tcp/internal.h"

#include <string.h>

void tcp_config_default(struct tcp_config *c)
{
	*c = (struct tcp_config){
		.rto_min_ms = 200,
		.rto_max_ms = 60 * 1000,
		.rto_initial_ms = 1000,
		.syn_timeout_ms = 180 * 1000,
		.synack_timeout_ms = 60 * 1000,
		.user_timeout_ms = 5 * 60 * 1000,
		.stall_ms = 10 * 60 * 1000,
		.delack_ms = 40,
		.msl_ms = 30 * 1000,
		.fin_wait_2_ms = 60 * 1000,
		.keepalive_interval_ms = 75 * 1000,
		.keepalive_probes = 9,
		.rcv_buf = 1024 * 1024,
		.mss_min = 88,
		.initial_segments = 10,
		.congestion = TCP_CUBIC,
		.ecn = true,
	};
}

uint32_t tcp_isn(const struct siphash_key *key, uint64_t id, usec_t now)
{
	return (uint32_t)(now / 4) + (uint32_t)siphash_2words(key, id, 0x49534e); /* "ISN" */
}

/* scale_for() - the smallest window scale that can express @bytes. */
static uint8_t scale_for(uint32_t bytes)
{
	uint8_t scale = 0;

	while (scale < TCP_WSCALE_MAX && bytes >> scale > UINT16_MAX)
		scale++;
	return scale;
}

static void start(struct tcb *t, const struct tcp_io *io, uint32_t iss, uint32_t ts_val)
{
	memset(t, 0, sizeof(*t));
	t->flight = t->gaps = INDEX_NONE;
	t->iss = t->snd_una = t->snd_nxt = iss;
	t->rcv_buf = io->config->rcv_buf;
	t->rto_ms = io->config->rto_initial_ms;
	t->reo_wnd_mult = 1;
	t->ts_offset = ts_val - now_ms(io);
	t->progress_at = t->heard_at = t->sent_at = now_ms(io);
}

static uint32_t offered_flags(const struct tcp_offer *o)
{
	return (o->wscale ? TCB_WSCALE : 0) | (o->sack ? TCB_SACK : 0) |
	       (o->timestamps ? TCB_TIMESTAMPS : 0) | (o->ecn ? TCB_ECN : 0) | (o->v6 ? TCB_V6 : 0);
}

/*
 * set_own_mss() - what is said to the peer, and the same for what is sent, but for the minimum: what is said
 * may be another's, in whose name the endpoint speaks, and whoever says next to nothing must not make
 * segments without room for data, or none but tiny ones.
 */
static void set_own_mss(struct tcb *t, const struct tcp_io *io, uint16_t mss)
{
	t->rcv_mss = mss;
	t->snd_mss = mss < io->config->mss_min ? io->config->mss_min : mss;
}

static void offer(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o)
{
	start(t, io, o->iss, o->ts_val);
	t->flags = offered_flags(o);
	set_own_mss(t, io, o->rcv_mss);
	t->rcv_wscale = o->wscale ? scale_for(t->rcv_buf) & 15 : 0;
}

void tcp_listen(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o)
{
	offer(t, io, o);
	t->state = TCPS_LISTEN;
	t->flags |= TCB_PASSIVE;
}

void tcp_connect(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o)
{
	offer(t, io, o);
	t->snd_nxt = t->iss + 1;
	t->flags |= TCB_SEND_SYN;
	move(t, TCP_EV_SND_SYN);
	timer_restart(t, io);
}

void tcp_connecting(struct tcb *t, const struct tcp_io *io, const struct tcp_offer *o,
		    uint8_t rcv_wscale)
{
	tcp_connect(t, io, o);
	t->flags &= ~(uint32_t)TCB_SEND_SYN;
	t->rcv_wscale = o->wscale ? rcv_wscale & 15 : 0;
}

/*
 * limit_mss() - by what the peer says; RFC 9293 3.7.1. DEVIATION: not below mss_min, or a peer could have
 * each of its bytes sent by a packet of its own.
 */
static void limit_mss(struct tcb *t, const struct tcp_io *io, uint32_t peer)
{
	if (peer == 0)
		peer = t->flags & TCB_V6 ? MSS_DEFAULT_V6 : MSS_DEFAULT;
	peer = max_u32(peer, io->config->mss_min);
	t->snd_mss = (uint16_t)min_u32(t->snd_mss, peer);
}

void options_agree(struct tcb *t, const struct tcp_io *io, const struct tcp_segment *syn)
{
	const struct tcp_options *o = &syn->opt;
	uint32_t lacks = 0;

	limit_mss(t, io, o->present & TCP_OPT_MSS ? o->mss : 0);
	if (!(o->present & TCP_OPT_WSCALE))
		lacks |= TCB_WSCALE;
	if (!(o->present & TCP_OPT_SACK_PERMITTED))
		lacks |= TCB_SACK;
	if (!(o->present & TCP_OPT_TIMESTAMPS))
		lacks |= TCB_TIMESTAMPS;
	/* RFC 3168 6.1.1: both bits in a SYN, ECE alone in its answer */
	if ((syn->flags & (TCP_ECE | TCP_CWR)) !=
	    (syn->flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR))
		lacks |= TCB_ECN;
	t->flags &= ~lacks;
	if (t->flags & TCB_WSCALE)
		t->snd_wscale = o->wscale & 15;
	else
		t->snd_wscale = t->rcv_wscale = 0;
	t->rcv_buf = min_u32(t->rcv_buf, (uint32_t)UINT16_MAX << t->rcv_wscale);
	if (t->flags & TCB_TIMESTAMPS) {
		t->ts_recent = o->ts_val;
		t->ts_recent_at = now_ms(io);
		t->flags |= TCB_TS_RECENT;
	}
}

void tcp_accept(struct tcb *t, const struct tcp_io *io, const struct tcp_agreed *a)
{
	start(t, io, a->iss, a->ts_val);
	t->flags = TCB_PASSIVE | (a->wscale ? TCB_WSCALE : 0) | (a->sack ? TCB_SACK : 0) |
		   (a->timestamps ? TCB_TIMESTAMPS | TCB_TS_RECENT : 0) | (a->ecn ? TCB_ECN : 0) |
		   (a->v6 ? TCB_V6 : 0);
	t->state = TCPS_ESTABLISHED;
	t->irs = a->irs;
	t->rcv_nxt = t->last_ack_sent = a->irs + 1;
	t->rcv_adv = t->rcv_nxt + a->rcv_wnd;
	t->snd_una = t->snd_nxt = a->iss + 1;
	t->snd_wnd = t->max_snd_wnd = a->snd_wnd;
	t->snd_wl1 = t->rcv_nxt;
	t->snd_wl2 = t->snd_una;
	t->snd_wscale = a->snd_wscale & 15;
	t->rcv_wscale = a->rcv_wscale & 15;
	t->rcv_buf = min_u32(t->rcv_buf, (uint32_t)UINT16_MAX << t->rcv_wscale);
	t->rcv_buf = max_u32(t->rcv_buf, a->rcv_wnd);
	set_own_mss(t, io, a->rcv_mss);
	limit_mss(t, io, a->mss);
	t->ts_recent = a->ts_recent;
	t->ts_recent_at = now_ms(io);
	congestion_init(t, io);
	idle_restart(t, io);
}
