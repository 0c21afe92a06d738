/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/json.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP  4096
#define U64_DIGITS 20

void jw_free(struct jw *j)
{
	free(j->data);
	*j = (struct jw){0};
}

void jw_clear(struct jw *j)
{
	j->len = 0;
	j->comma = false;
	j->failed = false;
}

/* reserve() - make room for @n more bytes. Return: false when there is no memory. */
static bool reserve(struct jw *j, size_t n)
{
	size_t cap = j->cap ? j->cap : FIRST_CAP;
	char *data;

	if (j->failed)
		return false;
	if (j->cap - j->len >= n)
		return true;
	while (cap - j->len < n)
		cap *= 2;
	data = realloc(j->data, cap);
	if (!data) {
		j->failed = true;
		return false;
	}
	j->data = data;
	j->cap = cap;
	return true;
}

void jw_raw(struct jw *j, const char *text, size_t len)
{
	if (!reserve(j, len))
		return;
	memcpy(j->data + j->len, text, len);
	j->len += len;
}

static void put(struct jw *j, char c)
{
	if (reserve(j, 1))
		j->data[j->len++] = c;
}

/* name() - the comma and the key that come before a value. */
static void name(struct jw *j, const char *key)
{
	size_t len = key ? strlen(key) : 0;
	char *p;

	if (!reserve(j, len + 4))
		return;
	p = j->data + j->len;
	if (j->comma)
		*p++ = ',';
	if (key) {
		*p++ = '"';
		p = mempcpy(p, key, len);
		*p++ = '"';
		*p++ = ':';
	}
	j->len = p - j->data;
	j->comma = true;
}

/* utf8_len() - bytes of the well-formed character at @s, 0 if it is none (RFC 3629). */
static unsigned utf8_len(const unsigned char *s)
{
	unsigned n = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (s[0] == 0xe0 && s[1] < 0xa0)
		return 0; /* longer than need be */
	if (s[0] == 0xed && s[1] >= 0xa0)
		return 0; /* half of a surrogate pair */
	if (s[0] == 0xf0 && s[1] < 0x90)
		return 0;
	if (s[0] == 0xf4 && s[1] >= 0x90)
		return 0; /* beyond U+10FFFF */
	return n;
}

/* escape() - the character at @s as it must stand in a string. Return: bytes of @s used. */
static unsigned escape(struct jw *j, const unsigned char *s)
{
	static const char hex[] = "0123456789abcdef";
	unsigned n = utf8_len(s);

	if (n == 0) {
		jw_raw(j, "\\ufffd", 6);
		return 1;
	}
	if (*s == '"' || *s == '\\') {
		char pair[2] = {'\\', (char)*s};

		jw_raw(j, pair, 2);
	} else if (*s < 0x20 || *s == 0x7f) {
		char code[6] = {'\\', 'u', '0', '0', hex[*s >> 4], hex[*s & 15]};

		jw_raw(j, code, 6);
	} else {
		jw_raw(j, (const char *)s, n);
	}
	return n;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void jw_str(struct jw *j, const char *key, const char *value)
{
	const unsigned char *s = (const unsigned char *)value, *plain = s;

	if (!value) {
		jw_null(j, key);
		return;
	}
	name(j, key);
	put(j, '"');
	while (*s) {
		if (is_plain(*s)) {
			s++;
			continue;
		}
		jw_raw(j, (const char *)plain, s - plain);
		s += escape(j, s);
		plain = s;
	}
	jw_raw(j, (const char *)plain, s - plain);
	put(j, '"');
}

void jw_u64(struct jw *j, const char *key, uint64_t value)
{
	char digits[U64_DIGITS], *p = digits + sizeof(digits);

	do {
		*--p = '0' + value % 10;
		value /= 10;
	} while (value);
	name(j, key);
	jw_raw(j, p, digits + sizeof(digits) - p);
}

void jw_i64(struct jw *j, const char *key, int64_t value)
{
	if (value >= 0) {
		jw_u64(j, key, value);
		return;
	}
	name(j, key);
	put(j, '-');
	j->comma = false;
	jw_u64(j, NULL, -(uint64_t)value);
}

void jw_bool(struct jw *j, const char *key, bool value)
{
	name(j, key);
	jw_raw(j, value ? "true" : "false", value ? 4 : 5);
}

void jw_null(struct jw *j, const char *key)
{
	name(j, key);
	jw_raw(j, "null", 4);
}

static void open_with(struct jw *j, const char *key, char bracket)
{
	name(j, key);
	put(j, bracket);
	j->comma = false;
}

static void close_with(struct jw *j, char bracket)
{
	put(j, bracket);
	j->comma = true;
}

void jw_array_begin(struct jw *j, const char *key)
{
	open_with(j, key, '[');
}

void jw_array_end(struct jw *j)
{
	close_with(j, ']');
}

void jw_object_begin(struct jw *j, const char *key)
{
	open_with(j, key, '{');
}

void jw_object_end(struct jw *j)
{
	close_with(j, '}');
}

void jw_row_begin(struct jw *j)
{
	j->comma = false;
	jw_object_begin(j, NULL);
}

void jw_row_end(struct jw *j)
{
	jw_raw(j, "}\n", 2);
	j->comma = false;
}
