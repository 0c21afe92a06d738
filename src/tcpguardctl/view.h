/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people see of each command's rows. */
#ifndef TCPGUARD_TCPGUARDCTL_VIEW_H
#define TCPGUARD_TCPGUARDCTL_VIEW_H

#include <jansson.h>
#include <stdint.h>

#include "tcpguardctl/table.h"

struct screen {
	bool colour; /* stdout is a terminal that shows bold */
	unsigned long long rows;
	struct table table;
};

struct view {
	const char *command;
	const char *args; /* for --help */
	const char *what;
	int min, max; /* words behind the command */
	const char *const *titles; /* of the table that @row fills; NULL: none */
	const char *header; /* printed first; NULL: nothing */
	void (*row)(struct screen *s, const json_t *row);
	const struct view *one; /* instead, when a number is asked for; NULL: the same */
	bool local; /* not a question to the daemon at all: doctor/doctor.h */
	bool live; /* no request with a reply, but a screen of its own: tcpguardctl/top.h */
};

/* view_find() - NULL if there is no such command. */
const struct view *view_find(const char *command);

/* view_choose() - the view for a request with these words behind the command. */
const struct view *view_choose(const struct view *v, int n, char *const words[]);

/* view_at() - the view @i, in the order of --help; NULL after the last. */
const struct view *view_at(int i);

int view_begin(const struct view *v, struct screen *s);
void view_row(const struct view *v, struct screen *s, const json_t *row);

/* view_end() - @complete: show the header even without rows, for that is the answer then. */
void view_end(const struct view *v, struct screen *s, bool complete);

/* For the views: members that are missing or of another type read as "" and 0. */
const char *row_str(const json_t *row, const char *key);
uint64_t row_u64(const json_t *row, const char *key);

/* view_status.c */
void view_status_row(struct screen *s, const json_t *row);
void view_stats_row(struct screen *s, const json_t *row);

/* view_attacks.c */
extern const char *const view_attacks_titles[];
void view_attacks_row(struct screen *s, const json_t *row);
void view_attack_row(struct screen *s, const json_t *row); /* in full */

/* view_events.c */
void view_event_row(struct screen *s, const json_t *row);

/* screen_print() - print @text, bold if @bold and the terminal can; cleaned. */
void screen_print(const struct screen *s, const char *text, bool bold);

#endif
