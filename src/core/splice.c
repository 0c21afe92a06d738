/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second half of a split handshake: a client has proved itself by its cookie, and now the guard
 * opens the connection to the server from the client's own address, with the client's own sequence
 * number and options.
 *
 *   client            guard                      server
 *      --- ACK -------->|                            client half ESTABLISHED
 *                       |--- SYN ------------------->| server half SYN_SENT
 *                       |<-- SYN-ACK ----------------| seq_delta, ts_delta known
 *                       |--- ACK ------------------->| both ESTABLISHED
 *      <-- ACK, window -|                            the client may send
 *
 * A server that is not known to have some option is asked first, by a SYN that offers all of them; its
 * SYN-ACK is learned from and reset, and the real SYN follows at once. So the next clients can be
 * promised what the server has, even if none has ever shaken hands with it directly.
 */
#include "core/internal.h"

#define SYN_RETRIES_MAX 15
#define ASK_WSCALE	7
#define ASK_ISN_OFFSET \
	0x80000000u /* the asking SYN is told from the real one by its sequence number */
#define TELL_WINDOW_AFTER (100 * USEC_PER_MSEC)

/* offer_all() - make it a SYN that only asks. */
static void offer_all(struct segment *s, const struct turn *t)
{
	s->seq += ASK_ISN_OFFSET;
	s->opt.present |= TCP_OPT_WSCALE | TCP_OPT_SACK_PERMITTED | TCP_OPT_TIMESTAMPS;
	s->opt.wscale = ASK_WSCALE;
	s->opt.ts_val = turn_tick(t);
}

/* offer_own() - the client's own options. */
static void offer_own(struct segment *s, const struct flow *f)
{
	if (f->flags & FLOW_CLIENT_WSCALE) {
		s->opt.present |= TCP_OPT_WSCALE;
		s->opt.wscale = f->client_wscale;
	}
	if (f->flags & FLOW_SACK)
		s->opt.present |= TCP_OPT_SACK_PERMITTED;
	if (f->flags & FLOW_TIMESTAMPS) {
		s->opt.present |= TCP_OPT_TIMESTAMPS;
		s->opt.ts_val = f->ts_recent;
	}
}

static void send_syn(struct turn *t, const struct flow *f)
{
	bool scaled = f->flags & FLOW_CLIENT_WSCALE;
	uint32_t window = (uint32_t)f->splicing.client_window << (scaled ? f->client_wscale : 0);
	struct segment s = {
		.src = f->client,
		.dst = f->server,
		.sport = f->client_port,
		.dport = f->server_port,
		.seq = f->splicing.client_isn,
		.flags = TCP_SYN | (f->flags & FLOW_ECN ? TCP_ECE | TCP_CWR : 0),
		.window = window > UINT16_MAX ? UINT16_MAX : (uint16_t)window,
		.ttl = f->splicing.ttl,
		.tos = f->splicing.tos,
		.opt.present = TCP_OPT_MSS,
		.opt.mss = f->splicing.mss,
	};

	if (f->flags & FLOW_ASKING)
		offer_all(&s, t);
	else
		offer_own(&s, f);
	emit(t, &s);
}

static void fill_flow(struct flow *f, const struct pkt *in, const struct splice_offer *o)
{
	f->flags = FLOW_TRANSLATED;
	if (o->client.timestamps)
		f->flags |= FLOW_TIMESTAMPS;
	if (o->client.sack)
		f->flags |= FLOW_SACK;
	if (o->client.ecn)
		f->flags |= FLOW_ECN;
	if (o->client.wscale <= TCP_WSCALE_MAX) {
		f->flags |= FLOW_CLIENT_WSCALE;
		f->client_wscale = o->client.wscale & 15;
		f->promised_wscale = promise_wscale(&o->promised) & 15;
	}
	f->client_state =
		tcp_state_next(tcp_state_next(TCPS_LISTEN, TCP_EV_RCV_SYN), TCP_EV_RCV_ACK_OF_SYN);
	f->server_state = tcp_state_next(TCPS_CLOSED, TCP_EV_SND_SYN);
	f->ts_recent = in->opt.ts_val;
	f->splicing.client_isn = o->client_isn;
	flow_set_cookie_isn(f, o->cookie.isn);
	f->splicing.cookie_tsval = o->cookie.tsval;
	f->splicing.mss = o->client.mss;
	f->splicing.client_window = in->window;
	f->splicing.ttl = in->ttl > 1 ? in->ttl : 64;
	f->splicing.tos = in->tos & 0xfc; /* DSCP; a SYN is never ECN-capable, RFC 3168 6.1.1 */
}

