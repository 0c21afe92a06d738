/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

static void complain(const char *fmt, va_list args)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	exit(1);
}

void usage_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(fmt, args);
	va_end(args);
	fprintf(stderr, "try '%s --help'\n", program_invocation_short_name);
	exit(2);
}

static uint64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t realtime_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void sleep_until_us(uint64_t when)
{
	struct timespec ts = {
		.tv_sec = (time_t)(when / 1000000),
		.tv_nsec = (long)(when % 1000000) * 1000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

uint64_t parse_number(const char *what, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (end == text || *text == '-' || errno)
		usage_error("%s: '%s' is not a number", what, text);
	if (*end == 'k')
		n *= 1000, end++;
	else if (*end == 'M')
		n *= 1000000, end++;
	else if (*end == 'G')
		n *= 1000000000, end++;
	if (*end)
		usage_error("%s: '%s' is not a number", what, text);
	if (n < min || n > max)
		usage_error("%s: %s is not between %llu and %llu", what, text,
			    (unsigned long long)min, (unsigned long long)max);
	return n;
}

uint64_t parse_seconds(const char *what, const char *text, uint64_t max_us)
{
	char *end;
	double v = strtod(text, &end), unit = 1e6;

	if (!strcmp(end, "ms"))
		unit = 1e3;
	else if (!strcmp(end, "us"))
		unit = 1;
	else if (*end && strcmp(end, "s") != 0)
		end = (char *)text;
	if (end == text || !(v >= 0))
		usage_error("%s: '%s' is not a time such as 1.5, 20ms or 300us", what, text);
	if (v * unit > (double)max_us)
		usage_error("%s: '%s' is more than %llu us", what, text,
			    (unsigned long long)max_us);
	return (uint64_t)(v * unit);
}

void parse_address(struct endpoint *e, const char *address, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->sa;

	memset(e, 0, sizeof(*e));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		e->len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		e->len = sizeof(*v6);
	} else {
		usage_error("'%s' is not an IPv4 or IPv6 address", address);
	}
}

void parse_endpoint(struct endpoint *e, const char *text, bool port_optional)
{
	char host[64];
	const char *end = text, *port = NULL;
	size_t n;

	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end)
			usage_error("'[%s' lacks its ']'", text);
		if (end[1] == ':')
			port = end + 2;
	} else {
		end = strrchr(text, ':');
		if (end && strchr(text, ':') != end) /* a bare IPv6 address */
			end = NULL;
		if (end)
			port = end + 1;
		else
			end = text + strlen(text);
	}
	if (!port && !port_optional)
		usage_error("'%s' lacks a port, as in 192.0.2.1:80 or [2001:db8::1]:80", text);
	n = (size_t)(end - text);
	if (n >= sizeof(host))
		usage_error("'%s' is not an address", text);
	memcpy(host, text, n);
	host[n] = '\0';
	parse_address(e, host, port ? (uint16_t)parse_number("port", port, 0, 65535) : 0);
}

/* sin_port and sin6_port lie at the same place. */
uint16_t endpoint_port(const struct endpoint *e)
{
	return ntohs(((const struct sockaddr_in *)&e->sa)->sin_port);
}

void endpoint_set_port(struct endpoint *e, uint16_t port)
{
	((struct sockaddr_in *)&e->sa)->sin_port = htons(port);
}

/*
 * Where process 1 may not be looked at, the sysctls tell: some exist in the initial network
 * namespace only, others in each.
 */
bool in_initial_netns(void)
{
	struct stat mine, first;

	if (stat("/proc/self/ns/net", &mine) == 0 && stat("/proc/1/ns/net", &first) == 0)
		return mine.st_ino == first.st_ino && mine.st_dev == first.st_dev;
	return access("/proc/sys/net/core/somaxconn", F_OK) != 0 ||
	       access("/proc/sys/net/core/netdev_max_backlog", F_OK) == 0;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->sa;

	if (e->sa.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

void refuse_strangers(const struct endpoint *dst, const struct endpoint *from, bool owned)
{
	if (owned || !in_initial_netns())
		return;
	if (endpoint_is_loopback(dst) && from && endpoint_is_loopback(from))
		return;
	die("will not send forged packets here, they or their answers might leave this machine: run "
	    "it in a network namespace of its own ('ip netns exec'), or add --yes-i-own-this");
}

int connect_again(int fd, const struct endpoint *to, bool one_port, uint64_t *start_us)
{
	int rc = connect(fd, (const struct sockaddr *)&to->sa, to->len);

	for (int i = 0; rc && errno == EADDRNOTAVAIL && one_port && i < 500; i++) {
		usleep(200);
		*start_us = now_us();
		rc = connect(fd, (const struct sockaddr *)&to->sa, to->len);
	}
	return rc;
}
