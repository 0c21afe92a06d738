/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink messages of NFQUEUE: one socket with one queue, packets out of it, verdicts into it. */
#ifndef TCPGUARD_DATAPATH_NFQUEUE_MSG_H
#define TCPGUARD_DATAPATH_NFQUEUE_MSG_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "datapath/nfqueue.h"

struct mnl_socket;

#define NFMSG_SLOTS_MAX 64 /* messages read at once */

/* A queue, its socket and its receive buffers. */
struct nfmsg_queue {
	struct mnl_socket *nl; /* NULL: not open */
	int fd;
	uint16_t number;
	bool adopted; /* the socket is one that another process has left */
	uint32_t slots;
	uint32_t at_once; /* messages that are read at once, at most @slots */
	size_t slot_bytes;
	uint32_t copy, maxlen; /* as it is configured */
	uint8_t *buf; /* slots * slot_bytes */
	struct mmsghdr msg[NFMSG_SLOTS_MAX];
	struct iovec iov[NFMSG_SLOTS_MAX];
};

/* One packet as the kernel described it; @data lies in the receive buffer. */
struct nfmsg_packet {
	uint32_t id;
	uint32_t cap_len, len;
	uint8_t *data;
	enum pkt_csum csum;
};

/*
 * nfmsg_open() - bind queue @number with a copy range of @copy bytes and @slots buffers.
 * Return: as nfqueue_open().
 */
int nfmsg_open(struct nfmsg_queue *q, uint16_t number, uint32_t copy, uint32_t slots,
	       uint32_t maxlen, size_t rcvbuf);

/*
 * nfmsg_adopt() - go on with queue @number that @fd has already; taken over, also on failure. What was read
 * by its former owner and not answered is put at the end of the queue.
 * Return: 0; -ENXIO if @fd does not have the queue; another negative errno.
 */
int nfmsg_adopt(struct nfmsg_queue *q, int fd, uint16_t number, uint32_t copy, uint32_t slots,
		uint32_t maxlen);
void nfmsg_close(struct nfmsg_queue *q);

/* nfmsg_copy() - from now on copy up to @copy bytes of each packet. What waits already is as it was. */
void nfmsg_copy(struct nfmsg_queue *q, uint32_t copy);

/* nfmsg_owned() - does the kernel still know the queue as ours? @owner: whose it is now, if so; else 0. */
bool nfmsg_owned(const struct nfmsg_queue *q, uint32_t *owner);

/* nfmsg_bind_again() - ask for the queue that is not ours any more; whether it is, is to be seen later. */
void nfmsg_bind_again(struct nfmsg_queue *q);

/*
 * nfmsg_read() - read what waits, up to at_once messages, without blocking.
 * Return: messages read, 0 if none; overruns are counted and read past.
 */
uint32_t nfmsg_read(struct nfmsg_queue *q, struct nfqueue_stats *stats);

/*
 * nfmsg_packet_at() - the packet in slot @i, after nfmsg_read().
 * Return: false if it is something else; counted, if it should not be.
 */
bool nfmsg_packet_at(struct nfmsg_queue *q, uint32_t i, struct nfmsg_packet *p,
		     struct nfqueue_stats *stats);

/*
 * Verdicts, gathered and sent together. Must be given in the order of the queue: a run of equal
 * ones becomes one batch verdict, which the kernel applies to everything up to its id. A batch has
 * at most NFMSG_SLOTS_MAX packets, each with at most one message.
 */
#define NFMSG_VERDICT_HEADER	  64
#define NFMSG_VERDICT_FLUSH_BYTES (192 * 1024)

struct nfmsg_verdicts {
	struct nfmsg_queue *queue;
	struct nfqueue_stats *stats;
	uint32_t n_iov, n_msg;
	size_t bytes;
	bool in_run;
	uint32_t run_verdict, run_id, last_id;
	struct iovec iov[2 * NFMSG_SLOTS_MAX];
	uint8_t header[NFMSG_SLOTS_MAX][NFMSG_VERDICT_HEADER] __attribute__((aligned(8)));
};

void nfmsg_verdicts_begin(struct nfmsg_verdicts *v, struct nfmsg_queue *q,
			  struct nfqueue_stats *stats);
void nfmsg_verdicts_add(struct nfmsg_verdicts *v, uint32_t id, uint32_t verdict);

/* nfmsg_verdicts_replace() - accept @id as the @len bytes at @data, which must lie in a slot. */
void nfmsg_verdicts_replace(struct nfmsg_verdicts *v, uint32_t id, uint8_t *data, uint32_t len);
void nfmsg_verdicts_end(struct nfmsg_verdicts *v);

#endif
