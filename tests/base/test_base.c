/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash against published vectors, the wheel against a naive model, sequence numbers at the wrap. */
#include <check.h>
#include <stdlib.h>

#include "base/seq.h"
#include "base/siphash.h"
#include "base/wheel.h"
#include "segments.h"

/* ---- SipHash ---- */

static uint64_t little_endian(const uint8_t *at)
{
	uint64_t w = 0;

	for (int b = 0; b < 8; b++)
		w |= (uint64_t)at[b] << (8 * b);
	return w;
}

/* The reference vectors: key 00 01 .. 0f, message 00 01 .. of 0, 8, .. 56 bytes. */
static const uint8_t vectors[][8] = {
	{0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72},
	{0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93},
	{0xdb, 0x9b, 0xc2, 0x57, 0x7f, 0xcc, 0x2a, 0x3f},
	{0x94, 0xaf, 0x49, 0xf6, 0xc6, 0x50, 0xad, 0xb8},
	{0xce, 0x7c, 0xf2, 0x72, 0x2f, 0x51, 0x27, 0x71},
	{0xd0, 0xa7, 0x04, 0x53, 0x6b, 0xa9, 0x3e, 0x0e},
	{0x51, 0xa9, 0xcb, 0x9e, 0xcb, 0xa3, 0x12, 0xe6},
	{0xbd, 0x83, 0x8d, 0x3a, 0xaf, 0xbf, 0x8d, 0xb7},
};

static void reference_message(struct siphash_key *key, uint8_t *message, unsigned len)
{
	uint8_t bytes[16];

	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)i;
	for (unsigned i = 0; i < len; i++)
		message[i] = (uint8_t)i;
	key->k0 = little_endian(bytes);
	key->k1 = little_endian(bytes + 8);
}

START_TEST(siphash_as_published)
{
	uint8_t message[64];
	struct siphash_key key;
	struct siphash s;

	reference_message(&key, message, sizeof(message));
	siphash_start(&s, &key);
	for (int i = 0; i < _i; i++)
		siphash_word(&s, little_endian(message + 8 * i));
	ck_assert_uint_eq(siphash_finish(&s, (unsigned)_i), little_endian(vectors[_i]));
}
END_TEST

START_TEST(siphash_of_two_words_is_that_of_sixteen_bytes)
{
	uint8_t message[16];
	struct siphash_key key;

	reference_message(&key, message, sizeof(message));
	ck_assert_uint_eq(siphash_2words(&key, little_endian(message), little_endian(message + 8)),
			  little_endian(vectors[2]));
}
END_TEST

/* ---- the wheel ---- */

#define ENTRIES 150

struct element {
	uint32_t before; /* the node stands anywhere in its element */
	struct wheel_node node;
	uint8_t behind[5];
};

/* The same thing in the plainest way. */
struct model {
	uint64_t now; /* does not wrap */
	bool armed[ENTRIES];
	uint64_t due[ENTRIES];
};

struct bench {
	struct wheel wheel;
	struct element element[ENTRIES];
	struct model model;
	struct seg_random random;
	uint64_t seed;
};

static struct wheel_nodes nodes_of(struct bench *b)
{
	return (struct wheel_nodes){&b->element[0].node, sizeof(struct element)};
}

static void bench_init(struct bench *b, uint64_t start, uint64_t seed)
{
	memset(b, 0, sizeof(*b));
	b->seed = seed;
	b->random = seg_random(seed);
	b->model.now = start;
	wheel_init(&b->wheel, (uint32_t)start);
	for (unsigned i = 0; i < ENTRIES; i++)
		wheel_node_reset(&b->element[i].node);
}

/* distance() - anything from a tick to far beyond the wheel's reach, small ones most of the time. */
static uint32_t distance(struct seg_random *r)
{
	uint32_t bits = 1 + seg_random_below(r, 28);

	return seg_random_below(r, 1u << bits);
}

static void add_one(struct bench *b, uint32_t i)
{
	/* now and then in the past */
	uint64_t due = b->model.now + distance(&b->random);

	if (seg_random_below(&b->random, 20) == 0)
		due = b->model.now - seg_random_below(&b->random, 1000);
	wheel_add(&b->wheel, nodes_of(b), i, (uint32_t)due);
	b->model.armed[i] = true;
	b->model.due[i] = due;
}

