/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void collect(void *arg, const char *line)
{
	struct text *t = arg;
	size_t n = strlen(line);

	ck_assert_uint_lt(n, CONF_LINE_MAX);
	ck_assert_ptr_null(strchr(line, '\n'));
	t->buf = realloc(t->buf, t->len + n + 2);
	memcpy(t->buf + t->len, line, n);
	strcpy(t->buf + t->len + n, "\n");
	t->len += n + 1;
	t->lines++;
}

struct conf *load(const char *text)
{
	struct text errors = {0};
	struct conf *c;
	int ret = conf_parse(text, strlen(text), "f", &c, collect, &errors);

	ck_assert_msg(ret == 0, "%s", errors.buf);
	ck_assert_ptr_null(errors.buf);
	return c;
}

char *errors_of(const char *text)
{
	struct text errors = {0};
	struct conf *c = (struct conf *)text;

	ck_assert_int_eq(conf_parse(text, strlen(text), "f", &c, collect, &errors), -EINVAL);
	ck_assert_ptr_null(c);
	ck_assert_ptr_nonnull(errors.buf);
	return errors.buf;
}

void refused(const char *text, const char *expected)
{
	char *errors = errors_of(text);

	ck_assert_str_eq(errors, expected);
	free(errors);
}

void round_trip(const char *text)
{
	struct text first = {0}, second = {0};
	struct conf *c = load(text), *again;

	conf_show(c, collect, &first);
	again = load(first.buf);
	conf_show(again, collect, &second);
	ck_assert_str_eq(first.buf, second.buf);
	ck_assert_mem_eq(&c->guard, &again->guard, sizeof(c->guard));
	ck_assert_mem_eq(c, again, sizeof(*c));
	free(first.buf);
	free(second.buf);
	conf_free(c);
	conf_free(again);
}
