/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the control plane sees of a guard: copies, never internals. All functions are to be called
 * between two guard_input() calls on the worker that owns the guard; each takes bounded time.
 */
#ifndef TCPGUARD_CORE_REPORT_H
#define TCPGUARD_CORE_REPORT_H

#include "core/actions.h"
#include "core/attack.h"
#include "core/config.h"
#include "core/state.h"

struct guard;

struct guard_counters {
#define COUNTER(name, text) uint64_t name;
#include "core/counters.def"
#undef COUNTER
};

struct service_report {
	char service[GUARD_SERVICE_NAME_MAX];
	enum guard_mode mode;
	enum guard_engine engine;
	enum guard_attack_state state;
	usec_t state_since; /* time of the last change, on the guard's clock */
	enum attack_class class; /* what it looks like; CLASS_NONE in calm */
	uint32_t syn_rate; /* SYNs of the last full second */
	uint32_t deficit; /* handshakes that its clients owe: answered and beyond their time */
	uint32_t baseline; /* SYNs that are usual in a second, as learned in calm */
	uint32_t half_open; /* entries of the half-open table now */
	uint32_t half_open_peak; /* most of them at once, cookies in flight included */
	uint32_t cookies_in_flight;
	uint32_t flows; /* now, all engines, TIME-WAIT included */
	uint32_t spliced_now; /* now, translated and not yet closed */
	uint32_t terminated_now; /* now, of the terminate engine and not yet closed */
	uint32_t time_wait; /* now */
	uint32_t attack_start, attack_end; /* thresholds in force in this worker */
	struct guard_counters counters;
};

/* What is known of one server address: learned from its SYN-ACKs. */
struct backend_report {
	char service[GUARD_SERVICE_NAME_MAX];
	struct ip_addr addr;
	uint16_t port;
	bool learned; /* from a SYN-ACK of its own; else what follows is a guess, down to the TTL */
	uint16_t mss;
	int8_t wscale; /* -1: none */
	bool sack, timestamps, ecn;
	uint16_t window;
	uint8_t ttl;
	bool down;
	usec_t age; /* since last heard of */
};

enum flow_kind {
	FLOW_HALF_OPEN, /* seen passing, not completed */
	FLOW_PASSED, /* untranslated */
	FLOW_SPLICED, /* translated by the relay engine */
	FLOW_TERMINATED, /* two connections of the terminate engine */
	FLOW_KIND_COUNT
};

/* One end of a terminated connection, as `ss -ti` shows it. */
struct end_report {
	uint32_t recv_queue; /* received in order, and not sent to the other side yet */
	uint32_t send_queue; /* to be sent, or sent and not acknowledged */
	uint32_t cwnd, ssthresh; /* bytes; ssthresh 0: not known yet */
	uint32_t srtt_us, rttvar_us, rto_ms; /* srtt_us 0: not measured yet */
	uint32_t in_flight, retransmits;
	uint32_t send_window, receive_window;
	uint16_t mss;
	uint8_t send_wscale, receive_wscale;
	bool timestamps, sack, wscale, ecn;
	const char *timer; /* "rto", "probe", "persist", "delack", "keepalive", ... ; NULL: none */
	usec_t timer_in;
};

struct flow_report {
	uint32_t id; /* for `kill`: index, unique among flows; half-opens have the top bit set */
	enum flow_kind kind;
	struct ip_addr client, server;
	uint16_t client_port, server_port;
	enum tcp_state client_state, server_state;
	char service[GUARD_SERVICE_NAME_MAX];
	usec_t age, idle;
	usec_t timer; /* until the next time-out of the flow; USEC_NEVER: none */
	const char *timer_name; /* "syn-sent", "time-wait", "idle", ...; static */
	uint64_t bytes_in, bytes_out;
	uint32_t recv_queue; /* bytes the client sent that the server has not acknowledged */
	uint32_t send_queue; /* bytes the server sent that the client has not acknowledged */
	uint32_t seq_delta; /* added to the server's sequence numbers on their way to the client */
	uint32_t ts_delta;
	bool has_ends; /* terminated, and not over */
	struct end_report end[2]; /* toward the client, toward the server */
};

enum guard_event_kind {
#define EVENT(name, key, level, text) GUARD_EVENT_##name,
#include "core/event.def"
#undef EVENT
	GUARD_EVENT_COUNT
};

struct guard_event {
	uint64_t number; /* grows by one with each event of this guard, from 1 */
	usec_t time;
	enum guard_event_kind kind;
	char service[GUARD_SERVICE_NAME_MAX]; /* empty: none */
	struct ip_addr addr; /* all zero: none */
	uint16_t port;
	uint64_t value; /* half-opens for attacks, mode, ... */
	char detail[ATTACK_EVIDENCE_MAX]; /* why, in words with figures; may be empty */
};

struct guard_report {
	size_t arena_bytes;
	uint32_t flows_max, flows_used;
	uint32_t half_open_max, half_open_used;
	uint32_t terminated_max, terminated_used;
	uint64_t chunk_bytes_max, chunk_bytes_used, chunk_bytes_peak; /* of the terminate engine */
	uint32_t half_open_entry_bytes, flow_entry_bytes; /* index overhead included, rounded up */
	uint64_t drops[GUARD_DROP_COUNT];
	uint64_t unguarded; /* packets of no service */
};

void guard_report(const struct guard *g, struct guard_report *r);

/* guard_report_service() - false when there is no service @index in the configuration in force. */
bool guard_report_service(const struct guard *g, uint32_t index, usec_t now,
			  struct service_report *r);

/*
 * guard_report_backends() - up to @max rows starting at table slot *@cursor (0 at first).
 * Return: rows filled; *@cursor becomes INDEX_NONE when the table has been read to its end.
 */
uint32_t guard_report_backends(const struct guard *g, usec_t now, uint32_t *cursor,
			       struct backend_report *rows, uint32_t max);

/*
 * guard_report_flows() - up to @max flows and half-opens, starting where the last call stopped.
 * @cursor: 0 at first; becomes INDEX_NONE after the last row.
 * Looks at no more than 4 * @max slots a call, so it may return 0 rows and not be at the end.
 * What is there for the whole dump is reported once; what comes or goes meanwhile may or may not be.
 */
uint32_t guard_report_flows(const struct guard *g, usec_t now, uint32_t *cursor,
			    struct flow_report *rows, uint32_t max);

/*
 * guard_report_rules() - packets that each rule in force has met, by its slot; added to @packets.
 * @packets: RULES_MAX of them (core/rules.h). Slots of no rule are left alone.
 */
void guard_report_rules(const struct guard *g, uint64_t *packets);

/*
 * guard_report_events() - events with a number >= @from, oldest first, that are still remembered.
 * Return: rows filled, at most @max.
 */
uint32_t guard_report_events(const struct guard *g, uint64_t from, struct guard_event *rows,
			     uint32_t max);

const char *guard_event_key(enum guard_event_kind kind);
const char *guard_event_text(enum guard_event_kind kind);
int guard_event_level(enum guard_event_kind kind); /* syslog level */
const char *flow_kind_name(enum flow_kind kind); /* "half-open", "passed", "relay", "terminate" */

#endif
