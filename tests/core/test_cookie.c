/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cookies: the arithmetic of the header, the key ring, and the gate in front of all hashing. */
#include "core/cookie.h"
#include "fixture.h"

static const struct siphash_key key_a = {0x0123456789abcdef, 0xfedcba9876543210};
static const struct siphash_key key_b = {0x0123456789abcdee, 0xfedcba9876543210};

#define PROMISE 0x00abcd76u

/* The checks below run by the million; a passed ck_assert() is too slow for that. */
#define require(expr, i)                                                             \
	do {                                                                         \
		if (!(expr))                                                         \
			ck_abort_msg("%s: at %llu", #expr, (unsigned long long)(i)); \
	} while (0)

static struct cookie_flow flow_of(int family, uint32_t isn)
{
	static const uint32_t client[4] = {0x20010db8, 1, 2, 3}, server[4] = {0x20010db8, 0, 9, 80};
	struct cookie_flow f;

	memset(&f, 0xee, sizeof(f)); /* what IPv4 does not use must not count */
	if (family == 4)
		cookie_flow_v4(&f, 0x010200c0, 0x016433c6, 1024, 80, isn);
	else
		cookie_flow_v6(&f, client, server, 1024, 80, isn);
	return f;
}

static int family_of(int i)
{
	return i ? 6 : 4;
}

/* ---- what is put in comes out ---- */

START_TEST(with_timestamps_nothing_is_lost)
{
	struct cookie_flow f = flow_of(family_of(_i), 1000);
	uint32_t step = _i ? 7 : 1; /* every combination for IPv4, a seventh of them for IPv6 */

	for (uint32_t n = 0; n < 1u << COOKIE_OPTION_BITS; n += step) {
		struct cookie_options in = {.mss = (uint16_t)(n >> 6),
					    .wscale = n >> 2 & 15,
					    .sack = n >> 1 & 1,
					    .ecn = n & 1,
					    .timestamps = 1};
		struct cookie_options out;
		struct cookie c;

		cookie_make(&key_a, n & 1, &f, PROMISE, &in, &c);
		require(cookie_parity(&c, 1) == (n & 1), n);
		require(cookie_check(&key_a, &f, PROMISE, &c, 1, &out), n);
		require(in.mss == out.mss && in.wscale == out.wscale, n);
		require(in.sack == out.sack && in.ecn == out.ecn && out.timestamps == 1, n);
	}
}
END_TEST

/* rounded() - the MSS that survives without timestamps. */
static uint16_t rounded(uint16_t mss, int family)
{
	static const uint16_t v4[] = {1460, 1400, 1200}, v6[] = {1440, 1380, 1220};

	for (int i = 0; i < 3; i++) {
		if (mss >= (family == 4 ? v4 : v6)[i])
			return (family == 4 ? v4 : v6)[i];
	}
	return 536;
}

START_TEST(without_timestamps_the_mss_is_rounded_down)
{
	struct cookie_flow f = flow_of(family_of(_i), 1000);

	for (uint32_t n = 0; n < 1u << 21; n++) {
		struct cookie_options in = {
			.mss = (uint16_t)(n >> 5), .wscale = n >> 1 & 15, .sack = n & 1};
		struct cookie_options out;
		struct cookie c;

		cookie_make(&key_a, n & 1, &f, PROMISE, &in, &c);
		require(cookie_parity(&c, 0) == (n & 1), n);
		require(cookie_check(&key_a, &f, PROMISE, &c, 0, &out), n);
		require(out.mss == rounded(in.mss, family_of(_i)), n);
		require(out.mss <= in.mss || in.mss < 536, n);
		require(in.wscale == out.wscale && in.sack == out.sack, n);
		require(!out.ecn && !out.timestamps, n);
	}
}
END_TEST

/* ---- what was changed does not pass ---- */

static const struct cookie_options linux_client = {
	.mss = 1460, .wscale = 7, .sack = 1, .timestamps = 1};

static void make(const struct cookie_flow *f, unsigned timestamps, struct cookie *c)
{
	struct cookie_options o = linux_client;

	o.timestamps = timestamps & 1;
	cookie_make(&key_a, 0, f, PROMISE, &o, c);
}

static bool passes(const struct siphash_key *key, const struct cookie_flow *f, uint32_t promise,
		   const struct cookie *c, unsigned timestamps)
{
	struct cookie_options o;

	return cookie_check(key, f, promise, c, timestamps, &o);
}

START_TEST(a_flipped_bit_anywhere_fails)
{
	unsigned timestamps = _i & 1, bits = timestamps ? 64 : 32;
	uint32_t trials = 0, passed = 0;

	for (uint32_t isn = 0; isn < 2000; isn++) {
		struct cookie_flow f = flow_of(family_of(_i >> 1), isn);
		struct cookie c;

		make(&f, timestamps, &c);
		for (unsigned bit = 0; bit < bits; bit++) {
			struct cookie bad = c;

			if (bit < 32)
				bad.isn ^= 1u << bit;
			else
				bad.tsval ^= 1u << (bit - 32);
			/* the parity bit chooses the other key */
			if (cookie_parity(&bad, timestamps) != cookie_parity(&c, timestamps))
				passed += passes(&key_b, &f, PROMISE, &bad, timestamps);
			else
				passed += passes(&key_a, &f, PROMISE, &bad, timestamps);
			trials++;
		}
	}
	ck_assert_uint_ge(trials, 64000);
	ck_assert_uint_eq(passed, 0);
}
END_TEST

START_TEST(bound_to_key_connection_and_promise)
{
	unsigned timestamps = _i & 1;
	struct cookie_flow f = flow_of(family_of(_i >> 1), 1000), g;
	struct cookie c;

	make(&f, timestamps, &c);
	ck_assert(passes(&key_a, &f, PROMISE, &c, timestamps));
	ck_assert(!passes(&key_b, &f, PROMISE, &c, timestamps));
	ck_assert(!passes(&key_a, &f, PROMISE ^ 1, &c, timestamps));
	for (unsigned bit = 0; bit < 64; bit++) { /* ports and ISN */
		g = f;
		g.ports_isn ^= 1ULL << bit;
		ck_assert(!passes(&key_a, &g, PROMISE, &c, timestamps));
	}
	for (unsigned word = 0; word < (f.v6 ? 4u : 1u); word++) {
		for (unsigned bit = 0; bit < 64; bit++) {
			g = f;
			g.addr[word] ^= 1ULL << bit;
			ck_assert(!passes(&key_a, &g, PROMISE, &c, timestamps));
		}
	}
	for (unsigned bit = 0; bit < 31; bit++)
		ck_assert(!passes(&key_a, &f, PROMISE ^ 1u << bit, &c, timestamps));
}
END_TEST

/* A cookie with timestamps is not one without, and the other way round. */
START_TEST(the_two_kinds_do_not_mix)
{
	uint32_t passed = 0;

	for (uint32_t isn = 0; isn < 20000; isn++) {
		struct cookie_flow f = flow_of(4, isn);
		struct cookie c;

		make(&f, 1, &c);
		passed += passes(&key_a, &f, PROMISE, &c, 0);
		make(&f, 0, &c);
		passed += passes(&key_a, &f, PROMISE, &c, 1);
	}
	ck_assert_uint_eq(passed, 0);
}
END_TEST

/* ---- guessing ---- */

/* The tag cut to @bits is guessed once in 2^bits: what holds for few bits holds for all of them. */
START_TEST(a_shorter_tag_is_guessed_as_often_as_it_should)
{
	unsigned bits = (unsigned)_i;
	struct seg_random r = seg_random(bits);
	struct cookie_flow f = flow_of(4, 1000);
	uint32_t guesses = 1u << 20, expected = guesses >> bits, hits = 0;

	for (uint32_t n = 0; n < guesses; n++) {
		uint64_t random = seg_random_next(&r);
		uint64_t tag = random & ((1u << bits) - 1);
		uint32_t options = (uint32_t)(random >> 32) & 127;

		f.ports_isn = seg_random_next(&r);
		options ^= cookie_mask(&key_a, &f, tag, COOKIE_SHORT_OPTION_BITS);
		hits += cookie_tag(&key_a, &f, PROMISE, options, bits) == tag;
	}
	/* five standard deviations: the square root of the expectation each */
	ck_assert_uint_gt(hits, expected - 5 * expected / (1u << ((20 - bits) / 2)));
	ck_assert_uint_lt(hits, expected + 5 * expected / (1u << ((20 - bits) / 2)));
}
END_TEST

START_TEST(blind_guesses_fail)
{
	unsigned timestamps = (unsigned)_i;
	struct seg_random r = seg_random(99);
	uint32_t hits = 0;

	for (uint32_t n = 0; n < 1u << 22; n++) {
		uint64_t guess = seg_random_next(&r);
		struct cookie_flow f = flow_of(4, (uint32_t)seg_random_next(&r));
		struct cookie c = {.isn = (uint32_t)guess, .tsval = (uint32_t)(guess >> 32)};

		hits += passes(&key_a, &f, PROMISE, &c, timestamps);
	}
	/* 2^22 guesses at 2^-24: two or more hits would come by chance once in forty keys */
	ck_assert_uint_le(hits, timestamps ? 0 : 1);
}
END_TEST

/* Neighbouring connections get unrelated sequence numbers, RFC 6528. */
START_TEST(initial_sequence_numbers_look_random)
{
	unsigned timestamps = (unsigned)_i;
	uint32_t bucket[256] = {0}, n = 1u << 16;
	uint64_t flipped = 0;
	struct cookie last = {0}, c;
	double chi2 = 0;

	for (uint32_t isn = 0; isn < n; isn++) {
		struct cookie_flow f = flow_of(4, isn);

		make(&f, timestamps, &c);
		bucket[c.isn >> 8 & 255]++;
		flipped += (uint32_t)__builtin_popcount(c.isn ^ last.isn);
		last = c;
	}
	for (int i = 0; i < 256; i++)
		chi2 += ((double)bucket[i] - n / 256.0) * ((double)bucket[i] - n / 256.0) /
			(n / 256.0);
	ck_assert(chi2 < 350); /* 255 degrees of freedom: once in 10,000 */
	/* 16 of 32 bits, 15.5 where the parity stays */
	ck_assert_uint_gt(flipped * 10 / n, 150);
	ck_assert_uint_lt(flipped * 10 / n, 165);
}
END_TEST

/* ---- the key ring ---- */

#define ROTATE (30 * USEC_PER_SEC)

static const struct siphash_key master = {1, 2};

static bool same_key(const struct siphash_key *a, const struct siphash_key *b)
{
	return a->k0 == b->k0 && a->k1 == b->k1;
}

START_TEST(the_ring_keeps_the_last_two_keys)
{
	struct siphash_key seen[20];
	struct key_ring r;
	usec_t now = 7 * ROTATE;

	key_ring_init(&r, &master, ROTATE, now);
	for (int i = 0; i < 20; i++) {
		key_ring_advance(&r, now);
		seen[i] = r.key[r.epoch & 1];
		ck_assert_uint_gt(r.epoch_ends, now);
		ck_assert_uint_le(r.epoch_ends, now + ROTATE);
		if (i > 0)
			ck_assert(same_key(&r.key[~r.epoch & 1], &seen[i - 1]));
		for (int j = 0; j < i; j++)
			ck_assert(!same_key(&seen[i], &seen[j]));
		now += ROTATE;
	}
}
END_TEST

/* However long it slept and wherever in an epoch: the same keys as a ring that never slept. */
START_TEST(the_ring_after_a_sleep)
{
	struct seg_random random = seg_random((uint64_t)_i + 1);
	usec_t now = FX_START + (usec_t)_i * 999983;
	struct key_ring sleeper, awake;

	key_ring_init(&sleeper, &master, ROTATE, now);
	key_ring_init(&awake, &master, ROTATE, now);
	for (int i = 0; i < 200; i++) {
		usec_t wake = now + seg_random_next(&random) % (5 * ROTATE);

		for (; now < wake; now += ROTATE / 10)
			key_ring_advance(&awake, now);
		now = wake;
		key_ring_advance(&awake, now);
		key_ring_advance(&sleeper, now);
		ck_assert_uint_eq(sleeper.epoch, awake.epoch);
		ck_assert_uint_eq(sleeper.epoch_ends, awake.epoch_ends);
		ck_assert(same_key(&sleeper.key[0], &awake.key[0]));
		ck_assert(same_key(&sleeper.key[1], &awake.key[1]));
	}
}
END_TEST

START_TEST(nothing_is_in_flight_when_both_keys_are_gone)
{
	struct key_ring r;

	key_ring_init(&r, &master, ROTATE, FX_START);
	ck_assert(!key_ring_in_flight(&r));
	r.in_flight[r.epoch & 1] = 3;
	key_ring_advance(&r, r.epoch_ends - 1);
	ck_assert(key_ring_in_flight(&r));
	key_ring_advance(&r, r.epoch_ends);
	ck_assert(key_ring_in_flight(&r));
	key_ring_advance(&r, r.epoch_ends);
	ck_assert(!key_ring_in_flight(&r));
	r.in_flight[0] = r.in_flight[1] = 3;
	key_ring_advance(&r, r.epoch_ends + 1000 * ROTATE + 5);
	ck_assert(!key_ring_in_flight(&r));
}
END_TEST

START_TEST(another_rotation_time_spoils_no_cookie)
{
	struct key_ring r;
	struct siphash_key current;

	key_ring_init(&r, &master, ROTATE, FX_START);
	current = r.key[r.epoch & 1];
	key_ring_set_rotate(&r, ROTATE / 2, FX_START + 5);
	key_ring_advance(&r, FX_START + 5 + ROTATE / 2 - 1);
	ck_assert(same_key(&r.key[r.epoch & 1], &current));
	key_ring_advance(&r, FX_START + 5 + ROTATE / 2);
	ck_assert(same_key(&r.key[~r.epoch & 1], &current));
	key_ring_advance(&r, FX_START + 5 + ROTATE);
	ck_assert(!same_key(&r.key[0], &current) && !same_key(&r.key[1], &current));
}
END_TEST

/* ---- in the guard ---- */

static void open_always(void)
{
	fx_open(GUARD_MODE_ALWAYS);
	fx_teach_linux();
}

/* No cookie out there: an ACK from nowhere is not even looked at. */
START_TEST(the_gate_is_shut_while_nothing_is_in_flight)
{
	struct segment forged = seg_ack(fx.client, fx.server, 1, 2);
	struct fx_conn c = fx_conn();
	struct segment syn;

	fx_accept(&forged);
	ck_assert_uint_eq(fx_counters().cookies_invalid, 0);
	/* when there is one in flight, it is */
	c.client = fx_stranger();
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx_accept(&forged);
	ck_assert_uint_eq(fx_counters().cookies_invalid, 1);
	/* it may come back twice, so the gate is not shut before its key is gone */
	fx_prove(&c);
	fx_advance(2 * ROTATE);
	fx_accept(&forged);
	ck_assert_uint_eq(fx_counters().cookies_invalid, 1);
}
END_TEST

/* accepted_after() - is a cookie made @offset into an epoch good @age later? */
static bool accepted_after(usec_t offset, usec_t age, bool timestamps)
{
	struct segment syn, ack;
	struct fx_conn c;
	bool good;

	open_always();
	c = fx_conn();
	fx_advance(ROTATE - fx.now % ROTATE + offset);
	c.timestamps = timestamps;
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx.now += age;
	ack = fx_conn_ack(&c);
	good = fx_offer(&ack) == GUARD_DROP;
	ck_assert_uint_eq(fx_counters().cookies_valid, good);
	fx_close();
	return good;
}

START_TEST(a_cookie_lives_between_one_and_two_rotations)
{
	static const usec_t offsets[] = {0, 1, ROTATE / 3, ROTATE / 2, ROTATE - 1};
	usec_t offset = offsets[_i];

	for (int timestamps = 0; timestamps < 2; timestamps++) {
		ck_assert(accepted_after(offset, 0, timestamps));
		ck_assert(accepted_after(offset, ROTATE, timestamps));
		ck_assert(accepted_after(offset, 2 * ROTATE - offset - 1, timestamps));
		ck_assert(!accepted_after(offset, 2 * ROTATE - offset, timestamps));
		ck_assert(!accepted_after(offset, 2 * ROTATE, timestamps));
		ck_assert(!accepted_after(offset, 3 * ROTATE, timestamps));
		ck_assert(!accepted_after(offset, 1000000 * ROTATE, timestamps));
	}
}
END_TEST

/* The clock went back: the guard goes on with the latest time it has seen. */
START_TEST(a_clock_that_goes_back_hurts_nobody)
{
	struct fx_conn c = fx_conn();
	struct segment syn;

	fx_advance(100 * USEC_PER_SEC);
	syn = fx_conn_syn(&c);
	fx_challenge(&c, &syn);
	fx.now -= 90 * USEC_PER_SEC;
	fx_prove(&c);
}
END_TEST

START_TEST(forged_cookies_bring_nothing)
{
	struct fx_conn c = fx_conn();
	struct segment syn, ack;

	for (int i = 0; i < 20; i++) {
		c.client = fx_stranger();
		syn = fx_conn_syn(&c);
		fx_challenge(&c, &syn);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		ack = fx_conn_ack(&c);
		ack.ack ^= bit < 32 ? 1u << bit : 0;
		ack.opt.ts_ecr ^= bit < 32 ? 0 : 1u << (bit - 32);
		fx_accept(&ack); /* the server may know better */
		fx_sent_nothing();
	}
	ack = fx_conn_ack(&c);
	ack.seq += 5;
	fx_accept(&ack);
	ck_assert_uint_eq(fx_counters().cookies_invalid, 65);
	ck_assert_uint_eq(fx_report().flows_used, 0);
	/* and the true one is still good */
	fx_prove(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/cookie");
	TCase *sums = tcase_create("arithmetic"), *ring = tcase_create("ring");
	TCase *guard = tcase_create("guard"), *life = tcase_create("life");

	tcase_set_timeout(sums, 20);
	tcase_add_loop_test(sums, with_timestamps_nothing_is_lost, 0, 2);
	tcase_add_loop_test(sums, without_timestamps_the_mss_is_rounded_down, 0, 2);
	tcase_add_loop_test(sums, a_flipped_bit_anywhere_fails, 0, 4);
	tcase_add_loop_test(sums, bound_to_key_connection_and_promise, 0, 4);
	tcase_add_test(sums, the_two_kinds_do_not_mix);
	tcase_add_loop_test(sums, a_shorter_tag_is_guessed_as_often_as_it_should, 6, 13);
	tcase_add_loop_test(sums, blind_guesses_fail, 0, 2);
	tcase_add_loop_test(sums, initial_sequence_numbers_look_random, 0, 2);
	tcase_add_test(ring, the_ring_keeps_the_last_two_keys);
	tcase_add_loop_test(ring, the_ring_after_a_sleep, 0, 4);
	tcase_add_test(ring, nothing_is_in_flight_when_both_keys_are_gone);
	tcase_add_test(ring, another_rotation_time_spoils_no_cookie);
	tcase_add_checked_fixture(guard, open_always, fx_close);
	tcase_add_test(guard, the_gate_is_shut_while_nothing_is_in_flight);
	tcase_add_loop_test(life, a_cookie_lives_between_one_and_two_rotations, 0, 5);
	tcase_add_test(guard, a_clock_that_goes_back_hurts_nobody);
	tcase_add_test(guard, forged_cookies_bring_nothing);
	suite_add_tcase(suite, sums);
	suite_add_tcase(suite, ring);
	suite_add_tcase(suite, guard);
	suite_add_tcase(suite, life);
	return fx_run(suite);
}
