/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 * -------------------
 * What happens to a service is told to its tally (core/tally.h), and what the tallies of all guards say, to
 * the detector (core/detect.h) of the guard that leads; core/exchange.h is between them. This file
 * carries the news from one to the other, and what the detector finds to those who want to know:
 * events, the record of the attack, the verdict for the other guards.
 *
 * A guard alone leads itself. One that follows another has no windows of its own but to keep its tally
 * going: it adopts the verdict, at most EXCHANGE_INTERVAL old when the next packet comes. Only its hard
 * trigger is its own: then it switches at once, and the leader has ALARM_PATIENCE to agree.
 */
#include "core/alarm.h"

#include "core/internal.h"

#define ALARM_PATIENCE (500 * USEC_PER_MSEC)

static bool is_shared(const struct turn *t)
{
	return t->exchange && t->exchange->guards > 1;
}

static bool leads(const struct turn *t)
{
	return t->guard == 0;
}

static struct sources *sources_of(const struct turn *t, uint32_t slot)
{
	return arena_sources(t->a, slot);
}

static uint32_t own_half_open(const struct service *s)
{
	return half_open_suspects(&s->half_opens) - s->half_opens.concentrated;
}

static uint32_t own_flight(const struct service *s)
{
	return s->tally.in_flight_sum > 0 ? (uint32_t)s->tally.in_flight_sum : 0;
}

static void own_look(const struct service *s, struct tally_look *look)
{
	tally_look(&s->tally, own_half_open(s), s->half_opens.answered, look);
}

uint32_t alarm_flight(const struct service *s)
{
	return own_flight(s);
}

/* pending_now() - what is pending at all, concentrated or not, here and elsewhere. */
static uint32_t pending_now(const struct service *s)
{
	return half_open_suspects(&s->half_opens) + own_flight(s) + s->elsewhere.pending;
}

/* ---- the verdict ---- */

static uint32_t pack_verdict(const struct detector *d)
{
	return d->state | (uint32_t)d->class << 8 | (uint32_t)d->attack << 16 |
	       (uint32_t)d->cookies << 17;
}

static void nudge_others(const struct turn *t)
{
	atomic_fetch_or(&t->exchange->nudged,
			t->guard == 0 ? ~(uint64_t)1 : (uint64_t)1); /* all, or the leader */
}

/* publish_verdict() - the leader's. */
static void publish_verdict(struct turn *t, const struct service *s)
{
	struct exchange_verdict *v;
	uint32_t state = pack_verdict(&s->detector);
	bool news;

	if (!is_shared(t) || s->config == UINT16_MAX)
		return;
	v = &t->exchange->verdict[s->config];
	news = atomic_load(&v->name) != s->name_hash || atomic_load(&v->state) != state;
	atomic_store(&v->usual_x256, s->detector.usual_x256);
	atomic_store(&v->usual_done_x256, s->detector.usual_done_x256);
	if (!news)
		return;
	atomic_store(&v->since, s->state_since);
	atomic_store(&v->state, state);
	atomic_store(&v->name, s->name_hash);
	atomic_fetch_add(&t->exchange->changes, 1);
	nudge_others(t);
}

/* adopt() - the verdict, as a follower. */
static void adopt(struct turn *t, struct service *s)
{
	struct exchange_verdict *v = &t->exchange->verdict[s->config];
	struct exchange_row *row = exchange_row(t->exchange, t->guard, s->config);
	struct detector *d = &s->detector;
	uint32_t state;

	if (atomic_load(&v->name) != s->name_hash)
		return;
	state = atomic_load(&v->state);
	d->usual_x256 = atomic_load(&v->usual_x256);
	d->usual_done_x256 = atomic_load(&v->usual_done_x256);
	if (s->alarmed_at) {
		if (!(state >> 17 & 1) && t->now - s->alarmed_at < ALARM_PATIENCE)
			return;
		s->alarmed_at = 0;
		atomic_store(&row->alarm, 0);
	}
	if (state == pack_verdict(d))
		return;
	if (s->mode == GUARD_MODE_OFF)
		return;
	if (d->attack && !(state >> 16 & 1)) {
		tally_forget_slow(&s->tally);
		s->dirty = true; /* what it has left must not become usual for the leader */
	}
	d->state = state & 0xff;
	d->class = state >> 8 & 0xff;
	d->attack = state >> 16 & 1;
	d->cookies = state >> 17 & 1;
	s->state_since = atomic_load(&v->since);
	service_plan_relief(t, s);
}

