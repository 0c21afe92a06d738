/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "datapath/inject.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER_BYTES (8 * 1024 * 1024)
#define BATCH		  GUARD_TX_MAX

/* raw_socket() - Return: a descriptor or a negative errno. */
static int raw_socket(int family, uint32_t mark)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	int on = 1, bytes = SEND_BUFFER_BYTES, rc;

	if (fd < 0)
		return -errno;
	/* IPPROTO_RAW implies the IPv4 header, IPv6 wants to be asked (RFC 3542 has no such option). */
	if (family == AF_INET6)
		rc = setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on));
	else
		rc = setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
	if (rc == 0)
		rc = setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	/* or nobody would say how much a link carries; without it, see link_mtu() */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	if (rc < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return fd;
}

int inject_open(struct inject *in, uint32_t mark)
{
	memset(in, 0, sizeof(*in));
	in->fd6 = -1;
	in->fd4 = raw_socket(AF_INET, mark);
	if (in->fd4 < 0)
		return in->fd4;
	in->fd6 = raw_socket(AF_INET6, mark);
	if (in->fd6 < 0 && in->fd6 != -EAFNOSUPPORT) {
		int rc = in->fd6;

		in->fd6 = -1;
		inject_close(in);
		return rc;
	}
	return 0;
}

void inject_close(struct inject *in)
{
	if (in->fd4 >= 0)
		close(in->fd4);
	if (in->fd6 >= 0)
		close(in->fd6);
	in->fd4 = in->fd6 = -1;
}

/* Where the packets of one sendmmsg() call go. */
struct batch {
	uint32_t n;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH][2]; /* headers, or all of it; payload */
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to[BATCH];
};

/*
 * batch_add() - the destination is read from the IP header at its fixed place.
 * @payload: behind the @head_len bytes at @head; @len may be 0.
 */
static void batch_add(struct batch *b, int family, const uint8_t *head, uint32_t head_len,
		      const uint8_t *payload, uint32_t len)
{
	uint32_t i = b->n++;
	struct msghdr *h = &b->msg[i].msg_hdr;

	b->iov[i][0] = (struct iovec){.iov_base = (void *)head, .iov_len = head_len};
	b->iov[i][1] = (struct iovec){.iov_base = (void *)payload, .iov_len = len};
	*h = (struct msghdr){
		.msg_iov = b->iov[i], .msg_iovlen = 1 + (len > 0), .msg_name = &b->to[i]};
	if (family == 4) {
		b->to[i].v4 = (struct sockaddr_in){.sin_family = AF_INET};
		memcpy(&b->to[i].v4.sin_addr, head + 16, 4);
		h->msg_namelen = sizeof(b->to[i].v4);
	} else {
		b->to[i].v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
		memcpy(&b->to[i].v6.sin6_addr, head + 24, 16);
		h->msg_namelen = sizeof(b->to[i].v6);
	}
}

/* error_mtu() - of what was read from an error queue; 0 if it does not say. */
static uint32_t error_mtu(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct sock_extended_err e;

		if (c->cmsg_type != IP_RECVERR && c->cmsg_type != IPV6_RECVERR)
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_errno == EMSGSIZE)
			return e.ee_info;
	}
	return 0;
}

/*
 * link_mtu() - of the packet of @len bytes that was just refused. The last entry of the error queue tells.
 * When that is full, or the kernel says nothing, something smaller is tried.
 */
static uint32_t link_mtu(int fd, uint32_t len)
{
	uint32_t mtu = 0;
	ssize_t n;

	do {
		char control[256];
		struct msghdr h = {.msg_control = control, .msg_controllen = sizeof(control)};

		n = recvmsg(fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n >= 0)
			mtu = error_mtu(&h) ? error_mtu(&h) : mtu;
	} while (n >= 0);
	return mtu && mtu < len ? mtu : len - len / 8;
}

/* keep_too_big() - whoever made the packet shall know. */
static void keep_too_big(struct inject *in, int fd, const struct msghdr *h)
{
	const struct iovec *head = h->msg_iov;
	uint32_t whole = (uint32_t)head->iov_len;
	struct inject_too_big *b;

	if (h->msg_iovlen > 1)
		whole += (uint32_t)head[1].iov_len;
	if (in->n_too_big == INJECT_TOO_BIG_MAX)
		return;
	b = &in->too_big[in->n_too_big++];
	b->mtu = link_mtu(fd, whole);
	b->whole = whole;
	b->len = (uint16_t)(head->iov_len < sizeof(b->data) ? head->iov_len : sizeof(b->data));
	memcpy(b->data, head->iov_base, b->len);
}

static void count_error(struct inject_stats *s, int error)
{
	s->errors++;
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EINVAL:
		s->no_route++;
		break;
	case EPERM:
	case EACCES:
		s->refused++;
		break;
	case ENOBUFS:
	case EAGAIN:
	case ENOMEM:
		s->no_room++;
		break;
	case EMSGSIZE:
		s->too_big++;
		break;
	default:
		break;
	}
}

/* batch_send() - all of @b through @fd; sendmmsg() stops at an error, which costs one packet. */
static uint32_t batch_send(struct inject *in, int fd, struct batch *b)
{
	uint32_t next = 0, sent = 0;

	while (next < b->n) {
		int n = sendmmsg(fd, b->msg + next, b->n - next, MSG_DONTWAIT);

		if (n > 0) {
			next += (uint32_t)n;
			sent += (uint32_t)n;
		} else if (n == 0 || errno != EINTR) {
			count_error(&in->stats, errno);
			if (errno == EMSGSIZE)
				keep_too_big(in, fd, &b->msg[next].msg_hdr);
			next++;
		}
	}
	b->n = 0;
	in->stats.sent += sent;
	return sent;
}

static int fd_of(const struct inject *in, int family)
{
	return family == 4 ? in->fd4 : in->fd6;
}

uint32_t inject_send(struct inject *in, const struct guard_tx *tx, uint32_t n)
{
	struct batch b;
	uint32_t sent = 0;

	for (int family = 4; family <= 6; family += 2) {
		int fd = fd_of(in, family);

		b.n = 0;
		for (uint32_t i = 0; i < n; i++) {
			if (tx[i].family != family)
				continue;
			if (fd < 0) {
				count_error(&in->stats, ENETUNREACH);
				continue;
			}
			batch_add(&b, family, tx[i].data, tx[i].len, NULL, 0);
			if (b.n == BATCH)
				sent += batch_send(in, fd, &b);
		}
		sent += batch_send(in, fd, &b);
	}
	return sent;
}

uint32_t inject_segments(struct inject *in, int family, const struct cut_segment *s, uint32_t n)
{
	int fd = fd_of(in, family);
	struct batch b;
	uint32_t sent = 0;

	b.n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (fd < 0) {
			count_error(&in->stats, ENETUNREACH);
			continue;
		}
		batch_add(&b, family, s[i].headers, s[i].headers_len, s[i].payload, s[i].len);
		if (b.n == BATCH)
			sent += batch_send(in, fd, &b);
	}
	return sent + batch_send(in, fd, &b);
}
