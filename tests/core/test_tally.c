/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted of handshakes: who has more than one open, and what is learned from whom. */
#include "core/internal.h"
#include "core/tally.h"
#include "fixture.h"

static const struct siphash_key key = {0x0123456789abcdef, 0xfedcba9876543210};
static const struct siphash_key other_key = {42, 4711};

static struct tally tally;
static struct ip_addr server;

static void setup(void)
{
	tally_init(&tally, &key);
	tally_advance(&tally, USEC_PER_SEC, true);
	server = ip_addr_v4(htonl(0xc6336401));
}

static void nothing(void)
{
}

/* opened() - by an address of 198.18.0.0/15. Return: has it another one open? */
static bool opened(uint32_t host)
{
	struct ip_addr client = ip_addr_v4(htonl(0xc6120000 + host));
	struct tally_handshake h = {
		.client = &client,
		.server = &server,
		.server_port = 80,
		.born = tally.all.head,
	};

	return tally_opened(&tally, &h);
}

/* The neighbours in a /24, and the same host in many networks, do not drive each other out. */
START_TEST(neighbours_are_remembered)
{
	uint32_t step = _i ? 256 : 1, again = 0;

	for (uint32_t i = 0; i < 200; i++)
		ck_assert(!opened(i * step));
	for (uint32_t i = 0; i < 200; i++)
		again += opened(i * step);
	ck_assert_uint_ge(again, 160); /* 200 in 512 sets of two */
}
END_TEST

/* forgets() - does opening from @a and @b make it forget the first host? */
static bool forgets(const struct siphash_key *k, uint32_t a, uint32_t b)
{
	tally_init(&tally, k);
	tally_advance(&tally, USEC_PER_SEC, true);
	opened(0);
	opened(a);
	opened(b);
	return !opened(0);
}

/* mates() - two hosts that share the set of the first one under that key. */
static void mates(const struct siphash_key *k, uint32_t mate[2])
{
	uint32_t n = 0, first = 0;

	for (uint32_t host = 0; n < 2; host++) {
		uint32_t set = siphash13_u32(k, htonl(0xc6120000 + host)) % SOURCE_SETS;

		if (host == 0)
			first = set;
		else if (set == first)
			mate[n++] = host;
	}
}

/* Who drives whom out depends on the key, so nobody can choose addresses for it. */
START_TEST(collisions_cannot_be_chosen)
{
	uint32_t mate[2];

	mates(&key, mate);
	ck_assert(forgets(&key, mate[0], mate[1]));
	ck_assert(!forgets(&key, mate[0], mate[0] + 1));
	ck_assert(!forgets(&other_key, mate[0], mate[1]));
}
END_TEST

/* shakes() - a handshake of @host that takes @ticks; @beside: while it has another one open. */
static void shakes(uint32_t host, uint32_t ticks, bool beside)
{
	struct ip_addr client = ip_addr_v4(htonl(0xc6120000 + host));
	struct tally_handshake h = {
		.client = &client,
		.server = &server,
		.server_port = 80,
		.born = tally.all.head,
		.concentrated = beside,
	};

	tally_opened(&tally, &h);
	tally_answered(&tally, &h);
	tally_advance(&tally, usec_of_ticks(tally.all.head + ticks), true);
	tally_completed(&tally, &h);
}

/* What one host does many times at once teaches nothing of what clients take. */
START_TEST(one_host_does_not_teach)
{
	uint32_t before;

	for (uint32_t i = 0; i < 100; i++)
		shakes(i, 2, false);
	before = tally.delays.bin[2];
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_ge(tally_learned(&tally), 90);
	for (uint32_t i = 0; i < 1000; i++)
		shakes(7, 30, true);
	ck_assert_uint_le(tally.delays.bin[30], tally.delays.bin[2] / 8);
	ck_assert_uint_eq(tally.total.many_done, 1000);
}
END_TEST