/* ---- the record ---- */

static void refresh_sources(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	struct sources *own = sources_of(t, slot);

	alarm_age_sources(t, slot);
	if (!is_shared(t) || s->config == UINT16_MAX) {
		sources_report(own, &s->attack.sources);
		return;
	}
	t->exchange->scratch = *own;
	exchange_merge_sources(t->exchange, t->guard, s->config, s->name_hash, t->now,
			       &t->exchange->scratch);
	sources_report(&t->exchange->scratch, &s->attack.sources);
}

/* is_slow() - or does it bring in a second, beyond what is usual, as many as the threshold is? */
static bool is_slow(const struct service *s)
{
	uint64_t usual = (uint64_t)s->detector.usual_x256 * DETECT_WINDOWS_S / 256;

	return s->attack.peak_rate < usual + s->limits.start;
}

/* classify() - the attack, by what has happened in the time that @of is about; a flood of SYNs stays one. */
static void classify(struct service *s, const struct tally_totals *of)
{
	s->attack.class = classify_attack(s->detector.cause, of, &s->attack.sources);
	if (s->attack.class == CLASS_SLOW && !is_slow(s))
		s->attack.class = CLASS_SPOOFED_FLOOD;
	s->detector.class = (uint8_t)s->attack.class;
}

static void note_destination(struct service *s, const struct destination *d)
{
	if (s->detector.cause == DETECT_BY_STRAY) /* these are counted for the service only */
		return;
	if (!d)
		d = tally_busiest(&s->tally);
	if (d) {
		s->attack.server = d->addr;
		s->attack.port = d->port;
	}
}

static void record_begin(struct turn *t, uint32_t slot, const struct destination *d)
{
	struct service *s = turn_service(t, slot);

	if (s->detector.attack && s->attack.number && !s->attack.over) { /* it has turned */
		s->attack.trigger = s->detector.cause;
	} else {
		s->counters.attacks++;
		s->attack = (struct attack_report){
			.number = s->counters.attacks,
			.trigger = s->detector.cause,
			.began = t->now,
		};
		memcpy(s->attack.service, s->name, sizeof(s->attack.service));
	}
	s->attack.last_seen = t->now;
	refresh_sources(t, slot);
	classify(s, &s->detector.window);
	note_destination(s, d);
}

/* is_worst() - was the last second worse than all before? */
static bool is_worst(const struct attack_report *r, const struct detector *d)
{
	if (d->cause == DETECT_BY_STRAY)
		return detect_strays(&d->second) > r->peak_stray;
	return d->second.syns > r->peak_rate;
}

/* record_window() - what the window that was just closed adds to the record. */
static void record_window(struct turn *t, uint32_t slot, const struct tally_look *look)
{
	struct service *s = turn_service(t, slot);
	struct detector *d = &s->detector;
	struct attack_report *r = &s->attack;
	bool second = d->windows % DETECT_WINDOWS_S == 0;
	bool first = r->peak_rate == 0 && d->cause != DETECT_BY_STRAY;

	r->last_seen = d->loud_at;
	r->syns += d->window.syns;
	r->completed += d->window.completed + d->window.many_done - d->window.many_reset;
	r->cookies_valid += d->window.cookies_valid;
	if (look->pending > r->peak_pending)
		r->peak_pending = look->pending;
	if (!first && (!second || !is_worst(r, d)))
		return;
	if (second) {
		r->peak_rate = d->second.syns;
		r->peak_stray = detect_strays(&d->second);
	}
	refresh_sources(t, slot);
	classify(s, &d->second);
	note_destination(s, NULL);
}

/* ---- what is told ---- */

