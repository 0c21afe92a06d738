/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of attacks: states, classes, the record of one, and what a guard has learned. */
#ifndef TCPGUARD_CORE_ATTACK_H
#define TCPGUARD_CORE_ATTACK_H

#include "core/config.h"
#include "core/sources.h"

struct guard;

/* In this order of gravity; SYNs are answered with cookies in the last two (mode adaptive, a flood). */
enum guard_attack_state {
#define STATE(name, text) GUARD_##name,
#include "core/attack.def"
#undef STATE
	GUARD_ATTACK_STATE_COUNT
};

enum attack_class {
#define CLASS(name, key, text, flood, sentence) CLASS_##name,
#include "core/attack.def"
#undef CLASS
	CLASS_COUNT
};

enum detect_cause {
#define TRIGGER(name, key, text) DETECT_BY_##name,
#include "core/attack.def"
#undef TRIGGER
	DETECT_CAUSE_COUNT
};

#define ATTACK_EVIDENCE_MAX 160

/* One attack, as far as it has gone. */
struct attack_report {
	uint64_t number; /* of this guard: 1, 2, ...; 0: there was none yet */
	char service[GUARD_SERVICE_NAME_MAX];
	enum attack_class class; /* at the peak */
	enum detect_cause trigger; /* what was noticed first */
	bool over;
	usec_t began, ended,
		last_seen; /* on the guard's clock; last_seen: when the flood last was */
	uint32_t peak_rate; /* SYNs in the worst second */
	uint32_t
		peak_stray; /* segments of no connection in the worst second, if that is what it is about */
	uint32_t peak_pending; /* half-opens and cookies in flight at most */
	uint64_t syns, completed, cookies_valid; /* from beginning to end */
	struct ip_addr server; /* the destination most hit; all zero: unknown */
	uint16_t port;
	struct sources_report sources; /* at the peak */
	char evidence[ATTACK_EVIDENCE_MAX]; /* one sentence with figures: why */
};

/*
 * guard_report_attack() - the current attack on the service @index, or the last one.
 * Return: false when there was none, or no such service, or this guard follows another: of several
 * guards that share an exchange, only the leader keeps records.
 */
bool guard_report_attack(const struct guard *g, uint32_t index, struct attack_report *r);

#define BASELINE_VERSION 1
#define BASELINE_FIGURES 48

/* What a guard has learned of one service; to be kept and given back after a restart. */
struct guard_baseline {
	char service[GUARD_SERVICE_NAME_MAX];
	uint32_t version; /* BASELINE_VERSION; another one is ignored */
	uint32_t learned; /* how many handshakes it rests on, at most; 0: nothing */
	uint32_t figure[BASELINE_FIGURES]; /* opaque */
};

/* guard_baseline_get() - of the service @index. Return: false if there is no such service. */
bool guard_baseline_get(const struct guard *g, uint32_t index, struct guard_baseline *b);

/* guard_baseline_put() - for the service called b->service; ignored if there is none, or not the version. */
void guard_baseline_put(struct guard *g, const struct guard_baseline *b);

/* Names; static text, "unknown" for what is none. */
const char *guard_attack_state_name(enum guard_attack_state state);
const char *attack_class_key(enum attack_class c);
const char *attack_class_name(enum attack_class c);
const char *attack_class_text(enum attack_class c);
bool attack_class_is_flood(enum attack_class c);
const char *detect_cause_key(enum detect_cause cause);
const char *detect_cause_text(enum detect_cause cause);

#endif
