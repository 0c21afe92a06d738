/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endpoint against the kernel's TCP, over a wire made here: both roles, both families.
 *
 *	cases [--bytes N] [--seed N] [--case NAME] [--verbose]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "path.h"

#define SKIPPED	 77
#define PATIENCE 60

/* One case; it is played with the kernel connecting and with us connecting, over both families. */
struct test {
	const char *name;
	struct wire_plan wire;
	uint32_t connections, at_once;
	struct script ours, theirs;
	enum ending our_end, their_end; /* how every connection has to end */
	bool small, refused;
	bool bulk; /* all connections together send what --bytes says */
};

#define NO_WIRE            \
	{                  \
		.delay = 0 \
	}
#define BAD_WIRE                                                                    \
	{                                                                           \
		.delay = 2000, .jitter = 1000, .loss_ppm = 10000, .dup_ppm = 10000, \
		.reorder_ppm = 10000                                                \
	}
#define SENDS(n)                                     \
	{                                            \
		.total = (n), .abort_at = UINT64_MAX \
	}
#define ANSWERS(n)                                                    \
	{                                                             \
		.total = (n), .abort_at = UINT64_MAX, .answers = true \
	}
#define RESETS(n)                                    \
	{                                            \
		.total = UINT64_MAX, .abort_at = (n) \
	}
#define LEAVES_UNREAD                                                     \
	{                                                                 \
		.total = UINT64_MAX, .abort_at = 1, .leaves_unread = true \
	}
#define GENTLE(a, b)  .ours = a, .theirs = b, .our_end = ENDED_WELL, .their_end = ENDED_WELL
#define VIOLENT(a, b) .ours = a, .theirs = b, .our_end = ENDED_RESET, .their_end = ENDED_RESET
#define TIMES(n, m)   .connections = (n), .at_once = (m), .small = (n) > 10

static const struct test tests[] = {
	{"bulk", NO_WIRE, TIMES(1, 1), GENTLE(SENDS(0), SENDS(0)), .bulk = true},
	{"lossy", BAD_WIRE, TIMES(4, 4), GENTLE(SENDS(0), SENDS(0)), .bulk = true},
	{"short", NO_WIRE, TIMES(2500, 128), GENTLE(SENDS(1000), SENDS(100))},
	{"short-lossy", BAD_WIRE, TIMES(150, 50), GENTLE(SENDS(20000), SENDS(3000))},
	{"they-answer", BAD_WIRE, TIMES(60, 30), GENTLE(SENDS(5000), ANSWERS(60000))},
	{"we-answer", BAD_WIRE, TIMES(60, 30), GENTLE(ANSWERS(60000), SENDS(5000))},
	{"we-reset", NO_WIRE, TIMES(60, 30), VIOLENT(RESETS(50000), SENDS(2000000))},
	{"they-reset", NO_WIRE, TIMES(60, 30), VIOLENT(SENDS(2000000), RESETS(50000))},
	{"we-leave-unread", NO_WIRE, TIMES(60, 30), VIOLENT(LEAVES_UNREAD, SENDS(100000))},
	{"they-leave-unread", NO_WIRE, TIMES(60, 30), VIOLENT(SENDS(100000), LEAVES_UNREAD)},
	{"refused", NO_WIRE, TIMES(60, 30), .ours = SENDS(1), .theirs = SENDS(1),
	 .our_end = ENDED_REFUSED, .their_end = ENDED_REFUSED, .refused = true},
};

static uint64_t bytes = 4 << 20, seed = 1;
static bool verbose;

static bool all_ended(const struct tally *t, enum ending wanted, uint32_t connections)
{
	return t->ended[wanted] == connections;
}

static void print_tally(const char *who, const struct tally *t)
{
	printf("  %s: %u well, %u reset, %u refused, %u wrong, %u otherwise (%s), %llu bytes\n",
	       who, t->ended[ENDED_WELL], t->ended[ENDED_RESET], t->ended[ENDED_REFUSED],
	       t->ended[ENDED_WRONG], t->ended[ENDED_OTHERWISE], t->why,
	       (unsigned long long)t->bytes);
}

static bool judge(const struct test *t, const struct path *p, bool in_time, bool we_listen)
{
	struct tally ours = *host_tally(p->host), theirs = p->tally[0];
	uint64_t n = t->connections;
	bool well = in_time;

	/* whoever listens never hears of the refused ones */
	if (!t->refused || !we_listen)
		well &= all_ended(&ours, t->our_end, t->connections);
	if (!t->refused || we_listen)
		well &= all_ended(&theirs, t->their_end, t->connections);
	if (t->our_end == ENDED_WELL) {
		uint64_t to_us = (t->bulk ? bytes / n : t->theirs.total) * n;
		uint64_t to_them = (t->bulk ? bytes / n : t->ours.total) * n;

		well &= ours.bytes == to_us && theirs.bytes == to_them;
	}
	if (!well || verbose) {
		print_tally("we", &ours);
		print_tally("the kernel", &theirs);
		if (!in_time)
			host_print(p->host);
	}
	return well;
}

/* play() - Return: 0, 1 if it failed, SKIPPED if that cannot be tested here. */
static int play(const struct test *t, bool we_listen, bool v6)
{
	unsigned patience = PATIENCE + (t->bulk ? (unsigned)(bytes >> 22) : 0);
	struct peer_plan peer[2] = {{.listens = !we_listen,
				     .v6 = v6,
				     .connections = t->connections,
				     .at_once = t->at_once,
				     .script = t->theirs,
				     .port = PEER_PORT + (t->refused && we_listen),
				     .patience_s = patience}};
	struct host_plan host = {.listens = we_listen,
				 .v6 = v6,
				 .small = t->small,
				 .connections = t->connections,
				 .at_once = t->at_once,
				 .script = t->ours,
				 .port = PEER_PORT + t->refused};
	usec_t began = clock_now();
	struct path p;
	const char *why;
	bool in_time, well;

	peer[0].script.salt = host.script.peer_salt = 1;
	peer[0].script.peer_salt = host.script.salt = 2;
	if (t->bulk)
		peer[0].script.total = host.script.total = bytes / t->connections;
	if (t->refused && we_listen)
		host.connections = 0;
	if (t->refused && !we_listen)
		peer[0].connections = 0;
	why = path_open(&p, &t->wire, seed, peer, &host);
	if (why) {
		printf("SKIP: a namespace with a TUN device cannot be made here: %s\n", why);
		path_close(&p);
		return SKIPPED;
	}
	in_time = path_run(&p, 1, patience);
	well = judge(t, &p, in_time, we_listen);
	printf("%-18s %s, %s: %s, %u connections in %.2f s\n", t->name, v6 ? "IPv6" : "IPv4",
	       we_listen ? "the kernel connects" : "we connect", well ? "well" : "FAILED",
	       t->connections, (double)(clock_now() - began) / 1e6);
	path_close(&p);
	return well ? 0 : 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: cases [--bytes N] [--seed N] [--case NAME] [--verbose]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (i + 1 == argc)
			return usage();
		else if (strcmp(argv[i], "--bytes") == 0)
			bytes = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--case") == 0)
			only = argv[++i];
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[++i], NULL, 0);
		else
			return usage();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid() != 0) {
		printf("SKIP: network namespaces need root\n");
		return SKIPPED;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		for (unsigned k = 0; k < 4; k++) {
			int ret;

			if (only && strcmp(only, tests[i].name) != 0)
				continue;
			ret = play(&tests[i], k & 1, k & 2);
			if (ret == SKIPPED)
				return SKIPPED;
			failed |= ret;
		}
	}
	return failed;
}
