/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test hosts: a compact TCP with applications on top. Each host distrusts what it receives and
 * reports everything a correct peer would never have sent.
 */
#ifndef TCPGUARD_SIM_HOST_H
#define TCPGUARD_SIM_HOST_H

#include "base/addr.h"
#include "seg.h"

struct sim;
struct session;

struct host_opts {
	uint16_t mss;
	int8_t wscale; /* -1: not offered */
	bool sack, ts, ecn;
	bool ts_random; /* a new offset for each connection instead of each address pair */
	bool delack, dsack;
	bool tso; /* sends segments of up to 64 KB that are cut behind the guard */
	uint32_t rcvbuf;
};

enum conn_state {
	C_CLOSED,
	C_SYN_SENT,
	C_ESTABLISHED,
	C_FIN_WAIT_1,
	C_FIN_WAIT_2,
	C_CLOSE_WAIT,
	C_CLOSING,
	C_LAST_ACK,
	C_TIME_WAIT,
};

#define RANGES_MAX 64

/* Ascending, disjoint, not touching ranges of sequence numbers. */
struct ranges {
	uint32_t n;
	struct {
		uint32_t l, r;
	} v[RANGES_MAX];
};

struct tuple {
	struct ip_addr laddr, raddr;
	uint16_t lport, rport;
};

struct conn {
	struct sim *sim;
	struct host *host;
	struct conn *hash_next, *all_next;
	struct session *ses;
	struct side *app;
	struct side *peer; /* the application at the other end; NULL for a ghost */
	struct tuple t;
	enum conn_state state;
	struct host_opts o;

	/* negotiated */
	bool sack, ts, ecn;
	uint8_t snd_ws, rcv_ws;
	uint16_t snd_mss;

	/* sending */
	uint32_t iss, snd_una, snd_nxt, snd_max;
	uint32_t snd_wnd, snd_wl1, snd_wl2, max_wnd;
	uint32_t edge, promised; /* right edge granted by the peer; by its SYN-ACK */
	uint32_t cwnd, ssthresh, recover, rexmit;
	uint32_t dupacks;
	bool in_recovery, fin_queued, probing;
	struct ranges sacked;

	/* receiving */
	uint32_t irs, rcv_nxt, rcv_adv, last_ack_sent;
	struct ranges ooo;
	uint32_t recent_l, recent_r; /* block that goes first in SACK */
	uint32_t dsack_l, dsack_r;
	uint32_t unread;
	bool fin_seen; /* in order */
	uint32_t fin_seq;
	bool fin_known;
	uint32_t ack_owed; /* full segments not acknowledged yet */

	/* time */
	uint32_t ts_offset, ts_recent;
	uint32_t *tsvals; /* every TSval sent, ascending */
	uint32_t n_tsvals, cap_tsvals;
	usec_t srtt, rttvar, rto;
	uint32_t rtt_seq;
	usec_t rtt_at; /* 0: not measuring */
	usec_t challenged; /* latest ACK that only answered a segment that cannot be right */
	uint32_t retries;
	uint64_t timer_tag, delack_tag; /* 0: not running */

	bool ece_owed, cwr_owed;
};

/* An entry of the listener's SYN queue. */
struct half {
	bool used;
	struct tuple t;
	uint32_t irs, iss, tsval_in, ts_offset;
	uint32_t tsvals[16], n_tsvals; /* of the latest SYN-ACKs */
	uint32_t retries;
	struct host_opts o;
	bool has_ws, sack, ts, ecn;
	uint8_t ws;
	uint16_t mss;
	uint64_t tag;
};

#define BACKLOG_MAX  256
#define CONN_BUCKETS 256

struct host {
	struct sim *sim;
	bool is_server;
	const char *name;
	struct host_opts opts;
	struct ip_addr addr[8];
	uint32_t n_addr;
	uint16_t port; /* the listener's */
	struct conn *bucket[CONN_BUCKETS], *all;
	struct half half[BACKLOG_MAX];
	uint32_t backlog, n_half;
	uint64_t tags;

	/* what went wrong or had to be repaired */
	uint64_t rto_fired, persist_fired, paws_drops, bad_sums, syn_rexmits, syn_dropped;
};

