/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Labelled scenarios for the detector, in virtual time: clients, servers, floods and other events around
 * one guard, all drawn from a seed. Nothing here looks into the guard; it is fed packets and asked for
 * its reports, as the daemon does.
 *
 * What a client is like: the round trip between guard and client is log-normal around the site's
 * median; most open one connection, some two to six at once; segments are lost on some paths; a SYN
 * without an answer is repeated after 1, 3 and 7 seconds.
 */
#ifndef TCPGUARD_SCENARIO_SCENE_H
#define TCPGUARD_SCENARIO_SCENE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard.h"

#define SEC  USEC_PER_SEC
#define MSEC USEC_PER_MSEC

enum scan { SCAN_NONE, SCAN_MASSCAN, SCAN_NMAP, SCAN_BACKSCATTER };

/* What a run consists of. Times are from its beginning. */
struct plan {
	const char *scene;
	uint64_t seed;
	usec_t length;
	bool harmful; /* an attack is to be noticed, and only one */
	usec_t from, to; /* of what the scene is about */
	usec_t limit; /* the delay allowed; 0: any */
	double rate; /* of clients' connections a second */
	double rtt_ms, rtt_sigma;
	double lossy_share, loss; /* clients behind a bad path, and what it loses; from .. to */
	bool lossy_always; /* or only since from */
	double slower; /* between from and to round trips take so many times as long; 0: not */
	usec_t hiccup; /* every 20 s the path to the clients stands still so long; 0: not */
	double nat_share; /* clients behind one address */
	double crowd; /* between from and to, so many times the rate ... */
	usec_t crowd_rise; /* ... after that time */
	usec_t down_from, down_to; /* the server answers nothing, or refuses */
	bool refuses;
	uint32_t herd; /* clients who come back at once when it is up again */
	double flood; /* forged SYNs a second */
	uint32_t sources; /* from so many addresses; 0: any */
	usec_t pulse, pause; /* 0: it goes on */
	bool ramp; /* from nothing to the full rate */
	bool flood_rst; /* each followed by a RST that only the guard sees */
	bool flood_bare; /* SYN|ECE|CWR without options */
	enum scan scan;
	double scan_rate;
	uint32_t backlog;
	uint32_t start, end; /* thresholds; 0: as they come */
	const char *capture; /* its SYNs are the flood */
};

struct outcome {
	uint32_t attacks; /* that the guard counts */
	bool noticed; /* after the first harmful SYN */
	bool early; /* an attack began before it */
	usec_t delay;
	uint32_t noticed_rate; /* SYN/s of the flood when it was noticed */
	enum attack_class class;
	enum detect_cause trigger;
	char evidence[ATTACK_EVIDENCE_MAX];
	uint64_t clients, harmed; /* connections begun; not established within four seconds */
	uint64_t packets;
};

/* ---- chance ---- */

struct rng {
	uint64_t s;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline double rng_unit(struct rng *r) /* in (0, 1] */
{
	return ((double)(rng_u64(r) >> 11) + 1) * 0x1p-53;
}

static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_u64(r) >> 32) * n >> 32);
}

static inline bool rng_chance(struct rng *r, double p)
{
	return rng_unit(r) <= p;
}

static inline double rng_range(struct rng *r, double from, double to)
{
	return from + (to - from) * rng_unit(r);
}

/* rng_log() - as likely in each octave. */
static inline double rng_log(struct rng *r, double from, double to)
{
	return from * exp(log(to / from) * rng_unit(r));
}

static inline double rng_normal(struct rng *r)
{
	return sqrt(-2 * log(rng_unit(r))) * cos(6.283185307179586 * rng_unit(r));
}

/* ---- plans.c ---- */

struct scene {
	const char *name, *what;
	bool harmful;
	uint32_t runs, quick_runs; /* how many seeds in the whole run, and in the quick one */
	void (*plan)(struct plan *p, struct rng *r);
};

extern const struct scene scenes[];
extern const uint32_t n_scenes;

/* plan_hard_seed() - the @i-th of those that were judged wrongly once; quick runs have them, too. 0: no more. */
uint32_t plan_hard_seed(const struct scene *s, uint32_t i);

/* plan_make() - Return: false if the scene cannot be played here; @why says so. */
bool plan_make(struct plan *p, const struct scene *s, uint64_t seed, const char **why);

/* ---- world.c ---- */

void world_run(const struct plan *p, struct outcome *o, bool verbose);

/* ---- capture.c ---- */

struct captured {
	usec_t time; /* from the first SYN */
	be32 src;
	uint16_t sport;
	uint16_t flags, window;
	uint32_t seq;
	uint8_t ttl;
};

/* capture_syns() - the SYNs of a capture; kept. Return: their number; 0: @why says. */
size_t capture_syns(const char *file, const struct captured **syns, const char **why);

#endif
