/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/detect.h"

#include <string.h>

#include "core/classify.h"

/*
 * Choked. A server that answers one SYN in four or fewer, for three windows in a row in which there were some, is
 * dead, or its backlog is full. If it is dead, those it has answered complete what they had begun, except those
 * whose SYN-ACK was lost: of what it usually holds all at most, and what usually is open for seconds, twice to
 * be sure. If its backlog is full of clients, they come and go. If it is full of forged ones, three quarters of
 * it are open for seconds. CHOKED_MIN more, since below that nothing is certain.
 */
#define CHOKED_ANSWERED 4
#define CHOKED_WINDOWS	3
#define CHOKED_MIN	6

/*
 * The hard trigger. The excess must be HARD_SIGMAS standard deviations: looks a tick apart are 4e5 an
 * hour, and the normal distribution has 1e-9 beyond six. It must be three eighths of the threshold, or HARD_MIN
 * where the server answers one in CHOKED_ANSWERED or fewer, for its backlog may be smaller than that. And
 * one in HARD_SHARE of those answered, all of them or those of the last 131 ms, for that many may be lost
 * when a path turns bad. What it holds open must be new: all of it comes on top of the usual number, else
 * it is the network that has become slower for all. Where there are half as many handshakes again as
 * usual, and so new clients of whom nothing was learned, they are given half as much time again.
 */
#define HARD_SIGMAS 6
#define HARD_MIN    8
#define HARD_SHARE  14
#define SHORT_MS    33
#define LONG_MS	    262

/*
 * Two things look like a flood and are none, unless there are twice as many handshakes as usual. The path to the clients stands
 * still: then they complete nothing, while a flood leaves those alone who are there. And the path has
 * become slower: then those who complete are late, a quarter instead of an eighth of them.
 */
#define STALL_MIN    6
#define SLOWER_MIN   6
#define SLOWER_SHARE 4

/*
 * CUSUM, in handshakes a window. The allowance is 20 handshakes a second and 1.6 % of those
 * completed. The limit: a quarter of the threshold, since a service made for a thousand half-opens sees
 * bursts of hundreds; an eighth of what is completed in a second, since so much waits for a
 * retransmission when a path begins to lose one segment in eight. Over it for twelve windows: longer than
 * the first retransmission of a SYN, one second, takes to pay it back.
 */
#define CUSUM_ALLOWANCE	      2
#define CUSUM_ALLOWANCE_SHARE 64
#define CUSUM_LIMIT_MIN	      40
#define CUSUM_LIMIT_START     4
#define CUSUM_LIMIT_SHARE     8
#define CUSUM_WINDOWS	      12

/*
 * What may become usual, at most: 20 handshakes a second and an eighth of those completed that are
 * never completed. An attack that creeps in is not learned beyond that.
 */
#define MEAN_MAX       2
#define MEAN_MAX_SHARE 8
/* The baseline follows with 1/512 a window, 51 s; at the beginning faster, with 6.4 s. */
#define BASELINE_WINDOWS     512
#define BASELINE_WINDOWS_MIN 64
#define COMPLETED_SHIFT	     3 /* lately: 0.8 s */

/*
 * Slow. SLOW_SECONDS_OVER seconds in a row a quarter of the handshakes answered 5 to 15 s ago, and more
 * than twice the usual share, is still open; five seconds are two retransmissions. So many of
 * them that the threshold would be reached within the minute for which a server holds them (a sixth in
 * ten seconds), but 100 are enough for any service.
 */
#define SLOW_SHARE_PERMILLE 250
#define SLOW_MIN	    5
#define SLOW_START	    6
#define SLOW_MAX	    100
#define SLOW_SECONDS_OVER   5
#define SLOW_USUAL_MAX	    300 /* permille */
#define SLOW_USUAL_SHIFT    6 /* a minute */

/*
 * Late, the slow trigger for what is not so slow: two seconds in a row three quarters of the threshold,
 * and one handshake in ten and twice the usual share on top, is open for 2 to 15 s. A path that loses
 * every seventh segment has one in fifty open for so long.
 */
#define LATE_SHARE_PERMILLE 100
#define LATE_SECONDS_OVER   2

/* Stray: that many segments a window, and more than handshakes, three windows in a row. */
#define STRAY_MIN     100
#define STRAY_WINDOWS 3

