/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the core share with each other and with nobody else. */
#ifndef TCPGUARD_CORE_INTERNAL_H
#define TCPGUARD_CORE_INTERNAL_H

#include "base/seq.h"
#include "core/alarm.h"
#include "core/arena.h"

/* In flow_report.id: the rest is the index of a half-open entry. */
#define HALF_OPEN_ID 0x80000000u

/* One call of guard_input(), guard_expire() or guard_kill(). */
struct turn {
	struct guard_arena *a;
	const struct guard_config *config;
	usec_t now;
	struct actions *out;
	const struct rules *rules; /* NULL: none */
	struct exchange *exchange; /* NULL: none */
	uint32_t guard; /* index in it; 0 leads */
	uint16_t rule; /* of the client whose packet this is; RULE_NONE */
};

/* guard_turn() - one in which nothing is sent. */
void guard_turn(struct turn *t, const struct guard *g, usec_t now);

static inline uint32_t turn_tick(const struct turn *t)
{
	return tick_of(t->now);
}

static inline struct service *turn_service(const struct turn *t, uint32_t slot)
{
	return &t->a->service[slot];
}

/* turn_has_room() - does all that one input may send fit into the outbox? */
static inline bool turn_has_room(const struct turn *t)
{
	return t->out->n_tx + GUARD_TX_PER_INPUT <= GUARD_TX_MAX;
}

/* The verdict on the packet of this turn. */
static inline void turn_accept(struct turn *t)
{
	t->out->verdict = GUARD_ACCEPT;
}

static inline void turn_drop(struct turn *t, enum guard_drop why)
{
	t->out->verdict = GUARD_DROP;
	t->out->drop = why;
}

/* turn_allowed() - is the packet of a client that a rule allows? */
static inline bool turn_allowed(const struct turn *t)
{
	return t->rule != RULE_NONE && t->rules->rule[t->rule].action == RULE_ALLOW;
}

static inline void turn_want_full(struct turn *t)
{
	t->out->verdict = GUARD_WANT_FULL;
}

/*
 * turn_checksum_good() - may the packet be acted upon? If not, the verdict is set: drop, or ask for
 * the whole packet to be able to tell.
 */
bool turn_checksum_good(struct turn *t, struct pkt *in);

/* ---- emit.c: segments of the guard's own; all but emit() count the resets of the service ---- */

/* emit() - append @s to the outbox; lost and counted if that is full. */
void emit(struct turn *t, const struct segment *s);

/* emit_rst_reply() - refuse @in as a closed port does, RFC 9293 3.10.7.1. @slot: of the service. */
void emit_rst_reply(struct turn *t, uint32_t slot, const struct pkt *in);

/* emit_reset_half_open() - take it off the server; it is not removed here. */
void emit_reset_half_open(struct turn *t, const struct half_open *h);

/* emit_to_client() / emit_to_server() - a bare segment of flow @f with the sequence numbers, timestamps
 * and window that are right for that side. @flags: TCP_ACK, TCP_RST | TCP_ACK, ... */
void emit_to_client(struct turn *t, const struct flow *f, uint16_t flags);
void emit_to_server(struct turn *t, const struct flow *f, uint16_t flags);

/* emit_client_field() / emit_server_field() - a window in bytes as the field that the client (the server)
 * will read, with the scale it believes in. Rounds down, also to zero. */
uint16_t emit_client_field(const struct flow *f, uint32_t window);
uint16_t emit_server_field(const struct flow *f, uint32_t window);

/* emit_reset_both() - reset a flow toward both sides, in whatever phase it is. */
void emit_reset_both(struct turn *t, const struct flow *f);

/* ---- service.c ---- */

/* service_match() - slot of the service that listens on @addr:@port, or -1. */
int service_match(const struct turn *t, const struct ip_addr *addr, uint16_t port);

/* service_covers() - does the address range of @l contain @addr? Ports do not matter. */
bool service_covers(const struct guard_listen *l, const struct ip_addr *addr);

/* service_configure() - give the services of t->config their slots. */
void service_configure(struct turn *t);

/*
 * service_is_full() - do so many half-opens fill the server's backlog that one more may be too many? Who
 * they are takes the detector longer to tell than a flood takes to fill the rest, and meanwhile a
 * cookie harms nobody.
 */
static inline bool service_is_full(const struct service *s)
{
	return s->half_opens.answered >= s->full_at;
}

/* service_answers() - does the guard answer SYNs of this service with cookies now? */
static inline bool service_answers(const struct service *s)
{
	return s->mode == GUARD_MODE_ALWAYS ||
	       (s->mode == GUARD_MODE_ADAPTIVE &&
		(s->engine == GUARD_ENGINE_TERMINATE || s->detector.cookies || service_is_full(s)));
}

/* service_plan_relief() - begin with it or leave it, whatever attack, mode and configuration say. */
void service_plan_relief(struct turn *t, struct service *s);

/* service_expire() - half-open time-outs, detector windows, relief. False: the outbox is full. */
bool service_expire(struct turn *t, uint32_t slot);

