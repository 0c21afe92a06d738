/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as text for people, and for netstat's readers. Pure. */
#ifndef TCPGUARD_TCPGUARDCTL_TEXT_H
#define TCPGUARD_TCPGUARDCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_NUMBER_MAX 32 /* of the number and duration functions */

/* text_clean() - @from into @to, what a terminal might obey replaced by '?'. Return: @to. */
char *text_clean(char *to, size_t size, const char *from);

/* text_width() - places that @s takes on a terminal: its characters, not its bytes. */
size_t text_width(const char *s);

/* text_exact() - "1,234,567". */
const char *text_exact(uint64_t n, char buf[TEXT_NUMBER_MAX]);

/* text_count() - "1.2M", decimal; below 1000 the number itself. */
const char *text_count(uint64_t n, char buf[TEXT_NUMBER_MAX]);

/* text_time() - local time, "2026-11-21 05:55:03", with @exact ".042" behind it; empty if @unix_ms < 0. */
#define TEXT_TIME_MAX 40
const char *text_time(int64_t unix_ms, bool exact, char buf[TEXT_TIME_MAX]);

/* text_bytes() - "1.2 MiB", binary; below 1024 "17 B". */
const char *text_bytes(uint64_t n, char buf[TEXT_NUMBER_MAX]);

/* text_duration() - "350ms", "12.3s", "5m12s", "2h13m", "3d4h". */
const char *text_duration(uint64_t ms, char buf[TEXT_NUMBER_MAX]);

#define NETSTAT_HEADER                                            \
	"Active Internet connections (servers and established)\n" \
	"Proto Recv-Q Send-Q Local Address           Foreign Address         State      \n"

/*
 * text_netstat() - one line as `netstat -natW` prints it, with its line feed.
 * @local, @foreign: "192.0.2.1:80" or "[2001:db8::1]:80"; netstat knows no brackets.
 * Return: as snprintf().
 */
int text_netstat(char *buf, size_t size, const char *proto, int64_t recv_q, int64_t send_q,
		 const char *local, const char *foreign, const char *state);

#endif
