/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between a service and its detector; see alarm.c. Part of the core only. */
#ifndef TCPGUARD_CORE_ALARM_H
#define TCPGUARD_CORE_ALARM_H

#include "core/classify.h"
#include "core/detect.h"
#include "core/exchange.h"

struct turn;
struct service;
struct guard;

/* alarm_flight() - cookies in flight, and handshakes that were reset lately. */
uint32_t alarm_flight(const struct service *s);

/*
 * alarm_change() - the detector of the leader has changed its mind: tell everybody.
 * @d: the destination that is flooded; NULL: the busiest one.
 */
void alarm_change(struct turn *t, uint32_t slot, enum detect_change change,
		  const struct destination *d);

/* alarm_age_sources() - bring the sketch of the sources to the present second. */
void alarm_age_sources(struct turn *t, uint32_t slot);

/* alarm_exchange() - with the other guards, if it is time for it; first thing in a turn. */
void alarm_exchange(struct turn *t);
void alarm_publish(struct turn *t, uint32_t slot);

/* alarm_expire() / alarm_deadline() - windows. */
void alarm_expire(struct turn *t, uint32_t slot);
usec_t alarm_deadline(const struct guard *g, const struct service *s);

/* alarm_configure() - services have other rows in the exchange now. */
void alarm_configure(struct turn *t);

/* alarm_stop() - nobody looks at the service's packets any more: whatever it was, it is over. */
void alarm_stop(struct turn *t, uint32_t slot);

/* ---- evidence.c ---- */

/* evidence_of() - one sentence with figures: why it has changed. Fills @why, ATTACK_EVIDENCE_MAX bytes. */
void evidence_of(const struct service *v, enum detect_change change, char *why);

#endif
