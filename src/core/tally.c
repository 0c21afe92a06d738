/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tally.h"

#include <string.h>

#include "core/arena.h"

/*
 * What is assumed of clients before any was seen: 60 ms in the median, one in six beyond 131 ms. In
 * 1/1024; it weighs as much as PRIOR_CLIENTS clients and is forgotten with them.
 */
static const uint8_t prior[COHORTS + 1] = {7,  47, 82, 95, 94, 87, 78, 68, 59, 51, 44,
					   38, 33, 28, 24, 21, 19, 16, 14, 12, 11, 10,
					   8,  8,  7,  6,  5,  5,  4,  4,  3,  3,  33};

/*
 * The histogram is halved when it holds that many clients: enough that a bin is known to a percent, few
 * enough that a busy service follows a change of the network within seconds.
 */
#define LEARNED_MAX (8192 * CLIENT_WEIGHT)

/*
 * Handshakes that are never completed become usual, too, but at most up to a quarter of all: no service
 * loses more of its clients, and a flood that creeps in must not teach more than that.
 */
#define TAIL_MAX(total) ((total) / 4)

/* Completions that the share of cookies among them rests on. */
#define TIMED_MAX 1024
#define UNTIMED	  UINT32_MAX

/* When half of a cookie's clients have answered, for want of its birth: the cohort it is booked to. */
#define COOKIE_LAG_MAX (COHORTS / 2)

/* How long what was reset counts as in flight, in ticks. */
#define FLIGHT_TICKS ticks_in(FLIGHT_WINDOWS *FLIGHT_WINDOW)

void tally_init(struct tally *t, const struct siphash_key *key)
{
	memset(t, 0, sizeof(*t));
	t->key = *key;
	for (uint32_t i = 0; i <= COHORTS; i++) {
		t->delays.bin[i] = prior[i];
		t->delays.total += prior[i];
	}
}

/* delays_good() - do they add up? */
static bool delays_good(const struct delays *d)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i <= COHORTS; i++)
		total += d->bin[i];
	return total == d->total && total >= PRIOR_CLIENTS && total <= 2 * LEARNED_MAX;
}

void tally_resume(struct tally *t)
{
	struct tally old = *t;
	uint32_t n = 0;

	tally_init(t, &old.key);
	if (delays_good(&old.delays))
		t->delays = old.delays;
	t->total = old.total;
	t->all.head = old.all.head;
	t->window = old.window;
	t->second = old.second;
	memcpy(t->source, old.source, sizeof(t->source));
	for (uint32_t i = 0; i < FLIGHT_WINDOWS; i++) {
		int32_t w = old.in_flight[i];

		t->in_flight[i] = w > -FLIGHT_MAX && w < FLIGHT_MAX ? w : 0;
		t->in_flight_sum += t->in_flight[i];
	}
	for (uint32_t i = 0; i < DESTINATIONS && old.destination[i].used; i++)
		t->destination[n++] = (struct destination){
			.addr = old.destination[i].addr,
			.port = old.destination[i].port,
			.used = true,
			.since = old.destination[i].since,
			.opened = old.destination[i].opened,
			.hit = old.destination[i].hit,
			.lane.head = t->all.head,
		};
}

/* ---- what clients take ---- */

static void halve_delays(struct delays *d)
{
	d->total = 0;
	for (uint32_t i = 0; i <= COHORTS; i++) {
		d->bin[i] -= d->bin[i] / 2;
		d->total += d->bin[i];
	}
}

static void learn(struct delays *d, uint32_t bin, uint32_t clients)
{
	d->bin[bin] += clients * CLIENT_WEIGHT;
	d->total += clients * CLIENT_WEIGHT;
	while (d->total > LEARNED_MAX)
		halve_delays(d);
}

/*
 * learn_late() - @n of a cohort were not completed in time. Cookies do not say how long their clients
 * took, so of these, too, only that share is learned from; and some of theirs are booked to another cohort,
 * so that one has completed more than there were: @n is negative then.
 */
