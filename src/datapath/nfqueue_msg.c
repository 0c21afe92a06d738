/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/nfqueue_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Room for the netlink headers and every attribute before the payload (link layer header, VLAN). */
#define NFMSG_EXTRA 444
/* Netlink pads payloads to four bytes: that much of each slot is never received into. */
#define NFMSG_SLOT_SPARE 4
#define NFMSG_SEND_TRIES 1000

static void put_flags(struct nlmsghdr *nlh)
{
	uint32_t flags = NFQA_CFG_F_GSO;

	mnl_attr_put_u32(nlh, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(nlh, NFQA_CFG_MASK,
			 htonl(flags | NFQA_CFG_F_UID_GID | NFQA_CFG_F_CONNTRACK |
			       NFQA_CFG_F_SECCTX | NFQA_CFG_F_FAIL_OPEN));
}

/*
 * queue_configure() - bind and set all parameters in one message, so that no packet sees the queue
 * half configured. @ack: NLM_F_ACK for an answer also if all is well.
 */
static int queue_configure(struct nfmsg_queue *q, uint32_t copy, uint32_t maxlen, uint16_t ack)
{
	char buf[512] __attribute__((aligned(8))) = {0}; /* the kernel gets the padding, too */
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->number);

	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | ack);
	nfq_nlmsg_cfg_put_cmd(nlh, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, (int)copy);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, maxlen);
	put_flags(nlh);
	if (mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return 0;
}

/* requeue_early() - what came before the answer to our bind goes to the end of its queue. */
static void requeue_early(struct nfmsg_queue *q, uint32_t slot, struct nfqueue_stats *stats)
{
	struct nfmsg_verdicts v;
	struct nfmsg_packet p;

	if (!nfmsg_packet_at(q, slot, &p, stats))
		return;
	nfmsg_verdicts_begin(&v, q, stats);
	nfmsg_verdicts_add(&v, p.id, NF_QUEUE_NR(q->number));
	nfmsg_verdicts_end(&v);
}

/* read_ack() - wait for the answer to queue_configure(). */
static int read_ack(struct nfmsg_queue *q)
{
	struct nfqueue_stats ignored = {0};

	for (;;) {
		ssize_t n = recv(q->fd, q->buf, q->slot_bytes - NFMSG_SLOT_SPARE, 0);
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)q->buf;

		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n < 0)
			return -errno;
		if (mnl_nlmsg_ok(nlh, (int)n) && nlh->nlmsg_type == NLMSG_ERROR &&
		    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nlmsgerr))
			return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
		q->msg[0].msg_len = (unsigned)n;
		q->msg[0].msg_hdr.msg_flags = 0;
		requeue_early(q, 0, &ignored);
	}
}

/* bind_error() - EPERM means want of privileges, or that somebody else has the queue. */
static int bind_error(const struct nfmsg_queue *q, int error)
{
	struct nfqueue_kernel_stats ks;

	if (error == -EPERM && nfqueue_kernel_stats(q->number, &ks) == 0)
		return -EBUSY;
	if (error == -EINVAL) /* nfnetlink knows no such subsystem */
		return -EPROTONOSUPPORT;
	return error;
}

