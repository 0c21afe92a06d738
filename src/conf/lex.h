/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words, strings and signs of the configuration file, and the lines they stand on. */
#ifndef TCPGUARD_CONF_LEX_H
#define TCPGUARD_CONF_LEX_H

#include "conf/report.h"

enum conf_token_kind {
	CONF_TOKEN_END,
	CONF_TOKEN_WORD,
	CONF_TOKEN_STRING,
	CONF_TOKEN_OPEN,
	CONF_TOKEN_CLOSE,
	CONF_TOKEN_EQUAL,
	CONF_TOKEN_APPEND,
	CONF_TOKEN_COMMA,
};

struct conf_token {
	enum conf_token_kind kind;
	int line;
	bool bad; /* already reported: use it for its place only */
	const char *text; /* with its quotes; borrowed from the file's text */
	size_t len;
};

struct conf_lex {
	const char *p, *end;
	int line;
	bool binary; /* reported already */
	struct conf_errors *errors;
};

void conf_lex_init(struct conf_lex *lex, const char *text, size_t len, struct conf_errors *errors);

/* conf_lex_next() - the next token; what cannot be one is reported and skipped. */
struct conf_token conf_lex_next(struct conf_lex *lex);

#endif
