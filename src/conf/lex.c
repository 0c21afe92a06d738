/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/lex.h"

#include <string.h>

#define VARIABLES "environment variables are not expanded, write the value itself"

void conf_lex_init(struct conf_lex *lex, const char *text, size_t len, struct conf_errors *errors)
{
	*lex = (struct conf_lex){.p = text, .end = text + len, .line = 1, .errors = errors};
}

static bool starts_with(const struct conf_lex *lex, const char *what)
{
	size_t n = strlen(what);

	return (size_t)(lex->end - lex->p) >= n && memcmp(lex->p, what, n) == 0;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* is_word() - may @c stand in a word without quotes? The set is libconfuse's. */
static bool is_word(char c)
{
	return !is_control(c) && strchr(" #\"'={}()+,*", c) == NULL;
}

static bool is_sign(char c)
{
	return c != '\0' && strchr("\"'{}=,", c) != NULL;
}

static void skip_line(struct conf_lex *lex)
{
	while (lex->p < lex->end && *lex->p != '\n')
		lex->p++;
}

static void skip_block_comment(struct conf_lex *lex)
{
	int line = lex->line;

	for (lex->p += 2; lex->p < lex->end; lex->p++) {
		if (starts_with(lex, "*/")) {
			lex->p += 2;
			return;
		}
		lex->line += *lex->p == '\n';
	}
	conf_error_add(lex->errors, line, "the comment is never closed, end it with */");
}

static void skip_stray(struct conf_lex *lex)
{
	unsigned char c = (unsigned char)*lex->p++;

	if (!is_control((char)c)) {
		conf_error_add(lex->errors, lex->line,
			       "unexpected \"%c\", remove it or put the text in quotes", c);
	} else if (!lex->binary) {
		conf_error_add(lex->errors, lex->line,
			       "byte 0x%02x does not belong into a text file, remove it", c);
		lex->binary = true;
	}
}

/* skip_blank() - step over everything that is no token. */
static void skip_blank(struct conf_lex *lex)
{
	while (lex->p < lex->end) {
		if (*lex->p == '#' || starts_with(lex, "//")) {
			skip_line(lex);
		} else if (starts_with(lex, "/*")) {
			skip_block_comment(lex);
		} else if (*lex->p == '\n' || *lex->p == ' ' || *lex->p == '\t' ||
			   *lex->p == '\r') {
			lex->line += *lex->p == '\n';
			lex->p++;
		} else if (is_word(*lex->p) || is_sign(*lex->p) || starts_with(lex, "+=")) {
			return;
		} else {
			skip_stray(lex);
		}
	}
}

/*
 * take_string() - from quote to quote. Escapes and variables, which libconfuse would expand, have no
 * use here, and a string that runs over the end of its line lacks its quote.
 */
static void take_string(struct conf_lex *lex, struct conf_token *t)
{
	const char *what = NULL;
	char quote = *lex->p++;

	t->kind = CONF_TOKEN_STRING;
	while (lex->p < lex->end && *lex->p != quote && *lex->p != '\n') {
		if (*lex->p == '\\')
			what = "backslashes have no meaning here, leave them out";
		else if (starts_with(lex, "${"))
			what = VARIABLES;
		else if (is_control(*lex->p))
			what = "the string has a control character in it, remove it";
		if (what != NULL && !t->bad) {
			conf_error_add(lex->errors, lex->line, "%s", what);
			t->bad = true;
		}
		lex->p++;
	}
	if (lex->p < lex->end && *lex->p == quote) {
		lex->p++;
		return;
	}
	conf_error_add(lex->errors, lex->line, "the string is not closed, add a %c at its end",
		       quote);
	t->bad = true;
}

static void take_word(struct conf_lex *lex, struct conf_token *t)
{
	t->kind = CONF_TOKEN_WORD;
	while (lex->p < lex->end && is_word(*lex->p) && !starts_with(lex, "//") &&
	       !starts_with(lex, "/*") && !starts_with(lex, "${"))
		lex->p++;
}

/* take_variable() - "${NAME}" outside of a string: no value, but in the place of one. */
static void take_variable(struct conf_lex *lex, struct conf_token *t)
{
	conf_error_add(lex->errors, lex->line, VARIABLES);
	t->kind = CONF_TOKEN_WORD;
	t->bad = true;
	while (lex->p < lex->end && *lex->p != '\n' && *lex->p != '}')
		lex->p++;
	lex->p += lex->p < lex->end && *lex->p == '}';
}

struct conf_token conf_lex_next(struct conf_lex *lex)
{
	struct conf_token t = {.kind = CONF_TOKEN_END};

	skip_blank(lex);
	t.line = lex->line;
	t.text = lex->p;
	if (lex->p == lex->end)
		return t;
	switch (*lex->p) {
	case '"':
	case '\'':
		take_string(lex, &t);
		break;
	case '{':
		t.kind = CONF_TOKEN_OPEN;
		lex->p++;
		break;
	case '}':
		t.kind = CONF_TOKEN_CLOSE;
		lex->p++;
		break;
	case '=':
		t.kind = CONF_TOKEN_EQUAL;
		lex->p++;
		break;
	case ',':
		t.kind = CONF_TOKEN_COMMA;
		lex->p++;
		break;
	case '+':
		t.kind = CONF_TOKEN_APPEND;
		lex->p += 2;
		break;
	default:
		if (starts_with(lex, "${"))
			take_variable(lex, &t);
		else
			take_word(lex, &t);
	}
	t.len = (size_t)(lex->p - t.text);
	return t;
}
