/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tcpguardctl/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* obeyed_bytes() - length of the character at @s if terminals obey it instead of showing it. */
static size_t obeyed_bytes(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return 2; /* C1 control characters */
	if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xaa && s[2] <= 0xae)
		return 3; /* writing direction */
	if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
		return 3;
	return 0;
}

char *text_clean(char *to, size_t size, const char *from)
{
	const unsigned char *s = (const unsigned char *)from;
	size_t n = 0;

	while (*s && n + 1 < size) {
		size_t bad = obeyed_bytes(s);

		to[n++] = bad ? '?' : (char)*s;
		s += bad ? bad : 1;
	}
	to[n] = '\0';
	return to;
}

size_t text_width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

const char *text_exact(uint64_t n, char buf[TEXT_NUMBER_MAX])
{
	char digits[TEXT_NUMBER_MAX];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *to = buf;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return buf;
}

/* scaled() - @n in the largest unit that leaves at least 1, one decimal while below 10. */
static const char *scaled(uint64_t n, uint64_t base, const char *const units[], char *buf)
{
	uint64_t unit = 1, tenths;
	int u = 0;

	while (n / unit >= base && units[u + 1]) {
		unit *= base;
		u++;
	}
	tenths = (uint64_t)((__extension__(unsigned __int128) n * 10) / unit);
	if (u > 0 && tenths < 100)
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10,
			 tenths % 10, units[u]);
	else
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 "%s", tenths / 10, units[u]);
	return buf;
}

const char *text_count(uint64_t n, char buf[TEXT_NUMBER_MAX])
{
	static const char *const units[] = {"", "k", "M", "G", "T", NULL};

	return scaled(n, 1000, units, buf);
}

const char *text_bytes(uint64_t n, char buf[TEXT_NUMBER_MAX])
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", NULL};

	return scaled(n, 1024, units, buf);
}

const char *text_time(int64_t unix_ms, bool exact, char buf[TEXT_TIME_MAX])
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm tm;
	size_t len;

	buf[0] = '\0';
	if (unix_ms < 0 || !localtime_r(&seconds, &tm))
		return buf;
	len = strftime(buf, TEXT_TIME_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	if (exact)
		snprintf(buf + len, TEXT_TIME_MAX - len, ".%03d", (int)(unix_ms % 1000));
	return buf;
}

const char *text_duration(uint64_t ms, char buf[TEXT_NUMBER_MAX])
{
	uint64_t s = ms / 1000, m = s / 60, h = m / 60;

	if (ms < 1000)
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 "ms", ms);
	else if (s < 60)
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
	else if (m < 60)
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 "m%" PRIu64 "s", m, s % 60);
	else if (h < 24)
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 "h%" PRIu64 "m", h, m % 60);
	else
		snprintf(buf, TEXT_NUMBER_MAX, "%" PRIu64 "d%" PRIu64 "h", h / 24, h % 24);
	return buf;
}

/* without_brackets() - netstat writes 2001:db8::1:80. */
static void without_brackets(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < size; from++)
		if (*from != '[' && *from != ']')
			to[n++] = *from;
	to[n] = '\0';
}

int text_netstat(char *buf, size_t size, const char *proto, int64_t recv_q, int64_t send_q,
		 const char *local, const char *foreign, const char *state)
{
	char l[96], f[96];

	without_brackets(l, sizeof(l), local);
	without_brackets(f, sizeof(f), foreign);
	return snprintf(buf, size, "%-4s  %6" PRId64 " %6" PRId64 " %-23s %-23s %-11s\n", proto,
			recv_q, send_q, l, f, state);
}
