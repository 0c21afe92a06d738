/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One worker's NFQUEUEs: packets in, verdicts out.
 *
 * Theory of operation
 * -------------------
 * A worker owns three queues. The *header queue* is the one the firewall rules name; the kernel
 * copies only the first NFQUEUE_HEADER_COPY bytes of each packet there: the whole packet for
 * everything small (SYN, ACK, FIN, a short request) and enough to judge anything else. A verdict
 * that changes a packet must carry all of it, so a large packet of a translated flow is requeued to
 * the *full queue*, where the kernel copies everything, and judged there again. Where most large packets
 * are such, the header queue copies everything, too, until most are not.
 *
 * The *whole queue* is for services whose packets the guard takes in, payload and all: the rules name
 * it for them instead of the header queue, and the kernel copies everything at once.
 *
 * Order within a connection is kept:
 *  - verdicts are given in the order of arrival;
 *  - what a batch of the header queue requeued is judged before the next batch is read;
 *  - once a packet of a connection was requeued, what follows it in the same direction and batch is
 *    requeued too, unjudged.
 *
 * A packet that the kernel's queue or the socket buffer cannot take is dropped and counted;
 * NFQA_CFG_F_FAIL_OPEN is not used, because what it lets through while a daemon runs would be
 * untranslated packets of translated connections, and the flood. Whether packets pass while no
 * daemon runs is the matter of --queue-bypass in the firewall rules.
 *
 * A socket may outlive the process that opened it, and then its packets wait. What that process had read
 * and not answered nobody will read again; nfqueue_open() queues it anew, behind what waits. It may have
 * been judged before, so judging twice must do no harm.
 *
 * The kernel never copies more than 65,531 bytes: a longer packet of a translated flow is dropped
 * (counted in oversize). It takes an IPv6 jumbogram (BIG TCP) to get there.
 */
#ifndef TCPGUARD_DATAPATH_NFQUEUE_H
#define TCPGUARD_DATAPATH_NFQUEUE_H

#include "core/actions.h"
#include "wire/packet.h"

#define NFQUEUE_HEADER_COPY 1600 /* an Ethernet frame: without GSO little needs a requeue */
#define NFQUEUE_FULL_COPY   65531 /* the most the kernel gives */
#define NFQUEUE_BULK	    4096 /* such a packet belongs to a transfer that goes on */
#define NFQUEUE_NO_NEXT	    (-1)
#define NFQUEUE_NO_WHOLE    (-1)

struct nfqueue;

/* What happens to the packets. All are called on the thread that calls nfqueue_service(). */
struct nfqueue_ops {
	/* A batch was read: take the time. */
	void (*begin)(void *arg);
	/*
	 * Judge one packet: @p as pkt_parse() left it, @error what it returned. For GUARD_REPLACE
	 * the bytes at p->data were rewritten. The packet is gone when the function has returned.
	 */
	enum guard_verdict (*judge)(void *arg, struct pkt *p, int error);
	/*
	 * The batch was judged, its verdicts are not given yet: send what has to be sent. @more: the queue
	 * was not emptied, so another batch is read at once.
	 */
	void (*flush)(void *arg, bool more);
};

struct nfqueue_config {
	uint16_t header_queue; /* the number in the firewall's rules */
	uint16_t full_queue; /* only requeued packets come here */
	int32_t whole_queue; /* the other number in the rules, or NFQUEUE_NO_WHOLE */
	int32_t next_queue; /* header queue that GUARD_NOT_MINE leads to, or NFQUEUE_NO_NEXT: accept */
	uint32_t maxlen; /* packets the kernel holds in a queue; 0: a good default */
	/* Sockets that have these queues already, left by another process; taken over. 0: none */
	struct nfqueue_sockets {
		int header, full, whole;
	} * left; /* set to 0 when taken; NULL: none at all */
};

struct nfqueue_stats {
	uint64_t packets; /* taken from the header queue and the whole queue */
	uint64_t bulk; /* of these, the ones of NFQUEUE_BULK bytes and more */
	uint64_t whole; /* packets of the whole queue */
	uint64_t batches; /* of both */
	uint64_t replaced; /* given back rewritten, either queue */
	uint64_t requeued; /* sent to the full queue */
	uint64_t passed_on; /* sent to the next worker */
	uint64_t overruns; /* ENOBUFS: the kernel could not deliver */
	uint64_t oversize; /* dropped: too long to be copied whole */
	uint64_t bad_messages; /* from the kernel, not understood */
	uint64_t verdict_errors; /* verdicts that the kernel refused (packet already gone) */
	uint64_t send_retries; /* verdicts that had to be sent again for want of memory */
};

/*
 * nfqueue_open() - bind all queues. Packets that rules send there are held from now on.
 * @out: filled. @c: copied. @ops: borrowed until nfqueue_close().
 * Return: 0; -EPERM without CAP_NET_ADMIN; -EBUSY if another process has one of the queues;
 * -EPROTONOSUPPORT if the kernel has no NFQUEUE; another negative errno.
 */
int nfqueue_open(struct nfqueue **out, const struct nfqueue_config *c,
		 const struct nfqueue_ops *ops, void *arg);

/* nfqueue_close() - unbind. The kernel drops what is still queued. NULL is fine. */
void nfqueue_close(struct nfqueue *q);

/*
 * nfqueue_service() - read, judge and answer until the header queue is empty or @budget packets
 * were judged (rounded up to whole batches), and what of it goes through the full queue. Never
 * blocks.
 * Return: packets of the header queue that were judged.
 */
uint32_t nfqueue_service(struct nfqueue *q, uint32_t budget);

/* nfqueue_service_full() - likewise for what lies in the full queue: nothing, in ordinary times. */
void nfqueue_service_full(struct nfqueue *q);

/* nfqueue_service_whole() - as nfqueue_service() for the whole queue. */
uint32_t nfqueue_service_whole(struct nfqueue *q, uint32_t budget);

/* The descriptors to watch for reading, each for its function. */
int nfqueue_header_fd(const struct nfqueue *q);
int nfqueue_full_fd(const struct nfqueue *q);
int nfqueue_whole_fd(const struct nfqueue *q);

/*
 * nfqueue_lost() - is there a queue that the kernel does not know as ours any more? From any thread.
 * @number: of the first such queue. @owner: netlink port of who has it now; 0: nobody.
 */
bool nfqueue_lost(const struct nfqueue *q, uint16_t *number, uint32_t *owner);

/* nfqueue_bind_again() - ask for queue @number, which was lost; whether it is ours is to be seen later. */
void nfqueue_bind_again(struct nfqueue *q, uint16_t number);

/* nfqueue_stats() - may be read while another thread serves the queue; then each field may lag. */
const struct nfqueue_stats *nfqueue_stats(const struct nfqueue *q);

/* What /proc/net/netfilter/nfnetlink_queue says of one queue. */
struct nfqueue_kernel_stats {
	uint32_t portid; /* netlink port of the owner; usually its process id */
	uint32_t waiting; /* packets without a verdict */
	uint32_t queue_dropped; /* the queue was full */
	uint32_t user_dropped; /* the socket buffer was full */
	uint32_t copy_range;
	uint32_t newest_id; /* of a packet in it so far */
};

/*
 * nfqueue_kernel_stats() - Return: 0; -ENOENT if nobody has bound queue @number; another negative
 * errno if the file cannot be read.
 */
int nfqueue_kernel_stats(uint16_t number, struct nfqueue_kernel_stats *s);

#endif
