/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/state.h"

#include <errno.h>

/* Entries are the next state plus one; zero means that the event changes nothing. */
static const uint8_t moves[TCPS_COUNT][TCP_EVENT_COUNT] = {
#define MOVE(state, event, next) [TCPS_##state][TCP_EV_##event] = TCPS_##next + 1,
#include "core/state.def"
#undef MOVE
};

static const char *const names[TCPS_COUNT] = {
#define STATE(name, netstat) netstat,
#include "core/state.def"
#undef STATE
};

static const char *const rfc_names[TCPS_COUNT] = {
#define STATE(name, netstat) #name,
#include "core/state.def"
#undef STATE
};

enum tcp_state tcp_state_next(enum tcp_state state, enum tcp_event event)
{
	uint8_t next = moves[state][event];

	return next ? (enum tcp_state)(next - 1) : state;
}

const char *tcp_state_name(enum tcp_state state)
{
	return state < TCPS_COUNT ? names[state] : "UNKNOWN";
}

/* same_word() - equal but for case, and for '-' and '_'. */
static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : *a >= 'a' && *a <= 'z' ? (char)(*a - 'a' + 'A') : *a;

		if (x != *b)
			return false;
	}
	return *a == *b;
}

int tcp_state_parse(const char *text)
{
	for (int i = 0; i < TCPS_COUNT; i++) {
		if (same_word(text, names[i]) || same_word(text, rfc_names[i]))
			return i;
	}
	return -EINVAL;
}
