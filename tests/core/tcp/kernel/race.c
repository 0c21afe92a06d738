/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much our sender gets through compared with the kernel's, over wires that are alike: for each seed
 * there are two, which lose the same packets, and all run at the same time. The kernel receives.
 *
 *	race [--seconds N] [--flows N] [--seed N] [--loss PPM] [--delay MS] [--rate KBIT] [--queue BYTES]
 *	     [--reorder PPM] [--receive] [--verbose]
 *
 * --delay is one way. --receive: the kernel sends, to us and to itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "path.h"

#define FLOWS_MAX 16
#define SKIPPED	  77

static struct {
	uint64_t seconds, flows, seed, loss, delay, rate, queue, reorder;
	bool receive, verbose;
} opt = {.seconds = 20,
	 .flows = 6,
	 .seed = 1,
	 .loss = 10000,
	 .delay = 25,
	 .rate = 100000,
	 .queue = 256 * 1024};

static struct path paths[2 * FLOWS_MAX];

/* open_path() - @ours: with our endpoint as the sender, or the receiver with --receive. */
static const char *open_path(struct path *p, uint64_t seed, bool ours)
{
	struct wire_plan wire = {.delay = opt.delay * USEC_PER_MSEC,
				 .loss_ppm = (uint32_t)opt.loss,
				 .reorder_ppm = (uint32_t)opt.reorder,
				 .bits_per_second = opt.rate * 1000,
				 .queue = (uint32_t)opt.queue};
	struct script sends = {
		.total = UINT64_MAX, .abort_at = UINT64_MAX, .salt = 1, .peer_salt = 2};
	struct script takes = {.total = 0, .abort_at = UINT64_MAX, .salt = 2, .peer_salt = 1};
	struct peer_plan peer[2] = {{.listens = true,
				     .connections = 1,
				     .script = opt.receive ? sends : takes,
				     .port = PEER_PORT,
				     .measure_until = opt.seconds * USEC_PER_SEC,
				     .patience_s = (unsigned)opt.seconds + 20},
				    {.connections = 1,
				     .at_once = 1,
				     .side = 1,
				     .script = opt.receive ? takes : sends,
				     .port = PEER_PORT,
				     .patience_s = (unsigned)opt.seconds + 30}};
	struct host_plan host = {
		.connections = 1, .at_once = 1, .script = peer[1].script, .port = PEER_PORT};
	const char *why = path_open(p, &wire, seed, peer, ours ? &host : NULL);

	p->endless = true;
	return why;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *v, uint64_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* goodput() - in kbit/s, as the receiver has seen it. */
static double goodput(const struct path *p)
{
	const struct tally *t = &p->tally[0];

	if (!t->ran[1])
		return 0;
	return (double)(t->marks[1] - t->marks[0]) * 8e3 / (double)(t->ran[1] - t->ran[0]);
}

static void print_lane(const char *name, const struct path *p)
{
	const struct lane *l = &p->lane[1];

	printf("  %s: %llu packets, %llu lost, %llu overflown\n", name,
	       (unsigned long long)l->packets, (unsigned long long)l->lost,
	       (unsigned long long)l->overflown);
}

static void report(void)
{
	double ours[FLOWS_MAX] = {0}, kernel[FLOWS_MAX] = {0}, a, b;

	for (uint64_t i = 0; i < opt.flows; i++) {
		ours[i] = goodput(&paths[2 * i]);
		kernel[i] = goodput(&paths[2 * i + 1]);
		printf("seed %llu: %.0f kbit/s, the kernel %.0f\n",
		       (unsigned long long)opt.seed + i, ours[i], kernel[i]);
		if (opt.verbose) {
			print_lane("we", &paths[2 * i]);
			print_lane("the kernel", &paths[2 * i + 1]);
			host_print(paths[2 * i].host);
		}
	}
	a = median(ours, opt.flows);
	b = median(kernel, opt.flows);
	printf("medians of %llu flows, %llu s: %.0f kbit/s, the kernel %.0f: ratio %.3f\n",
	       (unsigned long long)opt.flows, (unsigned long long)opt.seconds, a, b, b ? a / b : 0);
}

static bool take_option(const char *name, const char *value)
{
	const struct {
		const char *name;
		uint64_t *to;
	} numbers[] = {{"--seconds", &opt.seconds}, {"--flows", &opt.flows},
		       {"--seed", &opt.seed},	    {"--loss", &opt.loss},
		       {"--delay", &opt.delay},	    {"--rate", &opt.rate},
		       {"--queue", &opt.queue},	    {"--reorder", &opt.reorder}};

	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(name, numbers[i].name) == 0 && value) {
			*numbers[i].to = strtoull(value, NULL, 0);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	const char *why = NULL;
	uint64_t n = 0;
	bool in_time = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--receive") == 0)
			opt.receive = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			opt.verbose = true;
		else if (take_option(argv[i], argv[i + 1]))
			i++;
		else
			why = argv[i];
	}
	if (why || opt.flows < 1 || opt.flows > FLOWS_MAX) {
		fprintf(stderr, "race: what is %s?\n", why ? why : "that number of flows");
		return 2;
	}
	while (!why && n < 2 * opt.flows) {
		why = open_path(&paths[n], opt.seed + n / 2, n % 2 == 0);
		n++;
	}
	if (why)
		printf("SKIP: a namespace with a TUN device cannot be made here: %s\n", why);
	else
		in_time = path_run(paths, (unsigned)n, (unsigned)opt.seconds + 30);
	if (in_time)
		report();
	while (n > 0)
		path_close(&paths[--n]);
	return why ? SKIPPED : !in_time;
}