/*
 * Leaving. Real floods pause for ten seconds between bursts, so the attack is said to recede after
 * fifteen (or half of the hold time). Clients under way are no flood: a quarter of a second of them.
 */
#define RECOVER_AFTER	(15 * USEC_PER_SEC)
#define UNDER_WAY_SHARE 4

/* A suspicion has lasted for ODD_SECONDS before it is one, and is over when absent for SUSPECT_HOLD. */
#define ODD_SECONDS  2
#define SUSPECT_HOLD (10 * USEC_PER_SEC)

void detect_init(struct detector *d)
{
	memset(d, 0, sizeof(*d));
	d->calm_windows = BASELINE_WINDOWS_MIN;
}

void detect_wake(struct detector *d, usec_t now, const struct tally_totals *total)
{
	if (d->window_ends)
		return;
	d->window_ends = now + DETECT_WINDOW;
	d->last = d->last_second = *total;
	memset(&d->window, 0, sizeof(d->window));
	memset(&d->second, 0, sizeof(d->second));
	d->windows = 0;
}

static struct tally_totals difference(const struct tally_totals *a, const struct tally_totals *b)
{
	struct tally_totals r;

#define TOTAL(name) r.name = a->name - b->name;
	TALLY_TOTALS(TOTAL)
#undef TOTAL
	return r;
}

/* ---- the hard trigger ---- */

/* is_share() - is the excess too large a share of all? */
static bool is_share(const struct tally_look *l)
{
	return (int64_t)l->excess * HARD_SHARE >= l->answered ||
	       (l->new_excess > 0 && (int64_t)l->new_excess * HARD_SHARE >= l->new_answered);
}

static bool is_choking(const struct tally_look *l)
{
	return l->answered * CHOKED_ANSWERED <= l->opened;
}

static uint32_t hard_min(const struct tally_look *l, const struct detect_config *c)
{
	uint32_t min = c->start * 3 / 8;

	return is_choking(l) || min < HARD_MIN ? HARD_MIN : min;
}

/* in_ms() - what is usual in that time, of what is usual in a window. */
static uint32_t in_ms(uint32_t usual_x256, uint32_t ms)
{
	return (uint32_t)((uint64_t)usual_x256 * ms / (100 * 256));
}

/* is_stalled() - do the usual completions stay away? */
static bool is_stalled(const struct detector *d, const struct tally_look *l)
{
	return l->done_short * 2 + STALL_MIN < in_ms(d->usual_done_x256, SHORT_MS) ||
	       l->done_long * 2 + STALL_MIN < in_ms(d->usual_done_x256, LONG_MS);
}

/* is_slower() - do too many clients take longer than they should? */
static bool is_slower(const struct tally_look *l)
{
	return l->done_late >= SLOWER_MIN && l->done_late * SLOWER_SHARE >= l->done_timed;
}

bool detect_is_hard(const struct detector *d, const struct tally_look *l,
		    const struct detect_config *c)
{
	uint64_t usual = d ? in_ms(d->usual_x256, LONG_MS) : 0, excess, variance;
	bool wide = l->opened > usual + usual / 2;
	int32_t beyond = wide ? l->wide_excess : l->excess;

	if (l->pending < c->start || beyond < (int32_t)hard_min(l, c))
		return false;
	if (d && l->opened < 2 * usual + c->start * 3 / 8 && (is_stalled(d, l) || is_slower(l)))
		return false;
	excess = (uint64_t)beyond;
	variance = wide ? l->wide_variance : l->variance;
	return excess * excess >= HARD_SIGMAS * HARD_SIGMAS * variance && is_share(l) &&
	       l->opened >= usual + excess;
}

static enum detect_change begin(struct detector *d, enum detect_cause cause, usec_t now)
{
	bool was = d->attack;

	d->loud_at = now;
	if (was && (d->cookies || cause == DETECT_BY_STRAY))
		return DETECT_NO_CHANGE;
	d->cause = (uint8_t)cause;
	d->state = GUARD_ATTACK;
	d->attack = true;
	d->cookies = cause != DETECT_BY_STRAY;
	return was ? DETECT_TURNED : DETECT_BEGAN;
}

enum detect_change detect_hard(struct detector *d, const struct tally_look *look, usec_t now)
{
	d->look = *look;
	return begin(d, DETECT_BY_HALF_OPEN, now);
}

/* ---- windows ---- */

static uint32_t completed_lately(const struct detector *d)
{
	return d->completed_x256 / 256;
}

