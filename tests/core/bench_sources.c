/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_sources - nanoseconds that sources_syn() costs a SYN, by rate: the faster they come, the fewer
 * are looked at closely. Virtual seconds, each ended with sources_age(), which is part of the figure.
 *
 * Each line is the best of several rounds, less what it costs to make the SYN.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/sources.h"
#include "segments.h"

#define ROUNDS 9
#define SYNS   2000000u /* a round */

static struct sources sources, other;
static struct seg_packet packet;
static struct seg_random rng;
static uint32_t sink;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* How a source is drawn. */
enum draw { DRAW_RANDOM_V4, DRAW_RANDOM_V6, DRAW_THOUSAND, DRAW_HALF_HEAVY, DRAW_RANDOM_ALL };

static uint32_t draw(enum draw how)
{
	struct pkt *p = &packet.pkt;
	uint64_t x = seg_random_next(&rng);

	p->src.w[3] = (uint32_t)x;
	p->sport = (uint16_t)(x >> 32);
	p->seq = (uint32_t)(x >> 16);
	switch (how) {
	case DRAW_RANDOM_V6:
		p->src.w[0] = (uint32_t)(x >> 8);
		p->src.w[1] = (uint32_t)(x >> 24);
		break;
	case DRAW_THOUSAND:
		p->src.w[3] %= 1000;
		break;
	case DRAW_HALF_HEAVY:
		if (x >> 63)
			p->src.w[3] %= 7;
		break;
	case DRAW_RANDOM_ALL: /* and every field of the fingerprint */
		p->window = (uint16_t)(x >> 40);
		p->ttl = (uint8_t)(x >> 48);
		break;
	default:
		break;
	}
	return (uint32_t)(x >> 32) * 2654435769u;
}

static double round_of(enum draw how, uint32_t rate, bool count)
{
	double start = seconds();

	for (uint32_t i = 0, second = 0; i < SYNS; i++) {
		uint32_t random = draw(how);

		if (count) {
			sources_syn(&sources, &packet.pkt, random);
			if (++second == rate) {
				sources_age(&sources);
				second = 0;
			}
		} else {
			sink += random + packet.pkt.src.w[3];
		}
	}
	return (seconds() - start) / SYNS * 1e9;
}

static void measure(const char *what, enum draw how, uint32_t rate)
{
	double best = 1e9, idle = 1e9;

	sources_init(&sources, &(struct siphash_key){11, 13});
	for (int round = 0; round < ROUNDS; round++) {
		double t = round_of(how, rate, false);

		idle = t < idle ? t : idle;
		t = round_of(how, rate, true);
		best = t < best ? t : best;
	}
	printf("%-32s %8u SYN/s %8.1f ns\n", what, rate, best - idle);
	fflush(stdout);
}

static void measure_rest(void)
{
	struct sources_report r;
	double start = seconds();

	for (int i = 0; i < 1000; i++)
		sources_report(&sources, &r);
	printf("%-47s %8.1f us\n", "report", (seconds() - start) * 1e3);
	other = sources;
	start = seconds();
	for (int i = 0; i < 1000; i++)
		sources_merge(&other, &sources);
	printf("%-47s %8.1f us\n", "merge", (seconds() - start) * 1e3);
	start = seconds();
	for (int i = 0; i < 1000; i++)
		sources_completed(&sources, &packet.pkt.src);
	printf("%-47s %8.1f ns\n", "a completion", (seconds() - start) * 1e6);
	start = seconds();
	for (int i = 0; i < 1000; i++)
		sources_age(&sources);
	printf("%-47s %8.1f us\n", "a second ends, nothing in it", (seconds() - start) * 1e3);
	printf("%-47s %8zu bytes\n", "memory of a service", sizeof(sources));
}

int main(void)
{
	static const uint32_t rates[] = {1000, 5000, 10000, 20000, 50000, 100000, 1000000};
	struct seg_end client = seg_end("192.0.2.1", 1024), server = seg_end("198.51.100.1", 80);
	struct segment syn = seg_syn(client, server, 1);

	rng = seg_random(1);
	seg_timestamps(&syn, 7, 0);
	seg_packet(&packet, &syn);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		measure("random sources", DRAW_RANDOM_V4, rates[i]);
	measure("one of a thousand sources", DRAW_THOUSAND, 100000);
	measure("half of them from seven sources", DRAW_HALF_HEAVY, 100000);
	measure("random sources, windows and TTL", DRAW_RANDOM_ALL, 100000);
	seg_packet(&packet, &syn);
	measure_rest();
	packet.pkt.src = seg_end("2001:db8::1", 1).addr;
	measure("random sources, IPv6", DRAW_RANDOM_V6, 10000);
	measure("random sources, IPv6", DRAW_RANDOM_V6, 100000);
	return sink == 1; /* it is used */
}
