/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The applications: who says how much when, who closes first, who stalls and who hangs up. */
#include "sim.h"

/* An application that saw no progress for so long gives up; every hang ends here. */
#define APP_TIMEOUT (150 * USEC_PER_SEC)

/* The stream is a function of its seed and the offset, so that nothing need be stored. */
static uint64_t stream_word(uint64_t stream, uint32_t index)
{
	return mix64(stream ^ ((uint64_t)index * 0x9e3779b97f4a7c15u));
}

void stream_fill(uint64_t stream, uint32_t off, uint8_t *buf, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if ((off + i) % 8 == 0 && n - i >= 8) {
			uint64_t w = stream_word(stream, (off + i) / 8);

			memcpy(buf + i, &w, 8);
			i += 7;
			continue;
		}
		buf[i] =
			(uint8_t)(htole64(stream_word(stream, (off + i) / 8)) >> (off + i) % 8 * 8);
	}
}

bool stream_check(uint64_t stream, uint32_t off, const uint8_t *buf, uint32_t n)
{
	uint8_t want[2048];

	for (uint32_t i = 0, k; i < n; i += k) {
		k = n - i < sizeof(want) ? n - i : (uint32_t)sizeof(want);
		stream_fill(stream, off + i, want, k);
		if (memcmp(want, buf + i, k) != 0)
			return false;
	}
	return true;
}

static void side_watch(struct sim *s, void *obj, uint64_t tag);

static struct sim *side_sim(const struct side *a)
{
	return a->conn->sim;
}

static void side_abort(struct side *a, const char *why)
{
	struct conn *c = a->conn;

	if (a->done)
		return;
	if (c->state != C_SYN_SENT && c->state != C_CLOSED)
		conn_send_rst(c);
	conn_ended(c, why);
	a->done = true;
	a->done_at = c->sim->now;
}

static bool wants_abort(const struct side *a)
{
	return a->abort_at != UINT32_MAX && a->written + a->got >= a->abort_at;
}

/* side_close() - half-close when the orders say so. */
static void side_close(struct side *a)
{
	const struct side *peer = a->is_client ? &a->ses->server : &a->ses->client;
	bool ready = a->written == a->total;

	if (a->close == CLOSE_WHEN_BOTH)
		ready = ready && (a->got == peer->total || a->fin_seen);
	else if (a->close == CLOSE_AFTER_PEER)
		ready = ready && a->fin_seen;
	if (ready && !a->shut) {
		a->shut = true;
		conn_output(a->conn);
	}
}

static void side_write(struct sim *s, void *obj, uint64_t tag)
{
	struct side *a = obj;
	uint32_t n = a->total - a->written;

	a->writing = false;
	if (a->done || a->shut)
		return;
	a->written += n < a->chunk ? n : a->chunk;
	if (wants_abort(a)) {
		a->we_aborted = true;
		side_abort(a, "application hangs up");
		return;
	}
	conn_output(a->conn);
	if (a->written < a->total) {
		a->writing = true;
		sim_at(s, s->now + a->think, side_write, a, 0);
	}
	side_close(a);
}

static void maybe_write(struct side *a)
{
	if (a->writing || !a->established || a->done)
		return;
	if (a->written < a->total && a->got >= a->start_after)
		side_write(side_sim(a), a, 0);
}

static void side_unstall(struct sim *s, void *obj, uint64_t tag)
{
	struct side *a = obj;
	struct conn *c = a->conn;

	if (a->done || !a->stalled)
		return;
	a->stalled = false;
	a->stall_done = true;
	app_received(a, 0);
	if (c->state != C_CLOSED && c->state != C_TIME_WAIT)
		conn_send_ack(c); /* the window update */
}

void app_established(struct side *a)
{
	struct sim *s = side_sim(a);

	a->established = true;
	a->established_at = a->progress = s->now;
	sim_at(s, s->now + APP_TIMEOUT, side_watch, a, 0);
	if (wants_abort(a)) {
		a->we_aborted = true;
		side_abort(a, "application hangs up at once");
		return;
	}
	maybe_write(a);
	if (!a->done)
		side_close(a);
}

