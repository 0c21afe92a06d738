/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file      := statement*
 * statement := NAME "=" value | NAME ("=" | "+=") "{" [value ("," value)*] "}"
 *            | NAME [title] "{" statement* "}"
 *
 * Recovery: after an error the rest of the statement is skipped, up to the end of its braces. A
 * misspelt name is taken for the one it resembles, so that errors behind it are found, too.
 */
#include "conf/scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/lex.h"
#include "conf/schema.h"

struct scan {
	struct conf_lex lex;
	struct conf_token tok, ahead;
	struct conf_scan_result *result;
	struct conf_errors *errors;
	FILE *out;
	int out_line;
	uint32_t mute; /* > 0: write nothing out */
	bool excess; /* too many services: reported already */
};

/* Which options of a block have been given, and where; one for each block. */
struct seen {
	int line[CONF_OPTIONS_MAX];
};

static void scan_block(struct scan *s, enum conf_section section);

#define QUOTED(token) \
	(int)((token).len < CONF_QUOTE_MAX ? (token).len : CONF_QUOTE_MAX), (token).text

static void advance(struct scan *s)
{
	s->tok = s->ahead;
	s->ahead = conf_lex_next(&s->lex);
}

static bool at(const struct scan *s, enum conf_token_kind kind)
{
	return s->tok.kind == kind;
}

static bool at_value(const struct scan *s)
{
	return at(s, CONF_TOKEN_WORD) || at(s, CONF_TOKEN_STRING);
}

static bool at_assignment(const struct scan *s)
{
	return at(s, CONF_TOKEN_EQUAL) || at(s, CONF_TOKEN_APPEND);
}

/* begins_statement() - is the token ahead one that makes the current word an option's name? */
static bool begins_statement(const struct scan *s)
{
	return at(s, CONF_TOKEN_WORD) &&
	       (s->ahead.kind == CONF_TOKEN_EQUAL || s->ahead.kind == CONF_TOKEN_APPEND ||
		s->ahead.kind == CONF_TOKEN_OPEN);
}

/* begins_service() - service "web" */
static bool begins_service(const struct scan *s)
{
	return at(s, CONF_TOKEN_WORD) && s->ahead.kind == CONF_TOKEN_STRING;
}

/* emit() - write @n bytes out on line @line. Lines never run backwards. */
static void emit(struct scan *s, int line, const char *text, size_t n)
{
	if (s->mute > 0)
		return;
	for (; s->out_line < line; s->out_line++)
		fputc('\n', s->out);
	fwrite(text, 1, n, s->out);
	fputc(' ', s->out);
}

static void emit_text(struct scan *s, int line, const char *text)
{
	emit(s, line, text, strlen(text));
}

static void emit_token(struct scan *s)
{
	emit(s, s->tok.line, s->tok.text, s->tok.len);
}

/* skip_group() - from "{" to the "}" that belongs to it. */
static void skip_group(struct scan *s)
{
	uint32_t depth = 0;

	do {
		if (at(s, CONF_TOKEN_OPEN))
			depth++;
		else if (at(s, CONF_TOKEN_CLOSE))
			depth--;
		advance(s);
	} while (depth > 0 && !at(s, CONF_TOKEN_END));
}

/* skip_rest() - of a statement whose name stood on @line. */
static void skip_rest(struct scan *s, int line)
{
	bool assigned = at_assignment(s);

	if (assigned)
		advance(s);
	if (at_value(s) && (assigned || s->tok.line == line) && !begins_statement(s))
		advance(s);
	else if (at_value(s) && s->tok.line == line && s->ahead.kind == CONF_TOKEN_OPEN)
		advance(s); /* a title */
	if (at(s, CONF_TOKEN_OPEN))
		skip_group(s);
}

/* note_listen() - remember that the current service has a listen statement. */
static void note_listen(struct scan *s, const struct conf_option *o)
{
	if (o->kind == CONF_KIND_LISTEN && s->result->n_services > 0)
		s->result->service[s->result->n_services - 1].listen = true;
}

/* option_unknown() - report it; return the option that was meant if that fits what follows. */
static const struct conf_option *option_unknown(struct scan *s, enum conf_section section,
						const struct conf_token *name, const char *text)
{
	const struct conf_option *meant = conf_option_closest(section, text);
	const struct conf_option *other = conf_option_elsewhere(section, text);
	const char *here = conf_section_name(section);

	if (other != NULL && other->section == CONF_ROOT) {
		conf_error_add(s->errors, name->line,
			       "\"%s\" does not belong into \"%s\", write it outside of all braces",
			       text, here);
		return NULL;
	}
	if (other != NULL) {
		conf_error_add(s->errors, name->line,
			       "\"%s\" does not belong here, write it in %s { }", text,
			       conf_section_name(other->section));
		return NULL;
	}
	if (meant == NULL) {
		conf_error_add(s->errors, name->line,
			       "unknown option \"%.*s\", remove it or see tcpguard.conf(5)",
			       QUOTED(*name));
		return NULL;
	}
	conf_error_add(s->errors, name->line, "unknown option \"%.*s\", did you mean \"%s\"?",
		       QUOTED(*name), meant->name);
	note_listen(s, meant);
	return (meant->kind == CONF_KIND_SECTION) == !at_assignment(s) ? meant : NULL;
}

