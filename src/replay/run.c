/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation
 * -------------------
 * The guard of the core is driven by the capture's own time: before a packet is shown to it, everything
 * that time demands until then has been done, at the moment at which it was due. It watches as in the
 * mode `monitor`, whatever is configured: a capture is what happened without the guard, and an answer to
 * a SYN would never be acknowledged in it. What it wants to send goes nowhere.
 *
 * Every so often (a tenth of a bin) the services' figures are read and added to the time-line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "replay/clock.h"
#include "replay/decode.h"
#include "replay/result.h"

/* The daemon looks at its timers about that often while packets arrive. */
#define LOOK		USEC_PER_MSEC
#define SAMPLES_A_BIN	10
#define BINS_MAX	600
#define EVENTS_AT_ONCE	64
#define CHANGES_AT_ONCE 64

struct run {
	struct replay *r;
	struct guard guard;
	struct guard_config config;
	void *arena;
	size_t arena_bytes;
	struct actions out;
	struct onset_ring onset;
	struct decoder decoder;
	struct replay_clock clock;
	usec_t due, next_sample, sample_every;
	uint64_t next_event;
};

usec_t replay_width(usec_t duration, uint32_t max, usec_t unit)
{
	static const uint32_t widths_ms[] = {
		10,	100,	1000,	 2000,	  5000,	    10000,    30000,	 60000,
		300000, 600000, 1800000, 3600000, 21600000, 86400000, 604800000, 2592000000u};
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(widths_ms) && (widths_ms[i] * USEC_PER_MSEC * max < duration ||
						 (unit && widths_ms[i] * USEC_PER_MSEC % unit)))
		i++;
	return widths_ms[i] * USEC_PER_MSEC;
}

usec_t replay_bin_span(const struct replay *r, uint32_t i)
{
	usec_t from = r->from + i * r->width;

	if (i + 1 < r->n_bins || r->survey.duration < from + r->width / 2)
		return r->width;
	return r->survey.duration + 1 - from;
}

static struct replay_bin *bin_at(const struct replay *r, const struct replay_service *s, usec_t t)
{
	usec_t i = t > r->from ? (t - r->from) / r->width : 0;

	return &s->bin[i < r->n_bins ? i : r->n_bins - 1];
}

static uint32_t grown(uint64_t now, uint64_t before)
{
	return now > before ? (uint32_t)(now - before) : 0;
}

static void note_change(struct replay_service *s, usec_t time, uint8_t state)
{
	if (s->n_changes && s->change[s->n_changes - 1].state == state)
		return;
	if (s->n_changes % CHANGES_AT_ONCE == 0) {
		size_t bytes = (s->n_changes + CHANGES_AT_ONCE) * sizeof(*s->change);
		struct replay_change *more = realloc(s->change, bytes);

		if (!more)
			return;
		s->change = more;
	}
	s->change[s->n_changes++] = (struct replay_change){.time = time, .state = state};
}

/* attack_latest() - the one that is not over; NULL if there is none. */
static struct replay_attack *attack_latest(struct replay_service *s)
{
	if (!s->n_attacks || s->more_attacks || s->attack[s->n_attacks - 1].over)
		return NULL;
	return &s->attack[s->n_attacks - 1];
}

/* update_record() - what the guard itself has written down about its latest attack. */
static void update_record(struct run *run, uint32_t index)
{
	struct replay_attack *a = attack_latest(&run->r->service[index]);

	if (a && guard_report_attack(&run->guard, index, &a->record))
		a->recorded = true;
}

/* sample() - add to the time-line what has happened until @t (virtual, from 0). */
static void sample(struct run *run, usec_t t)
{
	struct replay *r = run->r;

	for (uint32_t i = 0; i < r->n_services; i++) {
		struct replay_service *s = &r->service[i];
		struct replay_bin *b = bin_at(r, s, t ? t - 1 : 0);
		struct guard_counters *was = &s->report.counters;
		struct service_report now;

		if (!guard_report_service(&run->guard, i, CLOCK_START + t, &now))
			continue;
		b->syn += grown(now.counters.syn_received, was->syn_received);
		b->synack += grown(now.counters.synack_seen, was->synack_seen);
		b->completed += grown(now.counters.completed, was->completed);
		b->timeouts += grown(now.counters.half_open_timeouts, was->half_open_timeouts);
		if (now.half_open > b->half_open)
			b->half_open = now.half_open;
		if (now.state > b->state)
			b->state = (uint8_t)now.state;
		note_change(s, now.state_since > CLOCK_START ? now.state_since - CLOCK_START : 0,
			    (uint8_t)now.state);
		s->report = now;
		update_record(run, i);
	}
}

