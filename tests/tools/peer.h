/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer: both ends of a TCP connection, doing what curl and nginx cannot be asked to do.
 *
 * The client sends one line, "OPERATION BYTES SEED TIME\n", and both ends then play their part of
 * that operation. Data is a byte stream that only depends on the seed, so each end checks every
 * byte it receives against what it should be.
 */
#ifndef TCPGUARD_TESTS_TOOLS_PEER_H
#define TCPGUARD_TESTS_TOOLS_PEER_H

#include <stddef.h>

#include "util.h"

#define PEER_LINE_MAX  128
#define PEER_BYTES_MAX (1ull << 40)

/* What is set on a socket before it connects or listens; 0 leaves it alone. */
struct socket_options {
	int mss, rcvbuf, sndbuf, window_clamp, tos;
	bool nodelay, mptcp, fastopen;
};

/*
 * socket_option() - take the command-line option @c (m r s w F M, as in the tables of server and
 * client) with its argument in optarg. Return: false if it is none of these.
 */
bool socket_option(struct socket_options *o, int c);

/* socket_open() - a TCP socket of that family; exits with a sentence when there is none. */
int socket_open(int family, const struct socket_options *o);

void socket_apply(int fd, const struct socket_options *o);
void socket_reset_on_close(int fd); /* SO_LINGER 0: close() sends RST */

/* The seeded stream: byte n depends on seed and n alone. */
struct stream {
	uint64_t seed, position;
};

void stream_fill(struct stream *s, uint8_t *buf, size_t n);

/* stream_check() - does @buf continue @s? Return: true, or false with @position at the difference. */
bool stream_check(struct stream *s, const uint8_t *buf, size_t n);

enum conn_end {
	END_OPEN, /* not yet */
	END_FIN, /* the other side has closed */
	END_RESET, /* it has reset the connection */
	END_REFUSED, /* it refused it */
	END_TIMEOUT, /* our patience ended */
	END_MISMATCH, /* a byte was wrong */
	END_ERROR, /* anything else; errno in @error */
};

const char *conn_end_name(enum conn_end end);

/* One connection at one of its ends. */
struct conn {
	int fd;
	const char *operation;
	uint64_t bytes, seed, time_us; /* of the command line */
	uint64_t deadline; /* monotonic */
	uint64_t interval_us; /* of pings */

	enum conn_end end;
	int error;
	bool ok;
	uint64_t sent, received;
	uint64_t first_byte_us; /* monotonic; 0: none yet */
	uint64_t max_gap_us; /* longest time without progress in either direction */
	uint64_t pings, rtt_p50_us, rtt_p99_us, rtt_max_us;
};

#define UNTIL_EOF UINT64_MAX

/*
 * conn_pump() - send @tx bytes of the stream and receive @rx of it, both at the same time.
 * @tx_seed, @rx_seed: of the two streams.
 * @rx: UNTIL_EOF reads to the end.
 * Return: true when all was sent and received; else c->end says why not.
 */
bool conn_pump(struct conn *c, uint64_t tx_seed, uint64_t tx, uint64_t rx_seed, uint64_t rx);

/* conn_finish() - true when nothing but the end of the stream follows. */
bool conn_finish(struct conn *c);

/* conn_read_line(), conn_write() - false with c->end set on failure. */
bool conn_read_line(struct conn *c, char line[PEER_LINE_MAX]);
bool conn_write(struct conn *c, const void *data, size_t n);

struct operation {
	const char *name, *what;
	void (*client)(struct conn *c); /* set c->ok */
	void (*server)(struct conn *c);
};

extern const struct operation operations[]; /* ends with a NULL name */
const struct operation *operation_find(const char *name);

/* percentile() - of @n sorted values. sort_values() sorts them. */
uint64_t percentile(const uint32_t *sorted, size_t n, double p);
void sort_values(uint32_t *values, size_t n);

int server_main(int argc, char **argv);
int client_main(int argc, char **argv);
int load_main(int argc, char **argv);

#endif
