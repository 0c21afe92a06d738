/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/history.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/history_file.h"

#define NUMBER_MAX INT64_C(9000000000000000) /* exact wherever JSON numbers are doubles */

#define SAME_MS	    1000 /* how far a clock that is set may move an attack that is already known */
#define KNOWN_LOOKS 64 /* the newest attacks are enough */

struct entry {
	uint64_t number;
	char service[GUARD_SERVICE_NAME_MAX];
	bool dirty; /* not on the disk as it is now */
	bool live; /* of this daemon: @report is what the row is made of */
	/* of those that are not: the row, without line feed; owned */
	char *row;
	size_t len;
	/* of those that are */
	struct attack_report *report; /* owned */
	int64_t began_us, ended_us;
	usec_t seen; /* guards' clock */
	usec_t next_line; /* guards' clock: when to write again; USEC_NEVER once it is over */
	usec_t interval;
};

struct history {
	struct history_file file;
	bool open;
	usec_t opened; /* what has begun later, no process before this one can know */
	int lock; /* -1: not ours */
	history_trouble_fn *trouble;
	void *arg;
	bool lost; /* the log could not be written last time */
	usec_t retry; /* not before */
	uint64_t last; /* number */
	uint32_t damaged; /* lines, while loading */
	uint32_t n;
	struct entry *entry[HISTORY_KEPT]; /* by number */
};

static void entry_free(struct entry *e)
{
	free(e->row);
	free(e->report);
	free(e);
}