/* note_cookies() - they would have been switched on by @e, if the mode allows it. */
static void note_cookies(const struct replay_service *s, struct replay_attack *a,
			 const struct guard_event *e)
{
	if (a->cookies || s->mode != GUARD_MODE_ADAPTIVE || !a->recorded ||
	    !attack_class_is_flood(a->record.class))
		return;
	a->cookies = true;
	a->cookies_from = e->time - CLOCK_START;
}

static struct replay_service *service_named(struct replay *r, const char *name)
{
	for (uint32_t i = 0; i < r->n_services; i++) {
		if (strcmp(r->service[i].name, name) == 0)
			return &r->service[i];
	}
	return NULL;
}

static void attack_began(struct run *run, struct replay_service *s, const struct guard_event *e,
			 usec_t now)
{
	struct replay_attack *a;

	if (s->n_attacks == REPLAY_ATTACKS_MAX) {
		s->more_attacks++;
		return;
	}
	if (!s->attack)
		s->attack = calloc(REPLAY_ATTACKS_MAX, sizeof(*s->attack));
	if (!s->attack)
		return;
	a = &s->attack[s->n_attacks++];
	a->noticed = e->time - CLOCK_START;
	a->pending = (uint32_t)e->value;
	a->began = s->report.counters;
	snprintf(a->first_evidence, sizeof(a->first_evidence), "%s", e->detail);
	a->onset_known = onset_find(&run->onset, &run->guard, s->name, now, &a->onset);
	if (a->onset_known)
		a->onset.first -= CLOCK_START;
}

static void take_event(struct run *run, const struct guard_event *e, usec_t now)
{
	struct replay_service *s = service_named(run->r, e->service);
	struct replay_attack *a = s ? attack_latest(s) : NULL;
	struct replay *r = run->r;

	if (r->n_events < REPLAY_EVENTS_MAX) {
		r->event[r->n_events] = *e;
		r->event[r->n_events++].time = e->time > CLOCK_START ? e->time - CLOCK_START : 0;
	} else {
		r->more_events++;
	}
	if (e->kind == GUARD_EVENT_ATTACK_BEGAN && s && !a) {
		attack_began(run, s, e, now);
		a = attack_latest(s);
	}
	if (a) {
		update_record(run, (uint32_t)(s - r->service));
		note_cookies(s, a, e);
	}
	if (e->kind == GUARD_EVENT_ATTACK_ENDED && a) {
		a->over = true;
		a->ended = e->time - CLOCK_START;
		a->end = s->report.counters;
	}
}

/* look() - have there been events? @now: virtual, as the guard knows it. */
static void look(struct run *run, usec_t now)
{
	struct guard_event rows[EVENTS_AT_ONCE];
	uint32_t n;

	while ((n = guard_report_events(&run->guard, run->next_event, rows, EVENTS_AT_ONCE)) > 0) {
		sample(run, now - CLOCK_START);
		for (uint32_t i = 0; i < n; i++)
			take_event(run, &rows[i], now);
		run->next_event = rows[n - 1].number + 1;
	}
}

static void expire(struct run *run, usec_t t)
{
	do {
		run->out.n_tx = 0;
		guard_expire(&run->guard, t, &run->out);
	} while (run->out.n_tx + GUARD_TX_PER_INPUT > GUARD_TX_MAX);
	run->out.n_tx = 0;
}

/* advance() - let time pass until @now, and do what is due on the way. */
static void advance(struct run *run, usec_t now)
{
	for (;;) {
		usec_t t = run->due < run->next_sample ? run->due : run->next_sample;

		if (t > now)
			return;
		expire(run, t);
		look(run, t);
		if (t >= run->next_sample) {
			sample(run, t - CLOCK_START);
			run->next_sample += run->sample_every;
		}
		run->due = guard_deadline(&run->guard);
		if (run->due <
		    t + LOOK) /* timers are exact to 8 ms: not the same one over and over */
			run->due = t + LOOK;
	}
}

