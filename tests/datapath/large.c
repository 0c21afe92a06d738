/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * large QUEUE FROM TO LENGTH COUNT [SECONDS]: send COUNT packets of LENGTH bytes of payload from FROM to
 * TO through the output of queue QUEUE, as a worker does, and print what became of them. With SECONDS go
 * on for so long, counting CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/output.h"

#define MARK  0x10
#define CHUNK 4096
#define BYTES (1024 * 1024)
#define PORT  7

static uint8_t bytes[BYTES];
static struct actions out;

static usec_t clock_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + (usec_t)t.tv_nsec / 1000;
}

/* add() - one packet to the outbox, its payload in chunks. Return: bytes of payload. */
static void add(struct segment *s)
{
	struct guard_tx *tx = &out.tx[out.n_tx++];
	int len = segment_headers(s, tx->data, sizeof(tx->data));
	uint32_t at = s->seq % (BYTES / 2);

	if (len < 0)
		exit(2);
	tx->len = (uint16_t)len;
	tx->family = (uint8_t)ip_addr_family(&s->src);
	tx->gso_size = tx->family == 4 ? 1448 : 1428;
	tx->piece = (uint16_t)out.n_pieces;
	tx->n_pieces = 0;
	for (uint32_t left = s->payload_len; left > 0; tx->n_pieces++) {
		uint32_t n = CHUNK - at % CHUNK < left ? CHUNK - at % CHUNK : left;

		out.piece[out.n_pieces++] = (struct guard_piece){bytes + at, n};
		at += n;
		left -= n;
	}
}

int main(int argc, char **argv)
{
	struct segment s = {.sport = PORT, .dport = PORT, .flags = TCP_ACK | TCP_PSH, .window = 9};
	usec_t begin, cpu, end, seconds;
	struct output o;
	char why[TUN_WHY_MAX];
	unsigned long count, sent = 0;
	int rc;

	if (argc < 6 || ip_addr_parse(&s.src, argv[2]) < 0 || ip_addr_parse(&s.dst, argv[3]) < 0)
		return 2;
	s.opt.present = TCP_OPT_TIMESTAMPS;
	s.payload_len = (uint32_t)atoi(argv[4]);
	count = strtoul(argv[5], NULL, 10);
	seconds = argc > 6 ? (usec_t)(atof(argv[6]) * 1e6) : 0;
	for (uint32_t i = 0; i < BYTES; i++)
		bytes[i] = (uint8_t)(i % 251);
	rc = output_open(&o, MARK);
	if (rc < 0) {
		printf("error %s\n", strerror(-rc));
		return 1;
	}
	output_open_large(&o, (uint16_t)atoi(argv[1]), 0);
	begin = clock_of(CLOCK_MONOTONIC);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	do {
		add(&s);
		output_send(&o, &out, clock_of(CLOCK_MONOTONIC));
		s.seq += s.payload_len;
		sent++;
		end = clock_of(CLOCK_MONOTONIC);
	} while (seconds ? end - begin < seconds : sent < count);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("sent %llu\nerrors %llu\nlarge %llu\nlarge_errors %llu\ncut %llu\nwhy %s\n",
	       (unsigned long long)o.raw.stats.sent, (unsigned long long)o.raw.stats.errors,
	       (unsigned long long)o.stats.large, (unsigned long long)o.stats.large_errors,
	       (unsigned long long)o.stats.cut, tun_why(&o.tun, ip_addr_family(&s.src), why));
	printf("gbit_per_second %.2f\nns_per_byte %.3f\n",
	       8e-3 * (double)s.payload_len * (double)sent / (double)(end - begin),
	       1e3 * (double)cpu / ((double)s.payload_len * (double)sent));
	output_close(&o);
	return 0;
}
