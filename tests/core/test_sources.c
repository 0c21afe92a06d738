/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of the senders of SYNs, against what was sent, at rates from a few a second to a hundred
 * thousand. Everything is seeded; where a figure is a sample its bounds are four standard errors or more.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/sources.h"
#include "fixture.h"

static struct sources sources, second;
static struct sources_report report;
static struct seg_packet packet;
static struct seg_random rng;
static const struct siphash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

static void setup(void)
{
	struct segment syn = seg_syn(seg_end("192.0.2.1", 1), seg_end("198.51.100.1", 80), 1);

	sources_init(&sources, &key);
	sources_init(&second, &key);
	seg_packet(&packet, &syn);
	rng = seg_random(1);
}

static struct ip_addr v4(uint32_t host_order)
{
	return ip_addr_v4(htonl(host_order));
}

static struct ip_addr addr(const char *text)
{
	return seg_end(text, 0).addr;
}

/* from() - a SYN, the first of its connection. */
static void from(struct sources *s, struct ip_addr src)
{
	packet.pkt.src = src;
	packet.pkt.seq = (uint32_t)seg_random_next(&rng);
	sources_syn(s, &packet.pkt, (uint32_t)seg_random_next(&rng));
}

static struct ip_addr anywhere(void)
{
	return v4((uint32_t)seg_random_next(&rng));
}

static void look(void)
{
	sources_report(&sources, &report);
}

/* row() - of this prefix in the report, or NULL. */
static const struct heavy_prefix *row(struct ip_addr prefix, uint8_t plen)
{
	for (uint32_t i = 0; i < report.n_heavy; i++)
		if (report.heavy[i].plen == plen && ip_addr_eq(&report.heavy[i].prefix, &prefix))
			return &report.heavy[i];
	return NULL;
}

static void check_near(double is, double should, double tolerance)
{
	ck_assert_msg(fabs(is - should) <= tolerance, "%.4f is not %.4f +- %.4f", is, should,
		      tolerance);
}

START_TEST(nothing)
{
	struct sources_report empty = {0};

	look();
	ck_assert_mem_eq(&report, &empty, sizeof(empty));
	memset(&sources, 0, sizeof(sources));
	look();
	ck_assert_mem_eq(&report, &empty, sizeof(empty));
	sources_age(&sources);
	sources_merge(&sources, &second);
	look();
	ck_assert_mem_eq(&report, &empty, sizeof(empty));
}
END_TEST

START_TEST(a_single_syn)
{
	from(&sources, addr("203.0.113.9"));
	look();
	ck_assert_uint_eq(report.syns, 1);
	ck_assert_uint_eq(report.distinct, 1);
	ck_assert_uint_eq(report.entropy_permille, 0);
	ck_assert_uint_eq(report.common_permille, 1000);
	ck_assert_uint_eq(report.common_ttl, packet.pkt.ttl);
	ck_assert_uint_eq(report.n_heavy, 2);
	ck_assert_ptr_nonnull(row(addr("203.0.113.9"), 128));
	ck_assert_ptr_nonnull(row(addr("203.0.113.0"), 120));
}
END_TEST

static const uint32_t numbers[] = {10, 1000, 100000, 10000000};

/* Each comes three times over two seconds, except the ten million. */
START_TEST(distinct_sources)
{
	uint32_t n = numbers[_i], times = n > 1000000 ? 1 : 3;

	for (uint32_t t = 0; t < times; t++) {
		for (uint32_t i = 0; i < n; i++)
			from(&sources, v4(0x0a000000 + i * 7));
		if (t == 0)
			sources_age(&sources);
	}
	look();
	printf("%u sources: %u\n", n, report.distinct);
	ck_assert_uint_eq(report.syns, n * times);
	check_near(report.distinct, n, n <= 10 ? 0 : 0.1 * n);
	sources_age(&sources);
	sources_age(&sources);
	look();
	ck_assert_uint_eq(report.distinct, 0);
}
END_TEST

/* ---- entropy ---- */

static const uint32_t few_to_many[] = {20, 100, 300, 500, 1000, 3000, 30000, 300000};