uint32_t detect_cusum_limit(const struct detector *d, const struct detect_config *c)
{
	uint32_t limit = CUSUM_LIMIT_MIN;
	uint32_t by_start = c->start / CUSUM_LIMIT_START;
	uint32_t by_share = completed_lately(d) * DETECT_WINDOWS_S / CUSUM_LIMIT_SHARE;

	if (by_start > limit)
		limit = by_start;
	return by_share > limit ? by_share : limit;
}

/* advance() - capped, so that it is over soon when the flood is. */
static void advance(struct cusum *s, int64_t by, uint32_t limit)
{
	int64_t sum = (int64_t)s->sum + by, cap = (int64_t)limit + CUSUM_LIMIT_MIN;

	s->sum = sum < 0 ? 0 : sum > cap ? (uint32_t)cap : (uint32_t)sum;
	s->over = s->sum > limit ? s->over + 1 : 0;
}

/* many_limit() - the same for single sources; what they have under way is no flood, either. */
static uint32_t many_limit(const struct detector *d, uint32_t limit)
{
	uint32_t under_way = d->many_done_x256 / 256 * DETECT_WINDOWS_S / UNDER_WAY_SHARE;

	return under_way > limit ? under_way : limit;
}

static void add_up(struct detector *d, const struct detect_config *c)
{
	const struct tally_totals *w = &d->window;
	int64_t deficit = (int64_t)w->answered - w->completed - w->closed;
	int64_t many = (int64_t)w->many_answered - w->many_done + w->many_disproved;
	uint32_t limit = detect_cusum_limit(d, c);
	uint32_t allowance = CUSUM_ALLOWANCE + completed_lately(d) / CUSUM_ALLOWANCE_SHARE;

	advance(&d->all, deficit - d->mean_x256 / 256 - allowance, limit);
	advance(&d->concentrated, many - allowance, many_limit(d, limit));
}

/* follow() - move @value by 1/@n of the way. */
static int64_t follow(int64_t value, int64_t to, uint32_t n)
{
	return value + (to - value) / (int64_t)n;
}

static void learn_usual(const struct detector *d, uint32_t *usual_x256, uint32_t now)
{
	*usual_x256 = (uint32_t)follow(*usual_x256, (int64_t)now * 256, d->calm_windows);
}

static void learn(struct detector *d, const struct tally_look *look)
{
	const struct tally_totals *w = &d->window;
	int64_t deficit = (int64_t)w->answered - w->completed - w->closed;
	int64_t max = MEAN_MAX + completed_lately(d) / MEAN_MAX_SHARE;

	if (d->calm_windows < BASELINE_WINDOWS)
		d->calm_windows++;
	d->mean_x256 = (int32_t)follow(d->mean_x256, deficit * 256, d->calm_windows);
	if (d->mean_x256 > max * 256)
		d->mean_x256 = (int32_t)max * 256;
	if (d->mean_x256 < -max * 256) /* cookies whose source was forgotten are booked elsewhere */
		d->mean_x256 = (int32_t)-max * 256;
	learn_usual(d, &d->usual_x256, w->opened - w->many_opened);
	learn_usual(d, &d->usual_done_x256, w->completed);
	learn_usual(d, &d->usual_late_x256, look->late_open + look->late_many);
	learn_usual(d, &d->usual_held_x256, look->held);
}

static uint32_t at_most(uint32_t value, uint32_t max)
{
	return value < max ? value : max;
}

void detect_teach(struct detector *d, const struct detect_lesson *was)
{
	uint64_t held_max; /* a server holds a handshake for a minute */

	d->usual_x256 = at_most(was->usual_x256, 1u << 28); /* a million in a window */
	held_max = 60 * DETECT_WINDOWS_S * (uint64_t)d->usual_x256;
	d->usual_done_x256 = at_most(was->done_x256, d->usual_x256);
	d->mean_x256 = (int32_t)at_most(was->mean_x256, d->usual_x256 / MEAN_MAX_SHARE);
	d->usual_slow = at_most(was->slow, SLOW_USUAL_MAX);
	d->usual_held_x256 = at_most(was->held_x256, held_max < 1u << 28 ? held_max : 1u << 28);
	d->usual_late_x256 = at_most(was->late_x256, d->usual_held_x256);
	d->calm_windows = at_most(was->windows, BASELINE_WINDOWS);
	if (d->calm_windows < BASELINE_WINDOWS_MIN)
		d->calm_windows = BASELINE_WINDOWS_MIN;
}