static void learn_late(struct delays *d, int32_t n)
{
	uint32_t tail = d->bin[COHORTS], max = TAIL_MAX(d->total);
	uint32_t room = tail < max ? (max - tail) / CLIENT_WEIGHT : 0;
	uint32_t late;

	d->late += n;
	late = d->late > 0 && d->done ? (uint32_t)d->late * d->timed / d->done : 0;
	if (d->late > 0 && (late || d->done == 0 || d->timed == 0))
		d->late = 0;
	if (late > room)
		late = room;
	if (late)
		learn(d, COHORTS, late);
}

/* count_timed() - a client has completed; is it known how long it took? */
static void count_timed(struct delays *d, bool timed)
{
	d->done++;
	d->timed += timed;
	if (d->done >= TIMED_MAX) {
		d->done /= 2;
		d->timed /= 2;
	}
}

/* slow_tick() - what seven in eight clients take less than. */
static uint32_t slow_tick(const struct delays *d)
{
	uint32_t longer = d->total, tick = 0;

	while (tick < COHORTS && longer > d->total / 8)
		longer -= d->bin[tick++];
	return tick > WIDE_MIN ? tick : WIDE_MIN;
}

/* ---- cohorts ---- */

static struct cohort *cohort_of(struct lane *l, uint32_t tick)
{
	if (l->head - tick >= COHORTS) /* too old, or of the future */
		return NULL;
	return &l->cohort[tick % COHORTS];
}

/* retire() - a cohort has passed through all ages. */
static void retire(struct cohort *c, struct delays *d)
{
	if (d && c->answered != c->completed)
		learn_late(d, c->answered - c->completed);
	*c = (struct cohort){0};
}

/* advance_lane() - @d: who learns from those who are late; NULL: nobody. */
static void advance_lane(struct lane *l, uint32_t tick, struct delays *d)
{
	uint32_t steps = tick - l->head;

	if (steps > COHORTS)
		steps = COHORTS;
	for (uint32_t i = 1; i <= steps; i++)
		retire(&l->cohort[(l->head + i) % COHORTS], d);
	l->head = tick;
}

static void count_opened(struct lane *l, uint32_t born)
{
	struct cohort *c = cohort_of(l, born);

	if (c && c->opened < UINT16_MAX)
		c->opened++;
}

static void count_answered(struct lane *l, uint32_t born)
{
	struct cohort *c = cohort_of(l, born);

	if (c && c->answered < UINT16_MAX)
		c->answered++;
}

/* count_completed() - in the wrong cohort, where a cookie does not say which: then it may have too many. */
static void count_completed(struct lane *l, uint32_t born)
{
	struct cohort *c = cohort_of(l, born);

	if (c && c->completed < UINT16_MAX)
		c->completed++;
}

/* ---- sources ---- */

static uint32_t source_key(const struct tally *t, const struct ip_addr *a)
{
	uint64_t word[2];

	if (ip_addr_is_v4(a))
		return (uint32_t)siphash13_u32(&t->key, a->w[3]);
	memcpy(word, a, sizeof(word));
	return (uint32_t)siphash13_2words(&t->key, word[0], word[1]);
}

static void forget_some(struct source_watch *s, uint8_t second)
{
	for (; s->second != second && s->open; s->second++) {
		s->open -= (s->open + 3) / 4;
		s->cookies -= (s->cookies + 3) / 4;
	}
	s->second = second;
}

/* find_source() - what is known of a source; it becomes the newest of its set. NULL: nothing. */
static struct source_watch *find_source(struct tally *t, uint32_t key)
{
	struct source_watch *set = t->source[key % SOURCE_SETS];

	if (set[0].key != key) {
		struct source_watch newer = set[1];

		if (newer.key != key)
			return NULL;
		set[1] = set[0];
		set[0] = newer;
	}
	forget_some(&set[0], (uint8_t)t->second);
	return &set[0];
}

/* source_opens() - Return: does it have another one open? */
static bool source_opens(struct tally *t, const struct ip_addr *client)
{
	uint32_t key = source_key(t, client);
	struct source_watch *set = t->source[key % SOURCE_SETS];
	struct source_watch *s = find_source(t, key);

	if (!s) {
		set[1] = set[0];
		set[0] = (struct source_watch){
			.key = key,
			.open = 1,
			.second = (uint8_t)t->second,
		};
		return false;
	}
	if (s->open < UINT16_MAX)
		s->open++;
	return s->open > 1;
}

