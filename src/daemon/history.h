/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All attacks that are remembered, the current ones and those of the past, of this daemon and of
 * those before it.
 *
 * Theory of operation: an attack is known by its service and by when it began; it gets the next
 * number when it is first seen. What is known of it is a line of JSON, the same that `attacks` shows.
 * A line is written to the log in the state directory (daemon/history_file.h) when the attack begins,
 * changes its class and ends, and in between ever more rarely, so that little is lost if the daemon
 * is killed; of several lines with one number the last counts. What cannot be written waits in
 * memory and is tried again, so a full disk costs history only if the daemon ends before there is
 * room. Both memory and disk are bounded; the oldest attacks are forgotten.
 */
#ifndef TCPGUARD_DAEMON_HISTORY_H
#define TCPGUARD_DAEMON_HISTORY_H

#include "daemon/facts.h"

#define HISTORY_KEPT	 1000 /* attacks in memory */
#define HISTORY_WHY_MAX	 640
#define HISTORY_FILE	 "attacks.json"
#define HISTORY_RETRY	 (10 * USEC_PER_SEC) /* of what could not be written */
#define HISTORY_NEWS	 (60 * USEC_PER_SEC) /* an attack that was over before is none */
#define HISTORY_MISSING	 (5 * USEC_PER_SEC)
#define HISTORY_PROGRESS (60 * USEC_PER_SEC) /* until a line about a lasting attack, then doubled */

/*
 * The log cannot be written any more (@lost, @why is one sentence), or it can be again. Called once
 * for each change. A damaged line found at the start: @lost is false, and @why says so.
 */
enum history_trouble { HISTORY_LOST, HISTORY_BACK, HISTORY_DAMAGED };
typedef void history_trouble_fn(void *arg, enum history_trouble trouble, const char *why);

struct history;

/*
 * history_new() - an empty one, for the log in @dir, which is left alone.
 * @file_max: bytes of the log; HISTORY_FILE_MAX, less in tests.
 * Return: NULL if memory is out.
 */
struct history *history_new(const char *dir, size_t file_max, history_trouble_fn *trouble,
			    void *arg);

/* The clocks at one moment: that of the guards, and Unix time in microseconds. */
struct history_now {
	usec_t guard;
	int64_t unix_us;
};

/*
 * history_open() - take possession of the directory and read the log, before anything else is asked of
 * @h. A directory that cannot be used is reported, not an error. Until then nothing is written.
 */
void history_open(struct history *h, const struct history_now *now);

enum history_change { HISTORY_SAME, HISTORY_BEGAN, HISTORY_CLASS, HISTORY_ENDED };

/*
 * history_update() - the guard reports this attack; called about once a second for each, again and
 * again until it says that nothing has changed: one that was over before it was first seen has begun,
 * and then has ended.
 * @facts: filled if the return value is not HISTORY_SAME; valid until the next call. May be about the
 *	attack before, whose end was missed.
 */
enum history_change history_update(struct history *h, const struct attack_report *r,
				   const struct history_now *now, struct attack_facts *facts);

/*
 * history_missing() - end an attack that was not reported for HISTORY_MISSING, since its service is no
 * longer there. Call it again while it says so, and only if the guard answers.
 * Return: was there one? @facts is filled then.
 */
bool history_missing(struct history *h, const struct history_now *now, struct attack_facts *facts);

/* history_flush() - write what waits, if it is time. */
void history_flush(struct history *h, const struct history_now *now);

/* history_owns_directory() - no other daemon uses it, as far as is known. */
bool history_owns_directory(const struct history *h);

/*
 * history_number() - the attack on @service at the time @at of the guards' clock; 0: none known.
 * One that has just ended still counts a second later, for the events about its end.
 */
uint64_t history_number(const struct history *h, const char *service, usec_t at);

/*
 * history_row() - the first attack with a number greater than @after.
 * @service: only of this one; NULL: of all.
 * @out: its row is appended; NULL: not wanted.
 * Return: its number; 0 if there is none.
 */
uint64_t history_row(const struct history *h, uint64_t after, const char *service,
		     const struct history_now *now, struct jw *out);

/*
 * history_free() - write what is known of the current ones; one last try. NULL is fine. What cannot be
 * written even now is told once more, as HISTORY_LOST.
 */
void history_free(struct history *h, const struct history_now *now);

#endif
