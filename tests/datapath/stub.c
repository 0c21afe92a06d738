/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath with the simplest of judges, for probes of the kernel behaviour it relies on.
 *
 *	stub MODE FIRST_QUEUE WORKERS MARK
 *
 * accept   let everything through
 * replace  give every packet back as a rewritten one, with its checksum completed
 * detour   like replace, but everything goes through the full queue first
 * answer   drop SYNs and answer them with a SYN-ACK; let the rest through
 * pass     GUARD_NOT_MINE for everything
 *
 * Prints "ready", serves until it is sent SIGTERM or SIGINT, then prints what it has seen, a
 * "key value" a line.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/inject.h"
#include "datapath/nfqueue.h"
#include "wire/rewrite.h"

#define WORKERS_MAX 8
#define TRACKED	    4096 /* connections whose order is watched, by hash */

enum mode { ACCEPT, REPLACE, DETOUR, ANSWER, PASS };

struct seen {
	uint64_t judged, gso, partial, unverified, full, longest, cut, errors, injected;
	uint64_t out_of_order; /* sequence numbers that went back, at the time of the last word */
	uint64_t syns, syn_acks;
};

struct worker {
	pthread_t thread;
	enum mode mode;
	struct nfqueue *queue;
	struct inject inject;
	struct actions out;
	struct seen seen;
	uint32_t next_seq[TRACKED];
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

static void begin(void *arg)
{
}

static void flush(void *arg, bool more)
{
	struct worker *w = arg;

	if (w->out.n_tx > 0)
		w->seen.injected += inject_send(&w->inject, w->out.tx, w->out.n_tx);
	w->out.n_tx = 0;
}

static void look(struct seen *s, const struct pkt *p, int error)
{
	s->judged++;
	s->errors += error != 0;
	s->gso += p->len > 1500;
	s->partial += p->csum == PKT_CSUM_PARTIAL;
	s->unverified += p->csum == PKT_CSUM_UNVERIFIED;
	s->full += p->csum == PKT_CSUM_FULL;
	s->cut += !pkt_is_complete(p);
	s->syns += (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	s->syn_acks += (p->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	if (p->len > s->longest)
		s->longest = p->len;
}

/* watch_order() - called once for each packet, when its last verdict is given. */
static void watch_order(struct worker *w, const struct pkt *p)
{
	uint32_t h = p->src.w[3] * 2654435761u + p->dst.w[3] * 40503u + p->sport * 31u + p->dport;
	uint32_t *next = &w->next_seq[h % TRACKED];

	if (p->kind != PKT_TCP || p->payload_len == 0)
		return;
	if (*next != 0 && (int32_t)(p->seq - *next) < 0)
		w->seen.out_of_order++;
	*next = p->seq + p->payload_len;
}

static void answer(struct worker *w, const struct pkt *p)
{
	struct guard_tx *tx = &w->out.tx[w->out.n_tx];
	struct segment s;
	int len;

	segment_reply(&s, p);
	s.seq = 1;
	s.ack = p->seq + 1;
	s.flags = TCP_SYN | TCP_ACK;
	s.window = 65535;
	s.opt.present = TCP_OPT_MSS;
	s.opt.mss = 1460;
	len = segment_build(&s, tx->data, sizeof(tx->data));
	if (len < 0)
		return;
	tx->len = (uint16_t)len;
	tx->family = p->family;
	if (++w->out.n_tx == GUARD_TX_MAX)
		flush(w, true);
}

static enum guard_verdict rewrite(struct worker *w, struct pkt *p)
{
	static const struct tcp_rewrite nothing;

	if (!pkt_is_complete(p))
		return GUARD_WANT_FULL;
	watch_order(w, p);
	return pkt_rewrite_tcp(p, &nothing) == 0 ? GUARD_REPLACE : GUARD_ACCEPT;
}

static enum guard_verdict judge(void *arg, struct pkt *p, int error)
{
	struct worker *w = arg;

	look(&w->seen, p, error);
	switch (w->mode) {
	case PASS:
		return GUARD_NOT_MINE;
	case ANSWER:
		if (p->kind == PKT_TCP && (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
			answer(w, p);
			return GUARD_DROP;
		}
		return GUARD_ACCEPT;
	case DETOUR:
	case REPLACE:
		if (error == 0 && p->kind == PKT_TCP)
			return rewrite(w, p);
		return GUARD_ACCEPT;
	case ACCEPT:
		watch_order(w, p);
		break;
	}
	return GUARD_ACCEPT;
}

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct pollfd fd = {.fd = nfqueue_header_fd(w->queue), .events = POLLIN};

	while (!stop) {
		poll(&fd, 1, 100);
		nfqueue_service(w->queue, 1024);
	}
	return NULL;
}

static void print(const struct worker *w, int i)
{
	const struct nfqueue_stats *q = nfqueue_stats(w->queue);
	const struct seen *s = &w->seen;

#define SHOW(from, what) printf("%d." #what " %llu\n", i, (unsigned long long)(from)->what)
	SHOW(q, packets);
	SHOW(q, batches);
	SHOW(q, replaced);
	SHOW(q, requeued);
	SHOW(q, passed_on);
	SHOW(q, overruns);
	SHOW(q, oversize);
	SHOW(q, bad_messages);
	SHOW(q, verdict_errors);
	SHOW(q, send_retries);
	SHOW(s, judged);
	SHOW(s, gso);
	SHOW(s, partial);
	SHOW(s, unverified);
	SHOW(s, full);
	SHOW(s, cut);
	SHOW(s, longest);
	SHOW(s, errors);
	SHOW(s, out_of_order);
	SHOW(s, syns);
	SHOW(s, syn_acks);
	SHOW(&w->inject.stats, sent);
	SHOW(&w->inject.stats, no_route);
	SHOW(&w->inject.stats, refused);
	SHOW(&w->inject.stats, no_room);
#undef SHOW
}

static int open_worker(struct worker *w, int i, int n, uint16_t first, uint32_t mark)
{
	static const struct nfqueue_ops ops = {.begin = begin, .judge = judge, .flush = flush};
	struct nfqueue_config c = {
		.header_queue = (uint16_t)(first + i),
		.full_queue = (uint16_t)(first + n + i),
		.whole_queue = NFQUEUE_NO_WHOLE,
		.next_queue = i + 1 < n ? first + i + 1 : NFQUEUE_NO_NEXT,
	};
	int rc = inject_open(&w->inject, mark);

	return rc < 0 ? rc : nfqueue_open(&w->queue, &c, &ops, w);
}

static int parse_mode(const char *name)
{
	static const char *const names[] = {"accept", "replace", "detour", "answer", "pass"};

	for (int i = 0; i < 5; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct worker worker[WORKERS_MAX];
	int n, mode = argc == 5 ? parse_mode(argv[1]) : -1;

	if (mode < 0)
		return 2;
	n = atoi(argv[3]);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	for (int i = 0; i < n; i++) {
		int rc;

		worker[i].mode = (enum mode)mode;
		rc = open_worker(&worker[i], i, n, (uint16_t)atoi(argv[2]),
				 (uint32_t)strtoul(argv[4], NULL, 0));
		if (rc < 0) {
			printf("error %s\n", strerror(-rc));
			return rc == -EPERM || rc == -EPROTONOSUPPORT ? 77 : 1;
		}
	}
	for (int i = 0; i < n; i++)
		pthread_create(&worker[i].thread, NULL, serve, &worker[i]);
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; i < n; i++)
		pthread_join(worker[i].thread, NULL);
	for (int i = 0; i < n; i++)
		print(&worker[i], i);
	return 0;
}