START_TEST(entropy_of_random_sources)
{
	double mean = 0;

	for (int round = 0; round < 20; round++) {
		sources_init(&sources, &(struct siphash_key){(uint64_t)round, 7});
		for (uint32_t i = 0; i < few_to_many[_i]; i++)
			from(&sources, anywhere());
		look();
		ck_assert_uint_ge(report.entropy_permille, few_to_many[_i] < 100 ? 930 : 970);
		mean += report.entropy_permille / 20.0;
	}
	ck_assert_msg(mean >= 988, "mean %.1f", mean);
}
END_TEST

START_TEST(entropy_while_it_goes_on)
{
	for (int s = 0; s < 6; s++) {
		for (uint32_t i = 0; i < few_to_many[_i]; i++)
			from(&sources, anywhere());
		look();
		ck_assert_uint_ge(report.entropy_permille, few_to_many[_i] < 100 ? 930 : 970);
		sources_age(&sources);
	}
}
END_TEST

START_TEST(entropy_of_few_networks)
{
	static const uint32_t networks[] = {1, 2, 16, 64};

	for (size_t k = 0; k < ARRAY_SIZE(networks); k++) {
		sources_init(&sources, &key);
		for (uint32_t i = 0; i < 100000; i++)
			from(&sources, v4(seg_random_below(&rng, networks[k]) * 0x01010000 +
					  seg_random_below(&rng, 65536)));
		look();
		/* of 512 buckets, some of them shared by two */
		check_near(report.entropy_permille, log2(networks[k]) / 9 * 1000, 45);
	}
}
END_TEST

START_TEST(entropy_of_ipv6)
{
	for (uint32_t i = 0; i < 20000; i++) {
		struct ip_addr a = {{(be32)seg_random_next(&rng), (be32)i, 0, 1}};

		from(&sources, a);
	}
	look();
	ck_assert_uint_ge(report.entropy_permille, 980);
	sources_init(&sources, &key);
	for (uint32_t i = 0; i < 20000; i++) {
		struct ip_addr a = {{htonl(0x20010db8), (be32)seg_random_next(&rng), 0, 1}};

		from(&sources, a);
	}
	look();
	ck_assert_uint_eq(report.entropy_permille, 0);
}
END_TEST

/* ---- heavy prefixes ---- */

static const uint32_t rates[] = {1000, 5000, 20000, 100000};

/*
 * mixed() - a SYN of: 10 % from one address, 5 % from 200 addresses of a /24, 4 % from a /64 of IPv6, the
 * rest from anywhere. Where it came from; those of the first two complete as often as is told.
 */
static void mixed(struct sources *s)
{
	struct ip_addr a = anywhere();
	uint32_t dice = seg_random_below(&rng, 100);

	if (dice < 10) {
		a = addr("203.0.113.9");
	} else if (dice < 15) {
		a = v4(0xc6336400 + 1 + seg_random_below(&rng, 200));
	} else if (dice < 19) {
		a = addr("2001:db8:1:2::");
		a.w[2] = (be32)seg_random_next(&rng);
		a.w[3] = (be32)seg_random_next(&rng);
	}
	from(s, a);
	if (dice < 8) /* 80 % of the first one */
		sources_completed(s, &a);
	else if (dice < 11) /* somebody else */
		sources_completed(s, &(struct ip_addr){{1, 2, 3, 4}});
}

static void check_row(struct ip_addr prefix, uint8_t plen, double share, double completed)
{
	const struct heavy_prefix *h = row(prefix, plen);
	/* of the samples of a second or more: five standard errors, and what was missed at first */
	double samples = fmin(report.syns, 2048);
	double tolerance = 5 * sqrt(share / samples) + 1.0 / TOPK_SLOTS;

	ck_assert_ptr_nonnull(h);
	check_near((double)h->syns / report.syns, share, tolerance);
	ck_assert_uint_le(h->error, report.syns / 100);
	check_near((double)h->completed / report.syns, share * completed, tolerance);
}

START_TEST(heavy_prefixes)
{
	uint32_t rate = rates[_i];

	for (int s = 0; s < 4; s++) {
		if (s)
			sources_age(&sources);
		for (uint32_t i = 0; i < rate; i++)
			mixed(&sources);
		look();
		check_row(addr("203.0.113.9"), 128, 0.10, 0.8);
		check_row(addr("203.0.113.0"), 120, 0.10, 0.8);
		check_row(addr("198.51.100.0"), 120, 0.05, 0);
		check_row(addr("2001:db8:1:2::"), 64, 0.04, 0);
		/* nobody else is accused */
		ck_assert_uint_eq(report.n_heavy, 4);
		for (uint32_t i = 1; i < report.n_heavy; i++)
			ck_assert_uint_ge(report.heavy[i - 1].syns, report.heavy[i].syns);
	}
}
END_TEST