static void input(struct run *run, usec_t now, struct pkt *p)
{
	if (p->kind == PKT_TCP && (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		onset_remember(&run->onset, now, p);
	guard_input(&run->guard, now, p, 0, &run->out);
	run->out.n_tx = 0;
	if (run->due > now + LOOK)
		run->due = now + LOOK;
}

/* finish() - the last moment of the capture. */
static void finish(struct run *run)
{
	struct replay *r = run->r;
	struct guard_report g;

	advance(run, run->clock.now);
	look(run, run->clock.now);
	sample(run, run->clock.now - CLOCK_START + 1);
	for (uint32_t i = 0; i < r->n_services; i++) {
		struct replay_attack *a = attack_latest(&r->service[i]);

		if (!a)
			continue;
		a->ended = run->clock.now - CLOCK_START;
		a->end = r->service[i].report.counters;
	}
	guard_report(&run->guard, &g);
	r->unguarded = g.unguarded;
}

static int open_guard(struct run *run)
{
	/* fixed, so that the same file always gives the same report */
	static const uint8_t seed[GUARD_SEED_BYTES] = "tcpguardd --replay";
	const struct conf *c = run->r->conf;
	struct guard_limits limits = {.max_flows = c->max_flows, .max_half_open = c->max_half_open};

	run->config = c->guard;
	run->config.workers = 1;
	run->config.one_way = run->r->one_way;
	for (uint32_t i = 0; i < run->config.n_services; i++)
		run->config.service[i].mode = GUARD_MODE_MONITOR;
	run->arena_bytes = guard_arena_size(&limits);
	run->arena = mmap(NULL, run->arena_bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (run->arena == MAP_FAILED) {
		run->arena = NULL;
		return -ENOMEM;
	}
	return guard_init(&run->guard, run->arena, &limits, &run->config, CLOCK_START, seed);
}

/*
 * choose_timeline() - all of the capture; but without the beginning if there is not a SYN in more than
 * the first half, so that what happens at the end can be seen.
 */
static void choose_timeline(struct replay *r)
{
	usec_t all = r->survey.duration, first = r->survey.first_syn, lead = (all - first) / 3;

	if (r->survey.syn && first > all / 2)
		r->from = first > lead ? first - lead : 0;
	r->width = replay_width(all - r->from, BINS_MAX, 0);
	r->from -= r->from % r->width;
	r->n_bins = (uint32_t)((all - r->from + r->width / 2) / r->width);
}

/* make_room() - for the figures of each service. */
static int make_room(struct replay *r)
{
	const struct guard_config *g = &r->conf->guard;

	choose_timeline(r);
	r->one_way = r->survey.syn && !r->survey.answers;
	if (r->n_bins == 0)
		r->n_bins = 1;
	r->service = calloc(g->n_services, sizeof(*r->service));
	r->event = calloc(REPLAY_EVENTS_MAX, sizeof(*r->event));
	if (!r->service || !r->event)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_services; i++) {
		struct replay_service *s = &r->service[r->n_services++];

		memcpy(s->name, g->service[i].name, sizeof(s->name));
		s->mode = g->service[i].mode;
		s->bin = calloc(r->n_bins, sizeof(*s->bin));
		if (!s->bin)
			return -ENOMEM;
	}
	return 0;
}

static int play(struct run *run, char *why)
{
	struct capture c;
	struct frame f;
	struct pkt p;
	int rc = capture_open(&c, run->r->file, why);

	if (rc < 0)
		return rc;
	while (capture_next(&c, &f)) {
		usec_t now = clock_frame(&run->clock, &f);

		if (!decode_frame(&run->decoder, &f, &p))
			continue;
		if (now >= run->due || now >= run->next_sample)
			advance(run, now);
		input(run, now, &p);
	}
	capture_close(&c);
	return 0;
}

int replay_run_capture(struct replay *r, char *why)
{
	struct run *run = calloc(1, sizeof(*run));
	int rc = run ? make_room(r) : -ENOMEM;

	if (rc == 0) {
		run->r = r;
		run->clock.now = CLOCK_START;
		run->onset.began = CLOCK_START;
		rc = open_guard(run);
	}
	if (rc == 0) {
		run->sample_every = r->width / SAMPLES_A_BIN;
		run->next_sample = CLOCK_START + r->from + run->sample_every;
		run->due = CLOCK_START;
		run->next_event = 1;
		rc = play(run, why);
		if (rc == 0)
			finish(run);
	} else {
		snprintf(why, CAPTURE_WHY_MAX, "cannot be replayed: not enough memory");
	}
	if (run && run->arena)
		munmap(run->arena, run->arena_bytes);
	free(run);
	return rc;
}

void replay_free(struct replay *r)
{
	for (uint32_t i = 0; i < r->n_services; i++) {
		free(r->service[i].bin);
		free(r->service[i].change);
		free(r->service[i].attack);
	}
	free(r->service);
	free(r->event);
}

bool replay_one_direction(const struct replay_service *s)
{
	const struct guard_counters *c = &s->report.counters;

	return c->packets_in && !c->packets_out;
}

const char *replay_direction(const struct replay_service *s)
{
	const struct guard_counters *c = &s->report.counters;

	if (c->packets_in && c->packets_out)
		return "both";
	if (c->packets_in)
		return "to the server only";
	return c->packets_out ? "from the server only" : "no packets";
}
