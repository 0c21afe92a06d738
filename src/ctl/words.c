/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl/words.h"

#include <errno.h>
#include <stdio.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_text(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_blank(line[i]) && (line[i] < 0x21 || line[i] > 0x7e))
			return false;
	return true;
}

/*
 * take_word() - copy the word at @p to @to, quotes removed; a tab between them becomes a space, for answers
 * repeat words and are printable. Return: where it ends, NULL if never.
 */
static const char *take_word(const char *p, const char *end, char **to)
{
	bool quoted = false;

	for (; p < end && (quoted || !is_blank(*p)); p++) {
		if (*p == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *p == '\\' && ++p == end)
			return NULL;
		*(*to)++ = *p == '\t' ? ' ' : *p;
	}
	*(*to)++ = '\0';
	return quoted ? NULL : p;
}

int words_split(struct words *w, const char *line, size_t len, char *why, size_t why_len)
{
	const char *p = line, *end = line + len;
	char *to = w->text;

	w->n = 0;
	if (len > CTL_LINE_MAX) {
		snprintf(why, why_len, "the request is longer than %d bytes", CTL_LINE_MAX);
		return -EINVAL;
	}
	if (!is_text(line, len)) {
		snprintf(why, why_len, "the request is not a line of printable ASCII; try: help");
		return -EINVAL;
	}
	for (;;) {
		while (p < end && is_blank(*p))
			p++;
		if (p == end)
			return 0;
		if (w->n == CTL_WORDS_MAX) {
			snprintf(why, why_len, "the request has more than %d words", CTL_WORDS_MAX);
			return -EINVAL;
		}
		w->word[w->n++] = to;
		p = take_word(p, end, &to);
		if (!p) {
			snprintf(why, why_len, "a quote is not closed");
			return -EINVAL;
		}
	}
}