static void source_ends(struct tally *t, const struct ip_addr *client)
{
	struct source_watch *s = find_source(t, source_key(t, client));

	if (s && s->open > 0)
		s->open--;
}

/* ---- destinations ---- */

static struct destination *find_destination(struct tally *t, const struct tally_handshake *h)
{
	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		struct destination *d = &t->destination[i];

		if (d->used && d->addr.w[3] == h->server->w[3] && d->port == h->server_port &&
		    ip_addr_eq(&d->addr, h->server))
			return h->born - d->since > UINT32_MAX / 2 ? NULL : d;
		if (!d->used)
			break;
	}
	return NULL;
}

/* take_destination() - instead of the idlest one, if that has been idle for a while. */
static struct destination *take_destination(struct tally *t, const struct tally_handshake *h)
{
	struct destination *best = &t->destination[0];

	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		struct destination *d = &t->destination[i];

		if (!d->used || d->opened < best->opened)
			best = d;
		if (!d->used)
			break;
	}
	if (best->used && best->opened > 1) {
		best->opened--; /* Misra and Gries again, for one place */
		return NULL;
	}
	*best = (struct destination){
		.addr = *h->server,
		.port = h->server_port,
		.used = true,
		.since = h->born,
		.lane.head = t->all.head,
	};
	return best;
}

static void age_destinations(struct tally *t)
{
	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		t->destination[i].opened /= 2;
		t->destination[i].hit /= 2;
	}
}

const struct destination *tally_busiest(const struct tally *t)
{
	const struct destination *best = NULL;

	for (uint32_t i = 0; i < DESTINATIONS; i++) {
		const struct destination *d = &t->destination[i];

		if (d->used && (!best || d->hit > best->hit))
			best = d;
	}
	return best;
}

/* ---- time ---- */

static void advance_windows(struct tally *t, uint32_t window)
{
	uint32_t steps = window - t->window;

	if (steps > FLIGHT_WINDOWS)
		steps = FLIGHT_WINDOWS;
	for (uint32_t i = 1; i <= steps; i++) {
		int32_t *w = &t->in_flight[(t->window + i) % FLIGHT_WINDOWS];

		t->in_flight_sum -= *w;
		*w = 0;
	}
	t->window = window;
}

static void advance_seconds(struct tally *t, uint32_t second)
{
	uint32_t steps = second - t->second;

	if (steps > SLOW_SECONDS)
		steps = SLOW_SECONDS;
	for (uint32_t i = 1; i <= steps; i++) {
		memset(&t->slow[(t->second + i) % SLOW_SECONDS], 0, sizeof(t->slow[0]));
		age_destinations(t);
	}
	t->second = second;
}

static uint32_t second_of(uint32_t tick)
{
	return tick >> 7; /* 1.05 s */
}

static void advance_done(struct tally *t, uint32_t tick)
{
	uint32_t steps = tick - t->all.head;

	for (uint32_t i = 1; i <= steps && i <= COHORTS; i++)
		t->done[(t->all.head + i) % COHORTS] = (struct done){0};
	t->slow_tick = slow_tick(&t->delays);
}

void tally_advance(struct tally *t, usec_t now, bool may_learn)
{
	uint32_t tick = tick_of(now);

	if (tick == t->all.head)
		return;
	advance_done(t, tick);
	advance_lane(&t->all, tick, may_learn ? &t->delays : NULL);
	for (uint32_t i = 0; i < DESTINATIONS && t->destination[i].used; i++)
		advance_lane(&t->destination[i].lane, tick, NULL);
	advance_windows(t, (uint32_t)(now / FLIGHT_WINDOW));
	advance_seconds(t, second_of(tick));
}

/* ---- handshakes ---- */

bool tally_opened(struct tally *t, const struct tally_handshake *h)
{
	bool concentrated = source_opens(t, h->client);
	struct destination *d;

	t->total.opened++;
	if (concentrated) {
		t->total.many_opened++;
		d = find_destination(t, h);
		if (d)
			d->hit++;
		return true;
	}
	count_opened(&t->all, h->born);
	d = find_destination(t, h);
	if (!d)
		d = take_destination(t, h);
	if (d) {
		count_opened(&d->lane, h->born);
		d->opened++;
		d->hit++;
		d->pending++;
	}
	return false;
}

