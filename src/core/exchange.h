/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the guards of one daemon share one view of a service.
 *
 * Each guard has a row for each service, into which it writes what its tally counts: nobody else does.
 * Everybody may read all rows. The guard with index 0 leads: it runs the windows of the detector on the
 * sums and writes the verdict, which the others follow. Each of them may find by itself that the
 * hard trigger has gone off, with what the others have pending added; it switches at once and tells
 * the leader by `alarm`.
 *
 * All words are atomic and written one by one, so a reader may see a row half way: the figures of one
 * handshake differ, which no decision hangs on. Nobody waits for anybody. Rows are those of the
 * services in the configuration; while it changes they may mean different services to different
 * guards, so each carries a hash of the service's name, and a row of another name is not read.
 *
 * The memory belongs to the caller and holds no pointer. Guards without an exchange stand alone.
 */
#ifndef TCPGUARD_CORE_EXCHANGE_H
#define TCPGUARD_CORE_EXCHANGE_H

#include <stdatomic.h>

#include "core/config.h"
#include "core/sources.h"
#include "core/tally.h"

#define EXCHANGE_GUARDS_MAX 64
#define EXCHANGE_INTERVAL   USEC_PER_MSEC

#define EXCHANGE_TOTALS (sizeof(struct tally_totals) / sizeof(uint32_t))
#define EXCHANGE_LOOK	(sizeof(struct tally_look) / sizeof(uint32_t))

/* What one guard says of one service. */
struct exchange_row {
	_Alignas(64) _Atomic uint32_t name;
	_Atomic uint32_t alarm; /* its hard trigger has gone off */
	_Atomic uint32_t stamp; /* milliseconds on the common clock */
	_Atomic uint32_t total[EXCHANGE_TOTALS];
	_Atomic uint32_t look[EXCHANGE_LOOK];
};

/* What the leader says of it. */
struct exchange_verdict {
	_Atomic uint32_t name;
	_Atomic uint32_t state; /* state | class << 8 | attack << 16 | cookies << 17 */
	_Atomic uint32_t usual_x256; /* sources in a window, of all guards */
	_Atomic uint32_t usual_done_x256; /* completions */
	_Atomic uint64_t since; /* usec_t */
};

/* Who sends the SYNs, copied now and then while it matters. */
struct exchange_sources {
	atomic_flag busy; /* somebody copies; whoever finds it set goes on without */
	uint32_t name; /* 0: nothing yet */
	usec_t stamp;
	struct sources copy;
};

struct exchange {
	uint32_t guards;
	_Atomic uint32_t changes; /* grows with each verdict that changes */
	_Atomic uint64_t nudged; /* a bit for each guard that should look */
	struct exchange_verdict verdict[GUARD_SERVICES_MAX];
	struct sources scratch; /* the leader's */
	struct exchange_row row[]; /* by guard and service; then struct exchange_sources likewise */
};

/* exchange_size() - bytes for @guards of them; pages never touched cost nothing. */
size_t exchange_size(uint32_t guards);

/* exchange_init() - @e: zeroed memory of that size, aligned to 64. @guards: 1 to EXCHANGE_GUARDS_MAX. */
void exchange_init(struct exchange *e, uint32_t guards);

uint32_t exchange_name(const char *service); /* never 0 */

static inline struct exchange_row *exchange_row(struct exchange *e, uint32_t guard,
						uint32_t service)
{
	return &e->row[guard * GUARD_SERVICES_MAX + service];
}

/* exchange_publish() - write the row of @guard. */
void exchange_publish(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
		      usec_t now, const struct tally_totals *total, const struct tally_look *look);

/*
 * exchange_others() - add up what the other guards say.
 * @total, @look: set; either may be NULL. Return: has one of them raised the alarm?
 */
bool exchange_others(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
		     usec_t now, struct tally_totals *total, struct tally_look *look);

/* exchange_add_look() - @sum += @one. */
void exchange_add_look(struct tally_look *sum, const struct tally_look *one);

void exchange_publish_sources(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
			      usec_t now, const struct sources *s);

/* exchange_merge_sources() - add to @into what the other guards have published lately. */
void exchange_merge_sources(struct exchange *e, uint32_t guard, uint32_t service, uint32_t name,
			    usec_t now, struct sources *into);

#endif
