/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon without packets: workers whose guards hold made-up flows, events and counters. It defines
 * the guard_report*() family, guard_set_mode() and guard_kill() itself, so that what the control
 * server shows is known beforehand.
 */
#ifndef TCPGUARD_TESTS_CTL_FAKE_H
#define TCPGUARD_TESTS_CTL_FAKE_H

#include <pthread.h>

#include "ctl/server.h"

#define FAKE_WORKERS_MAX 4
#define FAKE_EVENTS_MAX	 256 /* remembered */
#define FAKE_BACKENDS	 100
#define FAKE_BASE_TIME	 (1000 * USEC_PER_SEC)

struct fake_worker {
	struct fake *fake;
	uint32_t index;
	uint32_t flows;
	uint64_t events; /* ever; the last FAKE_EVENTS_MAX are remembered */
	struct guard_event event[FAKE_EVENTS_MAX];
	enum guard_mode mode[GUARD_SERVICES_MAX];
	enum guard_attack_state state;
	usec_t state_since;
	uint32_t killed; /* id of the last flow killed */
};

struct fake {
	struct ctl_ops ops;
	struct guard_config config;
	uint32_t n_workers;
	struct fake_worker worker[FAKE_WORKERS_MAX];
	pthread_mutex_t lock; /* held by jobs, and by tests that look or change */
	usec_t now;
	int dead_worker; /* -1: none */
	int problems; /* errors in the configuration file */
	uint32_t reloads;
	uint32_t flow_jobs, flow_rows_max;
	uint64_t flow_rows;
	char set[128], level[32];
	char rule[256]; /* what was last asked of the lists of clients */
	int rule_result; /* what that gives */
	int n_rules;
	uint64_t n_attacks; /* numbered from 1; the odd ones on web, the last one lasts */
	uint64_t own_events;
	struct guard_event own_event;
};

/* fake_init() - two services: "web" with three listens, "mail" with a prefix and a port range. */
void fake_init(struct fake *f, uint32_t n_workers, uint32_t flows_per_worker);

/* fake_event() - let something happen at @time on @worker. */
void fake_event(struct fake *f, uint32_t worker, usec_t time, enum guard_event_kind kind,
		const char *detail);

/* fake_own_event() - likewise, to the daemon itself; only the last one is remembered. */
void fake_own_event(struct fake *f, usec_t time, enum guard_event_kind kind, const char *detail);

/* fake_flow() - the flow @i of worker @w, as guard_report_flows() tells it. */
struct flow_report fake_flow(uint32_t w, uint32_t i);

#endif
