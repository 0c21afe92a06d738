/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Space-Saving against exact counts: its bounds must hold for every key after every kind of stream, with
 * ageing and merging in between. Streams are seeded; a failing one prints its seed.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/topk.h"
#include "segments.h"

#define KEYS  20000 /* keys are numbers below that */
#define STEPS 20000
#define SEEDS 15

/* A sketch and the truth about it. */
struct stream {
	struct topk topk;
	uint64_t seed;
	unsigned
		slack; /* how often merged, itself included: a unit each that rounding may have cost */
	double total, weight[KEYS], noted[KEYS];
};

static struct stream streams[2];

static struct topk_key key_of(uint32_t number)
{
	return (struct topk_key){{number, number * (uint64_t)0x9e3779b97f4a7c15}};
}

static uint32_t hash_of(const struct topk_key *key)
{
	static const struct siphash_key secret = {1, 2};

	return (uint32_t)siphash13_2words(&secret, key->word[0], key->word[1]);
}

static unsigned find(const struct stream *s, uint32_t number)
{
	struct topk_key key = key_of(number);

	return topk_find(&s->topk, &key, hash_of(&key));
}

static void begin(struct stream *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->slack = 1;
}

static void come(struct stream *s, uint32_t number, uint32_t weight)
{
	struct topk_key key = key_of(number);

	topk_add(&s->topk, &key, hash_of(&key), weight);
	s->weight[number] += weight;
	s->total += weight;
}

/* note() - as the caller does with completions: for a key that is counted, else nothing. */
static void note(struct stream *s, uint32_t number)
{
	unsigned slot = find(s, number);

	s->noted[number]++;
	if (slot != TOPK_NONE)
		s->topk.note[slot]++;
}

static void age(struct stream *s)
{
	topk_age(&s->topk);
	s->total /= 2;
	for (unsigned i = 0; i < KEYS; i++) {
		s->weight[i] /= 2;
		s->noted[i] /= 2;
	}
}

/* Check writes a mark for each of its own assertions, which is too slow for millions of them. */
#define expect(s, condition, number)                                                     \
	do {                                                                             \
		if (!(condition))                                                        \
			ck_abort_msg("seed %llu, key %u: " #condition,                   \
				     (unsigned long long)(s)->seed, (unsigned)(number)); \
	} while (0)

/* check_slots() - the structure itself: every key is found where it is, and nothing else is. */
static void check_slots(const struct stream *s)
{
	const struct topk *t = &s->topk;
	unsigned used = 0, chained = 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		sum += t->count[i];
		if (!t->count[i])
			continue;
		used++;
		expect(s, topk_find(t, &t->key[i], t->hash[i]) == i, i);
		expect(s, t->error[i] <= t->count[i], i);
		expect(s, t->count[i] >= t->low, i);
	}
	for (unsigned h = 0; h < TOPK_HEADS; h++)
		for (unsigned at = t->head[h]; at; at = t->next[at - 1])
			chained++;
	expect(s, chained == used, used);
	if (s->slack == 1)
		expect(s, sum <= t->total, used);
}

static void check_bounds(const struct stream *s)
{
	const struct topk *t = &s->topk;
	uint32_t low = topk_low(t);

	check_slots(s);
	expect(s, low <= t->total / TOPK_SLOTS + s->slack, 0u);
	expect(s, fabs((double)t->total - s->total) <= s->slack, 0u);
	for (uint32_t n = 0; n < KEYS; n++) {
		unsigned slot = find(s, n);

		if (slot == TOPK_NONE) {
			expect(s, s->weight[n] < low + s->slack, n);
			continue;
		}
		expect(s, t->count[slot] - t->error[slot] <= s->weight[n], n);
		expect(s, s->weight[n] < t->count[slot] + s->slack, n);
		expect(s, t->error[slot] <= t->total / TOPK_SLOTS + s->slack, n);
		expect(s, t->note[slot] <= s->noted[n], n);
	}
}

/* Which key comes next. */
static uint32_t uniform(struct seg_random *r, uint32_t step)
{
	return seg_random_below(r, KEYS);
}

