/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/nfqueue.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/flow_set.h"
#include "datapath/nfqueue_msg.h"

#define HEADER_SLOTS   NFMSG_SLOTS_MAX
#define FULL_SLOTS     5 /* few: what was read must still be in the cache when it is sent back */
#define WHOLE_SLOTS    16 /* a second-level cache full of long packets */
#define MAXLEN_DEFAULT 16384
#define NEED_LOOK      64 /* large packets until it is seen whether they are needed whole */
/* What a packet cut to NFQUEUE_HEADER_COPY takes of the socket buffer, which the kernel doubles. */
#define HEADER_RCVBUF_PER_PACKET 1280
/* Floods are short packets; the long ones are held back by the windows that the guard announces. */
#define WHOLE_RCVBUF_PER_PACKET 4096
/* One batch of the header queue, all requeued, at 64 KB and a little; doubled by the kernel. */
#define FULL_RCVBUF (HEADER_SLOTS * 80 * 1024)

static_assert(FLOW_SET_SLOTS >= 2 * HEADER_SLOTS, "flow_set must hold a batch");
static_assert(FULL_SLOTS <= NFMSG_SLOTS_MAX, "struct nfmsg_verdicts holds NFMSG_SLOTS_MAX packets");

struct nfqueue {
	struct nfqueue_config config;
	const struct nfqueue_ops *ops;
	void *arg;
	struct nfqueue_stats stats;
	struct flow_set
		requeued; /* connections of this batch that have a packet in the full queue */
	uint32_t large, large_wanted; /* since the last look; needed whole */
	uint32_t batch_bytes;
	struct nfmsg_verdicts verdicts;
	struct nfmsg_queue header, full, whole;
};

/* open_or_adopt() - a socket that does not have the queue any more is worth nothing. */
static int open_or_adopt(struct nfmsg_queue *q, int *left, uint16_t number, uint32_t copy,
			 uint32_t slots, uint32_t maxlen, size_t rcvbuf)
{
	int fd = *left;

	*left = 0;
	if (fd > 0 && nfmsg_adopt(q, fd, number, copy, slots, maxlen) == 0)
		return 0;
	return nfmsg_open(q, number, copy, slots, maxlen, rcvbuf);
}

int nfqueue_open(struct nfqueue **out, const struct nfqueue_config *c,
		 const struct nfqueue_ops *ops, void *arg)
{
	struct nfqueue_sockets none = {0}, *left = c->left ? c->left : &none;
	uint32_t maxlen = c->maxlen ? c->maxlen : MAXLEN_DEFAULT;
	struct nfqueue *q = calloc(1, sizeof(*q));
	int rc;

	*out = NULL;
	if (!q)
		return -ENOMEM;
	q->config = *c;
	q->ops = ops;
	q->arg = arg;
	q->header.fd = q->full.fd = q->whole.fd = -1;
	/* The full queue first: a packet of the header queue may need it at once. */
	rc = open_or_adopt(&q->full, &left->full, c->full_queue, NFQUEUE_FULL_COPY, FULL_SLOTS,
			   maxlen, FULL_RCVBUF);
	if (rc == 0)
		rc = open_or_adopt(&q->header, &left->header, c->header_queue, NFQUEUE_HEADER_COPY,
				   HEADER_SLOTS, maxlen, (size_t)maxlen * HEADER_RCVBUF_PER_PACKET);
	if (rc == 0 && c->whole_queue != NFQUEUE_NO_WHOLE)
		rc = open_or_adopt(&q->whole, &left->whole, (uint16_t)c->whole_queue,
				   NFQUEUE_FULL_COPY, WHOLE_SLOTS, maxlen,
				   (size_t)maxlen * WHOLE_RCVBUF_PER_PACKET);
	if (rc < 0) {
		nfqueue_close(q);
		return rc;
	}
	*out = q;
	return 0;
}

