/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must be true when everything is over. */
#include "sim.h"

static usec_t round_trip(const struct sim *s)
{
	usec_t sum = 0;

	for (uint32_t i = 0; i < LINK_COUNT; i++)
		sum += s->link[i].p.delay + s->link[i].p.jitter;
	return sum;
}

/*
 * complete() - every byte and both FINs have arrived. A RST behind that is the fate of a FIN whose
 * ACK was lost more often than TIME-WAIT lasts; on a clean path there is no excuse for it.
 */
static bool complete(const struct sim *s, const struct session *e)
{
	const struct side *c = &e->client, *v = &e->server;

	if (s->plan.clean && (c->was_reset || v->was_reset || c->timed_out || v->timed_out))
		return false;
	return c->got == v->total && v->got == c->total && c->fin_seen && v->fin_seen;
}

/* ill_while() - was the server ill at any time that matters to @e? */
static bool ill_while(const struct sim *s, const struct session *e)
{
	/* a server that was down may be refused a little longer, until it is found up */
	usec_t grace = 20 * USEC_PER_SEC;

	return s->plan.ill_to && e->start < s->start + s->plan.ill_to + grace;
}

/*
 * lost_third_ack() - a stateless guard cannot know of a client whose ACK was lost; unless the
 * client has something to say, nobody can.
 */
static bool lost_third_ack(const struct sim *s, const struct session *e)
{
	bool cookie =
		e->mode_cookie || s->plan.switch_modes || s->plan.flood.rate || s->plan.terminate;

	return cookie && e->client.established && !e->server.conn && !e->client.written &&
	       !e->client.shut;
}

static void judge_first_byte(struct sim *s, const struct session *e)
{
	usec_t limit = 3 * round_trip(s) + 5000;
	usec_t took = e->client.first_byte_at - e->start;
	bool at_once = e->client.start_after == 0 && e->client.total &&
		       e->server.start_after <= e->client.chunk && e->server.start_after <= 1000;

	if (!s->plan.clean || s->plan.flood.rate || s->plan.ill_to || s->plan.quick_ports ||
	    s->plan.options_change || !e->server.total || !e->client.first_byte_at)
		return;
	if (e->client.stall || e->server.stall)
		return;
	if ((at_once || e->server.start_after == 0) && took > limit)
		sim_violation(s, "session %u: first byte after %lu us, limit is %lu", e->id,
			      (unsigned long)took, (unsigned long)limit);
}

/* judge_refusal() - a closed port must look closed through the guard, at once. */
static void judge_refusal(struct sim *s, const struct session *e)
{
	if (!s->plan.clean || s->plan.ill != SERVER_CLOSED || !s->plan.ill_to ||
	    s->plan.quick_ports || e->start < s->start + s->plan.ill_from + USEC_PER_SEC ||
	    e->start + USEC_PER_SEC > s->start + s->plan.ill_to)
		return;
	if (e->client.we_aborted)
		return;
	if (!e->client.was_reset || e->client.done_at - e->start > 3 * round_trip(s) + 5000)
		sim_violation(s, "session %u: port is closed, but the client was not told so",
			      e->id);
	s->stats.refused++;
}

/* judge_kill() - both ends of a connection that the operator has reset must learn it. */
static void judge_kill(struct sim *s, const struct session *e)
{
	usec_t limit = e->killed + 5 * USEC_PER_SEC;

	if (!e->killed || !s->plan.clean)
		return;
	if (e->client.done_at > limit || (e->server.conn && e->server.done_at > limit))
		sim_violation(s, "session %u port %u: killed at %lu, but went on", e->id,
			      e->t.lport, (unsigned long)(e->killed / 1000));
}

