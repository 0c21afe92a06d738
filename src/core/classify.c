/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/classify.h"

/* A crowd: eight times the usual rate is beyond any daily rise; fewer clients than that are no crowd. */
#define CROWD_FACTOR   8
#define CROWD_RATE_MIN 50

/* A server is down when of at least that many handshakes a second nine in ten get no SYN-ACK. */
#define DOWN_RATE_MIN 5

/* A scan: that many handshakes of single sources in a second that lead nowhere. */
#define SCAN_RATE_MIN 20

/*
 * Sources are real when half of the SYNs come from the few that are known by name, and each of those has
 * sent some: who forges at random hardly ever hits an address twice.
 */
#define REAL_SHARE_PCT 50
#define REAL_SYNS_MIN  8

/* many_opened, not completed: refused, reset or ignored. */
static bool is_scan(const struct tally_totals *s)
{
	uint32_t nowhere = s->many_opened - s->many_done + s->many_reset;

	if (s->many_opened < SCAN_RATE_MIN || s->many_done > s->many_opened + s->many_reset)
		return false;
	return nowhere * 10 >= s->many_opened * 8 && s->many_opened * 2 >= s->opened;
}

static bool is_down(const struct tally_totals *s)
{
	return s->opened >= DOWN_RATE_MIN && (uint64_t)s->synacks * 10 < s->opened;
}

static bool is_crowd(const struct tally_totals *s, uint32_t usual)
{
	return s->opened >= CROWD_RATE_MIN && s->opened >= CROWD_FACTOR * (uint64_t)usual &&
	       (s->completed + s->many_done - s->many_reset) * 2 >= s->opened;
}

enum attack_class classify_odd(const struct tally_totals *s, uint32_t usual)
{
	if (is_scan(s))
		return CLASS_PORT_SCAN;
	if (is_down(s))
		return CLASS_SERVER_DOWN;
	if (is_crowd(s, usual))
		return CLASS_FLASH_CROWD;
	return CLASS_NONE;
}

/* real_share() - percent of the SYNs that come from heavy addresses, /24 and /64 left aside. */
static uint32_t real_share(const struct sources_report *r)
{
	uint64_t syns = 0;

	for (uint32_t i = 0; i < r->n_heavy; i++) {
		const struct heavy_prefix *h = &r->heavy[i];

		if (h->plen == 128 && h->syns >= REAL_SYNS_MIN + h->error)
			syns += h->syns;
	}
	return r->syns ? (uint32_t)(syns * 100 / r->syns) : 0;
}

enum attack_class classify_attack(enum detect_cause cause, const struct tally_totals *window,
				  const struct sources_report *sources)
{
	if (cause == DETECT_BY_STRAY)
		return window->stray_synacks >= window->stray_acks + window->stray_rsts
			       ? CLASS_SYNACK_REFLECTION
			       : CLASS_ACK_RST_FLOOD;
	if (cause == DETECT_BY_CONCENTRATED || real_share(sources) >= REAL_SHARE_PCT)
		return CLASS_REAL_SOURCES;
	return cause == DETECT_BY_SLOW ? CLASS_SLOW : CLASS_SPOOFED_FLOOD;
}
