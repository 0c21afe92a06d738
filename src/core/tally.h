/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is counted of the handshakes of one service, for the detector.
 *
 * The question is not how many handshakes are open, but how many are open that ought not to be: a
 * client answers a SYN-ACK within its round-trip time, a forged address never does. So
 *  - handshakes are counted in cohorts by the tick (8.192 ms) of their SYN, the last 262 ms of them;
 *  - how long clients take is learned as a histogram, from those who complete;
 *  - a cohort of n answered handshakes of age a should have n * S(a) open, S being the share that takes
 *    longer. What is open beyond that, summed over all cohorts, is the *excess*, and its variance
 *    is the sum of n * S * (1 - S).
 * A crowd of a thousand clients has a thousand open handshakes and no excess; a flood is all excess.
 *
 * Only answered handshakes count: a server that is dead makes none. And sources count, not handshakes:
 * what a source begins while it has another one open is *concentrated* and counts apart. So neither a
 * browser with its six connections, nor a gateway with thousands behind it, nor a scanner looks like
 * a flood of forged sources, and what remains is independent, as the variance supposes.
 *
 * No pointers, constant size; a zeroed one with tally_init() is empty. Time only goes forward.
 */
#ifndef TCPGUARD_CORE_TALLY_H
#define TCPGUARD_CORE_TALLY_H

#include "base/addr.h"
#include "base/siphash.h"
#include "base/types.h"

#define COHORTS	       32 /* ticks: 262 ms, beyond which hardly anybody's round trip is */
#define FLIGHT_WINDOW  (100 * USEC_PER_MSEC)
#define FLIGHT_WINDOWS 32 /* a cookie, or a handshake that was reset, counts as pending: 3.2 s */
#define FLIGHT_MAX     (1 << 24) /* in one window: more is damage */
#define SLOW_SECONDS   16 /* of 1.05 s, for the slow trigger */
#define SOURCE_SETS    512
#define SOURCE_WAYS    2
#define DESTINATIONS   8

#define PRIOR_CLIENTS 64
#define CLIENT_WEIGHT (1024 / PRIOR_CLIENTS) /* what one client adds to its bin */

/* However fast its clients are, a stall of 25 ms somewhere on the way is nothing. */
#define WIDE_MIN 3

/* Totals since the start. They wrap; only differences mean anything. TOTAL(name) */
#define TALLY_TOTALS(TOTAL)                                                                     \
	TOTAL(syns) /* SYNs, retransmissions too */                                             \
	TOTAL(opened) /* handshakes begun, concentrated ones too */                             \
	TOTAL(synacks) /* of them answered, concentrated ones too, by the server or a cookie */ \
	TOTAL(answered) /* of them answered by a SYN-ACK, concentrated ones not */              \
	TOTAL(completed) /* of those */                                                         \
	TOTAL(closed) /* of those answered, given up by the server */                           \
	TOTAL(reset) /* of those answered, given up by the client */                            \
	TOTAL(refused) /* handshakes refused by the server */                                   \
	TOTAL(many_opened) /* concentrated: begun */                                            \
	TOTAL(many_answered) /* answered */                                                     \
	TOTAL(many_done) /* of them completed, or given up by either side */                    \
	TOTAL(many_reset) /* of them given up by the client */                                  \
	TOTAL(many_disproved) /* of these, those that the server still has */                   \
	TOTAL(cookies_valid) /* cookies that came back */                                       \
	TOTAL(stray_acks) /* ACKs of clients that belong to nothing */                          \
	TOTAL(stray_rsts)                                                                       \
	TOTAL(stray_synacks)                                                                    \
	TOTAL(server_rsts) /* RSTs of servers that belong to no handshake */

struct tally_totals {
#define TOTAL(name) uint32_t name;
	TALLY_TOTALS(TOTAL)
#undef TOTAL
};

struct cohort {
	uint16_t opened, answered, completed;
};

/* The cohorts of one destination, or of all. */
struct lane {
	uint32_t head; /* the newest tick */
	struct cohort cohort[COHORTS]; /* by tick % COHORTS */
};

/* Completions by the tick in which they came, and those of clients slower than seven in eight are. */
struct done {
	uint16_t all, timed, late; /* timed: it is known how long they took */
};

/* How many ticks clients take; the last bin is "longer, or never". */
struct delays {
	uint32_t bin[COHORTS + 1], total;
	int32_t late; /* of cohorts that have passed, not completed and not learned from yet */
	uint32_t timed, done; /* lately completed: with a time that was learned, and all */
};

/* Sources seen lately, a fifth of a second at 5,000 SYN/s; who is not in it has nothing open. */
struct source_watch {
	uint32_t key; /* keyed hash of an address: nobody can choose who shares a set */
	uint16_t
		open; /* its handshakes that were not completed; a quarter is forgotten each second */
	uint8_t cookies; /* of them, the concentrated ones that were answered by a cookie */
	uint8_t second; /* when a quarter was last forgotten */
};

struct destination {
	struct ip_addr addr;
	uint16_t port;
	bool used;
	uint32_t since; /* tick; older handshakes are not counted here */
	uint32_t pending, opened; /* opened: halved once a second */
	uint32_t hit; /* likewise, concentrated ones too */
	struct lane lane;
};