void splice_begin(struct turn *t, uint32_t slot, struct pkt *in, const struct splice_offer *offer)
{
	uint32_t i = track_new_flow(t, slot, in);
	struct flow *f;

	if (i == INDEX_NONE) {
		emit_rst_reply(t, slot, in);
		turn_drop(t, GUARD_DROP_TABLE_FULL);
		return;
	}
	f = flow_at(t->a, i);
	fill_flow(f, in, offer);
	turn_service(t, slot)->spliced_now++;
	if (profile_should_ask(profile_get(t->a, slot, &f->server, f->server_port, t->now), t->now))
		f->flags |= FLOW_ASKING;
	send_syn(t, f);
	track_arm_in(t, i, SERVER_SYN_RTO);
	turn_drop(t, GUARD_DROP_CONSUMED);
}

/* end_splice() - the flow ends before it was open; kept for a while so that stragglers are known. */
static void end_splice(struct turn *t, uint32_t i)
{
	struct flow *f = flow_at(t->a, i);
	uint32_t client_isn = f->splicing.client_isn, cookie_isn = flow_cookie_isn(f);

	f->client_state = f->server_state = TCPS_CLOSED;
	f->flags |= FLOW_RESET;
	f->seq_delta = cookie_isn; /* the server's own space begins at zero */
	f->open.sent[FROM_CLIENT] = (struct flow_sent){client_isn + 1, client_isn + 1};
	f->open.sent[FROM_SERVER] = (struct flow_sent){1, 1};
	f->open.window[FROM_CLIENT] = f->open.window[FROM_SERVER] = 0;
	f->active = turn_tick(t);
	track_over(t, i, false);
	track_arm(t, i);
}

void splice_client(struct turn *t, uint32_t i, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	if (in->flags & TCP_RST) {
		if (in->seq != f->splicing.client_isn + 1) {
			turn_drop(t, GUARD_DROP_OUT_OF_WINDOW);
			return;
		}
		if (!turn_checksum_good(t, in))
			return;
		emit_to_server(t, f, TCP_RST);
		end_splice(t, i);
		turn_drop(t, GUARD_DROP_CONSUMED);
		return;
	}
	/* the same ports, a new connection; an old one's straggler has a lower sequence number */
	if (seq_gt(in->seq - 1, f->splicing.client_isn) && answer_ack(t, f->service, in, i))
		return;
	turn_drop(t, in->payload_len ? GUARD_DROP_EARLY_DATA : GUARD_DROP_CONSUMED);
}

/* refuse() - the server's RST becomes one that the client accepts: it sees "refused" at once. */
static void refuse(struct turn *t, uint32_t i, const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	emit_to_client(t, f, TCP_RST | TCP_ACK);
	learn_refusal(t, f->service, in);
	end_splice(t, i);
}

/*
 * wrong_ack() - the server still holds an earlier connection of these ports (TIME-WAIT) and found our
 * SYN not new: RFC 9293 3.10.7.3, first: reset it, and try again at once.
 */
static void wrong_ack(struct turn *t, uint32_t i, const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	if (f->retries >= SERVER_STALE_MAX)
		return;
	f->retries++;
	emit_rst_reply(t, f->service, in);
	send_syn(t, f);
}