/* skewed() - the n-th key about as often as 1/n, as sources of real traffic are. */
static uint32_t skewed(struct seg_random *r, uint32_t step)
{
	return (uint32_t)pow(KEYS, seg_random_below(r, 1u << 24) / 16777216.0) - 1;
}

/* new_each() - none comes twice before all have come. */
static uint32_t new_each(struct seg_random *r, uint32_t step)
{
	return step % KEYS;
}

/* just_too_many() - one key more than there are slots, in turn: the worst case of the sketch. */
static uint32_t just_too_many(struct seg_random *r, uint32_t step)
{
	return step % (TOPK_SLOTS + 1);
}

/* few_and_many() - seven keys make up half of it. */
static uint32_t few_and_many(struct seg_random *r, uint32_t step)
{
	return seg_random_below(r, 2) ? seg_random_below(r, 7) : seg_random_below(r, KEYS);
}

static uint32_t (*const draws[])(struct seg_random *r, uint32_t step) = {
	uniform, skewed, new_each, just_too_many, few_and_many,
};

static void run(struct stream *s, uint64_t seed, unsigned draw, bool weighted, uint32_t age_each)
{
	struct seg_random r = seg_random(seed);

	begin(s, seed);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t number = draws[draw](&r, step);

		come(s, number, weighted ? 16u << seg_random_below(&r, 6) : 1);
		if (step % 3 == 0)
			note(s, number);
		if (age_each && step % age_each == age_each - 1)
			age(s);
	}
}

START_TEST(bounds_hold)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(&streams[0], seed, (unsigned)_i, seed % 2, 0);
		check_bounds(&streams[0]);
	}
}
END_TEST

START_TEST(bounds_hold_with_ageing)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(&streams[0], seed, (unsigned)_i, seed % 2, 300 + 400 * (seed % 7));
		check_bounds(&streams[0]);
	}
}
END_TEST

START_TEST(bounds_hold_when_merged)
{
	struct stream *a = &streams[0], *b = &streams[1];

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(a, seed, (unsigned)_i, seed % 2, seed % 3 ? 0 : 700);
		for (uint64_t more = 1; more <= 3; more++) {
			run(b, seed + 1000 * more, (unsigned)((uint64_t)_i + more) % 5, seed % 2,
			    seed % 2 ? 0 : 900);
			topk_merge(&a->topk, &b->topk);
			a->slack++;
			a->total += b->total;
			for (unsigned i = 0; i < KEYS; i++) {
				a->weight[i] += b->weight[i];
				a->noted[i] += b->noted[i];
			}
			check_bounds(a);
		}
		for (uint32_t step = 0; step < 1000; step++) /* it goes on counting */
			come(a, step % KEYS, 1);
		check_bounds(a);
	}
}
END_TEST

START_TEST(exact_while_there_is_room)
{
	struct stream *s = &streams[0];

	begin(s, 0);
	for (uint32_t n = 0; n < TOPK_SLOTS; n++)
		for (uint32_t i = 0; i <= n; i++)
			come(s, n, 1);
	for (uint32_t n = 0; n < TOPK_SLOTS; n++) {
		unsigned slot = find(s, n);

		ck_assert_uint_ne(slot, TOPK_NONE);
		ck_assert_uint_eq(s->topk.count[slot], n + 1);
		ck_assert_uint_eq(s->topk.error[slot], 0);
	}
}
END_TEST

/* Whoever knows everything but the key of the hash sends what he likes in between: it stays. */
START_TEST(nothing_drives_out_what_is_heavy)
{
	struct stream *s = &streams[0];
	struct seg_random r = seg_random(5);

	begin(s, 5);
	for (uint32_t step = 0; step < 200000; step++) {
		if (step % (TOPK_SLOTS - 1) == 0)
			come(s, 0, 1); /* just over 1/128 */
		/* in turn: ever new keys, pairs of new keys, keys that build up a count together */
		switch (step / 5000 % 3) {
		case 0:
			come(s, 1 + step % (KEYS - 1), 1);
			break;
		case 1:
			come(s, 1 + step / 2 % (KEYS - 1), 1);
			break;
		default:
			come(s, 1 + seg_random_below(&r, 2 * TOPK_SLOTS), 1);
		}
		if (step > TOPK_SLOTS * TOPK_SLOTS)
			expect(s, find(s, 0) != TOPK_NONE, 0);
	}
	check_bounds(s);
}
END_TEST