/* Sampling must not favour anybody: the mean of many runs is the truth, in the first second already. */
START_TEST(unbiased)
{
	enum { RUNS = 60 };
	uint32_t rate = rates[_i];
	double mean[2] = {0, 0};

	for (uint64_t run = 0; run < RUNS; run++) {
		rng = seg_random(run + 100);
		sources_init(&sources, &(struct siphash_key){run, 3});
		for (int s = 0; s < 2; s++) {
			if (s)
				sources_age(&sources);
			for (uint32_t i = 0; i < rate; i++)
				from(&sources, i % 5 ? v4(0x0a000000 + i % 61) : v4(7));
			look();
			ck_assert_ptr_nonnull(row(v4(7), 128));
			mean[s] += (double)row(v4(7), 128)->syns / report.syns / RUNS;
		}
	}
	/* a sample of 1024 of them has a standard error of 1.25 % */
	check_near(mean[0], 0.2, 4 * 0.0125 / sqrt(RUNS));
	check_near(mean[1], 0.2, 4 * 0.0125 / sqrt(RUNS));
}
END_TEST

/* The counts themselves, not only the shares: what was sampled weighs as much as what was sent. */
START_TEST(samples_weigh_what_they_stand_for)
{
	double mean = 0, watched = 0;

	for (uint64_t run = 0; run < 50; run++) {
		sources_init(&sources, &(struct siphash_key){run, 3});
		for (uint32_t i = 0; i < rates[_i]; i++)
			from(&sources, anywhere());
		mean += (double)sources.address.total / 16 / rates[_i] / 50;
		watched += (double)sources.repeats.first / rates[_i] / 50;
	}
	check_near(mean, 1, rates[_i] <= 2048 ? 1e-9 : 0.02);
	check_near(watched, 1, 0.05);
}
END_TEST

/* The rate of sampling follows that of the SYNs, up within the second and down with the next. */
START_TEST(samples_are_few_when_there_is_much)
{
	for (int s = 0; s < 3; s++) {
		uint32_t samples = 0;

		for (uint32_t i = 0; i < 100000; i++) {
			uint64_t before = sources.address.total;

			from(&sources, anywhere());
			samples += sources.address.total != before;
		}
		ck_assert_uint_le(samples, s ? 2048 : 2048 + 6 * 1024);
		ck_assert_uint_ge(samples, 1024);
		sources_age(&sources);
	}
	for (int s = 0; s < 2; s++) {
		for (uint32_t i = 0; i < 100; i++)
			from(&sources, anywhere());
		sources_age(&sources);
	}
	ck_assert_uint_eq(sources.shift, 0);
	ck_assert_uint_eq(sources.repeats.shift, 0);
}
END_TEST

/* A flood from everywhere cannot hide the one that sends 2 % of it. */
START_TEST(a_flood_does_not_hide_a_heavy_source)
{
	for (int s = 0; s < 8; s++) {
		for (uint32_t i = 0; i < 20000; i++)
			from(&sources, i % 50 ? anywhere() : v4(7));
		look();
		ck_assert_ptr_nonnull(row(v4(7), 128));
		sources_age(&sources);
	}
}
END_TEST

/* The addresses of a decoy come in turn, just more of them than there are slots. */
START_TEST(decoys_do_not_hide_it_either)
{
	for (int s = 0; s < 8; s++) {
		for (uint32_t i = 0; i < 20000; i++)
			from(&sources, i % 40 ? v4(0x0a000000 + i % (TOPK_SLOTS + 1)) : v4(7));
		look();
		ck_assert_ptr_nonnull(row(v4(7), 128));
		sources_age(&sources);
	}
}
END_TEST

START_TEST(completions_need_syns)
{
	for (int i = 0; i < 1000; i++) {
		struct ip_addr a = anywhere();

		sources_completed(&sources, &a);
	}
	look();
	ck_assert_uint_eq(report.completed, 1000);
	ck_assert_uint_eq(report.n_heavy, 0);
	for (unsigned i = 0; i < TOPK_SLOTS; i++)
		ck_assert_uint_eq(sources.address.note[i] + sources.network.note[i], 0);
	/* nor does one who begins to send now get those of others, or his own of long ago */
	from(&sources, v4(7));
	look();
	ck_assert_uint_eq(row(v4(7), 128)->completed, 0);
	ck_assert_uint_eq(row(v4(0), 120)->completed, 0);
}
END_TEST

