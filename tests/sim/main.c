/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim - the guard between two hosts in virtual time.
 *
 * Every run follows from the name of its scenario and a seed; a failing run prints the command that
 * repeats it with a trace of every packet.
 */
#include "sim.h"

#include <getopt.h>
#include <time.h>

struct options {
	const char *scenario; /* comma-separated names, or NULL: all */
	uint64_t seed;
	uint32_t runs, seconds;
	bool verbose;
};

static void add(struct stats *t, const struct stats *s)
{
	t->sessions += s->sessions;
	t->complete += s->complete;
	t->refused += s->refused;
	t->aborted += s->aborted;
	t->failed += s->failed;
	t->lost_third_ack += s->lost_third_ack;
	t->ghosts += s->ghosts;
	t->packets += s->packets;
	t->emitted += s->emitted;
	t->want_full += s->want_full;
	t->replaced += s->replaced;
	t->attacks += s->attacks;
	t->flood_syns += s->flood_syns;
	t->flood_sessions += s->flood_sessions;
	t->flood_complete += s->flood_complete;
	t->withheld += s->withheld;
	if (s->detect_worst > t->detect_worst)
		t->detect_worst = s->detect_worst;
}

static void print_plan(const struct plan *p)
{
	printf("%s seed %lu: mode %s, IPv%d, %s\n", p->scenario, (unsigned long)p->seed,
	       guard_mode_name(p->mode), p->v6 ? 6 : 4, p->clean ? "clean path" : "impaired path");
	for (uint32_t i = 0; i < LINK_COUNT; i++)
		printf("  link %u: delay %lu us, jitter %lu us, loss %u, dup %u, damage %u, reorder %u ppm\n",
		       i, (unsigned long)p->link[i].delay, (unsigned long)p->link[i].jitter,
		       p->link[i].loss, p->link[i].dup, p->link[i].corrupt, p->link[i].reorder);
}

/* run_once() - Return: the hash of what the guard did; *@bad: what was violated. */
static uint64_t run_once(const char *scenario, uint64_t seed, bool verbose, struct stats *st,
			 uint32_t *bad)
{
	static struct plan plan;
	struct sim *s;
	uint64_t hash;

	if (!plan_make(&plan, scenario, seed)) {
		fprintf(stderr, "sim: no scenario is called %s\n", scenario);
		exit(2);
	}
	if (verbose)
		print_plan(&plan);
	s = sim_new(&plan, verbose);
	sim_run(s);
	hash = s->hash;
	*bad = s->n_violations;
	if (st)
		add(st, &s->stats);
	if (verbose)
		mid_print(s);
	if (st && s->n_violations) {
		printf("FAILED: %s seed %lu, %u violations\n", scenario, (unsigned long)seed,
		       s->n_violations);
		for (uint32_t i = 0; i < s->n_violations && i < VIOLATIONS_KEPT; i++)
			printf("  %s\n", s->violation[i]);
		printf("  repeat: tests/sim/sim --scenario %s --seed %lu --verbose\n", scenario,
		       (unsigned long)seed);
	}
	sim_free(s);
	return hash;
}

/* run_seed() - one seed in eight runs twice: same seed, same bytes. */
static bool run_seed(const char *scenario, uint64_t seed, const struct options *o, struct stats *st)
{
	uint64_t first, second;
	uint32_t bad, again;

	first = run_once(scenario, seed, o->verbose, st, &bad);
	if (seed % 8 || o->verbose)
		return !bad;
	second = run_once(scenario, seed, false, NULL, &again);
	if (first == second && again == bad)
		return !bad;
	printf("FAILED: %s seed %lu: the same seed gave different bytes\n", scenario,
	       (unsigned long)seed);
	return false;
}

