/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A control server with made-up guards behind it, its loop in a thread of its own, and clients on
 * real sockets. One at a time: every test runs in a process of its own.
 */
#ifndef TCPGUARD_TESTS_CTL_LIVE_H
#define TCPGUARD_TESTS_CTL_LIVE_H

#include <check.h>
#include <jansson.h>
#include <pthread.h>

#include "fake.h"

#define NOBODY 65534

extern struct fake fake;
extern struct ctl_server *server;
extern char dir[64], path[128]; /* of the socket */

/* make_path() - a directory for a socket, and its path. */
void make_path(void);

/* start() - a daemon with @workers workers of @flows flows each; @limits may be NULL. */
void start(uint32_t workers, uint32_t flows, const struct ctl_limits *limits);

/* stop() - end it; its socket must be gone then. */
void stop(void);

/* stop_leaving() - likewise, whatever stands where the socket was. */
void stop_leaving(void);

/* default_limits() - but followers hear at once. */
struct ctl_limits default_limits(void);

int64_t now_ms(void);

/* dial() - Return: a connection, or -1. */
int dial(void);

void say_bytes(int fd, const void *bytes, size_t len);
void say(int fd, const char *text);

/* next_line() - Return: a line without its line feed, valid until the next call; NULL at the end. */
char *next_line(int fd);

/* next_row() - the next line of a reply that goes on, parsed. */
json_t *next_row(int fd);

struct reply {
	char *text; /* rows, zero-terminated, without the last line */
	size_t rows;
	char last[600];
};

/* listen_to() - read one reply to its last line, or to the end of the connection: then last is "". */
struct reply listen_to(int fd);

struct reply ask_on(int fd, const char *request);
struct reply ask(const char *request);

/* row() - the row @i of a reply, parsed. */
json_t *row(const struct reply *r, size_t i);

/* Members that must be there. */
long long number(const json_t *j, const char *key);
const char *string(const json_t *j, const char *key);

/* expect_last() - @request is answered by a last line that begins with @last. */
void expect_last(const char *request, const char *last);

/* gone() - has the server dropped @fd, within @ms? What it still says is swallowed. */
bool gone(int fd, int ms);

bool clients_become(uint32_t n, int ms);

/* The suites' parts. */
void add_answers(Suite *s);
void add_attacks(Suite *s);
void add_events(Suite *s);
void add_clients(Suite *s);
void add_dumps(Suite *s);
void add_rights(Suite *s);
TCase *new_case(Suite *s, const char *name);

#endif