/* app_received() - @n more bytes are in the receive buffer. */
void app_received(struct side *a, uint32_t n)
{
	struct conn *c = a->conn;
	struct sim *s = c->sim;

	if (n) {
		a->progress = s->now;
		if (!a->first_byte_at)
			a->first_byte_at = s->now;
	}
	if (a->stalled)
		return;
	a->got += c->unread;
	c->unread = 0;
	if (a->stall && !a->stall_done && a->got >= a->stall_at) {
		a->stalled = true;
		sim_at(s, s->now + a->stall, side_unstall, a, 0);
	}
	if (wants_abort(a) && !a->done) {
		a->we_aborted = true;
		side_abort(a, "application hangs up");
		return;
	}
	maybe_write(a);
	if (!a->done)
		side_close(a);
}

void app_fin(struct side *a)
{
	a->fin_seen = true;
	a->progress = side_sim(a)->now;
	if (!a->done)
		side_close(a);
}

/* app_gone() - the connection is over: closed in good order, reset, or given up. */
void app_gone(struct side *a, bool reset)
{
	if (a->done)
		return;
	if (a->stalled) { /* what was received can still be read */
		a->got += a->conn->unread;
		a->conn->unread = 0;
	}
	a->was_reset = reset;
	a->done = true;
	a->done_at = side_sim(a)->now;
}

static void side_watch(struct sim *s, void *obj, uint64_t tag)
{
	struct side *a = obj;

	if (a->done)
		return;
	if (a->progress + APP_TIMEOUT > s->now) {
		sim_at(s, a->progress + APP_TIMEOUT, side_watch, a, 0);
		return;
	}
	a->timed_out = true;
	side_abort(a, "application saw no progress");
}

static void plan_side(struct sim *s, struct side *a, uint32_t total)
{
	struct rng *r = &s->rng_host;

	a->stream = rng_u64(r);
	a->total = total;
	a->chunk = rng_pct(r, 60) ? total : 1 + rng_size(r, total);
	if (a->chunk < total / 20)
		a->chunk = total / 20;
	a->chunk += !a->chunk;
	a->think = rng_range(r, 0, 3) * rng_size(r, 400000);
	a->abort_at = UINT32_MAX;
	a->close = (enum close_style)rng_below(r, 2);
	if (s->plan.stalls && rng_pct(r, 15)) {
		a->stall = 1000 + rng_size(r, 20000000);
		a->stall_at = 1 + rng_size(r, total);
	}
}

static void plan_order(struct sim *s, struct session *e)
{
	struct rng *r = &s->rng_host;
	struct side *first = rng_pct(r, 70) ? &e->client : &e->server;
	struct side *second = first == &e->client ? &e->server : &e->client;

	if (rng_pct(r, 85))
		second->start_after = (uint32_t)rng_range(r, 0, first->total);
	if (rng_pct(r, 40))
		(rng_pct(r, 50) ? first : second)->close = CLOSE_AFTER_PEER;
	if (s->plan.aborts && rng_pct(r, 20)) {
		struct side *a = rng_pct(r, 50) ? first : second;

		a->abort_at = (uint32_t)rng_below(r, first->total + second->total + 1);
	}
}

/* session_plan() - give out the orders of session @i and set its clock. */
void session_plan(struct sim *s, uint32_t i)
{
	struct session *e = &s->session[i];
	struct rng *r = &s->rng_host;

	e->id = i;
	e->client.ses = e->server.ses = e;
	e->client.is_client = true;
	e->opts = s->plan.client;
	plan_side(s, &e->client, rng_size(r, s->plan.size_max));
	plan_side(s, &e->server, rng_size(r, s->plan.size_max));
	plan_order(s, e);
	e->start = s->now + rng_below(r, s->plan.spread);
	s->n_sessions = i + 1;
	sim_at(s, e->start, session_start, e, 0);
}

