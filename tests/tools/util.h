/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small things that all laboratory tools need. They share nothing with the daemon, on purpose. */
#ifndef TCPGUARD_TESTS_TOOLS_UTIL_H
#define TCPGUARD_TESTS_TOOLS_UTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct endpoint {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* die() - one sentence on standard error, exit 1. usage_error() - the same with exit 2. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void usage_error(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* now_us() - CLOCK_MONOTONIC; realtime_us() - CLOCK_REALTIME; both in microseconds. */
uint64_t now_us(void);
uint64_t realtime_us(void);

/* sleep_until_us() - until that time on the monotonic clock. */
void sleep_until_us(uint64_t when);

/* rng_next() - SplitMix64; @state is the seed at first. */
static inline uint64_t rng_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* parse_number() - decimal with an optional k, M or G behind; exits with usage_error() outside of
 * @min..@max. @what names the option. */
uint64_t parse_number(const char *what, const char *text, uint64_t min, uint64_t max);

/* parse_seconds() - "1.5", "20ms", "300us", "2s" to microseconds; at most @max_us. */
uint64_t parse_seconds(const char *what, const char *text, uint64_t max_us);

/* parse_address() - numeric IPv4 or IPv6 address and a port to an endpoint; usage_error() else. */
void parse_address(struct endpoint *e, const char *address, uint16_t port);

/* parse_endpoint() - "192.0.2.1:80", "[2001:db8::1]:80" or, where allowed, without a port. */
void parse_endpoint(struct endpoint *e, const char *text, bool port_optional);

uint16_t endpoint_port(const struct endpoint *e);
void endpoint_set_port(struct endpoint *e, uint16_t port);

/*
 * connect_again() - like connect(). With @one_port for all it may be that the last connection's end has
 * not been acknowledged yet: then this host itself refuses, and only waiting helps, for 100 ms at most.
 * @start_us: set to when the last attempt began, if there was more than one.
 */
int connect_again(int fd, const struct endpoint *to, bool one_port, uint64_t *start_us);

/* in_initial_netns() - true too where it cannot be told. */
bool in_initial_netns(void);

bool endpoint_is_loopback(const struct endpoint *e);

/*
 * refuse_strangers() - exits unless neither packets to @dst nor the answers to @from can leave the
 * laboratory: both are loopback addresses (the answer to a forged source would leave even if the
 * SYN came over loopback), or this is a network namespace other than the initial one, or @owned.
 * @from: NULL stands for sources from anywhere.
 */
void refuse_strangers(const struct endpoint *dst, const struct endpoint *from, bool owned);

#endif