static void slow_add(struct tally *t, uint32_t born, uint32_t answered, uint32_t done)
{
	uint32_t second = second_of(born);

	if (t->second - second >= SLOW_SECONDS)
		return;
	t->slow[second % SLOW_SECONDS].answered += answered;
	t->slow[second % SLOW_SECONDS].done += done;
}

static void slow_add_many(struct tally *t, uint32_t born, uint32_t answered, uint32_t done)
{
	uint32_t second = second_of(born);

	if (t->second - second >= SLOW_SECONDS)
		return;
	t->slow[second % SLOW_SECONDS].many_answered += answered;
	t->slow[second % SLOW_SECONDS].many_done += done;
}

/* many_ended() - a concentrated handshake is over, and nobody holds it open. */
static void many_ended(struct tally *t, uint32_t born)
{
	t->total.many_done++;
	slow_add_many(t, born, 0, 1);
}

void tally_answered(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d;

	if (h->concentrated) {
		t->total.many_answered++;
		slow_add_many(t, h->born, 1, 0);
		return;
	}
	t->total.answered++;
	slow_add(t, h->born, 1, 0);
	count_answered(&t->all, h->born);
	d = find_destination(t, h);
	if (d)
		count_answered(&d->lane, h->born);
}

static void leave_cohorts(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d = find_destination(t, h);

	count_completed(&t->all, h->born);
	if (d)
		count_completed(&d->lane, h->born);
}

/* count_done() - @took: UNTIMED where nobody knows. */
static void count_done(struct tally *t, uint32_t took)
{
	struct done *d = &t->done[t->all.head % COHORTS];

	count_timed(&t->delays, took != UNTIMED);
	if (d->all == UINT16_MAX)
		return;
	d->all++;
	d->timed += took != UNTIMED;
	d->late += took != UNTIMED && took > t->slow_tick;
}

void tally_completed(struct tally *t, const struct tally_handshake *h)
{
	uint32_t took = t->all.head - h->born;

	source_ends(t, h->client);
	if (h->concentrated) {
		many_ended(t, h->born);
		return;
	}
	if (took < COHORTS) /* one source teaches no more than one handshake at a time can */
		learn(&t->delays, took, 1);
	t->total.completed++;
	count_done(t, took);
	slow_add(t, h->born, 0, 1);
	leave_cohorts(t, h);
}

/*
 * A reset handshake stays in its cohort as one that was not completed, and stays pending for a while: a
 * RST whose TTL takes it to the guard, but not to the server, must hide nothing. One source is believed
 * what it does many times, for a scanner does just that.
 */
void tally_reset(struct tally *t, const struct tally_handshake *h)
{
	if (h->concentrated) {
		many_ended(t, h->born);
		t->total.many_reset++;
		return;
	}
	t->total.reset++;
	slow_add(t, h->born, 0, 1);
	if (t->second - second_of(h->born) < SLOW_SECONDS)
		t->slow[second_of(h->born) % SLOW_SECONDS].reset++;
	t->in_flight[t->window % FLIGHT_WINDOWS]++;
	t->in_flight_sum++;
}

/* slow_again() - it counts as open again, if it is still known here that it did not. */
static void slow_again(struct tally *t, const struct tally_handshake *h)
{
	uint32_t second = second_of(h->born), i = second % SLOW_SECONDS;

	if (t->second - second >= SLOW_SECONDS)
		return;
	if (h->concentrated) {
		t->slow[i].many_done -= t->slow[i].many_done > 0;
		return;
	}
	t->slow[i].done -= t->slow[i].done > 0;
	t->slow[i].reset -= t->slow[i].reset > 0;
}

void tally_disproved(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d;

	slow_again(t, h);
	if (h->concentrated) {
		t->total.many_disproved++;
		return;
	}
	d = find_destination(t, h);
	if (d)
		d->pending++;
	if (t->all.head - h->born >= FLIGHT_TICKS)
		return;
	t->in_flight[t->window % FLIGHT_WINDOWS]--; /* it is half-open again, and counts once */
	t->in_flight_sum--;
}

