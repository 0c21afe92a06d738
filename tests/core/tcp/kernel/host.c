/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our endpoints behind one address, each with an application that follows the script. */
#include <stdio.h>
#include <stdlib.h>

#include "core/tcp/pieces.h"
#include "core/tcp/tcp.h"
#include "kernel.h"
#include "wire/build.h"

#define CHUNKS	    8192
#define BUCKETS	    4096
#define SEND_BUFFER (2u << 20) /* of one connection; those of all leave room in the pool */
#define FIRST_PORT  10000

struct conn {
	struct conn *next, **link; /* in its bucket */
	struct conn *all_next, **all_link;
	struct tcb tcb;
	struct tcp_stream in, out;
	uint16_t peer_port, own_port;
	uint64_t read, written;
	bool fin_seen, aborted, wrong, touched;
};

struct host {
	struct host_plan plan;
	struct lane *lane;
	struct tcp_config config;
	struct tcp_pool pool;
	void *chunk;
	struct conn *bucket[BUCKETS], *all;
	struct tally tally;
	struct rng rng;
	uint32_t opened, alive, ended;
	usec_t now;
};

static struct tcp_io io_of(struct host *h, struct conn *c)
{
	return (struct tcp_io){&h->config, tcp_memory_at(&h->pool, h->chunk), &c->in, &c->out,
			       h->now};
}

static struct conn **bucket_of(struct host *h, uint16_t peer_port, uint16_t own_port)
{
	return &h->bucket[(peer_port * 31u + own_port) % BUCKETS];
}

static struct conn *find(struct host *h, uint16_t peer_port, uint16_t own_port)
{
	struct conn *c = *bucket_of(h, peer_port, own_port);

	while (c && (c->peer_port != peer_port || c->own_port != own_port))
		c = c->next;
	return c;
}

static struct tcp_offer offer_of(struct host *h)
{
	return (struct tcp_offer){
		.iss = (uint32_t)rng_u64(&h->rng),
		.ts_val = (uint32_t)rng_u64(&h->rng),
		.rcv_mss = h->plan.v6 ? MTU - 60 : MTU - 40,
		.wscale = true,
		.sack = true,
		.timestamps = true,
		.v6 = h->plan.v6,
	};
}

static struct conn *add(struct host *h, uint16_t peer_port, uint16_t own_port)
{
	struct conn **head = bucket_of(h, peer_port, own_port), *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->peer_port = peer_port;
	c->own_port = own_port;
	tcp_stream_init(&c->in);
	tcp_stream_init(&c->out);
	c->next = *head;
	c->link = head;
	if (c->next)
		c->next->link = &c->next;
	*head = c;
	c->all_next = h->all;
	c->all_link = &h->all;
	if (c->all_next)
		c->all_next->all_link = &c->all_next;
	h->all = c;
	c->touched = true;
	h->opened++;
	h->alive++;
	return c;
}

static void forget(struct host *h, struct conn *c)
{
	struct tcp_io io = io_of(h, c);

	tcp_stream_clear(&c->in, io.memory);
	tcp_stream_clear(&c->out, io.memory);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	*c->all_link = c->all_next;
	if (c->all_next)
		c->all_next->all_link = c->all_link;
	free(c);
}

/* ---- sending ---- */

static void send_piece(struct host *h, const struct tcp_segment *s, uint16_t own_port,
		       uint16_t peer_port)
{
	static uint8_t packet[MTU + SEGMENT_HEADERS_MAX];
	struct segment out = {
		.src = side_address(1, h->plan.v6),
		.dst = side_address(0, h->plan.v6),
		.sport = own_port,
		.dport = peer_port,
		.seq = s->seq,
		.ack = s->ack,
		.flags = s->flags,
		.window = s->window,
		.urgent = s->urgent,
		.opt = s->opt,
		.payload = s->data,
		.payload_len = s->len,
	};
	int len = segment_build(&out, packet, sizeof(packet));

	if (len < 0 || len > MTU)
		abort();
	lane_send(h->lane, packet, (uint32_t)len, h->now);
}

static void send_segment(struct host *h, struct conn *c, const struct tcp_segment *s)
{
	struct tcp_io io = io_of(h, c);
	struct tcp_segment piece;
	struct pieces pieces;

	pieces_begin(&pieces, &io, s);
	while (pieces_next(&pieces, &piece))
		send_piece(h, &piece, c->own_port, c->peer_port);
}