void alarm_change(struct turn *t, uint32_t slot, enum detect_change change,
		  const struct destination *d)
{
	static const enum guard_event_kind kind[] = {
		[DETECT_SUSPECTED] = GUARD_EVENT_SUSPICION,
		[DETECT_UNSUSPECTED] = GUARD_EVENT_SUSPICION_OVER,
		[DETECT_BEGAN] = GUARD_EVENT_ATTACK_BEGAN,
		[DETECT_TURNED] = GUARD_EVENT_ATTACK_TURNED,
		[DETECT_RECOVERING] = GUARD_EVENT_ATTACK_RECEDES,
		[DETECT_RESUMED] = GUARD_EVENT_ATTACK_RESUMED,
		[DETECT_ENDED] = GUARD_EVENT_ATTACK_ENDED,
	};
	struct service *s = turn_service(t, slot);
	char why[ATTACK_EVIDENCE_MAX] = "";
	bool of_attack;

	if (change == DETECT_NO_CHANGE)
		return;
	s->state_since = t->now;
	if (change == DETECT_BEGAN || change == DETECT_TURNED)
		record_begin(t, slot, d);
	if (change == DETECT_ENDED) {
		tally_forget_slow(&s->tally);
		s->attack.over = true;
		s->attack.ended = t->now;
	}
	evidence_of(s, change, why);
	if (change == DETECT_BEGAN || change == DETECT_TURNED)
		memcpy(s->attack.evidence, why, sizeof(why));
	of_attack = change >= DETECT_BEGAN && s->attack.port;
	arena_event(t->a, kind[change], s->name, of_attack ? &s->attack.server : NULL,
		    of_attack ? s->attack.port : 0, pending_now(s), why);
	service_plan_relief(t, s);
	publish_verdict(t, s);
}

/* ---- the hard trigger ---- */

static void sound(struct turn *t, uint32_t slot, const struct tally_look *look,
		  const struct destination *d)
{
	struct service *s = turn_service(t, slot);

	if (leads(t)) {
		alarm_change(t, slot, detect_hard(&s->detector, look, t->now), d);
		return;
	}
	detect_hard(&s->detector, look, t->now);
	s->detector.class = CLASS_SPOOFED_FLOOD;
	s->alarmed_at = t->now;
	s->state_since = t->now;
	alarm_publish(t, slot);
	atomic_store(&exchange_row(t->exchange, t->guard, s->config)->alarm, 1);
	nudge_others(t);
	service_plan_relief(t, s);
}

/* consider_destinations() - one of several may be flooded while the service as a whole is not. */
static void consider_destinations(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	struct tally_look look;

	if (!s->tally.destination[1].used)
		return;
	for (uint32_t i = 0; i < DESTINATIONS && s->tally.destination[i].used; i++) {
		const struct destination *d = &s->tally.destination[i];

		if (d->pending < s->limits.start)
			continue;
		tally_look_at(&s->tally, d, &look);
		if (detect_is_hard(NULL, &look, &s->limits)) {
			sound(t, slot, &look, d);
			return;
		}
	}
}

/* consider() - after a handshake was opened: is it one too many? */
static void consider(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	uint32_t pending = pending_now(s);
	struct tally_look look;

	if (pending > s->half_open_peak)
		s->half_open_peak = pending;
	if (s->detector.cookies || pending < s->limits.start || s->looked == turn_tick(t))
		return;
	s->looked = turn_tick(t);
	own_look(s, &look);
	exchange_add_look(&look, &s->elsewhere);
	if (detect_is_hard(&s->detector, &look, &s->limits))
		sound(t, slot, &look, NULL);
	else
		consider_destinations(t, slot);
}

/* ---- what happens to handshakes ---- */

static void advance(struct turn *t, struct service *s)
{
	tally_advance(&s->tally, t->now, s->detector.state == GUARD_CALM);
	if (!is_shared(t) || !leads(t)) /* who leads others is always awake */
		detect_wake(&s->detector, t->now, &s->tally.total);
	s->dirty = true;
}

static struct tally_handshake handshake_of(const struct half_open *h)
{
	return (struct tally_handshake){
		.client = &h->client,
		.server = &h->server,
		.server_port = h->server_port,
		.concentrated = h->concentrated,
		.born = h->born,
	};
}

void alarm_age_sources(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	uint32_t second = (uint32_t)(t->now / USEC_PER_SEC), steps = second - s->sources_second;

	for (uint32_t i = 0; i < steps && i < 2; i++)
		sources_age(sources_of(t, slot));
	s->sources_second = second;
}