/* ---- fingerprint, TTL, retransmissions ---- */

START_TEST(the_most_common_fingerprint)
{
	struct segment flood = seg_bare(seg_end("192.0.2.1", 1), seg_end("198.51.100.1", 80),
					TCP_SYN | TCP_ECE | TCP_CWR, 1, 0);
	char text[FINGERPRINT_TEXT_MAX];

	for (uint32_t i = 0; i < rates[_i]; i++) {
		if (i % 10 < 7) {
			flood.ttl = 242;
			flood.window = 5840;
		} else { /* every one different */
			flood.ttl = (uint8_t)(i % 200);
			flood.window = (uint16_t)seg_random_next(&rng);
		}
		seg_packet(&packet, &flood);
		from(&sources, anywhere());
	}
	look();
	check_near(report.common_permille, 700, 60);
	check_near(report.common_ttl_permille, 700, 60);
	ck_assert_uint_eq(report.common_ttl, 242);
	ck_assert_str_eq(syn_fingerprint_text(&report.common, text, sizeof(text)),
			 "SYN|ECE|CWR window 5840 ttl 255 options none");
}
END_TEST

START_TEST(no_common_fingerprint)
{
	for (uint32_t i = 0; i < 20000; i++) {
		packet.pkt.window = (uint16_t)i;
		from(&sources, anywhere());
	}
	look();
	ck_assert_uint_le(report.common_permille, 2);
}
END_TEST

/* Of the connections of each second, one in @one_in is tried again a second later. */
static void with_repeats(uint32_t rate, uint32_t one_in)
{
	static struct pkt sent[100000];

	for (int s = 0; s < 5; s++) {
		if (s)
			sources_age(&sources);
		for (uint32_t i = 0; i < rate; i++) {
			if (s && i % one_in == 0)
				sources_syn(&sources, &sent[i], (uint32_t)seg_random_next(&rng));
			packet.pkt.sport = (uint16_t)i;
			from(&sources, v4(i % 1000));
			sent[i] = packet.pkt;
		}
	}
	look();
}

START_TEST(retransmissions)
{
	with_repeats(rates[_i], 2);
	/* a third; some tags were forgotten before, and the first of some was not in the sample */
	ck_assert_uint_ge(report.retransmitted_permille, 230);
	ck_assert_uint_le(report.retransmitted_permille, 400);
}
END_TEST

START_TEST(no_retransmissions)
{
	with_repeats(rates[_i], UINT32_MAX);
	ck_assert_uint_le(report.retransmitted_permille, 8);
}
END_TEST

/* ---- time and merging ---- */

START_TEST(forgets_a_flood)
{
	for (uint32_t i = 0; i < 100000; i++)
		from(&sources, v4(7));
	for (int s = 0; s < 6; s++) {
		sources_age(&sources);
		for (uint32_t i = 0; i < 100; i++)
			from(&sources, anywhere());
	}
	look();
	ck_assert_uint_eq(report.syns, 200);
	check_near(report.distinct, 200, 20);
	ck_assert_ptr_null(row(v4(7), 128));
	ck_assert_uint_ge(report.entropy_permille, 950);
	for (int s = 0; s < 2; s++)
		sources_age(&sources);
	look();
	ck_assert_uint_eq(report.syns, 0);
	ck_assert_uint_eq(report.n_heavy, 0);
}
END_TEST

START_TEST(notices_a_flood_at_once)
{
	for (int s = 0; s < 10; s++) {
		for (uint32_t i = 0; i < 200; i++)
			from(&sources, v4(0x0a000000 + i % 50));
		sources_age(&sources);
	}
	for (uint32_t i = 0; i < 1000; i++) /* 100 ms at 10,000 SYN/s */
		from(&sources, anywhere());
	look();
	ck_assert_uint_eq(report.syns, 1200);
	check_near(report.distinct, 1050, 100);
	ck_assert_uint_ge(report.entropy_permille, 800);
}
END_TEST

