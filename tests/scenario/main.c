/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scenario - does the detector notice what it must, and nothing else?
 *
 *	scenario [--quick] [--scene NAME] [--seed N] [--runs N] [--verbose] [--compare TABLE]
 *
 * Prints a row for each scenario. Fails if an attack was missed, noticed late or counted twice, or if
 * something harmless was called one; with --compare also if a figure is worse than in TABLE, which is what
 * an earlier run has printed: of the same seeds, else there is nothing to compare.
 * TCPGUARD_CAPTURE names a recorded attack.
 */
#include <getopt.h>
#include <inttypes.h>

#include "scene.h"

#define LATE_PERCENTILE 99
#define HARMED_SHARE	1000

struct options {
	bool quick, verbose;
	const char *scene, *compare;
	uint64_t seed;
	uint32_t runs;
};

struct tally_of_scene {
	uint32_t runs, missed, alarms, flaps, late, n_delays;
	usec_t *delay;
	usec_t limit;
	double hours;
	uint64_t clients, harmed;
};

static int by_delay(const void *a, const void *b)
{
	usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;

	return x < y ? -1 : x > y;
}

/* percentile() - of the sorted delays, in milliseconds. */
static double percentile(const struct tally_of_scene *t, uint32_t percent)
{
	uint32_t i = (t->n_delays * percent + 99) / 100;

	return t->n_delays ? (double)t->delay[i ? i - 1 : 0] / 1e3 : 0;
}

static void blame(const struct plan *p, const struct outcome *o, const char *what)
{
	printf("# %s seed %" PRIu64 ": %s (%.0f clients/s, rtt %.0f ms, flood %.0f/s, backlog %u; "
	       "%u attacks, delay %.0f ms, %s: %s)\n",
	       p->scene, p->seed, what, p->rate, p->rtt_ms, p->flood, p->backlog, o->attacks,
	       (double)o->delay / 1e3, detect_cause_key(o->trigger), o->evidence);
}

static void judge(struct tally_of_scene *t, const struct plan *p, const struct outcome *o)
{
	t->runs++;
	t->hours += (double)p->length / 3600e6;
	t->clients += o->clients;
	t->harmed += o->harmed;
	t->limit = p->limit;
	if (o->harmed * HARMED_SHARE > o->clients + HARMED_SHARE)
		blame(p, o, "more than one client in a thousand was harmed");
	if (!p->harmful) {
		t->alarms += o->attacks;
		if (o->attacks)
			blame(p, o, "false alarm");
		return;
	}
	if (o->early) {
		t->alarms++;
		blame(p, o, "alarm before the attack");
	} else if (!o->noticed) {
		t->missed++;
		blame(p, o, "missed");
	} else {
		t->delay[t->n_delays++] = o->delay;
		if (p->limit && o->delay > p->limit)
			t->late++;
	}
	if (o->attacks > 1) {
		t->flaps++;
		blame(p, o, "more than one attack");
	}
}

/* play() - all runs of a scene. Return: false if it cannot be played here. */
static bool play(const struct scene *s, const struct options *opt, struct tally_of_scene *t)
{
	uint32_t runs = opt->runs ? opt->runs : opt->quick ? s->quick_runs : s->runs;
	uint32_t drawn = runs;
	const char *why;

	memset(t, 0, sizeof(*t));
	while (opt->quick && !opt->runs && plan_hard_seed(s, runs - drawn))
		runs++;
	t->delay = calloc(runs, sizeof(*t->delay));
	if (!t->delay)
		abort();
	for (uint32_t i = 0; i < runs; i++) {
		struct outcome o;
		struct plan p;

		uint64_t seed = i < drawn ? opt->seed + i : plan_hard_seed(s, i - drawn);

		if (!plan_make(&p, s, seed, &why)) {
			printf("# %s skipped: %s\n", s->name, why);
			free(t->delay);
			return false;
		}
		world_run(&p, &o, opt->verbose);
		judge(t, &p, &o);
	}
	qsort(t->delay, t->n_delays, sizeof(*t->delay), by_delay);
	return true;
}

static void print_head(void)
{
	printf("%-16s %5s %8s %9s %9s %7s %7s %7s %9s %8s  %s\n", "# scenario", "runs", "hours",
	       "p50 ms", "p99 ms", "missed", "alarms", "flaps", "clients", "harmed", "what");
}

static void print_row(const struct scene *s, const struct tally_of_scene *t)
{
	printf("%-16s %5u %8.1f ", s->name, t->runs, t->hours);
	if (s->harmful)
		printf("%9.1f %9.1f ", percentile(t, 50), percentile(t, LATE_PERCENTILE));
	else
		printf("%9s %9s ", "-", "-");
	printf("%7u %7u %7u %9" PRIu64 " %8" PRIu64 "  %s\n", t->missed, t->alarms, t->flaps,
	       t->clients, t->harmed, s->what);
	fflush(stdout);
}

static bool is_good(const struct scene *s, const struct tally_of_scene *t)
{
	double limit = (double)t->limit / 1e3;
	bool good = !t->missed && !t->alarms && !t->flaps;

	if (limit > 0 && percentile(t, LATE_PERCENTILE) > limit) {
		printf("# %s: %.1f ms at p99, %.0f ms is the limit\n", s->name,
		       percentile(t, LATE_PERCENTILE), limit);
		good = false;
	}
	return good;
}

