/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a configuration file. What is refused is refused with reasons of the scanner's own;
 * what is accepted is printed and read again without a difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "tests/fuzz/fuzz.h"

struct text {
	char buf[1 << 20];
	size_t len;
	unsigned lines;
};

/* How errors end that libconfuse found, which are those that the scanner has missed. */
static const char missed[] = ", correct the syntax";

static void collect(void *arg, const char *line)
{
	struct text *t = arg;
	size_t n = strlen(line);

	if (n >= strlen(missed) && strcmp(line + n - strlen(missed), missed) == 0)
		abort();

	t->lines++;
	t->len += (size_t)snprintf(t->buf + t->len, sizeof(t->buf) - t->len, "%s\n", line);
	if (t->len >= sizeof(t->buf) - CONF_LINE_MAX || strchr(line, '\n') != NULL)
		abort();
}

static void check_round_trip(const struct conf *c)
{
	static struct text shown, errors;
	struct conf *again;

	shown.len = errors.len = 0;
	conf_show(c, collect, &shown);
	if (conf_parse(shown.buf, shown.len, "fuzz", &again, collect, &errors) != 0)
		abort();
	if (memcmp(c, again, sizeof(*c)) != 0)
		abort();
	conf_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct text errors;
	struct conf *c;
	int ret;

	errors.len = errors.lines = 0;
	ret = conf_parse((const char *)data, size, "fuzz", &c, collect, &errors);
	if ((ret == 0) != (c != NULL) || (ret == 0) != (errors.lines == 0))
		abort();
	if (ret == 0)
		check_round_trip(c);
	conf_free(c);
	return 0;
}