static void remove_one(struct bench *b, uint32_t i)
{
	wheel_remove(&b->wheel, nodes_of(b), i);
	b->model.armed[i] = false;
}

static uint32_t model_count(const struct model *m)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < ENTRIES; i++)
		n += m->armed[i];
	return n;
}

static bool model_earliest(const struct model *m, uint64_t *due)
{
	bool found = false;

	for (unsigned i = 0; i < ENTRIES; i++) {
		if (m->armed[i] && (!found || m->due[i] < *due)) {
			*due = m->due[i];
			found = true;
		}
	}
	return found;
}

/* A passed ck_assert() is a message to the parent process: too slow for millions. */
#define check_bench(b, expr)                                              \
	do {                                                              \
		if (!(expr))                                              \
			ck_abort_msg("%s: seed %llu, now %llu", #expr,    \
				     (unsigned long long)(b)->seed,       \
				     (unsigned long long)(b)->model.now); \
	} while (0)

/* check_next() - wheel_next() is never later than the earliest entry, and never in the far past. */
static void check_next(struct bench *b)
{
	uint64_t earliest = 0;
	uint32_t tick = 0;
	bool any = model_earliest(&b->model, &earliest);

	check_bench(b, wheel_next(&b->wheel, &tick) == any);
	check_bench(b, b->wheel.count == model_count(&b->model));
	if (!any)
		return;
	if (earliest < b->model.now) /* armed in the past: due with the next look */
		check_bench(b, seq_leq(tick, (uint32_t)b->model.now));
	else
		check_bench(b, seq_leq(tick, (uint32_t)earliest));
}

static void advance(struct bench *b, uint64_t now)
{
	uint32_t i;

	b->model.now = now;
	while ((i = wheel_pop(&b->wheel, nodes_of(b), (uint32_t)now)) != INDEX_NONE) {
		check_bench(b, i < ENTRIES);
		check_bench(b, b->model.armed[i]);
		check_bench(b, b->model.due[i] <= now);
		check_bench(b, !wheel_armed(&b->element[i].node));
		b->model.armed[i] = false;
	}
	for (i = 0; i < ENTRIES; i++)
		check_bench(b, !b->model.armed[i] || b->model.due[i] > now);
}

static void random_step(struct bench *b)
{
	uint32_t i = seg_random_below(&b->random, ENTRIES);

	switch (seg_random_below(&b->random, 8)) {
	case 0:
		advance(b, b->model.now + distance(&b->random) / 8);
		break;
	case 1:
		advance(b, b->model.now + seg_random_below(&b->random, 3));
		break;
	case 2:
	case 3:
		remove_one(b, i); /* armed or not */
		break;
	default:
		if (!b->model.armed[i])
			add_one(b, i);
	}
	check_next(b);
}

/* Given any row of adding, removing and waiting, then just what is due comes out, and at once. */
START_TEST(wheel_does_as_the_model)
{
	static const uint64_t starts[] = {0x100000001ull, 0x1fffffff0ull, 0x100ffffffull,
					  0x1800000000ull};
	struct bench *b = malloc(sizeof(*b));

	bench_init(b, starts[_i], (uint64_t)_i + 1);
	for (int n = 0; n < 500000; n++)
		random_step(b);
	/* it has gone round the 32 bits more than once */
	ck_assert_uint_gt(b->model.now - starts[_i], 1ull << 33);
	free(b);
}
END_TEST

/* Slept for a long time and through the wrap: nothing is lost, nothing is early. */
START_TEST(wheel_after_a_long_sleep)
{
	struct bench *b = malloc(sizeof(*b));

	for (uint64_t seed = 1; seed < 300; seed++) {
		bench_init(b, 0x1f0000000ull + seed * 999983, seed);
		for (uint32_t i = 0; i < ENTRIES; i++)
			add_one(b, i);
		check_next(b);
		advance(b, b->model.now + (1u << seg_random_below(&b->random, 31)));
		check_next(b);
		advance(b, b->model.now + (1u << 30));
		ck_assert_uint_eq(b->wheel.count, 0);
	}
	free(b);
}
END_TEST

