/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/report.h"

#include <string.h>

#include "core/internal.h"

static const char *const drop_keys[] = {
#define DROP(name, key, text) key,
#include "core/drop.def"
#undef DROP
};

static const char *const drop_texts[] = {
#define DROP(name, key, text) text,
#include "core/drop.def"
#undef DROP
};

static const struct {
	const char *key;
	int level;
	const char *text;
} events[] = {
#define EVENT(name, key, level, text) {key, level, text},
#include "core/event.def"
#undef EVENT
};

const char *guard_drop_key(enum guard_drop drop)
{
	return drop < GUARD_DROP_COUNT ? drop_keys[drop] : "unknown";
}

const char *guard_drop_text(enum guard_drop drop)
{
	return drop < GUARD_DROP_COUNT ? drop_texts[drop] : "unknown";
}

const char *guard_event_key(enum guard_event_kind kind)
{
	return kind < GUARD_EVENT_COUNT ? events[kind].key : "unknown";
}

const char *guard_event_text(enum guard_event_kind kind)
{
	return kind < GUARD_EVENT_COUNT ? events[kind].text : "unknown";
}

int guard_event_level(enum guard_event_kind kind)
{
	return kind < GUARD_EVENT_COUNT ? events[kind].level : 4;
}

const char *flow_kind_name(enum flow_kind kind)
{
	static const char *const names[FLOW_KIND_COUNT] = {"half-open", "passed", "relay",
							   "terminate"};

	return kind < FLOW_KIND_COUNT ? names[kind] : "unknown";
}

/* per_entry() - bytes of an entry and its share of the hash buckets, rounded up. */
static uint32_t per_entry(size_t entry, uint32_t buckets, uint32_t entries)
{
	return (uint32_t)(entry + (4ULL * buckets + entries - 1) / entries);
}

void guard_report(const struct guard *g, struct guard_report *r)
{
	const struct guard_arena *a = g->arena;

	memset(r, 0, sizeof(*r));
	r->arena_bytes = a->at.size;
	r->flows_max = a->limits.max_flows;
	r->flows_used = a->flow_used;
	r->half_open_max = a->limits.max_half_open;
	r->half_open_used = a->half_open_used;
	for (uint32_t i = 0; i < a->n_services; i++)
		r->half_open_used -= a->service[i].half_opens.reset;
	r->terminated_max = a->limits.max_terminated;
	r->terminated_used = a->terminals.used;
	r->chunk_bytes_max = (uint64_t)a->terminals.pool.n * TCP_CHUNK_BYTES;
	r->chunk_bytes_used = (uint64_t)a->terminals.pool.used * TCP_CHUNK_BYTES;
	r->chunk_bytes_peak = (uint64_t)a->terminals.pool.peak * TCP_CHUNK_BYTES;
	r->half_open_entry_bytes = per_entry(sizeof(struct half_open), a->at.half_open_mask + 1,
					     a->limits.max_half_open);
	r->flow_entry_bytes =
		per_entry(sizeof(struct flow), a->at.flow_mask + 1, a->limits.max_flows);
	memcpy(r->drops, a->drops, sizeof(r->drops));
	r->unguarded = a->unguarded;
}

bool guard_report_service(const struct guard *g, uint32_t index, usec_t now,
			  struct service_report *r)
{
	const struct service *s;

	if (index >= g->config->n_services || g->arena->slot_of_config[index] == SERVICE_NONE)
		return false;
	s = &g->arena->service[g->arena->slot_of_config[index]];
	memset(r, 0, sizeof(*r));
	memcpy(r->service, s->name, sizeof(r->service));
	r->mode = s->mode;
	r->engine = s->engine;
	r->state = s->detector.state;
	r->class = s->detector.class;
	r->syn_rate = s->detector.second.syns;
	r->deficit = s->detector.look.excess > 0 ? (uint32_t)s->detector.look.excess : 0;
	r->baseline = (uint32_t)((uint64_t)s->detector.usual_x256 * DETECT_WINDOWS_S / 256);
	r->state_since = s->state_since;
	r->half_open = s->half_opens.count - s->half_opens.reset;
	r->half_open_peak = s->half_open_peak;
	r->cookies_in_flight = alarm_flight(s);
	r->flows = s->flows;
	r->spliced_now = s->spliced_now;
	r->terminated_now = s->terminated_now;
	r->time_wait = s->time_wait;
	r->attack_start = s->limits.start;
	r->attack_end = s->limits.end;
	r->counters = s->counters;
	return true;
}

static void fill_backend(const struct guard_arena *a, const struct profile *p, usec_t now,
			 struct backend_report *r)
{
	struct promise promise;