void nfqueue_close(struct nfqueue *q)
{
	if (!q)
		return;
	nfmsg_close(&q->header);
	nfmsg_close(&q->full);
	nfmsg_close(&q->whole);
	free(q);
}

/* drop_oversize() - the core wants a whole packet that cannot be had. */
static uint32_t drop_oversize(struct nfqueue *q)
{
	q->stats.oversize++;
	return NF_DROP;
}

/* pass_on() - another worker may know this packet; the last one lets it through. */
static uint32_t pass_on(struct nfqueue *q)
{
	if (q->config.next_queue == NFQUEUE_NO_NEXT)
		return NF_ACCEPT;
	q->stats.passed_on++;
	return NF_QUEUE_NR((uint32_t)q->config.next_queue);
}

/* requeue() - to the full queue, and the rest of its connection behind it. */
static uint32_t requeue(struct nfqueue *q, const struct pkt *p)
{
	if (p->kind == PKT_TCP)
		flow_set_add(&q->requeued, flow_set_key(p));
	q->stats.requeued++;
	return NF_QUEUE_NR(q->config.full_queue);
}

/*
 * give_verdict() - turn the judge's word into the kernel's.
 * @cut: the packet came from the header queue, so what is missing can be had.
 */
static void give_verdict(struct nfqueue *q, uint32_t id, const struct pkt *p,
			 enum guard_verdict verdict, bool cut)
{
	uint32_t nf = NF_DROP;

	switch (verdict) {
	case GUARD_ACCEPT:
		nf = NF_ACCEPT;
		break;
	case GUARD_REPLACE:
		if (pkt_is_complete(p)) {
			nfmsg_verdicts_replace(&q->verdicts, id, p->data, p->len);
			return;
		}
		nf = drop_oversize(q);
		break;
	case GUARD_WANT_FULL:
		nf = cut ? requeue(q, p) : drop_oversize(q);
		break;
	case GUARD_NOT_MINE:
		nf = pass_on(q);
		break;
	case GUARD_DROP:
		break;
	}
	nfmsg_verdicts_add(&q->verdicts, id, nf);
}

/* judge_packet() - one packet of the batch, from bytes to verdict. */
static void judge_packet(struct nfqueue *q, const struct nfmsg_packet *np, bool cut)
{
	enum guard_verdict verdict = GUARD_WANT_FULL;
	struct pkt p;
	int error = pkt_parse(&p, np->data, np->cap_len, np->len, np->csum);

	if (!q->requeued.used || !cut || p.kind != PKT_TCP ||
	    !flow_set_has(&q->requeued, flow_set_key(&p)))
		verdict = q->ops->judge(q->arg, &p, error);
	if (cut && np->len > NFQUEUE_HEADER_COPY) {
		q->large++;
		q->large_wanted += verdict == GUARD_REPLACE || verdict == GUARD_WANT_FULL;
	}
	give_verdict(q, np->id, &p, verdict, cut);
}

/*
 * follow_need() - after a batch of @n packets of the header queue: how much shall be copied of the next
 * ones, and how many of them are read at once, so that they stay in the cache?
 */
static void follow_need(struct nfqueue *q, uint32_t n)
{
	bool all = q->header.copy == NFQUEUE_FULL_COPY, most;
	uint32_t fit = FULL_SLOTS * NFQUEUE_FULL_COPY / (q->batch_bytes / n + 1);

	q->header.at_once = fit > HEADER_SLOTS ? HEADER_SLOTS : fit;
	if (q->large < NEED_LOOK)
		return;
	most = q->large_wanted * (all ? 4 : 2) > q->large;
	if (most != all)
		nfmsg_copy(&q->header, most ? NFQUEUE_FULL_COPY : NFQUEUE_HEADER_COPY);
	q->large = q->large_wanted = 0;
}

/*
 * serve_batch() - read a batch of @from, judge it, answer it.
 * @last: none is read after it even if there is more. Return: messages read.
 */