/* draw() - splitmix64; for sampling only. */
static uint32_t draw(struct guard_arena *a)
{
	uint64_t z = a->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	return (uint32_t)(z >> 32);
}

void service_syn(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);

	s->counters.syn_received++;
	s->tally.total.syns++;
	if ((uint32_t)(t->now / USEC_PER_SEC) != s->sources_second)
		alarm_age_sources(t, slot);
	sources_syn(sources_of(t, slot), in, draw(t->a));
}

void service_opened(struct turn *t, uint32_t slot, const struct pkt *in, uint32_t hi)
{
	struct service *s = turn_service(t, slot);
	struct tally_handshake shake = {
		.client = &in->src,
		.server = &in->dst,
		.server_port = in->dport,
		.born = turn_tick(t),
	};

	advance(t, s);
	if (hi == HALF_OPEN_NONE) {
		tally_cookie(&s->tally, &shake);
	} else if (tally_opened(&s->tally, &shake)) {
		half_open_at(t->a, hi)->concentrated = 1;
		s->half_opens.concentrated++;
	}
	if (hi != HALF_OPEN_NONE && t->config->one_way)
		service_answered(t, hi);
	consider(t, slot);
}

void service_answered(struct turn *t, uint32_t hi)
{
	const struct half_open *h = half_open_at(t->a, hi);
	struct tally_handshake shake = handshake_of(h);
	struct service *s = turn_service(t, h->service);

	if (h->exempt)
		return;
	advance(t, s);
	s->tally.total.synacks++;
	if (h->reset && !h->concentrated) /* it counts as answered since it was reset */
		return;
	tally_answered(&s->tally, &shake);
	if (h->reset)
		tally_reset(&s->tally, &shake);
}

void service_completed(struct turn *t, const struct half_open *h)
{
	struct tally_handshake shake = handshake_of(h);
	struct service *s = turn_service(t, h->service);

	s->counters.completed++;
	sources_completed(sources_of(t, h->service), &h->client);
	if (h->exempt || h->reset)
		return;
	advance(t, s);
	tally_completed(&s->tally, &shake);
}

void service_redeemed(struct turn *t, uint32_t slot, const struct pkt *in)
{
	struct service *s = turn_service(t, slot);

	s->counters.completed++;
	sources_completed(sources_of(t, slot), &in->src);
	advance(t, s);
	s->tally.total.cookies_valid++;
	tally_cookie_back(&s->tally, &in->src, &in->dst, in->dport);
}

void service_reset(struct turn *t, uint32_t hi)
{
	const struct half_open *h = half_open_at(t->a, hi);
	struct tally_handshake shake = handshake_of(h);
	struct service *s = turn_service(t, h->service);

	if (h->exempt)
		return;
	if (!h->answered &&
	    h->concentrated) /* nobody holds anything, unless the server answers yet */
		return;
	advance(t, s);
	if (!h->answered) /* faster than the server */
		tally_answered(&s->tally, &shake);
	tally_reset(&s->tally, &shake);
}

void service_disproved(struct turn *t, uint32_t hi)
{
	const struct half_open *h = half_open_at(t->a, hi);
	struct tally_handshake shake = handshake_of(h);

	if (h->exempt)
		return;
	advance(t, turn_service(t, h->service));
	tally_disproved(&turn_service(t, h->service)->tally, &shake);
}

void service_closed(struct turn *t, uint32_t hi)
{
	const struct half_open *h = half_open_at(t->a, hi);
	struct tally_handshake shake = handshake_of(h);
	struct service *s = turn_service(t, h->service);

	if (h->exempt)
		return;
	advance(t, s);
	tally_closed(&s->tally, &shake, h->answered);
}

void service_removed(struct guard_arena *a, const struct half_open *h)
{
	struct tally_handshake shake = handshake_of(h);

	if (!h->exempt)
		tally_removed(&a->service[h->service].tally, &shake);
}

void service_kept(struct guard_arena *a, const struct half_open *h)
{
	struct tally_handshake shake = handshake_of(h);

	if (!h->exempt)
		tally_kept(&a->service[h->service].tally, &shake);
}