static void print_stats(const char *scenario, uint32_t runs, uint32_t failed, const struct stats *t)
{
	printf("%-10s %5u runs, %u failed; sessions %lu: %lu complete, %lu aborted, %lu failed, "
	       "%lu lost third ACK; ghosts %lu; packets %lu, rewritten %lu, sent by the guard %lu",
	       scenario, runs, failed, (unsigned long)t->sessions, (unsigned long)t->complete,
	       (unsigned long)t->aborted, (unsigned long)t->failed,
	       (unsigned long)t->lost_third_ack, (unsigned long)t->ghosts,
	       (unsigned long)t->packets, (unsigned long)t->replaced, (unsigned long)t->emitted);
	if (t->flood_syns)
		printf("; forged SYNs %lu, attacks %lu, noticed within %lu us, under flood %lu of %lu complete",
		       (unsigned long)t->flood_syns, (unsigned long)t->attacks,
		       (unsigned long)t->detect_worst, (unsigned long)t->flood_complete,
		       (unsigned long)t->flood_sessions);
	if (t->withheld)
		printf(", %lu not answered", (unsigned long)t->withheld);
	printf("\n");
	fflush(stdout);
}

static bool too_late(const struct options *o, time_t start)
{
	return o->seconds && time(NULL) - start >= (time_t)o->seconds;
}

#define FAILURES_SHOWN 10

/* run_scenario() - Return: failed runs. */
static uint32_t run_scenario(const char *name, const struct options *o, uint32_t seconds)
{
	struct options own = *o;
	struct stats total = {0};
	uint32_t failed = 0, runs = 0;
	time_t start = time(NULL);

	own.seconds = seconds;
	while (runs < o->runs && failed < FAILURES_SHOWN && !too_late(&own, start))
		failed += !run_seed(name, o->seed + runs++, o, &total);
	print_stats(name, runs, failed, &total);
	if (total.flood_sessions && total.flood_complete * 1000 < total.flood_sessions * 999 &&
	    (strcmp(name, "flood") == 0 || strcmp(name, "neighbours") == 0)) {
		printf("FAILED: %s: less than 99.9 %% of the sessions under flood complete\n",
		       name);
		failed++;
	}
	if (strcmp(name, "neighbours") == 0 && runs > 20 && !total.withheld) {
		printf("FAILED: %s: the guard is a reflector\n", name);
		failed++;
	}
	return failed;
}

static bool wanted(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *p = list; p && (p = strstr(p, name)); p++)
		if ((p == list || p[-1] == ',') && (p[n] == 0 || p[n] == ','))
			return true;
	return !list;
}

static void usage(FILE *f)
{
	fprintf(f,
		"usage: sim [--scenario NAME,...] [--seed N] [--runs N] [--seconds N] [--verbose]\n"
		"scenarios:");
	for (uint32_t i = 0; plan_scenario_name(i); i++)
		fprintf(f, " %s", plan_scenario_name(i));
	fprintf(f, "\n--seconds bounds all scenarios together; no new seed is begun after it.\n");
}

static int parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"scenario", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'n'},
		{"runs", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool runs = false;
	int c;

	while ((c = getopt_long(argc, argv, "s:n:r:t:vh", longs, NULL)) != -1) {
		if (c == 's')
			o->scenario = optarg;
		else if (c == 'n')
			o->seed = strtoull(optarg, NULL, 0);
		else if (c == 'r')
			o->runs = (uint32_t)strtoul(optarg, NULL, 0), runs = true;
		else if (c == 't')
			o->seconds = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 'v')
			o->verbose = true;
		else
			return c == 'h' ? -1 : 2;
	}
	if (o->verbose && !runs)
		o->runs = 1;
	return optind == argc ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .runs = 300, .seconds = 0};
	uint32_t failed = 0, n = 0;
	int rc = parse(&o, argc, argv);

	if (rc) {
		usage(rc < 0 ? stdout : stderr);
		return rc < 0 ? 0 : 2;
	}
	for (uint32_t i = 0; plan_scenario_name(i); i++)
		n += wanted(plan_scenario_name(i), o.scenario);
	if (!n) {
		usage(stderr);
		return 2;
	}
	for (uint32_t i = 0; plan_scenario_name(i); i++)
		if (wanted(plan_scenario_name(i), o.scenario))
			failed += run_scenario(plan_scenario_name(i), &o,
					       o.seconds ? (o.seconds + n - 1) / n : 0);
	return failed ? 1 : 0;
}
