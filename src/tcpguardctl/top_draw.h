/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The screen of `top`: where everything stands at which size. Needs curses to be running. */
#ifndef TCPGUARD_TCPGUARDCTL_TOP_DRAW_H
#define TCPGUARD_TCPGUARDCTL_TOP_DRAW_H

#include "tcpguardctl/top_model.h"

struct top_screen {
	bool utf8, colour; /* what the terminal can show */
	const char *trouble; /* why there is nothing new; empty: all is well */
	uint64_t age_ms; /* of what is in the model */
	const char *interval; /* as it was given, for the last line */
	char selected[TOP_NAME_MAX]; /* service whose details are shown; empty: the worst */
	int scrolled; /* services above the first one shown */
};

/* top_draw_init() - after curses began. */
void top_draw_init(struct top_screen *s);

/* top_draw() - the whole screen. */
void top_draw(struct top_screen *s, const struct top_model *m);

/* top_draw_select() - let the selection go by @by services; from one end to the other with @wrap. */
void top_draw_select(struct top_screen *s, const struct top_model *m, int by, bool wrap);

#endif