/* ---- the application ---- */

static void app_read(struct host *h, struct conn *c)
{
	const struct script *script = &h->plan.script;
	static uint8_t buf[PATTERN_MAX];
	struct tcp_io io = io_of(h, c);

	while (tcp_stream_waiting(&c->in) > 0) {
		uint32_t n = tcp_stream_waiting(&c->in);

		n = n < sizeof(buf) ? n : sizeof(buf);
		tcp_stream_copy(&c->in, io.memory, c->in.start, buf, n);
		if (memcmp(buf, pattern_at(script->peer_salt, c->read), n) != 0)
			c->wrong = true;
		else
			h->tally.bytes += n;
		c->read += n;
		tcp_stream_release(&c->in, io.memory, c->in.start + n);
	}
	if (c->in.flags & TCP_STREAM_FIN)
		c->fin_seen = true;
}

static void app_write(struct host *h, struct conn *c)
{
	const struct script *script = &h->plan.script;
	uint32_t limit = h->plan.small ? 65536 : SEND_BUFFER;
	struct tcp_io io = io_of(h, c);

	if (script->answers && !c->fin_seen)
		return;
	while (c->written < script->total && tcp_stream_waiting(&c->out) < limit) {
		uint64_t n = script->total - c->written;
		uint32_t done;

		n = n < PATTERN_MAX ? n : PATTERN_MAX;
		done = tcp_stream_append(&c->out, io.memory, pattern_at(script->salt, c->written),
					 (uint32_t)n);
		c->written += done;
		if (done < n)
			break;
	}
	if (c->written == script->total)
		c->out.flags |= TCP_STREAM_FIN;
}

static void app_run(struct host *h, struct conn *c)
{
	const struct script *script = &h->plan.script;
	struct tcp_io io = io_of(h, c);

	if (c->tcb.state < TCPS_ESTABLISHED) {
		if (c->tcb.state == TCPS_CLOSED && c->tcb.error == TCP_ERROR_NONE)
			app_read(h, c);
		return;
	}
	if (!c->aborted && c->read + c->written >= script->abort_at) {
		c->aborted = true;
		if (!script->leaves_unread)
			tcp_abort(&c->tcb, &io, TCP_ERROR_ABORTED);
		else
			tcp_close_reading(&c->tcb, &io);
		return;
	}
	if (script->leaves_unread && c->aborted)
		return;
	app_read(h, c);
	app_write(h, c);
}

static enum ending ending_of(const struct host *h, const struct conn *c)
{
	if (c->wrong)
		return ENDED_WRONG;
	switch (c->tcb.error) {
	case TCP_ERROR_NONE:
		return c->fin_seen && c->written == h->plan.script.total ? ENDED_WELL
									 : ENDED_OTHERWISE;
	case TCP_ERROR_RESET:
	case TCP_ERROR_ABORTED:
	case TCP_ERROR_UNREAD:
		return ENDED_RESET;
	case TCP_ERROR_REFUSED:
		return ENDED_REFUSED;
	default:
		return ENDED_OTHERWISE;
	}
}

static void count(struct host *h, struct conn *c)
{
	enum ending ending = ending_of(h, c);

	h->tally.ended[ending]++;
	if (ending == ENDED_OTHERWISE && !h->tally.why[0])
		snprintf(h->tally.why, sizeof(h->tally.why), "%s, %llu bytes read, %llu written",
			 tcp_error_text((enum tcp_error)c->tcb.error), (unsigned long long)c->read,
			 (unsigned long long)c->written);
	h->alive--;
	h->ended++;
}

/* ---- what the program asks for ---- */

static bool may_connect(const struct host *h)
{
	return !h->plan.listens && h->opened < h->plan.connections && h->alive < h->plan.at_once;
}

static void connect_more(struct host *h)
{
	while (may_connect(h)) {
		struct tcp_offer offer = offer_of(h);
		struct conn *c = add(h, h->plan.port, (uint16_t)(FIRST_PORT + h->opened % 50000));
		struct tcp_io io = io_of(h, c);

		tcp_connect(&c->tcb, &io, &offer);
	}
}