static uint32_t serve_batch(struct nfqueue *q, struct nfmsg_queue *from, bool last)
{
	bool cut = from == &q->header, again = from == &q->full;
	uint32_t most = from->at_once, n = nfmsg_read(from, &q->stats);
	struct nfmsg_packet np;

	if (n == 0)
		return 0;
	q->ops->begin(q->arg);
	q->batch_bytes = 0;
	nfmsg_verdicts_begin(&q->verdicts, from, &q->stats);
	for (uint32_t i = 0; i < n; i++) {
		if (!nfmsg_packet_at(from, i, &np, &q->stats))
			continue;
		q->batch_bytes += np.cap_len;
		q->stats.packets += !again;
		q->stats.whole += from == &q->whole;
		q->stats.bulk += !again && np.len >= NFQUEUE_BULK;
		judge_packet(q, &np, cut);
	}
	q->ops->flush(q->arg, !last && n == most);
	nfmsg_verdicts_end(&q->verdicts);
	return n;
}

/* drain_full() - ends, because only serve_batch() of the header queue fills the full queue. */
static void drain_full(struct nfqueue *q)
{
	while (serve_batch(q, &q->full, true) > 0)
		;
}

void nfqueue_service_full(struct nfqueue *q)
{
	drain_full(q);
}

uint32_t nfqueue_service(struct nfqueue *q, uint32_t budget)
{
	uint32_t done = 0;

	while (done < budget) {
		uint32_t most = q->header.at_once, n = serve_batch(q, &q->header, true);

		q->stats.batches += n > 0;
		done += n;
		if (n > 0)
			follow_need(q, n);
		if (q->requeued.used) {
			drain_full(q);
			flow_set_clear(&q->requeued);
		}
		if (n < most)
			break;
	}
	return done;
}

uint32_t nfqueue_service_whole(struct nfqueue *q, uint32_t budget)
{
	uint32_t done = 0, n;

	do {
		n = serve_batch(q, &q->whole, done + q->whole.slots >= budget);
		q->stats.batches += n > 0;
		done += n;
	} while (n == q->whole.slots && done < budget);
	return done;
}

int nfqueue_header_fd(const struct nfqueue *q)
{
	return q->header.fd;
}

int nfqueue_full_fd(const struct nfqueue *q)
{
	return q->full.fd;
}

int nfqueue_whole_fd(const struct nfqueue *q)
{
	return q->whole.fd;
}

bool nfqueue_lost(const struct nfqueue *q, uint16_t *number, uint32_t *owner)
{
	const struct nfmsg_queue *const queues[] = {&q->header, &q->full, &q->whole};

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		*number = queues[i]->number;
		if (queues[i]->nl && !nfmsg_owned(queues[i], owner))
			return true;
	}
	return false;
}

void nfqueue_bind_again(struct nfqueue *q, uint16_t number)
{
	struct nfmsg_queue *const queues[] = {&q->header, &q->full, &q->whole};

	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		if (queues[i]->nl && queues[i]->number == number)
			nfmsg_bind_again(queues[i]);
	}
}

const struct nfqueue_stats *nfqueue_stats(const struct nfqueue *q)
{
	return &q->stats;
}

int nfqueue_kernel_stats(uint16_t number, struct nfqueue_kernel_stats *s)
{
	FILE *f = fopen("/proc/net/netfilter/nfnetlink_queue", "re");
	unsigned queue, copy_mode;
	int rc = -ENOENT;

	if (!f)
		return -errno;
	while (fscanf(f, "%u %u %u %u %u %u %u %u %*u", &queue, &s->portid, &s->waiting, &copy_mode,
		      &s->copy_range, &s->queue_dropped, &s->user_dropped, &s->newest_id) == 8) {
		if (queue == number) {
			rc = 0;
			break;
		}
	}
	fclose(f);
	return rc;
}