void tally_closed(struct tally *t, const struct tally_handshake *h, bool answered)
{
	if (answered)
		source_ends(t, h->client);
	if (!answered) {
		t->total.refused++;
		return;
	}
	if (h->concentrated) {
		many_ended(t, h->born);
		return;
	}
	t->total.closed++;
	slow_add(t, h->born, 0, 1);
	leave_cohorts(t, h);
}

void tally_removed(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d = h->concentrated ? NULL : find_destination(t, h);

	if (d && d->pending)
		d->pending--;
}

void tally_kept(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d = h->concentrated ? NULL : find_destination(t, h);

	if (d)
		d->pending++;
}

void tally_cookie(struct tally *t, const struct tally_handshake *h)
{
	struct destination *d;

	t->in_flight[t->window % FLIGHT_WINDOWS]++;
	t->in_flight_sum++;
	t->total.synacks++;
	if (tally_opened(t, h)) {
		struct source_watch *s = find_source(t, source_key(t, h->client));

		s->cookies += s->cookies < UINT8_MAX;
		t->total.many_answered++; /* but no server holds it */
		return;
	}
	t->total.answered++;
	slow_add(t, h->born, 1, 0);
	count_answered(&t->all, h->born);
	d = find_destination(t, h);
	if (d && d->pending) {
		d->pending--; /* nobody will say when it is over */
		count_answered(&d->lane, h->born);
	}
}

/* cookie_lag() - the median of what clients take. */
static uint32_t cookie_lag(const struct delays *d)
{
	uint32_t sum = 0, lag = 0;

	while (lag < COOKIE_LAG_MAX && sum + d->bin[lag] < d->total / 2)
		sum += d->bin[lag++];
	return lag;
}

void tally_cookie_back(struct tally *t, const struct ip_addr *client, const struct ip_addr *server,
		       uint16_t port)
{
	struct source_watch *s = find_source(t, source_key(t, client));
	struct tally_handshake h = {
		.client = client,
		.server = server,
		.server_port = port,
		.concentrated = s && s->cookies > 0,
		.born = t->all.head - cookie_lag(&t->delays),
	};

	t->in_flight[t->window % FLIGHT_WINDOWS]--;
	t->in_flight_sum--;
	if (s && s->open > 0)
		s->open--;
	if (h.concentrated) {
		s->cookies--;
		t->total.many_done++;
		return;
	}
	t->total.completed++;
	count_done(t, UNTIMED);
	slow_add(t, h.born, 0, 1);
	leave_cohorts(t, &h);
}

/* ---- what is kept ---- */

uint32_t tally_learned(const struct tally *t)
{
	uint32_t clients = t->delays.total / CLIENT_WEIGHT;

	return clients > PRIOR_CLIENTS ? clients - PRIOR_CLIENTS : 0;
}

void tally_teach(struct tally *t, const uint32_t *bin)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i <= COHORTS; i++)
		total += bin[i];
	if (total < PRIOR_CLIENTS * CLIENT_WEIGHT || total > LEARNED_MAX ||
	    bin[COHORTS] > TAIL_MAX(total) + CLIENT_WEIGHT)
		return;
	memcpy(t->delays.bin, bin, sizeof(t->delays.bin));
	t->delays.total = (uint32_t)total;
}

void tally_forget_slow(struct tally *t)
{
	memset(t->slow, 0, sizeof(t->slow));
}

bool tally_is_idle(const struct tally *t)
{
	for (uint32_t i = 0; i < FLIGHT_WINDOWS; i++) {
		if (t->in_flight[i])
			return false;
	}
	for (uint32_t i = 0; i < COHORTS; i++) {
		if (t->all.cohort[i].opened)
			return false;
	}
	for (uint32_t i = 0; i < SLOW_SECONDS; i++) {
		if (t->slow[i].answered != t->slow[i].done || t->slow[i].reset ||
		    t->slow[i].many_answered != t->slow[i].many_done)
			return false; /* it is told to others, and must end for them, too */
	}
	return true;
}
