/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this service under attack? Decides from what the tallies of all guards say together.
 *
 *            suspicion            a trigger                 no flood for RECOVER_AFTER
 *   calm <--------------> suspect ----------> attack <---------------------> recovering
 *     |                                         ^  the flood is back             |
 *     +-----------------------------------------+                                |
 *     ^                        no flood for the hold time                        |
 *     +--------------------------------------------------------------------------+
 *
 * Triggers, of which doc/detection.md has the arithmetic:
 *  - hard, at most once a tick (8 ms) while at least `start` handshakes are pending: the excess (core/tally.h)
 *    is significant;
 *  - CUSUM, each window of 100 ms: more handshakes answered than completed, summed over a learned mean,
 *    stays over a limit for longer than a retransmission takes;
 *  - choked, each window: the server answers hardly anybody while more than usual is open for seconds: its
 *    backlog is full of it;
 *  - slow, each second: of the handshakes answered 5 to 15 s ago too many are still open;
 *  - concentrated: CUSUM of what single sources hold open beyond their share;
 *  - stray: segments of no connection, which no cookie helps against.
 *
 * Integers only, constant memory.
 */
#ifndef TCPGUARD_CORE_DETECT_H
#define TCPGUARD_CORE_DETECT_H

#include "core/attack.h"
#include "core/tally.h"

#define DETECT_WINDOW	 (100 * USEC_PER_MSEC)
#define DETECT_WINDOWS_S 10 /* of them in a second */

struct detect_config {
	uint32_t start, end; /* pending handshakes */
	usec_t hold;
};

enum detect_change {
	DETECT_NO_CHANGE,
	DETECT_SUSPECTED,
	DETECT_UNSUSPECTED,
	DETECT_BEGAN,
	DETECT_TURNED, /* an attack that cookies do not help against has become one they do */
	DETECT_RECOVERING,
	DETECT_RESUMED,
	DETECT_ENDED,
};

/* A sum of (what happened - what is usual), never below zero, and for how many windows it is over. */
struct cusum {
	uint32_t sum, over;
};

struct detector {
	usec_t window_ends; /* 0: asleep, the next packet wakes it */
	usec_t loud_at; /* when the flood last was */
	usec_t suspected_at; /* when the suspicion last was */
	uint8_t state; /* enum guard_attack_state */
	uint8_t cause; /* enum detect_cause of the current or last attack */
	uint8_t class; /* enum attack_class of the state */
	bool attack; /* in attack or recovering */
	bool cookies; /* and it is a flood of SYNs */
	uint32_t windows; /* closed so far, for the seconds */
	uint32_t calm_windows; /* learned from, counts to BASELINE_WINDOWS */
	struct tally_totals last,
		last_second; /* at the end of the last window, of the last second */
	struct tally_totals window, second; /* what happened in the last full one */
	int32_t mean_x256; /* usual answered less completed in a window */
	uint32_t usual_x256; /* usual handshakes opened in a window */
	uint32_t usual_done_x256; /* usual completions in a window */
	uint32_t completed_x256; /* lately completed in a window */
	uint32_t many_done_x256; /* lately completed or given up in a window, concentrated */
	uint32_t usual_slow; /* permille of handshakes that stay open */
	uint32_t usual_late_x256; /* handshakes that are open for 2 to 15 s */
	uint32_t usual_held_x256; /* handshakes in the server's backlog */
	uint32_t slow_over, late_over, odd_over; /* seconds in a row */
	uint32_t stray_over, choked_over; /* windows in a row */
	struct cusum all, concentrated;
	struct tally_look look; /* that the last decision rests on */
};

void detect_init(struct detector *d);

/* detect_wake() - something happens: windows run from now on. */
void detect_wake(struct detector *d, usec_t now, const struct tally_totals *total);

/* detect_is_hard() - does the look alone prove a flood? @d: for what is usual; NULL: nobody knows. */
bool detect_is_hard(const struct detector *d, const struct tally_look *look,
		    const struct detect_config *c);

/* detect_hard() - a look has proved it. */
enum detect_change detect_hard(struct detector *d, const struct tally_look *look, usec_t now);

/*
 * detect_window() - close the window that is over at @now (d->window_ends <= @now).
 * @total, @look: of all guards.
 */
enum detect_change detect_window(struct detector *d, const struct detect_config *c,
				 const struct tally_totals *total, const struct tally_look *look,
				 usec_t now);

/* detect_stop() - the service is not watched any more. Return: DETECT_ENDED if it was under attack. */
enum detect_change detect_stop(struct detector *d);

/* detect_sleep() - nothing to be seen: no more windows, if the detector itself needs none. */
void detect_sleep(struct detector *d);

/* detect_teach() - what was usual before a restart; whatever is beyond reason is cut down to it. */
struct detect_lesson {
	uint32_t usual_x256, mean_x256, slow, windows, done_x256, late_x256, held_x256;
};

void detect_teach(struct detector *d, const struct detect_lesson *was);

/* detect_strays() - segments of no connection among what is counted. */
uint32_t detect_strays(const struct tally_totals *w);

/* Limits in force, for the evidence. */
uint32_t detect_cusum_limit(const struct detector *d, const struct detect_config *c);
uint32_t detect_slow_limit(const struct detector *d, const struct detect_config *c,
			   const struct tally_look *look);

/* detect_deadline() - end of the current window, USEC_NEVER while asleep. */
static inline usec_t detect_deadline(const struct detector *d)
{
	return d->window_ends ? d->window_ends : USEC_NEVER;
}

#endif