/* compare() - what the server does against what was promised; sets the flags of what is to make up for. */
static void compare(struct turn *t, struct flow *f, const struct pkt *in)
{
	uint16_t has = in->opt.present;
	bool differs = false;

	if ((f->flags & FLOW_TIMESTAMPS) && !(has & TCP_OPT_TIMESTAMPS)) {
		/*
		 * DEVIATION from RFC 7323 3.2, and only when the terminate engine has no room for the
		 * flow: the client gets segments without timestamps, which Linux, Windows and others
		 * accept. Only this connection: the profile has learned now.
		 */
		f->flags |= FLOW_SERVER_NO_TS;
		differs = true;
	}
	if ((f->flags & FLOW_SACK) && !(has & TCP_OPT_SACK_PERMITTED)) {
		f->flags |= FLOW_SERVER_NO_SACK;
		differs = true;
	}
	if (f->flags & FLOW_CLIENT_WSCALE) {
		f->server_wscale = has & TCP_OPT_WSCALE ? in->opt.wscale & 15 : 0;
		if (!(has & TCP_OPT_WSCALE))
			f->flags |= FLOW_SERVER_NO_WSCALE;
		if (f->flags & FLOW_SERVER_NO_WSCALE || f->server_wscale < f->promised_wscale ||
		    (f->server_wscale > f->promised_wscale &&
		     f->promised_wscale != PROMISE_WSCALE_MAX))
			differs = true;
	}
	if (differs)
		turn_service(t, f->service)->counters.reconciled++;
}

static uint32_t offered_by(const struct flow *f)
{
	if (f->flags & FLOW_ASKING)
		return OFFER_ALL;
	return (f->flags & FLOW_CLIENT_WSCALE ? OFFER_WSCALE : 0) |
	       (f->flags & FLOW_SACK ? OFFER_SACK : 0) |
	       (f->flags & FLOW_TIMESTAMPS ? OFFER_TIMESTAMPS : 0) |
	       (f->flags & FLOW_ECN ? OFFER_ECN : 0);
}

/*
 * cannot_relay() - the client was promised timestamps, and the server has none: nobody could make them
 * up for it but an endpoint. Return: has the terminate engine taken the flow over?
 */
static bool cannot_relay(struct turn *t, uint32_t i, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	struct promise p;

	if (!(f->flags & FLOW_TIMESTAMPS) || (in->opt.present & TCP_OPT_TIMESTAMPS))
		return false;
	promise_unpack(profile_promise(t->a, f->service, &f->server, f->server_port), &p);
	if (!pkt_is_complete(in) || !terminate_instead(t, i, in, &p))
		return false;
	turn_service(t, f->service)->counters.reconciled++;
	return true;
}

/* open_flow() - the server has accepted: from here on both halves are translated. */
static void open_flow(struct turn *t, uint32_t i, const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	uint32_t client_isn = f->splicing.client_isn;
	uint16_t client_window = f->splicing.client_window;

	learn_synack(t, f->service, in, offered_by(f));
	compare(t, f, in);
	f->seq_delta = flow_cookie_isn(f) - in->seq;
	if ((f->flags & FLOW_TIMESTAMPS) && !(f->flags & FLOW_SERVER_NO_TS))
		f->ts_delta = f->splicing.cookie_tsval - in->opt.ts_val;
	f->open.ts_server = in->opt.present & TCP_OPT_TIMESTAMPS ? in->opt.ts_val : 0;
	f->open.sent[FROM_CLIENT] = (struct flow_sent){client_isn + 1, client_isn + 1};
	f->open.sent[FROM_SERVER] = (struct flow_sent){in->seq + 1, in->seq + 1};
	f->open.window[FROM_CLIENT] = client_window;
	/* the window of a SYN-ACK is never scaled, RFC 7323 2.2 */
	f->open.window[FROM_SERVER] = in->window >> f->server_wscale;
	f->server_state = (uint8_t)tcp_state_next(f->server_state, TCP_EV_RCV_SYN_ACK);
	f->flags |= FLOW_TELL_WINDOW;
	f->retries = 0;
	f->active = turn_tick(t);
	turn_service(t, f->service)->counters.spliced++;
	emit_to_server(t, f, TCP_ACK);
	emit_to_client(t, f, TCP_ACK);
	track_arm_in(t, i, TELL_WINDOW_AFTER);
}

