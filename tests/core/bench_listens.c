/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_listens - nanoseconds it takes to find the service of an address and port, by the number of
 * listens, and what trying one after the other would take.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/listens.h"

#define ROUNDS	7
#define LOOKUPS 20000

static struct guard_config config;
static struct listens listens;
static volatile int sink;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int one_by_one(const struct ip_addr *addr, uint16_t port)
{
	int best = -1, best_plen = -1;

	for (uint32_t i = 0; i < config.n_listens; i++) {
		const struct guard_listen *l = &config.listen[i];

		if (l->plen > best_plen && port >= l->port_low && port <= l->port_high &&
		    ip_addr_is_v4(addr) == ip_addr_is_v4(&l->prefix) &&
		    ip_addr_in_prefix(addr, &l->prefix, l->plen)) {
			best = l->service;
			best_plen = l->plen;
		}
	}
	return best;
}

static int indexed(const struct ip_addr *addr, uint16_t port)
{
	return listens_find(&listens, addr, port);
}

/* listen_n() - @n addresses of one network, port 443. */
static void listen_n(uint32_t n)
{
	config.n_listens = n;
	for (uint32_t i = 0; i < n; i++)
		config.listen[i] =
			(struct guard_listen){.prefix = ip_addr_v4(htonl(0xc0000200u + i)),
					      .plen = 128,
					      .port_low = 443,
					      .port_high = 443,
					      .service = (uint16_t)(i % 200)};
	listens_build(&listens, &config);
}

static double measure(int (*find)(const struct ip_addr *addr, uint16_t port))
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = seconds(), took;

		for (uint32_t i = 0; i < LOOKUPS; i++) {
			struct ip_addr a =
				ip_addr_v4(htonl(0xc0000200u + i * 7919 % config.n_listens));

			sink = find(&a, 443);
		}
		took = seconds() - start;
		best = took < best ? took : best;
	}
	return best / LOOKUPS * 1e9;
}

int main(void)
{
	static const uint32_t numbers[] = {1, 10, 100, 1000};

	printf("%8s %14s %14s\n", "listens", "one by one", "indexed");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		double scan, index;

		listen_n(numbers[i]);
		scan = measure(one_by_one);
		index = measure(indexed);
		printf("%8u %11.1f ns %11.1f ns\n", numbers[i], scan, index);
	}
	return 0;
}