static int queue_socket(struct nfmsg_queue *q, size_t rcvbuf)
{
	int bytes = (int)rcvbuf, on = 1;

	q->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!q->nl)
		return -errno;
	q->fd = mnl_socket_get_fd(q->nl);
	if (mnl_socket_bind(q->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	if (setsockopt(q->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(q->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	/* A message must fit the send buffer, and a verdict carries up to 64 KB. */
	bytes = 1024 * 1024;
	if (setsockopt(q->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(q->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	/*
	 * After an overrun that it has to report, netlink delivers nothing until the whole buffer
	 * was read. We would rather have the packets; the losses stand in user_dropped.
	 */
	mnl_socket_setsockopt(q->nl, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	/* Errors shall not echo 64 KB of verdict. */
	mnl_socket_setsockopt(q->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

static int queue_buffers(struct nfmsg_queue *q, uint32_t slots)
{
	q->slots = q->at_once = slots;
	q->slot_bytes = (NFQUEUE_FULL_COPY + NFMSG_EXTRA + NFMSG_SLOT_SPARE + 63) & ~(size_t)63;
	q->buf = mmap(NULL, q->slots * q->slot_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q->buf == MAP_FAILED) {
		q->buf = NULL;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < slots; i++) {
		/* a flood takes no new pages; but most slots never see a long packet */
		memset(q->buf + i * q->slot_bytes, 0, NFQUEUE_HEADER_COPY + NFMSG_EXTRA);
		q->iov[i].iov_base = q->buf + i * q->slot_bytes;
		q->iov[i].iov_len = q->slot_bytes - NFMSG_SLOT_SPARE;
		q->msg[i].msg_hdr.msg_iov = &q->iov[i];
		q->msg[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

int nfmsg_open(struct nfmsg_queue *q, uint16_t number, uint32_t copy, uint32_t slots,
	       uint32_t maxlen, size_t rcvbuf)
{
	int rc;

	memset(q, 0, sizeof(*q));
	q->fd = -1;
	q->number = number;
	rc = queue_buffers(q, slots);
	if (rc == 0)
		rc = queue_socket(q, rcvbuf);
	if (rc == 0)
		rc = queue_configure(q, copy, maxlen, NLM_F_ACK);
	if (rc == 0) {
		rc = read_ack(q);
		if (rc < 0)
			rc = bind_error(q, rc);
	}
	if (rc < 0)
		nfmsg_close(q);
	q->copy = copy;
	q->maxlen = maxlen;
	return rc;
}

bool nfmsg_owned(const struct nfmsg_queue *q, uint32_t *owner)
{
	struct nfqueue_kernel_stats ks = {0};
	int rc = nfqueue_kernel_stats(q->number, &ks);

	*owner = rc == 0 ? ks.portid : 0;
	/* who cannot look knows nothing */
	return rc != -ENOENT && (rc < 0 || ks.portid == mnl_socket_get_portid(q->nl));
}

void nfmsg_bind_again(struct nfmsg_queue *q)
{
	queue_configure(q, q->copy, q->maxlen, 0);
}

/* adopt_socket() - takes @fd. */
static int adopt_socket(struct nfmsg_queue *q, int fd)
{
	q->nl = mnl_socket_fdopen(fd);
	if (!q->nl) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	q->fd = fd;
	return 0;
}

/*
 * configure_again() - this program may want other parameters than the one before. Without an answer if all
 * is well: it would have to be looked for behind the packets that wait.
 */
static int configure_again(struct nfmsg_queue *q, uint32_t copy, uint32_t maxlen)
{
	char buf[512] __attribute__((aligned(8))) = {0}; /* the kernel gets the padding, too */
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, NFQNL_MSG_CONFIG, q->number);

	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfq_nlmsg_cfg_put_params(nlh, NFQNL_COPY_PACKET, (int)copy);
	nfq_nlmsg_cfg_put_qmaxlen(nlh, maxlen);
	put_flags(nlh);
	return mnl_socket_sendto(q->nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* first_waiting() - the id of the first packet that is still to be read. Return: is there one? */
static bool first_waiting(struct nfmsg_queue *q, uint32_t *id)
{
	struct nfqueue_stats ignored = {0};
	struct nfmsg_packet p;
	ssize_t n;

	for (;;) {
		n = recv(q->fd, q->buf, q->slot_bytes - NFMSG_SLOT_SPARE, MSG_DONTWAIT | MSG_PEEK);
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n <= 0)
			return false;
		q->msg[0].msg_len = (unsigned)n;
		q->msg[0].msg_hdr.msg_flags = 0;
		if (nfmsg_packet_at(q, 0, &p, &ignored)) {
			*id = p.id;
			return true;
		}
		/* the answer to a verdict of the former owner */
		(void)!recv(q->fd, q->buf, q->slot_bytes - NFMSG_SLOT_SPARE, MSG_DONTWAIT);
	}
}

/*
 * requeue_orphans() - packets that the former owner has read and not answered. They are older than the
 * first that waits, or, if none does, not newer than the newest there was before we looked.
 */
static void requeue_orphans(struct nfmsg_queue *q, const struct nfqueue_kernel_stats *ks)
{
	struct nfqueue_stats ignored = {0};
	struct nfmsg_verdicts v;
	uint32_t last = ks->newest_id, first;

	if (ks->waiting == 0)
		return;
	if (first_waiting(q, &first))
		last = first - 1;
	nfmsg_verdicts_begin(&v, q, &ignored);
	nfmsg_verdicts_add(&v, last, NF_QUEUE_NR(q->number));
	nfmsg_verdicts_end(&v);
}

void nfmsg_copy(struct nfmsg_queue *q, uint32_t copy)
{
	if (configure_again(q, copy, q->maxlen) == 0)
		q->copy = copy;
}

int nfmsg_adopt(struct nfmsg_queue *q, int fd, uint16_t number, uint32_t copy, uint32_t slots,
		uint32_t maxlen)
{
	struct nfqueue_kernel_stats ks = {0};
	int rc;

	memset(q, 0, sizeof(*q));
	q->number = number;
	rc = adopt_socket(q, fd);
	if (rc == 0)
		rc = nfqueue_kernel_stats(number, &ks);
	if (rc == -ENOENT || (rc == 0 && ks.portid != mnl_socket_get_portid(q->nl)))
		rc = -ENXIO;
	if (rc == 0)
		rc = queue_buffers(q, slots);
	if (rc == 0)
		rc = configure_again(q, copy, maxlen);
	if (rc < 0) {
		nfmsg_close(q);
		return rc;
	}
	q->adopted = true;
	q->copy = copy;
	q->maxlen = maxlen;
	requeue_orphans(q, &ks);
	return 0;
}

void nfmsg_close(struct nfmsg_queue *q)
{
	if (q->nl)
		mnl_socket_close(q->nl);
	if (q->buf)
		munmap(q->buf, q->slots * q->slot_bytes);
	q->nl = NULL;
	q->buf = NULL;
	q->fd = -1;
}

uint32_t nfmsg_read(struct nfmsg_queue *q, struct nfqueue_stats *stats)
{
	for (;;) {
		int n = recvmmsg(q->fd, q->msg, q->at_once, MSG_DONTWAIT, NULL);

		if (n >= 0)
			return (uint32_t)n;
		if (errno == ENOBUFS)
			stats->overruns++;
		else if (errno != EINTR)
			return 0;
	}
}

/* csum_of() - the checksum state behind NFQA_SKB_INFO. */
static enum pkt_csum csum_of(uint32_t info)
{
	if (info & NFQA_SKB_CSUMNOTREADY)
		return PKT_CSUM_PARTIAL;
	return info & NFQA_SKB_CSUM_NOTVERIFIED ? PKT_CSUM_UNVERIFIED : PKT_CSUM_FULL;
}

/* attr_be32() - an attribute of at least four bytes; 0 if it is shorter. */
static uint32_t attr_be32(const struct nlattr *a)
{
	be32 v = 0;

	if (mnl_attr_get_payload_len(a) >= sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return ntohl(v);
}

/* read_attributes() - fill @p. Return: does the message name a packet? */
static bool read_attributes(const struct nlmsghdr *nlh, struct nfmsg_packet *p)
{
	const struct nlattr *a;
	bool has_id = false;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case NFQA_PACKET_HDR: /* begins with the id */
			p->id = attr_be32(a);
			has_id = mnl_attr_get_payload_len(a) >= sizeof(struct nfqnl_msg_packet_hdr);
			break;
		case NFQA_PAYLOAD:
			p->data = mnl_attr_get_payload(a);
			p->cap_len = mnl_attr_get_payload_len(a);
			break;
		case NFQA_CAP_LEN: /* only there if the payload was cut */
			p->len = attr_be32(a);
			break;
		case NFQA_SKB_INFO:
			p->csum = csum_of(attr_be32(a));
			break;
		default:
			break;
		}
	}
	if (p->len < p->cap_len)
		p->len = p->cap_len;
	return has_id;
}

/* count_error() - the kernel's answer to a verdict that it did not like. */
static void count_error(const struct nlmsghdr *nlh, struct nfqueue_stats *stats)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
		stats->bad_messages++;
	else if (((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error != 0)
		stats->verdict_errors++;
}

bool nfmsg_packet_at(struct nfmsg_queue *q, uint32_t i, struct nfmsg_packet *p,
		     struct nfqueue_stats *stats)
{
	const struct nlmsghdr *nlh = q->iov[i].iov_base;
	bool cut = q->msg[i].msg_hdr.msg_flags & MSG_TRUNC;

	*p = (struct nfmsg_packet){.csum = PKT_CSUM_FULL};
	if (cut || !mnl_nlmsg_ok(nlh, (int)q->msg[i].msg_len)) {
		stats->bad_messages++;
		return false;
	}
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		count_error(nlh, stats);
		return false;
	}
	if (nlh->nlmsg_type != ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET) ||
	    !read_attributes(nlh, p)) {
		stats->bad_messages++;
		return false;
	}
	return true;
}

void nfmsg_verdicts_begin(struct nfmsg_verdicts *v, struct nfmsg_queue *q,
			  struct nfqueue_stats *stats)
{
	v->queue = q;
	v->stats = stats;
	v->n_iov = v->n_msg = 0;
	v->bytes = 0;
	v->in_run = false;
}

/* put_message() - add the head of a verdict message and return it. */
static struct nlmsghdr *put_message(struct nfmsg_verdicts *v, int type, uint32_t id,
				    uint32_t verdict)
{
	char *buf = (char *)v->header[v->n_msg++];
	struct nlmsghdr *nlh = nfq_nlmsg_put(buf, type, v->queue->number);

	nfq_nlmsg_verdict_put(nlh, (int)id, (int)verdict);
	v->iov[v->n_iov++] = (struct iovec){.iov_base = nlh, .iov_len = nlh->nlmsg_len};
	v->bytes += nlh->nlmsg_len;
	return nlh;
}

/* end_run() - one message for all packets of the run. */
static void end_run(struct nfmsg_verdicts *v)
{
	if (v->in_run)
		put_message(v, NFQNL_MSG_VERDICT_BATCH, v->run_id, v->run_verdict);
	v->in_run = false;
}

static int send_iov(struct nfmsg_verdicts *v, struct iovec *iov, size_t n)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = iov,
		.msg_iovlen = n,
	};

	while (sendmsg(v->queue->fd, &msg, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/*
 * drop_all() - for want of memory the verdicts could not be sent: what they were about is dropped,
 * because a packet without a verdict stays in the kernel and gets the next batch verdict, whatever
 * that says. This message is small; it is tried until it goes.
 */
static void drop_all(struct nfmsg_verdicts *v)
{
	struct iovec *iov = v->iov;
	int tries = 0;

	v->n_msg = v->n_iov = 0;
	put_message(v, NFQNL_MSG_VERDICT_BATCH, v->last_id, NF_DROP);
	while (send_iov(v, iov, 1) < 0 && tries++ < NFMSG_SEND_TRIES) {
		v->stats->send_retries++;
		sched_yield();
	}
}

/* send_all() - hand everything gathered to the kernel. */
static void send_all(struct nfmsg_verdicts *v)
{
	int tries = 0;

	end_run(v);
	while (v->n_iov > 0 && send_iov(v, v->iov, v->n_iov) < 0) {
		v->stats->send_retries++;
		if (++tries < 4) {
			sched_yield();
			continue;
		}
		drop_all(v);
		break;
	}
	v->n_iov = v->n_msg = 0;
	v->bytes = 0;
}

void nfmsg_verdicts_add(struct nfmsg_verdicts *v, uint32_t id, uint32_t verdict)
{
	if (v->in_run && v->run_verdict != verdict)
		end_run(v);
	v->in_run = true;
	v->run_verdict = verdict;
	v->run_id = v->last_id = id;
}

void nfmsg_verdicts_replace(struct nfmsg_verdicts *v, uint32_t id, uint8_t *data, uint32_t len)
{
	size_t padded = MNL_ALIGN(len);
	struct nlmsghdr *nlh;
	struct nlattr *a;

	end_run(v);
	if (v->bytes + padded > NFMSG_VERDICT_FLUSH_BYTES)
		send_all(v);
	v->last_id = id;
	nlh = put_message(v, NFQNL_MSG_VERDICT, id, NF_ACCEPT);
	a = mnl_nlmsg_get_payload_tail(nlh);
	a->nla_type = NFQA_PAYLOAD;
	a->nla_len = (uint16_t)(MNL_ATTR_HDRLEN + len);
	nlh->nlmsg_len += MNL_ATTR_HDRLEN + padded;
	v->iov[v->n_iov - 1].iov_len += MNL_ATTR_HDRLEN;
	v->iov[v->n_iov++] = (struct iovec){.iov_base = data, .iov_len = padded};
	v->bytes += MNL_ATTR_HDRLEN + padded;
	v->stats->replaced++;
}

void nfmsg_verdicts_end(struct nfmsg_verdicts *v)
{
	send_all(v);
}