/* find() - the entry called @number, or where it would be. */
static uint32_t find(const struct history *h, uint64_t number)
{
	uint32_t low = 0, high = h->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (h->entry[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* forget() - the oldest one that is over makes room. */
static void forget(struct history *h)
{
	uint32_t i = 0;

	while (i + 1 < h->n && h->entry[i]->live && !h->entry[i]->report->over)
		i++;
	entry_free(h->entry[i]);
	h->n--;
	memmove(&h->entry[i], &h->entry[i + 1], (h->n - i) * sizeof(struct entry *));
}

/* insert() - takes @e, whose number is not there yet. */
static void insert(struct history *h, struct entry *e)
{
	uint32_t at;

	if (h->n == HISTORY_KEPT)
		forget(h);
	at = find(h, e->number);
	memmove(&h->entry[at + 1], &h->entry[at], (h->n - at) * sizeof(struct entry *));
	h->entry[at] = e;
	h->n++;
}

/* ---- what is on the disk ---- */

/* mark_interrupted() - the daemon that wrote the line did not see the end. */
static void mark_interrupted(json_t *row)
{
	if (json_is_true(json_object_get(row, "over")))
		return;
	json_object_set_new(row, "over", json_true());
	json_object_set_new(row, "interrupted", json_true());
}

/* take_row() - an entry for a line that was read, in place of an older one with its number. */
static bool take_row(struct history *h, json_t *row)
{
	json_int_t number = json_integer_value(json_object_get(row, "number"));
	const char *service = json_string_value(json_object_get(row, "service"));
	struct entry *e;
	uint32_t at;

	if (number < 1 || number > NUMBER_MAX || !service ||
	    strlen(service) >= GUARD_SERVICE_NAME_MAX ||
	    !json_is_integer(json_object_get(row, "began_ms")))
		return false;
	e = calloc(1, sizeof(*e));
	if (!e)
		return false;
	mark_interrupted(row);
	e->number = (uint64_t)number;
	snprintf(e->service, sizeof(e->service), "%s", service);
	e->row = json_dumps(row, JSON_COMPACT);
	if (!e->row) {
		free(e);
		return false;
	}
	e->len = strlen(e->row);
	if (e->number > h->last)
		h->last = e->number;
	at = find(h, e->number);
	if (at < h->n && h->entry[at]->number == e->number) {
		if (h->entry[at]->live) { /* numbered before the log could be read */
			entry_free(e);
			return true;
		}
		entry_free(h->entry[at]);
		h->entry[at] = e;
	} else {
		insert(h, e);
	}
	return true;
}

static void take_line(void *arg, const char *text, size_t len)
{
	struct history *h = arg;
	json_t *row = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(row) || !take_row(h, row))
		h->damaged++;
	json_decref(row);
}

static void load(struct history *h)
{
	char why[HISTORY_WHY_MAX];

	if (history_file_load(&h->file, take_line, h, why, sizeof(why)) < 0)
		h->trouble(h->arg, HISTORY_DAMAGED, why);
	if (h->damaged > 0) {
		snprintf(why, sizeof(why), "%" PRIu32 " damaged line%s of %s/%s %s left out",
			 h->damaged, h->damaged == 1 ? "" : "s", h->file.dir, h->file.name,
			 h->damaged == 1 ? "was" : "were");
		h->trouble(h->arg, HISTORY_DAMAGED, why);
	}
}

/* note_outcome() - tell of the change, not of every try. @rc: of writing, or of taking the lock. */
static void note_outcome(struct history *h, int rc, const char *why, usec_t now)
{
	bool lost = rc < 0;

	h->retry = lost ? now + HISTORY_RETRY : 0;
	if (lost == h->lost)
		return;
	h->lost = lost;
	h->trouble(h->arg, lost ? HISTORY_LOST : HISTORY_BACK, lost ? why : "");
}

/* take_lock() - the log is read when it is known to be ours. */
static void take_lock(struct history *h, usec_t now)
{
	char why[HISTORY_WHY_MAX];

	h->lock = state_dir_lock(h->file.dir, why, sizeof(why));
	note_outcome(h, h->lock, why, now);
	if (h->lock >= 0)
		load(h);
}

struct history *history_new(const char *dir, size_t file_max, history_trouble_fn *trouble,
			    void *arg)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	snprintf(h->file.dir, sizeof(h->file.dir), "%s", dir);
	h->file.name = HISTORY_FILE;
	h->file.max = file_max;
	h->trouble = trouble;
	h->arg = arg;
	h->lock = -1;
	return h;
}

void history_open(struct history *h, const struct history_now *now)
{
	h->open = true;
	h->opened = now->guard;
	take_lock(h, now->guard);
}

/* ---- rows ---- */

static void facts_of(const struct entry *e, const struct history_now *now,
		     struct attack_facts *facts)
{
	int64_t until = e->ended_us ? e->ended_us : now->unix_us;

	*facts = (struct attack_facts){
		.number = e->number,
		.began_us = e->began_us,
		.ended_us = e->ended_us,
		/* the wall clock may have been set back meanwhile */
		.lasted_us = until > e->began_us ? until - e->began_us : 0,
		.report = e->report,
	};
	if (!e->ended_us && now->guard > e->report->began) /* the guards' clock was not */
		facts->lasted_us = (int64_t)(now->guard - e->report->began);
	else if (e->report->ended > e->report->began)
		facts->lasted_us = (int64_t)(e->report->ended - e->report->began);
}

static void write_row(const struct entry *e, const struct history_now *now, struct jw *j)
{
	struct attack_facts facts;

	if (!e->live) {
		jw_raw(j, e->row, e->len);
		jw_raw(j, "\n", 1);
		return;
	}
	facts_of(e, now, &facts);
	jw_row_begin(j);
	facts_write(j, &facts);
	jw_row_end(j);
}

/* ---- writing ---- */

/* put_line() - Return: 0, or a negative errno with @why filled. */
static int put_line(struct history *h, const struct entry *e, const struct history_now *now,
		    char *why, size_t why_len)
{
	struct jw j = {0};
	int rc;

	write_row(e, now, &j);
	if (j.failed || j.len == 0) {
		snprintf(why, why_len, "cannot write %s/%s: out of memory", h->file.dir,
			 h->file.name);
		rc = -ENOMEM;
	} else {
		rc = history_file_append(&h->file, j.data, j.len - 1, why, why_len);
	}
	jw_free(&j);
	return rc;
}

/* write_dirty() - all that waits, until one cannot be written. */
static void write_dirty(struct history *h, const struct history_now *now)
{
	char why[HISTORY_WHY_MAX] = "";
	bool tried = false;
	int rc = 0;

	if (h->lock < 0 && h->open)
		take_lock(h, now->guard);
	if (h->lock < 0)
		return;
	for (uint32_t i = 0; i < h->n && rc == 0; i++) {
		if (!h->entry[i]->dirty)
			continue;
		tried = true;
		rc = put_line(h, h->entry[i], now, why, sizeof(why));
		h->entry[i]->dirty = rc < 0;
	}
	if (tried)
		note_outcome(h, rc, why, now->guard);
}

void history_flush(struct history *h, const struct history_now *now)
{
	for (uint32_t i = 0; i < h->n; i++) {
		struct entry *e = h->entry[i];

		if (!e->live || now->guard < e->next_line)
			continue;
		e->interval *= 2;
		e->next_line = now->guard + e->interval;
		e->dirty = true;
	}
	if (now->guard >= h->retry)
		write_dirty(h, now);
}

/* ---- news ---- */

/* find_live() - the attack that @r is about. The latest come last. */
static struct entry *find_live(const struct history *h, const struct attack_report *r)
{
	for (uint32_t i = h->n; i-- > 0;) {
		struct entry *e = h->entry[i];

		if (e->live && e->report->began == r->began && e->report->number == r->number &&
		    strcmp(e->service, r->service) == 0)
			return e;
	}
	return NULL;
}

static int64_t unix_of(usec_t then, const struct history_now *now)
{
	return now->unix_us - (int64_t)(now->guard - then);
}

/* revive() - what every live entry begins with. */
static void revive(struct entry *e, const struct history_now *now)
{
	e->began_us = unix_of(e->report->began, now);
	e->seen = now->guard;
	e->interval = HISTORY_PROGRESS;
	e->next_line = now->guard + e->interval;
	e->dirty = true;
}

static struct entry *add(struct history *h, const struct attack_report *r,
			 const struct history_now *now)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct attack_report *copy = malloc(sizeof(*copy));

	if (!e || !copy) {
		free(e);
		free(copy);
		return NULL;
	}
	*copy = *r;
	e->live = true;
	e->report = copy;
	e->number = ++h->last;
	memcpy(e->service, r->service, sizeof(e->service));
	revive(e, now);
	insert(h, e);
	return e;
}