void host_take(void *host, uint8_t *data, uint32_t len)
{
	struct host *h = host;
	struct tcp_segment s, reply;
	struct conn *c;
	struct tcp_io io;
	struct pkt p;

	h->now = clock_now();
	if (pkt_parse(&p, data, len, len, PKT_CSUM_UNVERIFIED) != 0 || p.kind != PKT_TCP)
		return;
	if (!pkt_checksum_ok(&p))
		abort();
	tcp_segment_of(&s, &p);
	c = find(h, p.sport, p.dport);
	if (!c && h->plan.listens && p.dport == PEER_PORT &&
	    (p.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		struct tcp_offer offer = offer_of(h);

		c = add(h, p.sport, p.dport);
		io = io_of(h, c);
		tcp_listen(&c->tcb, &io, &offer);
	}
	if (c) {
		io = io_of(h, c);
		c->touched = true;
		tcp_input(&c->tcb, &io, &s, &reply);
	} else {
		tcp_refuse(&s, &reply);
	}
	if (reply.flags)
		send_piece(h, &reply, p.dport, p.sport);
}

static void run_conn(struct host *h, struct conn *c)
{
	struct tcp_io io = io_of(h, c);
	struct tcp_segment s;

	for (unsigned twice = 0; twice < 2; twice++) {
		app_run(h, c);
		while (tcp_poll(&c->tcb, &io, 65535, &s))
			send_segment(h, c, &s);
	}
	c->touched = false;
	if (tcp_is_over(&c->tcb)) {
		app_run(h, c);
		count(h, c);
		forget(h, c);
	}
}

void host_run(struct host *h, usec_t now)
{
	struct conn *c, *next;

	h->now = now;
	connect_more(h);
	for (c = h->all; c; c = next) {
		struct tcp_io io = io_of(h, c);

		next = c->all_next;
		if (tcp_deadline(&c->tcb, now) <= now) {
			tcp_expire(&c->tcb, &io);
			c->touched = true;
		}
		if (c->touched)
			run_conn(h, c);
	}
}

usec_t host_deadline(const struct host *h, usec_t now)
{
	usec_t first = may_connect(h) ? now : USEC_NEVER;

	for (const struct conn *c = h->all; c; c = c->all_next) {
		usec_t at = c->touched ? now : tcp_deadline(&c->tcb, now);

		first = at < first ? at : first;
	}
	return first;
}

bool host_is_done(const struct host *h)
{
	return h->ended >= h->plan.connections;
}

const struct tally *host_tally(const struct host *h)
{
	return &h->tally;
}

void host_print(const struct host *h)
{
	const struct tcb *t = h->all ? &h->all->tcb : NULL;

	if (t)
		printf("  %s cwnd %u ssthresh %u srtt %u rto %u min %u resent %u in flight %u "
		       "pool %u peak %u refused %llu\n",
		       tcp_state_name((enum tcp_state)t->state), t->cwnd, t->ssthresh, t->srtt_us,
		       t->rto_ms, t->min_rtt_us, t->retransmits, t->snd_nxt - t->snd_una,
		       h->pool.used, h->pool.peak, (unsigned long long)h->pool.refused);
}

struct host *host_new(const struct host_plan *plan, struct lane *out, uint64_t seed)
{
	struct host *h = calloc(1, sizeof(*h));

	if (h)
		h->chunk = calloc(1, tcp_pool_bytes(CHUNKS));
	if (!h || !h->chunk)
		abort();
	h->plan = *plan;
	h->lane = out;
	h->now = clock_now();
	rng_seed(&h->rng, seed, 5);
	tcp_pool_init(&h->pool, CHUNKS);
	tcp_config_default(&h->config);
	h->config.msl_ms = 25;
	h->config.keepalive_idle_ms = 5000;
	h->config.keepalive_interval_ms = 1000;
	h->config.rcv_buf = plan->small ? 65536 : 4u << 20;
	h->config.congestion = plan->newreno ? TCP_NEWRENO : TCP_CUBIC;
	return h;
}

void host_free(struct host *h)
{
	while (h->all) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): forget() took the one before off the list */
		struct tcp_io io = io_of(h, h->all);

		tcp_abort(&h->all->tcb, &io, TCP_ERROR_ABORTED);
		forget(h, h->all);
	}
	if (h->pool.used > 0)
		abort();
	free(h->chunk);
	free(h);
}