/* With each client's cookie comes the doubt to which tick it belongs. */
START_TEST(cookies_are_less_certain)
{
	struct tally_look look;
	uint32_t certain;

	for (uint32_t i = 0; i < 40; i++) {
		struct ip_addr client = ip_addr_v4(htonl(0xc6120000 + i));
		struct tally_handshake h = {
			.client = &client,
			.server = &server,
			.server_port = 80,
			.born = tally.all.head,
		};

		tally_opened(&tally, &h);
		tally_answered(&tally, &h);
	}
	tally_advance(&tally, USEC_PER_SEC + 50 * USEC_PER_MSEC, true);
	tally_look(&tally, 40, 40, &look);
	certain = look.variance;
	ck_assert_uint_gt(certain, 4);
	for (uint32_t i = 0; i < 2; i++) {
		struct done *d = &tally.done[tally.all.head % COHORTS];

		d->all = 10;
		d->timed = i ? 10 : 0;
		tally_look(&tally, 40, 40, &look);
		ck_assert_uint_eq(look.variance, i ? certain : 2 * certain);
	}
}
END_TEST

/*
 * A reset that was a lie: the totals say so, and what is open for seconds has it again. But what an attack
 * has left is forgotten, and does not come back as less than nothing.
 */
static const struct disproof {
	bool many, forgotten;
	uint32_t late_open, late_many, many_disproved;
} disproofs[] = {
	{.late_open = 1},
	{.many = true, .late_many = 1, .many_disproved = 1},
	{.forgotten = true},
	{.forgotten = true, .many = true, .many_disproved = 1},
};

START_TEST(a_disproved_reset_is_open_again)
{
	const struct disproof *d = &disproofs[_i];
	struct ip_addr client = ip_addr_v4(htonl(0xc6120001));
	struct tally_handshake h = {
		.client = &client,
		.server = &server,
		.server_port = 80,
		.born = tally.all.head,
		.concentrated = d->many,
	};
	struct tally_look look;

	tally_answered(&tally, &h);
	tally_reset(&tally, &h);
	tally_look(&tally, 0, 0, &look);
	ck_assert_uint_eq(look.flight, !d->many);
	if (d->forgotten)
		tally_forget_slow(&tally);
	else
		tally_advance(&tally, 2 * USEC_PER_SEC, true);
	tally_disproved(&tally, &h);
	tally_look(&tally, 1, 1, &look);
	ck_assert_uint_eq(look.flight, 0);
	tally_advance(&tally, 5 * USEC_PER_SEC, true);
	tally_look(&tally, 1, 1, &look);
	ck_assert_uint_eq(look.flight, 0);
	ck_assert_uint_eq(look.late_open, d->late_open);
	ck_assert_uint_eq(look.late_many, d->late_many);
	ck_assert_uint_eq(tally.total.many_disproved, d->many_disproved);
}
END_TEST

/* The target of an attack by one source is not where ordinary clients go. */
START_TEST(busiest_counts_all)
{
	struct ip_addr other = ip_addr_v4(htonl(0xc6336402));

	for (uint32_t i = 0; i < 20; i++)
		opened(i);
	server = other;
	for (uint32_t i = 0; i < 30; i++)
		opened(1000);
	ck_assert(ip_addr_eq(&tally_busiest(&tally)->addr, &other));
	ck_assert_uint_eq(tally_busiest(&tally)->opened, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core/tally");
	TCase *tc = tcase_create("tally");

	tcase_add_checked_fixture(tc, setup, nothing);
	tcase_add_loop_test(tc, neighbours_are_remembered, 0, 2);
	tcase_add_test(tc, collisions_cannot_be_chosen);
	tcase_add_test(tc, one_host_does_not_teach);
	tcase_add_loop_test(tc, a_disproved_reset_is_open_again, 0, ARRAY_SIZE(disproofs));
	tcase_add_test(tc, cookies_are_less_certain);
	tcase_add_test(tc, busiest_counts_all);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