/* current() - the attack on @service that is not over, or NULL. */
static struct entry *current(const struct history *h, const char *service)
{
	for (uint32_t i = h->n; i-- > 0;) {
		struct entry *e = h->entry[i];

		if (e->live && !e->report->over && strcmp(e->service, service) == 0)
			return e;
	}
	return NULL;
}

/* is_about() - does the line that was read tell of the attack that @r is about? */
static bool is_about(const struct entry *e, const struct attack_report *r,
		     const struct history_now *now, bool *interrupted)
{
	int64_t apart;
	json_t *row;

	if (e->live || strcmp(e->service, r->service) != 0)
		return false;
	row = json_loads(e->row, 0, NULL);
	apart = json_integer_value(json_object_get(row, "began_ms")) -
		unix_of(r->began, now) / (int64_t)USEC_PER_MSEC;
	*interrupted = json_is_true(json_object_get(row, "interrupted"));
	json_decref(row);
	return apart >= -SAME_MS && apart <= SAME_MS;
}

/*
 * known_before() - this process may go on with the guards of another one, and then its attacks were numbered
 * and told before. One that is not over lives again. Return: is it one of these?
 */
static bool known_before(struct history *h, const struct attack_report *r,
			 const struct history_now *now)
{
	struct entry *e;
	bool interrupted;

	for (uint32_t i = h->n, looks = 0; i-- > 0 && looks < KNOWN_LOOKS; looks++) {
		e = h->entry[i];
		if (!is_about(e, r, now, &interrupted))
			continue;
		if (!interrupted)
			return true;
		e->report = malloc(sizeof(*e->report));
		if (!e->report)
			return true; /* it stays one that was interrupted */
		*e->report = *r;
		e->report->over = false; /* the next call ends it */
		free(e->row);
		e->row = NULL;
		e->live = true;
		revive(e, now);
		return true;
	}
	return false;
}