/* A key that comes back after it was driven out begins without the notes of its earlier stay. */
START_TEST(notes_go_with_their_key)
{
	struct stream *s = &streams[0];

	begin(s, 0);
	come(s, 0, 1);
	note(s, 0);
	ck_assert_uint_eq(s->topk.note[find(s, 0)], 1);
	for (uint32_t n = 1; n < KEYS; n++)
		come(s, n, 1);
	ck_assert_uint_eq(find(s, 0), TOPK_NONE);
	note(s, 0);
	for (unsigned i = 0; i < TOPK_SLOTS; i++)
		ck_assert_uint_eq(s->topk.note[i], 0);
	come(s, 0, 1);
	ck_assert_uint_eq(s->topk.note[find(s, 0)], 0);
}
END_TEST

START_TEST(forgets_by_halves)
{
	struct stream *s = &streams[0];

	begin(s, 0);
	come(s, 1, 1000);
	come(s, 2, 3);
	for (int i = 0; i < 10; i++)
		note(s, 1);
	age(s);
	ck_assert_uint_eq(s->topk.count[find(s, 1)], 500);
	ck_assert_uint_eq(s->topk.note[find(s, 1)], 5);
	ck_assert_uint_eq(s->topk.count[find(s, 2)], 1);
	age(s);
	ck_assert_uint_eq(find(s, 2), TOPK_NONE); /* room again */
	for (int i = 0; i < 10; i++)
		age(s);
	ck_assert_uint_eq(find(s, 1), TOPK_NONE);
	ck_assert_uint_eq(s->topk.total, 0);
	check_slots(s);
}
END_TEST

START_TEST(counts_stop_at_their_end)
{
	struct stream *s = &streams[0], *other = &streams[1];

	begin(s, 0);
	come(s, 1, UINT32_MAX - 1);
	come(s, 1, 5);
	ck_assert_uint_eq(s->topk.count[find(s, 1)], UINT32_MAX);
	*other = *s;
	topk_merge(&s->topk, &other->topk);
	ck_assert_uint_eq(s->topk.count[find(s, 1)], UINT32_MAX);
}
END_TEST

START_TEST(merging_nothing_changes_nothing)
{
	struct stream *s = &streams[0], *none = &streams[1];
	struct topk before;

	run(s, 3, 1, false, 0);
	begin(none, 0);
	before = s->topk;
	topk_merge(&s->topk, &none->topk);
	ck_assert_mem_eq(&before, &s->topk, sizeof(before));
	topk_merge(&none->topk, &s->topk);
	for (unsigned i = 0; i < TOPK_SLOTS; i++) {
		unsigned slot = topk_find(&none->topk, &before.key[i], before.hash[i]);

		ck_assert_uint_ne(slot, TOPK_NONE);
		ck_assert_uint_eq(none->topk.count[slot], before.count[i]);
		ck_assert_uint_eq(none->topk.error[slot], before.error[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topk");
	TCase *tc = tcase_create("topk");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, bounds_hold, 0, ARRAY_SIZE(draws));
	tcase_add_loop_test(tc, bounds_hold_with_ageing, 0, ARRAY_SIZE(draws));
	tcase_add_loop_test(tc, bounds_hold_when_merged, 0, ARRAY_SIZE(draws));
	tcase_add_test(tc, exact_while_there_is_room);
	tcase_add_test(tc, nothing_drives_out_what_is_heavy);
	tcase_add_test(tc, notes_go_with_their_key);
	tcase_add_test(tc, forgets_by_halves);
	tcase_add_test(tc, counts_stop_at_their_end);
	tcase_add_test(tc, merging_nothing_changes_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