/* Driven by wheel_next() alone, as the guard does it: each entry comes exactly at its tick. */
START_TEST(wheel_next_leads_to_every_entry)
{
	struct bench *b = malloc(sizeof(*b));
	uint32_t tick, looks = 0, i;

	bench_init(b, 0x1fffff000ull, 7);
	for (i = 0; i < ENTRIES; i++) {
		b->model.armed[i] = true;
		b->model.due[i] = b->model.now + 1 + distance(&b->random);
		wheel_add(&b->wheel, nodes_of(b), i, (uint32_t)b->model.due[i]);
	}
	while (wheel_next(&b->wheel, &tick)) {
		while ((i = wheel_pop(&b->wheel, nodes_of(b), tick)) != INDEX_NONE)
			ck_assert_uint_eq((uint32_t)b->model.due[i], tick);
		looks++;
	}
	ck_assert_uint_lt(looks,
			  ENTRIES * 20); /* spreading a slot costs a look, but not one a tick */
	free(b);
}
END_TEST

START_TEST(wheel_removes_what_is_due_already)
{
	struct bench *b = malloc(sizeof(*b));

	/* given three entries of one tick, of which one is taken out */
	bench_init(b, 1000, 1);
	for (uint32_t i = 0; i < 3; i++) {
		wheel_add(&b->wheel, nodes_of(b), i, 1005);
		b->model.armed[i] = true;
		b->model.due[i] = 1005;
	}
	ck_assert_uint_ne(wheel_pop(&b->wheel, nodes_of(b), 1005), INDEX_NONE);
	/* when the other two wait to be taken and are removed */
	for (uint32_t i = 0; i < 3; i++)
		remove_one(b, i);
	/* then nothing is left */
	ck_assert_uint_eq(b->wheel.count, 0);
	ck_assert_uint_eq(wheel_pop(&b->wheel, nodes_of(b), 1005), INDEX_NONE);
	free(b);
}
END_TEST

/* ---- sequence numbers ---- */

START_TEST(seq_at_the_wrap)
{
	static const uint32_t around[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		uint32_t a = around[i];

		ck_assert(seq_lt(a, a + 1));
		ck_assert(!seq_lt(a + 1, a));
		ck_assert(seq_lt(a, a + 0x7fffffff));
		ck_assert(seq_gt(a + 1, a));
		ck_assert(!seq_gt(a, a));
		ck_assert(seq_leq(a, a) && seq_geq(a, a));
		ck_assert(seq_leq(a - 1, a) && !seq_geq(a - 1, a));
		ck_assert_uint_eq(seq_max(a, a + 5), a + 5);
		ck_assert_uint_eq(seq_max(a + 5, a), a + 5);
	}
}
END_TEST

START_TEST(seq_between_is_half_open)
{
	ck_assert(seq_between(0xffffffff, 0xffffffff, 2));
	ck_assert(seq_between(0, 0xffffffff, 2));
	ck_assert(!seq_between(1, 0xffffffff, 2));
	ck_assert(!seq_between(0xfffffffe, 0xffffffff, 2));
	ck_assert(!seq_between(5, 5, 0));
	ck_assert(seq_between(4, 5, 0xffffffff) == false);
	ck_assert(seq_between(3, 5, 0xffffffff));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *siphash = tcase_create("siphash"), *wheel = tcase_create("wheel");
	TCase *seq = tcase_create("seq");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(siphash, siphash_as_published, 0, (int)ARRAY_SIZE(vectors));
	tcase_add_test(siphash, siphash_of_two_words_is_that_of_sixteen_bytes);
	tcase_set_timeout(wheel, 20);
	tcase_add_loop_test(wheel, wheel_does_as_the_model, 0, 4);
	tcase_add_test(wheel, wheel_after_a_long_sleep);
	tcase_add_test(wheel, wheel_next_leads_to_every_entry);
	tcase_add_test(wheel, wheel_removes_what_is_due_already);
	tcase_add_test(seq, seq_at_the_wrap);
	tcase_add_test(seq, seq_between_is_half_open);
	suite_add_tcase(suite, siphash);
	suite_add_tcase(suite, wheel);
	suite_add_tcase(suite, seq);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
