/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seeded stream, and moving it over a socket in both directions at once. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define CHUNK 65536

bool socket_option(struct socket_options *o, int c)
{
	switch (c) {
	case 'm':
		o->mss = (int)parse_number("--mss", optarg, 88, 32767);
		return true;
	case 'r':
		o->rcvbuf = (int)parse_number("--rcvbuf", optarg, 1, 1 << 30);
		return true;
	case 's':
		o->sndbuf = (int)parse_number("--sndbuf", optarg, 1, 1 << 30);
		return true;
	case 'w':
		o->window_clamp = (int)parse_number("--window-clamp", optarg, 1, 1 << 30);
		return true;
	case 'F':
		o->fastopen = true;
		return true;
	case 'M':
		o->mptcp = true;
		return true;
	default:
		return false;
	}
}

int socket_open(int family, const struct socket_options *o)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, o->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);

	if (fd < 0)
		die("socket: %s", strerror(errno));
	return fd;
}

void socket_apply(int fd, const struct socket_options *o)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (o->mss && setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &o->mss, sizeof(int)))
		die("TCP_MAXSEG %d: %s", o->mss, strerror(errno));
	if (o->rcvbuf && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->rcvbuf, sizeof(int)))
		die("SO_RCVBUF %d: %s", o->rcvbuf, strerror(errno));
	if (o->sndbuf && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->sndbuf, sizeof(int)))
		die("SO_SNDBUF %d: %s", o->sndbuf, strerror(errno));
	if (o->window_clamp &&
	    setsockopt(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, &o->window_clamp, sizeof(int)))
		die("TCP_WINDOW_CLAMP %d: %s", o->window_clamp, strerror(errno));
	if (o->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

void socket_reset_on_close(int fd)
{
	struct linger l = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static uint64_t stream_word(const struct stream *s, uint64_t index)
{
	uint64_t state = s->seed + index * 0x9e3779b97f4a7c15u;

	return rng_next(&state);
}

void stream_fill(struct stream *s, uint8_t *buf, size_t n)
{
	uint64_t word;
	size_t skip, take;

	while (n) {
		word = stream_word(s, s->position / 8);
		skip = s->position % 8;
		take = 8 - skip < n ? 8 - skip : n;
		memcpy(buf, (uint8_t *)&word + skip, take);
		buf += take;
		n -= take;
		s->position += take;
	}
}

bool stream_check(struct stream *s, const uint8_t *buf, size_t n)
{
	uint8_t expected[CHUNK];
	size_t take, i;

	while (n) {
		take = n < sizeof(expected) ? n : sizeof(expected);
		stream_fill(s, expected, take);
		if (memcmp(expected, buf, take) != 0) {
			for (i = 0; expected[i] == buf[i]; i++)
				;
			s->position -= take - i;
			return false;
		}
		buf += take;
		n -= take;
	}
	return true;
}

const char *conn_end_name(enum conn_end end)
{
	static const char *const name[] = {"open",    "fin",	  "reset", "refused",
					   "timeout", "mismatch", "error"};

	return name[end];
}

static void fail_errno(struct conn *c, int error)
{
	c->error = error;
	if (error == ECONNRESET || error == EPIPE)
		c->end = END_RESET;
	else if (error == ECONNREFUSED)
		c->end = END_REFUSED;
	else if (error == ETIMEDOUT)
		c->end = END_TIMEOUT;
	else
		c->end = END_ERROR;
}

/* wait_for() - poll until one of @events or the deadline. Return: events, 0 with end set. */
static int wait_for(struct conn *c, short events)
{
	struct pollfd pfd = {.fd = c->fd, .events = events};
	uint64_t now = now_us(), start = now;
	int n = 0;

	while (now < c->deadline && n == 0) {
		n = poll(&pfd, 1, (int)((c->deadline - now) / 1000) + 1);
		if (n < 0 && errno == EINTR)
			n = 0;
		now = now_us();
	}
	if (now - start > c->max_gap_us)
		c->max_gap_us = now - start;
	if (n > 0)
		return pfd.revents;
	c->end = END_TIMEOUT;
	return 0;
}

/* One round of sending. Return: bytes sent, 0 if it would block, -1 with end set. */
static ssize_t send_some(struct conn *c, struct stream *tx, uint64_t left)
{
	uint8_t buf[CHUNK];
	struct stream copy = *tx;
	ssize_t n;

	stream_fill(&copy, buf, left < CHUNK ? left : CHUNK);
	n = send(c->fd, buf, left < CHUNK ? left : CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		fail_errno(c, errno);
		return -1;
	}
	tx->position += (uint64_t)n;
	c->sent += (uint64_t)n;
	return n;
}

static ssize_t receive_some(struct conn *c, struct stream *rx, uint64_t left)
{
	uint8_t buf[CHUNK];
	ssize_t n = recv(c->fd, buf, left < CHUNK ? left : CHUNK, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		fail_errno(c, errno);
		return -1;
	}
	if (n == 0) {
		c->end = END_FIN;
		return -1;
	}
	if (!c->first_byte_us)
		c->first_byte_us = now_us();
	c->received += (uint64_t)n;
	if (!stream_check(rx, buf, (size_t)n)) {
		c->end = END_MISMATCH;
		return -1;
	}
	return n;
}

bool conn_pump(struct conn *c, uint64_t tx_seed, uint64_t tx, uint64_t rx_seed, uint64_t rx)
{
	struct stream out = {.seed = tx_seed}, in = {.seed = rx_seed};
	ssize_t n;
	int events;

	while (tx || rx) {
		events = wait_for(c, (short)((tx ? POLLOUT : 0) | (rx ? POLLIN : 0)));
		if (!events)
			return false;
		if (rx && (events & (POLLIN | POLLHUP | POLLERR))) {
			n = receive_some(c, &in, rx);
			if (n < 0 && c->end == END_FIN && rx == UNTIL_EOF && !tx)
				return true;
			if (n < 0)
				return false;
			if (rx != UNTIL_EOF)
				rx -= (uint64_t)n;
		}
		if (tx && (events & (POLLOUT | POLLHUP | POLLERR))) {
			n = send_some(c, &out, tx);
			if (n < 0)
				return false;
			tx -= (uint64_t)n;
		}
	}
	return true;
}

bool conn_finish(struct conn *c)
{
	uint64_t before = c->received;

	return conn_pump(c, 0, 0, 0, UNTIL_EOF) && c->received == before;
}

bool conn_read_line(struct conn *c, char line[PEER_LINE_MAX])
{
	size_t used = 0;
	ssize_t n;

	while (used + 1 < PEER_LINE_MAX) {
		if (!wait_for(c, POLLIN))
			return false;
		n = recv(c->fd, line + used, 1, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			c->end = END_FIN;
			if (n < 0)
				fail_errno(c, errno);
			return false;
		}
		if (!c->first_byte_us)
			c->first_byte_us = now_us();
		if (line[used++] == '\n') {
			line[used - 1] = '\0';
			return true;
		}
	}
	c->end = END_MISMATCH;
	return false;
}

bool conn_write(struct conn *c, const void *data, size_t n)
{
	const uint8_t *p = data;
	ssize_t done;

	while (n) {
		if (!wait_for(c, POLLOUT))
			return false;
		done = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (done < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (done < 0) {
			fail_errno(c, errno);
			return false;
		}
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static int compare_values(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void sort_values(uint32_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_values);
}

uint64_t percentile(const uint32_t *sorted, size_t n, double p)
{
	size_t rank = (size_t)(p / 100 * (double)n);

	return n ? sorted[rank < n ? rank : n - 1] : 0;
}