/* ---- the committed table ---- */

/*
 * What a row may be worse by. The seeds are the same, so it ought to be equal; but the mathematical library
 * of another machine may round differently, and then all that is drawn afterwards is different.
 */
#define P50_FACTOR   1.15
#define P50_MS	     10
#define P99_FACTOR   1.25
#define P99_MS	     20
#define HARMED_EXTRA 100000 /* one client in so many */

struct row {
	char name[64];
	double p50, p99;
	unsigned long runs, missed, alarms, flaps, clients, harmed;
};

/* parse_row() - Return: false for what is none. */
static bool parse_row(const char *line, struct row *r)
{
	char p50[32], p99[32];

	if (*line == '#' ||
	    sscanf(line, "%63s %lu %*f %31s %31s %lu %lu %lu %lu %lu", r->name, &r->runs, p50, p99,
		   &r->missed, &r->alarms, &r->flaps, &r->clients, &r->harmed) != 9)
		return false;
	r->p50 = strtod(p50, NULL); /* "-" is 0 */
	r->p99 = strtod(p99, NULL);
	return true;
}

/* find_row() - Return: false if there is none of that name. */
static bool find_row(const char *file, const char *name, struct row *r)
{
	FILE *f = fopen(file, "r");
	char line[512];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = parse_row(line, r) && strcmp(r->name, name) == 0;
	if (f)
		fclose(f);
	return found;
}

/* differs() - @is: measured; @at_most: with what is granted. Return: is it worse? */
static bool differs(const struct scene *s, const char *what, double is, double committed,
		    double at_most)
{
	if (is <= at_most)
		return false;
	printf("# %s: %s is %.1f, %.1f in the table, %.1f at most\n", s->name, what, is, committed,
	       at_most);
	return true;
}

/* is_as_good() - as the row of the committed table. */
static bool is_as_good(const struct scene *s, const struct tally_of_scene *t, const char *file)
{
	uint64_t harmed_max;
	bool worse = false;
	struct row r;

	if (!find_row(file, s->name, &r)) {
		printf("# %s: there is no row in %s\n", s->name, file);
		return false;
	}
	if (t->runs != r.runs) {
		printf("# %s: %u runs, %lu in the table: they cannot be compared\n", s->name,
		       t->runs, r.runs);
		return false;
	}
	harmed_max = r.harmed + t->clients / HARMED_EXTRA;
	worse |= differs(s, "missed", t->missed, (double)r.missed, (double)r.missed);
	worse |= differs(s, "alarms", t->alarms, (double)r.alarms, (double)r.alarms);
	worse |= differs(s, "flaps", t->flaps, (double)r.flaps, (double)r.flaps);
	worse |= differs(s, "harmed", (double)t->harmed, (double)r.harmed, (double)harmed_max);
	worse |= differs(s, "p50 in ms", percentile(t, 50), r.p50, r.p50 * P50_FACTOR + P50_MS);
	worse |= differs(s, "p99 in ms", percentile(t, LATE_PERCENTILE), r.p99,
			 r.p99 * P99_FACTOR + P99_MS);
	return !worse;
}

/* all_known() - is there a scene for each row? */
static bool all_known(const char *file)
{
	FILE *f = fopen(file, "r");
	char line[512];
	bool good = f;
	struct row r;

	if (!f)
		printf("# cannot read %s\n", file);
	while (f && fgets(line, sizeof(line), f)) {
		uint32_t i = 0;

		if (!parse_row(line, &r))
			continue;
		while (i < n_scenes && strcmp(scenes[i].name, r.name) != 0)
			i++;
		if (i < n_scenes)
			continue;
		printf("# %s is in %s, but there is no such scenario\n", r.name, file);
		good = false;
	}
	if (f)
		fclose(f);
	return good;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: scenario [--quick] [--scene NAME] [--seed N] [--runs N] [--verbose] "
		"[--compare TABLE]\n");
	return 2;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"quick", no_argument, NULL, 'q'},
		{"scene", required_argument, NULL, 's'},
		{"seed", required_argument, NULL, 'n'},
		{"runs", required_argument, NULL, 'r'},
		{"verbose", no_argument, NULL, 'v'},
		{"compare", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.seed = 1};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'q':
			o->quick = true;
			break;
		case 's':
			o->scene = optarg;
			break;
		case 'n':
			o->seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			o->runs = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'c':
			o->compare = optarg;
			break;
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options opt;
	double harmless = 0;
	bool good = true;

	if (parse(argc, argv, &opt) < 0)
		return usage();
	if (opt.compare)
		good = all_known(opt.compare);
	print_head();
	for (uint32_t i = 0; i < n_scenes; i++) {
		const struct scene *s = &scenes[i];
		struct tally_of_scene t;

		if (opt.scene && strcmp(opt.scene, s->name) != 0)
			continue;
		if (!play(s, &opt, &t))
			continue;
		print_row(s, &t);
		good = is_good(s, &t) && good;
		if (opt.compare)
			good = is_as_good(s, &t, opt.compare) && good;
		if (!s->harmful)
			harmless += t.hours;
		free(t.delay);
	}
	printf("# %.1f harmless hours; %s\n", harmless, good ? "all is well" : "FAILED");
	return good ? 0 : 1;
}
