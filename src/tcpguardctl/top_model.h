/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `top` knows: made from the daemon's rows, read by whoever draws it. No terminal, no socket.
 *
 * Rates are differences of counters, divided by the time that passed on the daemon's own clock between
 * the two answers, so a slow link does not bend them.
 */
#ifndef TCPGUARD_TCPGUARDCTL_TOP_MODEL_H
#define TCPGUARD_TCPGUARDCTL_TOP_MODEL_H

#include <jansson.h>

#include "tcpguardctl/chart.h"

#define TOP_SERVICES_MAX 255
#define TOP_NAME_MAX	 32
#define TOP_EVENTS_MAX	 64
#define TOP_PREFIXES_MAX 16
#define TOP_WORKERS_MAX	 16

enum top_rate { TOP_SYN, TOP_COOKIES, TOP_COMPLETED, TOP_BYTES, TOP_RATES };

/* In the order of their importance on the screen. */
enum top_state { TOP_CALM, TOP_RECOVERING, TOP_SUSPECT, TOP_ATTACK };

struct top_prefix {
	char text[64];
	uint64_t syns, completed;
	uint32_t permille; /* of all SYNs */
};

/* The attack that a service is under, or its last one. */
struct top_attack {
	bool known, over;
	uint64_t number, duration_ms, peak_rate;
	int64_t began_ms; /* Unix time */
	char kind[64]; /* "spoofed flood" */
	char evidence[256];
	char fingerprint[128];
	uint64_t distinct;
	int n_prefixes;
	struct top_prefix prefix[TOP_PREFIXES_MAX];
};

struct top_service {
	char name[TOP_NAME_MAX], mode[16], engine[16], state_name[16];
	enum top_state state;
	uint64_t state_ms, half_open, cookies_in_flight, flows, attack_start, attack_end;
	char kind[64]; /* what the detector takes it for now; empty: nothing */
	bool present; /* in the answer that is being read, or in the last one */
	uint64_t counted_ms; /* the daemon's uptime when @counter was read; 0: never */
	uint64_t counter[TOP_RATES], rate[TOP_RATES];
	struct chart chart[TOP_RATES];
	struct top_attack attack;
};

struct top_event {
	int64_t time_ms;
	bool warns;
	char text[256];
};

struct top_worker {
	uint64_t cpu_ms, overruns, lost;
	uint32_t cpu_permille;
};

struct top_model {
	bool filled; /* one whole answer is there */
	char version[32];
	uint64_t uptime_ms, before_ms; /* of the last status and the one before; 0: none */
	uint64_t flows, flows_max, half_open, half_open_max;
	int n_workers;
	struct top_worker worker[TOP_WORKERS_MAX];
	int n_services;
	struct top_service *service; /* [TOP_SERVICES_MAX], in the daemon's order */
	int order[TOP_SERVICES_MAX]; /* indices of @service, the worst first */
	bool events_old; /* of the answer before */
	int n_events;
	struct top_event event[TOP_EVENTS_MAX]; /* newest last */
};

/* top_model_init() - Return: 0 or -ENOMEM. */
int top_model_init(struct top_model *m);
void top_model_free(struct top_model *m);

/*
 * The rows of one answer, in this order: the status, then each service's, attacks and events. Members
 * that are missing or of another type read as 0 and "".
 */
void top_model_status(struct top_model *m, const json_t *row);
void top_model_service(struct top_model *m, const json_t *row);
void top_model_attack(struct top_model *m, const json_t *row);
void top_model_event(struct top_model *m, const json_t *row);

/* top_model_end() - the answer is complete. */
void top_model_end(struct top_model *m);

#endif
