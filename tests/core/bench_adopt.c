/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long it takes to go on with an arena full of connections: another process maps it, adopts it, and
 * has judged the first packet. usage: bench_adopt [FLOWS]
 */
#include "core/adopt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/internal.h"
#include "segments.h"

#define START (1000 * USEC_PER_SEC)

static struct guard_config config;
static struct guard_limits limits = {
	.max_half_open = 65536, .max_terminated = 1024, .chunks = 1024};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void configure(void)
{
	guard_config_defaults(&config);
	guard_service_config_defaults(&config.service[0]);
	snprintf(config.service[0].name, sizeof(config.service[0].name), "web");
	config.n_services = config.n_listens = 1;
	config.listen[0] = (struct guard_listen){.plen = 128, .port_low = 80, .port_high = 80};
	ip_addr_parse(&config.listen[0].prefix, "198.51.100.1");
}

/* fill() - relayed connections of as many clients, in an order that no table likes. */
static void fill(struct guard_arena *a, uint32_t flows)
{
	struct seg_end server = seg_end("198.51.100.1", 80), client = seg_end("10.0.0.0", 1);

	for (uint32_t n = 0; n < flows; n++) {
		uint32_t r = n * 2654435761u;
		struct flow *f;
		uint32_t i;

		client.addr.w[3] = htonl(0x0a000000 + (r >> 8));
		client.port = (uint16_t)(1024 + n % 60000);
		i = flow_add(a, &client.addr, client.port, &server.addr, 80);
		f = flow_at(a, i);
		f->flags = FLOW_TRANSLATED;
		f->client_state = f->server_state = TCPS_ESTABLISHED;
		f->born = f->active = tick_of(START);
		a->service[0].flows++;
		wheel_add(&a->wheel, flow_timers(a), i, tick_of(START) + 1000 + r % 10000000);
		arena_commit(a);
	}
}

static int adopt(int fd, size_t size)
{
	double start = now_ms(), mapped, adopted, judged;
	struct guard_adoption done;
	struct actions *out = calloc(1, sizeof(*out));
	struct segment s = seg_syn(seg_end("192.0.2.1", 1024), seg_end("198.51.100.1", 80), 1000);
	struct seg_packet p;
	enum arena_fault fault;
	struct guard g;
	void *arena = map(fd, size);

	mapped = now_ms();
	fault = guard_adopt(&g, arena, size, &limits, &config, 0, 1, START + 300000, &done);
	adopted = now_ms();
	if (fault != ARENA_NONE || !out) {
		fprintf(stderr, "the arena %s\n", arena_fault_text(fault));
		return 1;
	}
	p.len = seg_bytes(&s, p.data, sizeof(p.data));
	p.error = pkt_parse(&p.pkt, p.data, p.len, p.len, PKT_CSUM_FULL);
	guard_input(&g, START + 300000, &p.pkt, p.error, out);
	judged = now_ms();
	guard_is_settled(&g);
	printf("%u flows: mapped %.1f ms, adopted %.1f ms, first packet %.3f ms\n", done.flows,
	       mapped - start, adopted - mapped, judged - adopted);
	free(out);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t flows = argc > 1 ? (uint32_t)atol(argv[1]) : 1000000;
	uint8_t seed[GUARD_SEED_BYTES] = {1, 2, 3};
	struct guard g;
	size_t size;
	void *arena;
	int fd, status = 0;

	configure();
	limits.max_flows = flows;
	size = guard_arena_size(&limits);
	fd = memfd_create("bench", MFD_CLOEXEC);
	if (size == 0 || fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("arena");
	arena = map(fd, size);
	if (guard_init(&g, arena, &limits, &config, START, seed) < 0)
		die("guard_init");
	fill(g.arena, flows);
	munmap(arena, size);
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0)
			exit(adopt(fd, size));
		waitpid(pid, &status, 0);
	}
	return status != 0;
}