/* end() - it was over at @at. */
static enum history_change end(struct entry *e, usec_t at, const struct history_now *now,
			       struct attack_facts *facts)
{
	e->report->over = true;
	e->report->ended = at;
	e->ended_us = unix_of(at, now);
	e->next_line = USEC_NEVER;
	e->dirty = true;
	facts_of(e, now, facts);
	return HISTORY_ENDED;
}

/* begin() - it was not seen before. */
static enum history_change begin(struct history *h, const struct attack_report *r,
				 const struct history_now *now, struct attack_facts *facts)
{
	struct entry *e = current(h, r->service);

	/* the guard remembers the last attack on a service longer than we do */
	if (r->over && now->guard - r->ended > HISTORY_NEWS)
		return HISTORY_SAME;
	if (e) /* its end was missed */
		return end(e, e->report->last_seen, now, facts);
	if (r->began <= h->opened && known_before(h, r, now))
		return HISTORY_SAME;
	e = add(h, r, now);
	if (!e)
		return HISTORY_SAME; /* out of memory: the next call tries again */
	e->report->over = false; /* the next call ends it */
	e->dirty = true;
	facts_of(e, now, facts);
	return HISTORY_BEGAN;
}

enum history_change history_update(struct history *h, const struct attack_report *r,
				   const struct history_now *now, struct attack_facts *facts)
{
	struct entry *e = find_live(h, r);
	enum attack_class before;

	if (!e)
		return begin(h, r, now, facts);
	e->seen = now->guard;
	if (e->report->over)
		return HISTORY_SAME;
	before = e->report->class;
	*e->report = *r;
	if (r->over)
		return end(e, r->ended, now, facts);
	if (r->class == before)
		return HISTORY_SAME;
	e->dirty = true;
	facts_of(e, now, facts);
	return HISTORY_CLASS;
}

bool history_missing(struct history *h, const struct history_now *now, struct attack_facts *facts)
{
	for (uint32_t i = 0; i < h->n; i++) {
		struct entry *e = h->entry[i];

		if (!e->live || e->report->over || now->guard - e->seen < HISTORY_MISSING)
			continue;
		end(e, e->seen, now, facts);
		return true;
	}
	return false;
}

/* ---- looking ---- */

bool history_owns_directory(const struct history *h)
{
	return h->lock >= 0;
}

uint64_t history_number(const struct history *h, const char *service, usec_t at)
{
	for (uint32_t i = h->n; i-- > 0;) {
		const struct entry *e = h->entry[i];

		if (!e->live || at < e->report->began || strcmp(e->service, service) != 0)
			continue;
		if (!e->report->over || at <= e->report->ended + USEC_PER_SEC)
			return e->number;
		return 0;
	}
	return 0;
}

uint64_t history_row(const struct history *h, uint64_t after, const char *service,
		     const struct history_now *now, struct jw *out)
{
	for (uint32_t i = find(h, after + 1); i < h->n; i++) {
		const struct entry *e = h->entry[i];

		if (service && strcmp(e->service, service) != 0)
			continue;
		if (out)
			write_row(e, now, out);
		return e->number;
	}
	return 0;
}

/* tell_forgotten() - that something could not be written was said long ago; now it is lost. */
static void tell_forgotten(struct history *h)
{
	char why[HISTORY_WHY_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < h->n; i++)
		n += h->entry[i]->dirty;
	if (!n)
		return;
	snprintf(why, sizeof(why),
		 "what was not written to %s/%s about %" PRIu32
		 " attack%s is lost, as tcpguardd ends",
		 h->file.dir, h->file.name, n, n == 1 ? "" : "s");
	h->trouble(h->arg, HISTORY_LOST, why);
}

void history_free(struct history *h, const struct history_now *now)
{
	if (!h)
		return;
	for (uint32_t i = 0; i < h->n; i++)
		if (h->entry[i]->live && !h->entry[i]->report->over)
			h->entry[i]->dirty = true;
	write_dirty(h, now);
	tell_forgotten(h);
	for (uint32_t i = 0; i < h->n; i++)
		entry_free(h->entry[i]);
	state_dir_unlock(h->lock);
	free(h);
}