uint32_t detect_slow_limit(const struct detector *d, const struct detect_config *c,
			   const struct tally_look *look)
{
	uint32_t limit = c->start / SLOW_START + SLOW_MIN;
	uint32_t share = SLOW_SHARE_PERMILLE + 2 * d->usual_slow;
	uint32_t by_share = (uint32_t)((uint64_t)look->slow_answered * share / 1000);

	if (limit > SLOW_MAX)
		limit = SLOW_MAX;
	return by_share > limit ? by_share : limit;
}

static bool is_late(const struct detector *d, const struct detect_config *c,
		    const struct tally_look *look)
{
	uint32_t share = LATE_SHARE_PERMILLE + 2 * d->usual_slow;

	return look->late_open >= c->start * 3 / 4 &&
	       (uint64_t)look->late_open * 1000 >= (uint64_t)look->late_answered * share;
}

static void learn_slow(struct detector *d, const struct tally_look *look)
{
	uint32_t share;

	if (look->slow_answered == 0)
		return;
	share = (uint32_t)((uint64_t)look->slow_open * 1000 / look->slow_answered);
	if (share > SLOW_USUAL_MAX)
		share = SLOW_USUAL_MAX;
	d->usual_slow = (uint32_t)follow((int64_t)d->usual_slow * 64, (int64_t)share * 64,
					 1 << SLOW_USUAL_SHIFT) /
			64;
}

uint32_t detect_strays(const struct tally_totals *w)
{
	uint32_t acks = w->stray_acks < w->server_rsts ? w->stray_acks : w->server_rsts;

	return acks + w->stray_rsts + w->stray_synacks;
}

static bool is_stray(const struct tally_totals *w)
{
	return detect_strays(w) >= STRAY_MIN && detect_strays(w) > w->opened;
}

/* ---- leaving ---- */

static bool is_loud(const struct detector *d, const struct detect_config *c,
		    const struct tally_look *look)
{
	uint32_t limit = detect_cusum_limit(d, c);
	uint32_t under_way = completed_lately(d) * DETECT_WINDOWS_S / UNDER_WAY_SHARE;

	if (is_stray(&d->window))
		return true;
	if (!d->cookies)
		return false;
	if (d->cause == DETECT_BY_SLOW && look->slow_open > detect_slow_limit(d, c, look) / 2)
		return true;
	return d->all.sum > limit || d->concentrated.sum > many_limit(d, limit) ||
	       look->pending > c->end + under_way;
}

static enum detect_change leave(struct detector *d, const struct detect_config *c,
				const struct tally_look *look, usec_t now)
{
	usec_t recover = c->hold / 2 < RECOVER_AFTER ? c->hold / 2 : RECOVER_AFTER;

	if (is_loud(d, c, look)) {
		d->loud_at = now;
		if (d->state == GUARD_ATTACK)
			return DETECT_NO_CHANGE;
		d->state = GUARD_ATTACK;
		return DETECT_RESUMED;
	}
	if (now - d->loud_at >= c->hold) {
		detect_stop(d);
		return DETECT_ENDED;
	}
	if (d->state == GUARD_ATTACK && now - d->loud_at >= recover) {
		d->state = GUARD_RECOVERING;
		return DETECT_RECOVERING;
	}
	return DETECT_NO_CHANGE;
}

enum detect_change detect_stop(struct detector *d)
{
	enum detect_change change = d->attack ? DETECT_ENDED : DETECT_NO_CHANGE;

	d->state = GUARD_CALM;
	d->class = CLASS_NONE;
	d->attack = d->cookies = false;
	d->all = d->concentrated = (struct cusum){0};
	d->slow_over = d->late_over = d->stray_over = d->odd_over = d->choked_over = 0;
	return change;
}

/* ---- entering ---- */

static void count_choked(struct detector *d)
{
	const struct tally_totals *w = &d->window;

	if (w->synacks * CHOKED_ANSWERED > w->opened)
		d->choked_over = 0;
	else if (w->opened) /* where nobody comes, nothing is shown */
		d->choked_over++;
}

static bool is_choked(const struct detector *d, const struct tally_look *look)
{
	uint32_t late = at_most(look->late_open + look->late_many, look->held); /* no cookies */
	uint32_t usual = d->usual_held_x256 + d->usual_late_x256 * 2;

	return d->choked_over >= CHOKED_WINDOWS && late >= CHOKED_MIN + usual / 256 &&
	       late >= look->held * 3 / 4;
}