void service_stray(struct turn *t, uint32_t slot, const struct pkt *in, bool of_server)
{
	struct service *s = turn_service(t, slot);
	struct tally_totals *total = &s->tally.total;

	if (of_server) {
		total->server_rsts += (in->flags & TCP_RST) != 0;
		return;
	}
	if (in->flags & TCP_SYN)
		total->stray_synacks++;
	else if (in->flags & TCP_RST)
		total->stray_rsts++;
	else if (in->payload_len == 0)
		total->stray_acks++;
	else
		return;
	if (s->detector.window_ends == 0)
		advance(t, s);
	s->dirty = true;
}

/* ---- time ---- */

void alarm_publish(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	struct tally_look look;

	if (!is_shared(t) || s->config == UINT16_MAX)
		return;
	if (!s->alarmed_at) /* an alarm of the service that had the row before, or one that is past */
		atomic_store(&exchange_row(t->exchange, t->guard, s->config)->alarm, 0);
	own_look(s, &look);
	exchange_publish(t->exchange, t->guard, s->config, s->name_hash, t->now, &s->tally.total,
			 &look);
	if (s->detector.state != GUARD_CALM && !leads(t)) {
		alarm_age_sources(t, slot);
		exchange_publish_sources(t->exchange, t->guard, s->config, s->name_hash, t->now,
					 sources_of(t, slot));
	}
	s->dirty = false;
}

void alarm_exchange(struct turn *t)
{
	if (!is_shared(t) || t->now - t->a->exchanged < EXCHANGE_INTERVAL)
		return;
	t->a->exchanged = t->now;
	for (uint32_t slot = 0; slot < t->a->n_services; slot++) {
		struct service *s = turn_service(t, slot);
		bool alarm;

		if (s->config == UINT16_MAX || s->mode == GUARD_MODE_OFF)
			continue;
		if (s->dirty)
			alarm_publish(t, slot);
		if (!leads(t))
			adopt(t, s);
		alarm = exchange_others(t->exchange, t->guard, s->config, s->name_hash, t->now,
					NULL, &s->elsewhere);
		if (leads(t) && alarm && !s->detector.cookies) {
			struct tally_look look;

			own_look(s, &look);
			exchange_add_look(&look, &s->elsewhere);
			sound(t, slot, &look, NULL);
		}
	}
}

/* follow_window() - a window of a guard that follows: only its tally goes on. */
static void follow_window(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);

	alarm_publish(t, slot);
	consider(t, slot); /* clients have had more time to answer since the last SYN */
	s->detector.window_ends = tally_is_idle(&s->tally) ? 0 : t->now + DETECT_WINDOW;
}

/* look_everywhere() - what all guards say together. */
static void look_everywhere(struct turn *t, struct service *s, struct tally_totals *total,
			    struct tally_look *look)
{
	struct tally_totals others;

	*total = s->tally.total;
	own_look(s, look);
	if (!is_shared(t) || s->config == UINT16_MAX)
		return;
	exchange_others(t->exchange, t->guard, s->config, s->name_hash, t->now, &others,
			&s->elsewhere);
	exchange_add_look(look, &s->elsewhere);
#define TOTAL(name) total->name += others.name;
	TALLY_TOTALS(TOTAL)
#undef TOTAL
}

/* heard() - the other guards that have a row for the service, a bit for each. */
static uint64_t heard(const struct turn *t, const struct service *s)
{
	uint64_t guards = 0;

	if (!is_shared(t) || s->config == UINT16_MAX)
		return 0;
	for (uint32_t g = 0; g < t->exchange->guards; g++) {
		if (g != t->guard &&
		    atomic_load(&exchange_row(t->exchange, g, s->config)->name) == s->name_hash)
			guards |= (uint64_t)1 << g;
	}
	return guards;
}

/*
 * look_anew() - where a guard has come or gone since the last window, as in a reload, the totals before
 * and now are not of the same guards: their difference is not what has happened, and may be below zero.
 */
static void look_anew(struct turn *t, struct service *s, struct tally_totals *total,
		      struct tally_look *look)
{
	uint64_t guards = heard(t, s);