/* Two workers, the same heavy source in both, at different rates. */
START_TEST(merged_equals_union)
{
	static struct sources both;
	static struct sources_report whole;

	sources_init(&both, &key);
	for (int s = 0; s < 3; s++) {
		for (uint32_t i = 0; i < rates[_i]; i++) {
			struct sources *one = i % 4 ? &sources : &second;

			mixed(one);
			sources_syn(&both, &packet.pkt, (uint32_t)seg_random_next(&rng));
		}
		if (s == 2)
			break;
		sources_age(&sources);
		sources_age(&second);
		sources_age(&both);
	}
	sources_merge(&sources, &second);
	look();
	sources_report(&both, &whole);
	ck_assert_uint_eq(report.syns, whole.syns);
	ck_assert_uint_eq(report.distinct, whole.distinct);
	check_near(report.entropy_permille, whole.entropy_permille, 30);
	check_near(report.common_permille, whole.common_permille, 30);
	ck_assert_uint_eq(report.common_ttl, whole.common_ttl);
	check_row(addr("203.0.113.9"), 128, 0.10, 0.8);
	check_row(addr("203.0.113.0"), 120, 0.10, 0.8);
	check_row(addr("198.51.100.0"), 120, 0.05, 0);
	check_row(addr("2001:db8:1:2::"), 64, 0.04, 0);
	ck_assert_uint_eq(report.n_heavy, 4);
}
END_TEST

START_TEST(merged_into_nothing)
{
	struct sources_report before;

	for (int s = 0; s < 2; s++) {
		for (uint32_t i = 0; i < 5000; i++) {
			mixed(&sources);
			if (i % 4 == 0)
				sources_syn(&sources, &packet.pkt, (uint32_t)seg_random_next(&rng));
		}
		if (s == 0) {
			sources_age(&sources);
			sources_age(&second);
		}
	}
	look();
	ck_assert_uint_ge(report.retransmitted_permille, 150);
	before = report;
	sources_merge(&second, &sources);
	sources_report(&second, &report);
	ck_assert_mem_eq(&before, &report, sizeof(before));
}
END_TEST

START_TEST(no_more_rows_than_there_is_room_for)
{
	for (uint32_t i = 0; i < 50 * 100; i++)
		from(&sources, v4((i % 50) << 8));
	look();
	ck_assert_uint_eq(report.n_heavy, SOURCES_HEAVY_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sources");
	TCase *tc = tcase_create("sources");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, a_single_syn);
	tcase_add_loop_test(tc, distinct_sources, 0, ARRAY_SIZE(numbers));
	tcase_add_loop_test(tc, entropy_of_random_sources, 0, ARRAY_SIZE(few_to_many));
	tcase_add_loop_test(tc, entropy_while_it_goes_on, 0, ARRAY_SIZE(few_to_many));
	tcase_add_test(tc, entropy_of_few_networks);
	tcase_add_test(tc, entropy_of_ipv6);
	tcase_add_loop_test(tc, heavy_prefixes, 0, ARRAY_SIZE(rates));
	tcase_add_loop_test(tc, unbiased, 0, ARRAY_SIZE(rates));
	tcase_add_loop_test(tc, samples_weigh_what_they_stand_for, 0, ARRAY_SIZE(rates));
	tcase_add_test(tc, samples_are_few_when_there_is_much);
	tcase_add_test(tc, a_flood_does_not_hide_a_heavy_source);
	tcase_add_test(tc, decoys_do_not_hide_it_either);
	tcase_add_test(tc, completions_need_syns);
	tcase_add_loop_test(tc, the_most_common_fingerprint, 0, ARRAY_SIZE(rates));
	tcase_add_test(tc, no_common_fingerprint);
	tcase_add_loop_test(tc, retransmissions, 0, ARRAY_SIZE(rates));
	tcase_add_loop_test(tc, no_retransmissions, 0, ARRAY_SIZE(rates));
	tcase_add_test(tc, forgets_a_flood);
	tcase_add_test(tc, notices_a_flood_at_once);
	tcase_add_loop_test(tc, merged_equals_union, 0, ARRAY_SIZE(rates));
	tcase_add_test(tc, merged_into_nothing);
	tcase_add_test(tc, no_more_rows_than_there_is_room_for);
	suite_add_tcase(suite, tc);
	return fx_run(suite);
}