/* service_deadline() - when service_expire() is due. */
usec_t service_deadline(const struct guard *g, uint32_t slot);

void service_set_mode(struct turn *t, uint32_t slot, enum guard_mode mode);

/* ---- alarm.c: what the detector is to know; all but the last may begin an attack ---- */

/* service_syn() - a SYN has arrived, repeated or not, let through or not. */
void service_syn(struct turn *t, uint32_t slot, const struct pkt *in);

/*
 * service_opened() - it has begun a handshake. @hi: its half-open entry, or HALF_OPEN_NONE: it was
 * answered by a cookie, or would have been.
 */
void service_opened(struct turn *t, uint32_t slot, const struct pkt *in, uint32_t hi);

/* What becomes of the half-open entry: answered by the server; reset by the client; given up by the server. */
void service_answered(struct turn *t, uint32_t hi);
void service_reset(struct turn *t, uint32_t hi);
void service_disproved(struct turn *t, uint32_t hi); /* it was not reset after all */
void service_closed(struct turn *t, uint32_t hi);

/* service_completed() - @h, already removed, was completed; service_redeemed() - a cookie has come back. */
void service_completed(struct turn *t, const struct half_open *h);
void service_redeemed(struct turn *t, uint32_t slot, const struct pkt *in);

/* service_stray() - a segment that belongs to nothing. */
void service_stray(struct turn *t, uint32_t slot, const struct pkt *in, bool of_server);

/* service_removed() - the entry is about to be removed, whatever has become of it. */
void service_removed(struct guard_arena *a, const struct half_open *h);

/* service_kept() - the entry was there when another process ended, and is still. */
void service_kept(struct guard_arena *a, const struct half_open *h);

/* ---- react.c: what is done to some clients and not to others ---- */

/*
 * react_denies() - look up the rule for the client of @in, for react_count() and turn_allowed().
 * Return: true if it is denied; the verdict is set.
 */
bool react_denies(struct turn *t, uint32_t slot, const struct pkt *in);

/* react_count() - the packet that was looked up has got its verdict. */
void react_count(struct turn *t);

/* react_refuses() - is this SYN over a limit, or the flood's? Then it is dropped. */
bool react_refuses(struct turn *t, uint32_t slot, const struct pkt *in);

/*
 * react_withholds() - must this SYN not be answered, by whatever, for its prefix never completes? It is
 * dropped then.
 */
bool react_withholds(struct turn *t, uint32_t slot, const struct pkt *in);

/* react_completed() - the client that sent @in has completed a handshake. */
void react_completed(struct turn *t, uint32_t slot, const struct pkt *in);

/* react_configure() - take over what the configuration says of the service. */
void react_configure(struct turn *t, uint32_t slot);

/* ---- passive.c: connections that pass untranslated ---- */

/* passive_syn() - the client's SYN goes to the server. */
void passive_syn(struct turn *t, uint32_t slot, const struct pkt *in);

/* passive_ask() - likewise, but only to see whether the server is back: the client is not to wait for it. */
void passive_ask(struct turn *t, uint32_t slot, const struct pkt *in);

/* passive_client() / passive_server() - a segment that belongs to the half-open entry @h. */
void passive_client(struct turn *t, uint32_t h, const struct pkt *in);
void passive_server(struct turn *t, uint32_t h, const struct pkt *in);

/* learn_refusal() - the server answers a SYN with the RST @in: perhaps it is down. */
void learn_refusal(struct turn *t, uint32_t slot, const struct pkt *in);

/* learn_synack() - let the profile and the event log have the server's SYN-ACK @in. */
void learn_synack(struct turn *t, uint32_t slot, const struct pkt *in, uint32_t offered);

/* ---- answer.c: SYN cookies ---- */

/* answer_syn() - answer the SYN, whose checksum is good, in the server's name, keeping nothing. */
void answer_syn(struct turn *t, uint32_t slot, struct pkt *in);

/*
 * answer_ack() - is @in the ACK of a cookie? Then splice, and the verdict is set. @old: index of a flow
 * of the same connection that is to be replaced, or INDEX_NONE.
 * Return: false if it is not; nothing has changed then.
 */
bool answer_ack(struct turn *t, uint32_t slot, struct pkt *in, uint32_t old);

/* ---- calling the server, by either engine ---- */

/*
 * DEVIATION from RFC 6298 2.1, which begins with one second: the server is at most a few hops away and
 * a client waits, so the first retransmission comes after a quarter of a second; back-off as usual.
 */
#define SERVER_SYN_RTO (250 * USEC_PER_MSEC)

/* How many stale connections of the server are reset before giving up. */
#define SERVER_STALE_MAX 8

/* ---- splice.c: from a valid cookie to two established halves ---- */

struct splice_offer {
	struct cookie_options client;
	struct promise promised;
	bool terminate; /* the promise was the terminate engine's: its SYN-ACK had a window */
	uint32_t client_isn;
	struct cookie cookie;
};

/* splice_begin() - make the flow and open toward the server. */
void splice_begin(struct turn *t, uint32_t slot, struct pkt *in, const struct splice_offer *offer);

