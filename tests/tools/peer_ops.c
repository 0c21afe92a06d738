/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The operations: what the client and the server each do on a connection. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#define PINGS_MAX 2000000u

/* The server's stream uses a seed of its own, so that an echo would not pass for an answer. */
static uint64_t other_seed(const struct conn *c)
{
	return c->seed ^ 0x5bd1e9955bd1e995u;
}

/* get: the server sends and closes first. */
static void get_client(struct conn *c)
{
	c->ok = conn_pump(c, 0, 0, other_seed(c), UNTIL_EOF) && c->received == c->bytes;
}

static void get_server(struct conn *c)
{
	c->ok = conn_pump(c, other_seed(c), c->bytes, 0, 0);
	shutdown(c->fd, SHUT_WR);
	c->ok = conn_finish(c) && c->ok;
}

/* put: the client sends, the server confirms with one byte, the client closes first. */
static void put_client(struct conn *c)
{
	c->ok = conn_pump(c, c->seed, c->bytes, 0, 0) && conn_pump(c, 0, 0, other_seed(c), 1);
	shutdown(c->fd, SHUT_WR);
	c->ok = c->ok && conn_finish(c);
}

static void put_server(struct conn *c)
{
	c->ok = conn_pump(c, 0, 0, c->seed, c->bytes) && conn_pump(c, other_seed(c), 1, 0, 0) &&
		conn_finish(c);
}

/* both: both send at the same time; the client closes first. */
static void both_client(struct conn *c)
{
	c->ok = conn_pump(c, c->seed, c->bytes, other_seed(c), c->bytes);
	shutdown(c->fd, SHUT_WR);
	c->ok = c->ok && conn_finish(c);
}

static void both_server(struct conn *c)
{
	c->ok = conn_pump(c, other_seed(c), c->bytes, c->seed, c->bytes) && conn_finish(c);
}

/* half-client: the client sends and closes its half; only then does the server send. */
static void half_client_client(struct conn *c)
{
	c->ok = conn_pump(c, c->seed, c->bytes, 0, 0);
	shutdown(c->fd, SHUT_WR);
	c->ok = c->ok && conn_pump(c, 0, 0, other_seed(c), UNTIL_EOF) && c->received == c->bytes;
}

static void half_client_server(struct conn *c)
{
	c->ok = conn_pump(c, 0, 0, c->seed, UNTIL_EOF) && c->received == c->bytes;
	c->end = END_OPEN;
	c->ok = c->ok && conn_pump(c, other_seed(c), c->bytes, 0, 0);
	if (c->ok)
		c->end = END_FIN;
}

/* half-server: the server sends and closes its half; only then does the client send. */
static void half_server_client(struct conn *c)
{
	c->ok = conn_pump(c, 0, 0, other_seed(c), UNTIL_EOF) && c->received == c->bytes;
	c->end = END_OPEN;
	c->ok = c->ok && conn_pump(c, c->seed, c->bytes, 0, 0);
	if (c->ok)
		c->end = END_FIN;
}

static void half_server_server(struct conn *c)
{
	c->ok = conn_pump(c, other_seed(c), c->bytes, 0, 0);
	shutdown(c->fd, SHUT_WR);
	c->ok = c->ok && conn_pump(c, 0, 0, c->seed, UNTIL_EOF) && c->received == c->bytes;
}

/* simul: both exchange data, then both close at the same moment, so that the FINs cross. */
static void simul_close(struct conn *c)
{
	sleep_until_us(c->time_us < c->deadline ? c->time_us : c->deadline);
	shutdown(c->fd, SHUT_WR);
	c->ok = conn_finish(c) && c->ok;
}

static void simul_client(struct conn *c)
{
	c->ok = conn_pump(c, c->seed, c->bytes, other_seed(c), c->bytes);
	simul_close(c);
}

static void simul_server(struct conn *c)
{
	c->ok = conn_pump(c, other_seed(c), c->bytes, c->seed, c->bytes);
	simul_close(c);
}

