/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a replay has found: plain values, for text, JSON and the plot. */
#ifndef TCPGUARD_REPLAY_RESULT_H
#define TCPGUARD_REPLAY_RESULT_H

#include <stdio.h>

#include "conf/conf.h"
#include "core/guard.h"
#include "replay/onset.h"
#include "replay/survey.h"

#define REPLAY_ATTACKS_MAX 256 /* of a service; more are counted */
#define REPLAY_EVENTS_MAX  4096 /* more are counted */

/* What happened to one service in one span of the time-line. */
struct replay_bin {
	uint32_t syn, synack, completed, timeouts;
	uint32_t half_open; /* most at once, as sampled */
	uint8_t state; /* the worst, enum guard_attack_state */
};

/* All times are virtual, from 0 at the first frame. */
struct replay_change {
	usec_t time;
	uint8_t state; /* enum guard_attack_state from then on */
};

struct replay_attack {
	usec_t noticed, ended; /* ended: end of the capture if it is not over */
	bool over;
	bool onset_known;
	struct onset onset;
	uint32_t pending; /* half-opens when it was noticed */
	char first_evidence[ATTACK_EVIDENCE_MAX]; /* why it was noticed */
	bool cookies; /* would they have been used? */
	usec_t cookies_from;
	bool recorded;
	struct attack_report record; /* the guard's own, its times too; valid if recorded */
	struct guard_counters began, end; /* the service's counters then */
};

struct replay_service {
	char name[GUARD_SERVICE_NAME_MAX];
	enum guard_mode mode; /* as configured; the replay itself only watches */
	struct replay_bin *bin; /* replay.n_bins */
	uint32_t n_changes;
	struct replay_change *change; /* the first is at 0 */
	uint32_t n_attacks, more_attacks;
	struct replay_attack *attack;
	struct service_report report; /* the latest */
};

struct replay {
	const char *file;
	struct survey survey;
	const struct conf *conf;
	bool guessed;
	bool one_way; /* nothing of any server was seen */
	usec_t from; /* where the time-line begins: later than 0 if there is no SYN for long */
	usec_t width; /* of a bin */
	uint32_t n_bins;
	uint32_t n_services;
	struct replay_service *service;
	uint32_t n_events, more_events;
	struct guard_event *event;
	uint64_t unguarded; /* packets of no service */
	double seconds; /* of real time that the replay took */
};

/* replay_width() - the narrowest readable width with at most @max bins that @unit divides; 0: any. */
usec_t replay_width(usec_t duration, uint32_t max, usec_t unit);

/* replay_bin_span() - how long bin @i lasts; the last one takes in what is left. */
usec_t replay_bin_span(const struct replay *r, uint32_t i);

/*
 * replay_run_capture() - the second look: everything through the guard.
 * @r: zeroed, with file, survey and conf filled; the rest is allocated and filled here.
 * @why: CAPTURE_WHY_MAX bytes. Return: 0 or a negative errno.
 */
int replay_run_capture(struct replay *r, char *why);

void replay_free(struct replay *r);

/* replay_text() - for people; to @out. */
void replay_text(const struct replay *r, FILE *out);

/* replay_json() - one JSON object a line. Return: 0 or -ENOMEM. */
int replay_json(const struct replay *r, FILE *out);

/* replay_plot() - an SVG picture. */
void replay_plot(const struct replay *r, FILE *out);

/* replay_direction() - "both", "to the server only", ... */
const char *replay_direction(const struct replay_service *s);

/* replay_one_direction() - nothing was heard of the servers of @s. */
bool replay_one_direction(const struct replay_service *s);

#endif