static void report_failure(struct sim *s, const struct session *e)
{
	const struct side *c = &e->client, *v = &e->server;

	sim_violation(
		s,
		"session %u port %u failed: client %s got %u of %u%s%s%s, server %s got %u of %u%s%s%s",
		e->id, e->t.lport, c->established ? "connected" : "never connected", c->got,
		v->total, c->fin_seen ? " FIN" : "", c->was_reset ? " reset" : "",
		c->timed_out ? " timeout" : "", v->conn ? "connected" : "never connected", v->got,
		c->total, v->fin_seen ? " FIN" : "", v->was_reset ? " reset" : "",
		v->timed_out ? " timeout" : "");
}

static void judge_session(struct sim *s, const struct session *e)
{
	bool ok = complete(s, e);

	if (!e->client.done || (e->server.conn && !e->server.done)) {
		sim_violation(s, "session %u port %u never ended at the %s", e->id, e->t.lport,
			      e->client.done ? "server" : "client");
		return;
	}
	if (e->ghost)
		return;
	s->stats.sessions++;
	judge_refusal(s, e);
	judge_kill(s, e);
	if (ok) {
		s->stats.complete++;
		judge_first_byte(s, e);
	} else if (e->client.we_aborted || e->server.we_aborted || s->plan.kills) {
		s->stats.aborted++;
		return;
	} else if (ill_while(s, e) || s->plan.heavy) {
		s->stats.failed++;
	} else if (!s->plan.clean && lost_third_ack(s, e)) {
		s->stats.lost_third_ack++;
		return;
	} else {
		s->stats.failed++;
		if (s->plan.flood.rate && !e->during_flood)
			return; /* begun before the guard could know */
		report_failure(s, e);
	}
	if (e->during_flood) {
		s->stats.flood_sessions++;
		s->stats.flood_complete += ok;
	}
}

void judge_sessions(struct sim *s)
{
	for (uint32_t i = 0; i < s->n_sessions && !s->stop; i++)
		judge_session(s, &s->session[i]);
}

/* judge_attack() - was the flood noticed in time, and its end as well? */
static void judge_attack(struct sim *s)
{
	const struct flood *f = &s->plan.flood;
	struct service_report v;
	usec_t took, limit;

	mid_service(s, &v);
	s->stats.attacks += v.counters.attacks;
	s->stats.withheld += v.counters.synacks_withheld;
	if (!f->rate || s->plan.mode != GUARD_MODE_ADAPTIVE || s->plan.switch_modes)
		return;
	if (v.state >= GUARD_ATTACK)
		sim_violation(s, "guard: still believes in the attack long after its end");
	if (f->rate < 2000 || f->to - f->from < USEC_PER_SEC)
		return;
	if (!s->attack_seen) {
		sim_violation(s, "guard: a flood of %u SYN/s was not noticed", f->rate);
		return;
	}
	took = s->attack_seen - (s->start + f->from);
	limit = 200 * USEC_PER_MSEC + s->plan.link[LINK_CG].delay + s->plan.link[LINK_CG].jitter;
	if (took > s->stats.detect_worst)
		s->stats.detect_worst = took;
	if (took > limit)
		sim_violation(s, "guard: a flood of %u SYN/s was noticed after %lu us only",
			      f->rate, (unsigned long)took);
}

void judge_guard(struct sim *s)
{
	struct guard_report r;

	if (s->plan.bypass || s->stop)
		return;
	mid_report(s, &r);
	if (r.flows_used)
		sim_violation(s, "guard: %u flows never ended", r.flows_used);
	if (r.terminated_used || r.chunk_bytes_used)
		sim_violation(s, "guard: %u terminals and %lu bytes were not given back",
			      r.terminated_used, (unsigned long)r.chunk_bytes_used);
	if (r.half_open_used)
		sim_violation(s, "guard: %u half-opens never ended", r.half_open_used);
	mid_inspect(s);
	judge_attack(s);
	s->stats.flood_syns += s->plan.flood.sent;
	if (s->n_heap && !s->stop)
		sim_violation(s, "%u events never came to an end", s->n_heap);
}