	promise_unpack(p->promise.now, &promise);
	memset(r, 0, sizeof(*r));
	memcpy(r->service, a->service[p->service].name, sizeof(r->service));
	r->addr = p->addr;
	r->port = p->port;
	r->learned = p->learned;
	r->mss = promise.mss;
	r->wscale = promise.wscale == PROMISE_NO_WSCALE ? -1 : (int8_t)promise.wscale;
	r->sack = promise.sack;
	r->timestamps = promise.timestamps;
	r->ecn = promise.ecn;
	r->window = p->window;
	r->ttl = p->ttl;
	r->down = p->down;
	r->age = now > p->heard ? now - p->heard : 0;
}

uint32_t guard_report_backends(const struct guard *g, usec_t now, uint32_t *cursor,
			       struct backend_report *rows, uint32_t max)
{
	const struct guard_arena *a = g->arena;
	uint32_t n = 0;

	while (*cursor < ARRAY_SIZE(a->profile) && n < max) {
		const struct profile *p = &a->profile[(*cursor)++];

		if (p->used)
			fill_backend(a, p, now, &rows[n++]);
	}
	if (*cursor >= ARRAY_SIZE(a->profile))
		*cursor = INDEX_NONE;
	return n;
}

/* report_timer() - the one that is due first. */
static void report_timer(const struct tcb *e, usec_t now, struct end_report *r)
{
	static const char *const names[] = {
		[TCB_TIMER_RTO] = "rto",
		[TCB_TIMER_TAIL_PROBE] = "probe",
		[TCB_TIMER_REORDER] = "reorder",
		[TCB_TIMER_PERSIST] = "persist",
	};
	uint32_t ms = (uint32_t)(now / USEC_PER_MSEC), at = ms + INT32_MAX;

	if (e->timer != TCB_TIMER_NONE) {
		r->timer = names[e->timer];
		at = e->timer_at;
	}
	if ((e->flags & TCB_DELACK) && seq_lt(e->delack_at, at)) {
		r->timer = "delack";
		at = e->delack_at;
	}
	if ((e->flags & TCB_IDLE_TIMER) && seq_lt(e->idle_at, at)) {
		r->timer = e->state == TCPS_TIME_WAIT ? "time-wait" : "keepalive";
		at = e->idle_at;
	}
	r->timer_in = seq_gt(at, ms) ? (at - ms) * USEC_PER_MSEC : 0;
}

/* not_sent() - bytes of @s, which @by sends, that it has not sent for the first time. */
static uint32_t not_sent(const struct tcp_stream *s, const struct tcb *by)
{
	uint32_t sent = by->snd_nxt - by->iss - 1 - !!(by->flags & TCB_FIN_SENT);

	if (by->state == TCPS_CLOSED)
		return tcp_stream_waiting(s);
	return s->end - sent;
}

static void report_end(const struct tcp_pipe *p, unsigned i, usec_t now, struct end_report *r)
{
	const struct tcb *e = p->end[i];

	*r = (struct end_report){
		.recv_queue = not_sent(p->stream[i], p->end[!i]),
		.send_queue = tcp_stream_waiting(p->stream[!i]),
		.cwnd = e->cwnd,
		.ssthresh = e->ssthresh == TCP_CWND_MAX ? 0 : e->ssthresh,
		.srtt_us = e->flags & TCB_MEASURED ? e->srtt_us : 0,
		.rttvar_us = e->flags & TCB_MEASURED ? e->rttvar_us : 0,
		.rto_ms = e->rto_ms,
		.in_flight = e->snd_nxt - e->snd_una,
		.retransmits = e->retransmits,
		.send_window = e->snd_wnd,
		.receive_window = e->rcv_adv - e->rcv_nxt,
		.mss = e->snd_mss,
		.send_wscale = e->snd_wscale,
		.receive_wscale = e->rcv_wscale,
		.timestamps = e->flags & TCB_TIMESTAMPS,
		.sack = e->flags & TCB_SACK,
		.wscale = e->flags & TCB_WSCALE,
		.ecn = e->flags & TCB_ECN,
	};
	report_timer(e, now, r);
}

/* report_ends() - in the guard's own end of the flow, as ss(8) counts: what waits for the other side. */
static void report_ends(struct guard_arena *a, const struct flow *f, usec_t now,
			struct flow_report *r)
{
	struct flow copy = *f;
	struct tcp_pipe p;

	if (f->terminal == INDEX_NONE)
		return;
	p = terminal_pipe(a, &copy);
	r->has_ends = true;
	report_end(&p, 0, now, &r->end[0]);
	report_end(&p, 1, now, &r->end[1]);
	r->recv_queue = r->end[0].recv_queue;
	r->send_queue = r->end[0].send_queue;
}