static bool pick_port(struct sim *s, struct tuple *t)
{
	struct rng *r = &s->rng_host;
	uint16_t port = (uint16_t)(s->plan.quick_ports ? 40000 + rng_below(r, 4)
						       : 10000 + rng_below(r, 50000));

	t->laddr = s->client.addr[rng_below(r, s->client.n_addr)];
	t->raddr = s->server.addr[0];
	t->lport = port;
	t->rport = s->server.port;
	return !host_find(&s->client, t);
}

/* varied() - every client of a run may be another machine. */
static struct host_opts varied(struct sim *s)
{
	struct rng *r = &s->rng_host;
	struct host_opts o = s->plan.client;

	if (rng_pct(r, 30))
		o.wscale = (int8_t)((int)rng_below(r, 16) - 1);
	if (rng_pct(r, 20))
		o.ts = !o.ts;
	if (rng_pct(r, 20))
		o.sack = !o.sack;
	if (rng_pct(r, 20))
		o.ecn = !o.ecn;
	if (rng_pct(r, 20))
		o.mss = (uint16_t)rng_range(r, 536, 1460);
	if (rng_pct(r, 20))
		o.rcvbuf = (uint32_t)rng_range(r, 2000, 400000);
	return o;
}

void session_start(struct sim *s, void *obj, uint64_t tag)
{
	struct session *e = obj;
	struct service_report r;
	struct conn *c;

	if (!pick_port(s, &e->t)) {
		sim_at(s, s->now + 20000, session_start, e, 0);
		return;
	}
	e->opts = varied(s);
	mid_service(s, &r);
	e->mode_cookie = r.mode == GUARD_MODE_ALWAYS || r.state >= GUARD_ATTACK ||
			 (r.mode == GUARD_MODE_ADAPTIVE && s->plan.terminate);
	e->during_flood = s->plan.flood.rate &&
			  s->now > s->start + s->plan.flood.from + USEC_PER_SEC / 2 &&
			  s->now < s->start + s->plan.flood.to;
	e->blind = e->mode_cookie && !s->server_known;
	e->started = true;
	e->start = s->now;
	c = host_conn_new(&s->client, &e->t);
	c->o = e->opts;
	c->ses = e;
	c->app = &e->client;
	c->peer = &e->server;
	e->client.conn = c;
	sim_note(s, "session %u: client %u bytes, server %u bytes", e->id, e->client.total,
		 e->server.total);
	conn_connect(c);
}

static bool is_for(const struct session *e, const struct tuple *t)
{
	return e->started && !e->ghost && !e->server.conn && e->t.lport == t->rport &&
	       ip_addr_eq(&e->t.laddr, &t->raddr);
}

/* ghost() - the server got a connection that no client asked for (any more). */
static struct side *ghost(struct sim *s)
{
	struct session *e;

	if (s->n_sessions == s->max_sessions) {
		sim_violation(s, "too many connections that no client asked for");
		s->stop = true;
		s->n_sessions--;
	}
	e = &s->session[s->n_sessions];
	memset(e, 0, sizeof(*e));
	e->id = s->n_sessions++;
	e->ghost = e->started = true;
	e->client.ses = e->server.ses = e;
	e->client.done = true;
	e->server.total = (uint32_t)rng_below(&s->rng_host, 3000);
	e->server.chunk = 3000;
	e->server.abort_at = UINT32_MAX;
	s->stats.ghosts++;
	sim_note(s, "a connection that no client asked for");
	return &e->server;
}

/* session_accept() - which session is the connection that the server has just got? */
struct side *session_accept(struct sim *s, const struct tuple *server_view, uint32_t irs)
{
	for (uint32_t i = 0; i < s->n_sessions; i++) {
		struct session *e = &s->session[i];

		if (is_for(e, server_view) && e->client.conn->iss == irs)
			return &e->server;
	}
	return ghost(s);
}