static const char *example(const struct conf_option *o)
{
	return o->kind == CONF_KIND_LISTEN ? "192.0.2.10:80" : "203.0.113.0/24";
}

/* scan_list() - behind the "{" of a list of values; @line is that of the list's name. */
static void scan_list(struct scan *s, const struct conf_option *o, int line)
{
	bool comma = true;

	if (at(s, CONF_TOKEN_CLOSE))
		conf_error_add(s->errors, line,
			       "the list of \"%s\" is empty, write an address like \"%s\"", o->name,
			       example(o));
	while (!at(s, CONF_TOKEN_CLOSE)) {
		if (at(s, CONF_TOKEN_END) || begins_statement(s)) {
			conf_error_add(s->errors, line,
				       "the list of \"%s\" is not closed, add a } at its end",
				       o->name);
			emit_text(s, s->out_line, "}");
			return;
		}
		if (at_value(s)) {
			if (!comma) {
				conf_error_add(s->errors, s->tok.line,
					       "a comma is missing before %.*s, add it",
					       QUOTED(s->tok));
				emit_text(s, s->tok.line, ",");
			}
			if (s->tok.bad)
				emit_text(s, s->tok.line, "\"" CONF_SCAN_REPORTED "\"");
			else
				emit_token(s);
			comma = false;
		} else if (at(s, CONF_TOKEN_COMMA) && !comma) {
			emit_token(s);
			comma = true;
		} else {
			conf_error_add(s->errors, s->tok.line,
				       "unexpected \"%.*s\" in the list of \"%s\", "
				       "remove it",
				       QUOTED(s->tok), o->name);
			if (at(s, CONF_TOKEN_OPEN)) {
				skip_group(s);
				continue;
			}
		}
		advance(s);
	}
	emit_token(s);
	advance(s);
}

/* scan_junk() - what still stands on the line behind a value. */
static void scan_junk(struct scan *s, const struct conf_option *o, int line)
{
	bool found = false;

	while (s->tok.line == line && !begins_statement(s) && !begins_service(s) &&
	       (at_value(s) || at(s, CONF_TOKEN_COMMA) || at_assignment(s))) {
		if (!found)
			conf_error_add(s->errors, line,
				       "unexpected %.*s behind the value of \"%s\", %s",
				       QUOTED(s->tok), o->name,
				       conf_option_is_list(o)
					       ? "write several values as { \"first\", \"second\" }"
					       : "remove it");
		found = true;
		advance(s);
	}
}

/* scan_value() - at the "=" behind the name of an option that takes a value. */
static void scan_value(struct scan *s, const struct conf_option *o, int line)
{
	const char *sign = at(s, CONF_TOKEN_APPEND) ? "+=" : "=";
	bool list = conf_option_is_list(o);
	char value[40] = "VALUE";

	if (list)
		snprintf(value, sizeof(value), "{ \"%s\" }", example(o));

	if (!at_assignment(s) || (at(s, CONF_TOKEN_APPEND) && !list)) {
		conf_error_add(s->errors, line, "\"%s\" lacks its \"=\", write %s = %s", o->name,
			       o->name, value);
		skip_rest(s, line);
		return;
	}
	advance(s);
	if (at(s, CONF_TOKEN_OPEN) && list) {
		emit_text(s, line, o->name);
		emit_text(s, line, sign);
		emit_token(s);
		advance(s);
		scan_list(s, o, line);
	} else if (at(s, CONF_TOKEN_OPEN)) {
		conf_error_add(s->errors, line, "\"%s\" takes one value, write it without braces",
			       o->name);
		skip_group(s);
	} else if (at_value(s) &&
		   (s->tok.line == line || !(begins_statement(s) || begins_service(s)))) {
		if (!s->tok.bad) {
			emit_text(s, line, o->name);
			emit_text(s, line, sign);
			emit_token(s);
		}
		line = s->tok.line;
		advance(s);
		scan_junk(s, o, line);
	} else {
		conf_error_add(s->errors, line, "\"%s\" has no value, write one behind the \"=\"",
			       o->name);
	}
}

/* scan_title() - the name of a service. Writes the service's index out instead. */
static void scan_title(struct scan *s, int line)
{
	struct conf_scan_service *svc;
	const char *text = s->tok.text;
	size_t n = s->tok.len;
	char title[16];

	if (s->result->n_services == GUARD_SERVICES_MAX) {
		if (at_value(s))
			advance(s);
		return;
	}
	svc = &s->result->service[s->result->n_services];
	svc->line = line;
	if (at_value(s)) {
		if (at(s, CONF_TOKEN_STRING)) {
			text++;
			n -= n >= 2 && !s->tok.bad ? 2 : 1;
		}
		n = n < sizeof(svc->name) - 1 ? n : sizeof(svc->name) - 1;
		memcpy(svc->name, text, n);
		svc->named = n > 0 && !s->tok.bad;
		advance(s);
	}
	if (!svc->named)
		conf_error_add(s->errors, line,
			       "the service has no name, write service \"web\" { ... }");
	snprintf(title, sizeof(title), "\"%u\"", s->result->n_services++);
	emit_text(s, line, title);
}