static void fill_flow(struct guard_arena *a, uint32_t i, usec_t now, struct flow_report *r)
{
	const struct flow *f = flow_at(a, i);
	uint32_t tick = tick_of(now);

	memset(r, 0, sizeof(*r));
	r->id = i;
	r->kind = f->flags & FLOW_TWO_ENDS     ? FLOW_TERMINATED
		  : f->flags & FLOW_TRANSLATED ? FLOW_SPLICED
					       : FLOW_PASSED;
	r->client = f->client;
	r->server = f->server;
	r->client_port = f->client_port;
	r->server_port = f->server_port;
	r->client_state = f->client_state;
	r->server_state = f->server_state;
	memcpy(r->service, a->service[f->service].name, sizeof(r->service));
	r->age = usec_of_ticks(tick - f->born);
	r->idle = usec_of_ticks(tick - f->active);
	r->timer = USEC_NEVER;
	r->timer_name = "none";
	if (wheel_armed(&f->timer)) {
		r->timer = seq_gt(f->timer.due, tick) ? usec_of_ticks(f->timer.due - tick) : 0;
		r->timer_name = flow_timer_name(f);
	}
	r->bytes_in = f->bytes_in;
	r->bytes_out = f->bytes_out;
	if (flow_is_terminated(f)) {
		report_ends(a, f, now, r);
		return;
	}
	if (flow_is_splicing(f))
		return;
	r->recv_queue = f->open.sent[FROM_CLIENT].snd_nxt - f->open.sent[FROM_CLIENT].snd_una;
	r->send_queue = f->open.sent[FROM_SERVER].snd_nxt - f->open.sent[FROM_SERVER].snd_una;
	r->seq_delta = f->seq_delta;
	r->ts_delta = f->ts_delta;
}

static void fill_half_open(const struct guard *g, uint32_t i, usec_t now, struct flow_report *r)
{
	struct guard_arena *a = g->arena;
	const struct half_open *h = half_open_at(a, i);
	uint32_t age = tick_of(now) - h->born;
	uint32_t limit = ticks_in(g->config->timeouts.syn_received);

	memset(r, 0, sizeof(*r));
	r->id = HALF_OPEN_ID | i;
	r->kind = FLOW_HALF_OPEN;
	r->client = h->client;
	r->server = h->server;
	r->client_port = h->client_port;
	r->server_port = h->server_port;
	r->client_state = TCPS_SYN_RECEIVED;
	r->server_state = h->answered ? TCPS_ESTABLISHED : TCPS_SYN_SENT;
	memcpy(r->service, a->service[h->service].name, sizeof(r->service));
	r->age = r->idle = usec_of_ticks(age);
	r->timer = age < limit ? usec_of_ticks(limit - age) : 0;
	r->timer_name = "syn-received";
}

uint32_t guard_report_flows(const struct guard *g, usec_t now, uint32_t *cursor,
			    struct flow_report *rows, uint32_t max)
{
	struct guard_arena *a = g->arena;
	uint32_t n = 0, looks = 0;

	while (n < max && looks++ < 4 * max) {
		uint32_t at = *cursor;

		if (at < a->flow_fresh) {
			if (flow_is_used(a, at))
				fill_flow(a, at, now, &rows[n++]);
			++*cursor;
			continue;
		}
		if (at < HALF_OPEN_ID)
			at = *cursor = HALF_OPEN_ID;
		if ((at & ~HALF_OPEN_ID) >= a->half_open_fresh) {
			*cursor = INDEX_NONE;
			break;
		}
		if (half_open_at(a, at & ~HALF_OPEN_ID)->client_port &&
		    !half_open_at(a, at & ~HALF_OPEN_ID)->reset)
			fill_half_open(g, at & ~HALF_OPEN_ID, now, &rows[n++]);
		++*cursor;
	}
	return n;
}

void guard_report_rules(const struct guard *g, uint64_t *packets)
{
	const struct rule_count *count = arena_reactions(g->arena)->rule;

	for (uint32_t i = 0; g->rules && i < g->rules->n; i++) {
		uint16_t slot = g->rules->rule[i].slot;

		packets[slot] += count[slot].packets;
	}
}

uint32_t guard_report_events(const struct guard *g, uint64_t from, struct guard_event *rows,
			     uint32_t max)
{
	const struct guard_arena *a = g->arena;
	uint64_t first = a->events > EVENT_RING ? a->events - EVENT_RING + 1 : 1;
	uint32_t n = 0;

	if (from < first)
		from = first;
	while (n < max && from + n <= a->events) {
		rows[n] = a->event[(from + n - 1) % EVENT_RING];
		n++;
	}
	return n;
}