/* splice_client() / splice_server() - a segment for a flow whose server has not answered yet. */
void splice_client(struct turn *t, uint32_t i, struct pkt *in);
void splice_server(struct turn *t, uint32_t i, struct pkt *in);

/* splice_kill() - reset both sides of such a flow. */
void splice_kill(struct turn *t, uint32_t i);

/* splice_timeout() - the server has not answered in time. */
void splice_timeout(struct turn *t, uint32_t i);

/* learn_silence() - the server has not answered the guard's SYN for @f. */
void learn_silence(struct turn *t, const struct flow *f);

/* ---- terminate.c: two endpoints of the guard's own ---- */

/*
 * The window of the SYN-ACK, where it scales: what a field with the promised scale can repeat. The promise
 * itself needs no server's consent.
 */
#define TERMINATE_WSCALE     4
#define TERMINATE_SYN_WINDOW (UINT16_MAX & ~((1 << TERMINATE_WSCALE) - 1))
uint16_t terminate_syn_window(const struct cookie_options *o);

/* terminate_begin() - @in has brought a valid cookie: make the flow and call the server. */
void terminate_begin(struct turn *t, uint32_t slot, struct pkt *in, const struct splice_offer *o);

/*
 * terminate_instead() - flow @i, splicing, cannot be translated by the relay engine: take it over.
 * @p: what the client was promised. Return: false, and nothing has changed, if there is no room.
 */
bool terminate_instead(struct turn *t, uint32_t i, struct pkt *synack, const struct promise *p);

/* terminate_input() - a segment of flow @i, which lives or is over. */
void terminate_input(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in);

/*
 * terminate_expects() - @in carries no cookie, but its client was told that it may send: the segment that
 * should have come first comes later.
 */
bool terminate_expects(struct turn *t, uint32_t slot, const struct pkt *in);

/*
 * terminate_path_mtu() - a segment at @seq, which in direction @dir would have come from the other side, is
 * too big for its way. Return: was it believed?
 */
bool terminate_path_mtu(struct turn *t, uint32_t i, enum flow_dir dir, uint32_t seq, uint32_t mtu);

/* terminate_cannot_be() - does @in of the client acknowledge what live flow @f has never sent it? */
bool terminate_cannot_be(struct turn *t, struct flow *f, const struct pkt *in);

/* terminate_is_reused() - does this SYN of the client begin a new connection on flow @f? */
bool terminate_is_reused(struct turn *t, struct flow *f, const struct pkt *syn);

/* terminate_poll() - send what waits, as far as the outbox has room. */
void terminate_poll(struct turn *t);

void terminate_timeout(struct turn *t, uint32_t i);
void terminate_kill(struct turn *t, uint32_t i);
void terminate_icmp(struct turn *t, uint32_t i, enum flow_dir dir, const struct pkt *in);

/* terminate_forget() - the flow is about to be removed. */
void terminate_forget(struct turn *t, uint32_t i);

/* terminate_configure() - take over what the configuration says of the service. */
void terminate_configure(struct turn *t, uint32_t slot);

/* ---- relay.c: established flows ---- */

/* relay_input() - a segment of flow @i, passed or spliced and open. */
void relay_input(struct turn *t, uint32_t i, enum flow_dir dir, struct pkt *in);

/* relay_is_reused() - does this SYN of the client begin a new connection on flow @f? */
bool relay_is_reused(const struct flow *f, const struct pkt *syn);

/* ---- track.c: what a segment means for the states of both halves ---- */

enum track_result { TRACK_GOOD, TRACK_OUT_OF_WINDOW };

/* track_segment() - follow a segment of flow @i. Sequence numbers in @in as its sender wrote them. */
enum track_result track_segment(struct turn *t, uint32_t i, enum flow_dir dir,
				const struct pkt *in);

/* track_idle_due() - the tick at which a live terminated flow has been silent for too long. */
uint32_t track_idle_due(const struct turn *t, const struct flow *f);

/* track_arm() - (re)arm the idle timer of the flow by its state. */
void track_arm(struct turn *t, uint32_t i);

/* track_arm_in() - arm its timer for @delay from now. */
void track_arm_in(struct turn *t, uint32_t i, usec_t delay);

/* track_timeout() - its timer has expired and it is not splicing. */
void track_timeout(struct turn *t, uint32_t i);

/* track_new_flow() - flow_add() with eviction and bookkeeping; INDEX_NONE if there is no room. */
uint32_t track_new_flow(struct turn *t, uint32_t slot, const struct pkt *from_client);

/* track_end() - reset the flow on both sides and keep it, so that whoever missed the RST gets another. */
void track_end(struct turn *t, uint32_t i);

/* track_forget() - remove a flow with its bookkeeping. */
void track_forget(struct turn *t, uint32_t i);

/* track_over() - bookkeeping after states were changed by hand: @was_over as before the change. */
void track_over(struct turn *t, uint32_t i, bool was_over);

/* flow_timer_name() - what the armed timer of @f is for. */
const char *flow_timer_name(const struct flow *f);

/* ---- icmp.c ---- */

void icmp_input(struct turn *t, struct pkt *in);

#endif