/*
 * asked() - the server's answer to the SYN that only asked, or a late copy of it: learn, reset what the
 * server holds for it, and send the real SYN.
 */
static void asked(struct turn *t, uint32_t i, const struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);

	if (!(in->flags & TCP_SYN)) {
		/* the reset was lost, and to what has been asked the real SYN is out of its window */
		if (!(f->flags & FLOW_ASKING))
			wrong_ack(t, i, in);
		return;
	}
	emit_rst_reply(t, f->service, in);
	if (!(f->flags & FLOW_ASKING))
		return;
	learn_synack(t, f->service, in, offered_by(f));
	f->flags &= (uint16_t)~FLOW_ASKING;
	send_syn(t, f);
}

void splice_server(struct turn *t, uint32_t i, struct pkt *in)
{
	struct flow *f = flow_at(t->a, i);
	uint32_t isn = f->splicing.client_isn;

	if (!turn_checksum_good(t, in))
		return;
	turn_drop(t, GUARD_DROP_CONSUMED);
	if (!(in->flags & TCP_ACK))
		return;
	if (in->ack == isn + ASK_ISN_OFFSET + 1 && !(in->flags & TCP_RST)) {
		asked(t, i, in);
	} else if (in->flags & TCP_RST) {
		if (in->ack == isn + (f->flags & FLOW_ASKING ? ASK_ISN_OFFSET : 0) + 1)
			refuse(t, i, in);
	} else if (in->ack != isn + 1) {
		wrong_ack(t, i, in);
	} else if (in->flags & TCP_SYN) {
		if (!cannot_relay(t, i, in))
			open_flow(t, i, in);
	}
}

void splice_kill(struct turn *t, uint32_t i)
{
	emit_reset_both(t, flow_at(t->a, i));
	end_splice(t, i);
}

void learn_silence(struct turn *t, const struct flow *f)
{
	struct service *s = turn_service(t, f->service);
	struct profile *p = profile_get(t->a, f->service, &f->server, f->server_port, t->now);

	s->counters.server_silent++;
	/* down only if it has answered nobody since this one asked */
	if ((p->answered == 0 || tick_of(p->answered) - f->born > UINT32_MAX / 2) &&
	    profile_found_down(t->a, p, &f->client, t->now)) {
		p->probe_at = p->asked = t->now; /* it had its time */
		arena_event(t->a, GUARD_EVENT_SERVER_SILENT, s->name, &f->server, f->server_port, 0,
			    NULL);
	}
}

/* splice_timeout() - DEVIATION: RFC 9293 3.8.3 has three minutes for a SYN, but a client is waiting. */
void splice_timeout(struct turn *t, uint32_t i)
{
	struct flow *f = flow_at(t->a, i);
	usec_t age = usec_of_ticks(turn_tick(t) - f->born);
	usec_t limit = t->config->timeouts.syn_sent;
	usec_t wait;

	if (age >= limit) {
		learn_silence(t, flow_at(t->a, i));
		splice_kill(t, i);
		return;
	}
	if (f->retries < SYN_RETRIES_MAX)
		f->retries++;
	f->flags &= (uint16_t)~FLOW_ASKING;
	send_syn(t, f);
	wait = SERVER_SYN_RTO << (f->retries < 6 ? f->retries : 6);
	track_arm_in(t, i, age + wait > limit ? limit - age : wait);
}