/* scan_section() - behind the name of an option that opens a block. */
static void scan_section(struct scan *s, const struct conf_option *o, int line)
{
	const char *title = o->opens == CONF_SERVICE ? " \"web\"" : "";
	bool excess = o->opens == CONF_SERVICE && s->result->n_services == GUARD_SERVICES_MAX;

	if (excess && !s->excess)
		conf_error_add(s->errors, line,
			       "too many services, there may be %u: give one service "
			       "several listen addresses",
			       GUARD_SERVICES_MAX);
	s->excess |= excess;
	s->mute += excess;
	emit_text(s, line, o->name);
	if (o->opens == CONF_SERVICE) {
		scan_title(s, line);
	} else if (at_value(s) && s->ahead.kind == CONF_TOKEN_OPEN) {
		conf_error_add(s->errors, line, "\"%s\" takes no name, write %s { ... }", o->name,
			       o->name);
		advance(s);
	}
	if (at(s, CONF_TOKEN_EQUAL) && s->ahead.kind == CONF_TOKEN_OPEN) {
		conf_error_add(s->errors, line, "\"%s\" takes no \"=\", write %s%s { ... }",
			       o->name, o->name, title);
		advance(s);
	}
	if (!at(s, CONF_TOKEN_OPEN)) {
		conf_error_add(s->errors, line, "\"%s\" lacks its braces, write %s%s { ... }",
			       o->name, o->name, title);
		skip_rest(s, line);
		emit_text(s, line, "{");
	} else {
		emit_token(s);
		advance(s);
		scan_block(s, o->opens);
		if (at(s, CONF_TOKEN_CLOSE))
			advance(s);
		else
			conf_error_add(s->errors, line,
				       "the { of \"%s\" is not closed, add a } where it ends",
				       o->name);
	}
	emit_text(s, s->out_line, "}");
	s->mute -= excess;
}

/* scan_twice() - report an option that this block has already. */
static bool scan_twice(struct scan *s, const struct conf_option *o, struct seen *seen, int line)
{
	int *first = &seen->line[o - conf_options];

	if (o->opens == CONF_SERVICE)
		return false;
	if (*first != 0 && !at(s, CONF_TOKEN_APPEND)) {
		conf_error_add(s->errors, line,
			       "\"%s\" is here twice (first on line %d), keep one of them", o->name,
			       *first);
		return true;
	}
	if (*first == 0)
		*first = line;
	return false;
}

static void scan_statement(struct scan *s, enum conf_section section, struct seen *seen)
{
	struct conf_token name = s->tok;
	char text[CONF_QUOTE_MAX + 1];
	const struct conf_option *o;
	bool twice;

	snprintf(text, sizeof(text), "%.*s", QUOTED(name));
	o = conf_option_find(section, text);
	advance(s);
	if (o == NULL && !name.bad)
		o = option_unknown(s, section, &name, text);
	if (o == NULL) {
		skip_rest(s, name.line);
		return;
	}
	note_listen(s, o);
	twice = scan_twice(s, o, seen, name.line);
	s->mute += twice;
	if (o->kind == CONF_KIND_SECTION)
		scan_section(s, o, name.line);
	else
		scan_value(s, o, name.line);
	s->mute -= twice;
}

/* scan_block() - statements up to a "}", which is left, or the end of the file. */
static void scan_block(struct scan *s, enum conf_section section)
{
	struct seen seen = {0};

	while (!at(s, CONF_TOKEN_CLOSE) && !at(s, CONF_TOKEN_END)) {
		if (at(s, CONF_TOKEN_WORD)) {
			scan_statement(s, section, &seen);
			continue;
		}
		conf_error_add(s->errors, s->tok.line,
			       "unexpected %.*s, an option's name should stand here",
			       QUOTED(s->tok));
		if (at(s, CONF_TOKEN_OPEN))
			skip_group(s);
		else
			advance(s);
	}
}

static void scan_file(struct scan *s)
{
	advance(s);
	advance(s);
	scan_block(s, CONF_ROOT);
	while (!at(s, CONF_TOKEN_END)) {
		conf_error_add(s->errors, s->tok.line,
			       "unexpected }, remove it or look for a missing { above");
		advance(s);
		scan_block(s, CONF_ROOT);
	}
}

int conf_scan(const char *text, size_t len, struct conf_scan_result *result,
	      struct conf_errors *errors)
{
	struct scan s = {.result = result, .errors = errors, .out_line = 1};
	bool failed;

	memset(result, 0, sizeof(*result));
	s.out = open_memstream(&result->text, &result->len);
	if (s.out == NULL)
		return -ENOMEM;
	conf_lex_init(&s.lex, text, len, errors);
	scan_file(&s);
	failed = ferror(s.out) != 0;
	if (fclose(s.out) != 0 || failed) {
		free(result->text);
		result->text = NULL;
		return -ENOMEM;
	}
	return 0;
}