/* rst-client: the client sends, waits for one byte, and resets. */
static void rst_client_client(struct conn *c)
{
	c->ok = conn_pump(c, c->seed, c->bytes, 0, 0) && conn_pump(c, 0, 0, other_seed(c), 1);
	socket_reset_on_close(c->fd);
}

static void rst_client_server(struct conn *c)
{
	if (conn_pump(c, 0, 0, c->seed, c->bytes) && conn_pump(c, other_seed(c), 1, 0, 0))
		conn_finish(c);
	c->ok = c->end == END_RESET && c->received == c->bytes;
}

/* rst-server: the server sends, waits for one byte, and resets. */
static void rst_server_client(struct conn *c)
{
	if (conn_pump(c, 0, 0, other_seed(c), c->bytes) && conn_pump(c, c->seed, 1, 0, 0))
		conn_finish(c);
	c->ok = c->end == END_RESET && c->received == c->bytes;
}

static void rst_server_server(struct conn *c)
{
	c->ok = conn_pump(c, other_seed(c), c->bytes, 0, 0) && conn_pump(c, 0, 0, c->seed, 1);
	socket_reset_on_close(c->fd);
}

static void summarize_rtts(struct conn *c, uint32_t *rtt)
{
	sort_values(rtt, c->pings);
	c->rtt_p50_us = percentile(rtt, c->pings, 50);
	c->rtt_p99_us = percentile(rtt, c->pings, 99);
	c->rtt_max_us = percentile(rtt, c->pings, 100);
}

/* ping: one byte there and back, again and again until the time is over; @bytes is not used. */
static void ping_client(struct conn *c)
{
	uint32_t *rtt = calloc(PINGS_MAX, sizeof(*rtt));
	uint64_t next = now_us(), stop = c->time_us, sent_us;
	uint8_t byte;

	if (!rtt)
		die("out of memory");
	c->ok = true;
	while (c->ok && next < stop && c->pings < PINGS_MAX) {
		sleep_until_us(next);
		sent_us = now_us();
		byte = (uint8_t)c->pings;
		c->ok = conn_write(c, &byte, 1);
		if (!c->ok)
			break;
		c->deadline = now_us() + 10000000;
		struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
		uint8_t answer = (uint8_t)~byte;

		poll(&pfd, 1, 10000);
		c->ok = recv(c->fd, &answer, 1, MSG_DONTWAIT) == 1 && answer == byte;
		if (!c->ok) {
			c->error = errno;
			c->end = errno == ECONNRESET ? END_RESET : END_ERROR;
			break;
		}
		rtt[c->pings++] = (uint32_t)(now_us() - sent_us);
		next += c->interval_us;
		if (next < now_us())
			next = now_us();
	}
	summarize_rtts(c, rtt);
	free(rtt);
	shutdown(c->fd, SHUT_WR);
	c->ok = c->ok && conn_finish(c);
}

static void ping_server(struct conn *c)
{
	uint8_t buf[512];
	ssize_t n;

	while ((n = recv(c->fd, buf, sizeof(buf), 0)) > 0) {
		c->deadline = now_us() + 60000000;
		if (!conn_write(c, buf, (size_t)n))
			return;
	}
	c->ok = n == 0;
	c->end = n == 0 ? END_FIN : END_RESET;
}

const struct operation operations[] = {
	{"get", "the server sends and closes first", get_client, get_server},
	{"put", "the client sends and closes first", put_client, put_server},
	{"both", "both send at once, the client closes first", both_client, both_server},
	{"half-client", "the client sends and closes its half, then the server sends",
	 half_client_client, half_client_server},
	{"half-server", "the server sends and closes its half, then the client sends",
	 half_server_client, half_server_server},
	{"simul", "both send, then both close at the same moment", simul_client, simul_server},
	{"rst-client", "the client sends and resets", rst_client_client, rst_client_server},
	{"rst-server", "the server sends and resets", rst_server_client, rst_server_server},
	{"ping", "one byte back and forth for --seconds, its time measured", ping_client,
	 ping_server},
	{0},
};

const struct operation *operation_find(const char *name)
{
	const struct operation *o;

	for (o = operations; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}
