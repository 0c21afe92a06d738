/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guard in the laboratory: one service "web" on 198.51.100.1:80 and [2001:db8:1::80]:80, virtual time,
 * a segment in at a time, and everything the guard does held up for inspection.
 *
 *	fx_open(GUARD_MODE_ALWAYS);
 *	syn = seg_syn(fx.client, fx.server, 1000);
 *	ck_assert_int_eq(fx_offer(&syn), GUARD_DROP);
 *	ck_assert_uint_eq(fx_sent(0)->ack, 1001);
 *
 * Whatever the guard sends or rewrites is parsed and its checksums are verified before a test sees it.
 */
#ifndef TCPGUARD_TESTS_CORE_FIXTURE_H
#define TCPGUARD_TESTS_CORE_FIXTURE_H

#include <check.h>

#include "core/arena.h"
#include "core/guard.h"
#include "segments.h"

#define FX_SENT_MAX 8192
#define FX_START    (1000 * USEC_PER_SEC)

struct fx_tx {
	usec_t at;
	struct pkt pkt; /* its bytes in @data */
	uint8_t data[SEGMENT_HEADERS_MAX + 1500];
};

struct fixture {
	struct guard guard;
	struct guard_config *config;
	struct guard_limits limits;
	uint8_t seed[GUARD_SEED_BYTES];
	void *arena;
	usec_t now;
	struct actions *out;
	struct seg_packet last; /* the packet offered last, as the guard left it */
	enum pkt_csum csum; /* what fx_offer() says about checksums */
	struct fx_tx *sent; /* what the last fx_offer(), fx_advance() or fx_kill() made it send */
	uint32_t n_sent;
	struct seg_end client, server;
	uint16_t next_port; /* of clients made by fx_stranger() */
	uint32_t next_forged;
};

extern struct fixture fx;

/* ---- beginning and end ---- */

/* fx_prepare() - defaults in fx.config; change them, then fx_start(). */
void fx_prepare(enum guard_mode mode);
void fx_start(void);
void fx_open(enum guard_mode mode); /* both */
void fx_close(void);
void fx_family(int family); /* which client and server; IPv4 at first */

/* fx_run() - run the suite; what main() returns. */
int fx_run(Suite *suite);

/* ---- packets ---- */

/* fx_offer() - one whole segment. What the guard had sent before is forgotten. */
enum guard_verdict fx_offer(const struct segment *s);

/*
 * fx_offer_cut() - the first @cap bytes of it, checksum unverified, as a header-only copy comes.
 * Where the guard wants the whole packet, nothing in its arena may have changed.
 */
enum guard_verdict fx_offer_cut(const struct segment *s, uint32_t cap);

/* fx_offer_bytes() - the fx.last.len bytes at fx.last.data. */
enum guard_verdict fx_offer_bytes(void);

/* fx_drop() - offer, and it must be dropped for just this reason. */
void fx_drop(const struct segment *s, enum guard_drop why);
void fx_accept(const struct segment *s);
const struct pkt *fx_replaced(const struct segment *s); /* must be rewritten; the result */

/* fx_sent() - the @i-th packet the guard has sent; there must be one. fx_last_sent() - the newest. */
const struct pkt *fx_sent(uint32_t i);
const struct pkt *fx_last_sent(void);
void fx_sent_nothing(void);

/* fx_forged() - an address that nobody has, another one each time. */
struct seg_end fx_forged(void);

/*
 * fx_flood() - @n SYNs of forged sources, at once; the server answers those that get there. It takes
 * FX_UNTIL_NOTICED until that is a flood: an honest client needs its round-trip time, too.
 */
void fx_flood(uint32_t n);
#define FX_UNTIL_NOTICED (200 * USEC_PER_MSEC)

/* fx_stranger() - another client each time. */
struct seg_end fx_stranger(void);

/* fx_syn() - a SYN as Linux sends it: MSS, SACK, timestamps, window scale. */
struct segment fx_syn(struct seg_end from, uint32_t isn);

/* ---- time ---- */

/* fx_advance() - let time pass; guard_expire() runs whenever guard_deadline() asks for it. */
void fx_advance(usec_t duration);

/* fx_kill() - guard_kill(); its return value. */
int fx_kill(uint32_t id);

/* ---- looking at it ---- */

bool fx_find_flow(struct seg_end client, struct flow_report *r);
struct flow_report fx_flow(struct seg_end client); /* must be there */
uint32_t fx_count_flows(void);
struct service_report fx_service(void); /* of the first service */
struct guard_counters fx_counters(void);
struct guard_report fx_report(void);
uint32_t fx_events(enum guard_event_kind kind); /* how many are remembered */
void fx_states(struct seg_end client, enum tcp_state client_state, enum tcp_state server_state);

/* ---- whole stories ---- */

/* A connection from the point of view of both its ends. */
struct fx_conn {
	struct seg_end client, server;
	uint32_t client_isn, server_isn;
	uint32_t client_ts, server_ts; /* TSval of the SYN and of the server's SYN-ACK */
	bool timestamps;
	/* from the guard's SYN-ACK */
	uint32_t cookie_isn, cookie_tsval;
};

/* fx_teach() - a calm handshake by a stranger in which the server shows @synack's options. */
void fx_teach(const struct segment *synack);

/* fx_teach_linux() - ... MSS 1460, SACK, timestamps, window scale 7. */
void fx_teach_linux(void);

/* fx_conn() - a connection between fx.client and fx.server with its numbers, nothing sent yet. */
struct fx_conn fx_conn(void);

/* fx_conn_syn() - the client's SYN; c->timestamps says whether with them. */
struct segment fx_conn_syn(const struct fx_conn *c);

/* fx_challenge() - offer @syn, take the cookie from the SYN-ACK, which is returned. */
const struct pkt *fx_challenge(struct fx_conn *c, const struct segment *syn);

/* fx_conn_ack() - the client's ACK that brings the cookie back. */
struct segment fx_conn_ack(const struct fx_conn *c);

/* fx_prove() - offer it; the guard's SYN to the server is returned. */
const struct pkt *fx_prove(struct fx_conn *c);

/* fx_conn_synack() - the server's SYN-ACK to the guard's SYN. */
struct segment fx_conn_synack(const struct fx_conn *c);

/* fx_splice() - all of it: a spliced flow with both halves established. */
void fx_splice(struct fx_conn *c);

/* fx_pass() - a calm handshake of @c: a passed flow. */
void fx_pass(struct fx_conn *c);

/*
 * Segments of an open connection, as each end writes them: @seq and @ack count from the ISN, so the first
 * byte is 1. Server numbers are in the space of the writer: cookie_isn for the client, server_isn for
 * the server (for passed flows both are server_isn).
 */
struct segment fx_from_client(const struct fx_conn *c, uint16_t flags, uint32_t seq, uint32_t ack,
			      uint32_t len);
struct segment fx_from_server(const struct fx_conn *c, uint16_t flags, uint32_t seq, uint32_t ack,
			      uint32_t len);

/* ... offered and through: accepted or rewritten. Returns the packet as it goes on. */
const struct pkt *fx_client_says(const struct fx_conn *c, uint16_t flags, uint32_t seq,
				 uint32_t ack, uint32_t len);
const struct pkt *fx_server_says(const struct fx_conn *c, uint16_t flags, uint32_t seq,
				 uint32_t ack, uint32_t len);

#endif