static enum detect_change enter(struct detector *d, const struct detect_config *c,
				const struct tally_look *look, usec_t now)
{
	if (detect_is_hard(d, look, c))
		return detect_hard(d, look, now);
	d->look = *look;
	if (d->all.over >= CUSUM_WINDOWS)
		return begin(d, DETECT_BY_CUSUM, now);
	if (is_choked(d, look))
		return begin(d, DETECT_BY_CHOKED, now);
	if (d->concentrated.over >= CUSUM_WINDOWS)
		return begin(d, DETECT_BY_CONCENTRATED, now);
	if (d->slow_over >= SLOW_SECONDS_OVER || d->late_over >= LATE_SECONDS_OVER)
		return begin(d, DETECT_BY_SLOW, now);
	if (d->stray_over >= STRAY_WINDOWS)
		return begin(d, DETECT_BY_STRAY, now);
	return DETECT_NO_CHANGE;
}

/* suspect() - once a second: is it odd, but no flood? */
static enum detect_change suspect(struct detector *d, usec_t now)
{
	bool learned = d->calm_windows >= BASELINE_WINDOWS;
	uint32_t usual = learned ? d->usual_x256 * DETECT_WINDOWS_S / 256 : UINT32_MAX;
	enum attack_class odd = classify_odd(&d->second, usual);

	d->odd_over = odd == CLASS_NONE ? 0 : d->odd_over + 1;
	if (d->odd_over >= ODD_SECONDS) {
		d->suspected_at = now;
		if (d->state == GUARD_CALM) {
			d->state = GUARD_SUSPECT;
			d->class = (uint8_t)odd;
			return DETECT_SUSPECTED;
		}
	}
	if (d->state == GUARD_SUSPECT && now - d->suspected_at >= SUSPECT_HOLD) {
		d->state = GUARD_CALM;
		d->class = CLASS_NONE;
		return DETECT_UNSUSPECTED;
	}
	return DETECT_NO_CHANGE;
}

static void close_second(struct detector *d, const struct detect_config *c,
			 const struct tally_totals *total, const struct tally_look *look)
{
	d->second = difference(total, &d->last_second);
	d->last_second = *total;
	d->slow_over = look->slow_open > detect_slow_limit(d, c, look) ? d->slow_over + 1 : 0;
	d->late_over = is_late(d, c, look) ? d->late_over + 1 : 0;
	if (d->state == GUARD_CALM && d->slow_over == 0 && d->late_over == 0)
		learn_slow(d, look);
}

enum detect_change detect_window(struct detector *d, const struct detect_config *c,
				 const struct tally_totals *total, const struct tally_look *look,
				 usec_t now)
{
	bool second = ++d->windows % DETECT_WINDOWS_S == 0;
	enum detect_change change = DETECT_NO_CHANGE;

	d->window = difference(total, &d->last);
	d->last = *total;
	d->window_ends += DETECT_WINDOW;
	if (d->window_ends <= now) /* the caller slept: one long window */
		d->window_ends = now + DETECT_WINDOW;
	d->completed_x256 = (uint32_t)follow(d->completed_x256, (int64_t)d->window.completed * 256,
					     1 << COMPLETED_SHIFT);
	d->many_done_x256 = (uint32_t)follow(d->many_done_x256, (int64_t)d->window.many_done * 256,
					     1 << COMPLETED_SHIFT);
	add_up(d, c);
	count_choked(d);
	d->stray_over = is_stray(&d->window) ? d->stray_over + 1 : 0;
	if (second)
		close_second(d, c, total, look);
	if (d->attack)
		change = leave(d, c, look, now);
	if (!d->cookies && change == DETECT_NO_CHANGE)
		change = enter(d, c, look, now);
	if (!d->attack && change == DETECT_NO_CHANGE) {
		if (d->all.over == 0 && d->choked_over == 0)
			learn(d, look);
		if (second)
			change = suspect(d, now);
	}
	return change;
}

void detect_sleep(struct detector *d)
{
	if (d->state == GUARD_CALM && d->all.sum == 0 && d->concentrated.sum == 0 &&
	    d->usual_x256 < 256 && d->second.syns == 0)
		d->window_ends = 0;
}