	look_everywhere(t, s, total, look);
	if (heard(t, s) != guards)
		guards = ~(uint64_t)0; /* nobody knows; the next window does not either */
	if (guards != s->heard || guards == ~(uint64_t)0)
		s->detector.last = s->detector.last_second = *total;
	s->heard = guards;
}

static void lead_window(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	struct tally_totals total;
	struct tally_look look;
	enum detect_change change;

	look_anew(t, s, &total, &look);
	change = detect_window(&s->detector, &s->limits, &total, &look, t->now);
	if (s->detector.attack || change == DETECT_ENDED)
		record_window(t, slot, &look);
	alarm_change(t, slot, change, NULL);
	publish_verdict(t, s); /* for what is usual */
	if (!is_shared(t) && tally_is_idle(&s->tally))
		detect_sleep(&s->detector);
}

/* wakes_itself() - who leads others must count windows even if it gets no packets itself. */
static bool wakes_itself(const struct exchange *e, uint32_t guard, const struct service *s)
{
	return e && e->guards > 1 && guard == 0 && s->detector.window_ends == 0 &&
	       s->config != UINT16_MAX && s->mode != GUARD_MODE_OFF;
}

void alarm_expire(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);

	if (wakes_itself(t->exchange, t->guard, s)) {
		struct tally_totals total;
		struct tally_look look;

		look_everywhere(t, s, &total, &look);
		detect_wake(&s->detector, t->now, &total);
	}
	if (!s->detector.window_ends || s->detector.window_ends > t->now)
		return;
	tally_advance(&s->tally, t->now, s->detector.state == GUARD_CALM);
	if (leads(t))
		lead_window(t, slot);
	else
		follow_window(t, slot);
}

usec_t alarm_deadline(const struct guard *g, const struct service *s)
{
	usec_t when = detect_deadline(&s->detector);

	if (wakes_itself(g->exchange, g->index, s))
		return g->arena->now;
	if (g->exchange && g->exchange->guards > 1 && s->dirty && s->config != UINT16_MAX &&
	    s->mode != GUARD_MODE_OFF && g->arena->exchanged + EXCHANGE_INTERVAL < when)
		when = g->arena->exchanged + EXCHANGE_INTERVAL;
	return when;
}

void alarm_configure(struct turn *t)
{
	struct exchange *e = t->exchange;

	if (!is_shared(t))
		return;
	for (uint32_t i = 0; i < GUARD_SERVICES_MAX; i++) {
		/* once the service that was here comes back, what it was then must not count */
		atomic_store(&exchange_row(e, t->guard, i)->name, 0);
		if (leads(t))
			atomic_store(&e->verdict[i].name, 0);
	}
	for (uint32_t slot = 0; slot < t->a->n_services; slot++) {
		alarm_publish(t, slot);
		if (leads(t))
			publish_verdict(t, turn_service(t, slot));
	}
}

/* alarm_stop() - nobody looks at the service's packets any more. */
void alarm_stop(struct turn *t, uint32_t slot)
{
	struct service *s = turn_service(t, slot);
	struct tally_totals total = s->tally.total;
	struct delays delays = s->tally.delays;
	enum detect_change change = DETECT_NO_CHANGE;

	if (s->detector.attack)
		change = DETECT_ENDED;
	detect_stop(&s->detector);
	s->detector.window_ends = 0;
	s->alarmed_at = 0;
	memset(&s->elsewhere, 0, sizeof(s->elsewhere));
	tally_init(&s->tally, &t->a->table_key);
	s->tally.total = total;
	s->tally.delays = delays;
	if (leads(t))
		alarm_change(t, slot, change, NULL);
	s->state_since = t->now;
	alarm_publish(t, slot);
}

void guard_join(struct guard *g, struct exchange *e, uint32_t index)
{
	g->exchange = e;
	g->index = index;
}

uint64_t guard_nudges(const struct guard *g)
{
	struct exchange *e = g->exchange;
	uint64_t mine = (uint64_t)1 << g->index, all;

	if (!e || !atomic_load_explicit(&e->nudged, memory_order_relaxed))
		return 0;
	all = atomic_exchange(&e->nudged, 0);
	return all & ~mine & (e->guards < 64 ? ((uint64_t)1 << e->guards) - 1 : ~(uint64_t)0);
}