enum close_style {
	CLOSE_WHEN_SENT, /* half-closes as soon as everything is sent */
	CLOSE_WHEN_BOTH, /* everything sent and everything received */
	CLOSE_AFTER_PEER,
};

/* One end of a session: an application with its orders and what became of them. */
struct side {
	struct session *ses;
	struct conn *conn;
	bool is_client;
	uint64_t stream; /* seed of the bytes it sends */
	uint32_t total, chunk;
	usec_t think;
	uint32_t start_after; /* bytes received before it speaks */
	enum close_style close;
	uint32_t abort_at; /* bytes sent and received; UINT32_MAX: never */
	uint32_t stall_at;
	usec_t stall;

	uint32_t written, got;
	bool writing, stalled, stall_done;
	bool established, fin_seen, shut, done;
	bool we_aborted, was_reset, timed_out;
	usec_t established_at, first_byte_at, progress, done_at;
};

struct session {
	uint32_t id;
	bool ghost;
	struct side client, server;
	struct host_opts opts;
	usec_t start;
	struct tuple t; /* as the client sees it */
	bool started, during_flood, mode_cookie;
	bool blind; /* begun when the guard could not know what the server is like */
	uint32_t syns;
	usec_t killed; /* when the operator reset it; 0: never */
};

/* host.c */
void host_init(struct sim *s, struct host *h, bool is_server);
void host_input(struct host *h, const uint8_t *data, uint32_t len);
void host_reboot(struct host *h); /* forgets everything */
void host_transmit(struct host *h, struct seg *g, uint32_t gso);
void host_free(struct host *h);
struct conn *host_find(struct host *h, const struct tuple *t);
struct conn *host_conn_new(struct host *h, const struct tuple *t);
uint32_t host_iss(struct host *h, const struct tuple *t);
uint32_t host_ts_offset(struct host *h, const struct tuple *t, const struct host_opts *o);
uint32_t host_ts_clock(const struct sim *s);

/* listen.c */
void listen_input(struct host *h, const struct tuple *t, const struct seg *g);

/* conn.c */
void conn_connect(struct conn *c);
void conn_input(struct conn *c, const struct seg *g);
void conn_set_window(struct conn *c, const struct seg *g);
void conn_ended(struct conn *c, const char *why);
void conn_challenge(struct conn *c, const struct seg *g);
void conn_time_wait(struct conn *c);
bool conn_may_meet_strays(const struct conn *c);
bool conn_guard_forgets(const struct conn *c);
bool conn_may_be_misled(const struct conn *c);
uint16_t conn_port(const struct conn *c);

/* ack.c */
bool ack_process(struct conn *c, const struct seg *s);

/* output.c */
void conn_output(struct conn *c);
void conn_send_ack(struct conn *c);
void conn_send_syn(struct conn *c);
void conn_send_rst(struct conn *c);
void conn_retransmit(struct conn *c, uint32_t seq, uint32_t limit);
void conn_timer_set(struct conn *c, usec_t delay);
void conn_timer_stop(struct conn *c);
void conn_delack(struct conn *c);
void conn_note_tsval(struct conn *c, uint32_t v);
bool conn_sent_tsval(const struct conn *c, uint32_t v);

/* ranges.c */
bool ranges_add(struct ranges *x, uint32_t l, uint32_t r);
void ranges_trim(struct ranges *x, uint32_t below);
bool ranges_has(const struct ranges *x, uint32_t l, uint32_t r);
uint32_t ranges_skip(const struct ranges *x, uint32_t seq);
uint32_t ranges_next(const struct ranges *x, uint32_t seq, uint32_t limit);

/* app.c */
void session_plan(struct sim *s, uint32_t i);
void session_start(struct sim *s, void *obj, uint64_t tag);
struct side *session_accept(struct sim *s, const struct tuple *server_view, uint32_t irs);
void app_established(struct side *a);
void app_received(struct side *a, uint32_t n);
void app_fin(struct side *a);
void app_gone(struct side *a, bool reset);
void stream_fill(uint64_t stream, uint32_t off, uint8_t *buf, uint32_t n);
bool stream_check(uint64_t stream, uint32_t off, const uint8_t *buf, uint32_t n);

#endif