/* What a look shows; adds up over guards. */
struct tally_look {
	uint32_t pending; /* half-open, in flight, lately reset; not concentrated */
	uint32_t opened; /* handshakes in the cohorts */
	uint32_t answered; /* of them */
	uint32_t open; /* of them not completed */
	int32_t excess; /* of those, beyond what is usual */
	uint32_t variance; /* of the excess */
	int32_t wide_excess; /* the same for clients who are half as slow again, and its variance */
	uint32_t wide_variance;
	uint32_t new_answered; /* of the answered, those of the newer half of the cohorts */
	int32_t new_excess; /* of these */
	uint32_t done_short, done_long; /* completions of the last 33 ms, of the last 262 ms */
	uint32_t done_timed,
		done_late; /* of the latter, with a known time; slower than seven in eight */
	uint32_t slow_answered; /* handshakes answered 5 to 15 s ago */
	uint32_t slow_open; /* of them still open */
	uint32_t late_answered; /* handshakes answered 2 to 15 s ago */
	uint32_t late_open; /* of them still open, or reset by the client */
	uint32_t
		late_many; /* concentrated ones answered by the server 2 to 15 s ago and still open */
	uint32_t flight; /* cookies in flight, as a part of pending */
	uint32_t
		held; /* what the server has in its backlog: answered, not completed, however old */
};

struct tally {
	struct siphash_key key;
	struct lane all;
	struct delays delays;
	uint32_t slow_tick; /* seven in eight clients take less */
	struct done done[COHORTS]; /* by tick % COHORTS */
	struct source_watch source[SOURCE_SETS][SOURCE_WAYS];
	struct destination destination[DESTINATIONS];
	uint32_t window, second; /* the current ones, counted since time 0 */
	int32_t in_flight[FLIGHT_WINDOWS], in_flight_sum;
	struct {
		uint32_t answered, done, reset; /* reset: of those done, by the client */
		uint32_t many_answered, many_done; /* the same of those that are concentrated */
	} slow[SLOW_SECONDS];
	struct tally_totals total;
};

/* A handshake as the tally needs to know it. */
struct tally_handshake {
	const struct ip_addr *client, *server;
	uint16_t server_port;
	bool concentrated;
	uint32_t born; /* tick of its first SYN */
};

/* tally_init() - @key: for the sources; nobody outside knows it. */
void tally_init(struct tally *t, const struct siphash_key *key);

/*
 * tally_resume() - nobody has counted for a while, and who did may have been stopped half way: what was
 * learned stays, and so do totals and cookies in flight. What is open now is told by tally_kept().
 */
void tally_resume(struct tally *t);
void tally_kept(struct tally *t, const struct tally_handshake *h);

/*
 * tally_advance() - to the time @now; cheap while nothing changes. All others below assume it is done.
 * @learn: may handshakes that were not completed in time be taken for usual?
 */
void tally_advance(struct tally *t, usec_t now, bool learn);

/* tally_opened() - a SYN has begun the handshake. Return: is it concentrated? */
bool tally_opened(struct tally *t, const struct tally_handshake *h);

/* tally_answered() - the server has answered it. */
void tally_answered(struct tally *t, const struct tally_handshake *h);

/* tally_completed() - it was answered, and the client has acknowledged. */
void tally_completed(struct tally *t, const struct tally_handshake *h);

/* tally_reset() - it was answered, and the client has given it up, or somebody in its name. */
void tally_reset(struct tally *t, const struct tally_handshake *h);

/*
 * tally_disproved() - the server still answers what was reset: it has never heard of that, so whoever
 * sent the RST saw to it. The handshake is open again.
 */
void tally_disproved(struct tally *t, const struct tally_handshake *h);

/* tally_closed() - the server refuses it, or gives it up after an answer (@answered). */
void tally_closed(struct tally *t, const struct tally_handshake *h, bool answered);

/* tally_removed() - call last, however it ended: nobody waits for it any more. */
void tally_removed(struct tally *t, const struct tally_handshake *h);

/* tally_cookie() - a SYN was answered by a cookie, of which nothing is kept. */
void tally_cookie(struct tally *t, const struct tally_handshake *h);

/* tally_cookie_back() - one has come back. */
void tally_cookie_back(struct tally *t, const struct ip_addr *client, const struct ip_addr *server,
		       uint16_t port);

/*
 * tally_look() - how it stands.
 * @half_open: entries of the half-open table that are not concentrated.
 * @held: entries of it that the server has answered.
 */
void tally_look(const struct tally *t, uint32_t half_open, uint32_t held, struct tally_look *look);

/* tally_look_at() - the same for a destination, as far as it is known: pending and cohorts. */
void tally_look_at(const struct tally *t, const struct destination *d, struct tally_look *look);

/* tally_busiest() - the destination that most handshakes, concentrated or not, were opened with lately; NULL: none. */
const struct destination *tally_busiest(const struct tally *t);

/* tally_learned() - how many clients the delays rest on. */
uint32_t tally_learned(const struct tally *t);

/* tally_teach() - take @bin, COHORTS + 1 of them, for what clients take; ignored if it cannot be. */
void tally_teach(struct tally *t, const uint32_t *bin);

/* tally_forget_slow() - an attack is over: what it left open must not count for another one. */
void tally_forget_slow(struct tally *t);

/* tally_is_idle() - would time alone change nothing? */
bool tally_is_idle(const struct tally *t);

#endif
