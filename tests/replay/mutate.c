/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mutate [SEED [COUNT]] - good captures of every format and link type, damaged in all kinds of ways,
 * through the fuzz target. A finding ends it and prints the seed that makes it again.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "story.h"
#include "tests/fuzz/fuzz.h"

#define COUNT_DEFAULT 800
#define HURTS_MAX     12

static uint64_t state, seed_now;

/* Of the sanitizers, where they are. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* last_words() - with what a signal handler may use. */
static void last_words(void)
{
	char text[64] = "mutate: make it again with: mutate ", *at = text + strlen(text);
	char digits[20];
	int n = 0;

	for (uint64_t v = seed_now; v || !n; v /= 10)
		digits[n++] = (char)('0' + v % 10);
	while (n)
		*at++ = digits[--n];
	memcpy(at, " 1\n", 3);
	if (write(STDERR_FILENO, text, (size_t)(at + 3 - text)) < 0)
		return;
}

static void on_signal(int sig)
{
	last_words();
	signal(sig, SIG_DFL);
	raise(sig);
}

static uint64_t below(uint64_t n)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t x = state;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return (x ^ (x >> 31)) % n;
}

static void make(struct writer *w)
{
	struct story_facts facts;
	struct story s;

	story_defaults(&s);
	s.seed = below(1000);
	s.v6 = below(3) == 0;
	s.length = (1 + below(90)) * USEC_PER_SEC;
	s.clients = (uint32_t)below(5);
	s.flood = (uint32_t)below(400);
	s.flood_from = below(s.length);
	s.flood_to = s.flood_from + USEC_PER_SEC / 2;
	s.answered = below(2);
	s.one_way = below(4) == 0;
	w->format = below(WRITER_FORMAT_COUNT);
	w->link = below(WRITER_LINK_COUNT + 1);
	w->snap = below(3) ? 0 : (uint32_t)(14 + below(80));
	writer_begin(w);
	story_write(&s, w, &facts);
}

/* place() - somewhere in the file, more often near its beginning. */
static size_t place(const struct writer *w)
{
	return below(3) ? below(w->len) : below(w->len < 256 ? w->len : 256);
}

/* hurt() - one thing goes wrong. */
static void hurt(struct writer *w)
{
	static const uint32_t odd[] = {0,	   1,	       4,	   12,	  16,	 0x7fffffff,
				       0x80000000, 0xffffffff, 0xfffffffc, 65536, 262145};
	size_t at = place(w), n = 1 + below(64);
	uint32_t value = odd[below(sizeof(odd) / sizeof(odd[0]))];

	if (w->len < 128)
		return;
	n = n < w->len - at ? n : w->len - at;
	switch (below(7)) {
	case 0: /* a bit */
		w->data[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1: /* a byte */
		w->data[at] = (uint8_t)below(256);
		break;
	case 2: /* a number */
		at &= ~(size_t)3;
		if (at + 4 <= w->len)
			memcpy(w->data + at, &value, 4);
		break;
	case 3: /* the end is missing */
		if (below(4) == 0)
			w->len = at + 1;
		break;
	case 4: /* something is missing */
		memmove(w->data + at, w->data + at + n, w->len - at - n);
		w->len -= n;
		break;
	case 5: /* something is there twice */
		writer_put(w, "", 0);
		if (w->room - w->len >= n) {
			memmove(w->data + at + n, w->data + at, w->len - at);
			w->len += n;
		}
		break;
	default: /* noise */
		for (size_t i = 0; i < n; i++)
			w->data[at + i] = (uint8_t)below(256);
	}
}

static void one(uint64_t seed)
{
	struct writer w = {0};
	uint8_t *exact;

	seed_now = seed;
	state = seed * 7919;
	make(&w);
	for (uint64_t n = below(HURTS_MAX); n > 0; n--)
		hurt(&w);
	exact = malloc(w.len); /* a block of its own, so that its end is watched */
	if (!exact)
		abort();
	memcpy(exact, w.data, w.len);
	LLVMFuzzerTestOneInput(exact, w.len);
	free(exact);
	writer_free(&w);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : COUNT_DEFAULT;

	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(last_words);
	else
		signal(SIGSEGV, on_signal);
	signal(SIGABRT, on_signal);
	for (uint64_t i = 0; i < count; i++)
		one(seed + i);
	printf("%" PRIu64 " damaged captures\n", count);
	return 0;
}
